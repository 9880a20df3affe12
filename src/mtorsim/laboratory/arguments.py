"""Types of what a caller of `examine` gives, checked before anything is done with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from mtorsim.errors import SetError, spoken
from mtorsim.files.library import Library
from mtorsim.scenario.scenario import Scenario

__all__ = ["check_types"]


def check_types(given: Mapping[str, Any]) -> None:
    """Refuse what is of a wrong type.

    Raises
    ------
    SetError
        For the first, by name.
    """
    for name, value in given.items():
        fits, words = KINDS[name]
        if not (value is None and name not in NEEDED) and not fits(value):
            raise SetError(f"`{name}` must be {words}, not {spoken(value)}")
    for name, value in (given.get("settings") or {}).items():
        if not isinstance(name, str):
            raise SetError(f"a name in `settings` must be text, not {spoken(name)}")
        if not _is_number(value):
            raise SetError(f"`settings`: `{name}` must be a finite number, not {spoken(value)}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "population": (_is_text, "the name of a population"),
    "scenario": (lambda v: isinstance(v, (Scenario, str, Path)), "a scenario, its name or its path"),
    "at": (lambda v: _is_text(v) or _is_number(v), "text such as `4 weeks`, or hours"),
    "arm": (_is_text, "the name of an arm"),
    "dose": (_is_text, "text such as `everolimus 10 mg q24h`"),
    "settings": (lambda v: isinstance(v, Mapping), "numbers by name"),
    "subjects": (_is_whole, "a whole number"),
    "seed": (_is_whole, "a whole number"),
    "rtol": (_is_number, "a number"),
    "library": (lambda v: isinstance(v, Library), "a `Library`"),
    "note": (callable, "a function of one line of text"),
}
"""Of each argument: whether a value fits, and what would."""

NEEDED = ("at", "rtol")
"""Arguments that cannot be None."""
