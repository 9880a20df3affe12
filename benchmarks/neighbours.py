"""A week of everolimus, doses and meals in one woman: what other engines compute from the exported model.

    python benchmarks/neighbours.py

Each line says how far the farthest state lies from ours at 83 times, relative to its largest value. libRoadRunner and
R run the exported text; mrgsolve, rxode2 and NONMEM are not run here: their text and event tables are read back by
`import-model` and `events`. R needs the package deSolve (Debian: r-cran-desolve).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import mtorsim as mt
from mtorsim.interop.export import SUFFIXES, written
from mtorsim.interop.flatten import flatten
from mtorsim.interop.imports import import_model
from mtorsim.interop.person import person_of
from mtorsim.interop.trajectory import trajectory

HOURS = np.linspace(0, 168, 85)[1:-1] + 0.0137
MODULES = ["glucose_insulin", "mtor", "everolimus"]


def main() -> None:
    """Compare all languages."""
    scenario = mt.read_scenario("everolimus_breast").replace(duration="1 week", visits=["0 d", "7 d"])
    person = person_of(scenario)
    flat = flatten(person)
    ours = trajectory(person, HOURS)
    print(f"{' + '.join(MODULES)}: {len(flat.states)} states, {len(flat.doses)} doses and parts of meals, a week")
    other = trajectory(person, HOURS, "tsit5")
    print(f"{'mtorsim, explicit method':42} {_farthest(flat, ours, lambda n: other[flat.renamed[n]])}")
    for name, compare in COMPARED.items():
        began = time.perf_counter()
        said = compare(flat, ours)
        print(f"{name:42} {said}   {time.perf_counter() - began:5.1f} s")


def _farthest(flat, ours, theirs) -> str:
    """Largest difference of a state, and which."""
    found = []
    for name in flat.states:
        mine = ours[flat.renamed[name]]
        found.append((float(np.abs(mine - theirs(name)).max() / max(np.abs(mine).max(), 1e-12)), name))
    worst, name = max(found)
    return f"{worst:.1e}  ({name})"


def _roadrunner(sbml: str, flat, ours) -> str:
    import roadrunner

    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
    engine = roadrunner.RoadRunner(sbml)
    engine.integrator.relative_tolerance, engine.integrator.absolute_tolerance = 1e-11, 1e-13
    engine.integrator.maximum_num_steps = 10**6
    engine.timeCourseSelections = list(flat.states)
    out = np.array(engine.simulate(times=[0.0, *map(float, HOURS)]))[1:]
    return _farthest(flat, ours, lambda n: out[:, list(flat.states).index(n)])


def _sbml(flat, ours) -> str:
    import libsbml

    text = written(flat, "sbml").text
    found = libsbml.readSBMLFromString(text).checkConsistency()
    return f"{_roadrunner(text, flat, ours)}; libSBML finds {found} inconsistencies"


def _antimony(flat, ours) -> str:
    import antimony

    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(written(flat, "antimony").text) < 0:
        return antimony.getLastError()
    return _roadrunner(antimony.getSBMLString(antimony.getMainModuleName()), flat, ours)


def _desolve(flat, ours) -> str:
    if shutil.which("Rscript") is None:
        return "R is not installed"
    text = written(flat, "desolve").text
    start = text.index("times <- seq(")
    text = text[:start] + 'times <- c(0, scan("times.txt", quiet = TRUE))' + text[text.index("\n", start) :]
    text = text.replace("rtol = 1e-8, atol = 1e-10", "rtol = 1e-10, atol = 1e-12")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.R").write_text(text)
        (Path(folder) / "times.txt").write_text("\n".join(repr(float(t)) for t in HOURS))
        done = subprocess.run(["Rscript", "model.R"], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            return done.stderr.strip().splitlines()[-1]
        out = pd.read_csv(Path(folder) / f"{flat.name}.csv")
    rows = out.iloc[[int(np.abs(out["time"] - t).argmin()) for t in HOURS]]
    return _farthest(flat, ours, lambda n: rows[n if n in rows else f"{n}_"].to_numpy())


def _back(flat, ours, language: str) -> str:
    """Read the text back, and run the event table that goes with it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / f"model{SUFFIXES[language]}"
        written(flat, language, "model_events.csv").save(file)
        found = import_model(file, "back", unitless=True, time="h")
        found.save(folder / "back.toml", scenario=folder / "s.toml")
        shown = [f"back.{found.module.names[s]}" for s in found.flat.states]
        if language == "sbml":
            again = trajectory(person_of(mt.read_scenario(folder / "s.toml").replace(duration="1 week")), HOURS)
            return _farthest(flat, ours, lambda n: again[shown[list(flat.states).index(n)]])
        doses = pd.read_csv(folder / "model_events.csv").rename(columns=str.upper)
        doses = doses[doses["EVID"] == 1][["ID", "TIME", "EVID", "CMT", "AMT", "RATE"]]
        samples = pd.DataFrame({"TIME": HOURS}).assign(ID=1, EVID=0, CMT=doses["CMT"].iloc[0], AMT=0.0, RATE=0.0)
        both = pd.concat([doses, samples[list(doses)]]).sort_values("TIME", kind="stable")
        scenario = mt.Scenario(
            model=["back"],
            population="typical",
            duration="1 d",
            visits=["0 d"],
            observe=shown,
            library=mt.Library((folder,)),
        )
        exact = {"method": "tsit5", "precision": "double", "rtol": 1e-10, "atol": 1e-12}
        run = mt.simulate_events(scenario, mt.read_events(both), **exact)
    out = run[run["EVID"].astype(float) == 0][shown].to_numpy()
    return _farthest(flat, ours, lambda n: out[:, list(flat.states).index(n)])


COMPARED = {
    "SBML in libRoadRunner": _sbml,
    "Antimony in libRoadRunner": _antimony,
    "deSolve in R": _desolve,
    "SBML read back": lambda flat, ours: _back(flat, ours, "sbml"),
    "mrgsolve read back": lambda flat, ours: _back(flat, ours, "mrgsolve"),
    "rxode2 read back": lambda flat, ours: _back(flat, ours, "rxode2"),
    "NONMEM read back": lambda flat, ours: _back(flat, ours, "nonmem"),
}

if __name__ == "__main__":
    main()
