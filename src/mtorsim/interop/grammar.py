"""Equations of C, Fortran and R as trees of ours: parsed by a small grammar of arithmetic, never executed."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mtorsim.errors import ModelError, Where, one_line

from .flat import number

__all__ = ["Grammar", "Token", "both", "chosen", "negated", "nonzero", "parse", "parse_condition", "tokens_of"]

DEEPEST = 60
"""Levels of nesting of an equation."""
LONGEST = 20_000
"""Tokens of an equation."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?(?![A-Za-z_]))"
    r"|(?P<word>\.(?:LT|LE|GT|GE|EQ|NE|AND|OR|NOT)\.)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_.]*(?:::[A-Za-z_]\w*)?)"
    r"|(?P<mark>\*\*|<=|>=|==|!=|/=|&&|\|\||<-|[-+*/^()<>!?:,=&|{};\[\]~]))",
    re.IGNORECASE,
)
_FORTRAN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?!\.(?:LT|LE|GT|GE|EQ|NE|AND|OR)\.)\.?\d*|\.\d+|\d+)(?:[eEdD][-+]?\d+)?(?![A-Za-z_]))"
    r"|(?P<word>\.(?:LT|LE|GT|GE|EQ|NE|AND|OR|NOT)\.)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<mark>\*\*|<=|>=|==|/=|&&|\|\||[-+*/^()<>,=]))",
    re.IGNORECASE,
)

_COMPARED: Mapping[str, type[ast.cmpop]] = {
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
    ".LT.": ast.Lt,
    ".LE.": ast.LtE,
    ".GT.": ast.Gt,
    ".GE.": ast.GtE,
}
_EQUAL, _UNEQUAL = ("==", ".EQ."), ("!=", "/=", ".NE.")
_AND, _OR, _NOT = ("&&", "&", ".AND."), ("||", "|", ".OR."), ("!", ".NOT.")


@dataclass(frozen=True)
class Token:
    """A word of a text: a number, a name or a mark."""

    kind: str
    text: str


@dataclass(frozen=True)
class Grammar:
    """What differs between languages.

    Attributes
    ----------
    fortran
        Whether operators such as `.LT.` may follow a number at once, and letters are the same in both cases.
    call
        The tree of a function or an array element, from its name and arguments; raises `KeyError` if there is none.
    name
        The tree of a name.
    c
        Whether `!` binds as tightly as a sign, and `^` is no power.
    """

    call: Callable[[str, list[ast.expr]], ast.expr]
    name: Callable[[str], ast.expr]
    fortran: bool = False
    c: bool = False
    where: Where | None = field(default=None)


def tokens_of(text: str, grammar: Grammar) -> list[Token]:
    """Split a text into words.

    Raises
    ------
    ModelError
        If a character belongs to no word.
    """
    pattern, at, found = _FORTRAN if grammar.fortran else _TOKEN, 0, []
    stripped = text.rstrip()
    while at < len(stripped):
        match = pattern.match(stripped, at)
        if match is None:
            raise _refused(grammar, f"`{stripped[at:].strip()[:1]}` is not arithmetic", text)
        kind = match.lastgroup or ""
        word = match.group(kind)
        found.append(Token("mark" if kind == "word" else kind, word.upper() if kind == "word" else word))
        at = match.end()
        if len(found) > LONGEST:
            raise _refused(grammar, "this equation is too long", text)
    return found


def parse(text: str, grammar: Grammar) -> ast.expr:
    """Parse an equation.

    Raises
    ------
    ModelError
        If it is not arithmetic of numbers, names and known functions, or nested too deeply.
    """
    parser = _Parser(tokens_of(text, grammar), grammar, text)
    tree = parser.choice(0)
    parser.end()
    return tree


def parse_condition(text: str, grammar: Grammar) -> ast.expr:
    """Parse a condition: comparisons, joined by `and`, `or` and `not`; a number holds where it is not 0.

    Raises
    ------
    ModelError
        If it is none.
    """
    parser = _Parser(tokens_of(text, grammar), grammar, text)
    tree = parser.condition(0)
    parser.end()
    return tree


