"""A scenario for a table of event records, from names of modules alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mtorsim.errors import ArgumentError, spoken
from mtorsim.files.library import Library, library_for
from mtorsim.model.compose import load_model
from mtorsim.model.model import Model
from mtorsim.scenario.scenario import Scenario

__all__ = ["scenario_of_models"]

TYPICAL = "typical"
"""The population of such a scenario, unless another is named."""


def scenario_of_models(names: Sequence[str], population: str | None, library: Library | None) -> Scenario:
    """Make a scenario of some modules, by name or path, without doses, whose observables are levels of drugs.

    Raises
    ------
    ArgumentError
        If `names` are not names.
    MtorsimError
        If there are no such modules, or no such population.
    """
    if not names or not all(isinstance(name, str) for name in names):
        raise ArgumentError(f"`scenario` must be a scenario or a list of names of modules, not {spoken(list(names))}")
    library = library or library_for()
    files = [Path(name) for name in names if name.endswith(".toml")]
    library = Library(tuple(dict.fromkeys((*library.extra, *(path.parent.resolve() for path in files)))))
    names = [Path(name).stem if name.endswith(".toml") else name for name in names]
    model = load_model(list(names), library)
    return Scenario(
        model=list(names),
        population=population or TYPICAL,
        duration="1 d",
        visits=["0 d"],
        name=names[0],
        title=" + ".join(names),
        subjects=1,
        observe=_levels(model),
        library=library,
    )


def _levels(model: Model) -> list[str]:
    """Concentrations of a model without observables of its own; its states if it has none."""
    if model.observables:
        return []
    expressions = (name for name, equation in model.equations.items() if equation.kind == "expression")
    found = [name for name in expressions if _is_level(model, name)]
    return found or list(model.states)


def _is_level(model: Model, name: str) -> bool:
    powers = dict(model.units[name].dims)
    return powers.get("L") == -1 and len(powers) == 2
