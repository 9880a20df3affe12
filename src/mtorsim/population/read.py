"""Read and check population files, and fit them to a model."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtorsim.errors import ArgumentError, PopulationError, SettingError, UnitError, choose_from, did_you_mean, spoken
from mtorsim.files.library import Library, library_for
from mtorsim.files.places import Place
from mtorsim.files.record import read_record
from mtorsim.files.references import read_references
from mtorsim.files.toml import TomlFile
from mtorsim.model.checks import check_value
from mtorsim.model.expressions import parse_expression
from mtorsim.model.file import Parameter, Spread
from mtorsim.model.model import Model
from mtorsim.units.units import convert, parse_unit

from .file import Covariate, Group, Override, PopulationFile
from .population import Population
from .quantity import Quantity, check_medians

__all__ = ["check_entries", "load_population", "read_population", "with_bases"]


def load_population(name: str, model: Model, library: Library | None = None) -> Population:
    """Read a population and fit it to a model.

    Parameters
    ----------
    name
        Name of the population.
    model
        The model whose parameters are drawn.
    library
        Where names are looked up.

    Raises
    ------
    PopulationError
        If it cannot be found or read, uses names that the model lacks, or is inconsistent.

    Examples
    --------
    >>> import mtorsim as mt
    >>> model = mt.load_model(["glucose_insulin", "mtor", "everolimus"])
    >>> mt.load_population("healthy_adults", model)
    Population(healthy_adults: 33 of 172 quantities vary; groups: diabetic, two_drugs; 2 entry criteria)
    """
    if not isinstance(name, str):
        raise ArgumentError(f"`name` must be the name of a population, not {spoken(name)}")
    if not isinstance(model, Model):
        raise ArgumentError(f"`model` must be a `Model`, not {spoken(model)}", help="`load_model` returns one")
    library = library or library_for()
    return read_population(library.population(name), model, library)


def read_population(path: Path, model: Model, library: Library) -> Population:
    """Read a population file and fit it to a model; see `load_population`."""
    file, bases = with_bases(TomlFile.read(path, PopulationError), library)
    data = read_record(file, PopulationFile)
    if data.population.name != path.stem:
        message = f"the population is named `{data.population.name}` but its file is `{path.name}`"
        file.fail(message, ("population", "name"), "give both the same name")
    _check_form(file, data, library)
    known, unused = _check_names(file, data, model, library)
    _check_covariates(file, data, model)
    spread = data.population.spread
    quantities = [_covariate(file, n, line, spread) for n, line in data.covariates.items()]
    quantities += [_override(file, n, line, model, spread) for n, line in data.parameters.items() if n in known]
    own = {q.name for q in quantities}
    quantities += [q for q in _from_model(model, spread, set(data.covariates)) if q.name not in own]
    quantities = _with_blocks(data, quantities)
    check_medians(Place(file), quantities)
    blocks = {pair: r for block in data.omega for pair, r in block.correlations().items()}
    named = {n for pair in blocks for n in pair} | {n for c in data.correlation for n in c.of}
    correlated = [q.name for q in quantities if q.name in named]
    pairs = {(c.of[0], c.of[1]): c.value for c in data.correlation if all(n in correlated for n in c.of)} | blocks
    population = Population(
        name=data.population.name,
        about=data.population.about,
        model=model,
        quantities=tuple(quantities),
        correlated=tuple(correlated),
        correlation=pairs,
        groups=tuple(data.group) if spread else (),
        entries=tuple(data.entry),
        is_typical=not spread,
        covariates=frozenset(data.covariates),
        unused=tuple(unused),
        files=(file, *bases),
    )
    _ = population.cholesky
    check_entries(population, Place(file))
    return population


def _with_blocks(data: PopulationFile, quantities: list[Quantity]) -> list[Quantity]:
    """Give quantities the variances of [[omega]]."""
    sizes = {n: v for block in data.omega for n, v in zip(block.of, block.variances, strict=True)}
    if not data.population.spread:
        return quantities
    return [replace(q, sigma=math.sqrt(sizes[q.name])) if q.name in sizes else q for q in quantities]


def with_bases(file: TomlFile, library: Library) -> tuple[TomlFile, tuple[TomlFile, ...]]:
    """Complete a file from the populations that it extends; also return the files used."""
    _check_shape(file)
    bases: list[TomlFile] = []
    chain, data = [file.path.stem], file.data
    while isinstance(head := data.get("population"), dict) and isinstance(name := head.get("like"), str):
        key = ("population", "like") if not bases else ()
        if name not in library.populations:
            help = choose_from(name, library.populations)
            file.fail(f"there is no population `{name}`", key, help, needle=name)
        if name in chain:
            file.fail(f"`{name}` extends itself, by way of {' and '.join(chain)}", key)
        chain.append(name)
        base = TomlFile.read(library.populations[name], PopulationError)
        _check_shape(base)
        bases.append(base)
        data = _overlaid(base.data, data)
    return (replace(file, data=data), tuple(bases)) if bases else (file, ())


def _check_shape(file: TomlFile) -> None:
    """Check the kinds of tables that a population overlays on another, before they are read in full."""
    for table in ("covariates", "parameters"):
        lines = file.data.get(table, {})
        if not isinstance(lines, dict):
            file.fail(f"`{table}` must be a table, not {spoken(lines)}", (table,))
        for name, line in lines.items():
            if not isinstance(line, dict):
                file.fail(f"`{name}` must be a table, not {spoken(line)}", (table, name))
    for table in ("group", "correlation", "entry"):
        parts = file.data.get(table, [])
        if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
            file.fail(f"`{table}` must be written as [[{table}]]", (table,))
    for i, group in enumerate(file.data.get("group", [])):
        if not isinstance(group.get("name", ""), str):
            file.fail(f"`name` must be text, not {spoken(group['name'])}", ("group", i, "name"))
    for i, pair in enumerate(file.data.get("correlation", [])):
        of = pair.get("of", [])
        if not isinstance(of, list) or not all(isinstance(name, str) for name in of):
            file.fail(f"`of` must be a list of two names, not {spoken(of)}", ("correlation", i, "of"))


_SPREADS = ("sd", "iiv", "cv", "variance", "df", "box_cox")
_CENTRES = ("median", "share")


def _overlaid(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Overlay a population's tables on those of another: lines and groups by name, correlations by pair."""
    merged = {**base, **own}
    head = base.get("population", {})
    merged["population"] = {k: v for k, v in head.items() if k in ("spread", "like")} | {
        k: v for k, v in own.get("population", {}).items() if k != "like"
    }
    for table in ("covariates", "parameters"):
        lines = {name: dict(line) for name, line in base.get(table, {}).items()}
        for name, line in own.get(table, {}).items():
            kept = lines.get(name, {}) if isinstance(line, dict) else {}
            for either in (_SPREADS, _CENTRES):
                if isinstance(line, dict) and any(s in line for s in either):
                    kept = {k: v for k, v in kept.items() if k not in either}
            lines[name] = kept | line if isinstance(line, dict) else line
        merged[table] = lines
    groups = own.get("group", [])
    named = {g.get("name"): g for g in base.get("group", [])}
    mine = [named.get(g.get("name"), {}) | g if isinstance(g, dict) else g for g in groups]
    merged["group"] = [*mine, *(g for n, g in named.items() if n not in [m.get("name") for m in mine])]
    pairs = own.get("correlation", [])
    taken = [frozenset(c.get("of", ())) for c in pairs if isinstance(c, dict)]
    merged["correlation"] = [
        *pairs,
        *(c for c in base.get("correlation", []) if frozenset(c.get("of", ())) not in taken),
    ]
    return merged


