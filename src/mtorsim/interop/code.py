"""A model that is read from code: what its assignments mean, whatever the language."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from mtorsim.errors import ModelError, Where

from .comments import described
from .flat import Constant, FlatModel, FlatRoute, FlatState, Line, names_of
from .functions import called, placed
from .grammar import Grammar, negated, parse, parse_condition
from .program import Program, sorted_lines, substituted
from .random_effects import EFFECT, with_variances
from .statements import Simple, Statement

__all__ = ["Code", "RecordError"]


class RecordError(ModelError):
    """An equation reads the present record of a data set."""


RECORDS = frozenset(
    ("EVID", "CMT", "AMT", "RATE", "II", "SS", "ADDL", "NEWIND", "DV", "MDV", "ICALL", "DOSTIM", "NEWL2")
)
"""What equations of NONMEM and mrgsolve may read of the present record."""


@dataclass
class Code:
    """Assignments of a model, collected in the order of its blocks.

    Attributes
    ----------
    path
        The file, as shown to the user.
    states
        Meaning and unit of each.
    initials
        Initial values that are declared, not assigned.
    etas
        Name of each random effect as equations say it, and its variance.
    aliases
        What a name stands for wherever it is used, unless it has been assigned.
    program
        The assignments; a part of a state, such as its lag, is assigned to a name with a colon.
    shown
        Names that are outputs.
    call, fold, fortran, c, time_names
        The language: its functions, its form of names, its operators, and its names of the time.
    parts
        Name in the program of each part of a state.
    line
        Number of the present line.
    lost
        Outputs that depend on the record.
    named_states
        Whether equations name states.
    check
        Raises for a text that means something else in the language than in arithmetic.
    numbers
        Names that have been set to a plain number: parameters, unless they are set again.
    """

    path: str
    parameters: dict[str, Constant] = field(default_factory=dict)
    states: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    initials: dict[str, ast.expr] = field(default_factory=dict)
    etas: dict[str, float] = field(default_factory=dict)
    aliases: dict[str, Callable[[], ast.expr]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    program: Program = field(default_factory=Program)
    shown: dict[str, str] = field(default_factory=dict)
    call: Callable[[str, list[ast.expr]], ast.expr] = called
    fold: Callable[[str], str] = str
    fortran: bool = False
    c: bool = False
    parts: dict[tuple[str, str], str] = field(default_factory=dict)
    time_names: tuple[str, ...] = ("t",)
    line: int = 0
    lost: set[str] = field(default_factory=set)
    numbers: dict[str, Constant] = field(default_factory=dict)
    named_states: bool = True
    check: Callable[[str], None] = field(default=lambda text: None)

    def where(self) -> Where:
        """The present line."""
        return Where(self.path, self.line)

    def refuse(self, message: str, help: str | None = None) -> ModelError:
        """An error at the present line."""
        return ModelError(message, self.where(), help)

    def grammar(self) -> Grammar:
        """The language at the present line."""
        return Grammar(self.call, self.name, self.fortran, self.c, self.where())

    def tree(self, text: str) -> ast.expr:
        """The tree of an equation."""
        self.check(text)
        return parse(text, self.grammar())

    def condition(self, text: str) -> ast.expr:
        """The tree of a condition."""
        self.check(text)
        return parse_condition(text, self.grammar())

    def name(self, name: str) -> ast.expr:
        """What a name stands for at this place."""
        own = self.fold(name)
        if own in self.program.current:
            return self.program.known(own)
        if own in self.aliases:
            return self.aliases[own]()
        if own in self.parameters or (own in self.states and self.named_states):
            return ast.Name(own)
        if own in self.time_names:
            return ast.Name("t")
        if own in self.etas:
            return self.eta(own)
        known = [*self.parameters, *self.states, *self.program.current]
        same = next((k for k in known if k.lower() == own.lower()), None)
        if own.upper() in RECORDS:
            raise RecordError(f"`{name}` is not supported: equations do not see the present record", self.where())
        if own in self.lost:
            raise RecordError(f"`{name}` depends on the present record, which equations do not see", self.where())
        raise self.refuse(f"`{name}` is not defined", f"did you mean `{same}`?" if same else None)

    def eta(self, name: str) -> ast.expr:
        """A random effect, as the logarithm of a parameter whose median is 1."""
        if name not in self.etas:
            raise self.refuse(f"`{name}` has no variance")
        own = f"{EFFECT}{re.sub(r'[^A-Za-z0-9_]', '_', name)}"
        self.parameters.setdefault(own, Constant(1.0, "1", f"exp of {name}", variance=self.etas[name] or None))
        return ast.Call(ast.Name("log"), [ast.Name(own)], [])

    def run(self, statements: Sequence[Statement], assign: Callable[[Simple], None]) -> None:
        """Run statements, each assignment by `assign`."""
        for statement in statements:
            self.line = statement.line
            if isinstance(statement, Simple):
                assign(statement)
                continue
            held = self.condition(statement.condition)
            yes, no = statement.yes, statement.no
            self.program.within(held, lambda body=yes: self.run(body, assign))
            if no:
                self.program.within(negated(held), lambda body=no: self.run(body, assign))

    def lose(self, name: str, problem: RecordError) -> None:
        """Leave an output out that depends on the record."""
        self.lost.add(name)
        self.program.current.pop(name, None)
        self.notes.append(f"`{name}`: {problem.message}")

    def assign(self, name: str, tree: ast.expr, comment: str = "") -> None:
        """Assign to a name."""
        if name in self.states and isinstance(tree, ast.Name) and tree.id == name:
            self.aliases[name] = lambda: ast.Name(name)
            return
        self.program.taken |= {*self.states, *self.parameters}
        about, unit, evidence, source = described(comment)
        plain = isinstance(tree, ast.Constant) or (
            isinstance(tree, ast.UnaryOp) and isinstance(tree.operand, ast.Constant)
        )
        free = name not in self.program.current and name not in self.parameters and not self.program.conditional
        if plain and free and name not in self.states:
            # A name that is set to a number and to nothing else is a parameter; `_take_numbers` sees whether it is.
            self.program.assign(name, tree, about)
            self.numbers[self.program.current[name]] = Constant(
                float(ast.literal_eval(tree)), unit, about, source, evidence
            )
            return
        self.program.assign(name, tree, about)
        own = self.program.current[name]
        line = self.program.lines[own]
        self.program.lines[own] = replace(line, unit=unit or line.unit, source=source, evidence=evidence)

    def set_part(self, state: str, part: str, tree: ast.expr) -> None:
        """Set a state's derivative, initial value, lag, bioavailability, rate or duration."""
        name = f"{part}:{state}"
        self.program.assign(name, tree)
        self.parts[(state, part)] = name

    def part(self, state: str, part: str) -> ast.expr | None:
        """What was set last."""
        name = self.parts.get((state, part))
        return None if name is None else ast.Name(self.program.current[name])

    def flat(self, name: str, title: str, time: str | None) -> FlatModel:
        """The flat model."""
        renamed = self.program.settle()
        self.numbers = {renamed.get(n, n): c for n, c in self.numbers.items()}
        lines = dict(self.program.lines)
        inner = {n for (s, p), own in self.parts.items() for n in lines if n == own or n.startswith(f"{own}_")}
        hidden = {n: lines[n] for n in inner}
        for n in inner:
            if ":" in n:
                del lines[n]
        every = {**lines, **hidden}

        def inside(tree: ast.expr | None) -> ast.expr | None:
            """The tree with hidden lines put in."""
            return None if tree is None else substituted(tree, hidden, set())

        self._take_numbers(lines)
        fixed = {n: line for n, line in every.items() if n not in self.parameters}
        states = {}
        for state, (about, unit) in self.states.items():
            derivative = inside(self.part(state, "d"))
            if derivative is None:
                raise ModelError(f"the compartment `{state}` has no derivative", Where(self.path, 0))
            initial = self.part(state, "0") or self.initials.get(state, ast.Constant(0))
            initial = placed(substituted(initial, fixed, set()), {"t": ast.Constant(0)})
            lost = set(names_of(initial)) - set(self.parameters)
            if lost:
                raise ModelError(f"the initial value of `{state}` depends on `{sorted(lost)[0]}`", Where(self.path, 0))
            states[state] = FlatState(derivative, initial, unit, about)
        routes = {f"into_{s}": self._route(s, fixed) for s in self.states}
        unset = [f"`{n}` is 0 where no condition sets it" for n in self.program.partial]
        flat = FlatModel(
            name=name,
            title=title,
            time=time,
            parameters=dict(self.parameters),
            lines=sorted_lines(lines, Where(self.path, 0)),
            states=states,
            observables=self._shown(lines),
            routes=routes,
            left_out=tuple(dict.fromkeys([*self.notes, *unset])),
        )
        return with_variances(flat)

    def _take_numbers(self, lines: dict[str, Line]) -> None:
        """Make parameters of names that stand for one number."""
        for own, constant in self.numbers.items():
            base = next((n for n, current in self.program.current.items() if current == own), None)
            if own in lines and base == own and own not in self.parameters:
                del lines[own]
                self.parameters[own] = constant

    def _shown(self, lines: dict[str, Line]) -> dict[str, str]:
        found = {}
        for name in self.shown:
            own = self.program.current.get(name, name)
            if own in lines or own in self.states:
                found[name] = own
        return found

    def _route(self, state: str, lines: dict[str, Line]) -> FlatRoute:
        def made(part: str) -> ast.expr | None:
            tree = self.part(state, part)
            if tree is None:
                return None
            tree = substituted(tree, lines, set())
            lost = set(names_of(tree)) - set(self.parameters)
            if lost:
                what = {"F": "bioavailability", "lag": "lag", "R": "rate", "D": "duration"}[part]
                message = f"the {what} of doses into `{state}` depends on `{sorted(lost)[0]}`, which changes with time"
                raise ModelError(message, Where(self.path, 0))
            return tree

        about, unit = self.states[state]
        return FlatRoute(
            state,
            unit,
            f"doses into {about or state}",
            made("F") or ast.Constant(1),
            made("lag") or ast.Constant(0),
            made("R"),
            made("D"),
        )
