"""Tests of the virtual laboratory as data: what is given, and when blood is drawn."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mtorsim.errors import SetError, did_you_mean, spoken

__all__ = ["PROTOCOLS", "Given", "OptionError", "Protocol", "needs", "protocol", "without_body"]


PMOL_PER_UNIT = 6000.0
"""pmol in 1 U of insulin: 1 uU/mL is 6 pmol/L."""


MOST_STEPS = 12
"""Of a clamp."""

BODY = "glucose_insulin"


class OptionError(SetError):
    """An option of a test is wrong.

    Parameters
    ----------
    option
        Which.
    message, help
        As of every error.
    """

    def __init__(self, option: str, message: str, help: str | None = None) -> None:
        super().__init__(message, help=help)
        self.option = option


@dataclass(frozen=True)
class Given:
    """Something given at a time: minutes from the start, a route of `glucose_insulin`, its own unit.

    Attributes
    ----------
    over
        Minutes it lasts, 0 for at once.
    """

    minute: float
    route: str
    amount: float
    over: float = 0.0


@dataclass(frozen=True)
class Protocol:
    """A test.

    Attributes
    ----------
    name, about
        What it is called, and one line.
    minutes
        When blood is drawn.
    given
        What is given.
    clamped
        From and until which minute glucose is held.
    target
        Glucose that is held, mg/dL.
    above
        Instead: how far above the subject's own fasting glucose it is held, mg/dL.
    steps
        Start and end, in minutes, and insulin infusion (mU/kg/min) of each step of a clamp.
    fasting
        Whether the subject has to be fasting.
    everyday
        Whether the subject's own meals and doses go on: the day as it is lived.
    options
        What differs from the standard test, as text.
    """

    name: str
    about: str
    minutes: np.ndarray
    given: tuple[Given, ...] = ()
    clamped: tuple[float, float] | None = None
    target: float = 90.0
    above: float | None = None
    steps: tuple[tuple[float, float, float], ...] = ()
    fasting: bool = True
    everyday: bool = False
    options: str = ""

    @property
    def duration(self) -> float:
        """Hours."""
        return float(self.minutes[-1]) / 60.0


def ogtt(grams: float = 75.0, hours: float = 4.0) -> Protocol:
    """Oral glucose tolerance test: glucose drunk, blood drawn as in the data of healthy adults."""
    _within("grams", grams, 1, 300, "g")
    _within("hours", hours, 2, 12, "h")
    early = [0, 10, 20, 30, 45, 60, 75, 90, 120]
    minutes = _until([*early, *np.arange(150, 60 * hours, 30)], 60 * hours)
    return Protocol("ogtt", f"{grams:g} g of glucose drunk", minutes, (Given(0, "meal_liquid", 1000 * grams),))


def mixed_meal(grams: float = 78.0, solid: float = 0.7, hours: float = 7.0) -> Protocol:
    """Mixed meal: carbohydrate of which a share is eaten as solid food."""
    _within("grams", grams, 1, 300, "g")
    _within("solid", solid, 0, 1, "")
    _within("hours", hours, 2, 12, "h")
    early = [0, 5, 10, 15, 20, 30, 40, 50, 60, 75, 90]
    minutes = _until([*early, *np.arange(120, 60 * hours, 30)], 60 * hours)
    parts = (("meal_solid", solid), ("meal_liquid", 1 - solid))
    given = tuple(Given(0, route, 1000 * grams * share) for route, share in parts if share > 0)
    return Protocol("mixed-meal", f"a meal with {grams:g} g of carbohydrate, {100 * solid:g} % solid", minutes, given)


FSIGT = (
    0,
    2,
    3,
    4,
    5,
    6,
    8,
    10,
    12,
    14,
    16,
    19,
    22,
    23,
    24,
    25,
    27,
    30,
    40,
    50,
    60,
    70,
    80,
    90,
    100,
    120,
    140,
    160,
    180,
)
"""Minutes of the insulin-modified, frequently sampled test."""


def ivgtt(grams: float = 0.3, insulin: float = 0.03) -> Protocol:
    """Intravenous test: `grams` of glucose per kg within a minute, `insulin` U/kg at 20 min."""
    _within("grams", grams, 0.05, 1, "g/kg")
    _within("insulin", insulin, 0, 0.1, "U/kg")
    given = [Given(0, "iv_glucose", 1000 * grams, over=1.0)]
    if insulin > 0:
        given.append(Given(20, "iv_insulin", PMOL_PER_UNIT * insulin, over=0.5))
    text = f"{grams:g} g/kg of glucose into a vein" + (f", {insulin:g} U/kg of insulin at 20 min" if insulin else "")
    return Protocol("ivgtt", text, np.array(FSIGT, float), tuple(given))


def clamp(
    insulin: float | Sequence[float] = (0.25, 1.0), target: float = 90.0, step: float = 120.0, prime: float = 10.0
) -> Protocol:
    """Euglycaemic hyperinsulinaemic clamp, stepwise: `insulin` in mU/kg/min, `step` min each.

    `target` in mg/dL; 0 holds each subject's own fasting glucose. Each step is primed: for `prime`
    minutes the rise over the step before is infused twice.
    """
    rates = [float(r) for r in np.atleast_1d(insulin)]
    if len(rates) > MOST_STEPS:
        raise OptionError("insulin", f"`insulin` has {len(rates)} rates: a clamp has at most {MOST_STEPS} steps")
    for rate in rates:
        _within("insulin", rate, 0.05, 20, "mU/kg/min")
    if target:
        _within("target", target, 50, 300, "mg/dL")
    _within("step", step, 40, 600, "min")
    _within("prime", prime, 0, 30, "min")
    per = PMOL_PER_UNIT / 1000
    given = []
    for k, (rate, before) in enumerate(zip(rates, [0.0, *rates], strict=False)):
        given.append(Given(k * step, "iv_insulin", per * rate * step, over=step))
        if prime and rate > before:
            given.append(Given(k * step, "iv_insulin", per * (rate - before) * prime, over=prime))
    end = step * len(rates)
    held = f"{target:g} mg/dL" if target else "its fasting level"
    text = f"glucose held at {held} while insulin runs at {', then '.join(f'{r:g}' for r in rates)} mU/kg/min"
    steps = tuple((k * step, (k + 1) * step, r) for k, r in enumerate(rates))
    return Protocol(
        "clamp",
        text,
        _until([*np.arange(0, end, 5), *(k * step for k in range(len(rates)))], end),
        tuple(given),
        clamped=(0, end),
        target=target,
        above=None if target else 0.0,
        steps=steps,
    )


def hyperglycaemic_clamp(above: float = 125.0, minutes: float = 120.0) -> Protocol:
    """Glucose raised quickly by `above` mg/dL over fasting, and held there."""
    _within("above", above, 20, 400, "mg/dL")
    _within("minutes", minutes, 60, 600, "min")
    times = _until([0, 2, 4, 6, 8, 10, 15, 20, *np.arange(30, minutes, 10)], minutes)
    text = f"glucose held {above:g} mg/dL above fasting"
    return Protocol("hyperglycaemic-clamp", text, times, clamped=(0, minutes), above=above)


def profile(hours: float = 24.0) -> Protocol:
    """A day as it is lived, looked at every 5 minutes as a sensor would."""
    _within("hours", hours, 24, 24 * 14, "h")
    if hours % 24:
        help = "what is read of it is a day's: write for example 24 or 72"
        raise OptionError("hours", f"`hours` = {hours:g} is no whole number of days", help)
    minutes = np.arange(0, 60 * hours + 1e-9, 5)
    return Protocol("profile", f"{hours:g} h as they are lived", minutes, fasting=False, everyday=True)


def _until(minutes: Sequence[float], end: float) -> np.ndarray:
    """When blood is drawn: at these minutes, and at the end."""
    return np.unique(np.round([*minutes, end], 9))


def needs(protocols: Iterable[Protocol]) -> tuple[str, ...]:
    """Modules that tests need besides the subject's own."""
    return ("clamp",) if any(p.clamped for p in protocols) else ()


