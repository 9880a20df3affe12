"""What a run knows of its drugs: observables that are concentrations, planned doses, and the scale of grades."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mtorsim.files.roles import BODY
from mtorsim.model.model import Model
from mtorsim.results.manifest import draft_from_manifest
from mtorsim.run.plan import Draft
from mtorsim.scenario.grades import Grading
from mtorsim.scenario.parts import ArmSpec
from mtorsim.units.units import Unit, parse_unit

from .names import KNOWN

__all__ = ["Planned", "Study", "study_of"]

LEVELS = ("ug/L", "nmol/L")
"""Units of the two kinds of concentration."""
LABORATORY = [n for n in KNOWN if n not in ("drug_level",) and not n.startswith("mtorc")]


@dataclass(frozen=True)
class Planned:
    """Planned doses of some drugs in an arm.

    Attributes
    ----------
    hours, amounts
        In order of time; the times of drugs that a rule may start later are not known.
    unit
        Of the amounts; empty if they differ.
    waits
        Whether one of the drugs waits for a rule.
    """

    hours: tuple[float, ...] = ()
    amounts: tuple[float, ...] = ()
    unit: str = ""
    waits: bool = False

    @property
    def first(self) -> float | None:
        """Hour of the first dose; None if there is none, or it is not known."""
        return self.hours[0] if self.hours and not self.waits else None

    def before(self, hour: float) -> tuple[float, float] | None:
        """Hour and amount of the last dose before a sample; of the first one for a sample before all.

        At one instant a sample precedes the dose.
        """
        if self.first is None:
            return None
        k = max(bisect_left(self.hours, hour) - 1, 0)
        return self.hours[k], self.amounts[k]


@dataclass(frozen=True)
class Study:
    """What is known of drugs.

    Attributes
    ----------
    about
        What each observable is, in the words of its model; empty if the model does not define it.
    analytes
        For each observable that is a concentration, the drugs that it measures.
    of_drugs
        Observables that belong to the module of a drug.
    doses
        For each arm and drug, its planned doses.
    grading
        Scale of the graded observable; None if its values alone cannot be graded.
    dose_units
        Unit of each route of administration.
    """

    about: Mapping[str, str]
    analytes: Mapping[str, tuple[str, ...]]
    of_drugs: tuple[str, ...] = ()
    doses: Mapping[str, Mapping[str, Planned]] = field(default_factory=dict)
    grading: Grading | None = None
    dose_units: Mapping[str, str] = field(default_factory=dict)

    def planned(self, arm: str, drugs: tuple[str, ...] | None = None) -> Planned:
        """Planned doses of some drugs, or of all, together."""
        own = [p for drug, p in self.doses[arm].items() if drugs is None or drug in drugs]
        if drugs is None:
            own = [p for p in own if not p.waits]
        units = {p.unit for p in own}
        both = sorted((h, a) for p in own for h, a in zip(p.hours, p.amounts, strict=True))
        hours, amounts = tuple(h for h, _ in both), tuple(a for _, a in both)
        return Planned(hours, amounts, units.pop() if len(units) == 1 else "", any(p.waits for p in own))


def study_of(manifest: Mapping[str, Any]) -> Study:
    """Read what a run knows of its drugs from the texts in its manifest; nothing is compiled.

    Raises
    ------
    DataError
        If a text in it does not match its hash.
    """
    with draft_from_manifest(manifest) as draft:
        model = draft.model
        return Study(
            about=_abouts(draft),
            analytes={n: drugs for n, full in _sources(draft).items() if (drugs := _drugs(model, n, full))},
            of_drugs=tuple(n for n, full in _sources(draft).items() if full.partition(".")[0] in _given(model)),
            doses={arm.name: _doses(arm.spec) for arm in draft.arms},
            grading=draft.grading if draft.grading.limits else None,
            dose_units={name: str(route.unit) for name, route in model.routes.items()},
        )


def _sources(draft: Draft) -> dict[str, str]:
    """The quantity behind each observable that the model defines; a measured value has that of the true one."""
    found = {n: full for n, full in zip(draft.observables, draft.sources, strict=True) if full}
    for name in draft.observables:
        true = name.removesuffix("_measured")
        if name not in found and true in found:
            found[name] = found[true]
    return found


def _abouts(draft: Draft) -> dict[str, str]:
    model, found = draft.model, {}
    for name, full in _sources(draft).items():
        found[name] = _about(model, full)
    return found


def _about(model: Model, full: str) -> str:
    known = model.equations.get(full) or model.ports.get(full) or model.states.get(full, (None,))[0]
    return known.about if known is not None else ""


def _names_a_level(about: str, module: str) -> bool:
    """Whether a quantity of a drug is its level; others, such as constants of binding, have the same unit."""
    return any(word in about.lower() for word in (module.partition("_")[0], "level", "concentration"))


def _drugs(model: Model, name: str, full: str) -> tuple[str, ...]:
    """The drugs whose concentration an observable is; none for anything else."""
    unit = model.units.get(full)
    if name.removesuffix("_measured") in LABORATORY or unit is None or not _is_level(unit):
        return ()
    given = _given(model)
    module = full.partition(".")[0]
    if module in given:
        return (module,) if _names_a_level(_about(model, full), module) else ()
    # The level of a class of drugs is a sum to which each of them contributes.
    equation = model.equations.get(full)
    ports = [model.ports[n] for n in (*(equation.scope.values() if equation else ()), full) if n in model.ports]
    parts = [c.partition(".")[0] for port in ports if _is_level(port.unit) for c in port.contributions]
    return tuple(dict.fromkeys(part for part in parts if part in given))


def _given(model: Model) -> set[str]:
    """The modules that can be given as doses: drugs, but not meals of the body, whatever model it has."""
    bodies = {full.partition(".")[0] for known, full in model.observables.items() if known in LABORATORY}
    return {route.partition(".")[0] for route in model.routes} - bodies - {BODY}


def _is_level(unit: Unit) -> bool:
    return any(unit.same_kind(parse_unit(level)) for level in LEVELS)


def _doses(spec: ArmSpec) -> dict[str, Planned]:
    """Planned doses of each drug of an arm."""
    found: dict[str, Planned] = {}
    for regimen in spec.regimens:
        if regimen.placebo or not any(regimen.amounts):
            continue
        before = found.get(regimen.drug, Planned(unit=str(regimen.unit)))
        given = [(h, a) for h, a in zip(regimen.times, regimen.amounts, strict=True) if a > 0 and not regimen.waits]
        both = sorted([*zip(before.hours, before.amounts, strict=True), *given])
        unit = before.unit if before.unit == str(regimen.unit) else ""
        waits = before.waits or regimen.waits
        found[regimen.drug] = Planned(tuple(h for h, _ in both), tuple(a for _, a in both), unit, waits)
    return found
