"""Drug exposures in the models beside every one that was measured: value, ratio, reason.

Only the drug's own module runs: the typical subject, or 1,000 people where the source gives the spread
of a population. Every row of the table has a prediction, or the reason why there is none; where the
prediction is more than 20 % off it has the reason for that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np

from mtorsim.results.result import Result
from mtorsim.scenario.read import scenario_from_text
from mtorsim.simulation.simulate import simulate

from .check import Check, judged, reference

__all__ = [
    "CLOSE",
    "Case",
    "Given",
    "Profile",
    "checks",
    "measured",
    "outside",
    "predict",
    "profile",
    "ratio",
    "rows",
    "simulated",
]

CLOSE = 0.2
"""A prediction agrees when it is within this share of the measured value."""

WEIGHT = 70.0
"""Body weight in kg for clearances that were measured per kg; the drugs' modules know no weight."""

DAYS = 56
"""Days simulated: regimens have come to their steady state, and single doses have gone."""

STEP = 0.1
"""Hours between levels."""

TERMINAL = 1e-3, 1e-2
"""Terminal half-lives are read between these shares of the peak."""

MODULES = {
    "everolimus": "everolimus",
    "sirolimus": "sirolimus",
    "temsirolimus": "temsirolimus",
    "sirolimus (metabolite)": "temsirolimus",
    "sapanisertib": "sapanisertib",
    "vistusertib": "vistusertib",
    "AZD8055": "azd8055",
}
"""The module of each drug of the table."""

METABOLITE = "sirolimus (metabolite)"

LEVELS = {"everolimus": ("C", "Cu"), "everolimus_haematocrit": ("C", "Cu"), "temsirolimus": ("C", "C_s")}
"""What is recorded of each module; `C` where nothing is said."""


@dataclass(frozen=True)
class Given:
    """What a subject is given.

    Attributes
    ----------
    amount
        Of each dose, in mg.
    every
        Hours between doses; None for a single dose.
    condition
        Of the drug's module, from the first dose on.
    over
        Hours an infusion lasts.
    settings
        Parameters of the drug's module.
    """

    amount: float
    every: float | None = None
    condition: str | None = None
    over: float = 0.0
    settings: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Case:
    """How the rows of one regimen of the table are predicted.

    Attributes
    ----------
    reason
        Why a prediction may be far off.
    trough
        Hours after the first dose at which a trough was taken; at steady state when None.
    people
        Whether the row is a statistic of a population.
    but
        Reasons of single metrics, where they differ.
    cannot
        Metrics that cannot be predicted, and why.
    """

    given: Given
    reason: str = ""
    trough: float | None = None
    people: bool = False
    but: Mapping[str, str] = field(default_factory=dict)
    cannot: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """Levels after a regimen.

    Attributes
    ----------
    given
    time
        Hours after the first dose.
    level
        In ug/L (unbound: nmol/L), at each time.
    """

    given: Given
    time: np.ndarray
    level: np.ndarray

    @property
    def last(self) -> Profile:
        """The last interval of a regimen; all of a single dose."""
        if self.given.every is None:
            return self
        keep = self.time >= self.time[-1] - self.given.every - STEP / 2
        return replace(self, time=self.time[keep], level=self.level[keep])

    @property
    def peak(self) -> float:
        """Highest level."""
        return float(self.last.level.max())

    @property
    def peak_time(self) -> float:
        """Hours from the dose to the highest level, by the parabola through its neighbours."""
        time, level = self.last.time, self.last.level
        i = int(np.clip(level.argmax(), 1, len(level) - 2))
        a, b, c = level[i - 1 : i + 2]
        return float(time[i] - time[0] + STEP * (a - c) / (2 * (a - 2 * b + c)))

    @property
    def area(self) -> float:
        """Area over one interval at steady state, which is that of a single dose without end."""
        return self.moment(0)

    def moment(self, power: int) -> float:
        """Integral of level times time to a power, over `last`."""
        time, level = self.last.time, self.last.level
        return float(np.trapezoid(level * (time - time[0]) ** power, time))

    def area_of(self, hours: float) -> float:
        """Area over the last hours."""
        keep = self.time >= self.time[-1] - hours - STEP / 2
        return float(np.trapezoid(self.level[keep], self.time[keep]))

    @property
    def trough(self) -> float:
        """Level before the next dose."""
        return float(self.level[-1])

    def at(self, hours: float) -> float:
        """Level at a time."""
        return float(np.interp(hours, self.time, self.level))

    @property
    def clearance(self) -> float:
        """Dose over area, in L/h."""
        return 1000 * self.given.amount / self.area

    @property
    def half_life(self) -> float:
        """Terminal half-life in hours, of a single dose."""
        low, high = (share * self.level.max() for share in TERMINAL)
        tail = (self.level < high) & (self.level > low) & (self.time > self.time[self.level.argmax()])
        return float(-np.log(2) / np.polyfit(self.time[tail], np.log(self.level[tail]), 1)[0])

    @property
    def volume(self) -> float:
        """Volume of distribution at steady state, in L, of a single dose."""
        return self.clearance * (self.moment(1) / self.area - self.given.over / 2)


