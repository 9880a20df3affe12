"""Oral tests of the presets by an independent implementation: equations typed by hand, fixed steps, no search for rest.

    python tests/published/oracle_ogtt.py

Writes oracle_ogtt.csv, and the parameters it used to oracle_ogtt.json, beside this file. Nothing of mtorsim is used but
its parameter values: the fasting state is where twenty days without food end, the untreated day is repeated ten times,
and all is integrated by Runge-Kutta of order 4 in steps of 0.25 min.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np

PRESETS = ["igt", "ngt", "ngt_obese", "t2d", "t2d_mild"]
STEP = 0.25
DAY = 1440
MEALS = {0: (60, 20, 15), 300: (80, 30, 25), 660: (80, 30, 30)}
"""Minutes from 07:30: g of carbohydrate, protein and fat."""
SOLID = 0.7
MINUTES = [0, 10, 20, 30, 45, 60, 75, 90, 120, 150, 180, 210, 240]
STATES = ["Qs1", "Qs2", "Qg", "Qf", "Qp", "AA", "Gp", "Gt", "Il", "Ip", "X", "XL", "XB", "Y", "R", "INC", "F", "FL"]
STATES += ["H", "C1", "C2"]


def logistic(x):
    return 1 / (1 + np.exp(-x))


def hill(x, k, n):
    return x**n / (k**n + x**n)


def adapted(p, mean):
    """Compensation and what glucotoxicity has left, at a mean glucose."""
    return 1 + p.kap * logistic((mean - p.Gc) / p.wc), 1 - p.tox * logistic((mean - p.Gt0) / p.wt)


def fluxes(s, p, capacity):
    """Slopes of the fast states, per minute, and what is shown."""
    G, I = s.Gp / p.VG, s.Ip / p.VI
    empties = p.kmax * s.Qs2 / (1 + s.Qs2 / p.Qsat) / (1 + s.Qf / p.Kfat)
    appears = p.fabs * p.kabs * s.Qg / p.BW
    # uptake and loss
    action = p.SIp * s.X / (1 + p.aFp * (s.F / p.Fref - 1))
    tissue = (p.GE * p.Vm0 + p.Vmx * hill(action, p.us, p.nu)) * s.Gt / (p.Km0 + s.Gt)
    brain = p.Fcns * G / (p.Kcns + G)
    urine = p.GFR / p.BW * p.wRT * np.logaddexp(0, (G - p.RT) / p.wRT)
    # the islet
    felt, usual = p.SIb * s.XB / (s.XB + p.KB), p.XBr / (p.XBr + p.KB)
    steep = p.nHg * capacity / (capacity + p.Kpar)
    glucagon = 2 * p.Gref**steep / (p.Gref**steep + G**steep)
    glucagon *= (1 + p.gAA * s.AA) * (1 + p.qH * usual) / (1 + p.qH * felt)
    glucagon *= 1 + p.cCR * logistic((p.Gcr - G) / p.wcr)
    drive = (1 + p.qB * usual) / (1 + p.qB * felt) * (1 - p.aFs + 2 * p.aFs * s.F / (s.F + p.Fref))
    provided = capacity * drive * G**p.ns / (p.Ks**p.ns + drive * G**p.ns)
    provided *= (1 + p.ainc * p.phinc * s.INC / (p.Kinc + s.INC)) * (1 + p.aAs * s.AA)
    released = p.r0 / p.phid * drive + p.r1 * drive * G**p.nr / (p.Kr**p.nr + drive * G**p.nr)
    secreted = released * s.R
    # the liver
    direct = 1 - hill(p.SIh * s.XL, p.KL, p.nL)
    fatty = 1 - p.aFh + p.aFh * (1 + p.cF) * s.FL / (p.cF * p.Fref + s.FL)
    hormonal = 1 - p.aH + p.aH * (1 + p.KHg) * s.H / (p.KHg + s.H)
    own = p.gmin + (1 - p.gmin) * 2 * p.Gref**p.ng / (p.Gref**p.ng + G**p.ng)
    produced = p.kEGP * p.EGP0 * direct * fatty * hormonal * own
    degraded = p.CLI * p.m3x / (1 + s.Il / p.KHE)
    lipolysis = p.Fmax * (1 - (1 - p.fl) * hill(p.SIa * s.X, p.Klip, p.nlip))
    slopes = SimpleNamespace(
        Qs1=-p.kgri * s.Qs1,
        Qs2=p.kgri * s.Qs1 - empties,
        Qg=empties - p.kabs * s.Qg,
        Qf=-p.kfat * s.Qf,
        Qp=-p.kprot * s.Qp,
        AA=p.rAA * p.kprot * s.Qp / p.BW - p.kAA * s.AA,
        Gp=produced + appears - brain - urine - p.k1 * s.Gp + p.k2 * s.Gt,
        Gt=p.k1 * s.Gp - p.k2 * s.Gt - tissue,
        Il=secreted + p.m2 * s.Ip - (p.m1 + degraded) * s.Il,
        Ip=p.m1 * s.Il - (p.m2 + p.CLI * p.m4) * s.Ip,
        X=p.p2U * (I - s.X),
        XL=p.kL * (s.Il - s.XL),
        XB=p.kB * (I - s.XB),
        Y=p.ay * (provided - s.Y),
        R=s.Y - secreted,
        INC=p.kinc * (appears - s.INC),
        F=p.kF * (lipolysis - s.F),
        FL=p.kFL * (s.F - s.FL),
        H=p.kH * (glucagon - s.H),
        C1=secreted * p.BW / p.VC - (p.k01 + p.k21) * s.C1 + p.k12 * s.C2,
        C2=p.k21 * s.C1 - p.k12 * s.C2,
    )
    return np.stack([getattr(slopes, n) for n in STATES]), (G, I / p.insulin_factor, s.C1 / p.c_peptide_factor, s.F)


def slope(x, p, capacity):
    return fluxes(SimpleNamespace(**dict(zip(STATES, x, strict=True))), p, capacity)[0]


def stepped(x, p, capacity, h=STEP):
    a = slope(x, p, capacity)
    b = slope(x + h / 2 * a, p, capacity)
    c = slope(x + h / 2 * b, p, capacity)
    return x + h / 6 * (a + 2 * b + 2 * c + slope(x + h * c, p, capacity))


def day(x, p, capacity):
    """A day of three meals."""
    for i in range(int(DAY / STEP)):
        if (minute := i * STEP) in MEALS:
            carbohydrate, protein, fat = MEALS[int(minute)]
            x = x.copy()
            x[0] += 1000 * SOLID * carbohydrate * p.appetite
            x[1] += 1000 * (1 - SOLID) * carbohydrate * p.appetite
            x[STATES.index("Qp")] += protein * p.appetite
            x[STATES.index("Qf")] += fat * p.appetite
        x = stepped(x, p, capacity)
    return x


def main() -> None:
    from mtorsim.model.compose import load_model
    from mtorsim.population.read import load_population

    model = load_model(["glucose_insulin"])
    used = {}
    for preset in PRESETS:
        values, _ = load_population(preset, model).draw(1, np.arange(1))
        full = {n: line.value for n, (line, _) in model.parameters.items() if line.value is not None}
        used[preset] = {n: float(v) for n, v in full.items()} | {
            n: float(v[0]) for n, v in values.items() if n.startswith("glucose_insulin.") and np.isfinite(v[0])
        }
    names = {n.partition(".")[2] for n in used["ngt"]}
    p = SimpleNamespace(**{n: np.array([used[x][f"glucose_insulin.{n}"] for x in PRESETS]) for n in names})
    x = np.zeros((len(STATES), len(PRESETS)))
    start = {
        "Gp": 120,
        "Gt": 100,
        "Il": 4,
        "Ip": 2,
        "X": 40,
        "XL": 4,
        "XB": 40,
        "Y": 2,
        "R": 200,
        "F": 0.5,
        "FL": 0.5,
        "H": 1,
    }
    for name, value in start.items():
        x[STATES.index(name)] = value
    # Without food, compensation and toxicity always those of the mean that the day will have.
    for _ in range(int(20 * DAY / STEP)):
        G = x[STATES.index("Gp")] / p.VG
        comp, func = adapted(p, G + p.day_rise + p.day_slope * (G - p.Gref))
        capacity = p.fsec * comp * func * p.phis
        x = stepped(x, p, capacity)
    for _ in range(10):
        x = day(x, p, capacity)
    x[1] += 75_000
    rows = []
    for i in range(int(MINUTES[-1] / STEP) + 1):
        if i * STEP in MINUTES:
            shown = fluxes(SimpleNamespace(**dict(zip(STATES, x, strict=True))), p, capacity)[1]
            rows += [(preset, int(i * STEP), *(float(v[j]) for v in shown)) for j, preset in enumerate(PRESETS)]
        x = stepped(x, p, capacity)
    here = Path(__file__).parent
    about = (
        "# 75 g oral glucose tolerance test of each preset at the end of its own untreated days, by an independent "
        "implementation of the same equations (oracle_ogtt.py: typed by hand, Runge-Kutta of order 4, steps of "
        "0.25 min) at the parameters in oracle_ogtt.json. evidence: derived."
    )
    with (here / "oracle_ogtt.csv").open("w", encoding="utf-8", newline="") as handle:
        handle.write(about + "\n")
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["population", "minute", "glucose", "insulin", "c_peptide", "ffa"])
        for preset, minute, *values in sorted(rows):
            writer.writerow([preset, minute, *(f"{v:.7g}" for v in values)])
    (here / "oracle_ogtt.json").write_text(json.dumps(used, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