def _check_form(file: TomlFile, data: PopulationFile, library: Library) -> None:
    """Check everything that needs no model: sources, limits, and contradictory lines."""
    references = read_references(library.references)
    lines = [(("covariates", n), line) for n, line in data.covariates.items()]
    lines += [(("parameters", n), line) for n, line in data.parameters.items()]
    for key, line in lines:
        if line.sd is not None and line.measures:
            file.fail(f"`{key[1]}` has two measures of variability", key, "give `sd`, `iiv`, `cv` or `variance`")
        if line.range and line.range[0] >= line.range[1]:
            file.fail(f"the range of `{key[1]}` is empty", key)
    cited = [*lines, *((("group", i), g) for i, g in enumerate(data.group))]
    cited += [(("entry", i), e) for i, e in enumerate(data.entry)]
    cited += [(("omega", i), o) for i, o in enumerate(data.omega)]
    for key, line in cited:
        if line.source not in references:
            help = did_you_mean(line.source, references) or "add it to a references.bib beside the file"
            file.fail(f"source `{line.source}` is not in references.bib", (*key, "source"), help, needle=line.source)
    for i, g in enumerate(data.group):
        if g.probability is not None:
            parse_expression(g.probability, file.where(("group", i, "probability"), g.probability))
    names = [g.name for g in data.group]
    for i, name in enumerate(names):
        if name in names[:i]:
            file.fail(f"two groups are called `{name}`", ("group", i, "name"))
    pairs = [frozenset(c.of) for c in data.correlation]
    for i, pair in enumerate(pairs):
        if len(pair) < 2 or pair in pairs[:i]:
            what = "a quantity with itself" if len(pair) < 2 else "a pair that already has a correlation"
            file.fail(f"this correlates {what}", ("correlation", i, "of"))


