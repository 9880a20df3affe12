"""The states of one person over time, by our own solver at a tight tolerance: what other engines are compared with."""

from __future__ import annotations

import numpy as np

from mtorsim.compiler.solver import load_solver
from mtorsim.errors import DataError
from mtorsim.kernel.status import OK, SENTENCES
from mtorsim.run.solve import parameters_in, recording, solve, subjects_at

from .person import Person

__all__ = ["trajectory"]


def trajectory(person: Person, times: np.ndarray, method: str = "grk4t") -> dict[str, np.ndarray]:
    """Integrate one person over a scenario.

    Parameters
    ----------
    times
        Hours from the start, ascending; a sample at the time of a dose precedes the dose.
    method
        Of integration.

    Returns
    -------
    dict
        Values of each state, (times,), by full name.

    Raises
    ------
    DataError
        If the integration fails.
    """
    plan, kernel = person.plan, person.plan.kernel
    solver = load_solver("grk4t" if method == "grk4t" else "tsit5", "double")
    parameters = parameters_in(plan, person.arm, person.people)
    schedule = person.arm.schedule.of_subjects(plan.seed, person.people.subjects, person.people.traits_of(plan))
    events, _ = schedule.events(kernel.states, kernel.named(parameters), plan.seed, person.people.subjects)
    subjects = subjects_at(kernel, person.people.start, parameters)
    kept = recording(np.asarray(times, float), np.arange(len(kernel.states)), 1)
    end = float(times[-1])
    solve(kernel, solver, subjects, events, (0.0, end), plan.tolerance(), kept, retry=True)
    if subjects.status[0] != OK:
        raise DataError(f"the integration failed: {SENTENCES[int(subjects.status[0])]}")
    found = {name: kept.out[0, :, j].copy() for j, name in enumerate(kernel.states)}
    if len(times) and times[0] == 0:
        for j, name in enumerate(kernel.states):
            found[name][0] = person.people.start[0, j]
    return {s: found.get(s, np.full(len(times), person.start[s])) for s in plan.model.states}
