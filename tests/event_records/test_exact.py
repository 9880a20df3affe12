"""Two compartments with absorption against the matrix exponential, to 1e-8 at rtol 1e-8, states and observables.

The independent side knows regimens as inputs of a linear system, not as events: between two times at which an input or
a parameter changes, the amounts and the constant inflow are carried by one matrix exponential. A covariate that
changes linearly has no exponential; SciPy's DOP853 at 1e-13 carries it instead.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import mtorsim as mt
from mtorsim.compiler.solver import METHODS
from mtorsim.files.library import Library

CL, Q, V2, KA, F1, LAG = 4.0, 3.0, 60.0, 0.9, 0.7, 1.3
V = 25.0
MODULE = f"""
[module]
name = "disposition"
about = "two compartments with absorption"
time = "h"
[parameters]
CL = {{ value = {CL}, unit = "L/h", about = "clearance", source = "this_work", evidence = "convention" }}
V = {{ value = {V}, unit = "L", about = "central volume", source = "this_work", evidence = "convention" }}
Q = {{ value = {Q}, unit = "L/h", about = "exchange", source = "this_work", evidence = "convention" }}
V2 = {{ value = {V2}, unit = "L", about = "peripheral volume", source = "this_work", evidence = "convention" }}
ka = {{ value = {KA}, unit = "1/h", about = "absorption", source = "this_work", evidence = "convention" }}
F1 = {{ value = {F1}, unit = "1", about = "fraction", source = "this_work", evidence = "convention" }}
tlag = {{ value = {LAG}, unit = "h", about = "lag", source = "this_work", evidence = "convention" }}
[states]
gut = {{ unit = "mg", initial = 0, about = "gut" }}
blood = {{ unit = "mg", initial = 0, about = "blood" }}
tissue = {{ unit = "mg", initial = 0, about = "tissue" }}
[expressions]
C = {{ is = "blood / V", unit = "mg/L", about = "level" }}
[derivatives]
gut = "-ka * gut"
blood = "ka * gut - (CL + Q) / V * blood + Q / V2 * tissue"
tissue = "Q / V * blood - Q / V2 * tissue"
[doses.oral]
to = "gut"
unit = "mg"
about = "tablet"
bioavailability = "F1"
lag = "tlag"
[doses.iv]
to = "blood"
unit = "mg"
about = "vein"
"""
SCENARIO = """
title = "exact"
model = ["disposition"]
population = "typical"
duration = "1 d"
observe = ["disposition.gut", "disposition.blood", "disposition.tissue", "disposition.C"]
[visits]
at = "0 d"
"""
LOOKED = (0.0, 0.5, 2.0, 6.0, 12.0, 13.0, 18.0, 30.0, 47.5)


def matrix(v):
    return np.array([[-KA, 0, 0], [KA, -(CL + Q) / v, Q / V2], [0, Q / v, -Q / V2]])


def carried(x, inflow, start, end, volume):
    """Amounts after a span with constant inflow (3,); `volume` is a number, or a function of time."""
    if end <= start:
        return x
    if callable(volume):
        slope = lambda t, y: matrix(volume(t)) @ y + inflow  # noqa: E731
        return solve_ivp(slope, (start, end), x, method="DOP853", rtol=1e-13, atol=1e-13).y[:, -1]
    whole = np.zeros((4, 4))
    whole[:3, :3], whole[:3, 3] = matrix(volume), inflow
    return (expm(whole * (end - start)) @ [*x, 1.0])[:3]


def exact(boluses, infusions, volumes, times, start=(0.0, 0.0, 0.0)):
    """Amounts at `times` (n, 3), from boluses (time, row, amount), infusions (start, end, row, rate) and volumes."""
    cuts = sorted(
        {0.0, *times, *(b[0] for b in boluses), *(t for i in infusions for t in i[:2]), *(v[0] for v in volumes)}
    )
    x, now, found = np.array(start, float), 0.0, {}
    for cut in (c for c in cuts if c >= 0):
        inflow = np.zeros(3)
        for begin, end, row, rate in infusions:
            inflow[row] += rate * (begin <= now < end)
        volume = [v for since, v in volumes if since <= now][-1]
        x = carried(x, inflow, now, cut, volume)
        now = cut
        for time, row, amount in boluses:
            if time == cut:
                x = x + amount * np.eye(3)[row]
        found[cut] = x
    return np.array([found[t] for t in times])


def repeated(boluses, infusions, every, volume):
    """The state that one interval maps to itself."""
    zero = exact(boluses, infusions, [(0.0, volume)], [every])[0]
    return np.linalg.solve(np.eye(3) - expm(matrix(volume) * every), zero)


CONSTANT = [(0.0, V)]
REGIMENS = {
    "bolus": ("1,0,1,100,iv,,,,,\n", [(0, 1, 100)], []),
    "two boluses at once": ("1,0,1,100,iv,,,,,\n1,0,1,20,iv,,,,,\n", [(0, 1, 120)], []),
    "infusion by rate": ("1,0,1,100,iv,8,,,,\n", [], [(0, 12.5, 1, 8)]),
    "infusion by duration": ("1,0,1,100,iv,,4,,,\n", [], [(0, 4, 1, 25)]),
    "oral, with lag and fraction": ("1,0,1,100,oral,,,,,\n", [(LAG, 0, 100 * F1)], []),
    "additional": ("1,0,1,100,iv,,,12,2,\n", [(12.0 * k, 1, 100) for k in range(3)], []),
    "additional, oral": ("1,0,1,100,oral,,,12,2,\n", [(12.0 * k + LAG, 0, 100 * F1) for k in range(3)], []),
    "additional infusions overlap": (
        "1,0,1,100,iv,5,,12,2,\n",
        [],
        [(12.0 * k, 12.0 * k + 20, 1, 5) for k in range(3)],
    ),
    "into the gut at a rate": ("1,0,1,100,oral,20,,,,\n", [], [(LAG, LAG + 100 * F1 / 20, 0, 20)]),
}


@pytest.fixture
def run(tmp_path):
    """`run(rows, ...)`: amounts and level at each record that is looked at, (n, 4)."""
    (tmp_path / "disposition.toml").write_text(MODULE, encoding="utf-8")
    (tmp_path / "exact.toml").write_text(SCENARIO, encoding="utf-8")

    def go(rows, method="tsit5", **options):
        path = tmp_path / "data.csv"
        path.write_text("ID,TIME,EVID,AMT,CMT,RATE,DUR,II,ADDL,SS,V\n" + rows, encoding="utf-8")
        frame = mt.simulate_events(
            tmp_path / "exact.toml",
            mt.read_events(path, **options),
            rtol=1e-8,
            method=method,
            library=Library((tmp_path,)),
        )
        assert set(frame.status) == {"ok"}
        go.curves = frame.attrs["curves"]
        return frame[frame.EVID == "0"][[f"disposition.{n}" for n in ("gut", "blood", "tissue", "C")]].to_numpy()

    return go


def agree(found, amounts, volumes):
    """To 1e-8 of the largest amount of each state, and of the largest level."""
    wanted = np.column_stack([amounts, amounts[:, 1] / volumes])
    size = np.abs(wanted).max(axis=0)
    assert (np.abs(found - wanted) <= 1e-8 * np.where(size > 0, size, 1)).all(), np.abs(found - wanted) / size


def looks(volumes=None):
    at = LOOKED if volumes is None else [t for t in LOOKED if t in volumes]
    return "".join(f"1,{t},0,,,,,,,,{'' if volumes is None else volumes[t]}\n" for t in at)


def rows_of(given, volume=""):
    return "".join(f"{line},{volume}\n" for line in given.splitlines())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", REGIMENS)
def test_regimens(run, name, method):
    given, boluses, infusions = REGIMENS[name]
    agree(run(rows_of(given) + looks(), method), exact(boluses, infusions, CONSTANT, LOOKED), V)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["bolus", "infusion", "oral", "into a state without a route"])
def test_steady_states(run, kind, method):
    given, boluses, infusions = {
        "bolus": ("1,0,1,100,iv,,,12,,1\n", [(0.0, 1, 100)], []),
        "infusion": ("1,0,1,100,iv,25,,12,,1\n", [], [(0.0, 4.0, 1, 25)]),
        "oral": ("1,0,1,100,oral,,,12,,1\n", [(LAG, 0, 100 * F1)], []),
        "into a state without a route": ("1,0,1,100,tissue,,,12,,1\n", [(0.0, 2, 100)], []),
    }[kind]
    before = repeated(boluses, infusions, 12.0, V)
    agree(run(rows_of(given) + looks(), method), exact(boluses, infusions, CONSTANT, LOOKED, before), V)


VOLUMES = {0.0: 25.0, 2.0: 40.0, 6.0: 36.0, 12.0: 30.0, 30.0: 22.0, 47.5: 35.0}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("way", ["locf", "nocb", "linear"])
@pytest.mark.parametrize("name", ["bolus", "infusion by duration", "additional, oral"])
def test_covariates_in_states_and_observables(run, name, way, method):
    given, boluses, infusions = REGIMENS[name]
    times, own = np.array(list(VOLUMES)), np.array(list(VOLUMES.values()))
    volumes = {
        "locf": list(VOLUMES.items()),
        "nocb": [(0.0, 25.0), *zip(times[:-1], own[1:], strict=True)],
        "linear": [(0.0, lambda t: float(np.interp(t, times, own)))],
    }[way]
    if way == "linear":
        # A corner of the covariate ends a span.
        volumes = [(t, volumes[0][1]) for t in times]
    found = run(rows_of(given, 25.0) + looks(VOLUMES), method, interpolation={"V": way})
    agree(found, exact(boluses, infusions, volumes, times), own)
    # Between records, the curve has the covariate of its time.
    drawn = {n: np.array(run.curves[f"disposition.{n}"]) for n in ("blood", "C")}
    at = np.array(run.curves["time_h"])
    now = {
        "locf": own[np.searchsorted(times, at, side="right") - 1],
        "nocb": own[np.minimum(np.searchsorted(times, at), len(own) - 1)],
        "linear": np.interp(at, times, own),
    }[way]
    assert np.allclose(drawn["C"], drawn["blood"] / now, rtol=1e-9, atol=1e-12)


def test_an_event_never_refers_to_nothing(run, monkeypatch):
    """The kernel writes where an event says: a row that is not there would be memory of others."""
    from mtorsim.event_records import steady_state

    rows = []
    solve = steady_state.solve
    monkeypatch.setattr(
        steady_state, "solve", lambda k, s, p, events, *a: (rows.extend(events.row), solve(k, s, p, events, *a))
    )
    run(rows_of("1,0,1,100,tissue,,,12,,1\n") + looks())
    assert rows
    assert min(rows) >= 0
    event = steady_state.Events.listed([[(0.0, 4, -1, 0.0)]])
    assert not event.fit(3, 7)
    assert steady_state.Events.listed([[(0.0, 4, 6, 0.0), (1.0, 1, 2, 0.0)]]).fit(3, 7)
