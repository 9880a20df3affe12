"""What the sections of the validation share: plans and tests that are done once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mtorsim.files.library import Library
from mtorsim.laboratory.examination import Examination
from mtorsim.laboratory.plan_tests import plan_tests
from mtorsim.laboratory.run_test import examine_people
from mtorsim.protocols.protocol import Protocol
from mtorsim.run.plan import Plan
from mtorsim.run.prepare import People, prepare, prepare_given
from mtorsim.scenario.read import scenario_from_text
from mtorsim.scenario.scenario import Scenario

__all__ = ["PRESETS", "Session"]

PRESETS = ("ngt", "ngt_obese", "igt", "t2d_mild", "t2d", "t1d")
EVERY_TEST = Protocol("clamp", "", np.zeros(1), clamped=(0, 1))
"""Stands for all tests where a plan is made: with it the plan has what any of them needs."""


@dataclass
class Session:
    """Plans by scenario, and tests that have been done.

    Attributes
    ----------
    library
        Where names are looked up.
    note
        Told in one line when something takes long.
    """

    library: Library = field(default_factory=Library)
    note: Callable[[str], None] | None = None
    _plans: dict[str, Plan] = field(default_factory=dict)

    def scenario(self, text: str, name: str = "validation") -> Scenario:
        """A scenario from text."""
        return scenario_from_text(text, Path(f"{name}.toml"), self.library)

    def plan(self, text: str) -> Plan:
        """The plan of a scenario, with what tests need."""
        if text not in self._plans:
            scenario = self.scenario(text)
            self._plans[text] = plan_tests([EVERY_TEST], scenario=scenario, library=self.library, note=self.note)[0]
        return self._plans[text]

    def examine(
        self,
        text: str,
        requests: Sequence[tuple[float, Protocol]],
        arm: str | None = None,
        subjects: int = 1,
        values: Mapping[str, np.ndarray] | None = None,
        observe: Sequence[str] = (),
    ) -> list[Examination]:
        """Tests in the people of a scenario; with `values`, typical people with these parameters."""
        plan = self.plan(text)
        people = self.people(plan, subjects, values)
        planned = next((a for a in plan.arms if a.name == arm), plan.arms[0])
        return examine_people(plan, people, planned, requests, observe)

    @staticmethod
    def people(plan: Plan, subjects: int, values: Mapping[str, np.ndarray] | None) -> People:
        """Prepared people."""
        return prepare_given(plan, dict(values)) if values else prepare(plan, np.arange(subjects))


UNTREATED = """
title = "untreated"
model = ["glucose_insulin"]
population = "{population}"
subjects = {subjects}
duration = "{duration}"
[visits]
at = ["0 d"]
"""


def untreated(population: str, subjects: int = 1, duration: str = "1 d") -> str:
    """Text of a scenario in which nothing is done."""
    return UNTREATED.format(population=population, subjects=subjects, duration=duration)
