"""Check the balance of units, term by term, and find the factor that converts a derivative to per hour."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from fractions import Fraction

from mtorsim.errors import UnitError
from mtorsim.units.units import ONE, Unit

from .expressions import Expression, comparisons, full_name
from .generated import CLOCK, SINCE_DOSE
from .model import Equation, Model

__all__ = ["Balance", "factor_between", "rest_units", "time_factor"]


def rest_units(model: Model) -> dict[str, Unit | None]:
    """Unit of the unknowns and of every other name in [rest]."""
    assert model.rest is not None
    units: dict[str, Unit | None] = {model.rest.unknown: model.rest.unit}
    if model.rest.inner is not None:
        units[model.rest.inner.unknown] = model.rest.inner.unit
    for step in model.rest.steps:
        if step.unit is None:
            units[step.name] = Balance(model, step, units).total()
    return units


def time_factor(model: Model, equation: Equation) -> float:
    """Find the factor that converts an equation from its own unit of time to the declared one.

    A derivative is also converted to the system's time, hours.

    Raises
    ------
    UnitError
        If the units differ by anything but time.
    """
    extra: dict[str, Unit | None] = {}
    if equation.kind in ("rest", "balance"):
        extra = rest_units(model)
    if equation.kind == "then":
        extra = {name: Balance(model, eq, {}).total() for name, eq in model.means.items()}
    found = Balance(model, equation, extra).total()
    if equation.unit is None:
        return 1.0
    factor = factor_between(equation, found)
    if equation.kind == "contribution" and equation.port in model.ports:
        factor *= _at_port(model, equation)
    if equation.kind == "derivative":
        factor *= float(equation.unit.hours) / float(model.states[equation.name][1].hours)
    return factor


def factor_between(equation: Equation, found: Unit | None) -> float:
    """Ratio of time units between the found and the declared unit; raises if they differ otherwise."""
    declared = equation.unit
    assert declared is not None
    if found is None:
        return 1.0
    expression = equation.expression
    what = f"`{equation.name.partition('@')[0]}`"
    if equation.kind == "derivative":
        what = f"the derivative of {what}"
    whole = expression.at(expression.tree)
    if not found.same_kind(declared):
        raise UnitError(f"{what} is in {declared} but `{expression.text}` is in {found}", whole)
    ratio = found.scale_ratio(declared)
    if ratio != 1.0:
        raise UnitError(f"the unit is {ratio:g} times {declared}", whole, "name the factor as a parameter with a unit")
    return found.time_ratio(declared)


def _at_port(model: Model, equation: Equation) -> float:
    """Ratio of time units between a contribution and its port."""
    port, unit = model.ports[equation.port], equation.unit
    assert unit is not None
    if unit.same_kind(port.unit) and unit.scale == port.unit.scale:
        return unit.time_ratio(port.unit)
    raise UnitError(f"`{port.name}` is in {port.unit} but this contribution is in {unit}", equation.where)


class Balance:
    """The unit of one equation, derived part by part; None is the unit of a bare 0."""

    def __init__(self, model: Model, equation: Equation, extra: Mapping[str, Unit | None]) -> None:
        self.model = model
        self.equation = equation
        self.expression: Expression = equation.expression
        self.extra = extra
        self.clocks = (*model.clocks(CLOCK), *model.clocks(SINCE_DOSE))

    def total(self) -> Unit | None:
        """The unit of the whole equation; None in a module without units, whose clocks alone have one."""
        unchecked = self.equation.module in self.model.unitless and self.equation.name not in self.clocks
        return None if unchecked else self.unit(self.expression.tree)

    def unit(self, node: ast.expr) -> Unit | None:
        name = full_name(node)
        if name is not None:
            full = self.equation.scope[name]
            return self.extra[full] if full in self.extra else self.model.units[full]
        if isinstance(node, ast.Constant):
            return None if node.value == 0 else ONE
        if isinstance(node, ast.UnaryOp):
            return self.unit(node.operand)
        if isinstance(node, ast.Call):
            return self._call(node)
        assert isinstance(node, ast.BinOp)
        if isinstance(node.op, ast.Pow):
            return self._power(node)
        left, right = self.unit(node.left), self.unit(node.right)
        if isinstance(node.op, ast.Mult):
            return None if left is None or right is None else left * right
        if isinstance(node.op, ast.Div):
            return None if left is None else left / (right or ONE)
        return self._same(node.left, left, node.right, right)

    def _same(self, a: ast.expr, left: Unit | None, b: ast.expr, right: Unit | None) -> Unit | None:
        if left is None or right is None:
            return left or right
        if left.same_kind(right) and left.scale == right.scale and left.hours == right.hours:
            return left
        source = self.expression.source_of
        help = None
        if left.same_kind(right):
            ratio = float(left.scale * left.hours / (right.scale * right.hours))
            help = f"they differ by a factor of {ratio:g}: name it as a parameter with a unit"
        raise UnitError(f"`{source(a)}` is in {left} but `{source(b)}` is in {right}", self.expression.at(b), help)

    def _pure(self, node: ast.expr, why: str) -> Unit:
        unit = self.unit(node)
        if unit is None or (unit.dimensionless and unit.scale * unit.hours == 1):
            return ONE
        raise UnitError(
            f"{why} needs a pure number but `{self.expression.source_of(node)}` is in {unit}", self.expression.at(node)
        )

    def _call(self, node: ast.Call) -> Unit | None:
        assert isinstance(node.func, ast.Name)
        function, args = node.func.id, node.args
        if function == "sqrt":
            inner = self.unit(args[0])
            return None if inner is None else inner ** Fraction(1, 2)
        if function in ("min", "max"):
            return self._same(args[0], self.unit(args[0]), args[1], self.unit(args[1]))
        if function == "where":
            self._compared(args[0])
            return self._same(args[1], self.unit(args[1]), args[2], self.unit(args[2]))
        if function == "hill":
            self._same(args[0], self.unit(args[0]), args[1], self.unit(args[1]))
            return self._pure(args[2], "the exponent of `hill`")
        return self._pure(args[0], f"`{function}`")

    def _compared(self, node: ast.expr) -> None:
        """Check that both sides of each comparison have the same unit."""
        for part in comparisons(node):
            a, b = part.left, part.comparators[0]
            self._same(a, self.unit(a), b, self.unit(b))

    def _power(self, node: ast.BinOp) -> Unit | None:
        exponent = Expression(self.expression.source_of(node.right), node.right).constant()
        if exponent is not None:
            base = self.unit(node.left)
            return None if base is None else base ** Fraction(exponent).limit_denominator(1000)
        self._pure(node.right, "an exponent")
        unit = self.unit(node.left)
        if unit is not None and not unit.dimensionless:
            message = f"a power whose exponent is a parameter needs a pure number, not {unit}"
            raise UnitError(message, self.expression.at(node.left), "write `hill(x, K, n)`, or divide by a reference")
        return ONE
