"""Names of quantities that a run adds to a model: infusion rates, and drifts of parameters."""

from __future__ import annotations

__all__ = ["DRIFT", "drift", "inflow", "is_inflow"]


DRIFT = ":drift"


def inflow(state: str) -> str:
    """Name of the parameter that is the infusion rate into a state, in its unit per hour."""
    return f"{state}:inflow"


def drift(parameter: str) -> str:
    """Name of the state that is the change of a linearly changing parameter since its last value was set."""
    return f"{parameter}{DRIFT}"


def is_inflow(name: str) -> bool:
    """Whether a parameter is an infusion rate."""
    return name.endswith(":inflow")
