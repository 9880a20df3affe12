"""Compare drug exposures with all measured ones.

The table `models/reference/pk_exposures.csv` names the module and regimen that predict each measured value, and the
reason if a prediction is missing or far off. Only the drug's own module runs, for the typical subject, or for 1,000
subjects if the source reports a population's variability or a part of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from mtorsim.files.library import Library
from mtorsim.results.result import Result
from mtorsim.scenario.scenario import Scenario
from mtorsim.scenario.tables import Arm, Dose
from mtorsim.simulation.simulate import simulate

from .check import Check, judged, reference
from .concentrations import METRICS, STEP, Dosing, Profile

__all__ = ["CLOSE", "Row", "checks", "outside", "predict", "ratio", "rows", "simulated"]

CLOSE = 0.2
"""Relative deviation within which a prediction agrees."""
WEIGHT = 70.0
"""Body weight in kg for clearances measured per kg, since drug modules have no weight."""
DAYS = 56
"""Simulated days, sufficient for steady state and for washout of single doses."""
_QUARTILES = {"Cmin_Q1": 25, "Cmin_median": 50, "Cmin_Q3": 75}


@dataclass(frozen=True)
class Row:
    """A measured exposure and its prediction.

    Attributes
    ----------
    drug, regimen, metric, value, spread, unit, source, evidence
        The measurement; `value` is a number or a range, as text.
    modules
        Modules of the library that predict it.
    level
        The quantity in the module.
    dosing
        The regimen; None if it cannot be predicted.
    at
        Time of a trough, hours after the first dose; at steady state if None.
    people
        Whose statistic it is: `all` of a population, the `highest` or `lowest` share of it by exposure such as
        `highest 18 of 40`, or empty for a typical subject.
    reason
        Why the prediction is missing, or may be far off.
    """

    drug: str
    regimen: str
    metric: str
    value: str
    spread: str
    unit: str
    source: str
    evidence: str
    modules: tuple[str, ...]
    level: str
    dosing: Dosing | None
    at: float | None
    people: str
    reason: str

    @classmethod
    def read(cls, line: Mapping[str, str]) -> Row:
        """Read a line of the table."""
        number = {name: float(line[name]) if line[name] else None for name in ("amount", "every", "over", "at")}
        settings = tuple((name, float(value)) for name, value in (s.split("=") for s in line["settings"].split()))
        amount, condition = number["amount"], line["condition"] or None
        dosing = None
        if amount is not None:
            dosing = Dosing(amount, number["every"], condition, number["over"] or 0.0, settings)
        same = {name: line[name] for name in _AS_WRITTEN}
        modules = tuple(line["module"].split())
        return cls(**same, modules=modules, dosing=dosing, at=number["at"])

    @property
    def is_change(self) -> bool:
        """Whether it is a change in % against a control."""
        return "_change" in self.metric

    @property
    def measured(self) -> tuple[float, float]:
        """Lowest and highest measured value; equal for a single number."""
        found = re.fullmatch(r"(-?[\d.]+)(?:(?: to |-)(-?[\d.]+))?", self.value)
        assert found, self
        ends = float(found[1]), float(found[2] or found[1])
        return min(ends), max(ends)


_AS_WRITTEN = (
    "drug",
    "regimen",
    "metric",
    "value",
    "spread",
    "unit",
    "source",
    "evidence",
    "level",
    "people",
    "reason",
)


@cache
def rows() -> tuple[Row, ...]:
    """All rows of the table."""
    return tuple(Row.read(line) for line in reference("pk_exposures.csv"))


def checks(library: Library | None = None) -> Iterator[Check]:
    """Check all rows of the table within 20 %, for each predicting module of the library."""
    for order in range(max(len(row.modules) for row in rows())):
        for k, row in enumerate(rows(), start=1):
            if order < len(row.modules):
                yield _check(f"PK{k:03d}{'abcdef'[order] if order else ''}", row, row.modules[order], library)


def _check(id: str, row: Row, module: str, library: Library | None) -> Check:
    """Check one row."""
    value = predict(row, module, library)
    low, high = row.measured
    if row.is_change:
        ends = 100 * ((1 + low / 100) * (1 - CLOSE) - 1), 100 * ((1 + high / 100) * (1 + CLOSE) - 1)
    else:
        ends = low * (1 - CLOSE), high * (1 + CLOSE)
    note = ""
    if value is None:
        note = row.reason
    elif row.reason and outside(row, value):
        note = f"ratio {ratio(row, value):.2f}: {row.reason}"
    drug = row.drug if module == row.modules[0] else f"{row.drug} (module `{module}`)"
    return judged(
        id,
        "drugs",
        f"{drug}, {row.regimen}: {row.metric}",
        f"{row.value}{' (' + row.spread + ')' if row.spread else ''}; within 20 %",
        float("nan") if value is None else value,
        row.unit,
        row.evidence,
        "in-sample",
        row.source,
        *ends,
        note,
    )


def ratio(row: Row, value: float) -> float:
    """Predicted over measured; 1 inside a measured range; changes in % are compared as factors."""
    low, high = row.measured
    if row.is_change:
        low, high, value = 1 + low / 100, 1 + high / 100, 1 + value / 100
    return value / high if value > high else value / low if value < low else 1.0


def outside(row: Row, value: float | None) -> bool:
    """Whether a prediction misses."""
    return value is None or not 1 - CLOSE <= ratio(row, value) <= 1 + CLOSE


def predict(row: Row, module: str | None = None, library: Library | None = None) -> float | None:
    """Predict one row, in its unit; None if impossible.

    Parameters
    ----------
    row
        Row of the table.
    module
        One of the row's modules; default: the first.
    library
        Where names are looked up.
    """
    module = module or row.modules[0]
    if row.dosing is None:
        return None
    if row.people:
        area, trough = _population(module, row.dosing, library)
        values = area if row.metric.startswith("AUC") else trough
        if row.metric in _QUARTILES:
            return float(np.percentile(values, _QUARTILES[row.metric]))
        return float(values[_part(row.people, area)].mean())
    profiles = _profiles(module, library)
    mine = profiles[row.dosing, row.level]
    if row.metric == "AUC_ratio_to_parent":
        return mine.area / profiles[row.dosing, "C"].area
    part, _, against = row.metric.partition("_")
    if part in ("Cmax", "AUC") and against.startswith(("ratio", "change")):
        control = profiles[replace(row.dosing, condition=None), row.level]
        factor = METRICS[part](mine) / METRICS[part](control)
        return 100 * (factor - 1) if row.is_change else factor
    value = METRICS[row.metric](mine) if row.at is None else mine.at(row.at)
    return 1000 * value / WEIGHT if row.unit == "mL/h/kg" else value


def _levels(module: str) -> tuple[str, ...]:
    """Quantities of a module in the table."""
    return tuple(dict.fromkeys(["C", *(row.level for row in rows() if module in row.modules)]))


@cache
def _profiles(module: str, library: Library | None) -> dict[tuple[Dosing, str], Profile]:
    """All regimens of a module in the table, and controls of comparisons."""
    wanted = [row.dosing for row in rows() if module in row.modules and row.dosing and not row.people]
    return simulated(module, list(dict.fromkeys(d for w in wanted for d in (w, replace(w, condition=None)))), library)


def simulated(
    module: str, regimens: Sequence[Dosing], library: Library | None = None
) -> dict[tuple[Dosing, str], Profile]:
    """Simulate profiles of the typical subject by regimen and quantity, with one arm per regimen."""
    arms = {f"regimen {i}": _arm(module, dosing) for i, dosing in enumerate(regimens)}
    series = _run("ngt", 1, DAYS, "0 d", STEP, arms, library).series.isel(subject=0)
    time = series.time.to_numpy()
    return {
        (dosing, name): Profile(dosing, time, series[f"{module}.{name}"].sel(arm=f"regimen {i}").to_numpy())
        for i, dosing in enumerate(regimens)
        for name in _levels(module)
    }


@cache
def _population(module: str, dosing: Dosing, library: Library | None) -> tuple[np.ndarray, np.ndarray]:
    """Area over the day after two weeks of a regimen, and the trough before it, of 1,000 subjects."""
    result = _run("healthy_adults", 1000, 15, "14 d", 1, {"regimen": _arm(module, dosing)}, library)
    day = result.series[f"{module}.C"].sel(arm="regimen", time=slice(14 * 24.0, None))
    area = np.trapezoid(day.to_numpy(), day.time.to_numpy(), axis=-1)
    return area, result.visits[f"{module}.C"].sel(arm="regimen").to_numpy().ravel()


def _part(people: str, exposure: np.ndarray) -> np.ndarray:
    """Mask of the subjects whose statistic it is."""
    found = re.fullmatch(r"(highest|lowest) (\d+) of (\d+)", people)
    if found is None:
        return np.ones(len(exposure), bool)
    share = int(found[2]) / int(found[3])
    if found[1] == "highest":
        return exposure >= np.quantile(exposure, 1 - share)
    return exposure <= np.quantile(exposure, share)


def _run(
    population: str, subjects: int, days: int, visit: str, step: float, arms: Mapping[str, Arm], library: Library | None
) -> Result:
    """Run a scenario with all drugs in one model, so that one kernel serves them."""
    modules = sorted({module for row in rows() for module in row.modules})
    scenario = Scenario(
        name="exposures",
        model=modules,
        population=population,
        subjects=subjects,
        duration=f"{days} d",
        visits=[visit],
        record=f"{step} h",
        observe=[f"{module}.{level}" for module in modules for level in _levels(module)],
        arms=arms,
        library=library,
    )
    return simulate(scenario, rtol=1e-6)


def _arm(module: str, dosing: Dosing) -> Arm:
    """A regimen as an arm of a scenario."""
    every, over = (f"{hours:g} h" if hours else None for hours in (dosing.every, dosing.over))
    dose = Dose(module, f"{dosing.amount:g} mg", every=every, over=over)
    changes = [{"at": "0 h", "condition": f"{module}.{dosing.condition}"}] if dosing.condition else []
    return Arm(doses=[dose], changes=changes, settings={f"{module}.{n}": v for n, v in dosing.settings})
