"""The structural variants: every arm that gives a drug, once more with one of two arms of the pathway alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .scenario import Branch, Scenario

__all__ = ["BETWEEN", "VARIANTS", "is_treated", "with_variants"]

VARIANTS: Mapping[str, Mapping[str, float]] = {"mTORC2 only": {"mtorc1.slow": 0.0}, "slow mTORC1 only": {"mtorc2": 0.0}}
"""What is switched off in each; no human datum tells them apart."""

BETWEEN = " | "
"""Between an arm's name and the variant's: no arm of a file can be called so."""


def with_variants(scenario: Scenario) -> Scenario:
    """A scenario with the variants beside its arms."""
    more = [
        replace(b, name=f"{b.name}{BETWEEN}{v}", settings={**b.settings, **switches})
        for v, switches in VARIANTS.items()
        for b in scenario.branches
        if is_treated(b)
    ]
    return replace(scenario, branches=(*scenario.branches, *more))


def is_treated(branch: Branch) -> bool:
    """Whether a drug is given from the start."""
    return any(any(d.amounts) and not d.placebo and not d.waits for d in branch.dosing)
