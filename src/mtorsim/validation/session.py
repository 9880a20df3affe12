"""Plans and tests shared by the sections of the validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mtorsim.files.library import Library, library_for
from mtorsim.laboratory.findings import Examination
from mtorsim.laboratory.plan_tests import plan_tests
from mtorsim.laboratory.run_test import examine_people
from mtorsim.protocols.protocol import Protocol
from mtorsim.run.plan import Note, Plan
from mtorsim.run.prepare import People, prepare, prepare_given
from mtorsim.scenario.parts import LabTest
from mtorsim.scenario.scenario import Scenario

__all__ = ["PRESETS", "Session"]

PRESETS = ("ngt", "ngt_obese", "igt", "t2d_mild", "t2d", "t1d")
EVERY_TEST = Protocol("", np.zeros(1), clamped=(0, 1))
"""A test that makes a plan include the modules that any test needs."""


@dataclass
class Session:
    """Cache of plans by scenario, and of tests.

    Attributes
    ----------
    library
        Where names are looked up.
    note
        Called with a one-line message before a slow step.
    """

    library: Library = field(default_factory=library_for)
    note: Note | None = None
    _plans: dict[str, Plan] = field(default_factory=dict)
    _done: dict[tuple[str, ...], list[Examination]] = field(default_factory=dict)

    def scenario(self, **arguments: Any) -> Scenario:
        """Make a scenario of this library, by default of one day with a visit at its start."""
        usual = {"name": "validation", "duration": "1 d", "visits": ["0 d"], "subjects": 1}
        return Scenario(**{**usual, **arguments}, library=self.library)

    def untreated(self, population: str, **arguments: Any) -> Scenario:
        """A scenario without doses."""
        return self.scenario(title="untreated", model=["glucose_insulin"], population=population, **arguments)

    def plan(self, scenario: Scenario) -> Plan:
        """The plan of a scenario, with modules for tests."""
        if scenario.text not in self._plans:
            self._plans[scenario.text] = plan_tests([EVERY_TEST], scenario=scenario, note=self.note)[0]
        return self._plans[scenario.text]

    def examine(
        self,
        scenario: Scenario,
        tests: Sequence[tuple[float, Protocol]],
        arm: str | None = None,
        subjects: int = 1,
        values: Mapping[str, np.ndarray] | None = None,
        observe: Sequence[str] = (),
    ) -> list[Examination]:
        """Do tests at given times in a scenario's subjects, or in typical ones with the parameters `values`.

        What several checks ask of the same people is done once.
        """
        key = (scenario.text, str(arm), repr(tests), str(subjects), *observe)
        if values is not None or key not in self._done:
            self._done[key] = self._examine(scenario, tests, arm, subjects, values, observe)
        return self._done[key]

    def _examine(
        self,
        scenario: Scenario,
        tests: Sequence[tuple[float, Protocol]],
        arm: str | None,
        subjects: int,
        values: Mapping[str, np.ndarray] | None,
        observe: Sequence[str],
    ) -> list[Examination]:
        plan = self.plan(scenario)
        people = self.people(plan, subjects, values)
        planned = next((a for a in plan.arms if a.name == arm), plan.arms[0])
        done = [LabTest(time, protocol, scenario.place) for time, protocol in tests]
        return examine_people(plan, people, planned, done, observe)

    @staticmethod
    def people(plan: Plan, subjects: int, values: Mapping[str, np.ndarray] | None) -> People:
        """Prepared subjects."""
        return prepare_given(plan, dict(values)) if values else prepare(plan, np.arange(subjects))
