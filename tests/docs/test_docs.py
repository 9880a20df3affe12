"""README and docs are executed: their files written, their commands run, their Python compared."""

from __future__ import annotations

import doctest
import re
import shlex
import shutil
from pathlib import Path

import pytest

from r import run_r

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\S*)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_a_page_does_what_it_says(page, mtorsim, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    code: list[str] = []
    for kind, file, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        if file:
            (tmp_path / file).write_text(body, encoding="utf-8")
            if kind == "toml":
                found = mtorsim("check", file)
                assert (found.code, found.err) == (0, ""), file
        elif kind == "console":
            run_console(body, mtorsim)
        elif kind == "python":
            run_python(body, page.name, names)
        elif kind == "r":
            if shutil.which("Rscript") is None:
                pytest.skip("R is not installed: no Rscript")
            code.append(body)
            run_r("".join(code), tmp_path)


def run_console(body, mtorsim):
    """Each line after a command stands in what it prints, in order; `...` stands for anything."""
    for entry in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, *shown = entry.rstrip("\n").split("\n")
        found = mtorsim(*shlex.split(command)[1:])
        assert found.code == 0, (command, found.err)
        rest = found.out
        for line in shown:
            if line == "...":
                continue
            assert line in rest, (command, line, rest)
            rest = rest[rest.index(line) + len(line) :]


def run_python(body, name, names):
    test = doctest.DocTestParser().get_doctest(body, names, name, None, None)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=said.append, clear_globs=False)
    names.update(test.globs)
    assert runner.failures == 0, "".join(said)


def test_every_link_between_pages_leads_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)


def test_the_readme_names_every_command():
    from mtorsim.cli import COMMANDS

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"`mtorsim {name}" in text or f"`{name}`" in text, name


EXAMPLES = (
    "mtorsim",
    "mtorsim.analysis.explain.explain",
    "mtorsim.analysis.risk.risk",
    "mtorsim.analysis.sensitivity.screening",
    "mtorsim.analysis.sensitivity.sensitivity",
    "mtorsim.analysis.sensitivity.variance",
    "mtorsim.laboratory.examine",
    "mtorsim.plots.mechanism",
    "mtorsim.plots.views",
    "mtorsim.population.read",
    "mtorsim.scenario.scenario",
    "mtorsim.scenario.sweep",
    "mtorsim.scenario.tables",
    "mtorsim.simulation.simulate",
    "mtorsim.trial.run",
    "mtorsim.validation.run",
)


@pytest.mark.parametrize("module", EXAMPLES)
def test_examples_in_docstrings_run(module):
    import importlib

    runner = doctest.DocTestRunner()
    found = 0
    for test in doctest.DocTestFinder().find(importlib.import_module(module)):
        if test.examples:
            found += 1
            runner.run(test)
    assert found
    assert runner.failures == 0
