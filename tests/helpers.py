"""Scenarios as text, made-up models, and readings of published tables."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import mtorsim as mt
from mtorsim.scenario.scenario import Scenario, scenario_from_text

TESTS = Path(__file__).parent
PUBLISHED = TESTS / "published"

TYPICAL = """
title = "typical subject"
model = ["glucose_insulin", "mtor", "everolimus"]
population = "ngt"
subjects = 1
duration = "{duration}"
observe = {observe}

[[dose]]
drug = "everolimus"
amount = "{amount}"
every = "{every}"
{more}

[visits]
at = {visits}
sample = "random"

[record]
every = "{record}"
"""


def scenario(text: str, name: str = "written_here") -> Scenario:
    """A scenario from text."""
    return scenario_from_text(text, Path(f"{name}.toml"))


def made_up(folder: Path, *names: str) -> None:
    """Copy made-up models to where a scenario will look them up."""
    for name in names:
        shutil.copy(TESTS / "models" / f"{name}.toml", folder)


def typical(
    duration: str,
    amount: str = "10 mg",
    every: str = "24 h",
    more: str = "",
    visits: str = '["0 h"]',
    record: str = "24 h",
    observe: tuple[str, ...] = (),
) -> Scenario:
    """Everolimus in the typical healthy subject."""
    text = TYPICAL.format(
        duration=duration, amount=amount, every=every, more=more, visits=visits, record=record, observe=list(observe)
    )
    return scenario(text)


def published(name: str) -> list[dict[str, str]]:
    """Rows of a published table; its first line is the citation."""
    with (PUBLISHED / name).open(encoding="utf-8") as file:
        assert next(file).startswith("#")
        return list(csv.DictReader(file))


def bits(result: mt.Result) -> dict[str, bytes]:
    """Every number of every arm, to compare to the bit."""
    data = result.visits
    return {
        str(arm): b"".join(data[n].sel(arm=arm).to_numpy().tobytes() for n in sorted(data.data_vars, key=str))
        for arm in data.arm.to_numpy()
    }
