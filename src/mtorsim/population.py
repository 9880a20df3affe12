"""Who the subjects are: from (seed, subject, attempt) to one row of parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from .checks import check_value
from .compose import Model
from .draws import normal, uniform
from .errors import PopulationError, SetError, UnitError, did_you_mean
from .exact import FUNCTIONS, exp, log
from .expressions import Expression, evaluate, parse_expression
from .library import Library
from .model import Equation, Evidence, Numbers, Spread
from .reading import Line, Record, TomlFile, read_record
from .units import convert, parse_unit

__all__ = ["Entry", "Population", "apply_settings", "load_population"]

Array = np.ndarray


class Head(Record):
    """The `[population]` table."""

    name: Line = Field(description="the population's name, its file's name too")
    about: Line = Field(description="one sentence on who these people are")
    spread: bool = Field(True, description="false for one typical person, without variation")


class Covariate(Spread):
    """A line of `[covariates]`."""

    median: Equation = Field(description="the median, or an equation of earlier quantities")
    sd: Annotated[float, Field(ge=0)] | None = Field(None, description="SD of a normal distribution, in the unit")
    unit: Line = Field(description="its unit")
    about: Line = Field(description="what it means")
    source: Line = Field(description="a key of references.bib")
    evidence: Evidence = Field(description="how sure we are of it")
    range: Numbers | None = Field(None, description="people outside are not admitted")


class Override(Spread):
    """A line of `[parameters]`: how this population differs from the model as written."""

    median: Equation | None = Field(None, description="the median, or an equation of earlier quantities")
    sd: Annotated[float, Field(ge=0)] | None = Field(None, description="SD of a normal distribution, in the unit")
    source: Line = Field(description="a key of references.bib")
    evidence: Evidence = Field(description="how sure we are of it")
    about: Line | None = Field(None, description="what is assumed")
    range: Numbers | None = Field(None, description="people outside are not admitted")


class Correlation(Record):
    """A `[[correlation]]` table."""

    of: Annotated[list[Line], Field(min_length=2, max_length=2)] = Field(description="two quantities")
    value: Annotated[float, Field(gt=-1, lt=1)] = Field(description="correlation of their deviates")


class Factor(Record):
    """One line of a group's `[group.multiply]`."""

    by: Annotated[float, Field(gt=0)] = Field(description="factor on the quantity")
    iiv: Annotated[float, Field(ge=0, le=3)] = Field(0.0, description="further SD on the log scale")


class Group(Record):
    """A `[[group]]` table: a share of the people who differ from the rest."""

    name: Line = Field(description="the group's name")
    share: Annotated[float, Field(ge=0, le=1)] = Field(description="its share of the population")
    about: Line = Field(description="who they are")
    source: Line = Field(description="a key of references.bib")
    evidence: Evidence = Field(description="how sure we are of it")
    multiply: dict[str, Factor] = Field(description="factor on each quantity")


class Entry(Record):
    """An `[[entry]]` table: a criterion on the untreated person."""

    observable: Line = Field(description="what is measured")
    statistic: Literal["fasting", "minimum", "mean", "maximum"] = Field(
        "fasting", description="at 07:30 fasting, or over the untreated day"
    )
    at_least: float | None = Field(None, description="lowest value admitted")
    at_most: float | None = Field(None, description="highest value admitted")
    unit: Line = Field(description="unit of the limits")
    about: Line = Field(description="why")
    source: Line = Field(description="a key of references.bib")
    evidence: Evidence = Field(description="how sure we are of it")


class PopulationFile(Record):
    """A population file, table by table."""

    population: Head = Field(description="the table that names the population")
    covariates: dict[str, Covariate] = Field(default={}, description="what people have besides parameters")
    parameters: dict[str, Override] = Field(default={}, description="parameters by full name")
    correlation: list[Correlation] = Field(default=[], description="correlations of deviates")
    group: list[Group] = Field(default=[], description="people who differ from the rest")
    entry: list[Entry] = Field(default=[], description="who is admitted")


@dataclass(frozen=True)
class Quantity:
    """One drawn quantity: its median and its spread.

    Attributes
    ----------
    sigma
        SD of log(value), of logit(value), or of the value, by `distribution`.
    """

    name: str
    median: Expression
    sigma: float
    distribution: str
    range: tuple[float, float] | None = None
    covariate: str | None = None


