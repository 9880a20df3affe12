"""Write a flat model as SBML Level 3 Version 2: rate and assignment rules, doses as events, a unit for every number."""

from __future__ import annotations

import ast
from typing import Any
from xml.sax.saxutils import escape

from mtorsim.errors import ArgumentError, one_line
from mtorsim.interop.events import Event, events_of, with_inflows
from mtorsim.interop.extra import needed
from mtorsim.interop.flat import FlatModel, is_number
from mtorsim.interop.printing import Dialect, inlined, printed
from mtorsim.interop.text import free_names

from .units import add_unit, unit_id

__all__ = ["OWN_FUNCTIONS", "write_sbml"]

OWN_FUNCTIONS = {
    "hill": ("x, K, n", "piecewise((x / K)^n / (one + (x / K)^n), x / K > zero, zero)"),
    "logistic": ("x", "one / (one + exp(-x))"),
    "softplus": ("x", "piecewise(x + ln(one + exp(-x)), x > zero, ln(one + exp(x)))"),
}
"""Functions that SBML does not have, as definitions."""

_KNOWN = {**{name: name for name in ("exp", "sqrt", "tanh", "sin", "cos", "min", "max", *OWN_FUNCTIONS)}, "log": "ln"}


def _literal(node: ast.Constant) -> str:
    """A number with its unit: a pure one, unless it stands for a quantity."""
    unit = getattr(node, "unit", None)
    return f"{node.value!r} {unit_id(unit) if unit else 'dimensionless'}"


def write_sbml(flat: FlatModel) -> str:
    """Write a flat model as SBML.

    Raises
    ------
    ArgumentError
        If libSBML is not installed, or the model uses a function that SBML does not have.
    """
    return _Writing(flat).text()