def _check_names(
    file: TomlFile, data: PopulationFile, model: Model, library: Library
) -> tuple[dict[str, Override], list[str]]:
    """Lines for parameters of this model, and names of modules that the model does not have."""
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
            if name in data.covariates and data.covariates[name].share is not None:
                help = "make other medians depend on it instead"
                file.fail(f"`{name}` is 1 or 0 and cannot be correlated", ("correlation", i, "of"), help, needle=name)
            if name not in drawn:
                help = did_you_mean(name, drawn) or "add a line for this quantity to this file"
                file.fail(f"`{name}` is not drawn here", ("correlation", i, "of"), help, needle=name)
    _check_blocks(file, data, model)
    for i, group in enumerate(data.group):
        _check_probability(file, i, group, [*drawn, *model.observables, *(g.name for g in data.group[:i])], model)
        for name in group.multiply:
            key = ("group", i, "multiply", name)
            if name in data.covariates:
                file.fail(f"`{name}` is a covariate; a group multiplies parameters", key)
            if name in model.parameters and model.parameters[name][0].origin == "run_in":
                file.fail(f"`{name}` is computed per subject and cannot be multiplied", key)
            if name not in drawn and name not in model.parameters:
                file.fail(f"unknown quantity `{name}`", key, did_you_mean(name, drawn))
    return known, unused


def _check_probability(file: TomlFile, i: int, group: Group, known: list[str], model: Model) -> None:
    """Check that a probability uses quantities that are drawn before, and observables that are known at rest."""
    if group.probability is None or model.rest is None:
        return
    equation = parse_expression(group.probability, file.where(("group", i, "probability"), group.probability))
    for name, node in equation.names().items():
        if name not in known:
            raise PopulationError(f"unknown name `{name}`", equation.at(node), did_you_mean(name, known))


def _check_blocks(file: TomlFile, data: PopulationFile, model: Model) -> None:
    """Check that each quantity of [[omega]] is drawn, and has its variance from one place only."""
    taken: set[str] = {name for c in data.correlation for name in c.of}
    lines = {**data.covariates, **data.parameters}
    for i, block in enumerate(data.omega):
        for name in block.of:
            key = ("omega", i, "of")
            if name not in lines and name not in model.parameters:
                known = [*lines, *model.parameters]
                file.fail(f"`{name}` is not drawn here", key, did_you_mean(name, known), needle=name)
            line = lines.get(name)
            if name in taken or (line is not None and (line.sd is not None or line.measures)):
                help = "an [[omega]] has its variance and all its correlations"
                file.fail(f"`{name}` has another measure of variability or correlation", key, help, needle=name)
            taken.add(name)


def _check_covariates(file: TomlFile, data: PopulationFile, model: Model) -> None:
    """Check that a covariate has the unit of the parameters that take its value."""
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
    if line.variance is not None:
        return math.sqrt(line.variance), line.distribution
    return line.iiv or 0.0, line.distribution


