"""Libraries of other tools' formats, which are installed on demand."""

from __future__ import annotations

import importlib
from types import ModuleType

from mtorsim.errors import ArgumentError

__all__ = ["needed"]


def needed(module: str, what: str, extra: str = "sbml") -> ModuleType:
    """Import a library of an extra.

    Parameters
    ----------
    what
        What it is needed for, in words.

    Raises
    ------
    ArgumentError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        message = f"{what} needs {module}, which is not installed"
        raise ArgumentError(message, help=f"pip install 'mtorsim[{extra}]'") from None
