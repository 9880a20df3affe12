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
from .references import read_references
from .units import convert, parse_unit

__all__ = ["Entry", "Population", "apply_settings", "full_settings", "load_population"]

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
    def traits(self) -> dict[str, str]:
        """Name and unit of what tells people apart: covariates, what varies, and 1 for members of a group."""
        drawn = self.file.data.get("covariates", {})
        units = {n: str(line.get("unit", "1")) for n, line in drawn.items()}
        units |= {q.name: str(self.model.units[q.name]) for q in self.quantities if q.sigma > 0 and q.name not in units}
        for q in self.quantities:
            # What follows from a quantity that varies, varies.
            if q.name not in units and (q.covariate in units or set(units) & set(q.median.names())):
                units[q.name] = str(self.model.units[q.name])
        return units | {f"group {g.name}": "1" for g in self.groups}

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
            An array (n,) for each parameter of the model and each covariate; 1 for members of `group NAME`.
        plausible : ndarray of bool, shape (n,)
            False where a quantity fell outside the population's own range.
        """
        with np.errstate(all="ignore"):  # what is no number is reported as a status, not as a warning
            return self._draw(seed, subjects, attempt)

    def _draw(self, seed: int, subjects: Array, attempt: Array | int) -> tuple[dict[str, Array], Array]:
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
        values[f"group {group.name}"] = member.astype(float)
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
    _check_form(file, data, library)
    known, unused = _check_names(file, data, model, library)
    _check_covariates(file, data, model)
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


def _check_form(file: TomlFile, data: PopulationFile, library: Library) -> None:
    """What needs no model: sources, limits, and lines that contradict each other."""
    references = read_references(library.references)
    lines = [(("covariates", n), line) for n, line in data.covariates.items()]
    lines += [(("parameters", n), line) for n, line in data.parameters.items()]
    for key, line in lines:
        if line.sd is not None and (line.iiv is not None or line.cv is not None):
            file.fail(f"`{key[1]}` has two measures of spread", key, "give `sd`, `iiv` or `cv`")
        if line.range and line.range[0] >= line.range[1]:
            file.fail(f"the range of `{key[1]}` is empty", key)
    cited = [*lines, *((("group", i), g) for i, g in enumerate(data.group))]
    cited += [(("entry", i), e) for i, e in enumerate(data.entry)]
    for key, line in cited:
        if line.source not in references:
            help = did_you_mean(line.source, references) or "add it to a references.bib beside the file"
            file.fail(f"source `{line.source}` is not in references.bib", (*key, "source"), help, needle=line.source)
    for i, entry in enumerate(data.entry):
        if entry.at_least is not None and entry.at_most is not None and entry.at_least > entry.at_most:
            file.fail("nobody can meet this criterion", ("entry", i), "`at_least` is above `at_most`")
    names = [g.name for g in data.group]
    for i, name in enumerate(names):
        if name in names[:i]:
            file.fail(f"two groups are called `{name}`", ("group", i, "name"))
    pairs = [frozenset(c.of) for c in data.correlation]
    for i, pair in enumerate(pairs):
        if len(pair) < 2 or pair in pairs[:i]:
            what = "a quantity with itself" if len(pair) < 2 else "two quantities that are correlated already"
            file.fail(f"this correlates {what}", ("correlation", i, "of"))


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
            key = ("group", i, "multiply", name)
            if name in data.covariates:
                file.fail(f"`{name}` is a covariate; a group multiplies parameters", key)
            if name in model.parameters and model.parameters[name][0].origin == "run_in":
                file.fail(f"`{name}` is worked out per subject and cannot be multiplied", key)
            if name not in drawn and name not in model.parameters:
                file.fail(f"unknown quantity `{name}`", key, did_you_mean(name, drawn))
    return known, unused


def _check_covariates(file: TomlFile, data: PopulationFile, model: Model) -> None:
    """A covariate is in the unit of the parameters that take its value."""
    for name, line in data.covariates.items():
        try:
            unit = parse_unit(line.unit)
        except UnitError as error:
            file.fail(error.message, ("covariates", name, "unit"), error.help, needle=line.unit)
        for full, (parameter, own) in model.parameters.items():
            if parameter.covariate == name and not (
                unit.same_kind(own) and unit.scale * unit.hours == own.scale * own.hours
            ):
                message = f"`{name}` is in {unit}, but `{full}` takes its value in {own}"
                file.fail(message, ("covariates", name, "unit"), needle=line.unit)


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
            value = float(evaluate(q.median, before, FUNCTIONS))
        except (ZeroDivisionError, OverflowError):
            value = math.nan
        within = {"log-normal": value > 0, "logit-normal": 0 < value < 1}.get(q.distribution, True) or q.sigma == 0
        if not (math.isfinite(value) and within):
            what = {"log-normal": "a positive number", "logit-normal": "a number between 0 and 1"}
            wanted = what.get(q.distribution, "a finite number") if math.isfinite(value) else "a finite number"
            message = f"the median of `{q.name}` is {value:g}: it must be {wanted}"
            raise PopulationError(message, q.median.where or file.where(("parameters", q.name)))
        if q.range and not q.range[0] <= value <= q.range[1]:
            message = f"the median of `{q.name}`, {value:g}, is outside its own range"
            raise PopulationError(message, q.median.where)
        before[q.name] = value


def _check_entries(population: Population) -> None:
    for i, entry in enumerate(population.entries):
        full = population.model.observables.get(entry.observable)
        key = ("entry", i, "observable")
        if full is None:
            if population.model.rest is None and not _misspelt(entry.observable, population.model):
                continue
            help = did_you_mean(entry.observable, population.model.observables)
            population.file.fail(f"unknown observable `{entry.observable}`", key, help)
        if entry.at_least is None and entry.at_most is None:
            population.file.fail("the criterion has no limit", key, "give `at_least` or `at_most`")
        try:
            convert(1.0, parse_unit(entry.unit), population.model.units[full])
        except UnitError as error:
            population.file.fail(error.message, ("entry", i, "unit"))


def _misspelt(observable: str, model: Model) -> bool:
    """Whether a name that a model lacks is close to one that it has."""
    return did_you_mean(observable, model.observables) is not None


def full_settings(population: Population, settings: Mapping[str, float]) -> dict[str, float]:
    """Settings by full name: a parameter, a covariate, or one mechanism each.

    Parameters
    ----------
    settings
        Value by name: a parameter (full, or bare where only one module has it), a covariate of the
        population, a mechanism, or the head of several (`mtorc2` for all that begin `mtorc2.`).

    Raises
    ------
    SetError
        If a name is not known, or one parameter is set twice under two names.
    """
    model = population.model
    found: dict[str, float] = {}
    for name, value in settings.items():
        heads = [m for m in model.switches if m == name or m.startswith(name + ".")]
        full = _parameter(model, name)
        drawn = next((q for q in population.quantities if q.name in (name, full)), None)
        if full is None and drawn is None and not heads:
            known = [*model.parameters, *model.switches, *(q.name for q in population.quantities)]
            raise SetError(f"there is no parameter or mechanism `{name}`", help=did_you_mean(name, known))
        if full is not None and drawn is not None and drawn.covariate is not None:
            message = f"`{full}` follows the covariate `{drawn.covariate}` of each subject"
            raise SetError(message, help=f"set `{drawn.covariate}` instead: its median moves, its spread stays")
        key = full or (drawn.name if drawn is not None else None)
        if key is None:
            if not 0 <= value <= 1:
                raise SetError(f"the switch `{name}` = {value:g} is outside 0 to 1", help="0 is off, 1 is on")
            found |= dict.fromkeys(heads, value)
        elif key in found:
            raise SetError(f"`{key}` is set twice")
        else:
            found[key] = value
    return found


def apply_settings(population: Population, settings: Mapping[str, float]) -> tuple[Population, dict[str, float]]:
    """Replace medians, and give the switches their values.

    Parameters
    ----------
    settings
        As for `full_settings`.

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
    for name, value in full_settings(population, settings).items():
        if name in switches:
            switches[name] = value
            continue
        if name in model.parameters:
            check_value(name, model.parameters[name][0], value)
        medians[name] = value
    quantities = tuple(
        replace(q, median=parse_expression(repr(float(medians[q.name])))) if q.name in medians else q
        for q in population.quantities
    )
    _check_medians(population.file, list(quantities))
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
