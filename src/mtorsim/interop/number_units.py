"""Units of numbers in equations, for languages in which numbers have one: a 0 has that of what it stands beside."""

from __future__ import annotations

import ast

from mtorsim.model.dimensions import Balance

__all__ = ["mark", "mark_all", "mark_zeros", "with_units"]


def mark(node: ast.expr, unit: str) -> None:
    """Give a number its unit, for languages in which numbers have one."""
    node.unit = unit  # type: ignore[attr-defined]


def mark_all(tree: ast.expr, unit: str) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            mark(node, unit)


def with_units(tree: ast.expr, unit: str, time: str) -> ast.expr:
    """A chain of `where(t >= T, value, ...)` with the units of its values and times."""
    if isinstance(tree, ast.Call):
        condition = tree.args[0]
        assert isinstance(condition, ast.Compare)
        mark_all(condition.comparators[0], time)
        mark_all(tree.args[1], unit)
        with_units(tree.args[2], unit, time)
    else:
        mark_all(tree, unit)
    return tree


def mark_zeros(tree: ast.expr, balance: Balance, unit: str) -> None:
    """Give each 0 that stands beside a quantity the quantity's unit."""
    if balance.unit(tree) is None:
        mark_all(tree, unit)
    for node in ast.walk(tree):
        for a, b in _alike(node):
            for zero, other in ((a, b), (b, a)):
                known = balance.unit(other)
                if known is not None and balance.unit(zero) is None:
                    mark_all(zero, str(known))


def _alike(node: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    """The parts of an equation that have the same unit."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        return [(node.left, node.right)]
    if isinstance(node, ast.Compare):
        return [(node.left, node.comparators[0])]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in ("min", "max", "hill"):
            return [(node.args[0], node.args[1])]
        if node.func.id == "where":
            return [(node.args[1], node.args[2])]
    return []
