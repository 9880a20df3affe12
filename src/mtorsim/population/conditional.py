"""Random effects given some of them: those of people whose covariates are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .quantity import Quantity, effect_of

if TYPE_CHECKING:
    from .population import Population

__all__ = ["Conditional"]


class Conditional:
    """Correlated random effects, of which some become known one after the other.

    Each known effect shifts the others by their regression on it, which turns an unconditional normal draw into one
    given the known effect (Matheron's rule); a person whose known value is the one that was drawn remains the same.

    Parameters
    ----------
    effects
        Drawn random effects by name, (n,) each, which are changed in place.
    """

    def __init__(self, population: Population, effects: dict[str, np.ndarray]) -> None:
        self.population = population
        self.effects = effects
        self.correlation: np.ndarray | None = None

    def learn(self, q: Quantity, median: np.ndarray, value: np.ndarray) -> None:
        """Take a quantity's value as known, (n,).

        Raises
        ------
        PopulationError
            If it is correlated with a quantity whose random effect is skewed or t-distributed.
        """
        names = self.population.correlated
        if q.name not in names:
            return
        if self.correlation is None:
            lower = np.array(self.population.cholesky)
            self.correlation = lower @ lower.T
        sigma = {other.name: other for other in self.population.quantities if other.name in names}
        i, matrix = names.index(q.name), self.correlation
        moved = (effect_of(median, value, q) - self.effects[q.name]) / q.sigma
        for j, name in enumerate(names):
            other = sigma.get(name)
            if other is None or other.sigma == 0 or abs(matrix[i, j]) < 1e-12:
                continue
            if other.df is not None or other.box_cox:
                message = f"`{q.name}` is known, and correlated with `{name}`, whose random effect is not normal"
                self.population.place.fail(message, help="leave the covariate out")
            self.effects[name] = self.effects[name] + other.sigma * matrix[i, j] / matrix[i, i] * moved
        self.correlation = matrix - np.outer(matrix[i], matrix[i]) / matrix[i, i]
