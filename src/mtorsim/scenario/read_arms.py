"""Read the arms of a scenario: the scenario as written, and its variants."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mtorsim.errors import did_you_mean
from mtorsim.files.places import Place

from .file import Arm, ChangeLine, ScenarioFile
from .parts import ArmSpec, Change, Regimen, Setting
from .read_doses import Doses
from .read_rules import read_rules, read_staying
from .read_times import Clock

__all__ = ["Arms", "read_settings"]

_NAME = re.compile(r"[\w+. -]{1,60}")


@dataclass(frozen=True)
class Arms:
    """Reads the arms of a scenario; `place` is the scenario's."""

    form: ScenarioFile
    clock: Clock
    doses: Doses
    visits: tuple[float, ...]
    place: Place

    def read(self) -> Iterator[ArmSpec]:
        """Read the scenario as written, then its variants."""
        form, place = self.form, self.place
        regimens = self.doses.read(form.dose, place.inside("dose"))
        drugs = list(dict.fromkeys(r.drug for r in regimens))
        first = form.arm_name or "+".join(drugs) or "untreated"
        self._check_names(first)
        changes = self._changes(form.change, place.inside("change"))
        rules = read_rules(form.rule, place.inside("rule"), self.clock, regimens)
        staying = read_staying(form.leaving, place.inside("leaving"))
        written = ArmSpec(first, "", regimens, changes, (), self.visits, rules, staying)
        yield written
        for i, arm in enumerate(form.arm):
            yield self._variant(arm, place.inside("arm", i), written)

    def _variant(self, arm: Arm, place: Place, written: ArmSpec) -> ArmSpec:
        """One variant of the scenario as written."""
        regimens = written.regimens
        if arm.dose is not None:
            regimens = self.doses.read(arm.dose, place.inside("dose"))
        regimens = _without(regimens, arm.without, place.inside("without"))
        changes = written.changes
        if arm.change is not None:
            changes = self._changes(arm.change, place.inside("change"))
        if arm.rule is not None:
            rules = read_rules(arm.rule, place.inside("rule"), self.clock, regimens)
        else:
            rules = read_rules(self.form.rule, self.place.inside("rule"), self.clock, regimens, arm.name)
        staying = written.staying
        if arm.leaving is not None:
            staying = read_staying(arm.leaving, place.inside("leaving"))
        settings = read_settings(arm.set, place.inside("set"))
        visits = self.visits
        if arm.visits is not None:
            visits = self.clock.visits(arm.visits, place.inside("visits"))
        return ArmSpec(arm.name, arm.about, regimens, changes, settings, visits, rules, staying)

    def _check_names(self, first: str) -> None:
        """Check that names of arms are unique and valid in tables and file names."""
        names = [first, *(arm.name for arm in self.form.arm)]
        places = [self.place.inside("arm_name"), *(self.place.inside("arm", i, "name") for i in range(len(names) - 1))]
        for i, (name, place) in enumerate(zip(names, places, strict=True)):
            if names.index(name) != i:
                help = "the scenario as written is also an arm; `arm_name` renames it" if name == first else None
                place.fail(f"two arms are called `{name}`", help=help)
            if not _NAME.fullmatch(name) or name.strip(". ") != name:
                place.fail(f"`{name}` cannot be the name of an arm", help="use letters, digits, spaces and + - _ .")

    def _changes(self, lines: Sequence[ChangeLine], place: Place) -> tuple[Change, ...]:
        return tuple(self._change(line, place.inside(i)) for i, line in enumerate(lines))

    def _change(self, line: ChangeLine, place: Place) -> Change:
        start = self.clock.time(line.at, place.inside("at"))
        end = self.clock.time(line.until, place.inside("until")) if line.until is not None else float("inf")
        if end <= start:
            place.fail("the change ends before it begins", "until", help="make `until` later than `at`")
        if not line.set and not line.multiply and line.condition is None:
            place.fail("nothing changes", help="give `condition`, `set` or `multiply`")
        return Change(start, end, line.condition, dict(line.set), dict(line.multiply), place)


def _without(regimens: tuple[Regimen, ...], drugs: Sequence[str], place: Place) -> tuple[Regimen, ...]:
    """Replace some drugs by placebo: doses of 0 at the same times, so that all arms have the same stops."""
    dosed = list(dict.fromkeys(r.drug for r in regimens))
    for drug in drugs:
        if drug not in dosed:
            help = did_you_mean(drug, dosed) or ("dosed drugs are " + ", ".join(dosed) if dosed else None)
            place.fail(f"`{drug}` is not dosed", help=help, needle=drug)
    return tuple(replace(r, placebo=True) if r.drug in drugs else r for r in regimens)


def read_settings(values: Mapping[str, float], place: Place) -> tuple[Setting, ...]:
    """Read named numbers, each with its place."""
    return tuple(Setting(name, value, place.inside(*name.split("."))) for name, value in values.items())
