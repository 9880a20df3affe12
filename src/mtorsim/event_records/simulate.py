"""Simulate the subjects of a table of event records."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mtorsim.errors import ArgumentError, spoken
from mtorsim.files.library import Library
from mtorsim.kernel.event import MULTIPLY, REPLACE, Events
from mtorsim.kernel.status import OK, SENTENCES
from mtorsim.model.inflow import DRIFT, drift
from mtorsim.results.folder import open_folder, write_json
from mtorsim.results.manifest import describe_run, machine
from mtorsim.run.arguments import checked
from mtorsim.run.options import Options
from mtorsim.run.plan import Plan, announce, draft_plan, make_plan
from mtorsim.run.prepare import People, prepare
from mtorsim.run.solve import recording, solve, subjects_at
from mtorsim.scenario.scenario import Scenario, scenario_of
from mtorsim.tables.cells import DIALECTS

from .layout import lay_out
from .models import scenario_of_models
from .occasions import occasion_column, with_occasions
from .replaced import reading_line, replaced_parameters
from .routes import Routes
from .subject import Seen, SubjectEvents
from .table import EventTable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["carried", "planned_records", "simulate_events", "write_records"]


GROUP = 64
"""Subjects integrated together."""
TABLE = "events.csv"
"""Name of the table among the files of a manifest."""


DRAWN, POINTS = 12, 300
"""Number of first subjects whose curves are kept for a figure, and of points of each."""


class Recorded(NamedTuple):
    """Records of some subjects.

    Attributes
    ----------
    values
        An array (records,) for each observable, and for `tad`.
    status
        Status of each subject.
    parameters
        Parameters of the first subject.
    curves
        Subject, time in hours and observables of the subjects that are drawn, one row per time.
    """

    values: dict[str, np.ndarray]
    status: np.ndarray
    parameters: dict[str, float]
    curves: dict[str, np.ndarray]


@checked
def simulate_events(
    scenario: Scenario | str | Path | Sequence[str],
    table: EventTable,
    *,
    seed: int | None = None,
    population: str | None = None,
    settings: Mapping[str, float] | None = None,
    method: str | None = None,
    precision: str | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    kernel: str = "auto",
    library: Library | None = None,
    note: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Run a table of event records through a scenario's model and population.

    The scenario's doses, meals, arms and visits are ignored: all events come from the table. The k-th subject of the
    table is subject k of the seed.

    Parameters
    ----------
    scenario
        Model, population and observables; or names of modules, for the typical person with their levels as
        observables.
    table
        The result of `read_events`.
    seed, population, settings, method, precision, rtol, atol, kernel, library, note
        As in `simulate`.

    Returns
    -------
    DataFrame
        The table's own columns, `subject_number` (from 0), `time_h`, `tad` (the time after the last dose in hours),
        `status`, and one column per observable, with its value at each record; NaN if a subject failed.

    Raises
    ------
    MtorsimError
        If the scenario or the table is invalid.
    """
    given = {"seed": seed, "population": population, "settings": settings}
    given["options"] = Options.given(method, precision, rtol, atol, kernel)
    plan, columns = planned_records(scenario, table, given, library, note)
    if note is not None:
        note(reading_line(plan.model, table, columns, plan.population.iov))
    announce(plan, note)
    plan.choose_forms(table.subjects, table.subjects * float(table.time.max(initial=0.0)) / 24)
    numbers = np.arange(table.subjects)
    groups = [records_of(plan, table, columns, numbers[i : i + GROUP]) for i in range(0, table.subjects, GROUP)]
    status = np.concatenate([group.status for group in groups])
    frame = table.frame.copy()
    sentences = [SENTENCES[int(s)] for s in status[table.subject]]
    own: dict[str, Any] = {"subject_number": table.subject, "time_h": table.time}
    own |= {name: np.concatenate([group.values[name] for group in groups]) for name in groups[0].values}
    own = {n: own[n] for n in ("subject_number", "time_h", "tad")} | {"status": sentences} | own
    for name, values in own.items():
        # A column of the table keeps its name.
        frame[name if name not in frame.columns else f"simulated_{name}"] = values
    frame.attrs["manifest"] = _manifest(plan, table, status, columns)
    # Plain lists, since pandas compares attributes.
    frame.attrs["curves"] = {name: values.tolist() for name, values in groups[0].curves.items()}
    return frame


