"""Plan a test: subjects of a preset or a scenario, the modules it needs, and its time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtorsim.errors import ArgumentError, MtorsimError, UnitError, Where, choose_from, did_you_mean
from mtorsim.files.library import Library, library_for
from mtorsim.files.places import Key
from mtorsim.files.roles import BODY, CLAMP, PATHWAY
from mtorsim.model.file import Module
from mtorsim.model.read import read_module
from mtorsim.protocols.protocol import Protocol, needs, without_body
from mtorsim.run.options import Options
from mtorsim.run.plan import Plan, announce, announce_unused, make_plan
from mtorsim.scenario.read_times import LONGEST
from mtorsim.scenario.regimen import read_regimen
from mtorsim.scenario.scenario import Scenario, scenario_of
from mtorsim.units.units import convert, parse_quantity, parse_unit

__all__ = ["RTOL", "plan_tests", "preset_name"]


MOST_SUBJECTS = 10_000
"""Limit on subjects, since all curves of all subjects are held in memory."""
RTOL = 1e-4
"""Tolerance of a test: tighter than in a long run, since indices are differences."""


def plan_tests(
    tests: Sequence[Protocol],
    *,
    population: str | None = None,
    scenario: Scenario | str | Path | None = None,
    at: str | float = 0.0,
    dose: str | None = None,
    settings: Mapping[str, float] | None = None,
    subjects: int | None = None,
    seed: int | None = None,
    rtol: float = RTOL,
    library: Library | None = None,
    note: Callable[[str], None] | None = None,
) -> tuple[Plan, float, int]:
    """Return the plan for some tests, their time in hours, and the number of subjects; see `examine`."""
    hours = _hours(at) if isinstance(at, str) else float(at)
    if hours < 0:
        raise ArgumentError(f"`at` = {at} is before the start")
    if not hours <= LONGEST:
        raise ArgumentError(f"`at` = {at} is too late: a scenario lasts 100 years at most")
    if subjects is not None:
        _check_subjects(subjects)
    if scenario is None:
        assert population is not None
        longest = max((p.duration for p in tests if p.everyday), default=0.0)
        chosen = _own_scenario(population, hours, longest, dose, library or library_for())
    elif dose is not None:
        raise ArgumentError("a scenario defines its own doses", help="leave out `dose`, or the scenario")
    else:
        chosen = scenario_of(scenario, library)
    for name in settings or {}:
        if name in ("clamp.on", "clamp.target"):
            raise ArgumentError(
                f"`{name}` belongs to the test", help="the glucose of the test `clamp` is set by its option `target`"
            )
    for test in tests:
        if lacking := without_body(test.name, chosen.modules):
            raise ArgumentError(lacking[0], help=lacking[1])
    more = [*needs(tests), *_modules_for([*(settings or {})], chosen)]
    chosen = chosen.but(modules=tuple(dict.fromkeys([*chosen.modules, *more])))
    plan = make_plan(chosen, seed=seed, settings=settings, options=Options.given(rtol=rtol), note=note)
    if subjects is None:
        subjects = chosen.subjects if scenario is not None else 1 if plan.population.is_typical else 100
        _check_subjects(subjects)
    announce(plan, note)
    announce_unused(plan, note)
    plan.choose_forms(subjects, subjects * max(hours / 24, 1.0))
    return plan, hours, subjects


def _check_subjects(subjects: int) -> None:
    """Limit on subjects, since all curves of all subjects are held in memory."""
    if subjects < 1:
        raise ArgumentError(f"subjects = {subjects}: there must be at least 1")
    if subjects > MOST_SUBJECTS:
        help = "for more, run a scenario with `[[test]]`, which streams to a folder"
        raise ArgumentError(f"subjects = {subjects:,}: a test takes at most {MOST_SUBJECTS:,}", help=help)


def preset_name(name: str, library: Library) -> str:
    """Find a population's name in any case: presets are written NGT or ngt."""
    low = name.lower().replace("-", "_")
    return low if name not in library.populations and low in library.populations else name


@dataclass(frozen=True)
class _Asked:
    """Source of the scenario that a call of `examine` describes; its errors name the argument."""

    data: Mapping[str, Any]
    error: type[MtorsimError] = ArgumentError

    def where(self, key: Key, needle: str | None = None) -> Where:
        """The argument from which a part of the scenario comes."""
        return Where("`dose`" if key[:1] == ("dose",) else "`at`", 0)


def _own_scenario(name: str, hours: float, longest: float, dose: str | None, library: Library) -> Scenario:
    """The scenario of a population with one drug or none until the test."""
    population = preset_name(name, library)
    if population not in library.populations:
        help = choose_from(population, library.populations)
        raise ArgumentError(f"there is no population `{population}`", help=help)
    data: dict[str, Any] = {
        "title": "virtual laboratory",
        "model": [BODY],
        "population": population,
        "duration": f"{max(hours + longest, 24.0)!r} h",
        "visits": {"at": ["0 d"]},
    }
    if dose is not None:
        drug, regimen = _dose(dose, library)
        data |= {"model": [BODY, PATHWAY, drug], "dose": [{"drug": drug, "regimen": regimen}]}
        if hours == 0:
            help = "give the time of the test: `at`, such as `4 weeks`"
            raise ArgumentError("no dose has been given at 0 h", help=help)
    return Scenario.of("laboratory", _Asked(data), library)


def _dose(text: str, library: Library) -> tuple[str, str]:
    """The drug and the regimen of `dose`."""
    drug, _, regimen = text.strip().partition(" ")
    if not (drug and regimen.strip()):
        lacking = "regimen" if drug else "drug"
        raise ArgumentError(f"`dose` = `{text}` has no {lacking}", help="write for example `everolimus 10 mg q24h`")
    if drug not in library.modules:
        help = did_you_mean(drug, library.modules) or "`mtorsim list` names them"
        raise ArgumentError(f"`dose`: there is no drug `{drug}`", help=help)
    # A module with its own glucose is a model of a person and cannot be combined with the one under test.
    if drug in (PATHWAY, CLAMP) or "glucose" in read_module(library.module(drug)).data.observables:
        raise ArgumentError(f"`{drug}` is not a drug", help="write for example `everolimus 10 mg q24h`")
    try:
        read_regimen(regimen.strip())
    except UnitError as error:
        raise ArgumentError(f"`dose`: {error.message}", help=error.help) from None
    return drug, regimen.strip()


def _modules_for(names: Sequence[str], scenario: Scenario) -> list[str]:
    """Modules of the library that define parameters or mechanisms missing in the scenario's modules."""
    library = scenario.library
    here = [read_module(library.module(m)) for m in scenario.modules if m in library.modules]
    wanted = [n for n in names if not any(_knows(m, n) for m in here)]
    found: list[str] = []
    for name in wanted:
        for other, path in library.modules.items():
            if other in scenario.modules or other in found:
                continue
            module = read_module(path)
            if _knows(module, name) and set(module.data.module.reads) <= {BODY}:
                found.append(other)
                break
    return found


def _knows(module: Module, name: str) -> bool:
    """Whether a module has this parameter (full name), or mechanisms of this name or prefix."""
    head, _, tail = name.partition(".")
    if head == module.name and tail in module.data.parameters:
        return True
    return any(c.mechanism == name or c.mechanism.startswith(name + ".") for c in module.data.contributes)


def _hours(text: str) -> float:
    try:
        value, unit = parse_quantity(text)
        return convert(value, unit, parse_unit("h"))
    except UnitError as error:
        raise ArgumentError(f"`at`: {error.message}", help="write for example `12 weeks` or `28 d`") from None
