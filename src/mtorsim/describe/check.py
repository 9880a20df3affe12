"""Check files without running anything: list the contents of each, and everything that is ignored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mtorsim.errors import MtorsimError, PopulationError, did_you_mean
from mtorsim.files.library import Library, bundled_folder, kind_of
from mtorsim.files.record import read_record
from mtorsim.files.references import read_references
from mtorsim.files.roles import BODY
from mtorsim.files.toml import TomlFile
from mtorsim.model.checks import check_model
from mtorsim.model.compose import load_model
from mtorsim.model.model import Model
from mtorsim.model.read import read_module
from mtorsim.population.file import PopulationFile
from mtorsim.population.read import load_population, with_bases
from mtorsim.run.plan import Draft, draft_plan
from mtorsim.scenario.scenario import Scenario

__all__ = ["Finding", "Kind", "inspect", "model_of_module", "model_of_population", "resolve"]


Kind = Literal["module", "population", "scenario", "table", "calibration", "reporting", "grades", "meal_plan", "person"]


@dataclass(frozen=True)
class Finding:
    """The findings in a file without errors.

    Attributes
    ----------
    facts
        Short phrases on its contents.
    notes
        Remarks on parts that are ignored.
    """

    kind: Kind
    name: str
    facts: tuple[str, ...]
    notes: tuple[str, ...]


def inspect(name: str, library: Library) -> Finding:
    """Check a module, population or scenario and all files it refers to.

    Parameters
    ----------
    name
        A bundled name, or the path of a file.
    library
        Where names are looked up.

    Raises
    ------
    MtorsimError
        For the first thing that is wrong.
    """
    kind, key, library = resolve(name, library)
    if kind == "module":
        return _module(key, library)
    return _population(key, library) if kind == "population" else _scenario(name, library)


def resolve(name: str, library: Library) -> tuple[Kind, str, Library]:
    """The kind of file, its name in the library, and the library with the file's own folder.

    Raises
    ------
    MtorsimError
        If there is no such file or name.
    """
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        library = Library(tuple(dict.fromkeys((*library.extra, path.parent.resolve()))))
        found = kind_of(path)
        if found == "module":
            return "module", path.stem, library
        return ("population", path.stem, library) if found == "population" else ("scenario", name, library)
    return _kind(name, library), name, library


def _kind(name: str, library: Library) -> Kind:
    if name in library.modules:
        return "module"
    if name in library.populations:
        return "population"
    if name not in library.scenarios and not name.endswith(".toml"):
        known = [*library.scenarios, *library.populations, *library.modules]
        help = did_you_mean(name, known) or "`mtorsim list` lists all names"
        raise MtorsimError(f"there is no scenario, population or module `{name}`", help=help)
    return "scenario"


def model_of_module(name: str, library: Library) -> Model:
    """Compose a module with all modules it reads, directly or indirectly."""
    return load_model(_with_reads([name], library), library)


def model_of_population(name: str, library: Library) -> Model:
    """Compose the modules whose parameters a population names, with all modules they read.

    Raises
    ------
    PopulationError
        If a parameter belongs to no module of the library.
    """
    file, _ = with_bases(TomlFile.read(library.population(name), PopulationError), library)
    data = read_record(file, PopulationFile)
    wanted = [BODY]
    for full in data.parameters:
        owner = full.partition(".")[0]
        if owner not in library.modules:
            help = did_you_mean(owner, library.modules) or "write a parameter's full name, `module.name`"
            file.fail(f"there is no module `{owner}`", ("parameters", full), help)
        wanted.append(owner)
    return load_model(_with_reads(wanted, library), library)


def _with_reads(names: list[str], library: Library) -> list[str]:
    """Names of modules, each after those it reads."""
    order: dict[str, None] = {}
    begun: set[str] = set()

    def visit(name: str) -> None:
        if name not in begun:
            begun.add(name)
            for read in read_module(library.module(name)).data.module.reads:
                # An unknown name is reported with its place when the model is composed.
                if read in library.modules and read != name:
                    visit(read)
            order[name] = None

    for name in names:
        visit(name)
    return list(order)


def _module(name: str, library: Library) -> Finding:
    model = model_of_module(name, library)
    check_model(model, read_references(library.references))
    data = next(m for m in model.modules if m.name == name).data
    facts = (
        _count(len(data.states), "state"),
        _count(len(data.parameters), "parameter"),
        _count(len(data.expressions) + len(data.observables), "equation"),
        _count(len(data.contributes), "contribution"),
    )
    return Finding("module", name, facts, _grades(data.parameters.values()))


def _grades(parameters) -> tuple[str, ...]:  # noqa: ANN001
    unchecked = sum(1 for line in parameters if (line.evidence or "").startswith("recalled"))
    note = f"{_count(unchecked, 'parameter')} `recalled`: not checked against the source"
    return (note,) if unchecked else ()


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _population(name: str, library: Library) -> Finding:
    population = load_population(name, model_of_population(name, library), library)
    varying = sum(q.sigma > 0 for q in population.quantities)
    facts = (f"{varying} quantities vary", _count(len(population.correlation), "correlation"))
    return Finding("population", name, facts, ())


def _scenario(name: str, library: Library) -> Finding:
    draft = draft_plan(name, library=library)
    _check_sources(draft.scenario)
    facts = (
        f"{_count(len(draft.arms), 'arm')}: " + ", ".join(a.name for a in draft.arms),
        f"{_count(draft.scenario.subjects, 'subject')} of {draft.population.name}",
        f"{draft.scenario.lasts}, {_count(len(draft.scenario.visits), 'visit')}",
    )
    notes = [f"{e.name} acts on {e.port}, which is not in this model: ignored" for e in draft.model.left_out]
    if draft.population.unused and bundled_folder("models") not in draft.population.files[0].path.parents:
        unused = ", ".join(draft.population.unused)
        notes.append(f"population {draft.population.name} sets {unused}, ignored since this model lacks the module")
    notes += [
        f"nothing contributes to {port}, so `{name}` stays 0" for name, port in _unfed(draft.model) if _dosed(draft)
    ]
    return Finding("scenario", draft.scenario.name, facts, tuple(notes))


def _check_sources(scenario: Scenario) -> None:
    """Check that a source in one word is a key of a bibliography; a citation in words is not checked."""
    known = read_references(scenario.library.references)
    for i, row in enumerate(scenario.observed):
        if row.source not in known and " " not in row.source:
            help = did_you_mean(row.source, known) or "add it to a references.bib beside the file"
            message = f"source `{row.source}` is not in references.bib"
            scenario.place.fail(message, "observed", i, "source", help=help, needle=row.source)


def _unfed(model: Model) -> list[tuple[str, str]]:
    """Observables that equal an input to which no module contributes, with that input."""
    found = []
    for name, full in model.observables.items():
        reads = set(model.equations[full].scope.values())
        port = model.ports.get(next(iter(reads))) if len(reads) == 1 else None
        if port is not None and port.kind == "input" and not port.contributions:
            found.append((name, port.name))
    return found


def _dosed(draft: Draft) -> bool:
    """Whether any arm has a dose."""
    return any(arm.regimens for arm in draft.scenario.arms)
