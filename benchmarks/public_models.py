"""Import public models and compare them with other engines: libRoadRunner, SciPy, and NONMEM by its own tables.

    python benchmarks/public_models.py FOLDER

FOLDER holds copies of public files, which are not shipped here: `sbml/*.xml` (BioModels and others), `mrgsolve/*.cpp`
and `nonmem/`. SBML models run over 100 and 2,000 units of their time, in both engines at relative tolerances of 1e-10.
mrgsolve models are integrated by SciPy from a transcription of their equations by hand, in this file. NONMEM's own
tables are compared at every record.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.integrate import solve_ivp

import mtorsim as mt
from mtorsim.errors import MtorsimError
from mtorsim.interop.imports import import_model

EXACT = {"rtol": 1e-10, "atol": 1e-12, "precision": "double"}


def main() -> None:
    """Compare all files of the folder."""
    folder = Path(sys.argv[1])
    print("SBML: largest difference from libRoadRunner until 100 and until 2,000 units of time, relative to each state")
    for path in sorted((folder / "sbml").glob("*.xml")):
        print(f"  {path.stem:24}", against_roadrunner(path))
    print("mrgsolve: largest difference from SciPy, relative to the size of each state")
    for name, by_hand in BY_HAND.items():
        print(f"  {name:24}", against_scipy(folder / "mrgsolve" / f"{name}.cpp", *by_hand))
    print("NONMEM: largest difference from its own table, relative; the table has 5 digits")
    for name, compare in CONTROL_STREAMS.items():
        print(f"  {name:24}", compare(folder / "nonmem"))


def against_roadrunner(path: Path) -> str:
    """Compare a model's states with libRoadRunner's."""
    import libsbml
    import roadrunner

    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
    try:
        found = import_model(path, "model", unitless=True)
    except MtorsimError as error:
        return "refused: " + error.message
    model = libsbml.readSBMLFromFile(str(path)).getModel()
    told = []
    for end in (100.0, 2000.0):
        engine = roadrunner.RoadRunner(str(path))
        engine.integrator.relative_tolerance, engine.integrator.absolute_tolerance = 1e-10, 1e-16
        engine.integrator.maximum_num_steps = 10**6
        species = [model.getSpecies(s) for s in found.flat.states]
        shown = [
            f"[{s}]" if one is not None and not one.getHasOnlySubstanceUnits() else s
            for s, one in zip(found.flat.states, species, strict=True)
        ]
        engine.timeCourseSelections = ["time", *shown]
        times = np.linspace(0, end, 41)
        theirs = np.array(engine.simulate(times=list(times)))[:, 1:]
        ours = trajectories(found, times)
        size = np.maximum(np.abs(theirs).max(axis=0), 1e-12)
        still = np.ptp(theirs, axis=0).max() == 0
        told.append("nothing moves" if still else f"{(np.abs(ours - theirs).max(axis=0) / size).max():.1e}")
    return "  ".join([*told, f"{len(found.flat.states)} states"])


def trajectories(found, times: np.ndarray) -> np.ndarray:
    """States of an imported model, (times, states)."""
    with tempfile.TemporaryDirectory() as folder:
        found.save(Path(folder) / "model.toml")
        unit = found.flat.time or "h"
        names = [f"model.{found.module.names[s]}" for s in found.flat.states]
        scenario = mt.Scenario(
            model=["model"],
            population="typical",
            duration=f"{float(times[-1]) * 1.0001 + 1e-9!r} {unit}",
            visits=[f"{float(t)!r} {unit}" for t in times],
            observe=names,
            meals={"plan": "none"},
            library=mt.Library((Path(folder),)),
        )
        visits = mt.simulate(scenario, subjects=1, **EXACT).visits
        return np.array([visits[name].to_numpy().ravel() for name in names]).T


def _pk2cmt(t, y, CL=1.0, V2=20.0, Q=2.0, V3=10.0, KA=1.0, KA2=1.0):
    ev, cent, periph, ev2 = y
    cp, ct = cent / V2, periph / V3
    return [-KA * ev, KA * ev + KA2 * ev2 - (CL + Q) * cp + Q * ct, Q * cp - Q * ct, -KA2 * ev2]


def _irm1(t, y):
    ev1, cent, periph, resp, ev2 = y
    cp, ct = cent / 20.0, periph / 10.0
    stop = cp / (2.0 + cp)
    return [-ev1, ev1 + ev2 - 3.0 * cp + 2.0 * ct, 2.0 * cp - 2.0 * ct, 10.0 * (1 - stop) - 2.0 * resp, -ev2]


def _effect(t, y):
    gut, cent, periph, ce = y
    cp = cent / 2.44
    return [-0.92 * gut, 0.92 * gut - 0.8 * cent + 0.24 * periph, 0.36 * cent - 0.24 * periph, 1.305 * (cp - ce)]


def _viral(t, y):
    p, fit, c, delta, d, beta, N = 45, 0.5, 6, 0.4, 1 / 300, 5.5e-8, 6.5e6
    eps1, eps2, mu, most, rho = 0.995, 0.75, 6.14e-5, 1.3e7, 1.25
    T, infected, V, VM, IM = y
    return [
        rho * T * (1 - (T + infected + IM + N) / most) - d * T - beta * V * T - beta * VM * T,
        beta * V * T - delta * infected,
        (1 - mu) * (1 - eps1) * p * infected - c * V,
        mu * (1 - eps1) * p * infected + (1 - eps2) * fit * p * IM - c * VM,
        beta * VM * T - delta * IM,
    ]


BY_HAND = {
    "pk2cmt": (_pk2cmt, [100.0, 0, 0, 50.0], 48.0),
    "irm1": (_irm1, [100.0, 0, 0, 5.0, 0], 48.0),
    "effect": (_effect, [200.0, 0, 0, 0], 24.0),
    "viralExample": (_viral, None, 14.0),
}
"""Equations with the file's own values, a start (None: the file's), and a span."""


def against_scipy(path: Path, equations, start: list[float] | None, end: float) -> str:
    """Compare a model's states with SciPy's for equations written by hand; the start is given by doses at 0."""
    found = import_model(path, "model", unitless=True)
    times = np.linspace(0, end, 41)[1:]
    with tempfile.TemporaryDirectory() as folder:
        found.save(Path(folder) / "model.toml")
        names = list(found.flat.states)
        doses = [(n, a) for n, a in zip(names, start or [], strict=False) if a and n != "RESP"]
        rows = [(1, 0.0, 1, found.module.names[n], a) for n, a in doses]
        rows += [(1, t, 0, found.module.names[names[0]], 0.0) for t in (0.0, *times)]
        pd.DataFrame(rows, columns=["ID", "TIME", "EVID", "CMT", "AMT"]).to_csv(Path(folder) / "t.csv", index=False)
        shown = [f"model.{found.module.names[n]}" for n in names]
        run = _records(folder, shown)
    ours = run[shown].to_numpy()
    theirs = solve_ivp(equations, (0, end), start or ours[0], "LSODA", times, rtol=1e-11, atol=1e-12).y.T
    size = np.maximum(np.abs(theirs).max(axis=0), 1e-12)
    return f"{(np.abs(ours[1:] - theirs).max(axis=0) / size).max():.1e}"


def _records(folder: str, shown: list[str], **more) -> pd.DataFrame:
    """Run the table t.csv of a folder with its module, and return the observations."""
    table = mt.read_events(Path(folder) / "t.csv", **more)
    scenario = mt.Scenario(
        model=["model"],
        population="typical",
        duration="1 d",
        visits=["0 d"],
        observe=shown,
        library=mt.Library((Path(folder),)),
    )
    run = mt.simulate_events(scenario, table, method="tsit5", **EXACT)
    return run[run["EVID"].astype(float) == 0] if "EVID" in run else run


def _compared(stream: Path, table: pd.DataFrame, column: str, of: str, values=None, **more) -> str:
    """Run a table with an imported control stream and compare a column with an observable."""
    found = import_model(stream, "model", unitless=True, values=values)
    with tempfile.TemporaryDirectory() as folder:
        found.save(Path(folder) / "model.toml")
        table.to_csv(Path(folder) / "t.csv", index=False)
        name = f"model.{found.module.names[found.flat.observables.get(of, of)]}"
        run = _records(folder, [name], **more)
    theirs, ours = run[column].astype(float).to_numpy(), run[name].to_numpy()
    known = np.isfinite(theirs) & (theirs > 1e-3 * np.nanmax(theirs))
    return f"{np.max(np.abs(ours - theirs)[known] / theirs[known]):.1e}  {known.sum()} records"


def _pheno(folder: Path) -> str:
    """ADVAN1 with covariates; PRED is the prediction without random effects."""
    data = pd.read_csv(folder / "pharmpy" / "pheno.dta", sep=r"\s+")
    seen = pd.read_csv(folder / "pharmpy" / "pheno.tab", sep=r"\s+", skiprows=1)
    final = pd.read_csv(folder / "pharmpy" / "pheno.ext", sep=r"\s+", skiprows=1)
    final = final[final["ITERATION"] == -1000000000].iloc[0]
    data["PRED_NONMEM"] = seen["PRED"].to_numpy()
    data["EVID"] = (data["AMT"].astype(float) > 0).astype(int)
    data["DV"] = "."
    values = {"WGT": 1.5, "APGR": 7} | {f"THETA{k}": float(final[f"THETA{k}"]) for k in (1, 2, 3)}
    return _compared(folder / "pharmpy" / "pheno.mod", data, "PRED_NONMEM", "Y", values)


def _tables(stream: str, table: str, column: str, of: str, values: dict[str, float] | None = None):
    """A control stream and NONMEM's table: with its individual parameters as columns, or at given estimates."""

    def compare(folder: Path) -> str:
        data = pd.read_csv(folder / table)
        data["EVID"] = (data["AMT"] > 0).astype(int)
        again = data[data["EVID"] == 1].assign(EVID=0, AMT=0.0)
        data.loc[data["EVID"] == 1, column] = np.nan
        order = ["ID", "TIME", "EVID"]
        both = pd.concat([data, again]).sort_values(order, ascending=[True, True, False], kind="stable")
        return _compared(folder / stream, both.rename(columns={column: "SEEN"}), "SEEN", of, values)

    return compare


