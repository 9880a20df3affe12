"""Random effects as variances of parameters."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from .flat import Constant, FlatModel, FlatRoute, FlatState, Line, names_of
from .recognised import simplified

__all__ = ["EFFECT", "with_variances"]

EFFECT = "iiv_"
"""How names of parameters begin that are the exponential of a random effect."""


def with_variances(flat: FlatModel) -> FlatModel:
    """Give variances to parameters: `CL = TVCL * exp(ETA)` becomes a parameter CL with the value of TVCL.

    A random effect is the logarithm of a parameter with median 1; where it is used otherwise, it stays one.
    """
    lines = {n: replace(line, is_=simplified(line.is_)) for n, line in flat.lines.items()}
    states = {
        n: replace(s, derivative=simplified(s.derivative), initial=simplified(s.initial))
        for n, s in flat.states.items()
    }
    routes = {n: _simple_route(r) for n, r in flat.routes.items()}
    used = Counter(name for tree in _trees(lines, states, routes) for name in names_of(tree))
    parameters = dict(flat.parameters)
    _take_units(lines, flat)
    _join_names(lines, parameters, used, set(flat.observables.values()))
    _join_effects(lines, parameters, used)
    observables = {n: full for n, full in flat.observables.items() if full in lines or full in states}
    return replace(flat, parameters=parameters, lines=lines, states=states, routes=routes, observables=observables)


def _simple_state(state: FlatState) -> FlatState:
    return replace(state, derivative=simplified(state.derivative), initial=simplified(state.initial))


def _simple_route(route: FlatRoute) -> FlatRoute:
    rate, duration = (None if tree is None else simplified(tree) for tree in (route.rate, route.duration))
    return replace(route, fraction=simplified(route.fraction), lag=simplified(route.lag), rate=rate, duration=duration)


def _trees(
    lines: Mapping[str, Line], states: Mapping[str, FlatState], routes: Mapping[str, FlatRoute]
) -> list[ast.expr]:
    """All equations."""
    found: list[ast.expr] = [line.is_ for line in lines.values()]
    found += [t for s in states.values() for t in (s.derivative, s.initial)]
    return found + [t for r in routes.values() for t in (r.fraction, r.lag, r.rate, r.duration) if t is not None]


def _take_units(lines: dict[str, Line], flat: FlatModel) -> None:
    """A line that is another quantity has its unit."""
    units = {n: part.unit for part in (flat.parameters, flat.states) for n, part in part.items()}
    for n, line in lines.items():
        if line.unit is None and isinstance(line.is_, ast.Name):
            lines[n] = replace(line, unit=units.get(line.is_.id))
        units[n] = lines[n].unit


def _join_names(lines: dict[str, Line], parameters: dict[str, Constant], used: Counter[str], shown: set[str]) -> None:
    """A name for a parameter that is used nowhere else, such as TVCL for THETA(1), is the parameter's own."""
    for name, line in list(lines.items()):
        other = line.is_.id if isinstance(line.is_, ast.Name) else ""
        if other in parameters and used[other] == 1 and name not in shown:
            own = parameters.pop(other)
            about = line.about or (own.about if own.about != other else name)
            parameters[name] = replace(own, about=about, unit=own.unit or line.unit)
            del lines[name]


def _join_effects(lines: dict[str, Line], parameters: dict[str, Constant], used: Counter[str]) -> None:
    """A parameter times the exponential of a random effect, both used nowhere else, is a parameter with a variance."""
    for name, line in list(lines.items()):
        tree = line.is_
        if not (isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mult)):
            continue
        if not (isinstance(tree.left, ast.Name) and isinstance(tree.right, ast.Name)):
            continue
        pair = [tree.left.id, tree.right.id]
        effect = next((n for n in pair if n.startswith(EFFECT)), None)
        median = next((n for n in pair if n != effect), None)
        if effect is None or median not in parameters or used[effect] != 1 or used[median] != 1:
            continue
        own, noise = parameters.pop(median), parameters.pop(effect)
        del lines[name]
        parameters[name] = Constant(
            own.value,
            line.unit or own.unit,
            line.about or own.about,
            line.source or own.source,
            line.evidence or own.evidence,
            noise.variance,
        )