def records_of(plan: Plan, table: EventTable, columns: Mapping[str, Sequence[str]], numbers: np.ndarray) -> Recorded:
    """Observables at the records of some subjects, in order.

    Parameters
    ----------
    columns
        The parameters that each covariate replaces.
    numbers
        Numbers of consecutive subjects.
    """
    # Records need not be fasting; observables that the model does not define have no column.
    shown = [j for j, name in enumerate(plan.observables) if plan.columns[j] >= 0 and name != "fasting_glucose"]
    group = carried(plan, table, columns, numbers, numbers, POINTS)
    seen, fine, laid = np.concatenate(group.seen), np.concatenate(group.curves), group.laid
    names = {list(plan.observables)[j]: j for j in shown}
    after = np.array([record.after_dose for own in laid for record in own.seen])
    values = {"tad": after} | {name: seen[:, j] for name, j in names.items()}
    curves: dict[str, np.ndarray] = {
        "subject_number": np.repeat(numbers, [len(own.curve) for own in laid]),
        "time_h": np.array([point.time for own in laid for point in own.curve]),
    }
    curves |= {name: fine[:, j] for name, j in names.items()}
    first = dict(zip(plan.kernel.parameters, group.parameters[0].tolist(), strict=True))
    return Recorded(values, group.status, first, curves)


@checked
def check_events(
    scenario: Scenario | str | Path | Sequence[str],
    table: EventTable,
    *,
    population: str | None = None,
    settings: Mapping[str, float] | None = None,
    library: Library | None = None,
) -> str:
    """Check a table of event records against a model, without running it.

    Parameters
    ----------
    scenario, table, population, settings, library
        As in `simulate_events`.

    Returns
    -------
    str
        How the table is read: columns, units, replaced parameters, and rows that are left out.

    Raises
    ------
    MtorsimError
        If the scenario or the table is invalid.
    """
    plan, columns = planned_records(scenario, table, {"population": population, "settings": settings}, library, None)
    routes = Routes(plan.model, plan.kernel)
    for record in range(len(table.frame)):
        if table.evid[record] in (1, 4, 5, 6) or table.cmt[record].startswith("-"):
            routes.target(table, record)
    return reading_line(plan.model, table, columns, plan.population.iov)


def planned_records(
    scenario: Scenario | str | Path | Sequence[str],
    table: EventTable,
    given: dict[str, Any],
    library: Library | None,
    note: Callable[[str], None] | None,
) -> tuple[Plan, dict[str, tuple[str, ...]]]:
    """The plan of a run, and the parameters that columns replace."""
    if not isinstance(table, EventTable):
        raise ArgumentError(f"`table` must be an `EventTable`, not {spoken(table)}", help="`read_events` returns one")
    if isinstance(scenario, (Scenario, str, Path)):
        scenario = scenario_of(scenario, library)
    else:
        scenario = scenario_of_models(scenario, given["population"], library)
    for test in scenario.tests:
        help = "remove `[[test]]`: all events come from the table"
        test.place.fail("laboratory tests cannot be combined with a table of event records", help=help)
    columns = replaced_parameters(draft_plan(scenario, **given).model, table)
    linear = [n for n, kind in table.interpolation.items() if kind == "linear" and table.changing(n) is not None]
    return make_plan(scenario, **given, note=note, ramps=[p for n in linear for p in columns[n]]), columns


def write_records(frame: pd.DataFrame, folder: Path, force: bool = False) -> Path:
    """Save the result of `simulate_events` in a folder as `records.csv`, `curves.csv` and `run.json`.

    Raises
    ------
    DataError
        If the folder already holds a result, or cannot be written to.
    """
    import pandas as pd

    open_folder(folder, force)
    path = folder / "records.csv"
    frame.to_csv(path, index=False)
    pd.DataFrame(frame.attrs["curves"]).to_csv(folder / "curves.csv", index=False, float_format="%.9g")
    write_json(folder / "run.json", frame.attrs["manifest"])
    return path