SUBGROUP = "a subgroup chosen by what became of it: those with high exposure had their dose reduced"
UNNAMED = "statistic unnamed in the source, probably a mean of skewed values; levels rise with age there"
JAPAN = "Japanese people have somewhat higher levels, says the label; not in the model"
FASTING = "fasting volunteers absorb faster than the patients whose absorption the model has"
TWO_STUDIES = "the half-life in healthy people differs between two studies; the model has that of the first"
WITH_CSA = "transplant recipients on ciclosporin: the half-life, and so the trough, comes out too long"
ASSAY = "immunoassay, which reads metabolites too, and ciclosporin; contradicts the measured area"
LEVELLED = "doses titrated to a level, which was read by immunoassay"
LAM = "two lines of evidence on clearance without ciclosporin conflict: 9 to 10 L/h here, 21 in healthy men"
HEALTHY = "healthy men without ciclosporin clear sirolimus faster than patients, for whom the model is"
CLEARS_LESS = "with ciclosporin, which the clearance reflects in part only"
SATURABLE = "blood cells bind temsirolimus up to a limit; the model is linear, for 25 mg"
NO_LOW_FAT = "the rate and extent after a low-fat meal were not modelled"

_E, _S, _T, _M = "everolimus", "sirolimus", "temsirolimus", METABOLITE
_DAILY = Given(10, every=24)

