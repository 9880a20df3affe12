"""Write R's `.rds` files: a data frame in R's serialization format, version 2, compressed with gzip.

Every number keeps its bits. The format stores one column after the other, so columns are gathered in temporary files
while the parts of a table pass by, and memory stays flat. Labels and units are attributes of the columns, under the
names that R packages use for them (`label`, `units`).

The format is described in the manual "R Internals", section 1.8.
"""

from __future__ import annotations

import gzip
import shutil
import struct
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from mtorsim.errors import DataError

from .source import Column, Source

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["write_rds"]

SYMBOL, PAIRS, CHARACTERS, WHOLE, NUMBER, TEXT, LIST, NOTHING, REFERENCE = 1, 2, 9, 13, 14, 16, 19, 254, 255
"""Types of R objects in the format."""
OBJECT, ATTRIBUTES, TAG = 1 << 8, 1 << 9, 1 << 10
UTF8, ASCII = 8 << 12, 64 << 12
NA_WHOLE = -(2**31)
MOST_ROWS = 2**31 - 1
NA_NUMBER = struct.pack(">Q", 0x7FF00000000007A2)
"""R's missing number: a NaN whose last word is 1954."""
BLOCK = 1 << 16
MOST_KEPT = 100_000
"""Number of different texts of a column that are kept as they are written."""
_WRITTEN_BY, _READABLE_BY = 0x00030500, 0x00020300


def write_rds(source: Source, path: Path) -> None:
    """Write a table as a data frame for `readRDS`; missing values are NA.

    Raises
    ------
    DataError
        If it has more rows than R counts in a data frame.
    """
    with ExitStack() as stack:
        spools = [_Spool(c, stack.enter_context(tempfile.TemporaryFile())) for c in source.columns]
        rows = 0
        for part in source.tables():
            rows += part.num_rows
            for spool in spools:
                spool.add(part.column(spool.column.name))
        if rows > MOST_ROWS:
            help = "write .parquet or .feather, which R reads with `arrow`"
            raise DataError(f"a data frame of R has at most {MOST_ROWS:,} rows, the table has {rows:,}", help=help)
        plain = stack.enter_context(path.open("wb"))
        # Without name and time of writing, so that equal tables are equal files.
        with gzip.GzipFile("", "wb", compresslevel=1, fileobj=plain, mtime=0) as file:
            _Stream(file).frame(source, spools, rows)


class _Spool:
    """One column on its way, in a temporary file."""

    def __init__(self, column: Column, file: IO[bytes]) -> None:
        self.column = column
        self.file = file
        self.low, self.high, self.missing = 0, 0, False
        self.texts: dict[str | None, bytes] = {None: _whole(CHARACTERS) + _whole(-1)}

    def add(self, values: pa.ChunkedArray) -> None:
        if self.column.kind == "text":
            self._add_text(values.to_pylist())
            return
        self.missing |= values.null_count > 0
        if self.column.kind == "number":
            known = values.fill_null(0.0).to_numpy().astype(">f8")
            if values.null_count:
                known[values.is_null().to_numpy()] = np.frombuffer(NA_NUMBER, ">f8")[0]
            self.file.write(known.tobytes())
            return
        known = values.fill_null(np.iinfo(np.int64).min).to_numpy()
        sure = known[known != np.iinfo(np.int64).min]
        if len(sure):
            self.low, self.high = min(self.low, int(sure.min())), max(self.high, int(sure.max()))
        self.file.write(known.astype("<i8").tobytes())

    def _add_text(self, values: Sequence[str | None]) -> None:
        known = self.texts
        for text in set(values) - set(known):
            assert text is not None
            known[text] = _characters(text)
        self.file.write(b"".join(map(known.__getitem__, values)))
        if len(known) > MOST_KEPT:
            self.texts = {None: known[None]}

    @property
    def type(self) -> int:
        """R's type of the column; whole numbers beyond R's are stored as numbers, which are exact to 2**53."""
        if self.column.kind == "whole":
            return WHOLE if self.low > NA_WHOLE and self.high < 2**31 else NUMBER
        return NUMBER if self.column.kind == "number" else TEXT

    def pour(self, out: IO[bytes] | gzip.GzipFile) -> None:
        """Write the values."""
        self.file.seek(0)
        if self.column.kind != "whole":
            shutil.copyfileobj(self.file, out, 1 << 20)
            return
        while block := self.file.read(8 * BLOCK):
            values = np.frombuffer(block, "<i8")
            lost = values == np.iinfo(np.int64).min
            if self.type == WHOLE:
                out.write(np.where(lost, NA_WHOLE, values).astype(">i4").tobytes())
            else:
                numbers = values.astype(">f8")
                numbers[lost] = np.frombuffer(NA_NUMBER, ">f8")[0]
                out.write(numbers.tobytes())


class _Stream:
    """Objects of R, written one after the other."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile) -> None:
        self.file = file
        self.symbols: dict[str, int] = {}
        file.write(b"X\n" + struct.pack(">iii", 2, _WRITTEN_BY, _READABLE_BY))

    def frame(self, source: Source, spools: Sequence[_Spool], rows: int) -> None:
        """A data frame."""
        self.file.write(_whole(LIST | OBJECT | ATTRIBUTES) + _whole(len(spools)))
        for spool in spools:
            about = {"label": spool.column.label, "units": spool.column.unit}
            about = {name: text for name, text in about.items() if text}
            self.file.write(_whole(spool.type | (ATTRIBUTES if about else 0)) + _whole(rows))
            spool.pour(self.file)
            if about:
                self._attributes({name: _texts([text]) for name, text in about.items()})
        self._attributes(
            {
                "names": _texts(c.name for c in source.columns),
                "class": _texts(["data.frame"]),
                "row.names": _whole(WHOLE) + struct.pack(">iii", 2, NA_WHOLE, -rows),
                "title": _texts([source.title]),
            }
        )

    def _attributes(self, values: Mapping[str, bytes]) -> None:
        for name, value in values.items():
            self.file.write(_whole(PAIRS | TAG))
            if name in self.symbols:
                self.file.write(_whole(REFERENCE | self.symbols[name] << 8))
            else:
                self.symbols[name] = len(self.symbols) + 1
                self.file.write(_whole(SYMBOL) + _characters(name))
            self.file.write(value)
        self.file.write(_whole(NOTHING))


def _whole(value: int) -> bytes:
    return struct.pack(">i", value)


def _characters(text: str) -> bytes:
    data = text.encode()
    return _whole(CHARACTERS | (ASCII if text.isascii() else UTF8)) + _whole(len(data)) + data


def _texts(values: Iterable[str]) -> bytes:
    items = [_characters(text) for text in values]
    return _whole(TEXT) + _whole(len(items)) + b"".join(items)