def _refused(grammar: Grammar, message: str, text: str) -> ModelError:
    return ModelError(f"{message}: `{one_line(text, 120)}`", grammar.where)


class _Parser:
    """Precedence climbing; a comparison in arithmetic is 1 or 0."""

    def __init__(self, tokens: Sequence[Token], grammar: Grammar, text: str) -> None:
        self.tokens, self.grammar, self.text_ = tokens, grammar, text
        self.at = 0

    def end(self) -> None:
        """Raise unless all words are used."""
        if self.at < len(self.tokens):
            raise self.refused(f"unexpected `{self.tokens[self.at].text}`")

    def refused(self, message: str) -> ModelError:
        """An error with the whole equation."""
        return _refused(self.grammar, message, self.text_)

    def peek(self) -> str:
        """The next word, empty at the end."""
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def take(self, text: str) -> None:
        """Pass a mark that must be there."""
        if self.peek() != text:
            raise self.refused(f"`{text}` is missing")
        self.at += 1

    def choice(self, depth: int) -> ast.expr:
        """`condition ? a : b`, or less."""
        if depth > DEEPEST:
            raise self.refused("this equation is nested too deeply")
        tree = self.either(depth)
        if self.peek() != "?":
            return value(tree)
        self.at += 1
        yes = self.choice(depth + 1)
        self.take(":")
        return chosen(condition(tree), yes, self.choice(depth + 1))

    def condition(self, depth: int) -> ast.expr:
        """A condition."""
        return condition(self.either(depth))

    def either(self, depth: int) -> ast.expr:
        """Conditions joined by `or`."""
        parts = [self.also(depth)]
        while self.peek() in _OR:
            self.at += 1
            parts.append(self.also(depth))
        return parts[0] if len(parts) == 1 else ast.BoolOp(ast.Or(), [condition(p) for p in parts])

    def also(self, depth: int) -> ast.expr:
        """Conditions joined by `and`."""
        parts = [self.denied(depth)]
        while self.peek() in _AND:
            self.at += 1
            parts.append(self.denied(depth))
        return parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), [condition(p) for p in parts])

    def denied(self, depth: int) -> ast.expr:
        """A comparison, or its opposite."""
        if self.peek() in _NOT and not self.grammar.c:
            self.at += 1
            if depth > DEEPEST:
                raise self.refused("this equation is nested too deeply")
            return negated(condition(self.denied(depth + 1)))
        return self.compared(depth)

    def compared(self, depth: int) -> ast.expr:
        """A comparison, or less."""
        left = self.sum(depth)
        mark = self.peek()
        if mark in _COMPARED:
            self.at += 1
            return ast.Compare(value(left), [_COMPARED[mark]()], [value(self.sum(depth))])
        if mark in _EQUAL or mark in _UNEQUAL:
            self.at += 1
            return both(value(left), value(self.sum(depth)), mark in _EQUAL)
        return left

    def sum(self, depth: int) -> ast.expr:
        """Terms."""
        tree = self.product(depth)
        while self.peek() in ("+", "-"):
            op = ast.Add() if self.peek() == "+" else ast.Sub()
            self.at += 1
            tree = ast.BinOp(value(tree), op, value(self.product(depth)))
        return tree

    def product(self, depth: int) -> ast.expr:
        """Factors."""
        tree = self.signed(depth)
        while self.peek() in ("*", "/"):
            op = ast.Mult() if self.peek() == "*" else ast.Div()
            self.at += 1
            tree = ast.BinOp(value(tree), op, value(self.signed(depth)))
        return tree

    def signed(self, depth: int) -> ast.expr:
        """A factor with its signs; a power binds tighter: -x**2 is -(x**2)."""
        minus = False
        while self.peek() in ("+", "-"):
            minus ^= self.peek() == "-"
            self.at += 1
        if self.peek() == "!" and self.grammar.c:
            self.at += 1
            if depth > DEEPEST:
                raise self.refused("this equation is nested too deeply")
            return negated(condition(self.signed(depth + 1)))
        tree = self.power(depth)
        return ast.UnaryOp(ast.USub(), value(tree)) if minus else tree

    def power(self, depth: int) -> ast.expr:
        """A power, from the right."""
        tree = self.atom(depth)
        if self.peek() in ("**", "^"):
            if self.grammar.c and self.peek() == "^":
                raise self.refused("`^` is no power in C++: write `pow(x, y)`")
            self.at += 1
            if depth > DEEPEST:
                raise self.refused("this equation is nested too deeply")
            return ast.BinOp(value(tree), ast.Pow(), value(self.signed(depth + 1)))
        return tree

    def atom(self, depth: int) -> ast.expr:
        """A number, a name, a function, or something in parentheses."""
        if self.at >= len(self.tokens):
            raise self.refused("this equation ends too early")
        token = self.tokens[self.at]
        self.at += 1
        if token.kind == "number":
            try:
                return number(float(re.sub("[dD]", "e", token.text)))
            except (ValueError, OverflowError):
                raise self.refused(f"`{token.text}` is not a number") from None
        if token.kind == "name":
            return self.named(token.text, depth)
        if token.text == "(":
            if depth > DEEPEST:
                raise self.refused("this equation is nested too deeply")
            tree = self.either(depth + 1)
            if self.peek() == "?":
                self.at += 1
                yes = self.choice(depth + 1)
                self.take(":")
                tree = chosen(condition(tree), yes, self.choice(depth + 1))
            self.take(")")
            return tree
        raise self.refused(f"unexpected `{token.text}`")

    def named(self, name: str, depth: int) -> ast.expr:
        """A name, a function or an element of an array."""
        own = name.removeprefix("std::").removeprefix("R::")
        if self.peek() != "(":
            return self.grammar.name(own)
        self.at += 1
        args: list[ast.expr] = []
        while self.peek() != ")":
            if args:
                self.take(",")
            args.append(self.either_or_choice(depth + 1))
        self.at += 1
        try:
            return self.grammar.call(own, args)
        except KeyError:
            raise self.refused(f"the function `{own}` is not known") from None

    def either_or_choice(self, depth: int) -> ast.expr:
        """An argument, which may be a condition."""
        if depth > DEEPEST:
            raise self.refused("this equation is nested too deeply")
        tree = self.either(depth)
        if self.peek() == "?":
            self.at += 1
            yes = self.choice(depth + 1)
            self.take(":")
            return chosen(condition(tree), yes, self.choice(depth + 1))
        return tree


