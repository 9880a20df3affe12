"""Values of a trace, which record operations instead of executing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Lanes", "Memory"]


class Lanes:
    """A value of a trace: operations on it are recorded, to be executed later."""

    single: bool
    """Whether it is in single precision."""

    def operate(self, name: str, *args: Any) -> Any:
        """Record a basic operation; `args` are values or numbers."""
        raise NotImplementedError

    def call(self, name: str, body: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Record a function of lanes, by default as its operations."""
        return body(*args)

    def narrow(self) -> Any:
        """Rounded to single precision."""
        raise NotImplementedError

    def widen(self) -> Any:
        """In double precision, exactly."""
        raise NotImplementedError

    def __add__(self, other: Any) -> Any:
        return self.operate("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return self.operate("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return self.operate("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.operate("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return self.operate("multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.operate("multiply", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.operate("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.operate("divide", other, self)

    def __neg__(self) -> Any:
        return self.operate("negate", self)


class Memory:
    """Rows of lanes of a trace."""

    def load(self, row: int) -> Any:
        """The value of a row."""
        raise NotImplementedError

    def store(self, row: int, value: Any) -> None:
        """Store a value, or a number for all lanes, in a row."""
        raise NotImplementedError

    def spread(self, number: float) -> Any:
        """Broadcast a number, in the precision of these rows."""
        raise NotImplementedError
