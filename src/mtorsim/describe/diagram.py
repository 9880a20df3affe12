"""The mechanism as a graph: quantities that modules name as nodes, and which of them acts on which, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mtorsim.model.expressions import evaluate
from mtorsim.model.model import Model
from mtorsim.stats.portable import FUNCTIONS

__all__ = ["Diagram", "DiagramNode", "Edge", "diagram_of"]

NUDGE = 1e-4
"""Relative change of a quantity by which the sign of its effect is found."""
FILLED = 0.5
"""Share of its typical size that a state has where signs are found: not 0 or 1, at which fractions have no effect."""


@dataclass(frozen=True)
class DiagramNode:
    """A quantity in the diagram.

    Attributes
    ----------
    name
        Full name in the diagram, `module.node`.
    of
        Full name of the quantity.
    """

    name: str
    of: str
    organ: str
    label: str
    plain: str
    unit: str


@dataclass(frozen=True)
class Edge:
    """An effect of one quantity on another.

    Attributes
    ----------
    source, target
        Names of nodes.
    sign
        1 if the target rises with the source, -1 if it falls, 0 if it does both, by different paths.
    mechanisms
        Switches through which it acts; empty if it cannot be switched off.
    """

    source: str
    target: str
    sign: int
    mechanisms: tuple[str, ...]


@dataclass(frozen=True)
class Diagram:
    """The nodes and edges of a model."""

    nodes: tuple[DiagramNode, ...]
    edges: tuple[Edge, ...]

    @property
    def organs(self) -> tuple[str, ...]:
        """Organs and pathways in the order of the model."""
        return tuple(dict.fromkeys(node.organ for node in self.nodes))


def diagram_of(model: Model) -> Diagram:
    """Make the diagram of a model.

    An edge leads from a node to every node whose equation reads it, directly or through quantities that are no nodes.
    Its sign is found by a small change, at typical parameters and typical sizes of the states.
    """
    nodes = []
    by_quantity: dict[str, str] = {}
    body = model.rest.module if model.rest else ""
    # What acts on the body comes before it, so that within an organ effects run downwards.
    for module in sorted(model.modules, key=lambda m: m.name == body):
        for bare, line in module.data.nodes.items():
            full, name = f"{module.name}.{line.of}", f"{module.name}.{bare}"
            nodes.append(DiagramNode(name, full, line.organ, line.label, line.plain, str(model.units[full])))
            by_quantity |= dict.fromkeys([full, *(f"{module.name}.{part}" for part in line.parts)], name)
    signs = _Signs(model)
    whole = {node.name: node.of for node in nodes}
    along = {q: _along(model, whole[name], q, by_quantity, signs) for q, name in by_quantity.items()}
    edges: dict[tuple[str, str], Edge] = {}
    for quantity, target in by_quantity.items():
        for read, sign, mechanisms in _sources(model, quantity, frozenset(by_quantity), signs):
            key = by_quantity[read], target
            if key[0] != target:
                effect = Edge(*key, sign * along[quantity] * along[read], mechanisms)
                edges[key] = _merged(edges.get(key), effect)
    return Diagram(tuple(nodes), tuple(edges.values()))


def _along(model: Model, of: str, part: str, by_quantity: Mapping[str, str], signs: _Signs) -> int:
    """1 if a node's quantity rises with a part of the node, -1 if it falls, as activity does with what is bound."""
    if of == part:
        return 1
    others = {quantity for quantity, name in by_quantity.items() if name != by_quantity[of]}
    found = {sign for read, sign, _ in _sources(model, of, frozenset(others | {part}), signs) if read == part}
    return found.pop() if len(found) == 1 else 1


def _merged(before: Edge | None, edge: Edge) -> Edge:
    """Two paths as one effect: a switch cuts it only if it is on both, and signs that differ leave none."""
    if before is None:
        return edge
    signs = {before.sign, edge.sign} - {0}
    common = tuple(m for m in before.mechanisms if m in edge.mechanisms)
    return Edge(edge.source, edge.target, signs.pop() if len(signs) == 1 else 0, common)


def _sources(
    model: Model, quantity: str, nodes: frozenset[str], signs: _Signs
) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Nodes that a quantity reads, with the sign and the switches of each path through quantities that are no nodes."""
    stack: list[tuple[str, int, tuple[str, ...], frozenset[str]]] = [(quantity, 1, (), frozenset((quantity,)))]
    while stack:
        name, sign, mechanisms, seen = stack.pop()
        for read in dict.fromkeys(_read(model, name)):
            if read in seen or read in model.parameters or read in model.switches:
                continue
            on = model.equations[read].mechanism if read in model.equations else None
            through = (*mechanisms, on) if on and on not in mechanisms else mechanisms
            effect = sign * signs.of(name, read)
            if effect == 0:
                continue
            if read in nodes:
                yield read, effect, through
            else:
                stack.append((read, effect, through, seen | {read}))


def _read(model: Model, name: str) -> tuple[str, ...]:
    """What the equation of a quantity reads; of a port, its contributions."""
    if name in model.ports:
        return tuple(model.ports[name].contributions)
    equation = model.derivatives.get(name) or model.equations.get(name)
    return tuple(equation.scope.values()) if equation else ()


class _Signs:
    """Signs of the direct effect of one quantity on another, by a small change."""

    def __init__(self, model: Model) -> None:
        self.model = model
        # Parameters of the untreated day are ratios or levels for which 1 gives the right sign.
        parameters = {n: 1.0 if line.value is None else line.value for n, (line, _) in model.parameters.items()}
        states = {n: line.scale * FILLED for n, (line, _) in model.states.items()}
        self.values = self._filled({**parameters, **model.switches, **states})

    def of(self, target: str, source: str) -> int:
        """The sign of the change of a target, or of the derivative of a state, with a source."""
        if target in self.model.ports:
            return 1
        equation = self.model.derivatives.get(target) or self.model.equations.get(target)
        if equation is None or source not in self.values:
            return 0
        around = []
        for nudge in (-NUDGE, NUDGE):
            value = self.values[source]
            moved = self.values | {source: value + nudge * (abs(value) + NUDGE)}
            named = {typed: np.float64(moved[full]) for typed, full in equation.scope.items() if full in moved}
            if len(named) < len(equation.scope):
                return 0
            around.append(float(evaluate(equation.expression, named, FUNCTIONS)))
        change = around[1] - around[0]
        return 0 if abs(change) < 1e-12 * max(1.0, abs(around[0])) else int(np.sign(change))

    def _filled(self, values: dict[str, float]) -> dict[str, float]:
        """All quantities, from parameters and states."""
        for name in self.model.order:
            if name in values:
                continue
            if name in self.model.ports:
                port = self.model.ports[name]
                parts = [(values.get(c, 0.0), self.model.equations[c].mechanism or "") for c in port.contributions]
                values[name] = _port(port.kind, parts, values)
                continue
            equation = self.model.equations[name]
            named = {typed: np.float64(values[full]) for typed, full in equation.scope.items() if full in values}
            if len(named) == len(equation.scope):
                with np.errstate(all="ignore"):
                    values[name] = float(evaluate(equation.expression, named, FUNCTIONS))
        return values


def _port(kind: str, parts: list[tuple[float, str]], values: Mapping[str, float]) -> float:
    """Inputs add, modifiers multiply, each through its switch."""
    if kind == "inputs":
        return sum(values.get(switch, 1.0) * value for value, switch in parts)
    found = 1.0
    for value, switch in parts:
        found *= 1.0 + values.get(switch, 1.0) * (value - 1.0)
    return found
