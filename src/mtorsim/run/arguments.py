"""Check the types of arguments of public functions."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from mtorsim.errors import ArgumentError, SettingError, did_you_mean, spoken
from mtorsim.files.library import Library
from mtorsim.scenario.scenario import Scenario
from mtorsim.tables.columns import is_frame

__all__ = ["checked"]

P = ParamSpec("P")
R = TypeVar("R")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_path(value: Any) -> bool:
    return isinstance(value, (str, Path))


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_is_text, value))


def _is_numbers(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_is_number, value))


def _is_texts_by_name(value: Any) -> bool:
    return isinstance(value, Mapping) and _is_texts([*value, *value.values()])


def _is_functions(value: Any) -> bool:
    return isinstance(value, Sequence) and all(map(callable, value))


_SCENARIO = (lambda v: isinstance(v, (Scenario, str, Path, list, tuple)), "a `Scenario`, its name or its path")
_TEXT = (_is_text, "text")
_WHOLE = (_is_whole, "a whole number")
_NUMBER = (_is_number, "a finite number")
_FLAG = (_is_flag, "True or False")
_PATH = (_is_path, "a path")
_TEXTS = (_is_texts, "a list of texts")
_TEXTS_BY_NAME = (_is_texts_by_name, "texts by name")
KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "scenario": _SCENARIO,
    "trial": _SCENARIO,
    "population": (_is_text, "the name of a population"),
    "calibration": (_is_text, "the name of a calibration"),
    "arm": (_is_text, "the name of an arm"),
    "at": (lambda v: _is_text(v) or _is_number(v), "text such as `4 weeks`, or hours"),
    "dose": (_is_text, "text such as `everolimus 10 mg q24h`"),
    "settings": (lambda v: isinstance(v, Mapping), "numbers by name"),
    "library": (lambda v: isinstance(v, Library), "a `Library`"),
    "note": (callable, "a function of one line of text"),
    "progress": (lambda value: isinstance(value, bool) or callable(value), "True or a function of two whole numbers"),
    "rules": (_is_functions, "a list that holds only functions of a `Visit`"),
    "interpolation": _TEXTS_BY_NAME,
    "columns": _TEXTS_BY_NAME,
    **dict.fromkeys(("drop", "ignore", "accept", "outcomes", "predictors"), _TEXTS),
    **dict.fromkeys(("time_unit", "dialect", "additional"), _TEXT),
    "as_": (_is_text, "the name of a table"),
    "xpt_version": _WHOLE,
    "path": (lambda v: _is_path(v) or is_frame(v), "a path or a DataFrame"),
    "quantiles": (_is_numbers, "a list of numbers"),
    "method": _TEXT,
    "precision": _TEXT,
    "kernel": _TEXT,
    "out": _PATH,
    "folder": _PATH,
    **dict.fromkeys(("subjects", "seed", "threads", "chunk", "subject", "sets", "interval", "most_rounds"), _WHOLE),
    **dict.fromkeys(("samples", "trajectories"), _WHOLE),
    **dict.fromkeys(("rtol", "atol", "uln", "within"), _NUMBER),
    "parameters": (_is_texts, "a list of names"),
    **dict.fromkeys(("force", "resume", "alternatives", "variants", "one_subject"), _FLAG),
}
"""For each common argument of public functions, a predicate and a description of valid values."""


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator that checks a public function's arguments by name.

    The function then raises `ArgumentError` for an unknown argument or a wrong type, and `SettingError` for a setting
    that is not a number.
    """
    signature = inspect.signature(function)
    open_ended = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in signature.parameters and not open_ended:
                help = did_you_mean(name, signature.parameters)
                raise ArgumentError(f"`{function.__name__}` has no argument `{name}`", help=help)
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as problem:
            raise ArgumentError(f"`{function.__name__}`: {problem}") from None
        for name, value in bound.arguments.items():
            if name in KINDS:
                _check(name, value, signature.parameters[name].default is None)
                bound.arguments[name] = _plain(name, value)
        return function(*bound.args, **bound.kwargs)

    return call


def _plain(name: str, value: Any) -> Any:
    """A number of NumPy as Python's own, which kernels and JSON take."""
    fits, _ = KINDS[name]
    if fits is _is_whole and value is not None:
        return int(value)
    if fits is _is_number and value is not None:
        return float(value)
    if name == "settings" and value is not None:
        return {key: float(number) for key, number in value.items()}
    return value


def _check(name: str, value: Any, optional: bool) -> None:
    fits, words = KINDS[name]
    if not (value is None and optional) and not fits(value):
        raise ArgumentError(f"`{name}` must be {words}, not {spoken(value)}")
    if name == "settings":
        for key, number in (value or {}).items():
            if not isinstance(key, str):
                raise SettingError(f"a name in `settings` must be text, not {spoken(key)}")
            if not _is_number(number):
                raise SettingError(f"`settings`: `{key}` must be a finite number, not {spoken(number)}")
