"""`mtorsim indices`: indices of measured glucose, insulin and C-peptide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from mtorsim.cli.console import column, note, print_json, print_table
from mtorsim.cli.options import PATH, as_json, check_output, quiet, units
from mtorsim.cli.table_options import pair, row_options
from mtorsim.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from mtorsim.measured.indices import MeasuredIndices
    from mtorsim.units.display import DisplayUnits

MAIN = {
    "fasting": ("fasting_glucose", "fasting_insulin", "homa_ir", "homa_b", "quicki"),
    "ogtt": ("fasting_glucose", "glucose_120", "homa_ir", "matsuda", "insulinogenic_index", "oral_disposition_index"),
    "mixed-meal": ("fasting_glucose", "peak_glucose", "glucose_area", "matsuda", "insulinogenic_index"),
    "ivgtt": ("S_G", "S_I", "AIRg", "disposition_index", "K_G"),
    "clamp": ("M", "glucose", "insulin", "M_over_I", "S_I_clamp"),
    "cgm": ("mean_glucose", "cv_glucose", "time_70_180", "time_above_250", "time_below_70", "mage", "gmi"),
}
"""Indices in the printed table of several people."""
_MOST_ROWS = 40


@click.command()
@click.argument("path", metavar="FILE", type=PATH)
@click.option("--test", required=True, metavar="NAME", help="fasting, ogtt, mixed-meal, ivgtt, clamp or cgm.")
@click.option("--unit", "given_units", multiple=True, metavar="NAME=UNIT", help="Unit of a quantity: insulin=pmol/L.")
@click.option("--time-unit", default="min", show_default=True, metavar="UNIT", help="Unit of times that are numbers.")
@click.option("--by", multiple=True, metavar="COLUMN", help="Column that distinguishes visits of a person; repeatable.")
@click.option("--window", metavar="A,B", help="First and last minute of a clamp's steady state.")
@row_options
@click.option("--out", type=PATH, metavar="FILE", help="Save all indices: .csv or .parquet.")
@click.option("--force", is_flag=True, help="Replace FILE of --out.")
@units
@as_json
@quiet
def command(path: Path, test: str, out: Path | None, force: bool, **given: Any) -> int:
    """Compute indices of measured data: a table (.csv, .xpt, .sas7bdat, .rds) of samples, or of persons.

    \b
      mtorsim indices ogtt.csv --test ogtt --unit glucose=mmol/L --unit insulin=pmol/L
      mtorsim indices sensor.csv --test cgm --column "Glucose Value=glucose" --unit glucose=mg/dL

    Columns are ID, TIME, glucose, insulin, c_peptide and glucose_infusion, or G0, G120, I30 and the like. A unit in the
    head, as in `glucose (mg/dL)`, needs no option. For research and teaching, not patient care.
    """  # noqa: D301
    from mtorsim.measured.indices import indices
    from mtorsim.units.display import display_units

    shown_in = display_units(given["units"])
    if out is not None:
        check_output(out, "table", [".csv", ".parquet"])
        if out.exists() and not force:
            raise DataError(f"`{out}` already exists", help="give `--force` to replace it")
    found = indices(
        path,
        test,
        units=dict(pair("--unit", "insulin=pmol/L", text) for text in given["given_units"]),
        time_unit=given["time_unit"],
        columns=dict(pair("--column", "BZ=glucose", text) for text in given["columns"]),
        by=given["by"],
        window=_window(given["window"]),
        **{k: given[k] for k in ("ignore", "accept", "dialect", "one_subject")},
    )
    if not given["quiet"]:
        for text in found.reading:
            note(text)
    frame = _shown(found, shown_in)
    shown_units = {name: shown_in.unit(name, unit) for name, unit in found.units.items()}
    if out is not None:
        named = frame.rename(columns={n: f"{n} ({u})" if u != "1" else n for n, u in shown_units.items()})
        getattr(named, "to_csv" if out.suffix == ".csv" else "to_parquet")(out, index=False)
    if given["as_json"]:
        print_json({"test": test, "units": shown_units, "rows": _rows(frame, found), "reading": list(found.reading)})
        return 0
    _print(found, frame, shown_units, shown_in)
    if out is not None:
        print(f"table     {out}")
    return 0


def _window(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ArgumentError(
            f"`--window {text}` is not two numbers", help="write for example `--window 90,120`"
        ) from None


def _shown(found: MeasuredIndices, shown_in: DisplayUnits) -> Any:
    frame = found.frame.copy()
    for name, unit in found.units.items():
        frame[name] = shown_in.value(name, unit, frame[name])
    return frame


def _rows(frame: Any, found: MeasuredIndices) -> list[dict[str, Any]]:
    return [{**row, "notes": list(notes)} for row, notes in zip(frame.to_dict("records"), found.notes, strict=True)]


def _print(found: MeasuredIndices, frame: Any, shown_units: dict[str, str], shown_in: DisplayUnits) -> None:
    labels = [c for c in frame.columns if c not in found.units]
    if len(frame) == 1:
        rows = [[n, _text(frame[n][0]), "" if u == "1" else u, _reference(n, shown_in)] for n, u in shown_units.items()]
        print_table(["index", "value", "unit", "reference"], rows)
        for text in found.notes[0]:
            print(text)
        return
    names = [n for n in MAIN[found.test] if n in found.units]
    head = [" ".join(labels), *(f"{n}\n{'' if shown_units[n] == '1' else shown_units[n]}" for n in names)]
    people = [" ".join(str(row[c]) for c in labels) for _, row in frame.iterrows()]
    columns = [column([*frame[n].head(_MOST_ROWS), frame[n].median()]) for n in names]
    rows = [list(row) for row in zip([*people[:_MOST_ROWS], "median"], *columns, strict=True)]
    print_table(head, rows)
    if len(frame) > _MOST_ROWS:
        print(f"{len(frame) - _MOST_ROWS:,} more rows; --out FILE.csv saves all of them")
    told: dict[str, list[str]] = {}
    for who, notes in zip(people, found.notes, strict=True):
        for text in notes:
            told.setdefault(text, []).append(who)
    for text, who in told.items():
        print(f"{_who(who, len(frame))}: {text}")


def _who(labels: list[str], n: int) -> str:
    if len(labels) == n:
        return "all"
    return ", ".join(labels[:8]) + (f" and {len(labels) - 8:,} more" if len(labels) > 8 else "")


def _reference(name: str, shown_in: DisplayUnits) -> str:
    from dataclasses import replace

    from mtorsim.measured.references import reference_ranges

    known = reference_ranges().get(name)
    if known is None:
        return ""
    low, high = (shown_in.value(name, known.unit, limit) for limit in (known.low, known.high))
    return str(replace(known, low=float(f"{low:.3g}"), high=float(f"{high:.3g}")))


def _text(value: float) -> str:
    return f"{value:.4g}" if np.isfinite(value) else "-"