@dataclass(frozen=True)
class Population:
    """People of one population for one model.

    Attributes
    ----------
    quantities
        Covariates, then the population's own parameters in file order, then the model's.
    entries
        Criteria on the untreated person.
    file
        Where it was read from.
    """

    name: str
    about: str
    model: Model
    quantities: tuple[Quantity, ...]
    correlated: tuple[str, ...]
    correlation: Mapping[tuple[str, str], float]
    groups: tuple[Group, ...]
    entries: tuple[Entry, ...]
    unused: tuple[str, ...]
    file: TomlFile

    @cached_property
    def cholesky(self) -> list[list[float]]:
        """Lower factor of the correlation matrix, in plain arithmetic so that its bits travel."""
        names = self.correlated
        lower = [[0.0] * len(names) for _ in names]
        for i, a in enumerate(names):
            for j in range(i + 1):
                b = names[j]
                rest = 1.0 if a == b else self.correlation.get((a, b), self.correlation.get((b, a), 0.0))
                for k in range(j):
                    rest -= lower[i][k] * lower[j][k]
                if i == j and rest <= 1e-12:
                    self.file.fail(
                        f"the correlations are not possible together: `{a}` contradicts the quantities before it",
                        ("correlation",),
                        "make one of its correlations smaller",
                    )
                lower[i][j] = math.sqrt(rest) if i == j else rest / lower[j][j]
        return lower

    def draw(self, seed: int, subjects: Array, attempt: Array | int = 0) -> tuple[dict[str, Array], Array]:
        """Draw people.

        Parameters
        ----------
        seed
            Of the population.
        subjects
            Their numbers, shape (n,).
        attempt
            Which attempt at each person, shape (n,) or one number.

        Returns
        -------
        values : dict
            An array (n,) for each parameter of the model, and for each covariate.
        plausible : ndarray of bool, shape (n,)
            False where a quantity fell outside the population's own range.
        """
        n = len(subjects)
        eta = self._deviates(seed, subjects, attempt)
        values: dict[str, Array] = {}
        plausible = np.ones(n, bool)
        for q in self.quantities:
            if q.covariate is not None and q.covariate in values:
                values[q.name] = values[q.covariate]
                continue
            median = np.broadcast_to(np.asarray(evaluate(q.median, values, FUNCTIONS), float), (n,))
            values[q.name] = _spread(median, eta.get(q.name), q)
            if q.range:
                plausible &= (values[q.name] >= q.range[0]) & (values[q.name] <= q.range[1])
        for group in self.groups:
            self._apply_group(group, values, seed, subjects, attempt)
        return values, plausible

    def _deviates(self, seed: int, subjects: Array, attempt: Array | int) -> dict[str, Array]:
        """Eta of every quantity that varies; correlated ones are L z with z in file order."""
        varying = [q for q in self.quantities if q.sigma > 0]
        drawn = dict.fromkeys([*self.correlated, *(q.name for q in varying)])
        if not drawn:
            return {}
        z = dict(zip(drawn, normal(seed, list(drawn), subjects, attempt), strict=True))
        eta = {q.name: q.sigma * z[q.name] for q in varying if q.name not in self.correlated}
        sigma = {q.name: q.sigma for q in varying}
        for i, name in enumerate(self.correlated):
            mixed = self.cholesky[i][0] * z[self.correlated[0]]
            for j in range(1, i + 1):
                mixed = mixed + self.cholesky[i][j] * z[self.correlated[j]]
            eta[name] = sigma.get(name, 0.0) * mixed
        return eta

    def _apply_group(
        self, group: Group, values: dict[str, Array], seed: int, subjects: Array, attempt: Array | int
    ) -> None:
        member = uniform(seed, [f"group {group.name}"], subjects, attempt)[0] < group.share
        for name, factor in group.multiply.items():
            if name not in values:
                continue
            by = np.full(len(subjects), factor.by)
            if factor.iiv:
                own = normal(seed, [f"group {group.name} {name}"], subjects, attempt)[0]
                by = by * exp(factor.iiv * own)
            values[name] = np.where(member, values[name] * by, values[name])


def _spread(median: Array, eta: Array | None, q: Quantity) -> Array:
    if eta is None or q.sigma == 0:
        return median
    if q.distribution == "normal":
        return median + eta
    if q.distribution == "logit-normal":
        return 1.0 / (1.0 + exp(-(log(median / (1.0 - median)) + eta)))
    return median * exp(eta)


