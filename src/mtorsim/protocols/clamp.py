"""The euglycaemic hyperinsulinaemic clamp."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from . import indices as ix
from .curves import Curves, Index
from .fasting import fasting_indices
from .laboratory_test import Option, laboratory_test
from .protocol import PMOL_PER_UNIT, Administration, Protocol, sampled

__all__ = ["STEADY", "clamp"]

STEADY = 30.0
"""Minutes at the end of a step over which indices are computed."""
HELD = 0.05
"""Relative deviation from the target within which glucose counts as clamped."""
SPACE = 1.9
"""Distribution volume of glucose in the space correction, dL/kg (0.19 L/kg, DeFronzo 1979)."""


def _indices(curves: Curves) -> dict[str, Index]:
    found = fasting_indices(curves)
    for k, (_, end, rate) in enumerate(curves.steps, start=1):
        found |= {f"{name}_{k}": index for name, index in _step(curves, end, rate).items()}
    return found


def _step(curves: Curves, end: float, rate: float) -> dict[str, Index]:
    """Indices of one step, over its last half hour."""
    minutes = curves.minutes
    basal = {n: curves[n][:, 0] for n in ("production", "disposal", "ffa", "insulin", "c_peptide")}
    last = {n: ix.mean(minutes, c, end - STEADY, end) for n, c in curves.values.items()}
    # Space correction: glucose that changes its pool is not metabolised (DeFronzo 1979).
    change = (ix.at(minutes, curves["glucose"], end) - ix.at(minutes, curves["glucose"], end - STEADY)) / STEADY
    m = last["glucose_infusion"] - SPACE * change - last["urinary_loss"]
    # Unless glucose is clamped, the infusion rate does not measure glucose disposal.
    m = np.where(np.abs(last["glucose"] - curves.target) <= HELD * curves.target, m, np.nan)
    rise = last["insulin"] - basal["insulin"]
    # Endogenous insulin follows C-peptide (DeFronzo 1979); exogenous insulin continues.
    foreign = curves.foreign
    before = basal["insulin"] * (foreign + (1 - foreign) * last["c_peptide"] / basal["c_peptide"])
    return {
        "M": Index("mg/kg/min", m),
        "glucose": Index("mg/dL", last["glucose"]),
        "insulin": Index("uU/mL", last["insulin"]),
        "M_over_I": Index("mg/kg/min/(uU/mL)", m / last["insulin"]),
        "S_I_clamp": Index("1e-4 dL/kg/min/(uU/mL)", 1e4 * m / (last["glucose"] * rise)),
        "infused_insulin_clearance": Index("mL/kg/min", 1000 * rate / (last["insulin"] - before)),
        "production": Index("mg/kg/min", last["production"]),
        "delta_production": Index("mg/kg/min", basal["production"] - last["production"]),
        "production_suppression": Index("%", 100 * (1 - last["production"] / basal["production"])),
        "disposal": Index("mg/kg/min", last["disposal"]),
        "disposal_rise": Index("%", 100 * (last["disposal"] / basal["disposal"] - 1)),
        "ffa_suppression": Index("%", 100 * (1 - last["ffa"] / basal["ffa"])),
        "c_peptide_suppression": Index("%", 100 * (1 - last["c_peptide"] / basal["c_peptide"])),
    }


@laboratory_test("clamp", indices=_indices)
def clamp(
    insulin: Annotated[
        float | Sequence[float], Option("mU/kg/min", 0.05, 20, "insulin infusion rate of each step", most=12)
    ] = (0.25, 1.0),
    target: Annotated[
        float, Option("mg/dL", 50, 300, "glucose target", zero="each subject's own fasting glucose")
    ] = 90.0,
    step: Annotated[float, Option("min", 40, 600, "length of a step")] = 120.0,
    prime: Annotated[float, Option("min", 0, 30, "duration of priming at twice the increment")] = 10.0,
) -> Protocol:
    """Stepwise euglycaemic hyperinsulinaemic clamp: glucose is held constant during insulin infusion."""
    rates = [float(r) for r in np.atleast_1d(insulin)]
    per = PMOL_PER_UNIT / 1000
    given = []
    for k, (rate, before) in enumerate(zip(rates, [0.0, *rates], strict=False)):
        given.append(Administration(k * step, "iv_insulin", per * rate * step, over=step))
        if prime and rate > before:
            given.append(Administration(k * step, "iv_insulin", per * (rate - before) * prime, over=prime))
    end = step * len(rates)
    held = f"{target:g} mg/dL" if target else "its fasting level"
    return Protocol(
        f"glucose held at {held} during insulin infusion at {', then '.join(f'{r:g}' for r in rates)} mU/kg/min",
        sampled([*np.arange(0, end, 5), *(k * step for k in range(len(rates)))], end),
        tuple(given),
        clamped=(0, end),
        target=target,
        above=None if target else 0.0,
        steps=tuple((k * step, (k + 1) * step, r) for k, r in enumerate(rates)),
    )
