"""The method this kernel was made with; a generated kernel may name another one here."""

from .tsit5 import N_WORK, NAME, ORDER, STAGES, error, interpolate, step

__all__ = ["NAME", "N_WORK", "ORDER", "STAGES", "error", "interpolate", "step"]