CASES: dict[tuple[str, str], Case] = {
    (_E, "10 mg QD SS"): Case(_DAILY),
    (_E, "5 mg BID SS"): Case(Given(5, every=12)),
    (_E, "5 mg QD SS"): Case(Given(5, every=24)),
    (_E, "10 mg QD day 15, later dose-reduced n=18"): Case(_DAILY, SUBGROUP, trough=14 * 24),
    (_E, "10 mg QD day 15, not reduced n=22"): Case(_DAILY, SUBGROUP, trough=14 * 24),
    (_E, "10 mg QD day 15, n-weighted"): Case(_DAILY, trough=14 * 24),
    (_E, "10 mg QD, n=467"): Case(
        _DAILY, "people differ more than the model's, probably by co-medication, age, time of sampling", people=True
    ),
    (_E, "10 mg QD men"): Case(_DAILY, UNNAMED, people=True),
    (_E, "10 mg QD women"): Case(_DAILY, UNNAMED, people=True),
    (_E, "10 mg QD mRCC Japan day 8"): Case(_DAILY, JAPAN, trough=7 * 24),
    (_E, "10 mg QD typical (model)"): Case(_DAILY),
    (_E, "weekly 5-70 mg"): Case(Given(20)),
    (_E, "2 mg SD healthy"): Case(Given(2), FASTING, but={"t_half": TWO_STUDIES}),
    (_E, "0.75 mg BID + ciclosporin"): Case(Given(0.75, 12, "ciclosporin"), WITH_CSA),
    (_E, "1.5 mg BID + ciclosporin"): Case(Given(1.5, 12, "ciclosporin"), WITH_CSA),
    (_E, "ketoconazole 200 mg BID"): Case(Given(2, condition="ketoconazole")),
    (_E, "erythromycin"): Case(Given(2, condition="erythromycin")),
    (_E, "verapamil"): Case(Given(2, condition="verapamil")),
    (_E, "rifampicin"): Case(Given(4, condition="rifampicin")),
    (_E, "Child-Pugh A 10 mg SD"): Case(Given(10, condition="child_pugh_a")),
    (_E, "Child-Pugh B 10 mg SD"): Case(Given(10, condition="child_pugh_b")),
    (_E, "Child-Pugh C 10 mg SD"): Case(Given(10, condition="child_pugh_c")),
    (_E, "Child-Pugh B 2 mg SD"): Case(
        Given(2, condition="child_pugh_b"), "an older study, which contradicts the one of 10 mg that the model follows"
    ),
    (_E, "ciclosporin"): Case(Given(0.75, 12, "ciclosporin")),
    (_E, "food 10 mg"): Case(Given(10, condition="high_fat_meal"), cannot={"Cmax_change_low_fat": NO_LOW_FAT}),
    (_E, "10 mg QD, Hct 0.38, ter Heine parameters"): Case(Given(10, 24, settings=(("Hct", 0.38),))),
    (_S, "2 mg/d solution SS, with ciclosporin, n=19"): Case(
        Given(2, every=24), CLEARS_LESS, but={"tmax": "it varies widely, SD 2.4 h; 1.8 h at 5 mg"}
    ),
    (_S, "5 mg/d solution SS, n=23"): Case(Given(5, every=24), "clearance per kg at an assumed 70 kg; SD 143"),
    (_S, "LAM 2 mg/d 3 wk, no ciclosporin, n=37"): Case(Given(2, every=24), LAM, trough=21 * 24),
    (_S, "2 mg/d with ciclosporin, immunoassay"): Case(Given(2, every=24), ASSAY),
    (_S, "5 mg/d with ciclosporin, immunoassay"): Case(Given(5, every=24), ASSAY),
    (_S, "solution SS with CNI"): Case(Given(2, every=24)),
    (_S, "tablet SS with CNI"): Case(Given(2, every=24)),
    (_S, "RTx conversion year 1, 2.6 mg/d"): Case(Given(2.6, every=24), LEVELLED),
    (_S, "90 mg weekly alone (or 16 mg + ketoconazole, or 25 mg + grapefruit)"): Case(
        Given(90, condition="single_high_dose")
    ),
    (_S, "SD 3-15 mg/m2 with ciclosporin"): Case(Given(5), CLEARS_LESS),
    (_S, "healthy men, no ciclosporin"): Case(Given(5), HEALTHY),
    (_S, "stable RTx with ciclosporin"): Case(Given(5), CLEARS_LESS),
    **{
        (_S, name): Case(Given(2, condition=name))
        for name in ("ketoconazole", "voriconazole", "posaconazole", "boceprevir", "rifampicin", "diltiazem")
    },
    **{
        (_S, f"hepatic {grade}"): Case(Given(2, condition=f"hepatic_{grade}"))
        for grade in ("mild", "moderate", "severe")
    },
    (_T, "25 mg IV SD"): Case(Given(25, over=0.5)),
    (_T, "25 mg IV"): Case(
        Given(25, over=0.5), "the labels of the US and the EU contradict each other; the model follows the US area"
    ),
    (_T, "175 mg IV week 1"): Case(Given(175, over=0.5), SATURABLE),
    (_M, "temsirolimus 25 mg IV"): Case(Given(25, over=0.5)),
    (_M, "temsirolimus 5 mg IV"): Case(Given(5, over=0.5), SATURABLE),
    (_M, "temsirolimus + ketoconazole"): Case(Given(25, condition="ketoconazole", over=0.5)),
    (_M, "temsirolimus + rifampicin"): Case(
        Given(25, condition="rifampicin", over=0.5), "one factor, on what is formed, is fitted to the area"
    ),
    ("AZD8055", "90 mg BID"): Case(Given(90, every=12)),
    ("sapanisertib", "any"): Case(Given(4)),
    ("vistusertib", "50 mg BID"): Case(Given(50)),
}
"""Every regimen of the table."""


def rows() -> list[dict[str, str]]:
    """Every row of the table."""
    return list(reference("pk_exposures.csv"))


