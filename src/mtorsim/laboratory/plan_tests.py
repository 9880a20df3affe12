"""A test planned: people of a preset or of a scenario, the modules it needs, the time it is done."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mtorsim.errors import MtorsimError, SetError, UnitError, did_you_mean, shown_path
from mtorsim.files.library import Library, library_for
from mtorsim.files.toml import TomlFile
from mtorsim.model.file import Module, read_module
from mtorsim.protocols.protocol import Protocol, needs, without_body
from mtorsim.run.options import Options
from mtorsim.run.plan import Plan, make_plan
from mtorsim.scenario.read import LONGEST, read_scenario, scenario_from_text
from mtorsim.scenario.scenario import Scenario
from mtorsim.units.units import convert, parse_quantity, parse_unit

from .run_test import BODY

__all__ = ["RTOL", "plan_tests", "preset_name"]


OWN = Path("<laboratory>.toml")
"""Where the scenario would stand that a test without one is done in."""
MOST_SUBJECTS = 10_000
"""Every curve of every subject is held in memory."""
RTOL = 1e-4
"""A test is one short run, and its indices are differences: finer than a long run needs."""


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
    """The plan that some tests are done with, when in hours, and in how many subjects; see `examine`."""
    hours = _hours(at) if isinstance(at, str) else float(at)
    if hours < 0:
        raise SetError(f"`at` = {at} lies before the start")
    if not hours <= LONGEST:
        raise SetError(f"`at` = {at} is too late: a scenario lasts 100 years at most")
    longest = max((p.duration for p in tests if p.everyday), default=0.0)
    if scenario is None:
        assert population is not None
        library = library or library_for(Path())
        name = preset_name(population, library)
        scenario = _own_scenario(name, hours, longest, dose, library)
        if dose is not None and hours == 0:
            raise SetError(
                "nothing has been given yet at 0 h", help="say when the test is done: `at`, such as `4 weeks`"
            )
        typical = not TomlFile.read(library.population(name), SetError).data.get("population", {}).get("spread", True)
        n = subjects if subjects is not None else (1 if typical else 100)
    else:
        if dose is not None:
            raise SetError("a scenario says itself what is given", help="leave out `dose`, or the scenario")
        if not isinstance(scenario, Scenario):
            library = library or library_for(scenario)
            scenario = read_scenario(scenario, library)
        n = scenario.data.subjects if subjects is None else subjects
    for name in settings or {}:
        if name in ("clamp.on", "clamp.target"):
            raise SetError(f"`{name}` belongs to the test", help="`target` of the test `clamp` says what is held")
    library = library or library_for(scenario.file.path)
    for test in tests:
        if lacking := without_body(test.name, scenario.data.model):
            raise SetError(lacking[0], help=lacking[1])
    more = [*needs(tests), *_modules_for([*(settings or {})], scenario, library)]
    model = list(dict.fromkeys([*scenario.data.model, *more]))
    scenario = replace(scenario, data=scenario.data.model_copy(update={"model": model}))
    if n < 1:
        raise SetError(f"subjects = {n}: there must be at least 1")
    if n > MOST_SUBJECTS:
        help = "a scenario with `[[test]]` streams them to a folder"
        raise SetError(f"subjects = {n:,}: a test is of at most {MOST_SUBJECTS:,}", help=help)
    with _naming_options():
        plan = make_plan(
            scenario, seed=seed, settings=settings, options=Options.given(rtol=rtol), library=library, note=note
        )
    return plan, hours, n


def preset_name(name: str, library: Library) -> str:
    """A population's name, whatever its case: presets are written NGT or ngt."""
    low = name.lower().replace("-", "_")
    return low if name not in library.populations and low in library.populations else name


def _own_scenario(population: str, hours: float, longest: float, dose: str | None, library: Library) -> Scenario:
    """People of a population, taking a drug or nothing until they are tested."""
    if population not in library.populations:
        help = did_you_mean(population, library.populations) or "known are " + ", ".join(library.populations)
        raise SetError(f"there is no population `{population}`", help=help)
    drug, _, regimen = (dose or "").strip().partition(" ")
    if dose is not None and not (drug and regimen.strip()):
        raise SetError(
            f"`dose` = `{dose}` has no {'regimen' if drug else 'drug'}",
            help="write for example `everolimus 10 mg q24h`",
        )
    if drug and drug not in library.modules:
        help = did_you_mean(drug, library.modules)
        raise SetError(f"`dose`: there is no drug `{drug}`", help=help or "`mtorsim list` names them")
    # What has its own glucose is a model of a person, which cannot stand beside the one that is tested.
    if drug in ("mtor", "clamp") or (drug and "glucose" in read_module(library.module(drug)).data.observables):
        raise SetError(f"`{drug}` is no drug", help="write for example `everolimus 10 mg q24h`")
    model = [BODY, *(("mtor", drug) if drug else ())]
    lines = [
        'title = "virtual laboratory"',
        f"model = {model}",
        f'population = "{population}"',
        "subjects = 1",
        f'duration = "{max(hours + longest, 24.0)!r} h"',
        "[visits]",
        'at = ["0 d"]',
    ]
    if drug:
        lines += ["[[dose]]", f"drug = {_quoted(drug)}", f"regimen = {_quoted(regimen.strip())}"]
    with _naming_options():
        return scenario_from_text("\n".join(lines).replace("'", '"'), OWN, library)


@contextmanager
def _naming_options() -> Iterator[None]:
    """Say of a mistake in the laboratory's own scenario, which nobody wrote, the option that it comes from."""
    try:
        yield
    except MtorsimError as error:
        if error.where is None or error.where.path != shown_path(OWN):
            raise
        said = re.sub(r"^`(regimen|duration)`: ", "", error.message)
        option = "`at`: " if error.where.text.startswith("duration") else "`dose`: "
        raise SetError(option + said, help=error.help) from None


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _modules_for(names: Sequence[str], scenario: Scenario, library: Library) -> list[str]:
    """Modules of the library that know a parameter or a mechanism which those of a scenario do not."""
    here = [read_module(library.module(m)) for m in scenario.data.model if m in library.modules]
    wanted = [n for n in names if not any(_knows(m, n) for m in here)]
    found: list[str] = []
    for name in wanted:
        for other, path in library.modules.items():
            if other in scenario.data.model or other in found:
                continue
            module = read_module(path)
            if _knows(module, name) and set(module.data.module.reads) <= {BODY}:
                found.append(other)
                break
    return found


def _knows(module: Module, name: str) -> bool:
    """Whether a module has this parameter, written in full, or mechanisms of this name or head."""
    head, _, tail = name.partition(".")
    if head == module.name and tail in module.data.parameters:
        return True
    return any(c.mechanism == name or c.mechanism.startswith(name + ".") for c in module.data.contributes)


def _hours(text: str) -> float:
    try:
        value, unit = parse_quantity(text)
        return convert(value, unit, parse_unit("h"))
    except UnitError as error:
        raise SetError(f"`at`: {error.message}", help="write for example `12 weeks` or `28 d`") from None
