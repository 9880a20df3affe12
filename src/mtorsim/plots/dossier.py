"""Figures of the validation dossier, drawn from its checks."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from mtorsim.validation.check import Check

from .style import COLOURS, STYLE

__all__ = ["dossier_figures"]

HIT, MISS, SHOWN = "#0072B2", "#D55E00", "#777777"
ANALYTES = {"glucose": "mg/dL", "insulin": "uU/mL", "c_peptide": "ng/mL", "ffa": "mmol/L"}
_MOST = 60


def dossier_figures(checks: Sequence[Check]) -> Mapping[str, bytes]:
    """Draw the figures of all sections as SVG.

    Parameters
    ----------
    checks
        Checks of all sections.

    Returns
    -------
    dict
        By name: `physiology.oral`, `drugs.exposures`, and the section's own name for its intervals.
    """
    found: dict[str, bytes] = {}
    with mpl.rc_context(STYLE):
        oral = [c for c in checks if c.id.startswith("ogtt.")]
        if oral:
            found["physiology.oral"] = _svg(_oral(oral))
        levels = [c for c in checks if c.section == "drugs" and c.value == c.value and c.low and c.low > 0]
        if levels:
            found["drugs.exposures"] = _svg(_exposures(levels))
        for section in dict.fromkeys(c.section for c in checks):
            mine = [
                c
                for c in checks
                if c.section == section and c.passed is not None and c.value == c.value and not c.id.startswith("ogtt.")
            ]
            if mine and section != "drugs":
                found[section] = _svg(_intervals(mine[:_MOST]))
    return found


def _svg(figure: Figure) -> bytes:
    text = io.BytesIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def _oral(checks: Sequence[Check]) -> Figure:
    """Oral tests: the measured band, and the model's curve."""
    presets = list(dict.fromkeys(c.id.split(".")[1] for c in checks))
    figure = Figure(figsize=(11.0, 2.1 * len(ANALYTES)), layout="constrained")
    axes = figure.subplots(len(ANALYTES), len(presets), squeeze=False, sharex="col")
    for j, preset in enumerate(presets):
        for i, (analyte, unit) in enumerate(ANALYTES.items()):
            axis = axes[i, j]
            mine = [c for c in checks if c.id.split(".")[1:3] == [preset, analyte]]
            if not mine:
                axis.set_axis_off()
                continue
            minute = [float(c.id.split(".", 3)[3]) for c in mine]
            low, high = ([float(getattr(c, end) or 0) for c in mine] for end in ("low", "high"))
            axis.fill_between(minute, low, high, color=COLOURS[0], alpha=0.18, lw=0)
            axis.plot(minute, (np.array(low) + high) / 2, ".", color=COLOURS[0], ms=4)
            axis.plot(minute, [float(c.value or 0) for c in mine], color=HIT, lw=1.5)
            axis.set_ylim(bottom=0)
            if i == 0:
                axis.set_title(f"{preset}\n{analyte} ({unit})")
            else:
                axis.set_title(f"{analyte} ({unit})")
            axis.set_xlabel("min after 75 g")
    return figure


def _exposures(checks: Sequence[Check]) -> Figure:
    """Predicted against measured, with a band of 20 %."""
    figure = Figure(figsize=(5.6, 5.2), layout="constrained")
    axis = figure.subplots()
    for drug, colour in zip(dict.fromkeys(c.claim.split(",")[0] for c in checks), COLOURS, strict=False):
        mine = [c for c in checks if c.claim.split(",")[0] == drug]
        x = [(c.low / 0.8 + c.high / 1.2) / 2 for c in mine if c.low is not None and c.high is not None]
        y = [float(c.value or 0) for c in mine]
        axis.loglog(x, y, "o", ms=4, color=colour, label=drug, alpha=0.8)
    ends = np.array(axis.get_xlim())
    axis.fill_between(ends, 0.8 * ends, 1.2 * ends, color="#888888", alpha=0.2, lw=0)
    axis.plot(ends, ends, color="#444444", lw=0.8)
    axis.set_xlim(*ends)
    axis.set_xlabel("measured (each in its unit)")
    axis.set_ylabel("model")
    axis.legend(fontsize=8, frameon=False)
    return figure


def _intervals(checks: Sequence[Check]) -> Figure:
    """Each value in its interval of agreement, which is scaled to -1 to 1."""
    figure = Figure(figsize=(9.5, 0.8 + 0.22 * len(checks)), layout="constrained")
    axis = figure.subplots()
    for k, c in enumerate(checks):
        low, high, value = c.low, c.high, float(c.value or 0)
        if low is None or high is None:
            edge = low if high is None else high
            assert edge is not None
            size = max(abs(edge), abs(value), 1e-12)
            at = (value - edge) / size * (1 if high is None else -1)
            place, span = (-1 + 2 * at if at < 0 else -1 + at), (-1.0, 2.6)
        else:
            width = high - low or max(abs(high), 1e-12)
            place, span = (2 * value - low - high) / width, (-1.0, 1.0)
        axis.plot(span, [k, k], color="#bbbbbb", lw=5, solid_capstyle="butt")
        axis.plot(np.clip(place, -2.6, 2.6), k, "o" if c.passed else "X", color=HIT if c.passed else MISS, ms=5.5)
    axis.set_yticks(range(len(checks)), [_short(c) for c in checks], fontsize=7.5)
    axis.set_ylim(len(checks) - 0.4, -0.6)
    axis.set_xlim(-2.8, 2.8)
    axis.set_xticks([-1, 0, 1], ["low", "", "high"])
    axis.grid(axis="y", visible=False)
    figure.suptitle("values in their intervals of agreement (grey); crosses are misses", fontsize=9)
    return figure


def _short(c: Check) -> str:
    text = f"{c.id}: {c.claim}"
    return text if len(text) <= 95 else text[:94] + "…"
