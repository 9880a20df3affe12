"""Antimony: written as text, read through its library as SBML."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from mtorsim.errors import ModelError, Where, one_line, shown_path

from .events import events_of, with_inflows
from .extra import needed
from .flat import FlatModel
from .printing import Dialect, inlined, printed
from .sbml.units import unit_id
from .text import about, free_names, head, told

__all__ = ["read_antimony", "write_antimony"]

_FUNCTIONS = {
    "hill": ("x, K, n", "piecewise((x / K)^n / (1 + (x / K)^n), x / K > 0, 0)"),
    "logistic": ("x", "1 / (1 + exp(-x))"),
    "softplus": ("x", "piecewise(x + ln(1 + exp(-x)), x > 0, ln(1 + exp(x)))"),
    "larger": ("a, b", "piecewise(a, a > b, b)"),
    "smaller": ("a, b", "piecewise(a, a < b, b)"),
}
_KNOWN = {
    **{n: n for n in ("exp", "sqrt", "tanh", "sin", "cos", "hill", "logistic", "softplus")},
    "log": "ln",
    "max": "larger",
    "min": "smaller",
}
_WORDS = (
    "time pi avogadro model module end function at after has in is unit var const species compartment formula gene "
    "operator reaction event import delete DNA substanceOnly persistent priority t0 fromTrigger true false inf nan "
    "notanumber infinity exp ln log log10 sqrt tanh sin cos tan piecewise max min delay rateOf identity cell "
    "pow power root sqr abs ceil ceiling floor factorial sec csc cot sinh cosh sech csch "
    "coth asin acos atan asec acsc acot asinh acosh atanh asech acsch acoth arcsin arccos arctan arcsec arccsc arccot "
    "arcsinh arccosh arctanh arcsech arccsch arccoth log2 not and or xor gt lt geq leq eq neq plus minus times divide "
    "exponentiale quotient rem implies lambda uniform normal"
)
_TAKEN = frozenset(_WORDS.split()) | set(_FUNCTIONS)


def write_antimony(flat: FlatModel) -> str:
    """Write a flat model as Antimony.

    Returns
    -------
    str
        The text.
    """
    events, inflows = events_of(flat)
    names = free_names((*flat.states, *inflows, *flat.parameters, *flat.lines), _TAKEN)
    texts = {u for part in (flat.parameters, flat.lines, flat.states) for line in part.values() if (u := line.unit)}
    texts = sorted(u for u in texts | {flat.time or "h"} if unit_id(u) != "dimensionless")
    units = free_names(texts, _TAKEN | set(names.values()), form=unit_id)
    dialect = Dialect("^", _KNOWN, "piecewise({1}, {0}, {2})", time="time", renamed=names)

    def say(tree: ast.expr) -> str:
        return printed(inlined(tree, _KNOWN), dialect)

    def has(name: str, unit: str | None) -> str:
        return f" {name} has {units.get(unit, 'dimensionless')};" if unit else ""

    def noted(text: str, thing: object) -> str:
        said = about(thing, unit=False)
        return f"  {text}" + (f"  // {said}" if said else "")

    used = {_KNOWN.get(name, "") for name in flat.functions}
    out = [f"// {line}" for line in head(flat, ("units of numbers within equations",), names, "Antimony")]
    for name in (f for f in _FUNCTIONS if f in used):
        arguments, body = _FUNCTIONS[name]
        out += ["", f"function {name}({arguments})", f"  {body};", "end"]
    out += ["", f"model {flat.name}", "", "  // Units."]
    out += [f"  unit {name} = {_size(text)};" for text, name in units.items()]
    out += [f"  unit time_unit = {_size(flat.time or 'h')};", "", "  // Parameters."]
    for name, line in flat.parameters.items():
        out.append(noted(f"const {names[name]} = {line.value!r};{has(names[name], line.unit)}", line))
    out += ["", "  // States: initial value and derivative."]
    for name, state in flat.states.items():
        tree = with_inflows(flat, name, inflows)
        own = names[name]
        out.append(noted(f"var {own} = {say(state.initial)};{has(own, state.unit)}", state))
        out.append(f"  {own}' = {say(tree)};")
    out += [f"  var {names[n]} = 0;" for n in inflows]
    out += ["", "  // Quantities that follow from them."]
    for name, line in flat.lines.items():
        out.append(noted(f"var {names[name]} := {say(line.is_)};{has(names[name], line.unit)}", line))
    if events:
        out += ["", "  // Doses and meals."]
    for k, event in enumerate(events, start=1):
        changes = ", ".join(f"{names[to]} = {say(tree)}" for to, tree in event.assignments.items())
        out.append(f"  dose_{k}: at (time >= {say(event.time)}), t0=false, fromTrigger=false: {changes};")
    out += ["end", "", *(f"// {line}" for line in told(flat))]
    return "\n".join(out) + "\n"


def _size(text: str) -> str:
    """A unit as a product of Antimony's base units."""
    from fractions import Fraction

    from mtorsim.units.units import parse_unit

    from .sbml.units import KINDS, SECONDS

    unit = parse_unit(text)
    powers = dict(unit.dims)
    size = float(unit.scale * unit.hours * Fraction(SECONDS) ** powers.get("time", Fraction(0)))
    parts = [f"({KINDS.get(base, 'second')})^{float(power):g}" for base, power in powers.items()]
    return " * ".join([f"{size!r} dimensionless", *parts])


def read_antimony(path: Path, text: str) -> FlatModel:
    """Read Antimony through its library; the main model of the text is taken.

    Raises
    ------
    ModelError
        If it is not Antimony, imports other files, or uses what is not supported.
    """
    from .sbml.read import sbml_from_text

    shown = shown_path(path)
    found = re.search(r"(?m)^\s*import\b", text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise ModelError("other files are not imported", Where(shown, line), "put all models into one file")
    library = needed("antimony", "Antimony")
    library.clearPreviousLoads()
    if library.loadAntimonyString(text) < 0:
        raise ModelError(f"not valid Antimony: {one_line(library.getLastError(), 300)}", Where(shown, 0))
    return sbml_from_text(library.getSBMLString(library.getMainModuleName()), path)
