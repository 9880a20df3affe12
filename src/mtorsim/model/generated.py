"""Lines that others stand for: clocks, delays, and transit compartments, written out as states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mtorsim.errors import ModelError

from .file import Delay, Key, Module, ModuleFile, RouteLine, State

__all__ = ["CLOCK", "LAST_DOSE", "SINCE_DOSE", "with_generated_lines"]

CLOCK, SINCE_DOSE, LAST_DOSE = "t", "tad", "last_dose"
"""Names that equations may use without declaring them: time since the start and since the last dose in hours, and the
amount of the last dose."""


def with_generated_lines(module: Module) -> Module:
    """Write out the clocks, delays and transit compartments of a module as states with derivatives.

    A delay of `n` stages is a chain in which each stage follows the one before at the rate n over the mean delay; its
    response to a step is that of a gamma distribution, with a coefficient of variation of 1 / sqrt(n).

    Raises
    ------
    ModelError
        If a name that a line stands for is already in use, or `last_dose` has no single unit.
    """
    lines = _Lines(module)
    for name, delay in module.data.delays.items():
        lines.delay(name, delay)
    for name, route in module.data.doses.items():
        if route.transit is not None:
            lines.transit(name, route)
    lines.clocks()
    return lines.module()


class _Lines:
    def __init__(self, module: Module) -> None:
        self.given = module
        self.states = dict(module.data.states)
        self.derivatives = dict(module.data.derivatives)
        self.doses = dict(module.data.doses)
        self.origins: dict[Key, Key] = {}
        self.used: list[str] = []

    def module(self) -> Module:
        """The module with all lines."""
        changed = {"states": self.states, "derivatives": self.derivatives, "doses": self.doses}
        data = self.given.data.model_copy(update=changed)
        return replace(self.given, data=data, origins=self.origins, clocks=tuple(self.used))

    def _add(self, name: str, line: State, derivative: str, origin: Key) -> None:
        if name in self.given.kinds or name in self.states:
            section = self.given.kinds.get(name, "states")
            where = self.given.where(*origin)
            raise ModelError(f"`{name}` is already in [{section}]", where, "rename one of them")
        self.states[name] = line
        self.derivatives[name] = derivative
        self.origins |= {("states", name): origin, ("derivatives", name): origin}

    def delay(self, name: str, line: Delay) -> None:
        """Write a delay as a chain of states; the last one has its name."""
        before = f"({line.of})"
        for k in range(1, line.stages + 1):
            own = name if k == line.stages else f"{name}_{k}"
            about = line.about if k == line.stages else f"{line.about}, stage {k} of {line.stages}"
            state = State(unit=line.unit, about=about, initial=line.initial, scale=line.scale)
            self._add(own, state, f"{line.stages} * ({before} - {own}) / ({line.by})", ("delays", name))
            before = own

    def transit(self, name: str, route: RouteLine) -> None:
        """Put transit compartments between a route and its state."""
        assert route.transit is not None
        n, rate = route.transit.stages, f"{route.transit.stages} / ({route.transit.time})"
        if route.to not in self.derivatives or route.to not in self.states:
            return
        scale = self.states[route.to].scale
        for k in range(1, n + 1):
            own = f"{name}_{k}"
            about = f"{route.about}, transit compartment {k} of {n}"
            entering = f"{rate} * {name}_{k - 1} - " if k > 1 else "-"
            state = State(unit=route.unit, about=about, initial="0", scale=scale)
            self._add(own, state, f"{entering}{rate} * {own}", ("doses", name))
        self.derivatives[route.to] = f"{self.derivatives[route.to]} + {rate} * {name}_{n}"
        self.origins[("derivatives", route.to)] = ("derivatives", route.to)
        self.doses[name] = route.model_copy(update={"to": f"{name}_1"})

    def clocks(self) -> None:
        """Add the clocks that equations use."""
        module = self.module()
        names = {name for text, *key in _texts(self) for name in module.expression(text, *key).names()}
        hours = {
            CLOCK: "time since the start",
            SINCE_DOSE: "time since the last dose, after its lag; before the first, since the start",
        }
        for name, about in hours.items():
            if name in names and name not in self.given.kinds:
                self.used.append(name)
                self._add(name, State(unit="h", about=about, initial="0", scale=1.0), "1", ("module",))
        if LAST_DOSE in names and LAST_DOSE not in self.given.kinds:
            units = list(dict.fromkeys(route.unit for route in self.doses.values()))
            if len(units) != 1:
                message = "`last_dose` needs routes in [doses], all with the same unit"
                raise ModelError(message, self.given.where("doses"))
            self.used.append(LAST_DOSE)
            about = "amount of the last dose, after its bioavailability"
            self._add(LAST_DOSE, State(unit=units[0], about=about, initial="0", scale=1.0), "0", ("module",))


def _texts(lines: _Lines) -> Iterator[tuple[Any, ...]]:
    """All equations that are evaluated during integration, each with its key."""
    data: ModuleFile = lines.given.data
    yield from ((text, "derivatives", name) for name, text in lines.derivatives.items())
    for section in ("expressions", "observables"):
        yield from ((line.is_, section, name, "is") for name, line in getattr(data, section).items())
    yield from ((line.is_, "contributes", i, "is") for i, line in enumerate(data.contributes))
