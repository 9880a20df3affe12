"""Equations in fewer words: our functions where a language had to write them out, and no residual errors of 0."""

from __future__ import annotations

import ast

from .functions import placed
from .printing import WRITTEN_OUT

__all__ = ["simplified"]

PATTERNS = {name: ast.parse(WRITTEN_OUT[name][1], mode="eval").body for name in ("hill", "logistic", "softplus")}
"""How exports write our functions out."""


def simplified(tree: ast.expr) -> ast.expr:
    """An equation with the same value; the one given stays as it is."""
    return _Simplifying().visit(placed(tree, {}))


class _Simplifying(ast.NodeTransformer):
    """Replaces exp(log(x)) by x, and functions of ours that a language has to write out by their names."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """A sum or product that a residual error of 0 leaves as it is; `hill` and others, as exports write them out."""
        node.left, node.right = self.visit(node.left), self.visit(node.right)
        neutral = {ast.Add: 0, ast.Sub: 0, ast.Mult: 1}.get(type(node.op))
        if neutral is not None and isinstance(node.right, ast.Constant) and node.right.value == neutral:
            return node.left
        if (
            isinstance(node.op, (ast.Add, ast.Mult))
            and isinstance(node.left, ast.Constant)
            and node.left.value == neutral
        ):
            return node.right
        for name, pattern in PATTERNS.items():
            found: dict[str, ast.expr] = {}
            if _matches(pattern, node, found):
                return ast.Call(ast.Name(name), [found[a] for a in sorted(found, key="xKn".index)], [])
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """A function."""
        node.args = [self.visit(a) for a in node.args]
        inner = node.args[0] if node.args else None
        if _calls(node, "exp") and isinstance(inner, ast.Constant) and inner.value == 0:
            return ast.Constant(1)
        return inner.args[0] if _calls(node, "exp") and isinstance(inner, ast.Call) and _calls(inner, "log") else node


def _calls(node: ast.Call, name: str) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == name


def _matches(pattern: ast.AST, node: ast.AST, found: dict[str, ast.expr]) -> bool:
    """Whether a tree has a form, in which one-letter names stand for any tree, the same for the same name."""
    if isinstance(pattern, ast.Name) and pattern.id in "xKn" and isinstance(node, ast.expr):
        before = found.setdefault(pattern.id, node)
        return ast.dump(before) == ast.dump(node)
    if type(pattern) is not type(node):
        return False
    for name, part in ast.iter_fields(pattern):
        own = getattr(node, name, None)
        if name == "ctx":
            continue
        if isinstance(part, list):
            if not isinstance(own, list) or len(part) != len(own):
                return False
            if not all(_matches(a, b, found) for a, b in zip(part, own, strict=True)):
                return False
        elif isinstance(part, ast.AST):
            if not isinstance(own, ast.AST) or not _matches(part, own, found):
                return False
        elif part != own:
            return False
    return True
