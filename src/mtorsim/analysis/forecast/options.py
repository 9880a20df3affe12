"""What could be done from now on: hold or halve the drug, or add a therapy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["AS_NOW", "THERAPIES", "Choice", "usual_choices"]

THERAPIES: Mapping[str, Mapping[str, str]] = {
    "metformin": {"amount": "1000 mg", "every": "12 h"},
    "sglt2_inhibitor": {"amount": "25 mg", "every": "24 h"},
    "basal_insulin": {"amount": "20 U", "every": "24 h", "time": "22:00"},
}
"""Therapies of high glucose that can be added, and their doses."""

AS_NOW = "as now"
"""Name of the option in which nothing is changed."""


@dataclass(frozen=True)
class Choice:
    """An option.

    Attributes
    ----------
    factor
        Factor on later doses of a drug, by its name.
    doses
        Lines of doses that begin now.
    """

    name: str
    factor: Mapping[str, float] = field(default_factory=dict)
    doses: Sequence[Mapping[str, Any]] = ()


def usual_choices(drugs: Sequence[str], taken: Sequence[str], on_tablets: bool) -> list[Choice]:
    """Options for a person.

    Parameters
    ----------
    drugs
        Names of the drugs that raise glucose.
    taken
        Names of the drugs that the person takes.
    on_tablets
        Whether the person is a known diabetic, whose metformin is part of the population.
    """
    found = [Choice(AS_NOW)]
    for drug in drugs:
        of = f" {drug}" if len(drugs) > 1 else ""
        found += [Choice(f"hold{of}", {drug: 0.0}), Choice(f"halve{of}", {drug: 0.5})]
    for name, dose in THERAPIES.items():
        if name not in taken and not (name == "metformin" and on_tablets):
            found.append(Choice(name, {}, ({"drug": name, **dose},)))
    return found
