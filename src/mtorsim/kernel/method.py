"""The method this kernel was made with; a generated kernel may name another one here."""

from .tsit5 import FIRST_SAME_AS_LAST, N_WORK, NAME, ORDER, STAGES, error, interpolate, step

__all__ = ["FIRST_SAME_AS_LAST", "NAME", "N_WORK", "ORDER", "STAGES", "error", "interpolate", "step"]
