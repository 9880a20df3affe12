"""A flat model: one namespace, one unit of time, equations in order; what every language reads and writes.

Trees are those of `mtorsim.model.expressions`: numbers, plain names, + - * / ** and the functions of equations.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

__all__ = [
    "TIME",
    "Constant",
    "FlatModel",
    "FlatRoute",
    "FlatState",
    "Given",
    "Line",
    "is_number",
    "names_of",
    "number",
    "parsed",
    "with_unit",
]

TIME = "t"
"""Name of the time since the start in equations, in the model's unit of time."""


@dataclass(frozen=True)
class Constant:
    """A parameter.

    Attributes
    ----------
    value
        None if the file does not say.
    unit
        As in module files; None if unknown.
    source, evidence
        A key of the references, and the kind of evidence.
    variance
        Variance between subjects of its logarithm, as in NONMEM's `$OMEGA`; None without variability.
    """

    value: float | None
    unit: str | None = None
    about: str = ""
    source: str | None = None
    evidence: str | None = None
    variance: float | None = None


@dataclass(frozen=True)
class Line:
    """A quantity that follows from others."""

    is_: ast.expr
    unit: str | None = None
    about: str = ""
    source: str | None = None
    evidence: str | None = None


@dataclass(frozen=True)
class FlatState:
    """A state.

    Attributes
    ----------
    derivative
        Per unit of the model's time.
    initial
        A number, or an equation of parameters.
    scale
        A typical size.
    """

    derivative: ast.expr
    initial: ast.expr
    unit: str | None = None
    about: str = ""
    scale: float = 1.0


@dataclass(frozen=True)
class FlatRoute:
    """A route of administration.

    Attributes
    ----------
    fraction, lag
        Bioavailable fraction, and lag in the model's unit of time: equations of parameters.
    rate, duration
        Of infusions whose rate or duration the model sets; None if it does not.
    """

    to: str
    unit: str | None
    about: str
    fraction: ast.expr
    lag: ast.expr
    rate: ast.expr | None = None
    duration: ast.expr | None = None


@dataclass(frozen=True)
class Given:
    """A dose or a part of a meal.

    Attributes
    ----------
    time, over
        Before its lag, and duration of an infusion (0 for a bolus), in the model's unit of time.
    amount
        Before its bioavailable fraction, in the unit of the state.
    fraction, lag
        Equations of parameters.
    restarts
        States that it sets: a clock to 0, and the amount of the last dose to its own.
    """

    time: float
    to: str
    amount: float
    fraction: ast.expr
    lag: ast.expr
    over: float = 0.0
    route: str = ""
    restarts: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class FlatModel:
    """A model in one namespace.

    Attributes
    ----------
    time
        Its unit of time; None if unknown.
    lines
        In order of evaluation.
    observables
        Name of each observable, and the quantity that it is.
    doses
        Doses and meals, in order of time.
    duration
        Of the scenario, in the model's unit of time; 0 without one.
    renamed
        Full name in mtorsim of each name.
    left_out
        What the model or scenario has and this form cannot say, one sentence each.
    person
        Whose parameters and initial state these are.
    references
        For each source: a full reference, and its DOI or PubMed address if known.
    """

    name: str
    title: str
    time: str | None
    parameters: Mapping[str, Constant]
    lines: Mapping[str, Line]
    states: Mapping[str, FlatState]
    observables: Mapping[str, str] = field(default_factory=dict)
    routes: Mapping[str, FlatRoute] = field(default_factory=dict)
    doses: tuple[Given, ...] = ()
    duration: float = 0.0
    renamed: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    person: str = ""
    references: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)

    @property
    def functions(self) -> set[str]:
        """Names of the functions in its equations."""
        trees = [*(line.is_ for line in self.lines.values()), *(s.derivative for s in self.states.values())]
        calls = (n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Call))
        return {n.func.id for n in calls if isinstance(n.func, ast.Name)}

    @property
    def constants(self) -> set[str]:
        """Names of the lines that depend on parameters only."""
        fixed = set(self.parameters)
        for name, line in self.lines.items():
            if set(names_of(line.is_)) <= fixed:
                fixed.add(name)
        return fixed - set(self.parameters)


def parsed(text: str) -> ast.expr:
    """The tree of an equation that is known to be one."""
    return ast.parse(text, mode="eval").body


def number(value: float) -> ast.expr:
    """The tree of a number; a negative one is a positive one with a sign."""
    value = float(value)
    whole: float | int = int(value) if value.is_integer() and abs(value) < 1e15 else value
    return ast.Constant(whole) if whole >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-whole))


def with_unit(value: float, unit: str | None) -> ast.expr:
    """The tree of a number with a unit, for languages in which numbers have one."""
    tree = number(value)
    for node in ast.walk(tree):
        node.unit = unit  # type: ignore[attr-defined]
    return tree


def is_number(tree: ast.expr, value: float | None = None) -> bool:
    """Whether a tree is a number, with or without a sign; or that it is a given one."""
    inner = tree.operand if isinstance(tree, ast.UnaryOp) else tree
    return isinstance(inner, ast.Constant) and (value is None or (inner is tree and inner.value == value))


def names_of(tree: ast.expr) -> Iterator[str]:
    """Each name in an equation, in reading order; a name may come more than once."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called)
