"""Elementary effects of Morris: random trajectories on a grid, along which one input at a time takes a long step.

An input lies between 0 and 1, on a grid of four places. An elementary effect is the change of the answer along a step
of two thirds of an input's range, per whole range.

References
----------
Morris 1991, Factorial sampling plans for preliminary computational experiments. Campolongo, Cariboni and Saltelli 2007
for the mean of the absolute effects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtorsim.stats.draws import uniform

__all__ = ["Design", "Effects", "design", "elementary_effects"]

PLACES = 4
"""Places of the grid."""
STEP = PLACES / (2 * (PLACES - 1))
"""Of this length, every place of the grid is taken equally often."""


@dataclass(frozen=True)
class Design:
    """Trajectories on the grid.

    Attributes
    ----------
    points
        Inputs from 0 to 1, (trajectories, inputs + 1, inputs).
    moved
        The input that moves from each point to the next, (trajectories, inputs).
    """

    points: np.ndarray
    moved: np.ndarray


@dataclass(frozen=True)
class Effects:
    """Statistics of the elementary effects of each input, (inputs,) each, in the unit of the answer.

    Attributes
    ----------
    mu_star
        Mean of the absolute effects.
    mu
        Mean of the effects.
    sigma
        Standard deviation of the effects (denominator n - 1).
    count
        Number of effects whose answers are finite at both ends; with fewer than two, the statistics are NaN.
    """

    mu_star: np.ndarray
    mu: np.ndarray
    sigma: np.ndarray
    count: np.ndarray


def design(inputs: int, trajectories: int, seed: int) -> Design:
    """Random trajectories, each of which moves every input once, in a random order.

    Parameters
    ----------
    inputs
        Number of inputs.
    trajectories
        Number of trajectories.
    seed
        Seed of the draws.
    """
    rows, columns = np.arange(trajectories)[:, None], np.arange(inputs)[None, :]
    order, low, way = uniform(seed, ["morris order", "morris place", "morris way"], rows, columns)
    moved = np.argsort(order, axis=1)
    low = np.floor(low * (PLACES // 2)) / (PLACES - 1)
    rising = way < 0.5
    done = np.argsort(moved, axis=1)[:, None, :] < np.arange(inputs + 1)[None, :, None]
    points = low[:, None, :] + STEP * (done == rising[:, None, :])
    return Design(points, moved)


def elementary_effects(answers: np.ndarray, planned: Design) -> Effects:
    """Statistics of elementary effects.

    Parameters
    ----------
    answers
        Answer at every point, (trajectories, inputs + 1); effects at an answer that is not finite are left out.
    planned
        The trajectories.
    """
    steps = np.take_along_axis(np.diff(planned.points, axis=1), planned.moved[:, :, None], axis=2)[..., 0]
    effects = np.empty_like(steps)
    np.put_along_axis(effects, planned.moved, np.diff(answers, axis=1) / steps, axis=1)
    finite = np.isfinite(effects)
    count = finite.sum(axis=0)
    some = np.where(finite, effects, 0.0)
    whole = np.where(count > 1, count, np.nan)
    mu = some.sum(axis=0) / whole
    spread = np.where(finite, effects - mu, 0.0)
    return Effects(np.abs(some).sum(axis=0) / whole, mu, np.sqrt((spread**2).sum(axis=0) / (whole - 1)), count)
