"""Simulate the subjects of a table of event records."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.errors import ArgumentError, DataError, SettingError, spoken
from mtorsim.files.library import Library
from mtorsim.kernel.event import PARAMETER, Events
from mtorsim.kernel.status import OK, SENTENCES
from mtorsim.model.checks import check_value
from mtorsim.results.folder import open_folder, write_json
from mtorsim.results.manifest import describe_run, machine
from mtorsim.run.arguments import checked
from mtorsim.run.options import RTOL, Options
from mtorsim.run.plan import Plan, announce, make_plan
from mtorsim.run.prepare import People, prepare
from mtorsim.run.solve import recording, solve, subjects_at
from mtorsim.scenario.scenario import Scenario, scenario_of

from .layout import SubjectEvents, lay_out
from .routes import Routes
from .table import EventTable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["simulate_events", "write_records"]


GROUP = 64
"""Subjects integrated together."""


@checked
def simulate_events(
    scenario: Scenario | str | Path,
    table: EventTable,
    *,
    seed: int | None = None,
    population: str | None = None,
    settings: Mapping[str, float] | None = None,
    method: str | None = None,
    precision: str | None = None,
    rtol: float = RTOL,
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
        Model, population and observables.
    table
        The result of `read_events`.
    seed, population, settings, method, precision, rtol, atol, kernel, library, note
        As in `simulate`.

    Returns
    -------
    DataFrame
        The table's own columns, `tad`, the time after the last dose in hours, `status`, and one column per observable,
        with its value at each record; NaN if a subject failed.

    Raises
    ------
    MtorsimError
        If the scenario or the table is invalid.
    """
    options = Options.given(method, precision, rtol, atol, kernel)
    if not isinstance(table, EventTable):
        raise ArgumentError(f"`table` must be an `EventTable`, not {spoken(table)}", help="`read_events` returns one")
    scenario = scenario_of(scenario, library)
    for test in scenario.tests:
        help = "remove `[[test]]`: all events come from the table"
        test.place.fail("laboratory tests cannot be combined with a table of event records", help=help)
    plan = make_plan(scenario, seed=seed, population=population, settings=settings, options=options, note=note)
    columns = _columns(plan, table)
    announce(plan, note)
    plan.choose_forms(table.subjects, table.subjects * float(table.time.max(initial=0.0)) / 24)
    # Records need not be fasting; observables that the model does not define have no column.
    shown = [j for j, name in enumerate(plan.observables) if plan.columns[j] >= 0 and name != "fasting_glucose"]
    groups = [_group(plan, table, columns, first) for first in range(0, table.subjects, GROUP)]
    seen, after, status = (np.concatenate(part) for part in zip(*groups, strict=True))
    frame = table.frame.copy()
    frame["tad"] = after
    frame["status"] = [SENTENCES[int(s)] for s in status]
    for j in shown:
        frame[list(plan.observables)[j]] = seen[:, j]
    frame.attrs["manifest"] = _manifest(plan, table, status)
    return frame


def write_records(frame: pd.DataFrame, folder: Path, force: bool = False) -> Path:
    """Save the result of `simulate_events` in a folder as `records.csv` and `run.json`.

    Raises
    ------
    DataError
        If the folder already holds a result, or cannot be written to.
    """
    open_folder(folder, force)
    path = folder / "records.csv"
    frame.to_csv(path, index=False)
    write_json(folder / "run.json", frame.attrs["manifest"])
    return path


def _manifest(plan: Plan, table: EventTable, status: np.ndarray) -> dict[str, Any]:
    """The manifest of the run; the table is one of its files."""
    manifest = describe_run(plan, table.subjects, 1)
    text = table.frame.to_csv(index=False)
    ends = status[np.searchsorted(table.subject, np.arange(table.subjects))]
    counts = {SENTENCES[int(s)]: int((ends == s).sum()) for s in np.unique(ends)}
    return {
        **manifest,
        "files": {**manifest["files"], "events.csv": text},
        "hashes": {**manifest["hashes"], "events.csv": hashlib.sha256(text.encode()).hexdigest()},
        "finished": True,
        "records": len(table.frame),
        "interpolation": dict(table.interpolation),
        "order at one instant": ["additional or lagged dose", "records as they stand in the table"],
        "status": counts,
        "machine": machine(),
    }


