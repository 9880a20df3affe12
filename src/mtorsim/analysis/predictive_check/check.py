"""The result of a predictive check: percentiles in bins, prediction errors, and tests of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.errors import one_line
from mtorsim.files.html import card, table

from .normality import ErrorTests
from .npde import Errors
from .observations import EVERYONE, Observations
from .panels import Panel
from .percentiles import INTERVAL, Compared
from .write import write_check

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EXPECTED_OUTSIDE", "PredictiveCheck"]

EXPECTED_OUTSIDE = 1.0 - INTERVAL
"""Share of measured percentiles outside their intervals if the model is right."""
Z = 1.959963984540054
"""Normal deviate of the limits of a 95 % interval."""


@dataclass(frozen=True, repr=False)
class PredictiveCheck:
    """Measured values beside those that a model expects of the same people at the same times.

    Attributes
    ----------
    scenario, title, population, seed
        What was simulated.
    of, unit
        The observable.
    doses
        Whose doses were simulated.
    error
        The assay and residual error of simulated values.
    replicates
        Number of simulated data sets.
    people
        Number of people with samples.
    observed
        The samples.
    panels
        Each stratum with its bins.
    levels
        The percentiles that are compared.
    is_corrected
        Whether values are prediction-corrected.
    by
        The column of strata, None without.
    clock
        What times count from: `the start` or `the last dose`.
    errors
        Prediction errors of the samples.
    tests
        Tests of `npde`, by stratum, `all` for everyone; without those that have too few errors.
    notes
        How the table was read, and what was left out.
    warnings
        What is likely to be a mistake in the data.
    failed
        Number of simulated people that failed, of all replicates; they are left out.
    status
        Number of simulated people by how they ended.
    manifest
        Description of the run.
    """

    scenario: str
    title: str
    population: str
    seed: int
    of: str
    unit: str
    doses: str
    error: str
    replicates: int
    people: int
    observed: Observations = field(repr=False)
    panels: tuple[Panel, ...] = field(repr=False)
    levels: tuple[float, ...]
    is_corrected: bool
    by: str | None
    clock: str
    errors: Errors = field(repr=False)
    tests: Mapping[str, ErrorTests]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    failed: int
    status: Mapping[str, int]
    manifest: Mapping[str, Any] = field(repr=False)

    @property
    def told(self) -> str:
        """What is compared, in a line."""
        n, who = len(self.observed), f"{self.people:,} " + ("person" if self.people == 1 else "people")
        drawn = f"{self.replicates:,} replicates of {self.population}, seed {self.seed}"
        return f"{n:,} samples of {self.of} in {who}; {drawn}"

    @cached_property
    def percentiles(self) -> pd.DataFrame:
        """One row for each stratum, bin and percentile.

        Columns: `stratum`, `bin` (from 1), `low_h`, `high_h`, `time_h`, `samples`, `people`, `percentile`, `observed`,
        `simulated_low`, `simulated_median`, `simulated_high`, `outside`. A percentile below the limit of quantification
        is NaN.
        """
        rows = []
        for panel, k, each in self._bins():
            for level, found in zip(self.levels, each.percentiles, strict=True):
                rows.append({**_where(panel, k, each), "percentile": level, **_plain(found)})
        return _frame(rows)

    @cached_property
    def below(self) -> pd.DataFrame:
        """Share of values below the limit of quantification in each stratum and bin; empty without a limit."""
        return _frame([{**_where(p, k, b), **_plain(b.below)} for p, k, b in self._bins() if b.below is not None])

    @cached_property
    def npde(self) -> pd.DataFrame:
        """One row for each sample.

        Columns: `id`, `line` (of the file), `stratum`, `time_h`, `observed`, `below` (the limit), `predicted` (mean of
        the simulated values), `npd` and `npde`.
        """
        import pandas as pd

        o, errors = self.observed, self.errors
        return pd.DataFrame(
            {
                "id": [o.labels[i] for i in o.person],
                "line": o.line,
                "stratum": o.stratum.astype(str),
                "time_h": o.time,
                "observed": o.value,
                "below": o.below,
                "predicted": errors.mean,
                "npd": errors.npd,
                "npde": errors.npde,
            }
        )

    @property
    def percentiles_outside(self) -> tuple[int, int]:
        """Number of measured percentiles outside their 95 % interval, and of all."""
        found = [c.outside for _, _, each in self._bins() for c in each.percentiles]
        return sum(found), len(found)

    @property
    def below_outside(self) -> tuple[int, int]:
        """Number of bins whose share below the limit is outside its 95 % interval, and of all."""
        found = [each.below.outside for _, _, each in self._bins() if each.below is not None]
        return sum(found), len(found)

    @property
    def samples_outside(self) -> tuple[int, int]:
        """Number of samples outside the 95 % interval of their own simulated values, and of all that have one."""
        npd = self.errors.npd[np.isfinite(self.errors.npd)]
        return int((np.abs(npd) > Z).sum()), len(npd)

    def plot(self) -> Any:
        """Draw the visual predictive check; see `mtorsim.plot.vpc`."""
        import importlib

        return importlib.import_module("mtorsim.plots.vpc").vpc(self)

    def save(self, folder: str | Path, *, force: bool = False) -> list[Path]:
        """Save the tables in a folder, as CSV and JSON; returns the files.

        Raises
        ------
        DataError
            If the folder already holds a result and `force` is not given, or cannot be written to.
        """
        return write_check(self, Path(folder).expanduser(), force)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        outside, shown = self.percentiles_outside
        samples, of_all = self.samples_outside
        return {
            "scenario": self.scenario,
            "title": self.title,
            "population": self.population,
            "seed": self.seed,
            "of": self.of,
            "unit": self.unit,
            "doses": self.doses,
            "error": self.error,
            "replicates": self.replicates,
            "people": self.people,
            "samples": len(self.observed),
            "below_limit": int(self.observed.below.sum()),
            "prediction_corrected": self.is_corrected,
            "by": self.by,
            "percentiles_outside": {"outside": outside, "of": shown, "expected_share": EXPECTED_OUTSIDE},
            "samples_outside": {"outside": samples, "of": of_all, "expected_share": EXPECTED_OUTSIDE},
            "percentiles": self.percentiles.to_dict("records"),
            "below": self.below.to_dict("records"),
            "tests": {name: test.to_json() for name, test in self.tests.items()},
            "people_without_npde": self.errors.dependent,
            "samples_without_spread": int(self.errors.flat.sum()),
            "failed": self.failed,
            "status": dict(self.status),
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }

    def _bins(self) -> list[tuple[Panel, int, Any]]:
        return [(panel, k, each) for panel in self.panels for k, each in enumerate(panel.bins, start=1)]

    def __repr__(self) -> str:
        outside, shown = self.percentiles_outside
        whole = self.tests.get("all")
        p = f"; npde mean {whole.mean:.2f}, variance {whole.variance:.2f}" if whole else ""
        return f"PredictiveCheck({one_line(self.title, 80)}: {self.told}; {outside} of {shown} percentiles outside{p})"

    def _repr_html_(self) -> str:
        """Tests of the prediction errors, for notebooks."""
        names = ("n", "mean", "variance", "p_mean", "p_variance", "p_normal", "p_global")
        rows = [[name, *(f"{getattr(test, n):.3g}" for n in names)] for name, test in self.tests.items()]
        return card(self.title, repr(self), table(["npde", *names], rows, words=1))


def _where(panel: Panel, k: int, each: Any) -> dict[str, Any]:
    return {
        "stratum": str(panel.stratum) if panel.stratum != EVERYONE else "",
        "bin": k,
        "low_h": each.low,
        "high_h": each.high,
        "time_h": each.time,
        "samples": each.n,
        "people": each.people,
    }


def _plain(found: Compared) -> dict[str, Any]:
    """A comparison for tables and JSON: percentiles below the limit of quantification are NaN."""
    limits = {
        "observed": found.observed,
        "simulated_low": found.low,
        "simulated_median": found.middle,
        "simulated_high": found.high,
    }
    return {name: float("nan") if np.isinf(v) else v for name, v in limits.items()} | {"outside": found.outside}


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows)
