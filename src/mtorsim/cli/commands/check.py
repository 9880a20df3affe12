"""`mtorsim check`: check files without running anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from mtorsim.cli.console import print_json
from mtorsim.cli.options import as_json, library, library_of, quiet
from mtorsim.cli.table_options import read_table, table_options
from mtorsim.errors import ArgumentError, MtorsimError

if TYPE_CHECKING:
    from mtorsim.describe.check import Finding, Kind
    from mtorsim.files.library import Library

TABLES = (".csv", ".tsv", ".txt", ".dat", ".xpt", ".sas7bdat", ".dta", ".sav", ".rds", ".feather", ".parquet")
"""Endings of tables of event records."""


@click.command()
@click.argument("names", nargs=-1)
@table_options
@library
@as_json
@quiet
def command(names: tuple[str, ...], folders: tuple[Path, ...], as_json: bool, quiet: bool, **given: Any) -> int:
    """Check NAMES, files or names; by default all files in the working folder and all bundled ones.

    A table of event records (.csv, .xpt, .rds) is checked against the modules of --model, or the scenario before it:
    how each column is read, in which units, and which rows are left out.

    \b
      mtorsim check records.csv --model my_pk

    Names, units, ranges, sources, times and doses are checked, in each file and in the files it refers to. Exit
    code 0: all ok; 2: an error was found.
    """  # noqa: D301
    import sys

    from mtorsim.cli import as_typed
    from mtorsim.describe.check import inspect
    from mtorsim.files.library import kind_of

    known = library_of(None, folders)
    chosen = names or (*known.modules, *known.populations, *known.scenarios)
    records, wrong = [], 0
    before = None
    for name in chosen:
        try:
            if name.lower().endswith(TABLES):
                found = _table(name, before, known, given)
            elif kind_of(Path(name)) == "person":
                found = _person(Path(name), known)
            elif kind_of(Path(name)) in _SMALL:
                found = _small(Path(name))
            else:
                found = inspect(name, known)
                before = name if found.kind == "scenario" else before
        except MtorsimError as error:
            wrong += 1
            records.append({"name": name, "error": str(error)})
            if not as_json:
                print(as_typed(error), file=sys.stderr)
            continue
        records.append({"name": found.name, "kind": found.kind, "facts": found.facts, "notes": found.notes})
        if not as_json and not quiet:
            print(f"ok: {found.kind} {found.name}: {'; '.join(found.facts)}")
            for line in found.notes:
                print(f"  note: {line}")
    if as_json:
        print_json(records)
    return 2 if wrong else 0


def _table(name: str, scenario: str | None, library: Library, given: dict[str, Any]) -> Finding:
    """Check a table of event records."""
    from mtorsim.describe.check import Finding
    from mtorsim.event_records.simulate import check_events

    model = list(given["models"]) or scenario
    if not model:
        raise ArgumentError(
            f"`{name}` is a table of event records", help="name its modules by --model, or put a scenario before it"
        )
    reading = check_events(model, read_table(Path(name), given), library=library)
    _, _, told = reading.partition(": ")
    return Finding("table", name, tuple(told.split("; ")), ())


def _person(path: Path, library: Library) -> Finding:
    """Check a person's file, and the population and modules it refers to."""
    from mtorsim.analysis.forecast.forecast import check_person
    from mtorsim.analysis.forecast.person import read_person
    from mtorsim.describe.check import Finding

    person = read_person(path, library)
    plan = check_person(person)
    options = ", ".join(c.name for c in person.choices)
    facts = (
        f"{len(person.values)} values until {person.day(person.values[-1].time)}",
        f"before them {plan.population.name}",
        f"ahead until {person.day(person.end)}: {options}",
    )
    return Finding("person", path.stem, facts, ())


_SMALL = ("calibration", "reporting", "grades", "meal_plan")


def _small(path: Path) -> Finding:
    """Check a file of trials or meals."""
    from mtorsim.describe.check import Finding
    from mtorsim.files.library import Library, kind_of

    kind, library = kind_of(path), Library((path.parent.resolve(),))
    if kind == "calibration":
        from mtorsim.trial.calibration_file import read_calibration

        data = read_calibration(str(path), library)
        facts = (f"{len(data.quantity)} quantities", "trials: " + ", ".join(data.calibration.trials))
    elif kind == "reporting":
        from mtorsim.trial.reporting import read_reporting

        facts = (read_reporting(path.stem, library).about,)
    elif kind == "grades":
        from mtorsim.scenario.grades import read_scale

        data = read_scale(path.stem, library)
        facts = (data.grades.about, f"{len(data.grade)} grades")
    else:
        from mtorsim.errors import ScenarioError
        from mtorsim.files.toml import TomlFile
        from mtorsim.scenario.read_meals import eaten_daily

        meals = eaten_daily(TomlFile.read(path, ScenarioError))
        eaten = ", ".join(
            f"{sum(getattr(m, what) for m in meals):g} g of {what}" for what in ("carbohydrate", "protein", "fat")
        )
        facts = (f"{len(meals)} meals, {eaten} a day",)
    return Finding(cast("Kind", kind), path.stem, facts, ())
