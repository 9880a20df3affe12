"""Assignments in the order of a program, as equations of which each name has one."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterable
from dataclasses import replace

from mtorsim.errors import ModelError, Where

from .flat import Line, names_of
from .functions import placed
from .grammar import chosen, negated

__all__ = ["Program"]


class Program:
    """Collects assignments; a name that is assigned again stands for its last value from there on.

    Attributes
    ----------
    lines
        In order; a name that is assigned twice has a number in its later forms.
    current
        What each assigned name stands for now.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.lines: dict[str, Line] = {}
        self.current: dict[str, str] = {}
        self.taken = set(taken)
        self._conditions: list[ast.expr] = []
        self._versions: dict[str, list[str]] = {}
        self._covered: dict[str, set[tuple[tuple[str, str], ...]]] = {}

    @property
    def conditional(self) -> bool:
        """Whether assignments count only where a condition holds."""
        return bool(self._conditions)

    def known(self, name: str) -> ast.expr:
        """What a name stands for now."""
        return ast.Name(self.current.get(name, name))

    def assign(self, name: str, tree: ast.expr, about: str = "") -> None:
        """Assign a value, under the conditions that hold now."""
        new = name not in self.current
        for held in reversed(self._conditions):
            before: ast.expr = ast.Constant(0) if new else ast.Name(self.current[name])
            tree = chosen(copy.deepcopy(held), tree, before)
        if self._conditions and (new or name in self._covered):
            self._cover(name)
        if not new and self._is_same(name, tree):
            return
        own, k = name, 1
        while own in self.lines or own in self.taken:
            k += 1
            own = f"{name}_{k}"
        self.lines[own] = Line(tree, None, about)
        self.current[name] = own
        self._versions.setdefault(name, []).append(own)

    def _cover(self, name: str) -> None:
        """Note under which conditions a name has been set; both branches of a choice are the whole."""
        sets = self._covered.setdefault(name, set())
        sets.add(tuple((ast.dump(c), ast.dump(negated(c))) for c in self._conditions))
        while True:
            whole = next((a[:-1] for a in sets for b in sets if a and (*a[:-1], a[-1][::-1]) == b), None)
            if whole is None or whole in sets:
                return
            sets.add(whole)

    @property
    def partial(self) -> list[str]:
        """Names that some condition leaves unset."""
        return [name for name, sets in self._covered.items() if () not in sets and ":" not in name]

    def settle(self) -> dict[str, str]:
        """Give the last value of each name the plain name, and earlier ones numbers; return what was renamed."""
        renamed: dict[str, str] = {}
        for versions in self._versions.values():
            if len(versions) > 1:
                renamed |= dict(zip(versions, [*versions[1:], versions[0]], strict=True))
        trees = {old: ast.Name(new) for old, new in renamed.items()}
        lines = {renamed.get(n, n): replace(line, is_=placed(line.is_, trees)) for n, line in self.lines.items()}
        self.lines = lines
        self.current = {n: renamed.get(own, own) for n, own in self.current.items()}
        return renamed

    def _is_same(self, name: str, tree: ast.expr) -> bool:
        """Whether an assignment repeats the last one."""
        return ast.dump(self.lines[self.current[name]].is_) == ast.dump(tree)

    def within(self, held: ast.expr, body: Callable[[], None]) -> None:
        """Run assignments that count where a condition holds."""
        self._conditions.append(held)
        body()
        self._conditions.pop()


def substituted(tree: ast.expr, lines: dict[str, Line], stop: set[str], depth: int = 0) -> ast.expr:
    """An equation in which lines are put in place of their names, down to the names in `stop`.

    Raises
    ------
    ModelError
        If lines refer to each other in a circle.
    """
    if depth > 100:
        raise ModelError("equations refer to each other in a circle")
    inner = {n: lines[n].is_ for n in names_of(tree) if n in lines and n not in stop}
    if not inner:
        return tree
    return placed(tree, {n: substituted(t, lines, stop, depth + 1) for n, t in inner.items()})


def sorted_lines(lines: dict[str, Line], where: Where | None = None) -> dict[str, Line]:
    """Lines in order of evaluation.

    Raises
    ------
    ModelError
        If they refer to each other in a circle.
    """
    done: dict[str, Line] = {}
    for start in lines:
        stack: list[tuple[str, bool]] = [(start, False)]
        path: set[str] = set()
        while stack:
            name, left = stack.pop()
            if left:
                path.discard(name)
                done.setdefault(name, lines[name])
                continue
            if name in done:
                continue
            if name in path:
                raise ModelError(f"`{name}` depends on itself", where)
            path.add(name)
            stack.append((name, True))
            stack += [(n, False) for n in names_of(lines[name].is_) if n in lines and n not in done]
    return done
