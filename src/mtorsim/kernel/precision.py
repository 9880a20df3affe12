"""The precision this solver was made with; a copy may name another one here."""

from .double import FLOAT, SINGLE, WIDTH, lanewise, narrow, rowwise, unpack, widen

__all__ = ["FLOAT", "SINGLE", "WIDTH", "lanewise", "narrow", "rowwise", "unpack", "widen"]
