"""Files checked without running anything: what each is, and what in it is left out or set aside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .checks import check_model
from .compose import Model, load_model
from .errors import MtorsimError, PopulationError, did_you_mean
from .library import Library, kind_of
from .model import read_module
from .plan import draft_plan
from .population import PopulationFile, load_population
from .reading import TomlFile, read_record
from .references import read_references

__all__ = ["Finding", "inspect", "model_of_module", "model_of_population"]

Kind = Literal["module", "population", "scenario"]


@dataclass(frozen=True)
class Finding:
    """What a check found in a file that is well.

    Attributes
    ----------
    facts
        Short phrases on what it holds.
    notes
        What is left out or set aside, each worth knowing.
    """

    kind: Kind
    name: str
    facts: tuple[str, ...]
    notes: tuple[str, ...]


def inspect(name: str, library: Library) -> Finding:
    """Check a module, population or scenario with everything it names.

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
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        # A module or population file brings its own folder along, as a scenario does.
        library = Library((path.parent.resolve(), *library.extra))
        kind, key = kind_of(path), path.stem
    else:
        kind, key = _kind(name, library), name
    if kind == "module":
        return _module(key, library)
    if kind == "population":
        return _population(key, library)
    return _scenario(name, library)


def _kind(name: str, library: Library) -> str:
    for kind, known in (("module", library.modules), ("population", library.populations)):
        if name in known:
            return kind
    if name not in library.scenarios and not name.endswith(".toml"):
        known = [*library.scenarios, *library.populations, *library.modules]
        help = did_you_mean(name, known) or "`mtorsim list` names everything there is"
        raise MtorsimError(f"there is no scenario, population or module `{name}`", help=help)
    return "scenario"


def model_of_module(name: str, library: Library) -> Model:
    """A module with the modules it reads, and the ones those read."""
    return load_model(_with_reads([name], library), library)


def model_of_population(name: str, library: Library) -> Model:
    """The modules whose parameters a population names, with the ones they read.

    Raises
    ------
    PopulationError
        If a parameter belongs to no module of the library.
    """
    file = TomlFile.read(library.population(name), PopulationError)
    data = read_record(file, PopulationFile)
    wanted = ["glucose_insulin"]
    for full in data.parameters:
        owner = full.partition(".")[0]
        if owner not in library.modules:
            help = did_you_mean(owner, library.modules) or "write a parameter's full name, `module.name`"
            file.fail(f"there is no module `{owner}`", ("parameters", full), help)
        wanted.append(owner)
    return load_model(_with_reads(wanted, library), library)


def _with_reads(names: list[str], library: Library) -> list[str]:
    """Names of modules in an order in which each stands after those it reads."""
    order: dict[str, None] = {}

    def visit(name: str) -> None:
        if name not in order:
            for read in read_module(library.module(name)).data.module.reads:
                # A name that is not there is reported with its place when the model is composed.
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
        f"{len(data.states)} states",
        f"{len(data.parameters)} parameters",
        f"{len(data.expressions) + len(data.observables)} equations",
        f"{len(data.contributes)} contributions",
    )
    return Finding("module", name, facts, _grades(data.parameters.values()))


def _grades(parameters) -> tuple[str, ...]:  # noqa: ANN001
    unchecked = sum(1 for line in parameters if (line.evidence or "").startswith("recalled"))
    return (f"{unchecked} of its parameters are `recalled`: nobody has checked them",) if unchecked else ()


def _population(name: str, library: Library) -> Finding:
    population = load_population(name, model_of_population(name, library), library)
    varying = sum(q.sigma > 0 for q in population.quantities)
    facts = (f"{varying} quantities vary", f"{len(population.correlation)} correlations")
    return Finding("population", name, facts, ())


def _scenario(name: str, library: Library) -> Finding:
    own = Path(name).parent.resolve()
    if name.endswith(".toml") and own not in library.extra:
        library = Library((own, *library.extra))
    draft = draft_plan(name, library=library)
    facts = (
        f"{len(draft.arms)} arm{'s' if len(draft.arms) != 1 else ''}: " + ", ".join(a.name for a in draft.arms),
        f"{draft.scenario.data.subjects:,} subjects of {draft.population.name}",
        f"{draft.scenario.data.duration}, {len(draft.scenario.visits)} visits",
    )
    notes = [f"{e.name} acts on {e.port}, which is not in this model: left out" for e in draft.model.left_out]
    if draft.population.unused:
        notes.append("not in this model, so unused: " + ", ".join(draft.population.unused))
    return Finding("scenario", draft.scenario.name, facts, tuple(notes))
