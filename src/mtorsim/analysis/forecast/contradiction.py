"""Refuse values that contradict the model in view of the other values."""

from __future__ import annotations

import numpy as np

from .likelihood import Noise
from .person import Person
from .posterior import Mode

__all__ = ["check_values"]

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
    unit = person_unit(value.name)
    message = f"{value.said} contradicts the model: in view of the other values {middle:.3g} {unit} is expected"
    message += f" (90 %: {low:.3g} to {high:.3g})"
    help = "check the value, its unit and its date, doses that were missed, and illness or steroids; or leave it out"
    value.place.fail(message, help=help, needle=value.said.partition(" ")[0])


def person_unit(name: str) -> str:
    """Unit of a measured quantity."""
    from .value import KINDS

    return KINDS[name].unit