def _covariate(file: TomlFile, name: str, line: Covariate, spread: bool) -> Quantity:
    if line.median is None:
        share = parse_expression(str(line.share), file.where(("covariates", name, "share"), str(line.share)))
        return Quantity(name, share, 0.0, "share" if spread else "normal", **_written(line, line.unit), own=True)
    sigma, distribution = _sigma(line, line.sd)
    median = parse_expression(line.median, file.where(("covariates", name, "median"), line.median))
    limits = (line.range[0], line.range[1]) if line.range and spread else None
    written: dict[str, Any] = {**_written(line, line.unit), "df": line.df, "box_cox": line.box_cox}
    return Quantity(name, median, sigma if spread else 0.0, distribution, limits, **written, own=True)


def _override(file: TomlFile, name: str, line: Override, model: Model, spread: bool) -> Quantity:
    declared, unit = model.parameters[name]
    if declared.origin == "run_in":
        file.fail(f"`{name}` is computed per subject and cannot be set", ("parameters", name))
    own = bool(line.measures) or line.sd is not None
    sigma, distribution = _sigma(line, line.sd) if own else _sigma(declared, None)
    shape = line if own or line.df is not None or line.box_cox is not None else declared
    iov = line.iov if line.iov is not None else declared.iov
    text = line.median if line.median is not None else repr(declared.value)
    median = parse_expression(text, file.where(("parameters", name, "median"), text))
    value = median.constant()
    if value is not None:
        try:
            check_value(name, declared, value)
        except SettingError as error:
            file.fail(error.message, ("parameters", name, "median"), error.help)
    limits = (line.range[0], line.range[1]) if line.range and spread else None
    written: dict[str, Any] = _written(line, str(unit)) | {
        "about": "; ".join(x for x in (declared.about, line.about) if x)
    }
    written |= {"df": shape.df, "box_cox": shape.box_cox, "iov": (iov or 0.0) if spread else 0.0}
    return Quantity(name, median, sigma if spread else 0.0, distribution, limits, **written, own=True)


def _written(line: Covariate | Override | Parameter, unit: str) -> dict[str, Any]:
    """Unit, description, source and evidence of a line."""
    about, source, evidence = line.about or "", line.source or "", line.evidence or ""
    return {"unit": unit, "about": about, "source": source, "evidence": evidence}


def _from_model(model: Model, spread: bool, covariates: set[str]) -> list[Quantity]:
    found = []
    for name, (line, unit) in model.parameters.items():
        if line.origin == "run_in":
            continue
        sigma, distribution = _sigma(line, None)
        taken = line.covariate if line.covariate in covariates else None
        median = parse_expression(repr(float(line.value or 0.0)))
        written: dict[str, Any] = {**_written(line, str(unit)), "df": line.df, "box_cox": line.box_cox}
        written["iov"] = (line.iov or 0.0) if spread else 0.0
        found.append(Quantity(name, median, sigma if spread else 0.0, distribution, None, taken, **written))
    return found


def check_entries(population: Population, place: Place, first: int = 0) -> None:
    """Check criteria of one source, the population's from `first` onwards: each on an observable, with a limit.

    Raises
    ------
    MtorsimError
        Of the source's class, for the first invalid criterion.
    """
    for i, entry in enumerate(population.entries[first:]):
        full = population.model.observables.get(entry.observable)
        here = place.inside("entry", i)
        if full is None:
            if population.model.rest is None and not _misspelt(entry.observable, population.model):
                continue
            help = did_you_mean(entry.observable, population.model.observables)
            here.fail(f"unknown observable `{entry.observable}`", "observable", help=help)
        if entry.at_least is not None and entry.at_most is not None and entry.at_least > entry.at_most:
            here.fail("no subject can meet this criterion", help="`at_least` is above `at_most`")
        if entry.at_least is None and entry.at_most is None:
            here.fail("the criterion has no limit", "observable", help="give `at_least` or `at_most`")
        try:
            convert(1.0, parse_unit(entry.unit), population.model.units[full])
        except UnitError as error:
            here.fail(error.message, "unit")


def _misspelt(observable: str, model: Model) -> bool:
    """Whether a name that the model lacks resembles one that it has."""
    return did_you_mean(observable, model.observables) is not None
