"""Indices of oral tests: glucose, insulin and C-peptide over two hours."""

from __future__ import annotations

from . import indices as ix
from .curves import Curves, Index
from .fasting import fasting_indices

__all__ = ["oral_indices"]


def oral_indices(curves: Curves) -> dict[str, Index]:
    """Concentrations, peaks, areas, and indices of sensitivity and secretion."""
    t, glucose, insulin = curves.samples, curves.drawn("glucose"), curves.drawn("insulin")
    fine, fine_i, minutes = curves["glucose"], curves["insulin"], curves.minutes
    index, sensitivity = ix.insulinogenic(t, glucose, insulin), ix.matsuda(t, glucose, insulin)
    ratio = ix.area(t, insulin, 0, 120) / ix.area(t, glucose, 0, 120)
    return fasting_indices(curves) | {
        "glucose_30": Index("mg/dL", ix.at(t, glucose, 30)),
        "glucose_60": Index("mg/dL", ix.at(t, glucose, 60)),
        "glucose_120": Index("mg/dL", ix.at(t, glucose, 120)),
        "insulin_30": Index("uU/mL", ix.at(t, insulin, 30)),
        "insulin_120": Index("uU/mL", ix.at(t, insulin, 120)),
        "peak_glucose": Index("mg/dL", fine.max(axis=1)),
        "peak_glucose_time": Index("min", minutes[fine.argmax(axis=1)]),
        "peak_insulin": Index("uU/mL", fine_i.max(axis=1)),
        "peak_insulin_time": Index("min", minutes[fine_i.argmax(axis=1)]),
        "matsuda": Index("1e-4/(mg/dL*uU/mL)", sensitivity),
        "insulinogenic_index": Index("uU/mL/(mg/dL)", index, of_secretion=True),
        "oral_disposition_index": Index("1e-4/(mg/dL)**2", index * sensitivity, of_secretion=True),
        "issi_2": Index("1e-4/(mg/dL)**2", ratio * sensitivity, of_secretion=True),
        "glucose_area": Index("mg/dL*min", ix.area(t, glucose, 0, 120)),
        "glucose_area_above_fasting": Index("mg/dL*min", ix.incremental_area(t, glucose, 0, 120)),
        "insulin_area": Index("uU/mL*min", ix.area(t, insulin, 0, 120)),
        "insulin_area_above_fasting": Index("uU/mL*min", ix.incremental_area(t, insulin, 0, 120)),
        "c_peptide_area": Index("ng/mL*min", ix.area(t, curves.drawn("c_peptide"), 0, 120)),
        "lowest_production": Index("mg/kg/min", curves["production"].min(axis=1)),
    }
