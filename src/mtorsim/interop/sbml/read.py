"""Read SBML as a flat model."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from mtorsim.errors import ModelError, Where, one_line, shown_path
from mtorsim.interop.dosing import value_of
from mtorsim.interop.flat import TIME, Constant, FlatModel, FlatRoute, FlatState, Line, names_of, number
from mtorsim.interop.functions import placed
from mtorsim.interop.program import sorted_lines, substituted

from .document import elements, opened, rename
from .element_units import Units
from .events import Changes, read_events
from .mathml import MathReader
from .safe import safe_text
from .write import OWN_FUNCTIONS

__all__ = ["read_sbml", "sbml_from_text"]


def read_sbml(path: Path) -> FlatModel:
    """Read an SBML file.

    Raises
    ------
    ModelError
        If it is not SBML, or uses what is not supported, by name.
    ArgumentError
        If libSBML is not installed.
    """
    return sbml_from_text(safe_text(path), path)


def sbml_from_text(text: str, path: Path) -> FlatModel:
    """Read SBML from text, as if read from `path`; the text has been looked at by `safe_text`."""
    sbml, document = opened(text, Where(shown_path(path), 0))
    return _Reading(sbml, document.getModel(), Where(shown_path(path), 0)).flat()


class _Reading:
    def __init__(self, sbml: Any, model: Any, where: Where) -> None:
        self.sbml, self.model, self.where = sbml, model, where
        self.units = Units(sbml, model)
        self.notes: list[str] = []
        self.functions: dict[str, tuple[tuple[str, ...], ast.expr]] = {}
        self.math = MathReader(sbml, self._symbol, self.functions, self.refuse, self._literal)
        self.literals: dict[str, Constant] = {}
        self.local: Mapping[str, str] = {}
        self.stoichiometry: dict[str, ast.expr] = {}
        self.ids: set[str] = set()

    def refuse(self, what: str) -> ModelError:
        """The error for something that is not supported."""
        return ModelError(f"{what} is not supported", self.where)

    def _symbol(self, name: str) -> ast.expr:
        if name in self.local:
            return ast.Name(self.local[name])
        if name in self.stoichiometry:
            return self.stoichiometry[name]
        if name not in self.ids:
            raise ModelError(f"`{name}` is not defined", self.where)
        return ast.Name(name)

    def fresh(self, wanted: str) -> str:
        """A name that no element has, and from now on this one."""
        while wanted in self.ids:
            wanted += "_"
        self.ids.add(wanted)
        return wanted

    def _literal(self, value: float, unit: str) -> ast.expr:
        """A number with a unit: a parameter, since numbers in equations of modules are pure."""
        text = self.units.named(unit)
        if value == 0 or text in (None, "1"):
            return number(value)
        own = re.sub(r"\W+", "_", f"{unit}_{value:.15g}".replace("-", "minus_").replace(".", "_"))
        known = next((n for n, c in self.literals.items() if (c.value, c.unit) == (value, text)), None)
        if known is not None:
            return ast.Name(known)
        own = self.fresh(own)
        self.literals[own] = Constant(value, text, f"{value:.15g} {text}, a number in the file")
        return ast.Name(own)

    def flat(self) -> FlatModel:
        """The flat model."""
        model = self.model
        rename(model, TIME)
        self._check_rules()
        self._read_functions()
        self.starts = {a.getSymbol(): a for a in elements(model, "InitialAssignment")}
        self.rules = {r.getVariable(): r for r in elements(model, "Rule")}
        self.ids = {
            e.getId() for kind in ("Compartment", "Parameter", "Species", "Reaction") for e in elements(model, kind)
        }
        self._read_stoichiometry()
        parameters: dict[str, Constant] = {}
        lines: dict[str, Line] = {}
        self.initial: dict[str, ast.expr] = {}
        rates = self._read_reactions(parameters, lines)
        self._read_constants(parameters, lines)
        derivatives = self._read_species(parameters, lines, rates)
        for name, rule in self.rules.items():
            if name in self.stoichiometry:
                raise self.refuse(f"variable stoichiometry (`{name}`)")
            if rule.isRate():
                derivatives[name] = self.math.read(rule.getMath())
            else:
                lines[name] = Line(self.math.read(rule.getMath()), self.units.of(name), self._about(name))
        states = set(derivatives)
        changes = read_events(self.sbml, model, self, states, parameters)
        self._step(changes, parameters, lines)
        starting = self._starting(states, lines)
        made = {
            name: FlatState(
                tree, substituted(starting[name].is_, starting, set()), self.units.of(name), self._about(name)
            )
            for name, tree in derivatives.items()
        }
        self._assign_parameters(parameters, lines, starting)
        routes = {f"into_{s}": self._route(s) for s in dict.fromkeys(d.to for d in changes.doses)}
        if elements(model, "Constraint"):
            self.notes.append("constraints are not checked")
        used = {n for s in made.values() for n in (*names_of(s.derivative), *names_of(s.initial))}
        used |= {n for line in lines.values() for n in names_of(line.is_)}
        return FlatModel(
            name=model.getId() or "model",
            title=one_line(model.getName() or model.getId() or self.where.path, 200),
            time=self.units.time(),
            parameters={**parameters, **{n: c for n, c in self.literals.items() if n in used}},
            lines=sorted_lines(lines, self.where),
            states=made,
            routes=routes,
            doses=changes.doses,
            left_out=tuple(dict.fromkeys(self.notes)),
        )

    def _check_rules(self) -> None:
        for rule in elements(self.model, "Rule"):
            if rule.isAlgebraic():
                raise self.refuse("an algebraic rule")

    def _read_functions(self) -> None:
        for definition in elements(self.model, "FunctionDefinition"):
            math = definition.getMath()
            if math is None or definition.getBody() is None:
                raise self.refuse(f"the function `{definition.getId()}` without a body")
            names = tuple(definition.getArgument(i).getName() for i in range(definition.getNumArguments()))
            self.local = {n: n for n in names}
            self.functions[definition.getId()] = names, self._body(definition, names)
        self.local = {}

    def _body(self, definition: Any, names: tuple[str, ...]) -> ast.expr:
        """The body of a function; one of ours, as we write it, is ours again."""
        body, known = self.math.read(definition.getBody()), OWN_FUNCTIONS.get(definition.getId())
        if known is not None and (", ".join(names), ast.dump(body)) == (known[0], ast.dump(self._formula(*known))):
            return ast.Call(ast.Name(definition.getId()), [ast.Name(n) for n in names], [])
        return body

    def _formula(self, arguments: str, body: str) -> ast.expr:
        """The tree of a function of ours in SBML."""
        text = body.replace("one", "1 dimensionless").replace("zero", "0 dimensionless")
        found = self.sbml.parseL3Formula(f"lambda({arguments}, {text})")
        return self.math.read(found.getChild(found.getNumChildren() - 1))

    def _read_stoichiometry(self) -> None:
        """Species references with an identifier: constants, whose value equations may use."""
        for reaction in elements(self.model, "Reaction"):
            for reference in _references(reaction):
                name = reference.getId()
                if not name:
                    continue
                if name in self.rules:
                    raise self.refuse(f"variable stoichiometry (`{name}`)")
                self.ids.add(name)
                if name in self.starts:
                    self.stoichiometry[name] = ast.Constant(0)
                    self.stoichiometry[name] = self.math.read(self.starts[name].getMath())
                elif not reference.isSetStoichiometry():
                    raise self.refuse(f"the stoichiometry `{name}` without a value")
                else:
                    self.stoichiometry[name] = number(reference.getStoichiometry())

    def _read_reactions(self, parameters: dict[str, Constant], lines: dict[str, Line]) -> dict[str, list[ast.expr]]:
        """Add a line for each rate, and return what changes the amount of each species."""
        found: dict[str, list[ast.expr]] = {}
        for reaction in elements(self.model, "Reaction"):
            name = reaction.getId()
            law = reaction.getKineticLaw()
            if law is None or law.getMath() is None:
                raise self.refuse(f"the reaction `{name}` without a kinetic law")
            self.local = {}
            for i in range(law.getNumLocalParameters()):
                local = law.getLocalParameter(i)
                own = self.fresh(f"{name}_{local.getId()}")
                parameters[own] = Constant(
                    _value(local), self.units.named(local.getUnits()), f"`{local.getId()}` of `{name}`"
                )
                self.local = {**self.local, local.getId(): own}
            lines[name] = Line(self.math.read(law.getMath()), self.units.of_rates(), f"rate of {_label(reaction)}")
            self.local = {}
            for side, sign in ((reaction.getListOfReactants(), -1), (reaction.getListOfProducts(), 1)):
                for i in range(len(side)):
                    reference = side.get(i)
                    found.setdefault(reference.getSpecies(), []).append(self._flow(name, reference, sign))
        return found

    def _flow(self, reaction: str, reference: Any, sign: int) -> ast.expr:
        """The stoichiometry times the rate, with its sign."""
        rate: ast.expr = ast.Name(reaction)
        if reference.getId() in self.stoichiometry:
            rate = ast.BinOp(self.stoichiometry[reference.getId()], ast.Mult(), rate)
        elif not reference.isSetStoichiometry():
            raise self.refuse(f"a stoichiometry of `{reaction}` without a value")
        elif reference.getStoichiometry() != 1:
            rate = ast.BinOp(number(reference.getStoichiometry()), ast.Mult(), rate)
        return ast.UnaryOp(ast.USub(), rate) if sign < 0 else rate

    def _read_constants(self, parameters: dict[str, Constant], lines: dict[str, Line]) -> None:
        """Compartments and parameters that no rule determines."""
        for compartment in elements(self.model, "Compartment"):
            name = compartment.getId()
            if name in self.rules:
                if self._varies(name, set()):
                    raise self.refuse(f"the compartment `{name}` of varying size")
                continue
            size = compartment.getSize() if compartment.isSetSize() else None
            if size is None and compartment.getSpatialDimensionsAsDouble() == 0:
                size = 1.0
            parameters[name] = Constant(size, self.units.of(name), f"size of {_label(compartment)}")
        for parameter in elements(self.model, "Parameter"):
            name = parameter.getId()
            if name not in self.rules:
                parameters[name] = Constant(_value(parameter), self.units.of(name), self._about(name))

    def _varies(self, name: str, seen: set[str]) -> bool:
        """Whether a symbol changes with time."""
        rule = self.rules.get(name)
        if name in seen or name == TIME:
            return True
        if rule is None:
            return name in self.moving
        if rule.isRate():
            return True
        return any(self._varies(n, seen | {name}) for n in names_of(self.math.read(rule.getMath())))

    @cached_property
    def moving(self) -> set[str]:
        """The symbols that reactions or events change."""
        found = {reaction.getId() for reaction in elements(self.model, "Reaction")}
        found |= {r.getSpecies() for reaction in elements(self.model, "Reaction") for r in _references(reaction)}
        return found | self.changed

    @cached_property
    def changed(self) -> set[str]:
        """The symbols that events change."""
        events = elements(self.model, "Event")
        return {e.getEventAssignment(i).getVariable() for e in events for i in range(e.getNumEventAssignments())}

    def _read_species(
        self, parameters: dict[str, Constant], lines: dict[str, Line], rates: Mapping[str, list[ast.expr]]
    ) -> dict[str, ast.expr]:
        """The derivative of each species that reactions change; the others are parameters."""
        derivatives = {}
        for species in elements(self.model, "Species"):
            name = species.getId()
            self.initial[name] = self._given(species)
            if name in self.rules:
                continue
            flows = rates.get(name)
            if not flows or species.getBoundaryCondition() or species.getConstant():
                tree = self._number_if_changed(name, self.initial.pop(name))
                if isinstance(tree, ast.Constant):
                    parameters[name] = Constant(float(tree.value), self.units.of(name), self._about(name))  # type: ignore[arg-type]
                elif name not in self.starts:
                    lines[name] = Line(tree, self.units.of(name), self._about(name))
                else:
                    parameters[name] = Constant(None, self.units.of(name), self._about(name))
                continue
            tree = _sum(flows)
            factor = species.getConversionFactor() or self.model.getConversionFactor()
            if factor:
                tree = ast.BinOp(ast.Name(factor), ast.Mult(), tree)
            if not self.units.is_amount(species):
                tree = ast.BinOp(tree, ast.Div(), ast.Name(species.getCompartment()))
            derivatives[name] = tree
        return derivatives

    def _number_if_changed(self, name: str, tree: ast.expr) -> ast.expr:
        """The initial value as a number, if an event replaces it later."""
        if name not in self.changed:
            return tree
        sizes = {c.getId(): c.getSize() for c in elements(self.model, "Compartment") if c.isSetSize()}
        if set(names_of(tree)) - set(sizes) or set(names_of(tree)) & set(self.starts):
            raise self.refuse(f"an event that changes `{name}`, whose initial value is not a number,")
        return number(value_of(tree, sizes))

    def _given(self, species: Any) -> ast.expr:
        """The initial value of a species as its symbol means it."""
        volume = ast.Name(species.getCompartment())
        amount = self.units.is_amount(species)
        if species.isSetInitialAmount():
            tree = number(species.getInitialAmount())
            return tree if amount else _over(tree, volume)
        if species.isSetInitialConcentration():
            tree = number(species.getInitialConcentration())
            return _times(tree, volume) if amount else tree
        if species.getId() in self.starts or species.getId() in self.rules:
            return ast.Constant(0)
        self.notes.append(f"`{species.getId()}` has no initial value: 0 is taken")
        return ast.Constant(0)

    def _step(self, changes: Changes, parameters: dict[str, Constant], lines: dict[str, Line]) -> None:
        """Parameters that events change at known times: a line for each change."""
        for name, steps in changes.steps.items():
            constant = parameters.pop(name)
            if name in self.starts:
                raise self.refuse(f"an initial assignment and an event for the parameter `{name}`")
            before = self.fresh(f"{name}_0")
            parameters[before] = Constant(constant.value, constant.unit, f"{constant.about or name} at the start")
            for k, (time, tree) in enumerate(steps, start=1):
                own = name if k == len(steps) else self.fresh(f"{name}_{k}")
                new = placed(tree, {name: ast.Name(before)})
                late = ast.Compare(ast.Name("t"), [ast.GtE()], [time])
                line = ast.Call(ast.Name("where"), [late, new, ast.Name(before)], [])
                lines[own] = Line(line, constant.unit, constant.about)
                before = own

    def _starting(self, states: set[str], lines: dict[str, Line]) -> dict[str, Line]:
        """What each symbol is at the start, as lines."""
        found = dict(lines)
        for name in states:
            parameter = self.model.getParameter(name)
            found[name] = Line(self.initial[name] if name in self.initial else number(_must(parameter, name, self)))
        for name, start in self.starts.items():
            if name not in self.stoichiometry:
                found[name] = Line(self.math.read(start.getMath()))
        return {n: Line(placed(line.is_, {"t": ast.Constant(0)})) for n, line in found.items()}

    def _assign_parameters(
        self, parameters: dict[str, Constant], lines: dict[str, Line], starting: dict[str, Line]
    ) -> None:
        """Parameters with an initial assignment follow from others."""
        for name in self.starts:
            if name not in parameters:
                continue
            constant = parameters.pop(name)
            own = {n: line for n, line in starting.items() if n != name}
            tree = substituted(starting[name].is_, own, set())
            lines[name] = Line(tree, constant.unit, constant.about)

    def _route(self, state: str) -> FlatRoute:
        return FlatRoute(state, self.units.of(state), f"doses into {state}", ast.Constant(1), ast.Constant(0))

    def _about(self, name: str) -> str:
        element = self.model.getElementBySId(name)
        return one_line(element.getName(), 200) if element is not None else ""


def _references(reaction: Any) -> list[Any]:
    sides = reaction.getListOfReactants(), reaction.getListOfProducts()
    return [side.get(i) for side in sides for i in range(len(side))]


def _value(element: Any) -> float | None:
    return element.getValue() if element.isSetValue() else None


def _must(parameter: Any, name: str, reading: _Reading) -> float:
    """The initial value of a parameter with a rate rule."""
    if name in reading.starts:
        return 0.0
    if parameter is None or not parameter.isSetValue():
        raise reading.refuse(f"`{name}` without an initial value")
    return parameter.getValue()


def _label(element: Any) -> str:
    return one_line(element.getName() or element.getId(), 200)


def _sum(parts: list[ast.expr]) -> ast.expr:
    tree = parts[0]
    for part in parts[1:]:
        if isinstance(part, ast.UnaryOp):
            tree = ast.BinOp(tree, ast.Sub(), part.operand)
        else:
            tree = ast.BinOp(tree, ast.Add(), part)
    return tree


def _over(tree: ast.expr, by: ast.expr) -> ast.expr:
    return tree if isinstance(tree, ast.Constant) and tree.value == 0 else ast.BinOp(tree, ast.Div(), by)


def _times(tree: ast.expr, by: ast.expr) -> ast.expr:
    return tree if isinstance(tree, ast.Constant) and tree.value == 0 else ast.BinOp(tree, ast.Mult(), by)