def _changing_weight(folder: Path) -> str:
    """A weight that changes at every record."""
    data = pd.read_csv(folder / "nmtests" / "data" / "2001.csv").rename(columns=str.upper)
    seen = pd.read_csv(folder / "nmtests" / "results" / "2001-nm.csv")
    data["SEEN"] = seen["CP"].to_numpy()
    kept = data[["ID", "TIME", "WT", "EVID", "AMT", "CMT", "II", "ADDL", "SEEN"]]
    return _compared(folder / "nmtests" / "2001.ctl", kept, "SEEN", "CP", {"WT": 70.0}, interpolation={"WT": "nocb"})


D = {"amt": 100, "ii": 24, "addl": 3, "rate": 0, "cmt": 1, "time": 0, "lag": 0, "f": 1, "ss": 0, "dur": 2, "evid": 1}
DOSINGS = {
    1: [{}],
    2: [{"lag": 12.13, "f": 2.23, "cmt": 2}],
    3: [{"rate": 10, "cmt": 2}],
    4: [{"amt": 480, "ii": 0, "addl": 0, "rate": 10, "cmt": 2, "f": 0.5}],
    5: [{"amt": 480, "ii": 0, "addl": 0, "rate": -2, "cmt": 2, "f": 0.5, "dur": 48}],
    6: [{"rate": 100 / 12}],
    7: [{"rate": 10, "lag": 4.15, "cmt": 2}],
    8: [{"rate": 10, "lag": 3.25, "f": 0.412, "cmt": 2}],
    9: [{"rate": 10, "lag": 3.16, "f": 0.412, "ss": 1, "cmt": 2}],
    10: [{"ii": 12, "addl": 4, "rate": 2, "f": 0.812, "ss": 1, "cmt": 2}],
    11: [{"ii": 12, "rate": 2, "ss": 1, "cmt": 2}],
    12: [{"ii": 6, "addl": 12, "rate": 8.3333, "ss": 1, "cmt": 2}],
    13: [{"ii": 10, "addl": 8, "rate": 4.12, "f": 0.412, "ss": 1, "cmt": 2}],
    14: [{"ii": 10, "addl": 8, "rate": 10, "ss": 1, "cmt": 2}],
    15: [{"lag": 4, "f": 0.412, "ss": 1, "cmt": 2}],
    16: [{"lag": 5, "f": 0.412, "cmt": 2}],
    17: [{"ii": 0, "addl": 0, "cmt": 2, "lag": 1}, {"amt": 50, "addl": 2, "rate": 24, "time": 13}],
    18: [{"rate": -2, "dur": 9, "cmt": 2, "lag": 5, "f": 0.61}],
    19: [{"rate": -2, "dur": 9, "cmt": 2, "ss": 1, "f": 0.61}],
    20: [{"ii": 12, "addl": 2, "rate": 50}, {"amt": 120, "ii": 12, "time": 50, "evid": 4}],
    21: [
        {"ii": 12, "rate": 50},
        {"amt": 0, "ii": 0, "addl": 0, "time": 50, "evid": 3},
        {"amt": 120, "ii": 16, "addl": 2, "time": 54},
    ],
    22: [{"ss": 1}, {"amt": 50, "time": 12, "ss": 2}],
    23: [{"amt": 0, "ii": 0, "addl": 0, "rate": 100, "ss": 1}],
}
"""The doses of each run of `1001.ctl`, where they differ from `D`."""


