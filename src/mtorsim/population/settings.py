"""Resolve settings by name: medians of parameters and values of switches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mtorsim.errors import PopulationError, SettingError, did_you_mean
from mtorsim.model.checks import check_value
from mtorsim.model.expressions import parse_expression
from mtorsim.model.model import Model

from .population import Population
from .quantity import check_medians

__all__ = ["apply_settings", "full_settings"]


def full_settings(population: Population, settings: Mapping[str, float]) -> dict[str, float]:
    """Expand settings to full names: a parameter, a covariate, or a single mechanism each.

    Parameters
    ----------
    settings
        Value by name: a parameter (full, or bare if unique), a covariate of the
        population, a mechanism, or a prefix of several (`mtorc2` for all `mtorc2.…`).

    Raises
    ------
    SettingError
        If a name is unknown, or a parameter is set twice under two names.
    """
    model = population.model
    found: dict[str, float] = {}
    for name, value in settings.items():
        heads = [m for m in model.switches if m == name or m.startswith(name + ".")]
        full = _parameter(model, name)
        drawn = next((q for q in population.quantities if q.name in (name, full)), None)
        if full is None and drawn is None and not heads:
            known = [*model.parameters, *model.switches, *(q.name for q in population.quantities)]
            raise SettingError(f"there is no parameter or mechanism `{name}`", help=did_you_mean(name, known))
        if full is not None and drawn is not None and drawn.covariate is not None:
            message = f"`{full}` takes the covariate `{drawn.covariate}` of each subject"
            raise SettingError(
                message, help=f"set `{drawn.covariate}` instead: its median changes, its variability is kept"
            )
        key = full or (drawn.name if drawn is not None else None)
        if key is None:
            if not 0 <= value <= 1:
                raise SettingError(f"the switch `{name}` = {value:g} is outside 0 to 1", help="0 is off, 1 is on")
            found |= dict.fromkeys(heads, value)
        elif key in found:
            raise SettingError(f"`{key}` is set twice")
        else:
            found[key] = value
    return found


def apply_settings(population: Population, settings: Mapping[str, float]) -> tuple[Population, dict[str, float]]:
    """Replace medians and set switches.

    Parameters
    ----------
    settings
        As for `full_settings`.

    Returns
    -------
    population
        With the new medians; variability is kept.
    switches
        Value of every switch of the model.

    Raises
    ------
    SettingError
        If a name is unknown or a value is outside its plausible range.
    """
    model = population.model
    switches = dict(model.switches)
    medians: dict[str, float] = {}
    for name, value in full_settings(population, settings).items():
        if name in switches:
            switches[name] = value
            continue
        if name in model.parameters:
            check_value(name, model.parameters[name][0], value)
        medians[name] = value
    quantities = tuple(
        replace(q, median=parse_expression(repr(float(medians[q.name])))) if q.name in medians else q
        for q in population.quantities
    )
    try:
        check_medians(population.place, list(quantities))
    except PopulationError as error:
        # The value comes from the caller, not from the file.
        raise SettingError(error.message, help=error.help) from None
    return replace(population, quantities=quantities), switches


def _parameter(model: Model, name: str) -> str | None:
    """Full name of a parameter, None if there is none of this name."""
    if name in model.parameters:
        full = name
    else:
        tails = [n for n in model.parameters if n.partition(".")[2] == name]
        if len(tails) > 1:
            raise SettingError(
                f"`{name}` is a parameter of several modules", help="write " + " or ".join(f"`{t}`" for t in tails)
            )
        if not tails:
            return None
        full = tails[0]
    if model.parameters[full][0].origin == "run_in":
        raise SettingError(f"`{full}` is computed per subject and cannot be set")
    return full