def without_body(test: str, modules: Iterable[str]) -> tuple[str, str] | None:
    """Why a test cannot be done in a model of these modules, and what to do; None where it can."""
    modules = list(modules)
    if BODY in modules:
        return None
    names = " and ".join(f"`{m}`" for m in modules)
    lacks = "free fatty acids, C-peptide, and flows of glucose production, disposal and secretion to read"
    help = f"tests are done in models with `{BODY}`; a visit shows what {names} can show"
    return f"the test `{test}` cannot be done in {names}: there are no {lacks}", help


PROTOCOLS: Mapping[str, Callable[..., Protocol]] = {
    "ogtt": ogtt,
    "mixed-meal": mixed_meal,
    "ivgtt": ivgtt,
    "clamp": clamp,
    "hyperglycaemic-clamp": hyperglycaemic_clamp,
    "profile": profile,
}
"""How each test is made, by name."""


def protocol(name: str, **options: float | Sequence[float]) -> Protocol:
    """Return a test by name.

    Parameters
    ----------
    name
        One of `PROTOCOLS`.
    options
        What differs from the standard test: the keyword arguments of its function.

    Raises
    ------
    SetError
        If there is no such test or option, or a number is out of range.
    """
    if not isinstance(name, str):
        raise SetError(f"a test is named by text, not {spoken(name)}", help="known are " + ", ".join(PROTOCOLS))
    if name not in PROTOCOLS:
        raise SetError(
            f"there is no test `{name}`", help=did_you_mean(name, PROTOCOLS) or "known are " + ", ".join(PROTOCOLS)
        )
    known = list(inspect.signature(PROTOCOLS[name]).parameters)
    for option in options:
        if option not in known:
            help = did_you_mean(option, known) or f"`{name}` takes {', '.join(known)}"
            raise OptionError(option, f"the test `{name}` has no `{option}`", help)
        _check_number(option, options[option])
    return replace(PROTOCOLS[name](**options), options=_spoken(name, options))