def is_condition(tree: ast.expr) -> bool:
    """Whether a tree is a condition, not a number."""
    return isinstance(tree, (ast.Compare, ast.BoolOp))


def condition(tree: ast.expr) -> ast.expr:
    """A condition; a number is one that it is not 0."""
    return tree if is_condition(tree) else nonzero(tree)


def value(tree: ast.expr) -> ast.expr:
    """A number; a condition is 1 where it holds, else 0."""
    return chosen(tree, ast.Constant(1), ast.Constant(0)) if is_condition(tree) else tree


def chosen(where: ast.expr, yes: ast.expr, no: ast.expr) -> ast.expr:
    """`where(condition, yes, no)`."""
    return ast.Call(ast.Name("where"), [where, value(yes), value(no)], [])


def both(left: ast.expr, right: ast.expr, equal: bool = True) -> ast.expr:
    """Equality of two numbers, or its opposite, by two comparisons."""
    ops: tuple[ast.cmpop, ast.cmpop] = (ast.LtE(), ast.GtE()) if equal else (ast.Lt(), ast.Gt())
    parts: list[ast.expr] = [ast.Compare(left, [op], [right]) for op in ops]
    return ast.BoolOp(ast.And() if equal else ast.Or(), parts)


def nonzero(tree: ast.expr) -> ast.expr:
    """Whether a number is not 0."""
    return both(tree, ast.Constant(0), equal=False)


_OPPOSITE: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
}


def negated(tree: ast.expr) -> ast.expr:
    """The opposite of a condition."""
    if isinstance(tree, ast.BoolOp):
        op: ast.boolop = ast.And() if isinstance(tree.op, ast.Or) else ast.Or()
        return ast.BoolOp(op, [negated(v) for v in tree.values])
    assert isinstance(tree, ast.Compare)
    return ast.Compare(tree.left, [_OPPOSITE[type(tree.ops[0])]()], tree.comparators)
