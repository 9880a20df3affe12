"""Write a flat model as a module file."""

from __future__ import annotations

import ast
import copy
import json
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from mtorsim.errors import ModelError, one_line
from mtorsim.model.expressions import FUNCTIONS, INSTEAD, is_identifier
from mtorsim.model.generated import LAST_DOSE, SINCE_DOSE
from mtorsim.units.units import parse_unit

from .flat import Constant, FlatModel, names_of
from .printing import Dialect, printed
from .text import free_names

__all__ = ["UNKNOWN", "ModuleText", "module_of_flat", "quoted"]

UNKNOWN = "?"
"""What stands for a unit that the file did not say."""

_DIALECT = {n: n for n in FUNCTIONS}
_RESERVED = {*FUNCTIONS, *INSTEAD, *keyword.kwlist, "t", "y", "p", SINCE_DOSE, LAST_DOSE, "arm", "subject", "visit"}
_LONGEST = 1500
"""Characters of an equation before it is split."""


@dataclass(frozen=True)
class ModuleText:
    """A module file.

    Attributes
    ----------
    name
        The module's name, which is that of its file.
    text
        Its text.
    names
        New name of each quantity.
    asked
        Units, values and times that the module's author must fill in.
    """

    name: str
    text: str
    names: Mapping[str, str]
    asked: tuple[str, ...]


def module_of_flat(
    flat: FlatModel, name: str, source: str, *, unitless: bool = False, time: str | None = None
) -> ModuleText:
    """Write a flat model as a module.

    Parameters
    ----------
    name
        Name of the module.
    source
        Where the model comes from, for the comment at the top.
    unitless
        Whether units are left out and not checked.
    time
        The unit of time, in place of the model's.
    """
    return _Writing(flat, name, source, unitless, time).text()


