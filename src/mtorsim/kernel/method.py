"""The method this kernel was made with; a generated kernel may name another one here."""

from .tsit5 import FIRST_SAME_AS_LAST, N_SLOPES, N_WORK, NAME, ORDER, STAGES, change_at, error, look_back, step

__all__ = [
    "FIRST_SAME_AS_LAST",
    "NAME",
    "N_SLOPES",
    "N_WORK",
    "ORDER",
    "STAGES",
    "change_at",
    "error",
    "look_back",
    "step",
]
