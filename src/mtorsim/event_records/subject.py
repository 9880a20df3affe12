"""The events of one subject, and how its records are observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mtorsim.kernel.status import OK

__all__ = ["Laid", "Seen", "SubjectEvents"]


@dataclass(frozen=True)
class Seen:
    """When and how a record is observed.

    Attributes
    ----------
    time
        In hours.
    before
        Events at the same time that precede the record: kind, row and amount.
    parameters
        Values of the parameters that covariates replace, by name.
    after_dose
        Time after the last dose, NaN before the first.
    """

    time: float
    before: tuple[tuple[int, int, float], ...]
    parameters: Mapping[str, float]
    after_dose: float


@dataclass
class SubjectEvents:
    """The events of one subject.

    Attributes
    ----------
    events
        Time, kind, row and amount, in order.
    seen
        The observation of each record.
    end
        End of integration, after all events.
    status
        0, or the code of the reason why a dose cannot be given.
    curve
        Observations between records, for a figure.
    """

    events: list[tuple[float, int, int, float]]
    seen: list[Seen]
    end: float
    status: int = OK
    curve: list[Seen] = field(default_factory=list)


@dataclass
class Laid:
    """Events collected so far: arriving doses, infusions, events at records, and times at which clocks are set.

    `arrivals` and `done` are (time, order, kind, row, amount), `running` (start, end, row, rate), and `clocked` (time,
    order, value of `t`).
    """

    arrivals: list[tuple[float, int, int, int, float]] = field(default_factory=list)
    running: list[tuple[float, float, int, float]] = field(default_factory=list)
    done: list[tuple[float, int, int, int, float]] = field(default_factory=list)
    clocked: list[tuple[float, int, float]] = field(default_factory=list)

    def drop_from(self, time: float, rows: Sequence[int] | None = None) -> None:
        """Cancel arriving doses and infusions from a time onwards, of some states or of all."""
        mine = lambda row: rows is None or row in rows  # noqa: E731
        self.arrivals = [a for a in self.arrivals if not (mine(a[3]) and a[0] >= time)]
        cut = [(s, min(e, time) if mine(row) else e, row, rate) for s, e, row, rate in self.running]
        self.running = [r for r in cut if r[0] < r[1]]
