"""What an analysis asks: a quantity at a time, in a treated arm and in the same people without the drug."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mtorsim.errors import ArgumentError, choose_from
from mtorsim.files.library import Library
from mtorsim.run.arms import PlannedArm
from mtorsim.run.plan import Draft, Plan, announce, draft_plan, make_plan
from mtorsim.scenario.scenario import Scenario, scenario_of
from mtorsim.scenario.tables import Arm

from .courses import named_arm
from .times import time_in_hours

__all__ = ["Asked", "read_asked"]

UNTREATED = "untreated"
"""Name of the arm that is added where every arm is treated."""


@dataclass(frozen=True)
class Asked:
    """A question that has been read and checked, but not planned.

    Attributes
    ----------
    scenario
        With an arm without the drug.
    draft
        Of the scenario as given.
    of, time
        An observable, and hours or `highest`.
    treated, untreated
        The treated arm, and the name of the one without the drug.
    given
        Further arguments of `draft_plan`.
    """

    scenario: Scenario
    draft: Draft
    of: str
    time: float | str
    treated: PlannedArm
    untreated: str
    given: Mapping[str, Any]

    def require_drug(self) -> None:
        """Raise if no drug is given in the treated arm."""
        if not self.treated.spec.is_treated:
            others = [a.name for a in self.draft.arms if a.spec.is_treated]
            help = "choose from " + ", ".join(others) if others else "choose a scenario with a [[dose]]"
            raise ArgumentError(f"no drug is given in arm `{self.treated.name}`", help=help)

    def plan(
        self, note: Callable[[str], None] | None, arms: Mapping[str, Arm] | None = None
    ) -> tuple[Plan, PlannedArm, PlannedArm]:
        """Plan the runs, with additional arms; returns also the treated and the untreated arm of the plan."""
        scenario = self.scenario.with_arms(arms) if arms else self.scenario
        plan = make_plan(scenario, **self.given, note=note)
        announce(plan, note)
        if not isinstance(self.time, str):
            # What comes later does not matter.
            plan = replace(plan, scenario=plan.scenario.but(duration=self.time))
        planned = {a.name: a for a in plan.arms}
        return plan, planned[self.treated.name], planned[self.untreated]


def read_asked(
    scenario: Scenario | str | Path,
    of: str,
    at: str | float | None,
    arm: str | None,
    versus: str | None,
    library: Library | None,
    **given: Any,
) -> Asked:
    """Read a question; nothing is compiled or computed, so that a wrong name costs nothing.

    Parameters
    ----------
    scenario, of, at, arm, versus, library
        As in `explain`.
    given
        Further arguments of `draft_plan`.

    Raises
    ------
    MtorsimError
        If the scenario is invalid, or a name or the time unknown to it.
    """
    chosen = scenario_of(scenario, library)
    time = time_in_hours(at, chosen.visits[-1], chosen.duration)
    draft = draft_plan(chosen, **given, library=library)
    if of not in draft.observables:
        raise ArgumentError(f"unknown observable `{of}`", help=choose_from(of, draft.observables))
    treated = named_arm(draft.arms, arm, treated=True)
    if versus is None and all(a.spec.is_treated for a in draft.arms):
        untreated = UNTREATED
        chosen = chosen.with_arm(untreated, Arm(without=[r.drug for r in treated.spec.regimens]))
    else:
        untreated = named_arm(draft.arms, versus, treated=False).name
    return Asked(chosen, draft, of, time, treated, untreated, {**given, "library": library})
