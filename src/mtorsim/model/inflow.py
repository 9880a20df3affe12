"""Parameters of a model that are rates of infusions."""

from __future__ import annotations

__all__ = ["inflow", "is_inflow"]


def inflow(state: str) -> str:
    """Name of the parameter that is the rate of an infusion into a state, in its unit per hour."""
    return f"{state}:inflow"


def is_inflow(name: str) -> bool:
    """Whether a parameter is the rate of an infusion."""
    return name.endswith(":inflow")