def load_population(name: str, model: Model, library: Library | None = None) -> Population:
    """Read a population and fit it to a model.

    Raises
    ------
    PopulationError
        If it cannot be found or read, names what the model does not have, or contradicts itself.
    """
    path = (library or Library()).population(name)
    return read_population(path, model, library or Library())


def read_population(path: Path, model: Model, library: Library) -> Population:
    """Read a population file and fit it to a model; see `load_population`."""
    file = TomlFile.read(path, PopulationError)
    data = read_record(file, PopulationFile)
    if data.population.name != path.stem:
        message = f"the population is called `{data.population.name}` but its file `{path.name}`"
        file.fail(message, ("population", "name"), "give both the same name")
    known, unused = _check_names(file, data, model, library)
    spread = data.population.spread
    quantities = [_covariate(file, n, line, spread) for n, line in data.covariates.items()]
    quantities += [_override(file, n, line, model, spread) for n, line in data.parameters.items() if n in known]
    own = {q.name for q in quantities}
    quantities += [q for q in _from_model(model, spread, set(data.covariates)) if q.name not in own]
    _check_medians(file, quantities)
    correlated = [n for n in [*data.covariates, *known] if any(n in c.of for c in data.correlation)]
    pairs = {(c.of[0], c.of[1]): c.value for c in data.correlation if all(n in correlated for n in c.of)}
    population = Population(
        name=data.population.name,
        about=data.population.about,
        model=model,
        quantities=tuple(quantities),
        correlated=tuple(correlated),
        correlation=pairs,
        groups=tuple(data.group) if spread else (),
        entries=tuple(data.entry),
        unused=tuple(unused),
        file=file,
    )
    _ = population.cholesky
    _check_entries(population)
    return population


def _check_names(
    file: TomlFile, data: PopulationFile, model: Model, library: Library
) -> tuple[dict[str, Override], list[str]]:
    """Lines for parameters of this model, and names that belong to modules left out of it."""
    modules = {m.name for m in model.modules}
    known: dict[str, Override] = {}
    unused: list[str] = []
    for name, line in data.parameters.items():
        owner = name.partition(".")[0]
        if name in model.parameters:
            known[name] = line
        elif owner not in modules and owner in library.modules:
            unused.append(name)
        else:
            file.fail(f"unknown parameter `{name}`", ("parameters", name), did_you_mean(name, model.parameters))
    drawn = {*data.covariates, *data.parameters}
    for i, c in enumerate(data.correlation):
        for name in c.of:
            if name not in drawn:
                help = did_you_mean(name, drawn) or "give the quantity a line in this file first"
                file.fail(f"`{name}` is not drawn here", ("correlation", i, "of"), help, needle=name)
    for i, group in enumerate(data.group):
        for name in group.multiply:
            if name not in drawn and name not in model.parameters:
                file.fail(f"unknown quantity `{name}`", ("group", i, "multiply", name), did_you_mean(name, drawn))
    return known, unused


def _sigma(line: Spread, sd: float | None) -> tuple[float, str]:
    if sd is not None:
        return sd, "normal"
    if line.cv is not None:
        return math.sqrt(math.log1p(line.cv**2)), line.distribution
    return line.iiv or 0.0, line.distribution


def _covariate(file: TomlFile, name: str, line: Covariate, spread: bool) -> Quantity:
    sigma, distribution = _sigma(line, line.sd)
    median = parse_expression(line.median, file.where(("covariates", name, "median"), line.median))
    limits = (line.range[0], line.range[1]) if line.range and spread else None
    return Quantity(name, median, sigma if spread else 0.0, distribution, limits)


def _override(file: TomlFile, name: str, line: Override, model: Model, spread: bool) -> Quantity:
    declared, _ = model.parameters[name]
    if declared.origin == "run_in":
        file.fail(f"`{name}` is worked out per subject and cannot be set", ("parameters", name))
    own = line.iiv is not None or line.cv is not None or line.sd is not None
    sigma, distribution = _sigma(line, line.sd) if own else _sigma(declared, None)
    text = line.median if line.median is not None else repr(declared.value)
    median = parse_expression(text, file.where(("parameters", name, "median"), text))
    value = median.constant()
    if value is not None:
        try:
            check_value(name, declared, value)
        except SetError as error:
            file.fail(error.message, ("parameters", name, "median"), error.help)
    limits = (line.range[0], line.range[1]) if line.range and spread else None
    return Quantity(name, median, sigma if spread else 0.0, distribution, limits)


