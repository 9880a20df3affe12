"""Kinds of tests: options with units and ranges, from which a protocol is made."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, get_type_hints

import numpy as np

from mtorsim.errors import ArgumentError, did_you_mean, spoken

from .protocol import Protocol

__all__ = ["LaboratoryTest", "Option", "OptionError", "laboratory_test"]


class OptionError(ArgumentError):
    """An option of a test is wrong.

    Parameters
    ----------
    option
        Name of the option.
    message, help
        As for every error.
    """

    def __init__(self, option: str, message: str, help: str | None = None) -> None:
        super().__init__(message, help=help)
        self.option = option


@dataclass(frozen=True)
class Option:
    """Annotation of an option of a test: unit, range and description.

    Attributes
    ----------
    unit, low, high
        Of the values.
    about
        Short description.
    zero
        Meaning of 0, if it is allowed in addition to the range.
    most
        Largest number of values.
    """

    unit: str
    low: float
    high: float
    about: str
    zero: str = ""
    most: int = 1

    def check(self, name: str, value: object) -> None:
        """Raise if a value is not a number or is out of range.

        Raises
        ------
        OptionError
            For the first invalid value.
        """
        several = list(np.atleast_1d(value)) if isinstance(value, np.ndarray) else value
        listed = isinstance(several, (list, tuple))
        values: list[Any] = list(several) if isinstance(several, (list, tuple)) else [several]
        for one in values:
            if not isinstance(one, (int, float, np.number)) or isinstance(one, bool) or not np.isfinite(one):
                raise OptionError(name, f"`{name}` must be a number, not {spoken(one)}")
        if listed and self.most == 1:
            raise OptionError(name, f"`{name}` must be one number")
        if not 1 <= len(values) <= self.most:
            raise OptionError(name, f"`{name}` has {len(values)} values: it must have 1 to {self.most}")
        for one in values:
            if not (self.low <= one <= self.high or (self.zero and one == 0)):
                message = f"`{name}` = {one:g} is outside {self.low:g} to {self.high:g} {self.unit}".rstrip()
                raise OptionError(name, message, help=f"0 means {self.zero}" if self.zero else None)


@dataclass(frozen=True)
class LaboratoryTest:
    """A kind of test; called with options, it returns a protocol.

    Attributes
    ----------
    name
        Name of the test.
    make
        The function that makes a protocol; its annotated arguments are the options.
    parts
        Attributes of all its protocols: indices, panels, dots, fits.
    """

    name: str
    make: Callable[..., Protocol]
    parts: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def about(self) -> str:
        """One sentence on what the test is."""
        return (inspect.getdoc(self.make) or "").partition("\n")[0]

    @cached_property
    def options(self) -> dict[str, Option]:
        """The options, by name."""
        hints = get_type_hints(self.make, include_extras=True)
        return {name: hints[name].__metadata__[0] for name in inspect.signature(self.make).parameters}

    @property
    def usual(self) -> dict[str, float | Sequence[float]]:
        """The default of each option."""
        return {name: p.default for name, p in inspect.signature(self.make).parameters.items()}

    def __call__(self, **options: float | Sequence[float]) -> Protocol:
        """Return the protocol for some options.

        Raises
        ------
        OptionError
            If an option is unknown, or a number is out of range.
        """
        for name, value in options.items():
            if name not in self.options:
                help = did_you_mean(name, self.options) or f"`{self.name}` takes {', '.join(self.options)}"
                raise OptionError(name, f"the test `{self.name}` has no option `{name}`", help)
            self.options[name].check(name, value)
        return replace(self.make(**options), name=self.name, options=self._differing(options), **self.parts)

    def _differing(self, options: Mapping[str, float | Sequence[float]]) -> str:
        """Options that differ from the standard test, such as `insulin = 0.5, 2 mU/kg/min; step = 60 min`."""
        parts = []
        for name, usual in self.usual.items():
            values = np.atleast_1d(options.get(name, usual)).astype(float)
            if not np.array_equal(values, np.atleast_1d(usual)):
                unit = self.options[name].unit
                parts.append(f"{name} = {', '.join(f'{v:.10g}' for v in values)} {unit}".rstrip())
        return "; ".join(parts)


def laboratory_test(name: str, **parts: Any) -> Callable[[Callable[..., Protocol]], LaboratoryTest]:
    """Decorator that makes a test of a function from options to a protocol.

    Parameters
    ----------
    name
        Name of the test.
    parts
        Attributes of `Protocol` that do not depend on options: `indices`, `panels`, `dots`, `fits`.
    """
    return lambda make: LaboratoryTest(name, make, parts)
