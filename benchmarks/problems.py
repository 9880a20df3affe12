"""What is solved: subjects, events and times, the same arrays for every engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mtorsim.compiler.kernel import Kernel, load_kernel
from mtorsim.compiler.solver import load_solver
from mtorsim.compiler.warm import compile_kernel
from mtorsim.files.library import Library
from mtorsim.kernel.event import ADD, Events
from mtorsim.model.compose import load_model
from mtorsim.model.model import Model
from mtorsim.run.plan import make_plan
from mtorsim.run.prepare import prepare
from mtorsim.run.solve import recording, solve, subjects_at, tolerance
from mtorsim.scenario.scenario import scenario_from_text

__all__ = ["PROBLEMS", "Problem", "Setting"]


HERE = Path(__file__).resolve().parent

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
class Setting:
    """A problem, ready to be solved.

    Attributes
    ----------
    start, parameters
        Shapes (subjects, states) and (subjects, parameters), in the kernel's order.
    times
        Hours at which glucose counts.
    glucose_state, glucose_volume
        Their ratio is plasma glucose in mg/dL.
    atol_share
        Absolute tolerance of rivals, which have one for all states, as a share of the relative one.
    """

    name: str
    days: int
    model: Model
    switches: Mapping[str, float]
    start: np.ndarray
    parameters: np.ndarray
    events: Events
    times: np.ndarray
    glucose_state: str
    glucose_volume: str
    atol_share: float = 0.01

    @cached_property
    def tape(self) -> Kernel:
        """Our kernel of the model, on the tape."""
        return load_kernel(self.model, switches=self.switches)

    @cached_property
    def compiled(self) -> Kernel:
        """The same, compiled for each method and precision when it is used."""
        return load_kernel(self.model, switches=self.switches)

    @cached_property
    def reference(self) -> np.ndarray:
        """Glucose at rtol 1e-11; the tests hold this kernel against SciPy on equations of its own."""
        return self.solve("tsit5", "double", 1e-11, 1e-13)

    def shown(self, amounts: np.ndarray) -> np.ndarray:
        """Plasma glucose in mg/dL from its amounts (subjects, times)."""
        volume = self.parameters[:, self.tape.parameters.index(self.glucose_volume)]
        return amounts / volume[: len(amounts), None]

    def solve(self, method: str, precision: str, rtol: float, atol: float, form: str = "compiled") -> np.ndarray:
        """Plasma glucose of every subject at `times` in mg/dL, by our kernel on this thread."""
        kernel, solver = self.tape if form == "tape" else self.compiled, load_solver(method, precision)
        if form == "compiled":
            compile_kernel(kernel, solver)
        scales = [self.model.states[s][0].scale if s in self.model.states else 1.0 for s in kernel.states]
        subjects = subjects_at(kernel, self.start, self.parameters)
        seen = recording(self.times, np.array([kernel.states.index(self.glucose_state)]), len(self.start))
        span, error = (0.0, 24.0 * self.days), tolerance(kernel, rtol, atol * np.array(scales))
        solve(kernel, solver, subjects, self.events, span, error, seen)
        assert (subjects.status == 0).all()
        return self.shown(seen.out[:, :, 0])


@dataclass(frozen=True)
class Problem:
    """A way to make a setting.

    Attributes
    ----------
    days, quick_days
        How long, and how long in a quick run.
    make
        Makes the setting, from the number of days and of subjects.
    """

    name: str
    about: str
    days: int
    quick_days: int
    make: Callable[[str, int, int], Setting]

    def setting(self, subjects: int, quick: bool) -> Setting:
        """The problem with its people drawn and settled."""
        return self.make(self.name, self.quick_days if quick else self.days, subjects)


def _full(name: str, days: int, subjects: int) -> Setting:
    """Our model as it is run: women of a trial's population; 07:30 of each day, before breakfast and dose."""
    plan = make_plan(scenario_from_text(FULL.format(days=days), Path(f"{name}.toml")))
    people = prepare(plan, np.arange(subjects))
    named = plan.kernel.named(people.parameters)
    events, _ = plan.arms[0].schedule.events(plan.kernel.states, named, plan.seed, people.subjects)
    return Setting(
        name,
        days,
        plan.model,
        dict(plan.model.switches),
        people.start,
        people.parameters,
        events,
        np.arange(1, days + 1) * 24.0,
        "glucose_insulin.Gp",
        "glucose_insulin.VG",
    )


MEALS = ((8.0, 45_000.0), (13.0, 70_000.0), (19.0, 70_000.0))
DOSE = (7.0, 100.0)


def _dalla_man(name: str, days: int, subjects: int) -> Setting:
    """The Dalla Man day, looked at each five minutes."""
    return _meal_model(name, days, subjects, ("dalla_man",), np.arange(0.0, 24.0 * days + 1e-9, 5 / 60)[1:])


def _long_run(name: str, days: int, subjects: int) -> Setting:
    """Dalla Man's model with a drug that acts over months, looked at each midnight and each 09:00."""
    times = np.sort(np.concatenate([np.arange(1, days + 1) * 24.0, np.arange(days) * 24.0 + 9.0]))
    return _meal_model(name, days, subjects, ("dalla_man", "long_drug"), times)


def _meal_model(name: str, days: int, subjects: int, modules: tuple[str, ...], times: np.ndarray) -> Setting:
    model = load_model(modules, Library((HERE,)))
    switches = dict.fromkeys(model.switches, 1.0)
    rng = np.random.default_rng(20240607)
    kernel = load_kernel(model, switches=switches)
    parameters = np.zeros((subjects, len(kernel.parameters)))
    parameters[:, [kernel.parameters.index(s) for s in switches]] = 1.0
    for j, (line, _) in enumerate(model.parameters.values()):
        spread = np.sqrt(np.log(1 + (line.cv or 0.0) ** 2))
        parameters[:, j] = line.value * np.exp(spread * rng.standard_normal(subjects))
    start = np.zeros((subjects, len(kernel.states)))
    kernel.start(parameters, start)
    given = []
    before = MEALS[-1][1]
    for day in range(days):
        if "long_drug" in modules:
            given.append((24.0 * day + DOSE[0], "long_drug.A_gut", DOSE[1]))
        for hour, size in MEALS:
            given += [(24.0 * day + hour, "dalla_man.D", size - before), (24.0 * day + hour, "dalla_man.Qs1", size)]
            before = size
    first = np.zeros(subjects, np.int64)
    events = Events(
        np.array([g[0] for g in given]),
        np.full(len(given), ADD),
        np.array([kernel.states.index(g[1]) for g in given]),
        np.array([g[2] for g in given]),
        first,
        first + len(given),
    )
    return Setting(name, days, model, switches, start, parameters, events, times, "dalla_man.Gp", "dalla_man.VG")


PROBLEMS = {
    p.name: p
    for p in (
        Problem("dalla-man-day", "the Dalla Man meal model, one day", 1, 1, _dalla_man),
        Problem("drug-168-days", "the same with a slowly acting drug, 168 days", 168, 14, _long_run),
        Problem("full-24-weeks", "the full model of mtorsim, 24 weeks", 168, 28, _full),
    )
}
