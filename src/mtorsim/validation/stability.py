"""Untreated subjects do not drift, and disturbances decay: one-day multipliers of every preset."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mtorsim.kernel.status import OK
from mtorsim.run.options import Options
from mtorsim.run.plan import make_plan
from mtorsim.run.prepare import prepare
from mtorsim.run.solve import parameters_in, solve, subjects_at
from mtorsim.simulation.simulate import simulate

from .check import Check, judged
from .session import PRESETS, Session

__all__ = ["drift_checks", "multipliers", "stability_checks"]

SHIFT = 1e-3
"""Finite difference step relative to each state's scale: truncation error is its square, rounding error its inverse."""


def multipliers(session: Session, preset: str) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Floquet multipliers of the untreated day of a preset, including slow states.

    Returns
    -------
    states
        Names.
    values
        Eigenvalues of the derivative of the one-day map at the periodic day, the largest first, by central differences.
    share
        Participation of each state in the mode of the largest: left times right eigenvector.
    """
    options = Options(method="tsit5", precision="double", rtol=1e-9, atol=1e-10)
    plan = make_plan(session.untreated(preset), options=options, note=session.note)
    people, arm = prepare(plan, np.zeros(1, np.int64)), plan.arms[0]
    kernel = plan.kernel
    n = len(kernel.states)
    scale = plan.scales(kernel)
    start = np.repeat(people.start, 2 * n, axis=0)
    start[np.arange(n), np.arange(n)] += SHIFT * scale
    start[n + np.arange(n), np.arange(n)] -= SHIFT * scale
    parameters = np.repeat(parameters_in(plan, arm, people), 2 * n, axis=0)
    events, _ = arm.schedule.events(kernel.states, kernel.named(parameters), plan.seed, np.arange(2 * n))
    subjects = subjects_at(kernel, start, parameters)
    solve(kernel, plan.solver, subjects, events, (0.0, 24.0), plan.tolerance())
    end, status = subjects.state, subjects.status
    if (status != OK).any():
        return kernel.states, np.full(n, np.nan, complex), np.zeros(n)
    jacobian = ((end[:n] - end[n:]) / (2 * SHIFT) / scale).T
    values, right = np.linalg.eig(jacobian)
    others, left = np.linalg.eig(jacobian.T)
    share = np.abs(right[:, np.argmax(np.abs(values))] * left[:, np.argmax(np.abs(others))])
    return kernel.states, values[np.argsort(-np.abs(values))], share


def stability_checks(session: Session) -> Iterator[Check]:
    """Check the largest multiplier of each preset, and name its dominant state."""
    for preset in PRESETS:
        states, values, share = multipliers(session, preset)
        owner = states[int(np.argmax(share))].partition(".")[2]
        largest, second = float(np.abs(values[0])), float(np.abs(values[1]))
        years = -1 / (365.25 * np.log(largest)) if 0 < largest < 1 else np.inf
        yield judged(
            f"floquet.{preset}",
            "stability",
            f"one-day map of {preset}: largest multiplier, below 1 if all disturbances decay",
            "below 1",
            largest,
            "1",
            "design",
            "in-sample",
            "this_work",
            None,
            1 - 1e-9,
            f"mode of `{owner}`, time constant {years:.3g} years; the next multiplier is {second:.4f}",
        )


def drift_checks(session: Session) -> Iterator[Check]:
    """Check the change of daily mean glucose over 180 untreated days in 1,000 subjects of two populations."""
    at = [f"{24 * day + hour} h" for day in (0, 180) for hour in range(24)]
    for population in ("healthy_adults", "breast_postmenopausal"):
        visits = {"at": at, "sample": "random"}
        scenario = session.untreated(population, subjects=1000, duration="181 d", visits=visits)
        result = simulate(scenario, note=session.note)
        glucose = result.visits.glucose.isel(arm=0).to_numpy()
        drift = np.abs(glucose[:, 24:].mean(axis=1) / glucose[:, :24].mean(axis=1) - 1)
        failed = int((result.visits.status.to_numpy() != OK).sum())
        yield judged(
            f"drift.{population}",
            "drift",
            f"untreated drift of daily mean glucose over 180 days, largest of 1,000 subjects of {population}",
            "below 0.15 %",
            100 * float(np.nanmax(drift)),
            "%",
            "design",
            "in-sample",
            "this_work",
            None,
            0.15,
            f"median {100 * float(np.nanmedian(drift)):.4f} %; {failed} subjects failed",
        )
