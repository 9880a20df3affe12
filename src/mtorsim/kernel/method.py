"""The method this solver was made with; a copy may name another one here."""

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