UNITS: Mapping[str, str] = {
    "grams": "g",
    "ivgtt.grams": "g/kg",
    "hours": "h",
    "solid": "",
    "ivgtt.insulin": "U/kg",
    "insulin": "mU/kg/min",
    "target": "mg/dL",
    "step": "min",
    "prime": "min",
    "above": "mg/dL",
    "minutes": "min",
}
"""Of each option; a test's own first."""


def _spoken(name: str, options: Mapping[str, float | Sequence[float]]) -> str:
    """What differs from the standard test, in the order of its options: `insulin = 0.5, 2 mU/kg/min; step = 60 min`."""
    parts = []
    for option, usual in inspect.signature(PROTOCOLS[name]).parameters.items():
        values = np.atleast_1d(options.get(option, usual.default)).astype(float)
        if not np.array_equal(values, np.atleast_1d(usual.default)):
            unit = UNITS.get(f"{name}.{option}", UNITS[option])
            parts.append(f"{option} = {', '.join(f'{v:.10g}' for v in values)} {unit}".rstrip())
    return "; ".join(parts)


def _check_number(option: str, value: object) -> None:
    """An option is a number; only the rates of a clamp may be several, and then at least one."""
    several = list(np.atleast_1d(value)) if isinstance(value, np.ndarray) else value
    listed = isinstance(several, (list, tuple))
    for one in several if listed else [several]:
        if not isinstance(one, (int, float, np.number)) or isinstance(one, bool) or not np.isfinite(one):
            raise OptionError(option, f"`{option}` must be a number, not {spoken(one)}")
    if listed and option != "insulin":
        raise OptionError(option, f"`{option}` must be one number")
    if listed and not len(several):
        raise OptionError(option, "`insulin` must be at least one rate")


def _within(name: str, value: float, low: float, high: float, unit: str) -> None:
    if not low <= value <= high:
        raise OptionError(name, f"`{name}` = {value:g} is outside {low:g} to {high:g} {unit}".rstrip())
