"""Tests by name: a file of this folder that makes one with `laboratory_test` adds it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from functools import lru_cache

import mtorsim.protocols
from mtorsim.errors import ArgumentError, did_you_mean, spoken

from .laboratory_test import LaboratoryTest
from .protocol import Protocol

__all__ = ["laboratory_tests", "protocol"]


@lru_cache(maxsize=1)
def laboratory_tests() -> dict[str, LaboratoryTest]:
    """Every test by its name."""
    package = mtorsim.protocols
    found: dict[str, LaboratoryTest] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
        for value in vars(importlib.import_module(f"{package.__name__}.{module}")).values():
            if isinstance(value, LaboratoryTest):
                found[value.name] = value
    return found


def protocol(name: str, **options: float | Sequence[float]) -> Protocol:
    """Return a test by name.

    Parameters
    ----------
    name
        Such as `ogtt`; `laboratory_tests()` has them all.
    options
        What differs from the standard test.

    Raises
    ------
    ArgumentError
        If there is no such test or option, or a number is out of range.
    """
    known = laboratory_tests()
    if not isinstance(name, str):
        raise ArgumentError(f"a test is named by text, not {spoken(name)}", help="known are " + ", ".join(known))
    if name not in known:
        raise ArgumentError(
            f"there is no test `{name}`", help=did_you_mean(name, known) or "known are " + ", ".join(known)
        )
    return known[name](**options)
