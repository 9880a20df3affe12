"""Tests by name; every file of this folder that makes one with `laboratory_test` adds it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from functools import lru_cache

import mtorsim.protocols
from mtorsim.errors import ArgumentError, choose_from, spoken

from .laboratory_test import LaboratoryTest
from .protocol import Protocol

__all__ = ["laboratory_tests", "protocol"]


@lru_cache(maxsize=1)
def laboratory_tests() -> dict[str, LaboratoryTest]:
    """All tests by name."""
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
        Name such as `ogtt`; `laboratory_tests()` lists all.
    options
        Options that differ from the standard test.

    Raises
    ------
    ArgumentError
        If the test or an option is unknown, or a number is out of range.
    """
    known = laboratory_tests()
    if not isinstance(name, str):
        raise ArgumentError(
            f"the name of a test must be text, not {spoken(name)}", help="choose from " + ", ".join(known)
        )
    if name not in known:
        raise ArgumentError(f"there is no test `{name}`", help=choose_from(name, known))
    return known[name](**options)
