"""Write a system as a kernel's `problem.py`, with the model's own names and a unit on every line."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import sympy
from sympy.printing.pycode import PythonCodePrinter

from mtorsim.errors import one_line

from .sparse_lu import Elimination, eliminate
from .subexpressions import Expr, ln
from .system import BALANCES, System, needed_for

__all__ = ["code_names", "generate"]


_FUNCTIONS = (
    "absolute",
    "cos",
    "cube",
    "digamma",
    "exp",
    "hill",
    "less",
    "lgamma",
    "log",
    "logistic",
    "maximum",
    "minimum",
    "power",
    "sin",
    "softplus",
    "sqrt",
    "square",
    "tanh",
    "where",
)
_TAKEN = {
    "t",
    "y",
    "p",
    "dy",
    "q",
    "x",
    "LU",
    "load",
    "store",
    "out",
    "g",
    "b",
    "spread",
    "fma",
    *_FUNCTIONS,
    *keyword.kwlist,
}
_CALLED = {sympy.exp: "exp", sympy.log: "log", sympy.tanh: "tanh", ln: "log"}


def code_names(system: System) -> dict[str, str]:
    """Choose a Python name for each quantity: its own if unique, else with its module's.

    `everolimus.CL` is `CL`; where two modules have an `R`, they are `mtor_R` and
    `glucose_insulin_R`; `mtor.f_hepatic@mtorc2.liver` is `f_hepatic_by_mtorc2_liver`.
    """
    switches = set(system.model.switches)
    names = [*system.parameters, *system.quantities, *system.states, *system.rest]
    names += [*system.constants, *system.intermediates]
    names = list(dict.fromkeys(names))
    short = {n: f"switch_{n.replace('.', '_')}" if n in switches else _short(n) for n in names}
    clash = Counter(short.values())
    out = {n: s if clash[s] == 1 else re.sub(r"\W", "_", n) for n, s in short.items()}
    taken = set(_TAKEN)
    return {n: _unique(code, taken) for n, code in out.items()}


def _unique(code: str, taken: set[str]) -> str:
    """Return an unused name and reserve it."""
    while code in taken:
        code += "_"
    taken.add(code)
    return code


def _short(name: str) -> str:
    tail = name.partition(".")[2] or name
    return re.sub(r"\W", "_", tail.replace("@", "_by_"))


class _Printer(PythonCodePrinter):
    """Prints an equation with code names, vector functions and plain decimal numbers."""

    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__({"fully_qualified_modules": False})
        self.names = names

    def _print_Symbol(self, expr: Expr) -> str:
        return self.names[expr.name]

    def _print_Rational(self, expr: Expr) -> str:
        return repr(float(expr))

    def _print_Float(self, expr: Expr) -> str:
        return repr(float(expr))

    def _print_Pow(self, expr: Expr, rational: bool = False) -> str:
        base, exponent = self._print(expr.base), expr.exp
        named = {2: "square", 3: "cube", sympy.Rational(1, 2): "sqrt"}
        if exponent in named:
            return f"{named[exponent]}({base})"
        if exponent == -1:
            return f"1/{self.parenthesize(expr.base, 60)}"
        if exponent.is_Integer:
            whole = _whole_power(base, abs(int(exponent)))
            return whole if exponent > 0 else f"1/({whole})"
        return f"power({self._lane(expr.base)}, {self._lane(exponent)})"

    def _print_Abs(self, expr: Expr) -> str:
        return f"absolute({self._print(expr.args[0])})"

    def _lane(self, expr: Expr) -> str:
        """An argument of a vector function; a bare number is broadcast."""
        text = self._print(expr)
        return f"spread(p, {float(expr)!r})" if expr.is_number else text

    def parenthesize(self, item: Expr, level: int, strict: bool = False) -> str:
        if item.is_Rational and item > 0:
            return self._print(item)
        return super().parenthesize(item, level, strict)

    def _print_Function(self, expr: Expr) -> str:
        if expr.is_number:
            return repr(float(expr))
        name = _CALLED.get(expr.func, expr.func.__name__)
        return f"{name}({', '.join(self._lane(a) for a in expr.args)})"

    _print_exp = _print_log = _print_tanh = _print_sin = _print_cos = _print_Function


def _whole_power(base: str, exponent: int) -> str:
    """An integer power by multiplication, which is also correct for negative numbers."""
    if exponent == 1:
        return f"({base})"
    if exponent == 3:
        return f"cube({base})"
    if exponent % 2:
        return f"({base})*{_whole_power(base, exponent - 1)}"
    return f"square({base})" if exponent == 2 else f"square({_whole_power(base, exponent // 2)})"


class _Writer:
    """The body of one function: every name is loaded or computed just before its first use."""

    def __init__(self, system: System, names: Mapping[str, str], rows: Mapping[str, tuple[str, int]]) -> None:
        self.system = system
        self.names = dict(names)
        self.rows = rows
        self.printer = _Printer(self.names)
        self.lines: list[str] = []
        self.ready: set[str] = set()

    def use(self, expression: Expr) -> str:
        """Load the names that an expression needs, and return its code."""
        for s in sorted(expression.free_symbols, key=lambda s: self.rows.get(s.name, ("", 0))):
            name = s.name
            if name not in self.ready and name in self.rows:
                array, row = self.rows[name]
                self.lines.append(f"{self.names[name]} = load({array}, {row}){self._note(name)}")
                self.ready.add(name)
        return str(self.printer._print(expression))

    def assign(self, name: str, expression: Expr, note: str | None = None) -> None:
        """Compute a quantity."""
        code = self.use(expression)
        if expression.is_number:
            code = f"spread(p, {float(expression)!r})"
        self.lines.append(f"{self.names[name]} = {code}{self._note(name) if note is None else note}")
        self.ready.add(name)

    def store(self, array: str, row: int, expression: Expr, note: str = "", factor: float = 1.0) -> None:
        """Store a value in a row."""
        code = self.use(expression)
        if expression.is_number:
            code = repr(float(expression) * factor)
        elif factor != 1.0:
            number = repr(int(factor)) if factor == int(factor) else repr(factor)
            code = f"{number} * ({code})"
        self.lines.append(f"store({array}, {row}, {code}){note}")

    def comment(self, text: str) -> None:
        """Add a comment line."""
        self.lines.append(f"# {one_line(text)}")

    def _note(self, name: str) -> str:
        about = self.system.abouts.get(name, "")
        unit = self.system.units.get(name)
        text = one_line(": ".join(x for x in (str(unit) if unit else "", about) if x), 160)
        return f"  # {text}" if text else ""


def generate(system: System) -> str:
    """Write `problem.py` for a system."""
    names = code_names(system)
    rows = {n: ("y", i) for i, n in enumerate(system.states)}
    rows |= {n: ("p", i) for i, n in enumerate(system.parameters)}
    n_parameters = len(system.parameters)
    rows |= {n: ("p", n_parameters + i) for i, n in enumerate(system.constants)}
    writer: Callable[[], _Writer] = lambda: _Writer(system, names, rows)  # noqa: E731
    functions = [
        ("constants", "p", "Compute everything that depends on parameters only.", _constants(writer(), system)),
        ("initial", "p, y", "Initial value of every state that has one.", _initial(writer(), system)),
        ("rhs", "t, y, p, dy", "Derivatives of the states, per hour.", _rhs(writer(), system)),
        ("observe", "t, y, p, q", "All quantities that can be recorded.", _observe(writer(), system)),
        ("balance", "x, p, y, out", _BALANCE, _balance(writer(), system)),
        ("linearise", "t, y, p, dy, LU", _LINEARISE, _linearise(writer(), system)),
    ]
    entries = [(system.states.index(r), system.states.index(c)) for r, c in system.jacobian[1]]
    plan = eliminate(len(system.states), entries)
    functions += [("factor", "g, LU", _FACTOR, _factor(plan, entries)), ("solve", "LU, b", _SOLVE, _solve(plan))]
    head = _HEAD.format(
        title=one_line(system.title),
        functions=", ".join(sorted((*_FUNCTIONS, "fma", "load", "spread", "store"))),
        n_states=len(system.states),
        n_parameters=n_parameters,
        n_rows=n_parameters + len(system.constants),
        n_quantities=len(system.quantities),
        n_lu=len(plan.places),
    )
    table = "ENTRIES = (\n" + "".join(f"    ({r}, {c}),\n" for r, c in entries) + ")\n" if entries else "ENTRIES = ()\n"
    return head + table + "".join(_function(*f) for f in functions)


_LINEARISE = "The result of `rhs`, and its derivatives by the states: the first rows of LU, placed as in ENTRIES."
_FACTOR = "Factor (shift in g) - (Jacobian in LU) in place: multipliers, reciprocal pivots, upper triangle."
_SOLVE = "Solve with the result of `factor`; b holds the right-hand side, then the solution."
_BALANCE = "Put the state of rest for the trial values in x into y, and the residuals into out."

_HEAD = '''"""{title}: written by mtorsim from its model files; change those, not this."""

from mtorsim.kernel.functions import {functions}

N_STATES = {n_states}
N_PARAMETERS = {n_parameters}
N_ROWS = {n_rows}
N_QUANTITIES = {n_quantities}
N_LU = {n_lu}
'''


def _function(name: str, arguments: str, about: str, lines: Iterable[str]) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f'\n\ndef {name}({arguments}):\n    """{about}"""\n{body}'


def _constants(w: _Writer, system: System) -> list[str]:
    for name, expression in system.constants.items():
        w.assign(name, expression)
        w.store("p", w.rows[name][1], sympy.Symbol(name, real=True))
    return w.lines


def _initial(w: _Writer, system: System) -> list[str]:
    w.rows = {n: at for n, at in w.rows.items() if at[0] == "p"}
    for row, state in enumerate(system.states):
        if state in system.initials:
            w.store("y", row, system.initials[state], f"  # {w.names[state]}, {system.units[state]}")
    return w.lines


def _rhs(w: _Writer, system: System) -> list[str]:
    for name, expression in system.needed.items():
        w.assign(name, expression)
    _store_slopes(w, system)
    return w.lines


def _store_slopes(w: _Writer, system: System) -> None:
    for row, state in enumerate(system.states):
        unit = system.units.get(state)
        note = f"  # {w.names[state]}, {unit} per h" if unit else ""
        w.store("dy", row, system.derivatives[state], note, system.factors[state])


def _observe(w: _Writer, system: System) -> list[str]:
    wanted = set(system.quantities)
    for name, expression in system.intermediates.items():
        w.assign(name, expression)
    for row, name in enumerate(system.quantities):
        if name in wanted:
            value = sympy.Float(system.fixed[name]) if name in system.fixed else sympy.Symbol(name, real=True)
            w.store("q", row, value, f"  # {w.names[name]}, {system.units.get(name, '')}")
    return w.lines


def _balance(w: _Writer, system: System) -> list[str]:
    if not system.rest:
        w.comment("this model has no [rest] table")
        return [*w.lines, "store(out, 0, load(x, 0))"]
    plan = system.model.rest
    assert plan is not None
    w.rows = {n: at for n, at in w.rows.items() if at[0] == "p"}
    w.names[plan.unknown] = _unique("trial", {*_TAKEN, *w.names.values()})
    w.rows[plan.unknown] = ("x", 0)
    if plan.inner is not None:
        w.names[plan.inner.unknown] = _unique("inner_trial", {*_TAKEN, *w.names.values()})
        w.rows[plan.inner.unknown] = ("x", 1)
    steps = dict(system.rest)
    totals = [steps.pop(name) for name in BALANCES if name in steps]
    given = {step.name for step in plan.steps}
    targets = [e for n, e in steps.items() if n in given]
    steps = {n: e for n, e in steps.items() if n in given or n in needed_for([*targets, *totals], steps)}
    for name, expression in steps.items():
        w.assign(name, expression)
        if name in system.states:
            w.store("y", system.states.index(name), sympy.Symbol(name, real=True))
    for row, total in enumerate(totals):
        w.store("out", row, total)
    return w.lines


def _linearise(w: _Writer, system: System) -> list[str]:
    partials, entries = system.jacobian
    needed = system.needed
    kept = {**needed, **needed_for(entries.values(), {**needed, **partials})}
    taken = {*_TAKEN, *w.names.values()}
    for name in partials:
        w.names[name] = _unique(_partial_name(name, w.names), taken)
    for name, expression in {**needed, **partials}.items():
        if name in kept:
            w.assign(name, expression, "" if name in partials else None)
    _store_slopes(w, system)
    for row, ((r, c), slope) in enumerate(entries.items()):
        w.store("LU", row, slope, f"  # d {w.names[r]} / d {w.names[c]}")
    return w.lines


def _factor(plan: Elimination, entries: list[tuple[int, int]]) -> list[str]:
    """Straight-line elimination: `m_i_j` is the current entry of the matrix in row i and column j."""
    lines = ["shift = load(g, 0)"]
    known = {place: row for row, place in enumerate(entries)}
    store = {place: row for row, place in enumerate(plan.places)}
    # The factors overwrite the matrix, so an entry is read before its place is written to.
    assert plan.places[: len(entries)] == tuple(entries)
    begun: set[tuple[int, int]] = set()

    def value(i: int, j: int) -> str:
        """The name of an entry, loaded when first needed; empty while it is zero."""
        if (i, j) not in begun and ((i, j) in known or i == j):
            own = f"load(LU, {known[i, j]})" if (i, j) in known else ""
            lines.append(f"m_{i}_{j} = " + (f"shift - {own}" if i == j and own else "shift" if i == j else f"-{own}"))
            begun.add((i, j))
        return f"m_{i}_{j}" if (i, j) in begun else ""

    for k, pivot in enumerate(plan.order):
        lines.append(f"r_{pivot} = 1.0 / {value(pivot, pivot)}")
        lines.append(f"store(LU, {store[pivot, pivot]}, r_{pivot})")
        right = plan.right(k)
        for j in right:
            lines.append(f"store(LU, {store[pivot, j]}, {value(pivot, j)})")
        for i in plan.below(k):
            lines.append(f"l_{i}_{pivot} = {value(i, pivot)} * r_{pivot}")
            lines.append(f"store(LU, {store[i, pivot]}, l_{i}_{pivot})")
            for j in right:
                before = value(i, j)
                product = f"-l_{i}_{pivot}", f"m_{pivot}_{j}"
                lines.append(
                    f"m_{i}_{j} = " + (f"fma({', '.join(product)}, {before})" if before else " * ".join(product))
                )
                begun.add((i, j))
    return lines


def _solve(plan: Elimination) -> list[str]:
    store = {place: row for row, place in enumerate(plan.places)}
    lines = [f"b_{i} = load(b, {i})" for i in plan.order]
    for k, pivot in enumerate(plan.order):
        lines += [f"b_{i} = fma(-load(LU, {store[i, pivot]}), b_{pivot}, b_{i})" for i in plan.below(k)]
    for k in reversed(range(len(plan.order))):
        pivot = plan.order[k]
        for j in plan.right(k):
            lines.append(f"b_{pivot} = fma(-load(LU, {store[pivot, j]}), b_{j}, b_{pivot})")
        lines.append(f"b_{pivot} = b_{pivot} * load(LU, {store[pivot, pivot]})")
        lines.append(f"store(b, {pivot}, b_{pivot})")
    return lines


def _partial_name(label: str, names: Mapping[str, str]) -> str:
    of, by = label.removeprefix("d_").split("|")
    return f"d_{names[of]}_{names[by]}"
