"""Do one test, in a population or in the subjects of a scenario at any time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mtorsim.errors import ArgumentError, choose_from
from mtorsim.files.library import Library
from mtorsim.protocols.protocol import Protocol
from mtorsim.protocols.registry import protocol
from mtorsim.run.arguments import checked
from mtorsim.run.prepare import prepare
from mtorsim.scenario.parts import LabTest
from mtorsim.scenario.scenario import Scenario

from .findings import Examination
from .plan_tests import RTOL, plan_tests
from .run_test import examine_people

__all__ = ["examine"]


@checked
def examine(
    test: str | Protocol,
    population: str | None = None,
    *,
    scenario: Scenario | str | Path | None = None,
    at: str | float = 0.0,
    arm: str | None = None,
    dose: str | None = None,
    settings: Mapping[str, float] | None = None,
    subjects: int | None = None,
    seed: int | None = None,
    rtol: float = RTOL,
    library: Library | None = None,
    note: Callable[[str], None] | None = None,
    **options: float | Sequence[float],
) -> Examination:
    """Do a test of the virtual laboratory.

    Parameters
    ----------
    test
        Name of a test, such as `ogtt` or `clamp`, or a protocol.
    population
        The population to test, such as the presets `ngt`, `ngt_obese`, `igt`, `t2d_mild`, `t2d`.
    scenario
        A scenario whose subjects are tested instead, after their doses until then.
    at
        Time in the scenario, or after the first dose: hours, or text such as `12 weeks`.
    arm
        Arm of the scenario; default: the first.
    dose
        Doses until the test, if no scenario is given, such as `everolimus 10 mg q24h`.
    settings
        Medians of parameters and values of switches, by name; the module that defines a name is added.
    subjects, seed
        Number and seed; by default one subject for a typical person, else 100.
    rtol
        Relative tolerance of a step.
    library
        Where names are looked up.
    note
        Called with a one-line message before a slow step.
    options
        Options that differ from the standard test, such as `grams=50` or `insulin=[0.25, 1]`.

    Returns
    -------
    Examination
        Curves and indices of every subject.

    Raises
    ------
    MtorsimError
        If a name is unknown, a value is out of range, or the test is impossible at that time.

    Examples
    --------
    >>> import mtorsim as mt
    >>> test = mt.examine("ogtt", "ngt")
    >>> unit, value = test.indices["glucose_120"]
    >>> bool(100 < value[0] < 140), unit
    (True, 'mg/dL')
    """
    if isinstance(test, Protocol) and options:
        raise ArgumentError("a protocol already has its options", help="pass them to `protocol(name, ...)`")
    chosen = test if isinstance(test, Protocol) else protocol(test, **options)
    if population is None and scenario is None:
        raise ArgumentError("there is neither a population nor a scenario", help='give one, such as `population="ngt"`')
    if population is not None and scenario is not None:
        raise ArgumentError("there are both a population and a scenario", help="leave one out")
    plan, hours, n = plan_tests(
        [chosen],
        population=population,
        scenario=scenario,
        at=at,
        dose=dose,
        settings=settings,
        subjects=subjects,
        seed=seed,
        rtol=rtol,
        library=library,
        note=note,
    )
    names = [a.name for a in plan.arms]
    if arm is not None and arm not in names:
        raise ArgumentError(f"unknown arm `{arm}`", help=choose_from(arm, names))
    planned = plan.arms[names.index(arm) if arm is not None else 0]
    test_now = LabTest(hours, chosen, plan.scenario.place)
    return examine_people(plan, prepare(plan, np.arange(n)), planned, [test_now])[0]
