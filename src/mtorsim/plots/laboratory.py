"""Figure of a test of the virtual laboratory."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from mtorsim.conversions import Reader
from mtorsim.errors import DataError, SetError
from mtorsim.laboratory import CURVES, Examination

from .style import COLOURS, DASHES, FORMATS, STYLE, band, new_figure

__all__ = ["draw_test"]

TEST_PANELS = {
    "glucose": "Glucose", "insulin": "Insulin", "c_peptide": "C-peptide", "ffa": "Free fatty acids",
    "production": "Glucose production", "disposal": "Glucose disposal", "glucose_infusion": "Glucose infusion",
    "secretion": "Insulin secretion",
}  # fmt: skip
"""Curves of a test that are drawn."""


def draw_test(found: Examination, path: Path, reader: Reader, who: str) -> None:
    """Draw the curves of a test of the virtual laboratory: median and bands over its subjects.

    Raises
    ------
    SetError
        If the file's ending is not one of `FORMATS`.
    DataError
        If it cannot be written.
    """
    import matplotlib as mpl

    if path.suffix.lstrip(".") not in FORMATS:
        raise SetError(f"`{path}` is no picture", help="end it in " + " or ".join(f".{f}" for f in FORMATS))
    names = [n for n in TEST_PANELS if n in found.curves and np.nanmax(np.abs(found.curves[n])) > 0]
    rows = math.ceil(len(names) / 3)
    hours = found.minutes[-1] > 600
    with mpl.rc_context(STYLE):
        figure = new_figure(10.8, 2.5 * rows)
        axes = figure.subplots(rows, 3, squeeze=False)
        for name, axis in zip(names, axes.flat, strict=False):
            unit = CURVES[name][0]
            values = reader.value(name, unit, found.curves[name])
            band(axis, found.minutes / (60 if hours else 1), values, COLOURS[1], DASHES[0], wide=True)
            axis.set_title(f"{TEST_PANELS[name]} ({reader.unit(name, unit)})")
            axis.set_xlabel("time (h)" if hours else "time (min)")
            axis.set_xlim(0, found.minutes[-1] / (60 if hours else 1))
            axis.set_ylim(bottom=0)
        for axis in axes.flat[len(names) :]:
            axis.set_axis_off()
        n = len(found.subjects)
        people = f", {n} subjects: median, 50 and 90 % of them" if n > 1 else ""
        when = f", {found.at / 24:g} d after the start, arm {found.arm}" if found.at else ""
        title = f"{found.protocol.name}: {found.protocol.about}\n{who}{when}{people}"
        figure.text(0.008, 1 - 0.1 / figure.get_figheight(), title, ha="left", va="top", fontsize=10.5)
        dated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=150, metadata=dated.get(path.suffix.lstrip("."), {}))
        except OSError as problem:
            raise DataError(f"cannot write `{path}`: {problem.strerror}") from None