class _Writing:
    def __init__(self, flat: FlatModel, name: str, source: str, unitless: bool, time: str | None) -> None:
        self.flat, self.name, self.source, self.unitless = flat, name, source, unitless
        self.time = time or flat.time or ("h" if unitless else UNKNOWN)
        every = [*flat.parameters, *flat.lines, *flat.states, *flat.routes]
        self.names = free_names(every, _RESERVED, form=_identifier)
        self.asked: list[str] = []
        self.extra: dict[str, Constant] = {}
        self.split = 0
        self.time_name, self.factor = "t", ""

    def text(self) -> ModuleText:
        """The module file."""
        flat, names = self.flat, self.names
        clock = self._clock()
        body: list[str] = []
        states = [f"{names[n]} = {self._state(n)}" for n in flat.states]
        lines: list[str] = []
        for n, line in flat.lines.items():
            lines += self._line(names[n], line.is_, line.unit, line.about)
        derivatives = []
        for n, state in flat.states.items():
            derivatives.append(f"{names[n]} = {self._equation(state.derivative, lines, 'derivative of ' + names[n])}")
        parameters = [
            f"{names.get(n, n)} = {self._parameter(n, c)}" for n, c in {**flat.parameters, **self.extra}.items()
        ]
        for head, part in (
            ("parameters", parameters),
            ("states", states),
            ("expressions", [*clock, *lines]),
            ("derivatives", derivatives),
        ):
            if part:
                body += ["", f"[{head}]", *part]
        for n in flat.routes:
            body += ["", *self._route(n)]
        return ModuleText(self.name, "\n".join([*self._head(), *body]) + "\n", names, tuple(self.asked))

    def _head(self) -> list[str]:
        flat = self.flat
        out = [f"# {one_line(flat.title, 200)}", f"# Imported from {one_line(self.source, 200)}."]
        if self.unitless:
            out.append(f"# Neither units nor sources are checked; one unit of time is 1 {self.time}.")
        else:
            out.append("# Fill in each `?`: units, and where values come from; or set `unitless = true` in [module].")
        other = {a: b for a, b in self.names.items() if a != b}
        out += [f"# {b} was `{one_line(a, 60)}`" for a, b in other.items()]
        out += [f"# Left out: {one_line(note, 300)}" for note in flat.left_out]
        out += [
            "",
            "[module]",
            f"name = {quoted(self.name)}",
            f"about = {quoted(one_line(flat.title, 200) or self.name)}",
        ]
        if self.time == UNKNOWN:
            self.asked.append("the unit of time of [module]")
        out.append(f"time = {quoted(self.time)}")
        return [*out, "unitless = true"] if self.unitless else out

    def _unit(self, unit: str | None, what: str) -> str:
        if self.unitless:
            return "1"
        if unit is None:
            self.asked.append(f"the unit of `{what}`")
        return UNKNOWN if unit is None else unit

    def _parameter(self, name: str, constant: Constant) -> str:
        own = self.names.get(name, name)
        parts = []
        if constant.value is None:
            self.asked.append(f"the value of `{own}`")
            parts.append(f"value = {quoted(UNKNOWN)}")
        else:
            parts.append(f"value = {constant.value!r}")
        parts.append(f"unit = {quoted(self._unit(constant.unit, own))}")
        if constant.variance:
            parts.append(f"variance = {constant.variance!r}")
        parts.append(f"about = {quoted(constant.about or name)}")
        if not self.unitless:
            self.asked += [f"the {what} of `{own}`" for what in ("source", "evidence") if not getattr(constant, what)]
            parts.append(f"source = {quoted(constant.source or UNKNOWN)}")
            parts.append(f"evidence = {quoted(constant.evidence or UNKNOWN)}")
        return "{ " + ", ".join(parts) + " }"

    def _state(self, name: str) -> str:
        state = self.flat.states[name]
        initial = self._initial(name)
        value = f"initial = {initial if _is_plain(initial) else quoted(initial)}"
        scale = _scale(state.initial, self.flat)
        size = f", scale = {scale:g}" if scale != 1 else ""
        unit = self._unit(state.unit, self.names[name])
        return f"{{ {value}, unit = {quoted(unit)}{size}, about = {quoted(state.about or name)} }}"

    def _initial(self, name: str) -> str:
        """The initial value; a number with a unit is a parameter."""
        state = self.flat.states[name]
        plain = isinstance(state.initial, ast.Constant | ast.UnaryOp) and not list(names_of(state.initial))
        if not plain or self.unitless or state.unit in ("1", None) or _is_default("lag", state.initial):
            return self._said(state.initial)
        own = self._fresh(_identifier(f"{self.names[name]}_start"))
        value = float(ast.literal_eval(state.initial))
        self.extra[own] = Constant(value, state.unit, f"initial value of {self.names[name]}")
        return own

    def _line(self, name: str, tree: ast.expr, unit: str | None, about: str) -> list[str]:
        before: list[str] = []
        said = self._equation(tree, before, name)
        unit = self._unit(unit, name)
        return [*before, f"{name} = {{ is = {said}, unit = {quoted(unit)}, about = {quoted(about or name)} }}"]

    def _equation(self, tree: ast.expr, before: list[str], what: str) -> str:
        """The text of an equation; what is too long becomes lines of their own."""
        tree = copy.deepcopy(tree)
        text = self._said(tree)
        while len(text) > _LONGEST:
            part = _largest_part(tree)
            if part is None:
                raise ModelError(f"the equation of `{what}` is too long to be split")
            self.split += 1
            own = self._fresh(f"part_{self.split}")
            inner = self._equation(part, before, own)
            unit, about = quoted(self._unit(None, own)), quoted(f"a part of {what}")
            before.append(f"{own} = {{ is = {inner}, unit = {unit}, about = {about} }}")
            tree = cast("ast.expr", _Without(part, own).visit(tree))
            text = self._said(tree)
        return quoted(text)

    def _said(self, tree: ast.expr) -> str:
        renamed = {**self.names, "t": self.time_name, CLOCK: "t"}
        tree = _InHours(self.factor).visit(copy.deepcopy(tree)) if self.factor else tree
        return printed(tree, Dialect(" ** ", _DIALECT, "where({}, {}, {})", " and ", " or ", renamed=renamed))

    def _clock(self) -> list[str]:
        """The time in the model's own unit, as a line; `t` of modules is in hours."""
        trees = [line.is_ for line in self.flat.lines.values()] + [s.derivative for s in self.flat.states.values()]
        if self.time in ("h", UNKNOWN) or not any("t" in names_of(tree) for tree in trees):
            return []
        self.factor = self._fresh(f"{self.time}_per_h")
        about, value = f"{self.time} in 1 h", 1 / float(parse_unit(self.time).hours)
        self.extra[self.factor] = Constant(value, f"{self.time}/h", about, "this_work", "convention")
        if not any(_reads_time(tree) for tree in trees):
            return []
        self.time_name = self._fresh("time_now")
        unit = quoted("1" if self.unitless else self.time)
        line = f"is = {quoted(f't * {self.factor}')}, unit = {unit}, about = 'time since the start'"
        return [f"{self.time_name} = {{ {line} }}"]

    def _fresh(self, wanted: str) -> str:
        """A name that nothing has, and from now on this."""
        while wanted in self.names.values() or wanted in _RESERVED:
            wanted += "_"
        self.names[wanted] = wanted
        return wanted

    def _route(self, name: str) -> list[str]:
        route = self.flat.routes[name]
        out = [f"[doses.{self.names[name]}]", f"to = {quoted(self.names[route.to])}"]
        unit = self._unit(route.unit, self.names[name]) if route.unit or self.unitless else None
        out.append(f"unit = {quoted(unit if unit is not None else self._unit(self.flat.states[route.to].unit, name))}")
        out.append(f"about = {quoted(route.about or f'doses into {route.to}')}")
        for key, tree in (
            ("bioavailability", route.fraction),
            ("lag", route.lag),
            ("rate", route.rate),
            ("duration", route.duration),
        ):
            if tree is not None and not _is_default(key, tree):
                out.append(f"{key} = {quoted(self._said(tree))}")
        return out


