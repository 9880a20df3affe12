"""Schema of population files."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from mtorsim.files.record import Line, Record
from mtorsim.model.file import Equation, Evidence, Numbers, Spread

__all__ = ["Correlation", "Covariate", "Entry", "Group", "Omega", "Override", "PopulationFile"]


class Head(Record):
    """The `[population]` table."""

    name: Line = Field(description="the population's name, same as the file's name")
    about: Line = Field(description="one sentence on the population")
    spread: bool = Field(True, description="false for one typical person without variability")
    like: Line | None = Field(None, description="a population that this one extends")


def _partial(schema: dict[str, Any]) -> None:
    """Lines of a file that extends another may be incomplete until the two are combined."""
    schema.pop("required", None)


class Covariate(Spread):
    """A line of `[covariates]`."""

    model_config = ConfigDict(json_schema_extra=_partial)

    median: Equation | None = Field(None, description="the median, or an equation of earlier quantities")
    share: Equation | None = Field(None, description="instead of a median: the share with value 1, the others have 0")
    sd: Annotated[float, Field(ge=0)] | None = Field(None, description="SD of a normal distribution, in the unit")
    unit: Line = Field(description="its unit")
    about: Line = Field(description="meaning")
    source: Line = Field(description="a key of references.bib")
    evidence: Evidence = Field(description="kind of evidence")
    range: Numbers | None = Field(None, description="range; subjects outside are drawn again")

    @model_validator(mode="after")
    def _one_centre(self) -> Covariate:
        if (self.median is None) == (self.share is None):
            raise ValueError("needs a `median`, or a `share` for a 0/1 covariate")
        if self.iov is not None:
            raise ValueError("is a covariate: `iov` belongs to parameters")
        spread = [n for n in ("sd", *self.measures, "df", "box_cox", "range") if getattr(self, n) is not None]
        if self.share is not None and (spread or self.unit != "1"):
            what = f"no `{spread[0]}`" if spread else 'the unit "1"'
            raise ValueError(f"has a `share`: it is 1 or 0, with {what}")
        return self


class Override(Spread):
    """A line of `[parameters]`: values that differ from the model's."""

    model_config = ConfigDict(json_schema_extra=_partial)

    median: Equation | None = Field(None, description="the median, or an equation of earlier quantities")
    sd: Annotated[float, Field(ge=0)] | None = Field(None, description="SD of a normal distribution, in the unit")
    source: Line = Field(description="a key of references.bib")
    evidence: Evidence = Field(description="kind of evidence")
    about: Line | None = Field(None, description="assumption made")
    range: Numbers | None = Field(None, description="range; subjects outside are drawn again")


class Correlation(Record):
    """A `[[correlation]]` table."""

    of: Annotated[list[Line], Field(min_length=2, max_length=2)] = Field(description="two quantities")
    value: Annotated[float, Field(gt=-1, lt=1)] = Field(description="correlation of their random effects")


class Omega(Record):
    """An `[[omega]]` table: variances and covariances of random effects, as in NONMEM's OMEGA BLOCK."""

    of: Annotated[list[Line], Field(min_length=2, max_length=30)] = Field(description="the quantities, in order")
    block: list[float] = Field(description="lower triangle, row by row: variances and covariances on the log scale")
    source: Line = Field(description="a key of references.bib")
    evidence: Evidence = Field(description="kind of evidence")

    @model_validator(mode="after")
    def _whole_triangle(self) -> Omega:
        n = len(self.of)
        if len(self.block) != n * (n + 1) // 2:
            raise ValueError(f"has {len(self.block)} numbers: {n} quantities need {n * (n + 1) // 2}")
        if len(set(self.of)) < n:
            raise ValueError("names a quantity twice")
        if min(self.variances) <= 0:
            raise ValueError("has a variance that is not positive")
        return self

    @property
    def variances(self) -> list[float]:
        """The diagonal."""
        return [self.block[i * (i + 3) // 2] for i in range(len(self.of))]

    def correlations(self) -> dict[tuple[str, str], float]:
        """Correlation of each pair of quantities."""
        at = lambda i, j: self.block[i * (i + 1) // 2 + j]  # noqa: E731
        pairs = [(i, j) for i in range(len(self.of)) for j in range(i)]
        sizes = self.variances
        return {(self.of[j], self.of[i]): at(i, j) / math.sqrt(sizes[i] * sizes[j]) for i, j in pairs}


class Factor(Record):
    """One line of a group's `[group.multiply]`."""

    by: Annotated[float, Field(gt=0)] = Field(description="factor on the quantity")
    iiv: Annotated[float, Field(ge=0, le=3)] = Field(0.0, description="further SD on the log scale")


class Group(Record):
    """A `[[group]]` table: a subgroup with different parameters."""

    model_config = ConfigDict(json_schema_extra=_partial)

    name: Line = Field(description="the group's name")
    share: Annotated[float, Field(ge=0, le=1)] | None = Field(None, description="its share of the population")
    probability: Equation | None = Field(
        None,
        description="instead of a share: the probability of membership given untreated fasting values, covariates and "
        "earlier groups (1 for members)",
    )
    sampled: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="share among the simulated subjects, to oversample the group; results are weighted"
    )
    about: Line = Field(description="description")
    source: Line = Field(description="a key of references.bib")
    evidence: Evidence = Field(description="kind of evidence")
    multiply: dict[str, Factor] = Field(default={}, description="factor on each quantity")

    @model_validator(mode="after")
    def _one_size(self) -> Group:
        if (self.share is None) == (self.probability is None):
            raise ValueError("needs a `share`, or a `probability` that depends on untreated values")
        if self.sampled is not None and self.probability is not None:
            raise ValueError("has a `probability`: only a group with a `share` can be oversampled")
        return self

    @property
    def size(self) -> str:
        """Its share, or the equation of its probability."""
        return str(self.probability) if self.share is None else f"{100 * self.share:g} %"


class Entry(Record):
    """An `[[entry]]` table: an entry criterion on the untreated subject."""

    observable: Line = Field(description="the observable that must meet the limits")
    statistic: Literal["fasting", "minimum", "mean", "maximum"] = Field(
        "fasting", description="at 07:30 fasting, or over the untreated day"
    )
    at_least: float | None = Field(None, description="lowest value admitted")
    at_most: float | None = Field(None, description="highest value admitted")
    unit: Line = Field(description="the unit of the limits")
    about: Line = Field(description="why")
    source: Line = Field(description="a key of references.bib")
    evidence: Evidence = Field(description="kind of evidence")


class PopulationFile(Record):
    """A population file, table by table."""

    population: Head = Field(description="the table that names the population")
    covariates: dict[str, Covariate] = Field(default={}, description="traits other than parameters")
    parameters: dict[str, Override] = Field(default={}, description="parameters by full name")
    correlation: list[Correlation] = Field(default=[], description="correlations of random effects")
    omega: list[Omega] = Field(default=[], description="blocks of variances and covariances")
    group: list[Group] = Field(default=[], description="subgroups")
    entry: list[Entry] = Field(default=[], description="entry criteria")
