"""A kernel as Python sees it: names of rows, and calls of what was compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from mtorsim.kernel.event import Events

__all__ = ["METHODS", "PRECISIONS", "Kernel", "Variant"]


METHODS = ("grk4t", "tsit5")
"""Integration methods, each a file of that name in `kernel`."""
PRECISIONS = ("single", "double")
"""Precisions that steps are computed in, each a file of that name in `kernel`; states are always double."""


@dataclass(frozen=True)
class Kernel:
    """Compiled code for one system, and where in its arrays each quantity lies.

    Attributes
    ----------
    name
        Name of its folder: the modules, and the hash of everything it was made from.
    states, parameters, quantities
        Names in the order of the arrays.
    fixed
        Value of each quantity that came out as a plain number, resting states among them.
    entries
        Row and column of each entry of the Jacobian, in order.
    reads
        For each quantity the states it depends on.
    modules
        The folder's modules by name: `drive`, `rest`, `problem`, ...
    """

    name: str
    folder: Path
    states: tuple[str, ...]
    parameters: tuple[str, ...]
    quantities: tuple[str, ...]
    fixed: Mapping[str, float]
    entries: tuple[tuple[int, int], ...]
    reads: tuple[tuple[int, ...], ...]
    modules: Mapping[str, ModuleType]

    def function(self, module: str, name: str) -> Callable[..., Any]:
        """One compiled function of the folder."""
        return vars(self.modules[module])[name]

    def memory(self, n: int) -> np.ndarray:
        """What `advance` remembers of subjects, at the start of their lives, (n, numbers)."""
        return np.zeros((n, vars(self.modules["drive"])["MEMORY"]))

    def advance(
        self,
        state: np.ndarray,
        memory: np.ndarray,
        parameters: np.ndarray,
        events: Events,
        samples: np.ndarray,
        rows: np.ndarray,
        until: tuple[float, float],
        tolerance: tuple[float, np.ndarray],
        steers: np.ndarray,
        out: np.ndarray,
        status: np.ndarray,
        cancel: np.ndarray | None = None,
    ) -> None:
        """Carry subjects, in place; shapes and units are those of `advance` in `drive`.

        Parameters
        ----------
        until
            From when to when, in hours.
        tolerance
            Relative, and absolute for each state.
        """
        self.function("drive", "advance")(
            state,
            memory,
            parameters,
            events.time,
            events.kind,
            events.row,
            events.amount,
            events.first,
            events.last,
            samples,
            rows,
            *until,
            *tolerance,
            steers,
            out,
            status,
            np.zeros(1, np.int64) if cancel is None else cancel,
        )

    def read_by(self, columns: np.ndarray) -> np.ndarray:
        """The states that some quantities depend on, in order."""
        return np.array(sorted({s for c in columns for s in self.reads[c]}), np.int64)

    def observed(
        self, times: np.ndarray, states: np.ndarray, rows: np.ndarray, parameters: np.ndarray, columns: np.ndarray
    ) -> np.ndarray:
        """Quantities of subjects from the states they depend on.

        Parameters
        ----------
        times
            In hours, shape (times,).
        states
            Shape (n, times, rows), the states that `rows` names.
        parameters
            Shape (n, parameters).
        columns
            The quantities.

        Returns
        -------
        ndarray
            Shape (n, times, columns).
        """
        out = np.full((*states.shape[:2], len(columns)), np.nan)
        self.function("rest", "look")(times, states, rows, parameters, columns, out)
        return out


@dataclass(frozen=True)
class Variant:
    """Which kernel of a model.

    Attributes
    ----------
    method
        One of `METHODS`.
    precision
        One of `PRECISIONS`.
    untreated
        The kernel of the untreated day, for the run-in.
    switches
        Switches that stand at a value for good, in the model's order.
    """

    method: str
    precision: str = "double"
    untreated: bool = False
    switches: tuple[tuple[str, float], ...] = ()
