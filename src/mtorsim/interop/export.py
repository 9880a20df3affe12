"""Export a model with one person's numbers, and a scenario's doses and meals, to the language of another tool."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from mtorsim.errors import ArgumentError, choose_from, spoken
from mtorsim.files.library import Library, library_for
from mtorsim.scenario.scenario import Scenario, scenario_of

from .dosing import Dosing
from .flat import FlatModel
from .flatten import flatten
from .person import person_of
from .saving import save_texts

__all__ = ["LANGUAGES", "Exported", "export_model", "written"]


@dataclass(frozen=True)
class Exported:
    """An exported model.

    Attributes
    ----------
    language
        One of `LANGUAGES`.
    text
        The model.
    events
        Doses and meals as a table of event records (CSV), for languages that read one; None for others. That of NONMEM
        has records of observations too.
    left_out
        What the language cannot say, one sentence each.
    flat
        What was written.
    """

    language: str
    text: str
    events: str | None
    left_out: tuple[str, ...]
    flat: FlatModel

    def __repr__(self) -> str:
        flat = self.flat
        return f"Exported({flat.name} as {self.language}: {len(flat.states)} states, {len(flat.doses)} doses)"

    def save(self, path: str | Path, force: bool = False) -> list[Path]:
        """Write the model to a file, and its event records beside it.

        Returns
        -------
        list
            The files.

        Raises
        ------
        DataError
            If a file exists and `force` is false, or cannot be written.
        """
        path = Path(path).expanduser()
        files = {path: self.text}
        if self.events is not None and (self.flat.doses or self.language == "nonmem"):
            files[events_path(path)] = self.events
        return save_texts(files, force)


def events_path(path: Path) -> Path:
    """The file of event records beside a model."""
    return path.with_name(f"{path.stem}_events.csv")


def export_model(
    model: str | Sequence[str] | Scenario | Path,
    language: str,
    *,
    scenario: Scenario | str | Path | None = None,
    arm: str | None = None,
    subject: int = 0,
    population: str | None = None,
    duration: float | None = None,
    settings: Mapping[str, float] | None = None,
    library: Library | None = None,
    events_file: str = "events.csv",
    note: Callable[[str], None] | None = None,
) -> Exported:
    """Export a model.

    Parameters
    ----------
    model
        Names of modules, or a scenario, whose doses and meals are then exported too.
    language
        One of `LANGUAGES`: `sbml`, `antimony`, `mrgsolve`, `rxode2`, `nonmem`, `desolve`, `julia`.
    scenario
        Another place for a scenario: it gives doses and meals to the modules `model`.
    arm, subject
        Whose parameters, resting state, doses and meals: default the first arm and subject 0.
    population
        Another population than the scenario's; for modules alone, the typical person by default.
    duration
        Hours after which doses and meals are left out; default: the scenario's.
    settings
        Values that replace those of the files.
    events_file
        Name of the file of event records, for control streams that name it.

    Raises
    ------
    ArgumentError
        If the language is unknown, its library is not installed, or it cannot say what the model does.

    Examples
    --------
    >>> import mtorsim as mt
    >>> mt.export_model("minimal", "desolve")
    Exported(minimal as desolve: 8 states, 0 doses)
    """
    if language not in LANGUAGES:
        raise ArgumentError(f"there is no language `{language}`", help=choose_from(language, LANGUAGES))
    found = _scenario(model, scenario, population, library)
    person = person_of(found, arm=arm, subject=subject, settings=settings, note=note)
    flat = flatten(person, duration)
    if scenario is None and not _is_scenario(model, library):
        flat = replace(flat, doses=())
    return written(flat, language, events_file)


def _is_scenario(model: str | Sequence[str] | Scenario | Path, library: Library | None) -> bool:
    """Whether a model is given as a scenario: one name that no module has."""
    if isinstance(model, str):
        known = library or library_for()
        return model in known.scenarios and model not in known.modules
    return isinstance(model, (Scenario, Path))


def _scenario(
    model: str | Sequence[str] | Scenario | Path,
    scenario: Scenario | str | Path | None,
    population: str | None,
    library: Library | None,
) -> Scenario:
    """The scenario with the model, or one without doses."""
    from mtorsim.event_records.models import scenario_of_models

    changes = {} if population is None else {"population": population}
    if scenario is not None:
        modules = [model] if isinstance(model, str) else list(model) if isinstance(model, Sequence) else None
        if modules is None:
            raise ArgumentError(f"`model` must be names of modules beside `scenario`, not {spoken(model)}")
        return scenario_of(scenario, library).replace(model=modules, **changes)
    if _is_scenario(model, library):
        found = scenario_of(cast("Scenario | Path | str", model), library)
        return found.replace(**changes) if changes else found
    names = [model] if isinstance(model, str) else list(cast("Sequence[str]", model))
    return scenario_of_models(names, population, library)


def written(flat: FlatModel, language: str, events_file: str = "events.csv") -> Exported:
    """A flat model in a language."""
    text, dosing = LANGUAGES[language](flat, events_file)
    left_out = [*flat.left_out, *(dosing.left_out if dosing else ())]
    events = None if dosing is None else _records(flat, dosing, language)
    return Exported(language, text, events, tuple(left_out), flat)


def _sbml(flat: FlatModel, _: str) -> tuple[str, None]:
    from .sbml.write import write_sbml

    return write_sbml(flat), None


def _antimony(flat: FlatModel, _: str) -> tuple[str, None]:
    from .antimony import write_antimony

    return write_antimony(flat), None


def _mrgsolve(flat: FlatModel, _: str) -> tuple[str, Dosing]:
    from .mrgsolve.write import write_mrgsolve

    return write_mrgsolve(flat)


def _rxode2(flat: FlatModel, _: str) -> tuple[str, Dosing]:
    from .rxode2.write import write_rxode2

    return write_rxode2(flat)


def _nonmem(flat: FlatModel, events_file: str) -> tuple[str, Dosing]:
    from .nonmem.write import write_nonmem

    return write_nonmem(flat, events_file)


def _desolve(flat: FlatModel, _: str) -> tuple[str, None]:
    from .desolve import write_desolve

    return write_desolve(flat), None


def _julia(flat: FlatModel, _: str) -> tuple[str, None]:
    from .julia import write_julia

    return write_julia(flat), None


LANGUAGES: Mapping[str, Callable[[FlatModel, str], tuple[str, Dosing | None]]] = {
    "sbml": _sbml,
    "antimony": _antimony,
    "mrgsolve": _mrgsolve,
    "rxode2": _rxode2,
    "nonmem": _nonmem,
    "desolve": _desolve,
    "julia": _julia,
}
"""Writers by language."""

SUFFIXES = {
    "sbml": ".xml",
    "antimony": ".ant",
    "mrgsolve": ".cpp",
    "rxode2": ".R",
    "nonmem": ".ctl",
    "desolve": ".R",
    "julia": ".jl",
}
"""How files of each language end."""

SAMPLES = 200
"""Observation records of a NONMEM data file."""


def _records(flat: FlatModel, dosing: Dosing, language: str) -> str:
    """Event records as CSV: of NONMEM with observations, and compartments by number; of R tools by name."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if language == "nonmem":
        from .nonmem.write import DATA_COLUMNS

        place = {s: k for k, s in enumerate(flat.states, start=1)}
        rows = [
            (r.time, 0, [1, repr(r.time), 1, place[r.to], repr(r.amount), repr(r.rate), ".", 1]) for r in dosing.records
        ]
        step = flat.duration / SAMPLES
        rows += [(step * k, -1, [1, repr(step * k), 0, 1, ".", ".", ".", 0]) for k in range(SAMPLES + 1)]
        writer.writerow(DATA_COLUMNS)
        writer.writerows(row for _, _, row in sorted(rows, key=lambda r: (r[0], r[1])))
    else:
        names = dosing.names
        lower = language == "rxode2"
        head = ["ID", "time", "evid", "cmt", "amt", "rate"]
        writer.writerow([h.lower() for h in head] if lower else head)
        writer.writerows([1, repr(r.time), 1, names[r.to], repr(r.amount), repr(r.rate)] for r in dosing.records)
    return out.getvalue()
