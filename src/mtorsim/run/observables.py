"""Observables of a run, and the quantities from which they are read."""

from __future__ import annotations

from mtorsim.errors import ModelError, did_you_mean
from mtorsim.model.model import Model
from mtorsim.scenario.scenario import Scenario
from mtorsim.units.units import parse_unit

from .measurement import MEASURED

STANDARD = {
    "fasting_glucose": "mg/dL",
    "insulin": "uU/mL",
    "hba1c": "%",
    "c_peptide": "ng/mL",
    "ffa": "mmol/L",
    "drug_level": "ug/L",
    "mtorc1": "1",
    "mtorc2_liver": "1",
}
"""Observables recorded in every run, and their units; those that a model does not define are empty."""


def observables_of(scenario: Scenario, model: Model) -> tuple[dict[str, str], list[str | None]]:
    """Name and unit of each observable, and the quantity from which it is read."""
    units: dict[str, str] = {}
    sources: list[str | None] = []
    for name in dict.fromkeys([*STANDARD, *model.observables]):
        own = "glucose" if name == "fasting_glucose" else name
        full = model.observables.get(own)
        wanted = parse_unit(STANDARD[name]) if name in STANDARD else None
        if full and wanted and not (wanted.same_kind(model.units[full]) and wanted.scale == model.units[full].scale):
            message = f"observable `{own}` is in {model.units[full]}, but results are in {STANDARD[name]}"
            raise ModelError(message, model.where(full), "name the factor as a parameter with a unit")
        units[name] = str(model.units[full]) if full else STANDARD[name]
        sources.append(full)
    for name, place in scenario.observe:
        full = model.find(name)
        if full is None or full in model.parameters or full in model.switches:
            names = [*model.states, *model.equations, *model.ports, *model.observables]
            message = f"there is no quantity `{name}` to observe"
            place.fail(message, help=did_you_mean(name, names), needle=name)
        if name not in units:
            units[name] = str(model.units.get(full, "1"))
            sources.append(full)
    sampling = scenario.sampling
    for name in sampling.assay:
        if name not in units:
            help = did_you_mean(name, units) or "measured quantities are " + ", ".join(units)
            sampling.place.fail(f"`{name}` is not measured", "assay", name, help=help)
    # The measured value is recorded beside the true one.
    for name in [
        *(["fasting_glucose"] if sampling.not_fasting and "fasting_glucose" not in sampling.assay else []),
        *sampling.assay,
    ]:
        units[name + MEASURED] = units[name]
        sources.append(None)
    return units, sources
