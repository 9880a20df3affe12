"""The documentation site: notebooks run, the site builds without a warning, and every picture is in the gallery."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest

import mtorsim as mt

mpl.use("Agg")
DOCS = Path(__file__).resolve().parents[2] / "docs"
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n((?::[^\n]*\n)*)(.*?)^```$", re.MULTILINE | re.DOTALL)
NOTEBOOKS = [p for p in sorted(DOCS.rglob("*.md")) if CELL.search(p.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {"__name__": "notebook"}
    for number, (_, code) in enumerate(CELL.findall(page.read_text(encoding="utf-8"))):
        exec(compile(code, f"{page.name} cell {number}", "exec"), names)


def test_the_gallery_shows_every_picture():
    text = (DOCS / "gallery.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"mt\.plot\.(\w+)\(", text)) | ({"bands"} if "result.plot(" in text else set())
    assert shown == set(mt.plot.__all__)


def test_the_api_page_names_everything_public():
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    named = set(re.findall(r"mtorsim\.(\w+)$", text, re.MULTILINE))
    # Models and populations are what two functions return, and pictures have a part of their own.
    assert named == set(mt.__all__) - {"plot", "Model", "Population"}


def test_the_site_builds_without_a_network_or_a_warning(tmp_path):
    pytest.importorskip("myst_nb", reason="the site's libraries are an extra: `make docs` installs them")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-D", "nb_execution_mode=off"]
    built = subprocess.run(
        [*command, "-d", tmp_path / "doctrees", DOCS, tmp_path / "html"], capture_output=True, text=True, timeout=300
    )
    assert built.returncode == 0, built.stderr[-3000:]
    page = (tmp_path / "html" / "reference" / "module_mtor.html").read_text(encoding="utf-8")
    for part in ("<math", "<svg", 'id="by-organ"', "Alpelisib2024"):
        assert part in page
    fetched = re.compile(r"<(?:script|link|img)[^>]+(?:src|href)=\"(?:https?:)?//")
    for html in (tmp_path / "html").rglob("*.html"):
        assert not fetched.search(html.read_text(encoding="utf-8")), html.name