def checks() -> Iterator[Check]:
    """Every row of the table, judged by 20 %; those of everolimus for both of its models."""
    for k, row in enumerate(rows(), start=1):
        yield _check(f"PK{k:03d}", row, None)
    for k, row in enumerate(rows(), start=1):
        if row["drug"] == _E:
            yield _check(f"PK{k:03d}h", row, "everolimus_haematocrit")


def _check(id: str, row: Mapping[str, str], module: str | None) -> Check:
    value, reason = predict(row, module)
    low, high = measured(row)
    if "_change" in row["metric"]:
        ends = 100 * ((1 + low / 100) * (1 - CLOSE) - 1), 100 * ((1 + high / 100) * (1 + CLOSE) - 1)
    else:
        ends = low * (1 - CLOSE), high * (1 + CLOSE)
    if value is not None and reason:
        reason = f"ratio {ratio(row, value):.2f}: {reason}"
    drug = row["drug"] + (" (model with plasma and haematocrit)" if module else "")
    return judged(
        id,
        "drugs",
        f"{drug}, {row['regimen']}: {row['metric']}",
        f"{row['value']}{' (' + row['spread'] + ')' if row['spread'] else ''}; within 20 %",
        float("nan") if value is None else value,
        row["unit"],
        row["evidence"],
        "in-sample",
        row["source"],
        *ends,
        reason,
    )


def measured(row: Mapping[str, str]) -> tuple[float, float]:
    """Lowest and highest of the measured value, the same where it is one number."""
    found = re.fullmatch(r"(-?[\d.]+)(?:(?: to |-)(-?[\d.]+))?", row["value"])
    assert found, row
    ends = float(found[1]), float(found[2] or found[1])
    return min(ends), max(ends)


def ratio(row: Mapping[str, str], value: float) -> float:
    """Predicted over measured; 1 inside a measured range, and changes in % as factors of what was before."""
    low, high = measured(row)
    if "_change" in row["metric"]:
        low, high, value = 1 + low / 100, 1 + high / 100, 1 + value / 100
    return value / high if value > high else value / low if value < low else 1.0


def outside(row: Mapping[str, str], value: float | None) -> bool:
    """Whether a prediction misses by more than is close."""
    return value is None or not 1 - CLOSE <= ratio(row, value) <= 1 + CLOSE


def predict(row: Mapping[str, str], module: str | None = None) -> tuple[float | None, str]:
    """What the model shows for one row.

    Parameters
    ----------
    row
        Of the table.
    module
        Where there are two modules for a drug, which.

    Returns
    -------
    value
        In the row's unit; None where it cannot be predicted.
    reason
        Why there is none, or why it is more than 20 % off; empty where it is close.
    """
    case = CASES.get((row["drug"], row["regimen"]))
    if case is None:
        return None, "no regimen that the models know"
    metric = row["metric"]
    if metric in case.cannot:
        return None, case.cannot[metric]
    value = _value(row, case, module or MODULES[row["drug"]])
    return value, case.but.get(metric, case.reason) if outside(row, value) else ""


def _value(row: Mapping[str, str], case: Case, module: str) -> float:
    """The prediction of one row, in its unit."""
    metric, given = row["metric"], case.given
    if case.people:
        troughs = _troughs(module, given)
        share = {"Cmin_Q1": 25, "Cmin_median": 50, "Cmin_Q3": 75}
        return float(np.percentile(troughs, share[metric])) if metric in share else float(troughs.mean())
    if metric.startswith("unbound"):
        unbound = profile(module, given, "Cu")
        return unbound.trough if metric == "unbound_trough" else unbound.area_of(24) / 24
    level = "C_s" if row["drug"] == METABOLITE else "C"
    mine = profile(module, given, level)
    if metric == "AUC_ratio_to_parent":
        return mine.area / profile(module, given, "C").area
    part, _, against = metric.partition("_")
    if part in ("Cmax", "AUC") and against.startswith(("ratio", "change")):
        control = profile(module, replace(given, condition=None), level)
        factor = mine.peak / control.peak if part == "Cmax" else mine.area / control.area
        return factor if against.startswith("ratio") else 100 * (factor - 1)
    if metric in ("Cmin", "Cmin_median") and case.trough is not None:
        return mine.at(case.trough)
    value = _METRICS[metric](mine)
    return 1000 * value / WEIGHT if row["unit"] == "mL/h/kg" else value


