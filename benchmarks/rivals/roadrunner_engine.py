"""libRoadRunner: CVODE on an SBML model that antimony writes, its doses and meals as SBML events."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from plain import Plain
from problems import Setting
from trial import Trial

__all__ = ["trials"]


def trials(setting: Setting) -> Iterator[Trial]:
    """CVODE at several tolerances; only where every subject eats and takes the same each day."""
    import antimony
    import roadrunner

    days = _daily(setting)
    if days is None:
        return
    plain = Plain(setting)
    text = _antimony(setting, plain, days)
    if antimony.loadAntimonyString(text) < 0:
        raise RuntimeError(antimony.getLastError())
    runner = roadrunner.RoadRunner(antimony.getSBMLString("m"))
    subjects = min(len(setting.start), max(2, 4 // setting.days))
    for rtol in (1e-3, 1e-4, 1e-5, 1e-6):
        yield Trial("CVODE", rtol, subjects, lambda r=rtol: _solve(setting, plain, runner, r, subjects))


def _daily(setting: Setting) -> list[tuple[float, int, float]] | None:
    """Hour, state and amount of what everybody is given each day; None where that differs."""
    events = setting.events
    if (events.first != events.first[0]).any():
        return None
    given = list(zip(events.time.tolist(), events.row.tolist(), events.amount.tolist(), strict=True))
    day = [g for g in given if g[0] < 24.0]
    same = [(t + 24.0 * k, r, a) for k in range(setting.days) for t, r, a in day]
    return day if np.allclose(given, same) else None


def _antimony(setting: Setting, plain: Plain, day: list[tuple[float, int, float]]) -> str:
    assignments, slopes = plain.infix()
    lines = [f"{n}_ = {v!r};" for n, v in zip(plain.parameters, plain.values[0].tolist(), strict=True)]
    lines += [f"{n}_ = {v!r};" for n, v in zip(plain.states, setting.start[0].tolist(), strict=True)]
    lines += [f"{n} := {e};" for n, e in assignments]
    lines += [f"{n}' = {e};" for n, e in slopes]
    for k, hour in enumerate(sorted({g[0] for g in day})):
        changes = [f"{plain.states[r]}_ = {plain.states[r]}_ + {a!r}" for t, r, a in day if t == hour and a]
        lines += [f"next_{k} = {hour!r};"]
        lines += [f"event_{k}: at (time >= next_{k}), t0=false: {', '.join(changes)}, next_{k} = next_{k} + 24;"]
    return "model m\n" + "\n".join(lines) + "\nend\n"


def _solve(setting: Setting, plain: Plain, runner, rtol: float, subjects: int) -> np.ndarray:
    integrator = runner.integrator
    integrator.relative_tolerance, integrator.absolute_tolerance = rtol, rtol * setting.atol_share
    integrator.variable_step_size, integrator.maximum_num_steps = False, 1_000_000
    row = setting.tape.states.index(setting.glucose_state)
    runner.timeCourseSelections = ["time", f"{plain.states[row]}_"]
    out = np.zeros((subjects, len(setting.times)))
    varying = [j for j in range(plain.values.shape[1]) if (plain.values[:, j] != plain.values[0, j]).any()]
    for i in range(subjects):
        runner.resetAll()
        for j in varying:
            runner[f"{plain.parameters[j]}_"] = plain.values[i, j]
        out[i] = np.array(runner.simulate(times=[0.0, *setting.times]))[1:, 1]
    return setting.shown(out)
