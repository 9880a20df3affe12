"""One rule for where names are looked up, in every command and call."""

from __future__ import annotations

import json

import pytest

import mtorsim as mt
from helpers import made_up
from mtorsim.files import library as library_module
from mtorsim.files.library import Library, library_for


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder with a drug, beside the working folder."""
    folder, here = tmp_path / "drugs", tmp_path / "here"
    folder.mkdir()
    here.mkdir()
    made_up(folder, "new_drug")
    monkeypatch.chdir(here)
    return folder


TEST = ("test", "ogtt", "--dose", "new_drug 10 mg q24h", "--at", "2 d", "--json")


def test_the_working_folder_is_looked_up_by_every_command(own, mtorsim, monkeypatch):
    monkeypatch.chdir(own)
    assert "new_drug" in [m["name"] for m in json.loads(mtorsim("list", "modules", "--json").out)["modules"]]
    assert mtorsim("check", "new_drug").code == 0
    assert "elimination" in mtorsim("show", "new_drug").out
    assert mtorsim(*TEST).code == 0


@pytest.mark.parametrize("way", ["option", "path"])
def test_folders_may_be_named(own, mtorsim, monkeypatch, way):
    more = ("--library", own) if way == "option" else ()
    assert mtorsim(*TEST).code == 2
    if way == "path":
        monkeypatch.setenv("MTORSIM_PATH", str(own))
    assert mtorsim(*TEST, *more).code == 0
    assert mtorsim("show", "new_drug", *more).code == 0
    assert "new_drug" in mtorsim("list", *more).out
    assert mtorsim("list", "--library", own / "nowhere").err.startswith("error: `--library")


def test_the_users_folder_and_installed_packages_are_looked_up(own, monkeypatch):
    library_module._installed.cache_clear()
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *args, **kwargs: str(own))
    assert "new_drug" in library_for().modules
    library_module._installed.cache_clear()

    class Point:
        def load(self):
            return own

    monkeypatch.setattr("platformdirs.user_data_dir", lambda *args, **kwargs: "/nowhere")
    monkeypatch.setattr(library_module, "entry_points", lambda group: [Point()] if group == "mtorsim.models" else [])
    assert "new_drug" in library_for().modules
    library_module._installed.cache_clear()


def test_the_first_folder_wins(own, tmp_path, monkeypatch):
    text = (own / "new_drug.toml").read_text()
    (tmp_path / "here" / "new_drug.toml").write_text(text.replace("value = 0.05", "value = 0.1"))
    monkeypatch.setenv("MTORSIM_PATH", str(own))
    assert mt.load_model("new_drug").parameters["new_drug.k"][0].value == 0.1
    assert mt.load_model("new_drug", library_for(extra=[own])).parameters["new_drug.k"][0].value == 0.05


def test_a_file_that_takes_a_bundled_ones_place_is_announced(own, mtorsim, tmp_path):
    text = Library().modules["everolimus"].read_text().replace("about = ", "about = ", 1)
    (own / "everolimus.toml").write_text(text)
    said: list[str] = []
    scenario = mt.read_scenario("everolimus_healthy", library_for(extra=[own]))
    mt.simulate(scenario, subjects=1, note=said.append)
    assert any(line.startswith("module everolimus:") and "not the bundled one" in line for line in said)
    assert not any("mtor:" in line for line in said)
