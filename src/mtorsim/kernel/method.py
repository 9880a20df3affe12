"""The solver's method; the line is rewritten in copies for other methods."""

from .tsit5 import FIRST_SAME_AS_LAST, N_SLOPES, NAME, ORDER, STAGES, change_at, look_back, scratch_rows, step

__all__ = [
    "FIRST_SAME_AS_LAST",
    "NAME",
    "N_SLOPES",
    "ORDER",
    "STAGES",
    "change_at",
    "look_back",
    "scratch_rows",
    "step",
]
