"""The solver's precision; the line is rewritten in copies for other precisions."""

from .double import FLOAT, SINGLE, WIDTH, lanewise, narrow, rowwise, unpack, widen

__all__ = ["FLOAT", "SINGLE", "WIDTH", "lanewise", "narrow", "rowwise", "unpack", "widen"]
