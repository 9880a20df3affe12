"""Indices of the fasting sample at the start of a test."""

from __future__ import annotations

from . import indices as ix
from .curves import Curves, Index

__all__ = ["fasting_indices"]


def fasting_indices(curves: Curves) -> dict[str, Index]:
    """Fasting concentrations and fluxes, and indices computed from them."""
    glucose, insulin = curves.fasting("glucose"), curves.fasting("insulin")
    return {
        "fasting_glucose": Index("mg/dL", glucose),
        "fasting_insulin": Index("uU/mL", insulin),
        "fasting_c_peptide": Index("ng/mL", curves.fasting("c_peptide")),
        "fasting_ffa": Index("mmol/L", curves.fasting("ffa")),
        "homa_ir": Index("1", ix.homa_ir(glucose, insulin)),
        "homa_b": Index("%", ix.homa_b(glucose, insulin), of_secretion=True),
        "quicki": Index("1", ix.quicki(glucose, insulin)),
        "basal_production": Index("mg/kg/min", curves.fasting("production")),
        "basal_hepatic_extraction": Index("1", curves.fasting("hepatic_extraction")),
    }
