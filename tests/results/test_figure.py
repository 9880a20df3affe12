"""The figure of docs/r.md, drawn by R from exported files."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

import mtorsim as mt
from r import needs_r, run_r

SCRIPT = Path(__file__).parents[2] / "docs" / "r" / "main_figure.R"


@needs_r
def test_r_draws_the_main_figure_from_both_files(folder, tmp_path):
    result, said = mt.open_result(folder), []
    for suffix in ("rds", "csv"):
        result.export(tmp_path / f"visits.{suffix}")
        said.append(run_r(SCRIPT.read_text(encoding="utf-8"), tmp_path, f"visits.{suffix}", f"{suffix}.png"))
    drawn = (tmp_path / "rds.png").read_bytes()
    assert drawn == (tmp_path / "csv.png").read_bytes()
    assert struct.unpack(">II", drawn[16:24]) == (1500, 900)
    assert said[0] == said[1]
    for arm in ("everolimus", "placebo"):
        middle = np.median(result.visits.fasting_glucose.sel(arm=arm).isel(time=-1))
        assert f"{arm}: median fasting glucose {middle:.1f} mg/dL at week 24" in said[0]
