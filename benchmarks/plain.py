"""A model's equations as plain lines of text, for engines that are not ours.

They are the ones our own kernel is made from, shared subexpressions, constants of a subject and all:
a rival is given no slower equations than we take ourselves.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import sympy
from sympy.printing.numpy import JaxPrinter
from sympy.printing.pycode import PythonCodePrinter
from sympy.printing.str import StrPrinter

from mtorsim.compiler.build import build_system
from mtorsim.compiler.codegen import code_names
from mtorsim.compiler.subexpressions import ln, logistic, maximum, minimum, softplus
from problems import Setting

__all__ = ["Plain"]


class _Infix(StrPrinter):
    """Formulas as SBML's text form writes them; `gamma` and its kin are functions there, so names end in `_`."""

    def _print_Symbol(self, expr: Any) -> str:
        return f"{expr.name}_"

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        return super()._print_Pow(expr, rational).replace("**", "^")

    def _print_Min(self, expr: Any) -> str:
        return f"min({', '.join(self._print(a) for a in expr.args)})"

    def _print_Max(self, expr: Any) -> str:
        return f"max({', '.join(self._print(a) for a in expr.args)})"

    def _print_Rational(self, expr: Any) -> str:
        return repr(float(expr))


class Plain:
    """The equations of a setting.

    Attributes
    ----------
    states, parameters
        Names as they stand in the text; parameters are the model's, then the constants of a subject.
    values
        Values of those parameters, shape (subjects, parameters).
    """

    def __init__(self, setting: Setting) -> None:
        self.system = build_system(setting.model, dict(setting.switches))
        self.names = code_names(self.system)
        assert self.system.states == setting.tape.states
        self.states = [self.names[s] for s in self.system.states]
        self.parameters = [self.names[p] for p in (*self.system.parameters, *self.system.constants)]
        self.values = self._values(setting.parameters)

    def _values(self, parameters: np.ndarray) -> np.ndarray:
        columns = {self.names[p]: parameters[:, j] for j, p in enumerate(self.system.parameters)}
        for name, expression in self.system.constants.items():
            text = PythonCodePrinter({"fully_qualified_modules": False}).doprint(self._elementary(expression))
            space = {"exp": np.exp, "log": np.log, "sqrt": np.sqrt, "min": np.minimum, "max": np.maximum, **columns}
            columns[self.names[name]] = np.broadcast_to(eval(text, space), len(parameters))
        return np.stack([columns[p] for p in self.parameters], axis=1)

    def _elementary(self, expression: Any) -> Any:
        """An expression in functions that every language has, under the names of the text."""
        for ours, plain in (
            (logistic, lambda x: 1 / (1 + sympy.exp(-x))),
            (softplus, lambda x: sympy.log(1 + sympy.exp(x))),
            (ln, sympy.log),
            (minimum, sympy.Min),
            (maximum, sympy.Max),
        ):
            expression = expression.replace(ours, plain)
        return expression.xreplace({s: sympy.Symbol(self.names[str(s)], real=True) for s in expression.free_symbols})

    @cached_property
    def assignments(self) -> list[tuple[str, Any]]:
        """What is worked out before the slopes, in order."""
        return [(self.names[n], self._elementary(e)) for n, e in self.system.needed.items()]

    @cached_property
    def slopes(self) -> list[Any]:
        """Slope of each state, per hour."""
        factors = [sympy.nsimplify(self.system.factors[s], rational=True) for s in self.system.states]
        return [
            self._elementary(self.system.derivatives[s]) * f for s, f in zip(self.system.states, factors, strict=True)
        ]

    def python(self, head: str, slope: str, *, jax: bool = False) -> str:
        """A Python function: `head`, what loads names, then one line for each assignment and each slope."""
        settings = {"fully_qualified_modules": False}
        write: Callable[[Any], str] = (JaxPrinter({}) if jax else PythonCodePrinter(settings)).doprint
        lines = [f"{n} = y[{i}]" for i, n in enumerate(self.states)]
        lines += [f"{n} = p[{i}]" for i, n in enumerate(self.parameters)]
        lines += [f"{n} = {write(e)}" for n, e in self.assignments]
        lines += [slope.format(i=i, value=write(e)) for i, e in enumerate(self.slopes)]
        return f"{head}\n" + "".join(f"    {line}\n" for line in lines)

    def infix(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Assignments and slopes as text of formulas; names end in `_`."""
        write = _Infix().doprint
        named = [(f"{n}_", write(e)) for n, e in self.assignments]
        return named, [(f"{s}_", write(e)) for s, e in zip(self.states, self.slopes, strict=True)]
