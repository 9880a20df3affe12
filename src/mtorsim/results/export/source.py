"""A table that can be walked in parts, with a label and a unit for each column: what every file format is written from.

Parts keep memory independent of the number of subjects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Column", "Source", "of_frame", "of_tables"]


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes
    ----------
    kind
        `text`, `whole` or `number`.
    label
        What it is, in words; empty if the name says it.
    unit
        Of its values; empty for none.
    """

    name: str
    kind: str
    label: str = ""
    unit: str = ""

    @property
    def said(self) -> str:
        """Label and unit on one line, for formats that have one label a column."""
        words = self.label or self.name
        return f"{words} ({self.unit})" if self.unit and f"({self.unit})" not in words else words


@dataclass(frozen=True)
class Source:
    """A table.

    Attributes
    ----------
    name
        Its short name, such as `visits` or `adlb`.
    title
        What it is, in words.
    parts
        Function that gives its rows, part by part; every part has all columns.
    """

    name: str
    title: str
    columns: Sequence[Column]
    parts: Callable[[], Iterator[pa.Table]]

    def schema(self) -> pa.Schema:
        """Types, with label and unit of each column in the metadata of its field."""
        import pyarrow as pa

        types = {"text": pa.string(), "whole": pa.int64(), "number": pa.float64()}
        told = {"label": lambda c: c.label, "unit": lambda c: c.unit}
        fields = []
        for column in self.columns:
            about = {key: of(column) for key, of in told.items() if of(column)}
            fields.append(pa.field(column.name, types[column.kind], metadata=about or None))
        return pa.schema(fields, metadata={"title": self.title})

    def tables(self) -> Iterator[pa.Table]:
        """The parts with the types of the schema; a number that is not a number is a missing one."""
        import pyarrow as pa

        schema = self.schema()
        for part in self.parts():
            table = part.select(schema.names).cast(schema)
            for i, column in enumerate(self.columns):
                if column.kind == "number":
                    known = pa.array(table.column(i).to_numpy(), from_pandas=True)
                    table = table.set_column(i, schema.field(i), known)
            yield table

    def frame(self) -> pd.DataFrame:
        """The whole table in memory; missing text is empty, and missing numbers are NaN."""
        import pyarrow as pa

        schema = self.schema()
        table = pa.concat_tables([schema.empty_table(), *self.tables()])
        frame = table.to_pandas()
        for column in self.columns:
            if column.kind == "text":
                frame[column.name] = frame[column.name].fillna("").astype(object)
        return frame


def kind_of(kind: pa.DataType) -> str:
    """Kind of a column from its type."""
    import pyarrow as pa

    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return "whole"
    return "number" if pa.types.is_floating(kind) else "text"


def of_tables(name: str, title: str, schema: pa.Schema, parts: Callable[[], Iterator[pa.Table]]) -> Source:
    """Make a source from tables that have one schema; units are taken from the metadata of its fields."""
    units = {f.name: (f.metadata or {}).get(b"unit", b"").decode() for f in schema}
    columns = [Column(f.name, kind_of(f.type), unit="" if units[f.name] == "1" else units[f.name]) for f in schema]
    return Source(name, title, columns, parts)


def of_frame(name: str, title: str, frame: pd.DataFrame, units: dict[str, str] | None = None) -> Source:
    """Make a source from a table in memory."""
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False)
    columns = [Column(f.name, kind_of(f.type), unit=(units or {}).get(f.name, "")) for f in table.schema]
    return Source(name, title, columns, lambda: iter([table]))