class _Writing:
    def __init__(self, flat: FlatModel) -> None:
        self.sbml = needed("libsbml", "SBML")
        self.flat = flat
        self.document = self.sbml.SBMLDocument(3, 2)
        self.model = self.document.createModel()
        words = ("time", "avogadro", "pi", "rateOf", "delay", *OWN_FUNCTIONS)
        names = free_names((*flat.parameters, *flat.lines, *flat.states), words)
        self.renamed = {old: new for old, new in names.items() if old != new}
        self.dialect = Dialect(
            "^", _KNOWN, "piecewise({1}, {0}, {2})", time="time", literal=_literal, renamed=self.renamed
        )
        self.settings = self.sbml.L3ParserSettings()
        self.settings.setModel(self.model)
        self.settings.setComparisonCaseSensitivity(self.sbml.L3P_COMPARE_BUILTINS_CASE_SENSITIVE)

    def text(self) -> str:
        """The document."""
        flat, model = self.flat, self.model
        model.setId(flat.name)
        model.setName(flat.title)
        time = self._unit(flat.time or "h")
        for put in (model.setTimeUnits, model.setExtentUnits, model.setSubstanceUnits):
            put(time if put == model.setTimeUnits else "mole")
        self._functions()
        events, inflows = events_of(flat)
        for name, line in flat.parameters.items():
            self._parameter(name, line.value, line.unit, True, line)
        for name, line in flat.lines.items():
            self._parameter(name, None, line.unit, False, line)
        for name, state in flat.states.items():
            value = float(ast.literal_eval(state.initial)) if is_number(state.initial) else None
            self._parameter(name, value, state.unit, False, state)
        for name, state in inflows.items():
            unit = f"({flat.states[state].unit or '1'})/{flat.time or 'h'}"
            self._parameter(name, 0.0, unit, False, None)
        for name, line in flat.lines.items():
            self._rule(model.createAssignmentRule(), name, line.is_)
        for name, state in flat.states.items():
            tree = with_inflows(flat, name, inflows)
            self._rule(model.createRateRule(), name, tree)
            if not is_number(state.initial):
                start = model.createInitialAssignment()
                start.setSymbol(self._name(name))
                start.setMath(self._math(state.initial))
        for i, event in enumerate(events, start=1):
            self._event(event, i)
        self._notes(model, _about(flat))
        return self.sbml.writeSBMLToString(self.document)

    def _name(self, name: str) -> str:
        return self.renamed.get(name, name)

    def _unit(self, text: str) -> str:
        return add_unit(self.model, text)

    def _functions(self) -> None:
        """The definitions of functions that the model uses."""
        used = self.flat.functions
        lost = sorted(used - {*_KNOWN, "where"})
        if lost:
            raise ArgumentError(f"SBML has no function `{lost[0]}`", help="export to mrgsolve, deSolve or Julia")
        for name in sorted(used & set(OWN_FUNCTIONS)):
            definition = self.model.createFunctionDefinition()
            definition.setId(name)
            arguments, body = OWN_FUNCTIONS[name]
            body = body.replace("one", "1 dimensionless").replace("zero", "0 dimensionless")
            definition.setMath(self.sbml.parseL3Formula(f"lambda({arguments}, {body})"))

    def _parameter(self, name: str, value: float | None, unit: str | None, constant: bool, line: Any) -> None:
        parameter = self.model.createParameter()
        parameter.setId(self._name(name))
        full = self.flat.renamed.get(name)
        if full:
            parameter.setName(full)
        parameter.setConstant(constant)
        if value is not None:
            parameter.setValue(value)
        if unit is not None:
            parameter.setUnits(self._unit(unit))
        if line is not None:
            self._describe(parameter, line)

    def _describe(self, element: Any, line: Any) -> None:
        """Meaning, evidence and source as notes, and the source's address as an annotation."""
        source, evidence = getattr(line, "source", None), getattr(line, "evidence", None)
        said = [line.about, f"evidence: {evidence}" if evidence else "", f"source: {source}" if source else ""]
        text = "; ".join(s for s in said if s)
        if text:
            self._notes(element, text)
        address = self.flat.references.get(source or "", ("", None))[1]
        if address:
            element.setMetaId(f"meta_{element.getId()}")
            term = self.sbml.CVTerm(self.sbml.BIOLOGICAL_QUALIFIER)
            term.setBiologicalQualifierType(self.sbml.BQB_IS_DESCRIBED_BY)
            term.addResource(address)
            element.addCVTerm(term)

    def _notes(self, element: Any, text: str) -> None:
        body = "".join(f"<p>{escape(one_line(part, 4000))}</p>" for part in text.split("\n") if part.strip())
        element.setNotes(f'<body xmlns="http://www.w3.org/1999/xhtml">{body}</body>')

    def _math(self, tree: ast.expr) -> Any:
        for node in ast.walk(tree):
            unit = getattr(node, "unit", None)
            if unit:
                self._unit(unit)
        text = printed(inlined(tree, _KNOWN), self.dialect)
        math = self.sbml.parseL3FormulaWithSettings(text, self.settings)
        if math is None:
            raise ArgumentError(f"`{text}` cannot be said in SBML: {one_line(self.sbml.getLastParseL3Error())}")
        return math

    def _rule(self, rule: Any, name: str, tree: ast.expr) -> None:
        rule.setVariable(self._name(name))
        rule.setMath(self._math(tree))

    def _event(self, event: Event, number: int) -> None:
        found = self.model.createEvent()
        found.setId(f"dose_{number}")
        found.setName(one_line(event.about, 200))
        found.setUseValuesFromTriggerTime(False)
        trigger = found.createTrigger()
        # An event at 0 happens, and none is taken back.
        trigger.setInitialValue(False)
        trigger.setPersistent(True)
        trigger.setMath(self._math(ast.Compare(ast.Name("t"), [ast.GtE()], [event.time])))
        for name, tree in event.assignments.items():
            assignment = found.createEventAssignment()
            assignment.setVariable(self._name(name))
            assignment.setMath(self._math(tree))


def _about(flat: FlatModel) -> str:
    """What the document is, and what it leaves out."""
    parts = [flat.title, f"Parameters and initial values: {flat.person}." if flat.person else ""]
    if flat.left_out:
        parts.append("Left out, because SBML cannot say it:")
        parts += [f"- {line}" for line in flat.left_out]
    parts += [f"{key}: {text}" for key, (text, _) in flat.references.items()]
    return "\n".join(p for p in parts if p)
