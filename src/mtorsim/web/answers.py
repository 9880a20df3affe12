"""Answers to the page: courses of one person in both arms, an oral test, and a small population as it is computed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from mtorsim.describe.diagram import Diagram, diagram_of
from mtorsim.errors import ArgumentError
from mtorsim.files.library import Library
from mtorsim.kernel.status import OK, SENTENCES
from mtorsim.laboratory.examine import examine
from mtorsim.model.compose import load_model
from mtorsim.protocols.ogtt import ogtt
from mtorsim.results.limits import worst_fasting
from mtorsim.run.options import Options
from mtorsim.run.plan import Plan, draft_plan, make_plan
from mtorsim.run.prepare import People, prepare
from mtorsim.simulation.chunks import ArmRun, Times, blocks, run_arm

from .question import ARMS, Question

__all__ = ["Answers"]

T = TypeVar("T")
KEPT = 96
"""Number of results of each kind that are kept for the next question."""
MINUTES = 15.0
"""Between samples of the last day."""
PATIENTS, SLICE = 200, 20
"""Patients of the small population, and how many are computed between two lines of the answer."""
MANY_DAYS = 1e6
"""Subject-days for which compiling is worth its while: the page asks again and again."""
DIGITS = 7
"""Significant digits of numbers that are sent, those of single precision."""


class Answers:
    """Computes answers, and keeps what the next question is likely to need again.

    A slider changes one thing at a time: while the dose moves, the person and the untreated course stay as they are.
    """

    def __init__(self, library: Library, workers: int = 2) -> None:
        self.library = library
        self.pool = ThreadPoolExecutor(max_workers=workers)
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def course(self, question: Question) -> dict[str, Any]:
        """Daily values and the last day of one person, with treatment and without."""
        plan = self.plan(question)
        people = self._person(plan)
        if people.status[0] != OK:
            raise ArgumentError(f"this person cannot be computed: {SENTENCES[int(people.status[0])]}")
        times = _times(plan)
        runs = list(self.pool.map(lambda arm: self._run(plan, arm, people, times), range(len(plan.arms))))
        for run in runs:
            if run.followed.status[0] != OK:
                raise ArgumentError(f"this course cannot be computed: {SENTENCES[int(run.followed.status[0])]}")
        names = list(plan.observables)
        of_day = [name for name in OF_DAY if name in names]
        return {
            "days": (times.all[times.visits] / 24).tolist(),
            "hours": (times.all[times.series] - times.all[times.series][0]).tolist(),
            "units": dict(plan.observables),
            "arms": {
                name: {"days": _columns(names, names, run.visits[0]), "hours": _columns(of_day, names, run.series[0])}
                for name, run in zip(ARMS, runs, strict=True)
            },
        }

    def diagram(self, question: Question) -> Diagram:
        """The diagram of the question's model."""
        return self._once(
            ("diagram", *question.modules), lambda: diagram_of(load_model(question.modules, self.library))
        )

    def plan(self, question: Question) -> Plan:
        """The plan of the question, which records everything that the page draws.

        Raises
        ------
        MtorsimError
            If what the question asks is impossible.
        """
        return self._once(("plan", question.model_dump_json()), lambda: self._new_plan(question))

    def oral_test(self, question: Question) -> dict[str, Any]:
        """A 75 g oral glucose test at the end, with treatment and without."""
        return self._once(("ogtt", question.model_dump_json()), lambda: self._oral_test(question))

    def _oral_test(self, question: Question) -> dict[str, Any]:
        scenario, end = question.scenario(self.library), f"{question.weeks} weeks"
        found = self.pool.map(lambda arm: examine(ogtt(), scenario=scenario, at=end, arm=arm), ARMS)
        tests = dict(zip(ARMS, found, strict=True))
        return {
            "minutes": tests[ARMS[0]].minutes.tolist(),
            "arms": {
                arm: {
                    "curves": {n: _rounded(c[0]) for n, c in test.curves.items()},
                    "indices": {n: [_number(float(v[0])), unit] for n, (unit, v) in test.indices.items()},
                }
                for arm, test in tests.items()
            },
        }

    def people(self, question: Question) -> Iterator[dict[str, Any]]:
        """A population of the question's age and body mass index, some patients a line, as they are computed."""
        scenario = question.scenario(self.library)
        person = {"age": question.age, "bmi": question.bmi}
        switches = {s.name: s.value for s in scenario.settings if s.name in question.off}
        scenario = scenario.replace(
            population="adults", subjects=PATIENTS, visits=["0 weeks", "every 4 weeks"], settings={**person, **switches}
        )
        plan = make_plan(scenario, options=Options.given(kernel="tape"), library=self.library)
        plan.choose_forms(PATIENTS)
        at = list(plan.observables).index("fasting_glucose")
        weeks = np.array(plan.scenario.visits) / 168
        yield {"weeks": weeks.tolist(), "of": PATIENTS}
        for block in blocks(plan, 0, PATIENTS, SLICE, 2, None, ()):
            glucose = block.visits[..., at]
            worst = worst_fasting(glucose, weeks)
            yield {
                "glucose": {arm: [_rounded(row) for row in glucose[k]] for k, arm in enumerate(ARMS)},
                "worst": {arm: _rounded(worst[k]) for k, arm in enumerate(ARMS)},
            }

    def _new_plan(self, question: Question) -> Plan:
        # As in any run, switches are fixed in the kernel unless one is moved.
        key = ("model", bool(question.off), *question.modules)
        first = self._once(key, lambda: self._first_plan(question))
        scenario = question.scenario(self.library, [name for name, _ in first.scenario.observe])
        draft = draft_plan(scenario, options=first.options, library=self.library)
        # The kernels are those of the model, whatever the person and the doses.
        return Plan(**vars(draft), kernel=first.kernel, day=first.day, solver=first.solver, columns=first.columns)

    def _first_plan(self, question: Question) -> Plan:
        """The plan of a model's first question; its equations are compiled while they are interpreted."""
        scenario, options = question.scenario(self.library), Options.given(kernel="auto")
        observables = draft_plan(scenario, options=options, library=self.library).observables
        model = load_model(scenario.modules, self.library)
        wanted = dict.fromkeys([*(node.of for node in diagram_of(model).nodes), *SHOWN])
        plan = make_plan(
            question.scenario(self.library, [name for name in wanted if name not in observables]),
            options=options,
            library=self.library,
        )
        plan.choose_forms(1, days=MANY_DAYS)
        return plan

    def _person(self, plan: Plan) -> People:
        key = ("person", plan.kernel.name, *sorted(plan.settings.items()))
        return self._once(key, lambda: prepare(plan, np.zeros(1, np.int64)))

    def _run(self, plan: Plan, k: int, people: People, times: Times) -> ArmRun:
        arm = plan.arms[k]
        given = tuple((r.drug, r.amounts, r.times, r.over) for r in arm.spec.regimens if not r.placebo)
        # Doses of placebo stop the integrator too, so their times are part of the key.
        stops = tuple((r.drug, r.times) for r in arm.spec.regimens)
        key = ("arm", plan.kernel.name, *sorted(plan.settings.items()), given, stops, plan.scenario.duration)
        return self._once(key, lambda: run_arm(plan, arm, people, times, np.zeros(1, np.int64)))

    def _once(self, key: Hashable, make: Callable[[], T]) -> T:
        """A result that is kept, or made now."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        value = make()
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return value


SHOWN = ("glucose_insulin.f_peripheral",)
"""Quantities that the page draws beside observables and nodes."""
OF_DAY = ("glucose", "insulin", "c_peptide", "glucagon", "glucose_insulin.EGP", "ffa")
"""Quantities of the last day."""


def _times(plan: Plan) -> Times:
    """Daily visits, and the last day at intervals of minutes in place of the finer series."""
    visits = np.array(plan.scenario.visits)
    end = plan.scenario.duration
    day = end - 24.0 + np.arange(0.0, 24.0 + MINUTES / 120, MINUTES / 60)
    every = np.unique(np.concatenate([visits, day]))
    fasting = np.array([plan.scenario.is_fasting(t) for t in every])
    return Times(every, fasting, np.searchsorted(every, visits), np.searchsorted(every, day))


def _columns(wanted: Sequence[str], names: Sequence[str], values: np.ndarray) -> Mapping[str, list[float | None]]:
    """Some columns of a table (times, names), by name."""
    return {name: _rounded(values[:, names.index(name)]) for name in wanted}


def _rounded(values: np.ndarray) -> list[float | None]:
    return [_number(v) for v in values.tolist()]


def _number(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
