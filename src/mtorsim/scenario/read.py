"""A scenario file resolved: times in hours, amounts in units, every name checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mtorsim.errors import ScenarioError, SetError, UnitError, did_you_mean
from mtorsim.files.library import Library
from mtorsim.files.record import read_record
from mtorsim.files.toml import TomlFile
from mtorsim.protocols.protocol import OptionError, Protocol, needs, protocol, without_body
from mtorsim.units.conversions import glucose_in_mg_dl
from mtorsim.units.units import Unit, convert, parse_quantity, parse_unit

from .actions import Hold, read_action
from .file import ChangeLine, DoseLine, Leaving, RuleLine, ScenarioFile
from .regimen import Part, in_turn, read_regimen
from .rules import read_condition
from .scenario import (
    DAY_STARTS,
    FASTING_HOURS,
    MOST_JITTER,
    Branch,
    Change,
    Dosing,
    MealEvent,
    Rule,
    Scenario,
    Staying,
    _grid,
    rechecks,
    since_last_meal,
)

__all__ = ["read_scenario"]


LONGEST = 100 * 8766.0
"""Hours; a scenario lasts a hundred years at most."""
MOST_TIMES = 2_000_000
"""Doses, visits or samples of one line."""


MEAL_PLANS: dict[str, tuple[tuple[str, float], ...]] = {
    "three a day": (("07:30", 60.0), ("12:30", 80.0), ("18:30", 80.0)),
    "none": (),
}
"""Clock time and grams of carbohydrate of each meal of a day."""


def read_scenario(name: str | Path, library: Library | None = None) -> Scenario:
    """Read a scenario by name or path.

    Raises
    ------
    ScenarioError
        For the first thing that cannot be done as written.
    """
    library = library or Library()
    file = TomlFile.read(library.scenario(str(name)), ScenarioError)
    return _Resolver(file, read_record(file, ScenarioFile), library).scenario()


def scenario_from_text(text: str, path: Path, library: Library | None = None) -> Scenario:
    """Read a scenario from text, as if it stood at `path`."""
    file = TomlFile.parse(path, text, ScenarioError)
    return _Resolver(file, read_record(file, ScenarioFile), library or Library()).scenario()


class _Resolver:
    def __init__(self, file: TomlFile, data: ScenarioFile, library: Library) -> None:
        self.file = file
        self.data = data
        for i, name in enumerate(data.model):
            if name not in library.modules:
                help = did_you_mean(name, library.modules) or "known are " + ", ".join(library.modules)
                file.fail(f"there is no module `{name}`", ("model", i), help, needle=name)
        if data.population not in library.populations:
            help = did_you_mean(data.population, library.populations)
            help = help or "known are " + ", ".join(library.populations)
            file.fail(f"there is no population `{data.population}`", ("population",), help, needle=data.population)
        self.duration = self._hours(data.duration, "duration")
        if self.duration <= 0:
            file.fail("the duration must be longer than 0", ("duration",))
        if self.duration > LONGEST:
            file.fail(f"`{data.duration}` is too long: a scenario lasts 100 years at most", ("duration",))

    def scenario(self) -> Scenario:
        data = self.data
        habit = tuple(self._plan(data.meals.habit, "habit", 24.0))
        plan = data.meals.plan if data.meals.plan is not None else data.meals.habit
        visits = self._visits()
        eaten = self._on_time_or_not(self._plan(plan, "plan", self.duration), visits)
        meals = sorted([*eaten, *self._added()], key=lambda m: m.time)
        self._check_fasting(visits, meals)
        tests = tuple(self._tests(meals))
        branches = tuple(self._branches())
        self._check_rechecks(branches, visits, meals)
        self._check_observed([b.name for b in branches])
        self._check_match()
        modules = list(dict.fromkeys([*data.model, *needs(p for _, p in tests)]))
        return Scenario(
            data=data.model_copy(update={"model": modules}),
            file=self.file,
            duration=self.duration,
            uln=self._uln(),
            visits=visits,
            series=tuple(_grid(0.0, self._positive(data.record.every, "record", "every"), self.duration)),
            meals=tuple(meals),
            habit=habit,
            branches=branches,
            tests=tests,
        )

    def _hours(self, text: str, *key: str | int) -> float:
        """A time or interval in hours."""
        try:
            value, unit = parse_quantity(text)
            return convert(value, unit, parse_unit("h"))
        except UnitError as error:
            near = error.help if error.help and error.help.startswith("did you mean") else None
            help = near or "write for example `24 h`, `7 days` or `12 weeks`"
            self.file.fail(f"`{key[-1]}`: {error.message}", key, help, needle=text)

    def _time(self, text: str, *key: str | int) -> float:
        """A time from the start that lies inside the scenario."""
        time = self._hours(text, *key)
        if time < 0:
            self.file.fail(f"`{text}` lies before the start", key, "times are counted from t = 0", needle=text)
        if time > self.duration:
            message = f"`{text}` lies after the end: the scenario lasts {self.data.duration}"
            self.file.fail(message, key, "make `duration` longer, or the time earlier", needle=text)
        return time

    def _positive(self, text: str, *key: str | int) -> float:
        value = self._hours(text, *key)
        if value <= 0:
            self.file.fail(f"`{text}` is no interval: it must be longer than 0", key, needle=text)
        if self.duration / value > MOST_TIMES:
            message = f"`{text}` is too short an interval: {self.data.duration} hold more than {MOST_TIMES:,} of it"
            self.file.fail(message, key, needle=text)
        return value

    def _uln(self) -> float:
        try:
            value, unit = parse_quantity(self.data.uln)
            if value <= 0:
                self.file.fail("`uln` must be more than 0", ("uln",))
            return glucose_in_mg_dl(value, unit)
        except UnitError as error:
            self.file.fail(f"`uln`: {error.message}", ("uln",), "write for example `110 mg/dL` or `6.1 mmol/L`")

    def _plan(self, name: str, key: str, until: float) -> Iterator[MealEvent]:
        if name not in MEAL_PLANS:
            help = did_you_mean(name, MEAL_PLANS) or "known are " + ", ".join(f"`{p}`" for p in MEAL_PLANS)
            self.file.fail(f"unknown meal plan `{name}`", ("meals", key), help)
        solid = self.data.meals.solid
        day = 0
        while day * 24.0 < until:
            for clock, grams in MEAL_PLANS[name]:
                time = day * 24.0 + _clock_hours(clock)
                if time < until:
                    yield MealEvent(time, grams, solid)
            day += 1

    def _on_time_or_not(self, meals: Iterator[MealEvent], visits: tuple[float, ...]) -> Iterator[MealEvent]:
        """A plan's meals less those of days of fasting, and how far each may stray."""
        jitter = self._hours(self.data.meals.jitter, "meals", "jitter")
        if not 0 <= jitter <= 2:
            self.file.fail("`jitter` is from 0 to 2 h", ("meals", "jitter"))
        fasts = [self._time(text, "meals", "fast") for text in self.data.meals.fast]
        for meal in meals:
            if any(since <= meal.time < since + 24.0 for since in fasts):
                continue
            before = [0.0, *visits]
            waits = any(t <= meal.time < t + MOST_JITTER * jitter for t in before)
            yield replace(meal, jitter=jitter, waits=waits)

    def _added(self) -> Iterator[MealEvent]:
        for i, meal in enumerate(self.data.meals.add):
            try:
                value, unit = parse_quantity(meal.carbohydrate)
                grams = convert(value, unit, parse_unit("g"))
            except UnitError as error:
                self.file.fail(f"`carbohydrate`: {error.message}", ("meals", "add", i, "carbohydrate"), error.help)
            if grams < 0:
                self.file.fail("an amount cannot be negative", ("meals", "add", i, "carbohydrate"))
            yield MealEvent(self._time(meal.at, "meals", "add", i, "at"), grams, meal.solid)

    def _visits(self) -> tuple[float, ...]:
        key = ("visits", "at")
        times: list[float] = []
        for text in self.data.visits.at:
            repeat = re.fullmatch(r"every\s+(.+)", text.strip())
            if repeat:
                step = self._positive(repeat.group(1), *key)
                more = list(_grid((times[-1] if times else -step) + step, step, self.duration))
                if not more:
                    message = f"`{text}` adds no visit: the scenario lasts {self.data.duration}"
                    self.file.fail(message, key, "leave it out, or make `duration` longer", needle=text)
                times += more
                continue
            time = self._time(text, *key)
            if times and time <= times[-1]:
                self.file.fail(
                    f"`{text}` does not come after the visit before it", key, "put visits in order", needle=text
                )
            times.append(time)
        if not times:
            self.file.fail("there is no visit", key, 'write for example `at = ["0 weeks", "every 4 weeks"]`')
        if self.data.visits.sample not in ("fasting", "random"):
            message = f"`sample` cannot be `{self.data.visits.sample}`"
            self.file.fail(message, ("visits", "sample"), "choose from fasting, random")
        return tuple(times)

    def _check_fasting(self, visits: tuple[float, ...], meals: list[MealEvent]) -> None:
        if self.data.visits.sample != "fasting":
            return
        for visit in visits:
            since = since_last_meal(visit, [m.time + MOST_JITTER * m.jitter for m in meals])
            if since < FASTING_HOURS:
                message = f"the visit at {visit:g} h cannot be fasting: the last meal was {since:g} h before"
                help = f'{FASTING_HOURS:g} h after a meal it is (at whole days, 07:30); or write sample = "random"'
                self.file.fail(message, ("visits", "at"), help)

    def _tests(self, meals: list[MealEvent]) -> Iterator[tuple[float, Protocol]]:
        eaten = [m.time + MOST_JITTER * m.jitter for m in meals]
        seen: set[tuple[str, str, float]] = set()
        for i, line in enumerate(self.data.test):
            try:
                test = protocol(line.kind, **line.options)
            except OptionError as error:
                self.file.fail(error.message, ("test", i, "options", error.option), error.help)
            except SetError as error:
                self.file.fail(error.message, ("test", i, "kind"), error.help, needle=line.kind)
            if lacking := without_body(test.name, self.data.model):
                self.file.fail(lacking[0], ("test", i, "kind"), lacking[1], needle=line.kind)
            if not line.at:
                self.file.fail("there is no time", ("test", i, "at"), 'write for example `at = "4 weeks"`')
            for text in line.at:
                time = self._time(text, "test", i, "at")
                since = since_last_meal(time, eaten)
                if test.fasting and since < FASTING_HOURS:
                    message = (
                        f"the test `{test.name}` at {time:g} h is not fasting: the last meal was {since:g} h before"
                    )
                    help = "at whole days it is 07:30, before breakfast"
                    self.file.fail(message, ("test", i, "at"), help, needle=text)
                if test.everyday and time + test.duration > self.duration:
                    message = f"`{test.name}` at {text} ends after the scenario, which lasts {self.data.duration}"
                    self.file.fail(message, ("test", i, "at"), "make `duration` longer", needle=text)
                if (test.name, test.options, time) in seen:
                    help = "it would be the same twice: leave one out, or give it other options"
                    self.file.fail(f"two tests `{test.name}` at {text}", ("test", i, "at"), help, needle=text)
                seen.add((test.name, test.options, time))
                yield time, test

    def _branches(self) -> Iterator[Branch]:
        data = self.data
        own = tuple(self._dosing(line, ("dose", i)) for i, line in enumerate(data.dose))
        drugs = list(dict.fromkeys(d.drug for d in own))
        first = data.arm_name or "+".join(drugs) or "untreated"
        names = [first, *(arm.name for arm in data.arm)]
        for i, arm in enumerate(data.arm):
            if names.index(arm.name) != i + 1:
                message = f"two arms are called `{arm.name}`"
                help = "the scenario as written is an arm too; `arm_name` renames it" if arm.name == first else None
                self.file.fail(message, ("arm", i, "name"), help)
            if not re.fullmatch(r"[\w+. -]{1,60}", arm.name) or arm.name.strip(". ") != arm.name:
                help = "letters, digits, spaces and + - _ ."
                self.file.fail(f"`{arm.name}` cannot name an arm", ("arm", i, "name"), help)
        if not re.fullmatch(r"[\w+. -]{1,60}", first) or first.strip(". ") != first:
            self.file.fail(f"`{first}` cannot name an arm", ("arm_name",), "letters, digits, spaces and + - _ .")
        changes = tuple(self._change(line, ("change", i)) for i, line in enumerate(data.change))
        rules = self._rules(data.rule, ("rule",), own)
        staying = self._staying(data.leaving, ("leaving",))
        yield Branch(first, "", own, changes, {}, rules, staying)
        for i, arm in enumerate(data.arm):
            dosing = own
            if arm.dose is not None:
                dosing = tuple(self._dosing(line, ("arm", i, "dose", j)) for j, line in enumerate(arm.dose))
            for drug in arm.without:
                if drug not in [d.drug for d in dosing]:
                    help = did_you_mean(drug, drugs) or ("dosed are " + ", ".join(drugs) if drugs else None)
                    self.file.fail(f"`{drug}` is not dosed", ("arm", i, "without"), help, needle=drug)
            dosing = tuple(_placebo(d) if d.drug in arm.without else d for d in dosing)
            mine = changes
            if arm.change is not None:
                mine = tuple(self._change(line, ("arm", i, "change", j)) for j, line in enumerate(arm.change))
            if arm.rule is not None:
                obeyed = self._rules(arm.rule, ("arm", i, "rule"), dosing)
            else:
                obeyed = self._rules(data.rule, ("rule",), dosing, arm.name)
            stay = self._staying(arm.leaving, ("arm", i, "leaving")) if arm.leaving is not None else staying
            yield Branch(arm.name, arm.about, dosing, mine, dict(arm.set), obeyed, stay)

    def _rules(
        self, lines: Sequence[RuleLine], key: tuple[str | int, ...], dosing: Sequence[Dosing], arm: str | None = None
    ) -> tuple[Rule, ...]:
        """Rules as they are read; every drug they speak of must be dosed."""
        dosed, found = [d.drug for d in dosing], []
        for i, line in enumerate(lines):
            here = (*key, i)
            try:
                condition = read_condition(line.when)
            except ScenarioError as error:
                self.file.fail(error.message, (*here, "when"), error.help)
            if not line.do:
                self.file.fail("the rule does nothing", (*here, "do"), "write for example `stop everolimus`")
            actions = []
            for text in line.do:
                try:
                    action = read_action(text)
                except ScenarioError as error:
                    self.file.fail(error.message, (*here, "do"), error.help, needle=text)
                drug = getattr(action, "drug", None)
                if drug is not None and drug not in dosed:
                    what = f" in the arm `{arm}`" if arm else ""
                    help = f"give `{drug}` a [[dose]], with `waits = true` if a rule starts it"
                    if arm:
                        help = "an arm's `dose` replaces all doses: repeat it there, or give the arm its own `rule`"
                    help = did_you_mean(drug, dosed) or help
                    self.file.fail(f"`{drug}` is not dosed{what}", (*here, "do"), help, needle=drug)
                actions.append(action)
            name = line.name or f"rule {i + 1}"
            if name in [r.name for r in found]:
                self.file.fail(f"two rules are called `{name}`", (*here, "name"))
            since = self._time(line.since, *here, "since")
            found.append(Rule(name, condition, tuple(actions), line.confirmed, line.most, since, line.among, here))
        return tuple(found)

    def _staying(self, line: Leaving | None, key: tuple[str | int, ...]) -> Staying | None:
        if line is None:
            return None
        median = self._hours(line.median, *key, "median")
        if median <= 0:
            self.file.fail("`median` must be longer than 0", (*key, "median"))
        return Staying(median, line.shape)

    def _check_match(self) -> None:
        """A mean of one quantity, or a correlation of two whose means and SDs stand there too."""
        whole = [m.of[0] for m in self.data.match if len(m.of) == 1 and m.mean is not None and m.sd is not None]
        seen: list[frozenset[str]] = []
        for i, m in enumerate(self.data.match):
            key = ("match", i)
            if frozenset(m.of) in seen or len(frozenset(m.of)) != len(m.of) or len(m.of) > 2:
                self.file.fail("this is matched twice, or is of too many quantities", (*key, "of"))
            seen.append(frozenset(m.of))
            if len(m.of) == 1 and (m.mean is None or m.correlation is not None):
                self.file.fail(f"`{m.of[0]}` is matched by its mean", key, "give `mean`, and `sd` if it is known")
            if len(m.of) == 2:
                if m.correlation is None or m.mean is not None or m.sd is not None:
                    self.file.fail("two quantities are matched by their correlation", key, "give `correlation` alone")
                missing = [n for n in m.of if n not in whole]
                if missing:
                    self.file.fail(f"`{missing[0]}` has no mean and SD to correlate", key, "give it a [[match]] first")

    def _check_observed(self, arms: list[str]) -> None:
        """What was observed belongs to an arm, and is a share or a bound."""
        for i, row in enumerate(self.data.observed):
            if row.arm not in arms:
                help = did_you_mean(row.arm, arms) or "arms are " + ", ".join(arms)
                self.file.fail(f"there is no arm `{row.arm}`", ("observed", i, "arm"), help, needle=row.arm)
            if (row.percent is None) == (row.below is None):
                message = "a row is a share or a bound"
                self.file.fail(message, ("observed", i), "give `percent`, or `below` where only a bound is known")

    def _check_rechecks(self, branches: Sequence[Branch], visits: tuple[float, ...], meals: list[MealEvent]) -> None:
        """What is looked at between visits must be fasting where that is asked."""
        eaten = [m.time + MOST_JITTER * m.jitter for m in meals]
        for branch in branches:
            for rule in branch.rules:
                for action in rule.actions:
                    if not (isinstance(action, Hold) and action.check and action.until):
                        continue
                    times = rechecks(visits, action.check, self.duration)
                    if sum(1 for _ in times) > MOST_TIMES:
                        self.file.fail("this is checked too often", (*rule.key, "do"))
                    bad = [t for t in times if since_last_meal(t, eaten) < FASTING_HOURS]
                    if bad and action.until.quantities() & {"fasting_glucose", "fasting_glucose_measured", "grade"}:
                        help = "check after whole days: visits are at 07:30"
                        self.file.fail(
                            f"`{action.text}` is checked at {bad[0]:g} h, not fasting", (*rule.key, "do"), help
                        )

    def _change(self, line: ChangeLine, key: tuple[str | int, ...]) -> Change:
        start = self._time(line.at, *key, "at")
        end = self._time(line.until, *key, "until") if line.until is not None else float("inf")
        if end <= start:
            self.file.fail("the change ends before it begins", (*key, "until"), "make `until` later than `at`")
        if not line.set and not line.multiply and line.condition is None:
            self.file.fail("nothing changes", key, "give `condition`, `set` or `multiply`")
        return Change(start, end, line.condition, dict(line.set), dict(line.multiply), key)

    def _dosing(self, line: DoseLine, key: tuple[str | int, ...]) -> Dosing:
        if line.drug not in self.data.model:
            help = did_you_mean(line.drug, self.data.model) or f"add `{line.drug}` to `model`"
            self.file.fail(f"the drug `{line.drug}` is not in `model`", (*key, "drug"), help, needle=line.drug)
        start = self._time(line.start, *key, "start") + self._clock(line.time, *key, "time")
        stop = self._time(line.stop, *key, "stop") if line.stop else self.duration
        if stop < start:
            if line.stop is None:
                self.file.fail("no dose of this line is ever given", key, f"the scenario lasts {self.data.duration}")
            self.file.fail("the doses stop before they start", (*key, "stop"), "make `stop` later than `start`")
        parts, unit = self._parts(line, key)
        if line.waits and (len(parts) > 1 or parts[0].every is None or parts[0].count is not None):
            message = "what waits for a rule is given in one amount at one interval"
            self.file.fail(message, (*key, "waits"), 'write for example amount = "500 mg", every = "12 h"')
        doses = [d for d in in_turn(parts, start, stop) if self._is_on(line, d[0] - start, key)]
        if not [t for t, _ in doses if t < self.duration]:
            self.file.fail("no dose of this line is ever given", key, f"the scenario lasts {self.data.duration}")
        over = self._hours(line.over, *key, "over") if line.over else 0.0
        late = self._hours(line.late, *key, "late")
        for name, value in (("over", over), ("late", late)):
            if value < 0:
                self.file.fail(f"`{name}` cannot be negative", (*key, name))
        times, amounts = zip(*doses, strict=True)
        said = (*key, "amount" if line.amount is not None else "regimen")
        return Dosing(line.drug, line.route, amounts, unit, times, over, line.missed, late, said, line.waits)

    def _parts(self, line: DoseLine, key: tuple[str | int, ...]) -> tuple[list[Part], Unit]:
        """What is given in turn, in one unit."""
        if line.regimen is not None:
            if line.amount is not None or line.every is not None:
                message = "a regimen says how much and how often itself"
                self.file.fail(message, (*key, "regimen"), "leave out `amount` and `every`")
            name, text = "regimen", line.regimen
        elif line.amount is not None:
            name, text = "amount", line.amount
        else:
            self.file.fail("there is no amount", key, "give `amount`, or `regimen`")
        try:
            if name == "regimen":
                parts, unit = read_regimen(text)
            else:
                value, unit = parse_quantity(text)
                every = self._positive(line.every, *key, "every") if line.every else None
                parts = [Part(value, every, None if every else 1)]
        except UnitError as error:
            self.file.fail(f"`{name}`: {error.message}", (*key, name), error.help)
        if min(p.amount for p in parts) < 0:
            self.file.fail("an amount cannot be negative", (*key, name))
        if sum(self.duration / p.every for p in parts if p.every) > MOST_TIMES:
            self.file.fail(f"`{text}` has more than {MOST_TIMES:,} doses", (*key, name))
        return parts, unit

    def _is_on(self, line: DoseLine, since: float, key: tuple[str | int, ...]) -> bool:
        """Whether doses are given so long after the first."""
        if (line.on is None) != (line.off is None):
            help = 'for example on = "5 d", off = "2 d"'
            self.file.fail("`on` and `off` go together", (*key, "on" if line.on else "off"), help)
        if line.on is None or line.off is None:
            return True
        on, off = self._positive(line.on, *key, "on"), self._positive(line.off, *key, "off")
        return since % (on + off) < on * (1 - 1e-12)

    def _clock(self, text: str, *key: str | int) -> float:
        match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text)
        if match is None:
            self.file.fail(f"`{text}` is not a clock time", key, "write for example `07:30`", needle=text)
        return _clock_hours(text)


def _clock_hours(text: str) -> float:
    """Hours from 07:30 to a clock time, the next day's where it is earlier."""
    hours, _, minutes = text.partition(":")
    return (int(hours) + int(minutes) / 60 - DAY_STARTS) % 24.0


def _placebo(dosing: Dosing) -> Dosing:
    """The same doses at the same times, of nothing: arms then stop at the same instants."""
    return replace(dosing, placebo=True)