class _InHours(ast.NodeTransformer):
    """Compares the clock itself, in hours, with times: the solver then stops exactly there."""

    def __init__(self, factor: str) -> None:
        self.factor = factor

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """A comparison of the time with an equation without it."""
        left, right = node.left, node.comparators[0]
        if _is_time(left) and "t" not in names_of(right):
            return ast.Compare(ast.Name(CLOCK), node.ops, [self._hours(right)])
        if _is_time(right) and "t" not in names_of(left):
            return ast.Compare(self._hours(left), node.ops, [ast.Name(CLOCK)])
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """The name of a function stays."""
        node.args = [self.visit(a) for a in node.args]  # type: ignore[misc]
        return node

    def _hours(self, tree: ast.expr) -> ast.expr:
        zero = isinstance(tree, ast.Constant) and tree.value == 0
        return tree if zero else ast.BinOp(tree, ast.Div(), ast.Name(self.factor))


CLOCK = "t in hours"
"""Stands for the clock of modules while the time has another unit."""


def _is_time(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Name) and tree.id == "t"


def _reads_time(tree: ast.expr) -> bool:
    """Whether an equation reads the time other than to compare it with another one."""
    return "t" in names_of(_InHours("").visit(copy.deepcopy(tree)))


def _identifier(name: str) -> str:
    """A name that modules may use."""
    found = re.sub(r"_{2,}", "_", re.sub(r"\W", "_", name, flags=re.ASCII)).strip("_") or "x"
    found = found if found[0].isalpha() else f"x_{found}"
    return found if is_identifier(found) else f"{found}_x"


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=True)


def _is_plain(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_default(key: str, tree: ast.expr) -> bool:
    return isinstance(tree, ast.Constant) and tree.value == {"bioavailability": 1, "lag": 0}.get(key)


def _scale(initial: ast.expr, flat: FlatModel) -> float:
    """A typical size of a state: that of its initial value, if it is a number other than 0."""
    from .dosing import value_of

    values = {n: float(c.value) for n, c in flat.parameters.items() if c.value is not None}
    try:
        size = abs(value_of(initial, values))
    except (KeyError, ZeroDivisionError, OverflowError, ValueError):
        return 1.0
    return float(f"{size:.2g}") if 0 < size < float("inf") else 1.0


def _largest_part(tree: ast.expr) -> ast.expr | None:
    """The largest part of an equation of at most half its size."""
    sizes = {id(n): sum(1 for _ in ast.walk(n)) for n in ast.walk(tree) if isinstance(n, ast.expr)}
    whole = sizes[id(tree)]
    parts = [n for n in ast.walk(tree) if isinstance(n, (ast.BinOp, ast.Call)) and sizes[id(n)] <= whole / 2]
    return max(parts, key=lambda n: sizes[id(n)], default=None) if whole > 8 else None


class _Without(ast.NodeTransformer):
    """Puts a name in place of a part."""

    def __init__(self, part: ast.expr, name: str) -> None:
        self.part, self.name = part, name

    def visit(self, node: ast.AST) -> ast.AST:
        """Replace the part itself, not parts like it."""
        if node is self.part:
            return ast.Name(self.name)
        return super().visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """The name of a function stays."""
        node.args = [self.visit(a) for a in node.args]  # type: ignore[misc]
        return node
