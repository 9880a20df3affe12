"""Resolve the target of a record: a route or a state, by name or number."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mtorsim.compiler.kernel import Kernel
from mtorsim.errors import did_you_mean, shortened
from mtorsim.model.generated import CLOCK
from mtorsim.model.inflow import inflow
from mtorsim.model.model import Model, Route

from .table import EventTable

__all__ = ["Routes", "Target"]


@dataclass(frozen=True)
class Target:
    """The state to which a record refers, and the route by which a dose reaches it."""

    state: str
    route: Route | None


class Routes:
    """The targets of doses in a model: routes or states by name, or states by number."""

    def __init__(self, model: Model, kernel: Kernel) -> None:
        self.model = model
        self.kernel = kernel
        self.numbered = list(model.states)
        self.names: dict[str, list[Target]] = {}
        for name, route in model.routes.items():
            self._add(name, Target(route.to, route))
        for state in kernel.states:
            # A name of a route is not also the name of a state.
            self._add(state, Target(state, None))

    def _add(self, name: str, target: Target) -> None:
        for key in (name.lower(), name.partition(".")[2].lower()):
            known = self.names.setdefault(key, [])
            if not any(t.state == target.state and t.route is not None for t in known) or target.route is not None:
                known.append(target)

    def target(self, table: EventTable, record: int) -> Target:
        """The target of a record; by default the first route.

        Raises
        ------
        DataError
            If there is none of this name or number, or several.
        """
        given = table.cmt[record]
        number = re.fullmatch(r"([+-]?\d+)(\.0*)?", given)
        if not given or (number and int(number[1]) == 0):
            if not self.model.routes:
                table.fail(record, "CMT", "the model has no [doses]", "name a state")
            return self._by_route(next(iter(self.model.routes.values())))
        if number:
            return self._numbered(table, record, int(number[1]))
        found = self.names.get(given.lower(), [])
        if not found:
            known = [n.partition(".")[2] for n in (*self.model.routes, *self.kernel.states)]
            help = did_you_mean(given, known) or "choose from " + shortened(sorted(set(known)))
            table.fail(record, "CMT", f"there is no route or state `{given}`", help)
        states = list(dict.fromkeys(t.state for t in found))
        if len(states) > 1:
            message = f"`{given}` is a route or state of several modules"
            table.fail(record, "CMT", message, "write one of " + ", ".join(states))
        return found[0] if found[0].route is not None else self._of_state(table, record, states[0])

    def _by_route(self, route: Route) -> Target:
        return Target(route.to, route)

    def _numbered(self, table: EventTable, record: int, number: int) -> Target:
        if number < 0:
            table.fail(record, "CMT", "states cannot be turned off", "a negative CMT has no meaning here")
        if number > len(self.numbered):
            listed = ", ".join(f"{i + 1} {name.partition('.')[2]}" for i, name in enumerate(self.numbered[:12]))
            table.fail(record, "CMT", f"there is no state {number}", f"states are {listed}")
        return self._of_state(table, record, self.numbered[number - 1])

    def _of_state(self, table: EventTable, record: int, state: str) -> Target:
        """A state as the target, by the only route to it, if there is one."""
        routes = [r for r in self.model.routes.values() if r.to == state]
        if len(routes) > 1 and int(table.evid[record]) in (1, 4):
            short = state.partition(".")[2]
            names = " or ".join(f"`{r.name.partition('.')[2]}`" for r in routes)
            table.fail(record, "CMT", f"several routes lead to `{short}`", f"write {names}")
        return Target(state, routes[0] if routes else None)

    def row(self, state: str) -> int:
        """Row of a state in the kernel."""
        return self.kernel.states.index(state)

    def inflow(self, state: str) -> int | None:
        """Column of the parameter that is a state's inflow; None if it has no inflow."""
        name = inflow(state)
        return self.kernel.parameters.index(name) if name in self.kernel.parameters else None

    def clock(self, state: str, kind: str) -> int | None:
        """Row of a clock of the module to which a state belongs; None if its equations do not read it."""
        name = f"{state.partition('.')[0]}.{kind}"
        known = name in self.model.clocks(kind) and name in self.kernel.states
        return self.kernel.states.index(name) if known else None

    @property
    def clocks(self) -> list[int]:
        """Rows of the clocks that show the time since the start."""
        return [self.kernel.states.index(c) for c in self.model.clocks(CLOCK) if c in self.kernel.states]

    def own(self, state: str) -> list[int]:
        """Rows of the drug to which a state belongs, without pure counters such as the eliminated amount."""
        module, read = state.partition(".")[0], {column for _, column in self.kernel.entries}
        return [i for i, s in enumerate(self.kernel.states) if s.partition(".")[0] == module and i in read]
