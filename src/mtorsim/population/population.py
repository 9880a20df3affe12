"""Populations: from (seed, subject, attempt) to one row of parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape

import numpy as np

from mtorsim.errors import shortened
from mtorsim.files.html import card, details, table
from mtorsim.files.places import Place
from mtorsim.files.toml import TomlFile
from mtorsim.model.expressions import Expression, evaluate, parse_expression
from mtorsim.model.model import Model
from mtorsim.stats.draws import normal, uniform
from mtorsim.stats.portable import FUNCTIONS, exp, normal_quantile
from mtorsim.stats.sobol import sobol

from .conditional import Conditional
from .file import Entry, Group
from .quantity import Quantity, shaped, spread
from .tail import Tail

__all__ = ["WEIGHT", "ObservedGroup", "Population"]


WEIGHT = "sampling weight"
"""Name under which a subject's sampling is drawn."""


@dataclass(frozen=True)
class ObservedGroup:
    """A group whose members depend on untreated values.

    Attributes
    ----------
    probability
        The equation of the probability of membership.
    observables
        The observables in it.
    """

    group: Group
    probability: Expression
    observables: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Population:
    """A population for one model.

    Attributes
    ----------
    quantities
        Covariates, then parameters in the population's file in order, then the model's others.
    entries
        Entry criteria on the untreated subject.
    is_typical
        Whether it is one typical person without variability.
    covariates
        Names of quantities that are not parameters of the model.
    files
        Its file, and those of the populations that it extends.
    draws
        `random`, or `sobol` for scrambled Sobol points.
    tails
        Tails that are oversampled, by quantity.
    """

    name: str
    about: str
    model: Model
    quantities: tuple[Quantity, ...]
    correlated: tuple[str, ...]
    correlation: Mapping[tuple[str, str], float]
    groups: tuple[Group, ...]
    entries: tuple[Entry, ...]
    is_typical: bool
    covariates: frozenset[str]
    unused: tuple[str, ...]
    files: tuple[TomlFile, ...] = field(repr=False)
    draws: str = "random"
    tails: Mapping[str, Tail] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        """Place in the file."""
        return Place(self.files[0])

    def __repr__(self) -> str:
        varying = [q.name for q in self.quantities if q.sigma > 0]
        groups = shortened([g.name if g.probability else f"{g.name} {g.size}" for g in self.groups]) or "none"
        facts = f"{len(varying)} of {len(self.quantities)} quantities vary; groups: {groups}"
        return f"Population({self.name}: {facts}; {len(self.entries)} entry criteria)"

    def _repr_html_(self) -> str:
        """Quantities that vary or are set by the population, groups and criteria, for notebooks."""
        rows = [
            [
                escape(q.name),
                escape(q.median.text),
                f"{q.sigma:.3g}" if q.sigma else "",
                q.unit,
                q.distribution,
                escape(q.evidence),
                escape(q.source),
            ]
            for q in self.quantities
            if q.sigma > 0 or q.own
        ]
        head = ["quantity", "median", "SD", "unit", "distribution", "evidence", "source"]
        groups = [[escape(g.name), escape(g.size), escape(g.about)] for g in self.groups]
        entries = [[escape(e.observable), e.statistic, f"{_limits(e)} {e.unit}", escape(e.about)] for e in self.entries]
        return card(
            f"Population {self.name}",
            self.about,
            table(["group", "share", "differs"], groups, words=2) if groups else "",
            table(["observable", "statistic", "limits", "why"], entries, words=1) if entries else "",
            details("quantities", table(head, rows, words=3)),
        )

    @cached_property
    def traits(self) -> dict[str, str]:
        """Name and unit of traits: covariates, quantities that vary, and 1 for members of a group."""
        units = {q.name: q.unit for q in self.quantities if q.name in self.covariates}
        units |= {q.name: q.unit for q in self.quantities if q.sigma > 0}
        for q in self.quantities:
            # A function of a quantity that varies also varies.
            if q.name not in units and (q.covariate in units or set(units) & set(q.median.names())):
                units[q.name] = q.unit
        return units | {f"group {g.name}": "1" for g in self.groups}

    @cached_property
    def cholesky(self) -> list[list[float]]:
        """Lower Cholesky factor of the correlation matrix, in plain arithmetic for the same bits on every machine."""
        names = self.correlated
        lower = [[0.0] * len(names) for _ in names]
        for i, a in enumerate(names):
            for j in range(i + 1):
                b = names[j]
                rest = 1.0 if a == b else self.correlation.get((a, b), self.correlation.get((b, a), 0.0))
                for k in range(j):
                    rest -= lower[i][k] * lower[j][k]
                if i == j and rest <= 1e-12:
                    message = f"the correlations are inconsistent: `{a}` contradicts the quantities before it"
                    self.place.fail(message, "correlation", help="reduce one of its correlations")
                lower[i][j] = math.sqrt(rest) if i == j else rest / lower[j][j]
        return lower

    def draw(
        self,
        seed: int,
        subjects: np.ndarray,
        attempt: np.ndarray | int = 0,
        known: Mapping[str, np.ndarray] | None = None,
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Draw subjects.

        Parameters
        ----------
        seed
            Seed of the population.
        subjects
            Numbers of the subjects, shape (n,).
        attempt
            Number of the attempt at each subject, shape (n,) or one number.
        known
            Covariates of the subjects, (n,) each, by name; everything else is drawn given these.

        Returns
        -------
        values : dict
            An array (n,) per parameter of the model and covariate; `group NAME` is 1 for members.
        plausible : ndarray of bool, shape (n,)
            False if a quantity is outside the population's range.
        """
        with np.errstate(all="ignore"):  # NaN is reported as a status, not as a warning
            return self._draw(seed, subjects, attempt, known or {})

    def _draw(
        self, seed: int, subjects: np.ndarray, attempt: np.ndarray | int, known: Mapping[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        n = len(subjects)
        eta, weights = self._deviates(seed, subjects, attempt)
        values: dict[str, np.ndarray] = {}
        plausible = np.ones(n, bool)
        given = Conditional(self, eta)
        for q in self.quantities:
            if q.covariate is not None and q.covariate in values:
                values[q.name] = values[q.covariate]
                continue
            median = np.broadcast_to(np.asarray(evaluate(q.median, values, FUNCTIONS), float), (n,))
            if q.name in known:
                values[q.name] = known[q.name]
                given.learn(q, median, known[q.name])
            elif q.distribution == "share":
                values[q.name] = (self._uniform(seed, [q.name], subjects, attempt)[0] < median).astype(float)
            else:
                values[q.name] = spread(median, eta.get(q.name), q)
            if q.range:
                plausible &= (values[q.name] >= q.range[0]) & (values[q.name] <= q.range[1])
        values[WEIGHT] = weights
        for group in self.groups:
            if group.share is None:
                values[f"group {group.name}"] = np.zeros(n)
            else:
                self._apply_group(group, values, seed, subjects, attempt)
        return values, plausible

    @property
    def deviating(self) -> list[str]:
        """Names of the quantities that have a random effect."""
        return [q.name for q in self.quantities if q.sigma > 0]

    @property
    def observed_groups(self) -> tuple[ObservedGroup, ...]:
        """Groups whose members depend on untreated values, in order."""
        known = self.model.observables
        found = []
        for group in self.groups:
            if group.probability is not None:
                equation = parse_expression(group.probability)
                found.append(ObservedGroup(group, equation, tuple(n for n in equation.names() if n in known)))
        return tuple(found)

    def join(
        self,
        group: ObservedGroup,
        values: dict[str, np.ndarray],
        fasting: Mapping[str, np.ndarray],
        seed: int,
        subjects: np.ndarray,
        attempt: np.ndarray | int,
    ) -> None:
        """Let drawn subjects join a group with the probability that their untreated fasting values give them.

        Parameters
        ----------
        values
            Drawn values, of which those of members are multiplied.
        fasting
            The observables in the group's equation, an array (n,) each.
        """
        probability = self.probability(group, values, fasting)
        self._include(group.group, probability, values, seed, subjects, attempt)

    def probability(
        self, group: ObservedGroup, values: Mapping[str, np.ndarray], fasting: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """Probability of membership in a group that depends on untreated values, (n,); arguments as for `join`."""
        names = {**values, **{g.name: values[f"group {g.name}"] for g in self.groups}, **fasting}
        return np.broadcast_to(evaluate(group.probability, names, FUNCTIONS), (len(values[WEIGHT]),))

    @cached_property
    def dimensions(self) -> dict[str, int]:
        """Dimension of each name that is drawn by Sobol points; the first ones are the most even."""
        shares = [q.name for q in self.quantities if q.distribution == "share"]
        groups = [f"group {g.name}" for g in self.groups]
        return {name: i for i, name in enumerate(dict.fromkeys([*self._drawn, *shares, *groups]))}

    @property
    def _drawn(self) -> list[str]:
        """Names for which normal deviates are drawn."""
        return list(dict.fromkeys([*self.correlated, *self.deviating]))

    def _uniform(self, seed: int, names: Sequence[str], subjects: np.ndarray, attempt: np.ndarray | int) -> np.ndarray:
        """Uniform numbers, one per name and subject; those of Sobol points at the first attempt only.

        Later points would depend on those turned away.
        """
        random = uniform(seed, names, subjects, attempt)
        if self.draws == "random":
            return random
        return np.where(np.equal(attempt, 0), sobol(seed, names, [self.dimensions[n] for n in names], subjects), random)

    def _deviates(
        self, seed: int, subjects: np.ndarray, attempt: np.ndarray | int
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Random effects of all quantities that vary, and weights; correlated ones are L z with z in file order."""
        varying = [q for q in self.quantities if q.sigma > 0]
        weights = np.ones(len(subjects))
        if not self._drawn:
            return {}, weights
        u = dict(zip(self._drawn, self._uniform(seed, self._drawn, subjects, attempt), strict=True))
        for name, tail in self.tails.items():
            u[name], weight = tail.stretched(u[name])
            weights = weights * weight
        z = dict(zip(u, normal_quantile(np.stack(list(u.values()))), strict=True))
        eta = {q.name: q.sigma * z[q.name] for q in varying if q.name not in self.correlated}
        sigma = {q.name: q.sigma for q in varying}
        for i, name in enumerate(self.correlated):
            eta[name] = sigma.get(name, 0.0) * self.mixed(i, z)
        for q in varying:
            eta[q.name] = shaped(eta[q.name], q, seed, subjects, attempt)
        return eta, weights

    def mixed(self, i: int, z: Mapping[str, np.ndarray]) -> np.ndarray:
        """The i-th correlated deviate from independent ones."""
        mixed = self.cholesky[i][0] * z[self.correlated[0]]
        for j in range(1, i + 1):
            mixed = mixed + self.cholesky[i][j] * z[self.correlated[j]]
        return mixed

    @property
    def iov(self) -> dict[str, float]:
        """SD between occasions of each parameter that has one."""
        return {q.name: q.iov for q in self.quantities if q.iov > 0}

    def _apply_group(
        self, group: Group, values: dict[str, np.ndarray], seed: int, subjects: np.ndarray, attempt: np.ndarray | int
    ) -> None:
        assert group.share is not None
        sampled = group.share if group.sampled is None else group.sampled
        member = self._include(group, np.full(len(subjects), sampled), values, seed, subjects, attempt)
        if group.sampled is not None:
            of_members, of_others = group.share / sampled, (1.0 - group.share) / (1.0 - sampled)
            values[WEIGHT] = values[WEIGHT] * np.where(member, of_members, of_others)

    def _include(
        self,
        group: Group,
        probability: np.ndarray,
        values: dict[str, np.ndarray],
        seed: int,
        subjects: np.ndarray,
        attempt: np.ndarray | int,
    ) -> np.ndarray:
        """Draw the members of a group and multiply their values; returns a mask of members."""
        member = self._uniform(seed, [f"group {group.name}"], subjects, attempt)[0] < probability
        values[f"group {group.name}"] = member.astype(float)
        for name, factor in group.multiply.items():
            if name not in values:
                continue
            by = np.full(len(subjects), factor.by)
            if factor.iiv:
                own = normal(seed, [f"group {group.name} {name}"], subjects, attempt)[0]
                by = by * exp(factor.iiv * own)
            values[name] = np.where(member, values[name] * by, values[name])
        return member


def _limits(entry: Entry) -> str:
    """Limits of a criterion in words."""
    low = "" if entry.at_least is None else f"at least {entry.at_least:g}"
    high = "" if entry.at_most is None else f"at most {entry.at_most:g}"
    return " and ".join(part for part in (low, high) if part)
