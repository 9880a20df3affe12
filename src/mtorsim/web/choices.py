"""What the page offers, and what it tells of a node, in plain words."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mtorsim.errors import ArgumentError, did_you_mean
from mtorsim.model.model import Model

from .question import DRUGS, PEOPLE, THERAPIES, Question

__all__ = ["choices", "node_card"]


def choices() -> dict[str, Any]:
    """Drugs, people and therapies with their labels, and the limits of every field."""
    fields = Question.model_json_schema()["properties"]
    return {
        "drugs": {name: asdict(drug) for name, drug in DRUGS.items()},
        "people": {name: {"label": label, "values": values} for name, (label, values) in PEOPLE.items()},
        "therapies": {name: label for name, (label, _) in THERAPIES.items()},
        "fields": fields,
    }


def node_card(model: Model, name: str) -> dict[str, Any]:
    """What a node is, its equation, and the parameters in it with unit, source and evidence.

    Raises
    ------
    ArgumentError
        If the model has no such node.
    """
    nodes = {f"{m.name}.{n}": (m, line) for m in model.modules for n, line in m.data.nodes.items()}
    if name not in nodes:
        raise ArgumentError(f"unknown node `{name[:60]}`", help=did_you_mean(name, nodes))
    module, line = nodes[name]
    shown = [f"{module.name}.{quantity}" for quantity in (line.of, *line.parts)]
    equations, read = [], dict[str, None]()
    for full in shown:
        known = [("=", model.equations.get(full)), ("'", model.derivatives.get(full))]
        for sign, equation in known:
            if equation is not None:
                equations.append({"name": full.partition(".")[2], "kind": sign, "is": equation.expression.text})
                read |= dict.fromkeys(equation.scope.values())
    parameters = [
        {
            "name": full.partition(".")[2],
            "value": value.value,
            "unit": value.unit,
            "about": value.about,
            "source": value.source,
            "evidence": value.evidence,
        }
        for full in read
        if full in model.parameters
        for value in (model.parameters[full][0],)
    ]
    return {
        "name": name,
        "label": line.label,
        "organ": line.organ,
        "plain": line.plain,
        "unit": str(model.units[shown[0]]),
        "equations": equations,
        "parameters": parameters,
    }
