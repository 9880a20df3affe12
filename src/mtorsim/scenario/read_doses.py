"""Read doses and resolve them to amounts and times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtorsim.errors import UnitError, did_you_mean
from mtorsim.files.places import Place
from mtorsim.units.units import ONE, Unit, parse_quantity

from .file import DoseLine, EpisodeLine
from .parts import Regimen
from .read_times import MOST_TIMES, Clock, hours
from .regimen import Part, in_turn, read_regimen

__all__ = ["Doses"]


@dataclass(frozen=True)
class Doses:
    """Reads doses of a scenario's drugs."""

    clock: Clock
    modules: Sequence[str]

    def read(self, lines: Sequence[DoseLine], place: Place) -> tuple[Regimen, ...]:
        """Read the regimens of all lines."""
        return tuple(self._regimen(line, place.inside(i)) for i, line in enumerate(lines))

    def once(self, line: EpisodeLine, place: Place) -> Regimen:
        """Read the one dose of an episode."""
        self._known(line.what, place, "what")
        try:
            amount, unit = parse_quantity(line.amount) if isinstance(line.amount, str) else (line.amount, ONE)
        except UnitError as error:
            place.fail(f"`amount`: {error.message}", "amount", help=error.help)
        if amount <= 0:
            place.fail("the amount must be more than 0", "amount")
        over = self.clock.interval(line.over, place.inside("over")) if line.over else 0.0
        return Regimen(line.what, line.route, (amount,), unit, (0.0,), over, 0.0, 0.0, place)

    def _known(self, name: str, place: Place, key: str) -> None:
        if name not in self.modules:
            help = did_you_mean(name, self.modules) or f"add `{name}` to `model`"
            place.fail(f"the drug `{name}` is not in `model`", key, help=help, needle=name)

    def _regimen(self, line: DoseLine, place: Place) -> Regimen:
        self._known(line.drug, place, "drug")
        start, stop = self._from_to(line, place)
        parts, unit = self._parts(line, place)
        if line.waits and (len(parts) > 1 or parts[0].every is None or parts[0].count is not None):
            help = 'write for example amount = "500 mg", every = "12 h"'
            place.fail("a drug that waits for a rule needs one amount and one interval", "waits", help=help)
        doses = [d for d in in_turn(parts, start, stop) if self._is_on(line, d[0] - start, place)]
        if not [t for t, _ in doses if t < self.clock.duration]:
            self._never(place)
        over = hours(line.over, place.inside("over")) if line.over else 0.0
        late = hours(line.late, place.inside("late"))
        for name, value in (("over", over), ("late", late)):
            if value < 0:
                place.fail(f"`{name}` cannot be negative", name)
        times, amounts = zip(*doses, strict=True)
        said = "amount" if line.amount is not None else "regimen"
        return Regimen(
            line.drug,
            line.route,
            amounts,
            unit,
            times,
            over,
            line.missed,
            late,
            place,
            said,
            line.waits,
            interruptions=self._interruptions(line, place),
            tablet=self._tablet(line, place),
        )

    @staticmethod
    def _tablet(line: DoseLine, place: Place) -> tuple[float, Unit] | None:
        """The amount to whose multiples doses are rounded."""
        if line.round_to is None:
            return None
        try:
            value, unit = parse_quantity(line.round_to)
        except UnitError as error:
            place.fail(f"`round_to`: {error.message}", "round_to", help=error.help)
        if value <= 0:
            place.fail("a tablet must contain more than 0", "round_to")
        return value, unit

    def _interruptions(self, line: DoseLine, place: Place) -> tuple[float, float] | None:
        """How often doses are interrupted, and for how many hours."""
        found = line.interruptions
        if found is None:
            return None
        if line.waits:
            place.fail("a drug that waits for a rule is interrupted by rules only", "interruptions")
        return found.per_year, self.clock.interval(found.lasts, place.inside("interruptions", "lasts"))

    def _from_to(self, line: DoseLine, place: Place) -> tuple[float, float]:
        """Time of the first dose, and end of dosing."""
        start = self.clock.time(line.start, place.inside("start"))
        start += self.clock.of_day(line.time, place.inside("time"))
        if line.stop is None:
            if self.clock.duration < start:
                self._never(place)
            return start, self.clock.duration
        stop = self.clock.time(line.stop, place.inside("stop"))
        if stop < start:
            place.fail("the doses stop before they start", "stop", help="make `stop` later than `start`")
        return start, stop

    def _never(self, place: Place) -> None:
        place.fail("this line gives no dose", help=f"the scenario lasts {self.clock.lasts}")

    def _parts(self, line: DoseLine, place: Place) -> tuple[list[Part], Unit]:
        """The parts of the regimen, in one unit."""
        name, text = self._said(line, place)
        try:
            if name == "regimen":
                parts, unit = read_regimen(text)
            else:
                value, unit = parse_quantity(text)
                every = self.clock.interval(line.every, place.inside("every")) if line.every else None
                parts = [Part(value, every, None if every else 1)]
        except UnitError as error:
            place.fail(f"`{name}`: {error.message}", name, help=error.help)
        if min(p.amount for p in parts) < 0:
            place.fail("an amount cannot be negative", name)
        if sum(self.clock.duration / p.every for p in parts if p.every) > MOST_TIMES:
            place.fail(f"`{text}` has more than {MOST_TIMES:,} doses", name)
        return parts, unit

    @staticmethod
    def _said(line: DoseLine, place: Place) -> tuple[str, str]:
        """The key of the amount, and its text."""
        if line.regimen is not None:
            if line.amount is not None or line.every is not None:
                help = "remove `amount` and `every`"
                place.fail("a regimen already contains amount and interval", "regimen", help=help)
            return "regimen", line.regimen
        if line.amount is None:
            place.fail("the amount is missing", help="give `amount`, or `regimen`")
        return "amount", line.amount

    def _is_on(self, line: DoseLine, since: float, place: Place) -> bool:
        """Whether a time after the first dose lies in a period with doses."""
        if (line.on is None) != (line.off is None):
            help = 'for example on = "5 d", off = "2 d"'
            place.fail("`on` and `off` must be given together", "on" if line.on else "off", help=help)
        if line.on is None or line.off is None:
            return True
        on = self.clock.interval(line.on, place.inside("on"))
        off = self.clock.interval(line.off, place.inside("off"))
        return since % (on + off) < on * (1 - 1e-12)
