"""Options of commands that read a table of event records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mtorsim.errors import ArgumentError

if TYPE_CHECKING:
    from mtorsim.event_records.table import EventTable

__all__ = ["pair", "read_table", "row_options", "table_options"]


ROWS = (
    click.option("--column", "columns", multiple=True, metavar="OLD=NEW", help="Read a column under another name."),
    click.option("--ignore", multiple=True, metavar="ROWS", help="Leave rows out: #, @, a column of letters, EVID==2."),
    click.option("--accept", multiple=True, metavar="ROWS", help="Keep only rows that satisfy one of these: STUDY==2."),
    click.option(
        "--dialect",
        default="comma",
        show_default=True,
        metavar="NAME",
        help="comma, semicolon, tab, or adam (names of CDISC).",
    ),
    click.option("--one-subject", is_flag=True, help="All rows are of one subject; the table has no ID column."),
)


def row_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options for the columns and rows of any table."""
    for option in reversed(ROWS):
        command = option(command)
    return command


def table_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options for the modules, columns and rows of a table of event records."""
    for option in reversed(
        (
            click.option(
                "--model", "models", multiple=True, metavar="NAME", help="Module, in place of SCENARIO; repeatable."
            ),
            click.option(
                "--interpolate",
                multiple=True,
                metavar="NAME=WAY",
                help="Interpolation of a covariate: locf, nocb or linear.",
            ),
            click.option("--time-unit", default="h", show_default=True, metavar="UNIT", help="Time unit of TABLE."),
            click.option(
                "--drop", multiple=True, metavar="COLUMN", help="Only copy this column to the result; repeatable."
            ),
            *ROWS,
            click.option(
                "--additional", default="record", metavar="WAY", help="Lag of additional doses: record or own-time."
            ),
        )
    ):
        command = option(command)
    return command


def read_table(path: Path, given: Mapping[str, Any]) -> EventTable:
    """Read a table with the options given.

    Raises
    ------
    MtorsimError
        If an option or the table is invalid.
    """
    from mtorsim.event_records.read import read_events

    return read_events(
        path,
        time_unit=given["time_unit"],
        interpolation=dict(pair("--interpolate", "weight=locf", text) for text in given["interpolate"]),
        columns=dict(pair("--column", "WT=weight", text) for text in given["columns"]),
        additional=given["additional"].replace("-", " "),
        **{k: given[k] for k in ("drop", "ignore", "accept", "dialect", "one_subject")},
    )


def pair(option: str, example: str, text: str) -> tuple[str, str]:
    """Read `NAME=VALUE`.

    Raises
    ------
    ArgumentError
        If it is not of this form.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not name or not value:
        raise ArgumentError(f"`{option} {text}` is not NAME=VALUE", help=f"write for example `{option} {example}`")
    return name, value