def _manifest(
    plan: Plan, table: EventTable, status: np.ndarray, replaced: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """The manifest of the run; the table is one of its files."""
    manifest = describe_run(plan, table.subjects, 1)
    text = table.frame.to_csv(index=False, sep=DIALECTS[table.options["dialect"]][0])
    counts = {SENTENCES[int(s)]: int((status == s).sum()) for s in np.unique(status)}
    return {
        **manifest,
        "files": {**manifest["files"], TABLE: text},
        "hashes": {**manifest["hashes"], TABLE: hashlib.sha256(text.encode()).hexdigest()},
        "finished": True,
        "records": len(table.frame),
        "reading": table.reading(replaced),
        "table": dict(table.options),
        "ramps": [state.removesuffix(DRIFT) for state in plan.kernel.states if state.endswith(DRIFT)],
        "order at one instant": ["additional or lagged dose", "records as they stand in the table"],
        "status": counts,
        "machine": machine(),
    }


class Group(NamedTuple):
    """Simulated subjects of a table.

    Attributes
    ----------
    seen, curves
        Observables of each at its records and on its curve, (times, observables).
    laid
        Events of each.
    status, parameters
        Status of each, and the parameters, one row each.
    """

    seen: list[np.ndarray]
    curves: list[np.ndarray]
    laid: list[SubjectEvents]
    status: np.ndarray
    parameters: np.ndarray


def carried(
    plan: Plan,
    table: EventTable,
    columns: Mapping[str, Sequence[str]],
    who: np.ndarray,
    numbers: np.ndarray,
    points: int = 0,
) -> Group:
    """Observables at every record of some subjects, each as the person that a number draws.

    Parameters
    ----------
    plan, table
        The run.
    columns
        The parameters that each covariate replaces.
    who
        Numbers of subjects in the table, (n,); one may appear several times.
    numbers
        The number by which the person of each is drawn, (n,).
    points
        Number of observations between the records of the first subjects of a table, for a figure.
    """
    people, routes = prepare(plan, numbers), Routes(plan.model, plan.kernel)
    occasion = occasion_column(table, plan.population.iov, columns)
    named = plan.kernel.named(people.parameters)
    laid: list[SubjectEvents] = []
    # Occasions are values in the table, which differ between persons drawn for one subject.
    for part in np.split(np.arange(len(who)), np.flatnonzero(np.diff(who) != 1) + 1):
        own, replaced = table, columns
        if occasion is not None:
            mine = {name: values[part] for name, values in named.items()}
            given = (columns, plan.seed, who[part], numbers[part], mine)
            own, replaced = with_occasions(table, occasion, plan.population.iov, *given)
        for i in part:
            records = range(*np.searchsorted(table.subject, (who[i], who[i] + 1)))
            fine = points if who[i] < DRAWN else 0
            laid.append(
                lay_out(own, records, routes, people.start[i], people.parameters[i], replaced, plan.kernel, fine)
            )
    status = np.array([p or own.status for p, own in zip(people.status.tolist(), laid, strict=True)], np.int64)
    seen, curves = zip(*_carried(plan, people, laid, status), strict=True)
    return Group(list(seen), list(curves), laid, status, people.parameters)


def _carried(
    plan: Plan, people: People, laid: list[SubjectEvents], status: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Observables of each subject at its records and on its curve, (times, observables); fills in their status."""
    kernel = plan.kernel
    columns = plan.columns[plan.columns >= 0]
    rows = kernel.read_by(columns)
    found = []
    times = np.unique(np.concatenate([[s.time for s in (*own.seen, *own.curve)] for own in laid]))
    events = Events.listed([own.events for own in laid])
    subjects = subjects_at(kernel, people.start, people.parameters, status)
    seen = recording(times, rows, len(laid))
    span = (0.0, max(own.end for own in laid))
    solve(kernel, plan.solver, subjects, events, span, plan.tolerance(), seen, retry=True)
    status[:] = subjects.status
    for i, own in enumerate(laid):
        both = []
        for looks in (own.seen, own.curve):
            full = np.full((len(looks), len(plan.columns)), np.nan)
            if status[i] == OK and looks:
                states = seen.out[i, np.searchsorted(times, [s.time for s in looks])]
                full[:, plan.columns >= 0] = _observed(plan, looks, states, rows, people.parameters[i], columns)
            both.append(full)
        found.append((both[0], both[1]))
    return found


def _observed(
    plan: Plan, seen: Sequence[Seen], states: np.ndarray, rows: np.ndarray, parameters: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Observables at each record, after the events that precede it, with its own covariates."""
    place = {int(row): k for k, row in enumerate(rows)}
    for state, record in zip(states, seen, strict=True):
        # A record has its own covariates, without their drift since the one before.
        for name in record.parameters:
            if drift(name) in plan.kernel.states and (row := plan.kernel.states.index(drift(name))) in place:
                state[place[row]] = 0.0
        for kind, row, amount in record.before:
            if row in place:
                k = place[row]
                state[k] = amount if kind == REPLACE else state[k] * amount if kind == MULTIPLY else state[k] + amount
    out = np.full((len(seen), len(columns)), np.nan)
    times = np.array([record.time for record in seen])
    start = 0
    for _, same in groupby(seen, key=lambda record: record.parameters):
        now = parameters.copy()
        own = list(same)
        for name, value in own[0].parameters.items():
            now[plan.kernel.parameters.index(name)] = value
        part = slice(start, start + len(own))
        out[part] = plan.kernel.observed(times[part], states[None, part], rows, now[None], columns)[0]
        start = part.stop
    return out
