"""Oversampling of a tail: people with an extreme value of a quantity are drawn more often, and weigh less."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mtorsim.errors import ArgumentError, choose_from

__all__ = ["Tail", "read_tails", "tail_of"]

_FORM = re.compile(r"\s*(lowest|highest)\s+([\d.]+)\s*%\s+as\s+([\d.]+)\s*%\s*$")


@dataclass(frozen=True)
class Tail:
    """The extreme part of a quantity's distribution.

    Attributes
    ----------
    highest
        Whether it is the upper tail.
    share
        Its share of the population.
    sampled
        Its share of the subjects drawn.
    """

    highest: bool
    share: float
    sampled: float

    def __str__(self) -> str:
        side = "highest" if self.highest else "lowest"
        return f"{side} {100 * self.share:.10g} % as {100 * self.sampled:.10g} %"

    def stretched(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of which the tail has its share of the subjects, and the weight of each, from uniform ones."""
        inside = u < self.sampled
        from_end = np.where(
            inside,
            u / self.sampled * self.share,
            self.share + (u - self.sampled) / (1 - self.sampled) * (1 - self.share),
        )
        # A uniform number of 0 or 1 has no normal deviate.
        from_end = np.clip(from_end, 2.0**-54, 1 - 2.0**-53)
        weight = np.where(inside, self.share / self.sampled, (1 - self.share) / (1 - self.sampled))
        return (1.0 - from_end if self.highest else from_end), weight


def tail_of(text: str) -> Tail:
    """Read a tail, such as `lowest 10 % as 50 %`.

    Raises
    ------
    ArgumentError
        If the text is none, or a share is not between 0 and 100 %.
    """
    match = _FORM.match(text)
    if match is None:
        raise ArgumentError(f"`{text}` is not a tail", help="write for example `lowest 10 % as 50 %`")
    share, sampled = float(match[2]) / 100, float(match[3]) / 100
    if not (0 < share < 1 and 0 < sampled < 1):
        raise ArgumentError(f"`{text}`: shares must be between 0 and 100 %")
    return Tail(match[1] == "highest", share, sampled)


def read_tails(given: Mapping[str, str], varying: Mapping[str, str]) -> dict[str, Tail]:
    """Tails by the full name of their quantity.

    Parameters
    ----------
    given
        Tail of each quantity, as text.
    varying
        Full name of each quantity that varies, by every name it can be given.

    Raises
    ------
    ArgumentError
        If a quantity does not vary, or a text is not a tail.
    """
    found = {}
    for name, text in given.items():
        if name not in varying:
            help = choose_from(name, sorted(set(varying.values()))) if varying else "nothing varies in it"
            raise ArgumentError(f"`{name}` does not vary in this population", help=help)
        found[varying[name]] = tail_of(text)
    return found
