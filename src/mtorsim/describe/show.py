"""Describe a module, model or population: equations, values, units, sources, evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mtorsim.files.references import Reference
from mtorsim.model.expressions import Expression
from mtorsim.model.file import Module, Parameter
from mtorsim.model.model import Equation, Model
from mtorsim.population.population import Population

from .render import Block, Formula, Formulas, Heading, Paragraph, Table

__all__ = ["describe_model", "describe_module", "describe_population", "parameter_rows"]


def describe_module(module: Module, references: Mapping[str, Reference]) -> list[Block]:
    """Describe all contents of a module file.

    Parameters
    ----------
    module
        The module.
    references
        The bibliography to which its sources refer.
    """
    data = module.data
    head = data.module
    blocks: list[Block] = [Heading(head.name, 1), Paragraph(f"{head.about}; time in {head.time}.")]
    if head.reads:
        blocks.append(Paragraph("Reads " + ", ".join(head.reads) + "."))
    blocks += _part("Parameters", _parameters(data.parameters))
    blocks += _part("States", _states(module))
    named = [
        Formula(n, "=", module.expression(e.is_, "expressions", n, "is"), e.unit, e.about)
        for n, e in data.expressions.items()
    ]
    blocks += _formulas("Expressions", named)
    blocks += _formulas("Derivatives", _derivatives(module))
    ports = [(n, "sum", p.unit, p.about) for n, p in data.inputs.items()]
    ports += [(n, "product", p.unit, p.about) for n, p in data.modifiers.items()]
    blocks += _part("Ports", Table(("name", "kind", "unit", "meaning"), tuple(ports)))
    blocks += _contributions(module)
    observed = [
        Formula(n, "=", module.expression(o.is_, "observables", n, "is"), o.unit, o.about)
        for n, o in data.observables.items()
    ]
    blocks += _formulas("Observables", observed)
    doses = [
        (name, d.to, d.unit, *(getattr(d, part) or "" for part in _EQUATIONS), _range(d.range), d.about)
        for name, d in data.doses.items()
    ]
    conditions = [
        (n, ", ".join(f"{p} x {f:g}" for p, f in c.multiply.items()), c.about, c.source, c.evidence)
        for n, c in data.conditions.items()
    ]
    blocks += _part("Conditions", Table(("condition", "changes", "about", "source", "evidence"), tuple(conditions)))
    blocks += _part("Doses", Table(_ROUTE, tuple(doses)))
    blocks += _at_rest(module)
    return [*blocks, *_cited(_sources(module), references)]


def describe_model(model: Model, references: Mapping[str, Reference]) -> list[Block]:
    """Describe a composed model: its mechanisms, their targets, then every module.

    Parameters
    ----------
    model
        The model.
    references
        The bibliography to which its sources refer.
    """
    names = [m.name for m in model.modules]
    blocks: list[Block] = [
        Heading(" + ".join(names), 1),
        Paragraph(
            f"{len(model.states)} states, {len(model.parameters)} parameters, {len(model.equations)} equations. "
            "Inputs add, modifiers multiply; a switch of 0 removes a mechanism, 1 keeps it as written."
        ),
    ]
    switches = []
    for name, value in model.switches.items():
        acting = [e for e in model.equations.values() if e.mechanism == name]
        abouts = dict.fromkeys(e.about for e in acting)
        grades = dict.fromkeys(e.evidence or "" for e in acting)
        sources = dict.fromkeys(e.source or "" for e in acting)
        switches.append((name, f"{value:g}", ", ".join(grades), ", ".join(sources), "; ".join(abouts)))
    blocks += _part("Mechanisms", Table(("switch", "value", "evidence", "source", "meaning"), tuple(switches)))
    filled = [p for p in model.ports.values() if p.contributions]
    blocks.append(Heading("Ports"))
    for port in filled:
        how = "the sum of" if port.kind == "input" else "the product of"
        blocks.append(Paragraph(f"{port.name}, {port.about} [{port.unit}], is {how}:"))
        blocks.append(Formulas(tuple(_acting(model.equations[c]) for c in port.contributions)))
    free = [p.name for p in model.ports.values() if not p.contributions]
    if free:
        blocks.append(Paragraph("Nothing acts on " + ", ".join(free) + "."))
    if model.left_out:
        out = ", ".join(f"{e.name} (to {e.port})" for e in model.left_out)
        blocks.append(Paragraph(f"Ignored, since their target is not in this model: {out}."))
    cited: dict[str, None] = {}
    for module in model.modules:
        own = describe_module(module, {})
        blocks += own
        cited |= dict.fromkeys(_sources(module))
    return [*blocks, *_cited(cited, references)]


def describe_population(population: Population, references: Mapping[str, Reference]) -> list[Block]:
    """Describe a population.

    Parameters
    ----------
    population
        The population, fitted to a model.
    references
        The bibliography to which its sources refer.
    """
    blocks: list[Block] = [Heading(population.name, 1), Paragraph(population.about + ".")]
    rows = []
    for q in population.quantities:
        if q.sigma == 0 and q.median.constant() is not None and q.covariate is None and not q.own:
            continue
        limits = f"{q.range[0]:g} to {q.range[1]:g}" if q.range else ""
        spread = f"{q.sigma:.3g} of {_SCALE[q.distribution]}" if q.sigma else ""
        median = f"the covariate {q.covariate}" if q.covariate else q.median.text
        rows.append((q.name, median, q.unit, spread, limits, q.evidence, q.source, q.about))
    head = ("quantity", "median", "unit", "SD", "admitted", "evidence", "source", "meaning")
    blocks += _part("Drawn quantities", Table(head, tuple(rows)))
    pairs = [(a, b, f"{value:g}") for (a, b), value in population.correlation.items()]
    blocks += _part("Correlations", Table(("of", "and", "value"), tuple(pairs)))
    groups = []
    for g in population.groups:
        factors = ", ".join(f"{n} x {f.by:g}" for n, f in g.multiply.items())
        groups.append((g.name, g.size, g.evidence, g.about, factors))
    blocks += _part("Groups", Table(("group", "share", "evidence", "who", "differs in"), tuple(groups)))
    entries = []
    for e in population.entries:
        low = f"at least {e.at_least:g}" if e.at_least is not None else ""
        high = f"at most {e.at_most:g}" if e.at_most is not None else ""
        limits = " and ".join(x for x in (low, high) if x)
        entries.append((e.observable, e.statistic, f"{limits} {e.unit}", e.evidence, e.about))
    blocks += _part("Entry criteria", Table(("observable", "statistic", "limits", "evidence", "why"), tuple(entries)))
    cited = [*(row[6] for row in rows), *(g.source for g in population.groups), *(e.source for e in population.entries)]
    return [*blocks, *_cited(dict.fromkeys(c for c in cited if c), references)]


_SCALE = {"log-normal": "log(value)", "normal": "value", "logit-normal": "logit(value)"}


SPREADS = ("iiv", "cv", "variance", "df", "box_cox", "iov")
"""Measures and shapes of variability, as in module files."""


def parameter_rows(parameters: Mapping[str, Parameter]) -> list[dict[str, Any]]:
    """All parameters as plain records, for JSON."""
    return [
        {
            "name": name,
            "value": line.value,
            "unit": line.unit,
            "range": line.range,
            **{name: getattr(line, name) for name in SPREADS},
            "about": line.about,
            "source": line.source,
            "evidence": line.evidence,
        }
        for name, line in parameters.items()
    ]


_EQUATIONS = ("bioavailability", "lag", "appetite", "rate", "duration")
_ROUTE = ("route", "to", "unit", *_EQUATIONS, "range", "about")


def _range(limits: Sequence[float] | None) -> str:
    return f"{limits[0]:g} to {limits[1]:g}" if limits else ""


def _part(title: str, table: Table) -> list[Block]:
    return [Heading(title), table] if table.rows else []


def _formulas(title: str, items: Iterable[Formula]) -> list[Block]:
    items = tuple(items)
    return [Heading(title), Formulas(items)] if items else []


def _parameters(parameters: Mapping[str, Parameter]) -> Table:
    rows = []
    for name, line in parameters.items():
        value = "from the run-in" if line.origin == "run_in" else f"{line.value:.10g}"
        limits = f"{line.range[0]:g} to {line.range[1]:g}" if line.range else ""
        given = ((name, getattr(line, name)) for name in SPREADS)
        spread = ", ".join(f"{name.replace('_', '-')} {value:g}" for name, value in given if value)
        spread += f" {line.distribution}" if spread and line.distribution != "log-normal" else ""
        about = line.about + (f" (the population's `{line.covariate}` where it has one)" if line.covariate else "")
        rows.append((name, value, line.unit, limits, spread, line.evidence or "", line.source or "", about))
    return Table(("name", "value", "unit", "range", "spread", "evidence", "source", "meaning"), tuple(rows))


def _states(module: Module) -> Table:
    rest = set(module.data.rest.states) if module.data.rest else set()
    rows = []
    for name, line in module.data.states.items():
        initial = line.initial if line.initial is not None else "at rest" if name in rest else ""
        rows.append((name, line.unit, initial, line.about))
    return Table(("name", "unit", "initial", "meaning"), tuple(rows))


def _derivatives(module: Module) -> Iterable[Formula]:
    for name, text in module.data.derivatives.items():
        unit = f"{module.data.states[name].unit} per {module.data.module.time}"
        yield Formula(name, "'=", module.expression(text, "derivatives", name), unit)


def _contributions(module: Module) -> list[Block]:
    items = []
    for i, line in enumerate(module.data.contributes):
        expression = module.expression(line.is_, "contributes", i, "is")
        off = "" if line.default == 1 else f"; switch at {line.default:g}"
        note = f"{line.about} ({line.mechanism}{off}; {line.source}, {line.evidence})"
        items.append(Formula(line.to, "=", expression, line.unit, note))
    return _formulas("Contributes", items)


def _acting(equation: Equation) -> Formula:
    note = f"{equation.about} ({equation.source}, {equation.evidence})"
    return Formula(equation.mechanism or "", "=", equation.expression, str(equation.unit or ""), note)


def _at_rest(module: Module) -> list[Block]:
    rest, run_in = module.data.rest, module.data.run_in
    blocks: list[Block] = []
    if rest is not None:
        low, high = rest.between
        blocks += [
            Heading("At rest"),
            Paragraph(f"{rest.unknown} lies between {low:g} and {high:g} {rest.unit}, where the balance is 0:"),
            Formulas((_plain("balance", module.expression(rest.balance, "rest", "balance")),)),
            *_inner(module),
            Paragraph("These follow from it, in order:"),
            Formulas(tuple(_plain(n, module.expression(text, "rest", "states", n)) for n, text in rest.states.items())),
        ]
    if run_in is not None:
        held = f"; {', '.join(run_in.hold)} held constant" if run_in.hold else ""
        means = [_plain(n, module.expression(text, "run_in", "mean", n)) for n, text in run_in.mean.items()]
        then = [_plain(n, module.expression(text, "run_in", "then", n)) for n, text in run_in.then.items()]
        blocks += [Heading("Run-in"), Paragraph(f"Means over the untreated day of each subject{held}:")]
        blocks.append(Formulas(tuple(means)))
        if then:
            blocks += [Paragraph("These follow from them:"), Formulas(tuple(then))]
    return blocks


def _inner(module: Module) -> list[Block]:
    rest = module.data.rest
    if rest is None or rest.inner is None:
        return []
    inner, (low, high) = rest.inner, rest.inner.between
    balance = module.expression(inner.balance, "rest", "inner", "balance")
    text = f"At each {rest.unknown}, {inner.unknown} lies between {low:g} and {high:g} {inner.unit}, where this is 0:"
    return [Paragraph(text), Formulas((_plain("balance", balance),))]


def _plain(name: str, expression: Expression) -> Formula:
    return Formula(name, "=", expression, "")


def _sources(module: Module) -> dict[str, None]:
    lines: list[Any] = [*module.data.parameters.values(), *module.data.contributes, *module.data.conditions.values()]
    lines += [*module.data.expressions.values(), *module.data.observables.values()]
    return dict.fromkeys(x.source for x in lines if x.source)


def _cited(sources: Iterable[str], references: Mapping[str, Reference]) -> list[Block]:
    """Sources as a list of references, with a note on how far each was read."""
    rows = []
    for key in sorted(sources):
        if key in references:
            entry = references[key]
            note = entry.fields.get("note", "")
            long = entry.long
            rows.append((key, long + (f" [{note}]" if note and note not in long else "")))
    return _part("References", Table(("key", "reference"), tuple(rows)))
