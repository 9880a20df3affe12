"""Write texts to files, all or none of which exist before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mtorsim.errors import DataError

__all__ = ["save_texts"]


def save_texts(files: Mapping[Path, str], force: bool) -> list[Path]:
    """Write texts to files.

    Raises
    ------
    DataError
        If a file exists and `force` is false, or cannot be written.
    """
    for file in files:
        if file.exists() and not force:
            raise DataError(f"`{file}` already exists", help="pass `force=True` to replace it")
    for file, text in files.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as problem:
            raise DataError(f"cannot write `{file}`: {problem.strerror or problem}") from None
    return list(files)