def _columns(plan: Plan, table: EventTable) -> dict[str, str]:
    """The parameter that each covariate of the table replaces."""
    known: dict[str, str] = {}
    for full, (line, _) in plan.model.parameters.items():
        known[full.lower()] = full
        known.setdefault(full.partition(".")[2].lower(), full)
        if line.covariate:
            known[line.covariate.lower()] = full
    found = {name: known[name.lower()] for name in table.frame.columns if name.lower() in known}
    for name in found:
        if name not in table.covariates:
            bad = table.not_a_number(name)
            table.fail(bad, name, f"`{table.frame[name].iloc[bad]}` is not a number", f"it would be `{found[name]}`")
    for name in found:
        record = table.changing(name)
        if record is not None and name not in table.interpolation:
            table.fail(record, name, "this covariate changes", f"name `{name}`'s interpolation: locf, nocb or linear")
    for name, full in found.items():
        for record in np.flatnonzero(~np.isnan(table.covariates[name])):
            value = float(table.covariates[name][record])
            try:
                check_value(full, plan.model.parameters[full][0], value)
            except SettingError as error:
                table.fail(int(record), name, error.message, error.help)
    for name in table.interpolation:
        if name not in found:
            raise DataError(f"the model has no parameter for the covariate `{name}`")
    return found


def _group(
    plan: Plan, table: EventTable, columns: Mapping[str, str], first: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Observables at every record of some subjects, (records, observables), time after dose, and status."""
    numbers = np.arange(first, min(first + GROUP, table.subjects))
    people, routes = prepare(plan, numbers), Routes(plan.model, plan.kernel)
    bounds = np.searchsorted(table.subject, np.append(numbers, numbers[-1] + 1))
    laid = [
        lay_out(table, range(a, b), routes, people.start[i], people.parameters[i], columns, plan.kernel)
        for i, (a, b) in enumerate(pairwise(bounds))
    ]
    status = np.array([p or own.status for p, own in zip(people.status.tolist(), laid, strict=True)], np.int64)
    seen = _carried(plan, people, laid, status)
    counts = [len(own.seen) for own in laid]
    return np.concatenate(seen), np.concatenate([own.after_dose for own in laid]), np.repeat(status, counts)


def _carried(plan: Plan, people: People, laid: list[SubjectEvents], status: np.ndarray) -> list[np.ndarray]:
    """Observables at every record of each subject, (records, observables); fills in the status of each."""
    kernel = plan.kernel
    columns = plan.columns[plan.columns >= 0]
    rows = kernel.read_by(columns)
    found = []
    times = np.unique(np.concatenate([own.seen for own in laid]))
    events = Events.listed([own.events for own in laid])
    subjects = subjects_at(kernel, people.start, people.parameters, status)
    seen = recording(times, rows, len(laid))
    span = (0.0, max(own.end for own in laid))
    solve(kernel, plan.solver, subjects, events, span, plan.tolerance(), seen, retry=True)
    status[:] = subjects.status
    for i, own in enumerate(laid):
        at = np.searchsorted(times, own.seen)
        full = np.full((len(own.seen), len(plan.columns)), np.nan)
        if status[i] == OK:
            states, parameters = seen.out[i, at], people.parameters[i]
            full[:, plan.columns >= 0] = _observed(plan, own, times[at], states, rows, parameters, columns)
        found.append(full)
    return found


def _observed(
    plan: Plan,
    own: SubjectEvents,
    times: np.ndarray,
    states: np.ndarray,
    rows: np.ndarray,
    parameters: np.ndarray,
    columns: np.ndarray,
) -> np.ndarray:
    """Observables at each record, with the parameter values at that time."""
    out = np.full((len(times), len(columns)), np.nan)
    changes = [(t, row, amount) for t, kind, row, amount in own.events if kind == PARAMETER]
    now, k = parameters.copy(), 0
    start = 0
    while start < len(times):
        while k < len(changes) and changes[k][0] < times[start]:
            now[changes[k][1]] = changes[k][2]
            k += 1
        limit = changes[k][0] if k < len(changes) else np.inf
        stop = max(start + 1, int(np.searchsorted(times, limit, side="right")))
        part = slice(start, stop)
        out[part] = plan.kernel.observed(times[part], states[None, part], rows, now[None], columns)[0]
        start = stop
    return out
