"""Refuse values that contradict the model in view of the other values."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from .likelihood import Noise
from .person import Person, Value
from .posterior import Mode
from .value import KINDS

__all__ = ["check_values"]

HELP = "check the value, its unit and its date, doses that were missed, and illness or steroids; or leave it out"
NOTHING = 1e-4
"""Share of a value below which what is expected is nothing."""
MOST = 5.0
"""Distance of a value from what the others predict, in SDs, from which it contradicts them."""


def check_values(person: Person, mode: Mode, noise: Noise) -> None:
    """Raise for the value that is furthest from what the population and all other values predict, if it is too far.

    With the course linear in the deviates at the mode, and y the measured logarithms less those of the population's
    centre, the covariance of y is S = J J' + R, and the distance of value i from the prediction of all others is
    (S^-1 y)_i over the square root of (S^-1)_ii.

    Raises
    ------
    PersonError
        If a value contradicts the model.
    """
    known = [j for j, v in enumerate(person.values) if v.beyond == 0]
    implied = len(mode.residuals) - len(person.values)
    _check_beyond(person, mode.residuals[implied:])
    rows = [implied + j for j in known]
    covariance = (noise.factor @ noise.factor.T)[np.ix_(known, known)]
    factor = np.linalg.cholesky(covariance)
    slopes = factor @ mode.slopes[rows]
    apart = factor @ mode.residuals[rows] - slopes @ mode.deviates
    inverse = np.linalg.inv(slopes @ slopes.T + covariance)
    variance = 1.0 / np.diag(inverse)
    # Expected less measured, in logarithms.
    miss = (inverse @ apart) * variance
    distance = np.abs(miss) / np.sqrt(variance)
    if not len(known) or distance.max() < MOST:
        return
    worst = int(np.argmax(distance))
    value = person.values[known[worst]]
    centre, spread = np.log(value.value) + miss[worst], 1.645 * np.sqrt(variance[worst])
    low, middle, high = np.exp([centre - spread, centre, centre + spread])
    kind = KINDS[value.name]
    if middle < NOTHING * value.value:
        _fail(value, "", "no drug is given by then" if value.name == "drug_level" else HELP)
    others = "in view of the other values" if len(person.values) > 1 else "for such a person"
    # The line through the mode says little far from it.
    told = f": {others} {middle:.3g} {kind.unit} is expected (90 %: {low:.3g} to {high:.3g})"
    _fail(value, told if kind.low <= low and high <= kind.high else "", HELP)


def _check_beyond(person: Person, residuals: np.ndarray) -> None:
    """Raise for a value beyond a limit that the model cannot reach."""
    for value, residual in zip(person.values, residuals, strict=True):
        if value.beyond and residual > MOST:
            _fail(value, "", HELP)


def _fail(value: Value, told: str, help: str) -> NoReturn:
    value.place.fail(f"{value.said} contradicts the model{told}", help=help, needle=value.said.partition(" ")[0])
