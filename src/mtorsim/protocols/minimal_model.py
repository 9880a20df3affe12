"""Bergman's minimal model of glucose, and its fit to an intravenous test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["MIXED", "MinimalModel", "fit_minimal_model", "minimal_model"]


GRID = 0.5
"""Minutes between the points of the solution."""
MIXED = 8.0
"""Minutes until glucose has mixed; earlier samples have zero weight, as in MINMOD."""


@dataclass(frozen=True)
class MinimalModel:
    """Parameters of the minimal model.

    Attributes
    ----------
    S_G
        Glucose effectiveness, 1/min.
    S_I
        Insulin sensitivity, 1/min per uU/mL.
    p2
        Rate of insulin action, 1/min.
    G_0
        Glucose at time 0, extrapolated for instant mixing, mg/dL.
    cv
        Root mean square of the relative residuals of samples with weight.
    """

    S_G: float
    S_I: float
    p2: float
    G_0: float
    cv: float


def minimal_model(
    times: np.ndarray, insulin: np.ndarray, basal: tuple[float, float], p: tuple[float, ...]
) -> np.ndarray:
    """Solve the minimal model for linearly interpolated insulin.

    Parameters
    ----------
    times
        Minutes, from 0, shape (n,).
    insulin
        uU/mL at `times`.
    basal
        Fasting glucose and insulin.
    p
        S_G, S_I, p2 and G_0.

    Returns
    -------
    ndarray
        mg/dL, shape (n,).
    """
    from scipy.signal import lfilter

    s_g, s_i, p2, start = p
    glucose, fasting = basal
    grid = np.arange(0.0, times[-1] + GRID / 2, GRID)
    rise = np.interp(grid, times, insulin) - fasting
    # Insulin action: exact over each step for linear insulin.
    decay = np.exp(-p2 * GRID)
    gain_0 = (1 - decay) / (p2 * GRID) - decay
    gain_1 = 1 - (1 - decay) / (p2 * GRID)
    action = s_i * np.asarray(lfilter([gain_1, gain_0], [1.0, -decay], rise))
    # The first point of lfilter precedes the test.
    action -= action[0] * decay ** np.arange(len(grid))
    # Glucose above basal: integrating factor, its source -action * basal by the trapezoid rule.
    rate = s_g + action
    factor = np.exp(-GRID * (rate[:-1] + rate[1:]) / 2)
    source = -GRID / 2 * glucose * (action[:-1] * factor + action[1:])
    decline = np.concatenate([[1.0], np.cumprod(factor)])
    above = decline * (start - glucose + np.concatenate([[0.0], np.cumsum(source / decline[1:])]))
    return np.interp(times, grid, glucose + above)


def fit_minimal_model(times: np.ndarray, glucose: np.ndarray, insulin: np.ndarray) -> MinimalModel:
    """Fit the minimal model to an intravenous test, as MINMOD does (Pacini and Bergman 1986).

    Parameters
    ----------
    times
        Minutes; the first sample precedes the glucose dose.
    glucose, insulin
        mg/dL and uU/mL; the first sample of each is basal.

    Returns
    -------
    MinimalModel
        Samples before 8 min have zero weight, the others the inverse of their size.
    """
    from scipy.optimize import least_squares

    basal = float(glucose[0]), float(insulin[0])
    late = times >= MIXED

    def residuals(log_p: np.ndarray) -> np.ndarray:
        fitted = minimal_model(times, insulin, basal, tuple(np.exp(log_p)))
        return (fitted[late] - glucose[late]) / glucose[late]

    # Start at low and at high insulin sensitivity, since the sum of squares is flat where insulin hardly acts.
    best = None
    for s_i in (4e-5, 4e-4):
        start = np.log([0.018, s_i, 0.03, 1.1 * float(np.max(glucose[late]))])
        bounds = np.log([1e-4, 1e-7, 1e-3, basal[0]]), np.log([0.3, 1e-2, 0.5, 3000.0])
        found = least_squares(residuals, start, bounds=bounds, xtol=1e-10, ftol=1e-10)
        if best is None or found.cost < best.cost:
            best = found
    assert best is not None
    s_g, s_i, p2, start_0 = (float(v) for v in np.exp(best.x))
    return MinimalModel(s_g, s_i, p2, start_0, float(np.sqrt(np.mean(best.fun**2))))
