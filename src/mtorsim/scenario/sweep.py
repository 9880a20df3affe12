"""Sweep doses, regimens, parameters and switches: one arm per combination of values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from mtorsim.errors import ArgumentError, did_you_mean, spoken

from .scenario import Scenario
from .tables import Arm

__all__ = ["sweep"]

MOST_ARMS = 1000
"""Largest number of arms in a scenario."""


def sweep(scenario: Scenario, values: Mapping[str, Sequence[Any]]) -> Scenario:
    """Return the scenario with one additional arm per combination of values.

    All arms have the same subjects, so arms differ only in the swept values.

    Parameters
    ----------
    scenario
        The scenario; its arms are kept, and the new arms inherit everything that is not swept.
    values
        Values for each name: `DRUG.dose` takes amounts and `DRUG.regimen` regimens, as text; any other name
        is a parameter or a switch, and takes numbers.

    Raises
    ------
    ArgumentError
        If a drug is not dosed, or no values are given.
    ScenarioError
        If an arm is invalid.

    Examples
    --------
    >>> import mtorsim as mt
    >>> base = mt.read_scenario("everolimus_healthy")
    >>> swept = mt.sweep(base, {"everolimus.dose": ["2.5 mg", "5 mg"], "secretion": [0]})
    >>> [arm.name for arm in swept.arms]
    ['everolimus', 'placebo', 'everolimus 2.5 mg + secretion 0', 'everolimus 5 mg + secretion 0']
    """
    if not isinstance(scenario, Scenario):
        raise ArgumentError(f"`scenario` must be a `Scenario`, not {spoken(scenario)}", help="see `read_scenario`")
    if not isinstance(values, Mapping) or not values:
        raise ArgumentError("no values are given", help='write for example {"everolimus.dose": ["5 mg", "10 mg"]}')
    for name, several in values.items():
        if isinstance(several, str) or not isinstance(several, Sequence) or not several:
            raise ArgumentError(f"`{name}` must be a list of values, not {spoken(several)}")
        drug, _, part = name.rpartition(".")
        if part == "dose" and f"{drug}.regimen" in values:
            raise ArgumentError(f"sweep either `{name}` or `{drug}.regimen`, not both")
    combinations = [dict(zip(values, row, strict=True)) for row in product(*values.values())]
    if len(combinations) > MOST_ARMS:
        raise ArgumentError(f"these are {len(combinations):,} arms: a scenario has at most {MOST_ARMS:,}")
    return scenario.with_arms({_name(c, k): _arm(scenario, c) for k, c in enumerate(combinations, start=1)})


def _arm(scenario: Scenario, combination: Mapping[str, Any]) -> Arm:
    """Make the arm of one combination."""
    settings, lines = {}, None
    for name, value in combination.items():
        drug, _, part = name.rpartition(".")
        if part in ("dose", "regimen"):
            lines = _dosed(scenario.dose_lines if lines is None else lines, drug, part, value)
        else:
            settings[name] = value
    return Arm(doses=lines, settings=settings or None, about=_about(combination))


def _dosed(lines: Sequence[Mapping[str, Any]], drug: str, part: str, value: Any) -> list[dict[str, Any]]:
    """The doses as written, with another amount or regimen of one drug."""
    drugs = list(dict.fromkeys(str(line["drug"]) for line in lines))
    if drug not in drugs:
        help = did_you_mean(drug, drugs) or ("dosed drugs are " + ", ".join(drugs) if drugs else None)
        raise ArgumentError(f"`{drug}` is not dosed", help=help)
    found = []
    for line in lines:
        own = dict(line)
        if line["drug"] == drug and part == "regimen":
            own = {k: v for k, v in own.items() if k not in ("amount", "every")} | {"regimen": value}
        elif line["drug"] == drug:
            if "regimen" in line:
                raise ArgumentError(f"`{drug}` is dosed by a regimen", help=f"sweep `{drug}.regimen`")
            own["amount"] = value
        found.append(own)
    return found


def _about(combination: Mapping[str, Any]) -> str:
    """Describe a combination."""
    parts = []
    for name, value in combination.items():
        drug, _, part = name.rpartition(".")
        parts.append(f"{drug if part in ('dose', 'regimen') else name} {value}")
    return " + ".join(parts)


def _name(combination: Mapping[str, Any], number: int) -> str:
    """Name the arm of a combination; by its number if the description is too long."""
    name = re.sub(r"[^\w+. -]", " ", _about(combination))
    return name if len(name) <= 60 else f"combination {number}"