def _from_model(model: Model, spread: bool, covariates: set[str]) -> list[Quantity]:
    found = []
    for name, (line, _) in model.parameters.items():
        if line.origin == "run_in":
            continue
        sigma, distribution = _sigma(line, None)
        taken = line.covariate if line.covariate in covariates else None
        median = parse_expression(repr(float(line.value or 0.0)))
        found.append(Quantity(name, median, sigma if spread else 0.0, distribution, None, taken))
    return found


def _check_medians(file: TomlFile, quantities: list[Quantity]) -> None:
    """A median may use what is drawn before it, and the functions whose bits travel."""
    before: dict[str, float] = {}
    for q in quantities:
        for name, node in q.median.names().items():
            if name not in before:
                later = name in {o.name for o in quantities}
                help = "put its line first" if later else did_you_mean(name, before)
                what = f"`{name}` is drawn later" if later else f"unknown name `{name}`"
                raise PopulationError(what, q.median.at(node), help)
        try:
            before[q.name] = float(evaluate(q.median, before, FUNCTIONS))
        except KeyError as missing:
            allowed = ", ".join(n for n in FUNCTIONS if n != "power")
            raise PopulationError(
                f"{missing} is not available in a median", q.median.where, f"known are {allowed}"
            ) from None


def _check_entries(population: Population) -> None:
    for i, entry in enumerate(population.entries):
        full = population.model.observables.get(entry.observable)
        key = ("entry", i, "observable")
        if full is None:
            if population.model.rest is None:
                continue
            help = did_you_mean(entry.observable, population.model.observables)
            population.file.fail(f"unknown observable `{entry.observable}`", key, help)
        if entry.at_least is None and entry.at_most is None:
            population.file.fail("the criterion has no limit", key, "give `at_least` or `at_most`")
        try:
            convert(1.0, parse_unit(entry.unit), population.model.units[full])
        except UnitError as error:
            population.file.fail(error.message, ("entry", i, "unit"))


def apply_settings(population: Population, settings: Mapping[str, float]) -> tuple[Population, dict[str, float]]:
    """Replace medians, and give the switches their values.

    Parameters
    ----------
    settings
        Value by name: a parameter (full, or bare where only one module has it), a mechanism, or the
        head of several mechanisms (`mtorc2` for all that begin `mtorc2.`).

    Returns
    -------
    population
        With the new medians; the spread around them stays.
    switches
        Value of every switch of the model.

    Raises
    ------
    SetError
        If a name is not known or a value is outside its plausible range.
    """
    model = population.model
    switches = dict(model.switches)
    medians: dict[str, float] = {}
    for name, value in settings.items():
        heads = [m for m in switches if m == name or m.startswith(name + ".")]
        full = _parameter(model, name)
        if full is not None:
            check_value(full, model.parameters[full][0], value)
            medians[full] = value
        elif heads:
            if not 0 <= value <= 1:
                raise SetError(f"the switch `{name}` = {value:g} is outside 0 to 1", help="0 is off, 1 is on")
            switches |= dict.fromkeys(heads, value)
        else:
            raise SetError(
                f"there is no parameter or mechanism `{name}`", help=did_you_mean(name, [*model.parameters, *switches])
            )
    quantities = tuple(
        replace(q, median=parse_expression(repr(float(medians[q.name]))), covariate=None) if q.name in medians else q
        for q in population.quantities
    )
    return replace(population, quantities=quantities), switches


def _parameter(model: Model, name: str) -> str | None:
    """Full name of the parameter meant, None if it is not one."""
    if name in model.parameters:
        full = name
    else:
        tails = [n for n in model.parameters if n.partition(".")[2] == name]
        if len(tails) > 1:
            raise SetError(
                f"`{name}` is a parameter of several modules", help="write " + " or ".join(f"`{t}`" for t in tails)
            )
        if not tails:
            return None
        full = tails[0]
    if model.parameters[full][0].origin == "run_in":
        raise SetError(f"`{full}` is worked out per subject and cannot be set")
    return full
