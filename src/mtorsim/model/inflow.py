"""Parameters that are infusion rates."""

from __future__ import annotations

__all__ = ["inflow", "is_inflow"]


def inflow(state: str) -> str:
    """Name of the parameter that is the infusion rate into a state, in its unit per hour."""
    return f"{state}:inflow"


def is_inflow(name: str) -> bool:
    """Whether a parameter is an infusion rate."""
    return name.endswith(":inflow")
