"""The precision this kernel computes in; a generated kernel may name another one here."""

from .double import FLOAT, SMALLEST, WIDTH, exp, load, log, narrow, splat, store, widen

__all__ = ["FLOAT", "SMALLEST", "WIDTH", "exp", "load", "log", "narrow", "splat", "store", "widen"]
