"""A model that is read from code: what its assignments mean, whatever the language."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from mtorsim.errors import ModelError, UnitError, Where, one_line
from mtorsim.model.file import Evidence
from mtorsim.units.units import parse_unit

from .flat import Constant, FlatModel, FlatRoute, FlatState, Line, names_of
from .functions import called, placed
from .grammar import Grammar, negated, parse, parse_condition
from .program import Program, sorted_lines, substituted
from .statements import Simple, Statement

__all__ = ["Code", "RecordError", "compartments", "constant", "described", "linear_model"]

EVIDENCE = get_args(Evidence)


class RecordError(ModelError):
    """An equation reads the present record of a data set."""


RECORDS = frozenset(
    ("EVID", "CMT", "AMT", "RATE", "II", "SS", "ADDL", "NEWIND", "DV", "MDV", "ICALL", "DOSTIM", "NEWL2")
)
"""What equations of NONMEM and mrgsolve may read of the present record."""


def described(comment: str) -> tuple[str, str | None, str | None, str | None]:
    """Meaning, unit, evidence and source in a comment, `clearance (L/h) [fit, deWit2016]`; `(-)` is a pure number."""
    text, evidence, source = one_line(comment.strip().lstrip(";").strip(), 300), None, None
    found = re.search(r"\s*\[([\w-]+)(?:, (\w+))?\]$", text)
    if found and found.group(1) in EVIDENCE:
        evidence, source, text = found.group(1), found.group(2), text[: found.start()]
    elif found and found.group(2) is None and not evidence:
        source, text = found.group(1), text[: found.start()]
    at = _unit_at(text)
    if at is None:
        return text.strip(), None, evidence, source
    unit = text[at + 1 : -1].strip()
    return text[:at].strip(), "1" if unit == "-" else unit, evidence, source


def _unit_at(text: str) -> int | None:
    """Where a unit in parentheses at the end begins."""
    if not text.endswith(")"):
        return None
    depth = 0
    for at in range(len(text) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[at], 0)
        if depth == 0:
            inside = text[at + 1 : -1].strip()
            if inside == "-":
                return at
            try:
                parse_unit(inside)
            except UnitError:
                return None
            return at
    return None


@dataclass
class Code:
    """Assignments of a model, collected in the order of its blocks.

    Attributes
    ----------
    states
        Meaning and unit of each.
    etas
        Name of each random effect as equations say it, and its variance.
    aliases
        What a name stands for wherever it is used.
    """

    path: str
    language: str
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
    derivatives: dict[str, ast.expr] = field(default_factory=dict)
    parts: dict[tuple[str, str], str] = field(default_factory=dict)
    time_names: tuple[str, ...] = ("t", "TIME", "SOLVERTIME", "time", "T")
    line: int = 0
    lost: set[str] = field(default_factory=set)

    def where(self) -> Where:
        """The present line."""
        return Where(self.path, self.line)

    def refuse(self, message: str, help: str | None = None) -> ModelError:
        """An error at the present line."""
        return ModelError(message, self.where(), help)

    def tree(self, text: str) -> ast.expr:
        """The tree of an equation."""
        return parse(text, Grammar(self.call, self.name, self.fortran, self.where()))

    def condition(self, text: str) -> ast.expr:
        """The tree of a condition."""
        return parse_condition(text, Grammar(self.call, self.name, self.fortran, self.where()))

    def name(self, name: str) -> ast.expr:
        """What a name stands for at this place."""
        own = self.fold(name)
        if own in self.program.current:
            return self.program.known(own)
        if own in self.aliases:
            return self.aliases[own]()
        if own in self.parameters or own in self.states:
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
        own = f"iiv_{re.sub(r'[^A-Za-z0-9_]', '_', name)}"
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
            return
        self.program.taken |= {*self.states, *self.parameters}
        about, unit, evidence, source = described(comment)
        plain = isinstance(tree, ast.Constant) or (
            isinstance(tree, ast.UnaryOp) and isinstance(tree.operand, ast.Constant)
        )
        free = name not in self.program.current and name not in self.parameters and not self.program._conditions
        if plain and free and name not in self.states:
            # A name that is set to a number and to nothing else is a parameter; `finished` sees if it is.
            self.program.assign(name, tree, about)
            self.numbers[self.program.current[name]] = Constant(
                float(ast.literal_eval(tree)), unit, about, source, evidence
            )
            return
        self.program.assign(name, tree, about)
        own = self.program.current[name]
        line = self.program.lines[own]
        self.program.lines[own] = replace(line, unit=unit or line.unit, source=source, evidence=evidence)

    @property
    def numbers(self) -> dict[str, Constant]:
        """Names that were set to a plain number."""
        return self.__dict__.setdefault("_numbers", {})

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
        flat = FlatModel(
            name=name,
            title=title,
            time=time,
            parameters=dict(self.parameters),
            lines=sorted_lines(lines, Where(self.path, 0)),
            states=states,
            observables=self._shown(lines),
            routes=routes,
            left_out=tuple(dict.fromkeys([*self.notes, *self.program.notes])),
        )
        return _without_etas(flat)

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


class _Cancelling(ast.NodeTransformer):
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
        for name, pattern in WRITTEN_OUT.items():
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


def _without_etas(flat: FlatModel) -> FlatModel:
    """Give variances to parameters: `CL = TVCL * exp(ETA)` is a parameter CL with the value of TVCL."""
    clean = lambda tree: _Cancelling().visit(placed(tree, {}))  # noqa: E731
    lines = {n: replace(line, is_=clean(line.is_)) for n, line in flat.lines.items()}
    units = {n: part.unit for part in (flat.parameters, flat.states) for n, part in part.items()}
    for n, line in lines.items():
        if line.unit is None and isinstance(line.is_, ast.Name):
            lines[n] = replace(line, unit=units.get(line.is_.id))
        units[n] = lines[n].unit
    states = {n: replace(s, derivative=clean(s.derivative), initial=clean(s.initial)) for n, s in flat.states.items()}
    routes = {
        n: replace(
            r,
            fraction=clean(r.fraction),
            lag=clean(r.lag),
            rate=_maybe(clean, r.rate),
            duration=_maybe(clean, r.duration),
        )
        for n, r in flat.routes.items()
    }
    parameters = dict(flat.parameters)
    used = _uses(lines, states, routes)
    for name, line in list(lines.items()):
        # A name for a parameter that is used nowhere else, such as TVCL for THETA(1), is the parameter's own.
        other = line.is_.id if isinstance(line.is_, ast.Name) else ""
        if other in parameters and used[other] == 1 and name not in flat.observables.values():
            own = parameters.pop(other)
            about = line.about or (own.about if own.about != other else name)
            parameters[name] = replace(own, about=about, unit=own.unit or line.unit)
            del lines[name]
    for name, line in list(lines.items()):
        tree = line.is_
        if not (isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mult)):
            continue
        if not (isinstance(tree.left, ast.Name) and isinstance(tree.right, ast.Name)):
            continue
        pair = [tree.left.id, tree.right.id]
        effect = next((n for n in pair if n.startswith("iiv_")), None)
        median = next((n for n in pair if n != effect), None)
        if effect is None or median not in parameters or used[effect] != 1 or used[median] != 1:
            continue
        own = parameters.pop(median)
        noise = parameters.pop(effect)
        del lines[name]
        parameters[name] = replace(
            own,
            variance=noise.variance,
            about=line.about or own.about,
            unit=line.unit or own.unit,
            source=line.source or own.source,
            evidence=line.evidence or own.evidence,
        )
    observables = {n: full for n, full in flat.observables.items() if full in lines or full in states}
    return replace(flat, parameters=parameters, lines=lines, states=states, routes=routes, observables=observables)


def _calls(node: ast.Call, name: str) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == name


WRITTEN_OUT = {
    "hill": ast.parse("(max(x, 0) / K) ** n / (1 + (max(x, 0) / K) ** n)", mode="eval").body,
    "logistic": ast.parse("1 / (1 + exp(-x))", mode="eval").body,
    "softplus": ast.parse("max(x, 0) + log(1 + exp(-max(x, -x)))", mode="eval").body,
}
"""How exports write functions out."""


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


def _maybe(clean: Callable[[ast.expr], ast.expr], tree: ast.expr | None) -> ast.expr | None:
    return None if tree is None else clean(tree)


def _uses(lines: dict[str, Line], states: dict[str, FlatState], routes: dict[str, FlatRoute]) -> dict[str, int]:
    """How often each name is used."""
    trees: list[ast.expr] = [line.is_ for line in lines.values()]
    trees += [t for s in states.values() for t in (s.derivative, s.initial)]
    trees += [t for r in routes.values() for t in (r.fraction, r.lag, r.rate, r.duration) if t is not None]
    count: dict[str, int] = {}
    for tree in trees:
        for name in names_of(tree):
            count[name] = count.get(name, 0) + 1
    return count


def compartments(kind: int, depot: bool) -> list[str]:
    """Names of the compartments of a linear model with `kind` compartments besides the depot."""
    periphery = ["PERIPHERAL"] if kind == 2 else ["PERIPHERAL1", "PERIPHERAL2"] if kind == 3 else []
    return [*(["DEPOT"] if depot else []), "CENTRAL", *periphery]


def linear_model(code: Code, names: Iterable[str], kind: int, depot: bool, trans: int) -> None:
    """Write out a linear model with closed form as derivatives.

    Parameters
    ----------
    names
        Of the compartments: depot if there is one, central, peripheral ones.
    kind
        Number of compartments besides the depot.
    trans
        1: rate constants; 2 and 4: clearances and volumes, as in NONMEM; 11: the same with names that end in `i`.

    Raises
    ------
    ModelError
        If a parameter is not defined.
    """
    names = list(names)
    first = 2 if depot else 1
    tail = "i" if trans == 11 else ""
    volumes = [f"V{first + k}" if kind > 1 else "V" for k in range(kind)]
    flows = ["Q"] if kind == 2 else [f"Q{first + k}" for k in range(1, kind)]
    at = names[1:] if depot else names
    central = at[0]
    if trans == 1:
        out = "K"
        pairs = [(f"K{first}{first + k}", f"K{first + k}{first}") for k in range(1, kind)]
        text = {central: f"-{out} * {central}"}
        for k, (away, back) in enumerate(pairs, start=1):
            text[central] += f" - {away} * {central} + {back} * {at[k]}"
            text[at[k]] = f"{away} * {central} - {back} * {at[k]}"
    else:
        volume = [f"{v}{tail}" for v in volumes]
        text = {central: f"-CL{tail} / {volume[0]} * {central}"}
        for k, flow in enumerate(flows, start=1):
            flow = f"{flow}{tail}"
            text[central] += f" - {flow} / {volume[0]} * {central} + {flow} / {volume[k]} * {at[k]}"
            text[at[k]] = f"{flow} / {volume[0]} * {central} - {flow} / {volume[k]} * {at[k]}"
    if depot:
        text[names[0]] = f"-KA{tail} * {names[0]}"
        text[central] = f"KA{tail} * {names[0]} {'' if text[central].startswith('-') else '+'}{text[central]}"
    for state, said in text.items():
        code.set_part(state, "d", code.tree(said))


def constant(value: float, comment: str = "") -> Constant:
    """A parameter with what a comment says of it."""
    about, unit, evidence, source = described(comment)
    return Constant(value, unit, about, source, evidence)
