"""What is simulated for a predictive check: whose samples, by which doses, with which error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mtorsim.errors import ArgumentError
from mtorsim.event_records.simulate import planned_records
from mtorsim.event_records.table import EventTable
from mtorsim.files.library import Library
from mtorsim.run.plan import Plan, make_plan
from mtorsim.scenario.scenario import Scenario

from .covariates import known_covariates
from .observations import Observations, observed_in, read_observations
from .own_doses import OwnDoses
from .planned_doses import PlannedDoses, arms_of, check_times
from .replicates import APART, Simulated, simulate_replicates
from .residual import Residual, residual_of

__all__ = ["CheckDesign", "design_of"]


@dataclass(frozen=True)
class CheckDesign:
    """A predictive check that has been read and checked, but not simulated.

    Attributes
    ----------
    plan
        Model and population.
    observed
        The measured samples.
    residual
        The error of simulated ones.
    simulator
        Simulates people at their sampling times.
    blocks
        People that can be simulated together.
    doses
        Whose doses they take, in words.
    """

    plan: Plan
    observed: Observations
    residual: Residual
    simulator: OwnDoses | PlannedDoses
    blocks: Sequence[np.ndarray]
    doses: str

    def simulate(
        self, replicates: int, threads: int, progress: Callable[[int, int], None] | None = None, seed: int | None = None
    ) -> Simulated:
        """Simulate replicates of the samples; `seed` replaces that of the plan."""
        design = self if seed is None else self._seeded(seed)
        days = replicates * len(self.observed.people) * float(self.observed.time.max(initial=0.0)) / 24
        design.plan.choose_forms(replicates * len(self.observed.people), days)
        given = (design.residual, design.plan.seed, replicates, design.blocks, threads, progress)
        return simulate_replicates(design.simulator, design.observed, *given)

    def _seeded(self, seed: int) -> CheckDesign:
        simulator = replace(self.simulator, plan=replace(self.simulator.plan, seed=seed))
        return replace(self, plan=replace(self.plan, seed=seed), simulator=simulator)


def design_of(
    scenario: Scenario | str | Path | Sequence[str],
    table: EventTable,
    given: dict[str, Any],
    library: Library | None,
    note: Callable[[str], None] | None,
    *,
    of: str | None,
    arm: str | None,
    cv: float | None,
    sd: float | None,
    **reading: Any,
) -> CheckDesign:
    """Read and check everything that a predictive check needs.

    Parameters
    ----------
    scenario, table, library, note, of, arm, cv, sd
        As in `predictive_check`.
    given
        Further arguments of `make_plan`.
    reading
        Further arguments of `read_observations`.

    Raises
    ------
    MtorsimError
        For the first error.
    """
    if table.subjects > APART:
        raise ArgumentError(f"{table.subjects:,} people: there can be at most {APART:,}")
    # EVID 2 is neither a sample nor a dose.
    dosed = bool((~np.isin(table.evid, (0, 2))).any())
    plan, columns = _planned(scenario, table, given, library, note, dosed)
    of = observed_in(table, of, _observables(plan, dosed))
    observed = read_observations(table, of, plan.observables[of], **reading)
    residual = residual_of(plan, of, cv, sd)
    if dosed:
        if arm is not None:
            help = "leave `arm` out, or the doses: with doses in the table, those of the scenario are ignored"
            raise ArgumentError(f"`arm` = {arm}: these people take their own doses", help=help)
        own = OwnDoses.of(plan, table, columns, observed)
        return CheckDesign(plan, observed, residual, own, [observed.people], "those of the table")
    check_times(plan, table, observed)
    names = arms_of(table, observed, arm, [a.name for a in plan.arms])
    known = known_covariates(plan.population, table, observed)
    if known:
        observed = replace(observed, notes=(*observed.notes, f"covariates of each person: {', '.join(known)}"))
    made = PlannedDoses.of_arms(plan, names, observed, known)
    arms = list(dict.fromkeys(names.values()))
    told = f"those of the scenario, {'arm' if len(arms) == 1 else 'arms'} {', '.join(arms)}"
    return CheckDesign(plan, observed, residual, made, made.blocks, told)


def _planned(
    scenario: Scenario | str | Path | Sequence[str],
    table: EventTable,
    given: dict[str, Any],
    library: Library | None,
    note: Callable[[str], None] | None,
    dosed: bool,
) -> tuple[Plan, Mapping[str, Sequence[str]]]:
    """The plan, and the parameters that covariates of the table replace."""
    if dosed:
        plan, columns = planned_records(scenario, table, given, library, note)
    elif isinstance(scenario, (Scenario, str, Path)):
        plan, columns = make_plan(scenario, **given, library=library, note=note), {}
    else:
        help = "give doses in the table, or a scenario with doses"
        raise ArgumentError("neither the table nor a scenario gives doses", help=help)
    # Everybody counts once here, so that no group may be oversampled.
    groups = tuple(g.model_copy(update={"sampled": None}) for g in plan.population.groups)
    return replace(plan, population=replace(plan.population, groups=groups)), columns


def _observables(plan: Plan, dosed: bool) -> list[str]:
    """Observables that the model has; records of doses need not be fasting."""
    there = [name for name, column in zip(plan.observables, plan.columns, strict=True) if column >= 0]
    return [name for name in there if not (dosed and name == "fasting_glucose")]
