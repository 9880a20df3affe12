"""The result of a laboratory test: curves and indices of every subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from mtorsim.errors import shortened
from mtorsim.files.html import Line, card, details, line_chart, table
from mtorsim.files.roles import BODY, CLAMP
from mtorsim.protocols.curves import Curves
from mtorsim.protocols.protocol import Fit, Protocol
from mtorsim.scenario.parts import DAY_STARTS

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["CURVES", "Examination", "clock_time"]


CURVES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "glucose": ("mg/dL", ("glucose",)),
    "insulin": ("uU/mL", ("insulin",)),
    "c_peptide": ("ng/mL", ("c_peptide",)),
    "ffa": ("mmol/L", ("ffa",)),
    "glucagon": ("1", ("glucagon",)),
    "appearance": ("mg/kg/min", (f"{BODY}.Ra",)),
    "production": ("mg/kg/min", (f"{BODY}.EGP",)),
    "disposal": ("mg/kg/min", (f"{BODY}.Uid", f"{BODY}.Uii")),
    "urinary_loss": ("mg/kg/min", (f"{BODY}.E",)),
    "secretion": ("pmol/kg/min", (f"{BODY}.S",)),
    "hepatic_extraction": ("1", (f"{BODY}.HE",)),
    "glucose_infusion": ("mg/kg/min", (f"{CLAMP}.gir",)),
    "triglycerides": ("mg/dL", ("triglycerides",)),
    "ldl": ("mg/dL", ("ldl",)),
    "hba1c": ("%", ("hba1c",)),
    "drug_level": ("ug/L", ("drug_level",)),
}
"""Recorded curves: unit, and the observable or the sum of quantities; those that the model has."""


@dataclass(frozen=True, repr=False)
class Examination:
    """The result of a test in some subjects.

    Attributes
    ----------
    protocol
        The test.
    at
        Time of the test, hours from the start of the scenario.
    arm, subjects, status
        The arm, and numbers and status of the subjects (n,).
    shown
        Curves of every subject, at finer intervals than blood samples.
    indices
        Unit and array (n,) of each index; NaN if undefined.
    notes
        Reasons for indices that are not reported, one sentence each.
    """

    protocol: Protocol
    at: float
    arm: str
    subjects: np.ndarray
    status: np.ndarray
    shown: Curves
    indices: Mapping[str, tuple[str, np.ndarray]]
    notes: tuple[str, ...] = ()

    @property
    def minutes(self) -> np.ndarray:
        """Times of the curves, (m,)."""
        return self.shown.minutes

    @property
    def curves(self) -> Mapping[str, np.ndarray]:
        """An array (n, m) per member of `CURVES` that the model has."""
        return self.shown.values

    def __repr__(self) -> str:
        n = len(self.subjects)
        who = "1 subject" if n == 1 else f"{n:,} subjects"
        shown = [f"{name} {_middle(values):.4g} {unit}" for name, (unit, values) in self.indices.items()]
        return f"Examination({self.protocol.name} at {self.at:g} h, arm {self.arm}, {who}: {shortened(shown, 6)})"

    def _repr_html_(self) -> str:
        """Glucose, insulin and all indices, for notebooks; medians and 5th to 95th percentiles."""
        charts = [self._chart(name) for name in ("glucose", "insulin") if name in self.curves]
        rows = []
        for name, (unit, values) in self.indices.items():
            found = [_middle(values, share) for share in (0.5, 0.05, 0.95)]
            middle, low, high = (f"{x:.4g}" if np.isfinite(x) else "" for x in found)
            rows.append([escape(name), middle or "none", f"{low} to {high}" if low else "", escape(unit)])
        head = ["index", "median", "5 to 95 %", "unit"]
        about = f"at {self.at:g} h, arm {self.arm}; {len(self.subjects):,} subjects, median and 5 to 95 %"
        parts = [*charts, details("indices", table(head, rows, words=3))]
        return card(f"{self.protocol.name}: {self.protocol.about}", about, *parts)

    def _chart(self, name: str) -> str:
        """Chart of a curve, over subjects."""
        middle, low, high = (np.array([_middle(v, share) for v in self.curves[name].T]) for share in (0.5, 0.05, 0.95))
        several = len(self.subjects) > 1
        line = Line(self.minutes, middle, low if several else None, high if several else None)
        return line_chart({name: line}, "min", CURVES[name][0])

    def drawn(self, name: str) -> np.ndarray:
        """A curve at the sampling times, (n, samples)."""
        return self.shown.drawn(name)

    def fits(self) -> dict[str, Fit]:
        """Models fitted to the curves of the test, by the curve's name."""
        if self.protocol.fits is None:
            return {}
        return self.protocol.fits(self.shown, {name: values for name, (_, values) in self.indices.items()})

    def dataset(self) -> xr.Dataset:
        """Return curves (subject, minute) and indices (subject,) with units."""
        import xarray as xr

        data = {n: (("subject", "minute"), c, {"units": CURVES.get(n, ("",))[0]}) for n, c in self.curves.items()}
        data |= {n: (("subject",), v, {"units": unit}) for n, (unit, v) in self.indices.items()}
        data["status"] = (("subject",), self.status, {})
        coords = {"subject": self.subjects, "minute": ("minute", self.minutes, {"units": "min"})}
        attrs = {"test": self.protocol.name, "about": self.protocol.about, "arm": self.arm, "at_h": self.at}
        attrs["notes"] = "; ".join(self.notes)
        return xr.Dataset(data, coords, attrs)


def _middle(values: np.ndarray, share: float = 0.5) -> float:
    """A quantile over subjects with a value."""
    there = values[np.isfinite(values)]
    return float(np.quantile(there, share)) if len(there) else float("nan")


def clock_time(hours: float) -> str:
    """Clock time, `hh:mm`, at some hours after the start of a scenario."""
    minutes = round(60 * (hours + DAY_STARTS)) % (24 * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