_METRICS: Mapping[str, Callable[[Profile], float]] = {
    "Cmax": lambda p: p.peak,
    "Cmin": lambda p: p.trough,
    "C24_per_mg": lambda p: p.trough / p.given.amount,
    "tmax": lambda p: p.peak_time,
    "AUC": lambda p: p.area,
    "AUC12": lambda p: p.area_of(12),
    "AUC24": lambda p: p.area_of(24),
    "CL": lambda p: p.clearance,
    "CL_EU": lambda p: p.clearance,
    "CL/F": lambda p: p.clearance,
    "Vss": lambda p: p.volume,
    "t_half": lambda p: p.half_life,
}


def profile(module: str, given: Given, level: str = "C") -> Profile:
    """Levels of the typical subject.

    Parameters
    ----------
    module
        Of the drug.
    given
        One of the table's regimens, or its control.
    level
        Name of the quantity in the module.
    """
    return _profiles(module)[given, level]


def _regimens(module: str) -> tuple[Given, ...]:
    """Everything the table wants of a module, and the controls of what is compared."""
    drugs = [d for d, m in MODULES.items() if m == module.removesuffix("_haematocrit")]
    wanted = [c.given for (drug, _), c in CASES.items() if drug in drugs and not c.people]
    return tuple(dict.fromkeys(g for given in wanted for g in (given, replace(given, condition=None))))


@cache
def _profiles(module: str) -> dict[tuple[Given, str], Profile]:
    """Every regimen of the table for a module."""
    return simulated(module, _regimens(module))


def simulated(module: str, regimens: Sequence[Given]) -> dict[tuple[Given, str], Profile]:
    """Profiles of the typical subject by regimen and quantity, each regimen an arm of one scenario."""
    arms = "".join(_arm(f"regimen {i}", module, given) for i, given in enumerate(regimens))
    series = _run("ngt", 1, DAYS, "0 d", STEP, arms).series.isel(subject=0)
    time = series.time.to_numpy()
    return {
        (given, name): Profile(given, time, series[f"{module}.{name}"].sel(arm=f"regimen {i}").to_numpy())
        for i, given in enumerate(regimens)
        for name in LEVELS.get(module, ("C",))
    }


@cache
def _troughs(module: str, given: Given) -> np.ndarray:
    """Troughs of 1,000 people after two weeks of a regimen."""
    result = _run("healthy_adults", 1000, 15, "14 d", 24, _arm("regimen", module, given))
    return result.visits[f"{module}.C"].sel(arm="regimen").to_numpy().ravel()


def _run(population: str, subjects: int, days: int, visit: str, step: float, arms: str) -> Result:
    """A scenario of all drugs in one model, so that one kernel serves them: what is not given is not there."""
    modules = sorted({*MODULES.values(), "everolimus_haematocrit"})
    seen = [f"{m}.{name}" for m in modules for name in LEVELS.get(m, ("C",))]
    text = _HEAD.format(
        model=json.dumps(modules),
        population=population,
        subjects=subjects,
        days=days,
        visit=visit,
        step=step,
        observe=json.dumps(seen),
    )
    return simulate(scenario_from_text(text + arms, Path("exposures.toml")), rtol=1e-6)


_HEAD = """
title = "exposures"
model = {model}
population = "{population}"
subjects = {subjects}
duration = "{days} d"
observe = {observe}

[visits]
at = ["{visit}"]

[record]
every = "{step} h"
"""


def _arm(name: str, module: str, given: Given) -> str:
    """A regimen as an arm of a scenario."""
    dose = f'drug = "{module}", amount = "{given.amount:g} mg"'
    dose += f', every = "{given.every:g} h"' if given.every else ""
    dose += f', over = "{given.over:g} h"' if given.over else ""
    change = f'{{ at = "0 h", condition = "{module}.{given.condition}" }}' if given.condition else ""
    own = ", ".join(f'"{module}.{n}" = {v}' for n, v in given.settings)
    return f'\n[[arm]]\nname = "{name}"\ndose = [{{ {dose} }}]\nchange = [{change}]\nset = {{ {own} }}\n'
