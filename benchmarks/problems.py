"""What is solved: subjects, events and times, the same arrays for every engine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mtorsim.dosing import Events
from mtorsim.plan import Plan, make_plan
from mtorsim.prepare import People, prepare
from mtorsim.scenario import scenario_from_text

__all__ = ["PROBLEMS", "Problem", "carried"]

Array = np.ndarray

FULL = """
title = "full model, three meals and a dose a day"
model = ["glucose_insulin", "mtor", "everolimus"]
population = "breast_postmenopausal"
duration = "{days} d"

[[dose]]
drug = "everolimus"
amount = "10 mg"
every = "24 h"

[visits]
at = ["0 d", "{days} d"]
"""


@dataclass(frozen=True)
class Problem:
    """A population through one arm; what counts is plasma glucose at `times`.

    Attributes
    ----------
    days
        How long.
    quick_days
        How long in a quick run.
    """

    name: str
    text: str
    days: int
    quick_days: int

    def setting(self, subjects: int, quick: bool) -> Setting:
        """The problem with its people drawn and settled."""
        days = self.quick_days if quick else self.days
        plan = make_plan(scenario_from_text(self.text.format(days=days), Path(f"{self.name}.toml")))
        return Setting(plan, prepare(plan, np.arange(subjects)), days)


@dataclass(frozen=True)
class Setting:
    """A problem, ready to be solved."""

    plan: Plan
    people: People
    days: int

    @property
    def times(self) -> Array:
        """07:30 of each day, before breakfast and dose."""
        return np.arange(1, self.days + 1) * 24.0

    @cached_property
    def events(self) -> Events:
        """Doses and meals of everybody."""
        named = {n: self.people.parameters[:, j] for j, n in enumerate(self.plan.kernel.parameters)}
        return self.plan.arms[0].schedule.events(self.plan.kernel.states, named, self.plan.seed, self.people.subjects)

    @cached_property
    def reference(self) -> Array:
        """Glucose at rtol 1e-11; the tests hold this kernel against SciPy on equations of its own."""
        return self.glucose(carried(self, "tsit5", 1e-11, 1e-13))

    def glucose(self, states: Array) -> Array:
        """Plasma glucose (n, times) in mg/dL, from states (n, times, states)."""
        row = self.plan.kernel.states.index("glucose_insulin.Gp")
        volume = self.people.parameters[:, self.plan.kernel.parameters.index("glucose_insulin.VG")]
        return states[: len(volume), :, row] / volume[: len(states), None]


def carried(setting: Setting, method: str, rtol: float, atol: float, precision: str = "double") -> Array:
    """States of the first subjects at the setting's times, by the kernel of one method."""
    from dataclasses import replace

    from mtorsim.built import load_kernel

    plan, people, events = setting.plan, setting.people, setting.events
    kernel = load_kernel(plan.model, replace(plan.variant, method=method, precision=precision))
    assert kernel.states == plan.kernel.states
    n = len(people.subjects)
    size = len(kernel.states)
    out, status = np.full((n, setting.days, size), np.nan), np.zeros(n, np.int64)
    kernel.function("drive", "advance")(
        people.start[:n].copy(), kernel.memory(n), people.parameters[:n], events.time, events.row, events.amount,
        events.first[:n], events.last[:n], setting.times, np.arange(size), 0.0, 24.0 * setting.days, rtol,
        atol * plan.scales(kernel), plan.arms[0].steers(kernel), out, status, np.zeros(1, np.int64),
    )  # fmt: skip
    assert (status == 0).all()
    return out


PROBLEMS = {p.name: p for p in (Problem("full-24-weeks", FULL, 168, 28),)}
