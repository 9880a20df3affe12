"""Progress shown from Python: a line elsewhere, a bar in a notebook."""

from __future__ import annotations

import re
import types

import mtorsim as mt
from mtorsim.simulation import progress


def test_true_shows_a_line_that_ends_with_all_subjects(capsys, monkeypatch):
    monkeypatch.setattr(progress, "OFTEN", 0.0)
    result = mt.simulate("topp_insulin_resistance", subjects=5, chunk=2, progress=True)
    assert result.status == {"ok": 5}
    shown = re.split(r"[\r\n]", capsys.readouterr().err)
    assert [line.split(" subjects")[0] for line in shown if "subjects" in line][-1] == "5 of 5"
    mt.simulate("topp_insulin_resistance", subjects=5, progress=False)
    assert capsys.readouterr().err == ""


def test_a_notebook_gets_one_bar_that_is_updated(monkeypatch):
    told = []
    handle = types.SimpleNamespace(
        display=lambda bar: told.append(("new", bar.data)), update=lambda bar: told.append(("again", bar.data))
    )
    monkeypatch.setattr(progress, "_notebook", lambda: handle)
    monkeypatch.setattr(progress, "OFTEN", 0.0)
    bar = progress.shown_progress(True)
    bar(0, 10)
    bar(4, 10)
    bar(10, 10)
    assert [kind for kind, _ in told] == ["new", "again", "again"]
    assert "value='10' max='10'" in told[-1][1]
