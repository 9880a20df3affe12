"""What a population says of one person before anything is measured: deviates to parameters, with a density."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mtorsim.errors import ArgumentError, choose_from
from mtorsim.population.known import people_at
from mtorsim.population.population import Population
from mtorsim.population.quantity import Quantity
from mtorsim.run.plan import Draft, Plan
from mtorsim.run.prepare import People, at_rest, prepare_values
from mtorsim.run.run_in import CANDIDATE

__all__ = ["Prior", "prior_of"]


@dataclass(frozen=True)
class Prior:
    """Independent standard normal deviates of one person, of whom some covariates are known.

    Attributes
    ----------
    given
        Values of known covariates.
    members
        Whether the person is a member of a group, by name. A group that is not named has the person as a member
        where membership is more likely than not.
    names
        What the deviates belong to, (d,).
    """

    population: Population
    given: Mapping[str, float]
    members: Mapping[str, bool]
    names: tuple[str, ...]

    def people(self, plan: Plan, deviates: np.ndarray) -> tuple[People, np.ndarray, np.ndarray]:
        """The people at some deviates, run in.

        Parameters
        ----------
        deviates
            Shape (n, d).

        Returns
        -------
        people
        implied
            Further deviates that follow from the given covariates, (n, k): with `deviates` they make up the density.
        log_weight
            Logarithm of the probability of the stated memberships, (n,); minus infinity where a quantity is outside
            the population's range.
        """
        n, population = len(deviates), self.population
        z = {name: np.ascontiguousarray(deviates[:, j]) for j, name in enumerate(self.names)}
        values, implied, plausible = people_at(population, z, self.given)
        log_weight = np.where(plausible, 0.0, -np.inf)
        for group in population.groups:
            if group.probability is None:
                values = self._joined(values, group.name, np.full(n, self.members.get(group.name, False)), z)
        fasting: dict[str, np.ndarray] = {}
        for group in population.observed_groups:
            name = group.group.name
            if not set(group.observables) <= set(fasting):
                fasting = at_rest(plan, values, n, group.observables)
            chance = population.probability(group, values, fasting)
            stated = self.members.get(name)
            member = chance >= 0.5 if stated is None else np.full(n, stated)
            if stated is not None:
                with np.errstate(divide="ignore"):
                    log_weight = log_weight + np.log(chance if stated else 1.0 - chance)
            values = self._joined(values, name, member, z)
            if member.any():
                # Those who joined rest elsewhere.
                fasting = {}
        further = np.stack(list(implied.values()), axis=1) if implied else np.zeros((n, 0))
        return prepare_values(plan, values, n, CANDIDATE), further, log_weight

    def _joined(
        self, values: dict[str, np.ndarray], name: str, member: np.ndarray, z: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Values after some joined a group."""
        group = next(g for g in self.population.groups if g.name == name)
        found = {**values, f"group {name}": member.astype(float)}
        for quantity, factor in group.multiply.items():
            if quantity in found:
                by = factor.by * np.exp(factor.iiv * z[_own(name, quantity)]) if factor.iiv else factor.by
                found[quantity] = np.where(member, found[quantity] * by, found[quantity])
        return found


def prior_of(plan: Draft, given: Mapping[str, float], members: Mapping[str, bool]) -> Prior:
    """The prior of a person.

    Raises
    ------
    ArgumentError
        If a covariate or group is unknown to the population, or something must be said and is not.
    """
    population = plan.population
    lines = {q.name: q for q in population.quantities}
    free = {n for n in population.covariates if lines[n].sigma > 0 or lines[n].distribution == "share"}
    for name, value in given.items():
        if name not in free:
            help = choose_from(name, sorted(free)) if free else "leave it out: this population has none"
            raise ArgumentError(f"`{population.name}` has no covariate `{name}`", help=help)
        _check_covariate(population, lines[name], value)
    for name in free - set(given):
        share = _share(lines[name].median.text)
        if lines[name].distribution == "share" and share not in (0.0, 1.0):
            raise ArgumentError(
                f"say what `{name}` is: {lines[name].about}", help=f"write `{name} = 0` or `{name} = 1`"
            )
    groups = [g.name for g in population.groups]
    for name in members:
        if name not in groups:
            help = choose_from(name, groups) if groups else "the population has no groups"
            raise ArgumentError(f"`{population.name}` has no group `{name}`", help=help)
    own = [
        _own(g.name, q) for g in population.groups for q, f in g.multiply.items() if f.iiv and members.get(g.name, True)
    ]
    names = tuple(n for n in population.deviating if n not in given)
    return Prior(population, given, members, (*names, *own))


def _check_covariate(population: Population, line: Quantity, value: float) -> None:
    """Raise if nobody of the population has a value."""
    if line.distribution == "share":
        share = _share(line.median.text)
        if value not in (0.0, 1.0) or (share in (0.0, 1.0) and value != share):
            whom = "" if share is None else ", who are all women," if share == 0 else ""
            message = f"nobody of `{population.name}`{whom} has `{line.name}` = {value:g}"
            raise ArgumentError(message, help="choose another population")
    elif line.range and not line.range[0] <= value <= line.range[1]:
        low, high = line.range
        message = f"`{line.name}` = {value:g} is outside `{population.name}`, {low:g} to {high:g} {line.unit}"
        raise ArgumentError(message, help="choose another population")


def _own(group: str, quantity: str) -> str:
    """Name of the deviate of a group's factor, as in `Population.draw`."""
    return f"group {group} {quantity}"


def _share(text: str) -> float | None:
    """A share that is a plain number."""
    try:
        return float(text)
    except ValueError:
        return None
