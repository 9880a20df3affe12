"""The insulin-modified, frequently sampled intravenous glucose tolerance test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np

from .curves import Curves, Index
from .fasting import fasting_indices
from .laboratory_test import Option, laboratory_test
from .minimal_model import MIXED, fit_minimal_model, minimal_model
from .protocol import PMOL_PER_UNIT, Administration, Fit, Protocol

__all__ = ["FSIGT", "ivgtt"]

FSIGT = (0, *range(2, 7), *range(8, 17, 2), 19, 22, 23, 24, 25, 27, *range(30, 101, 10), *range(120, 181, 20))
"""Sampling times in minutes."""


def _indices(curves: Curves) -> dict[str, Index]:
    t, glucose, insulin = curves.samples, curves.drawn("glucose"), curves.drawn("insulin")
    # AIRg: mean increment over the samples of the first ten minutes, as in the reference values.
    first = (t >= 2) & (t <= 10)
    airg = np.ascontiguousarray(insulin[:, first]).mean(axis=1) - insulin[:, 0]
    late = (t >= 10) & (t <= 19)
    slope = np.array([np.polyfit(t[late], np.log(g[late]), 1)[0] if np.isfinite(g).all() else np.nan for g in glucose])
    names = ("S_G", "S_I", "p2", "cv", "G_0")
    fitted = np.full((len(glucose), len(names)), np.nan)
    for i in np.flatnonzero(np.isfinite(glucose).all(axis=1)):
        fit = fit_minimal_model(t, glucose[i], insulin[i])
        fitted[i] = [getattr(fit, n) for n in names]
    return fasting_indices(curves) | {
        "S_G": Index("1/min", fitted[:, 0].copy()),
        "S_I": Index("1e-4/min/(uU/mL)", 1e4 * fitted[:, 1]),
        "p2": Index("1/min", fitted[:, 2].copy()),
        "G_0": Index("mg/dL", fitted[:, 4].copy()),
        "AIRg": Index("uU/mL", airg),
        "disposition_index": Index("1e-4/min", 1e4 * fitted[:, 1] * airg),
        "K_G": Index("%/min", -100 * slope),
        "minimal_model_residual": Index("%", 100 * fitted[:, 3]),
    }


def _fits(curves: Curves, indices: Mapping[str, np.ndarray]) -> dict[str, Fit]:
    """Glucose of the minimal model, after mixing."""
    minutes = curves.samples
    fitted = np.array([indices[n] for n in ("S_G", "S_I", "p2", "G_0")]).T * (1, 1e-4, 1, 1)
    glucose, insulin = curves.drawn("glucose"), curves.drawn("insulin")
    values = np.full(glucose.shape, np.nan)
    for i in np.flatnonzero(np.isfinite(fitted).all(axis=1)):
        values[i] = minimal_model(minutes, insulin[i], (glucose[i, 0], insulin[i, 0]), tuple(fitted[i]))
    mixed = minutes >= MIXED
    return {"glucose": Fit("minimal model", minutes[mixed], values[:, mixed])}


@laboratory_test("ivgtt", indices=_indices, dots=("glucose", "insulin"), fits=_fits)
def ivgtt(
    grams: Annotated[float, Option("g/kg", 0.05, 1, "glucose, infused over a minute")] = 0.3,
    insulin: Annotated[float, Option("U/kg", 0, 0.1, "insulin at 20 min")] = 0.03,
) -> Protocol:
    """Intravenous glucose tolerance test: glucose over a minute, insulin at 20 min, minimal model fitted."""
    given = [Administration(0, "iv_glucose", 1000 * grams, over=1.0)]
    if insulin > 0:
        given.append(Administration(20, "iv_insulin", PMOL_PER_UNIT * insulin, over=0.5))
    text = f"{grams:g} g/kg intravenous glucose" + (f", {insulin:g} U/kg of insulin at 20 min" if insulin else "")
    return Protocol(text, np.array(FSIGT, float), tuple(given))
