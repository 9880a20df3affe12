"""Resolve the target of a dose record."""

from __future__ import annotations

from mtorsim.compiler.kernel import Kernel
from mtorsim.errors import did_you_mean
from mtorsim.model.inflow import inflow
from mtorsim.model.model import Model

from .table import EventTable

__all__ = ["Routes"]


class Routes:
    """The targets of doses in a model: states or routes by name, or states by number."""

    def __init__(self, model: Model, kernel: Kernel) -> None:
        self.model = model
        self.kernel = kernel
        self.names: dict[str, str] = {}
        for state in kernel.states:
            self.names[state.lower()] = state
            self.names.setdefault(state.partition(".")[2].lower(), state)
        for name, dose in model.routes.items():
            self.names[name.lower()] = dose.to
            self.names.setdefault(name.partition(".")[2].lower(), dose.to)
        self.to = {dose.to: dose for dose in reversed(list(model.routes.values()))}

    def state(self, table: EventTable, record: int) -> str:
        """The state to which a record refers; by default that of the first route."""
        given = table.cmt[record].strip()
        if not given or given == "0":
            if not self.model.routes:
                table.fail(record, "CMT", "the model takes no doses", "name a state")
            return next(iter(self.model.routes.values())).to
        if given.lower() in self.names:
            return self.names[given.lower()]
        try:
            return self.kernel.states[int(given) - 1 if int(given) > 0 else len(self.kernel.states)]
        except (ValueError, IndexError):
            help = did_you_mean(given, [s.partition(".")[2] for s in self.kernel.states])
            table.fail(record, "CMT", f"there is no state `{given}`", help)
            raise AssertionError from None

    def row(self, state: str) -> int:
        """Row of a state in the kernel."""
        return self.kernel.states.index(state)

    def inflow(self, state: str) -> int | None:
        """Column of the parameter that is a state's inflow; None if it has no inflow."""
        name = inflow(state)
        return self.kernel.parameters.index(name) if name in self.kernel.parameters else None

    def own(self, state: str) -> list[int]:
        """Rows of the drug to which a state belongs, without pure counters such as the eliminated amount."""
        module, read = state.partition(".")[0], {column for _, column in self.kernel.entries}
        return [i for i, s in enumerate(self.kernel.states) if s.partition(".")[0] == module and i in read]
