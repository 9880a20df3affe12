"""One person with a week of doses and meals, and how other engines are asked about it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mtorsim as mt
from mtorsim.interop.flatten import flatten
from mtorsim.interop.person import person_of
from mtorsim.interop.trajectory import trajectory

HOURS = np.linspace(0, 168, 85)[1:-1] + 0.0137
"""Times of comparison, none of them that of a dose."""
EXACT = {"rtol": 1e-10, "atol": 1e-12, "precision": "double"}


@pytest.fixture(scope="session")
def week():
    """A woman on everolimus, with three meals a day, for a week: the person, the flat model, and her states."""
    scenario = mt.read_scenario("everolimus_breast").replace(duration="1 week", visits=["0 d", "7 d"])
    person = person_of(scenario)
    return person, flatten(person), trajectory(person, HOURS)


def apart(flat, ours, theirs):
    """Largest difference of any state, relative to its size; `theirs` gives a state by its flat name."""
    worst = {}
    for name in flat.states:
        mine = ours[flat.renamed[name]]
        size = max(np.abs(mine).max(), 1e-12)
        worst[name] = float(np.abs(mine - theirs(name)).max() / size)
    return max(worst.values())


def roadrunner_states(sbml, names, hours):
    """States by libRoadRunner, (times, states)."""
    roadrunner = pytest.importorskip("roadrunner")
    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
    engine = roadrunner.RoadRunner(sbml)
    engine.integrator.relative_tolerance, engine.integrator.absolute_tolerance = 1e-11, 1e-13
    engine.integrator.maximum_num_steps = 10**6
    engine.timeCourseSelections = list(names)
    return np.array(engine.simulate(times=[0.0, *map(float, hours)]))[1:]


def run_table(folder, module, states, table, **more):
    """Run a table of event records with a module of a folder, and return the observations."""
    table.to_csv(folder / "table.csv", index=False)
    shown = [f"{module}.{s}" for s in states]
    scenario = mt.Scenario(
        model=[module],
        population="typical",
        duration="1 d",
        visits=["0 d"],
        observe=shown,
        library=mt.Library((folder,)),
    )
    read = mt.read_events(folder / "table.csv", **more)
    run = mt.simulate_events(scenario, read, method="tsit5", **EXACT)
    return run[run["EVID"].astype(float) == 0][shown]


def with_samples(events, hours):
    """Doses of an event table, and samples."""
    events = events.rename(columns=str.upper)
    doses = events[events["EVID"] == 1][["ID", "TIME", "EVID", "CMT", "AMT", "RATE"]]
    one = {"ID": 1, "EVID": 0, "CMT": doses["CMT"].iloc[0], "AMT": 0.0, "RATE": 0.0}
    samples = pd.DataFrame({"TIME": hours}).assign(**one)[list(doses)]
    return pd.concat([doses, samples]).sort_values("TIME", kind="stable")
