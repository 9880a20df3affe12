"""Answers to the page: courses of one person in both arms, an oral test, and a small population as it is computed."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from mtorsim.describe.diagram import Diagram, diagram_of
from mtorsim.errors import ArgumentError
from mtorsim.files.library import Library
from mtorsim.laboratory.examine import examine
from mtorsim.model.compose import load_model
from mtorsim.protocols.ogtt import ogtt
from mtorsim.results.limits import worst_fasting
from mtorsim.run.options import Options
from mtorsim.run.plan import Plan, draft_plan, make_plan
from mtorsim.simulation.chunks import blocks

from .classes import at_equal_inhibition
from .course import VARIED, Course, courses
from .kept import Kept
from .question import ARMS, Question, read_question
from .rounded import rounded
from .why import why

__all__ = ["Answers"]

KEPT = 256
"""Number of results that are kept for the next question."""
PATIENTS, SLICE = 200, 20
"""Patients of the small population, and how many are computed between two lines of the answer."""
MANY_DAYS = 1e6
"""Subject-days for which compiling is worth its while: the page asks again and again."""


MOST_AHEAD = 16
"""Courses that are computed at once: as many as the integrator has lanes."""
SHOWN = ("glucose_insulin.f_peripheral",)
"""Quantities that the page draws beside observables and nodes."""


class Answers:
    """Computes answers, and keeps what the next question is likely to need again.

    A slider changes one thing at a time: while the dose moves, the person and the untreated course stay as they are.
    """

    def __init__(self, library: Library, workers: int = 2) -> None:
        self.library = library
        self.pool = ThreadPoolExecutor(max_workers=workers)
        self.kept = Kept(KEPT)

    def course(self, question: Question) -> dict[str, Any]:
        """Daily values and the last day of one person, with treatment and without."""
        return self._course(question).as_json()

    def ahead(self, question: Question, key: str, values: Sequence[float]) -> dict[str, Any]:
        """Compute courses for other values of one key, all at once, so that they are there when they are asked for.

        Raises
        ------
        MtorsimError
            If a value is impossible, or the key is not one of a person or the dose.
        """
        if key not in VARIED:
            raise ArgumentError(f"`key`: {key[:40]} is not a slider", help="choose from " + ", ".join(VARIED))
        if len(values) > MOST_AHEAD:
            raise ArgumentError(f"`values`: at most {MOST_AHEAD} at once")
        questions = [read_question({**question.model_dump(), key: value}) for value in values]
        self.kept.fill([_key(q) for q in questions], lambda which: self._courses([questions[i] for i in which]))
        return {"ahead": len(questions)}

    def classes(self, question: Question) -> Iterator[dict[str, Any]]:
        """Drugs at equal inhibition of mTORC1, one after the other."""

        def compute(questions: Sequence[Question]) -> Sequence[Course | ArgumentError]:
            return courses(self.plan(questions[0]), questions, self.pool, self.kept.get, last="week")

        return at_equal_inhibition(question, compute)

    def why(self, question: Question) -> dict[str, Any]:
        """Shares of the effect among the mechanisms."""
        return self.kept.get(("why", question.model_dump_json()), lambda: why(question, self.library))

    def _course(self, question: Question) -> Course:
        def make() -> Course:
            course = self._courses([question])[0]
            if isinstance(course, ArgumentError):
                raise course
            return course

        return self.kept.get(_key(question), make)

    def _courses(self, questions: Sequence[Question]) -> Sequence[Course | ArgumentError]:
        return courses(self.plan(questions[0]), questions, self.pool, self.kept.get)

    def diagram(self, question: Question) -> Diagram:
        """The diagram of the question's model."""
        return self.kept.get(
            ("diagram", *question.modules), lambda: diagram_of(load_model(question.modules, self.library))
        )

    def plan(self, question: Question) -> Plan:
        """The plan of the question, which records everything that the page draws.

        Raises
        ------
        MtorsimError
            If what the question asks is impossible.
        """
        return self.kept.get(("plan", question.model_dump_json()), lambda: self._new_plan(question))

    def oral_test(self, question: Question) -> dict[str, Any]:
        """A 75 g oral glucose test at the end, with treatment and without."""
        return self.kept.get(("ogtt", question.model_dump_json()), lambda: self._oral_test(question))

    def _oral_test(self, question: Question) -> dict[str, Any]:
        scenario, end = question.scenario(self.library), f"{question.weeks} weeks"
        found = self.pool.map(lambda arm: examine(ogtt(), scenario=scenario, at=end, arm=arm), ARMS)
        tests = dict(zip(ARMS, found, strict=True))
        return {
            "minutes": tests[ARMS[0]].minutes.tolist(),
            "arms": {
                arm: {
                    "curves": {n: rounded(c[0]) for n, c in test.curves.items()},
                    "indices": {n: [rounded(v[:1])[0], unit] for n, (unit, v) in test.indices.items()},
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
                "glucose": {arm: [rounded(row) for row in glucose[k]] for k, arm in enumerate(ARMS)},
                "worst": {arm: rounded(worst[k]) for k, arm in enumerate(ARMS)},
            }

    def _new_plan(self, question: Question) -> Plan:
        # As in any run, switches are fixed in the kernel unless one is moved.
        key = ("model", bool(question.off), *question.modules)
        first = self.kept.get(key, lambda: self._first_plan(question))
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


def _key(question: Question) -> Hashable:
    return ("course", question.model_dump_json())
