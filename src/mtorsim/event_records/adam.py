"""Read analysis datasets with the names of CDISC's ADPPK as event records."""

from __future__ import annotations

from collections.abc import Mapping

from mtorsim.errors import DataError, UnitError, one_line
from mtorsim.tables.cells import MISSING, Cells
from mtorsim.units.units import convert, parse_unit

__all__ = ["event_columns", "hours_in"]

NAMES = {"ID": ("USUBJID", "SUBJID"), "TIME": ("AFRLT", "NFRLT")}
"""For each column of event records, those of ADPPK, of which the first is read; EVID, AMT and others are the same."""
UNIT = "FRLTU"


def event_columns(cells: Cells, columns: Mapping[str, str]) -> dict[str, str]:
    """New names of columns: those given, and of the columns ID and TIME if the table and these do not have them."""
    found = dict(columns)
    for wanted, names in NAMES.items():
        own = next((name for name in names if name in cells.head and name not in columns), None)
        if own is not None and wanted not in (*cells.head, *columns.values()):
            found[own] = wanted
    return found


def hours_in(cells: Cells, time_unit: str) -> str:
    """Unit of times: the one in the column FRLTU if there is one, or else the one given.

    Raises
    ------
    DataError
        If the column has several units, or none.
    """
    if UNIT not in cells.head:
        return time_unit
    i = cells.head.index(UNIT)
    units = list(dict.fromkeys(row[i].lower() for row in cells.rows if row[i] not in MISSING))
    try:
        if len(units) != 1:
            raise UnitError("not one unit")
        convert(1.0, parse_unit(units[0]), parse_unit("h"))
    except UnitError:
        said = ", ".join(f"`{one_line(unit, 20)}`" for unit in units[:4]) or "no unit"
        help = "all times of a table are in one unit, such as HOURS or DAYS"
        raise DataError(f"{cells.path}: column {UNIT} has {said}", help=help) from None
    return units[0]