def _dosings(stream: str):
    def compare(folder: Path) -> str:
        """Lags, bioavailability, modelled durations, steady states, resets."""
        seen = pd.read_csv(folder / "nmtests" / "results" / "1001-nm-subset.csv")
        rows = []
        for run, doses in DOSINGS.items():
            for number, dose in enumerate({**D, **d} for d in doses):
                mode = 2 if dose["rate"] == -2 else 0
                own = [dose[k] for k in ("time", "evid", "amt", "cmt", "rate", "ii", "addl", "ss", "lag", "f", "dur")]
                rows.append((run, *own, mode, np.nan, number))
            first = {**D, **doses[0]}
            mine = seen[seen["RUN"] == run]
            for time, value in zip(mine["TIME"], mine["CP"], strict=True):
                rest = (first["lag"], first["f"], first["dur"], 2 if first["rate"] == -2 else 0)
                rows.append((run, time, 0, 0, 2, 0, 0, 0, 0, *rest, value, 99))
        head = [
            "ID",
            "TIME",
            "EVID",
            "AMT",
            "CMT",
            "RATE",
            "II",
            "ADDL",
            "SS",
            "LAGT",
            "BIOAV",
            "DUR2",
            "MODE",
            "SEEN",
            "N",
        ]
        table = pd.DataFrame(rows, columns=head).sort_values(["ID", "TIME", "N"], kind="stable").drop(columns="N")
        table["DV"] = "."
        values = {"LAGT": 0.0, "BIOAV": 1.0, "MODE": 0.0, "RAT2": 10.0, "DUR2": 2.0}
        changing = dict.fromkeys(("LAGT", "BIOAV", "DUR2", "MODE"), "nocb")
        return _compared(folder / "nmtests" / stream, table, "SEEN", "CP", values, interpolation=changing)

    return compare


CONTROL_STREAMS = {
    "pheno (ADVAN1)": _pheno,
    "402 (ADVAN3)": _tables("bauer402/402.ctl", "bauer402/402.tab-IDs1-4.csv", "IPRE", "Y"),
    "runODE032 (ADVAN13)": _tables(
        "cpt2cpt/runODE032.ctl",
        "cpt2cpt/runODE032.table-IDs1-2.csv",
        "PRED",
        "IPRED",
        {"THETA1": 1.37034, "THETA2": 4.19815, "THETA3": 1.38003, "THETA4": 3.87657},
    ),
    "1001 (ADVAN2)": _dosings("1001.ctl"),
    "1001-ode (ADVAN13)": _dosings("1001-ode.ctl"),
    "2001 (WT changes)": _changing_weight,
}

if __name__ == "__main__":
    main()
