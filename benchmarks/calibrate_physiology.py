"""Calibrate the untreated physiology on the reference data: the reference person first, then each preset.

    python benchmarks/calibrate_physiology.py [--preset NAME ...] [--write]

Least squares (scipy.optimize.least_squares) on the logarithms of the parameters. What counts:

- each point of the oral test, by the SD of the subjects; beyond 0.85 SD nine times as much, so that
  the curve stays inside the band where it can;
- clamp, intravenous test, day and secretion by the tolerances in `TARGETS`, likewise;
- a prior on every free parameter: centred at `BEFORE`, with an SD on the log scale of 0.3 unless `SPREADS`
  says otherwise. The fit starts at the values in the files.

Each line prints what was aimed at, the tolerance, and what came out; `--write` puts the parameters into
the model and population files. No drug, trial or mechanism check is looked at, but for one prior: `qB`, of which
these data tell a lower bound only, has a prior of 12 with a small SD, since with less one tablet of alpelisib
raises fasting glucose too much.
"""

from __future__ import annotations

import argparse
import csv
import re
import time
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.special import expit

from mtorsim.files.library import bundled_folder
from mtorsim.laboratory.plan_tests import plan_tests
from mtorsim.laboratory.run_test import examine_people
from mtorsim.protocols.clamp import clamp
from mtorsim.protocols.hyperglycaemic_clamp import hyperglycaemic_clamp
from mtorsim.protocols.ivgtt import ivgtt
from mtorsim.protocols.ogtt import ogtt
from mtorsim.protocols.profile import profile
from mtorsim.run.plan import Plan
from mtorsim.run.prepare import prepare_given
from mtorsim.scenario.parts import LabTest

MODELS = bundled_folder("models")
BODY = "glucose_insulin."
TESTS = {
    "ogtt": ogtt(),
    "clamp": clamp(),
    "low": clamp(insulin=0.25),
    "ivgtt": ivgtt(),
    "hyper": hyperglycaemic_clamp(),
    "day": profile(),
}
HINGE, STIFF, CORNER = 0.85, 8.0, 0.05
"""Beyond so many SD a residual grows this much faster; the corner is rounded, since a search stops at a sharp one."""

NGT_FREE = (
    "kgri",
    "kmax",
    "Qsat",
    "kabs",
    "VG",
    "k1",
    "k2",
    "Vm0",
    "Vmx",
    "us",
    "nu",
    "p2U",
    "EGP0",
    "KL",
    "kL",
    "ng",
    "gmin",
    "aFh",
    "kFL",
    "aFp",
    "nHg",
    "qH",
    "m4",
    "m3x",
    "KHE",
    "phis",
    "Ks",
    "ns",
    "ay",
    "r0",
    "r1",
    "Kr",
    "nr",
    "ainc",
    "Kinc",
    "kinc",
    "Fmax",
    "Klip",
    "nlip",
    "kF",
    "qB",
    "KB",
    "kB",
    "aFs",
)
PRESET_FREE = ("SIp", "SIh", "SIa", "phis", "phid", "phinc", "CLI", "ay")
BEFORE = {
    "ngt": {
        "kgri": 0.011, "kmax": 0.0773, "Qsat": 9776, "kabs": 0.304, "VG": 1.2, "k1": 0.14, "k2": 0.075,
        "Vm0": 1.23, "Vmx": 39, "us": 610, "nu": 1.41, "p2U": 0.069, "EGP0": 5, "KL": 6, "kL": 0.0407,
        "ng": 1.1, "gmin": 0.3, "aFh": 0.6, "kFL": 0.03, "aFp": 0.155, "nHg": 1.5, "qH": 0.6,
        "m4": 0.087, "m3x": 0.211, "KHE": 68, "phis": 11, "Ks": 217, "ns": 2.68, "ay": 0.089,
        "r0": 0.00637, "r1": 0.695, "Kr": 167, "nr": 8.3, "ainc": 1.22, "Kinc": 2.6, "kinc": 0.074,
        "Fmax": 1.02, "Klip": 32.4, "nlip": 2.44, "kF": 0.044, "qB": 12, "KB": 16, "kB": 0.05, "aFs": 0.15,
    },
    "ngt_obese": {"SIp": 0.42, "SIh": 0.55, "SIa": 0.5, "phis": 14, "phid": 1, "phinc": 1, "CLI": 1, "ay": 0.05},
    "igt": {"SIp": 0.38, "SIh": 0.5, "SIa": 0.5, "phis": 5, "phid": 1, "phinc": 0.8, "CLI": 1, "ay": 0.0625},
    "t2d_mild": {"SIp": 0.26, "SIh": 0.3, "SIa": 0.4, "phis": 3.2, "phid": 1, "phinc": 0.8, "CLI": 1, "ay": 0.05},
    "t2d": {"SIp": 0.35, "SIh": 0.35, "SIa": 0.4, "phis": 2.4, "phid": 1, "phinc": 0.75, "CLI": 1, "ay": 0.05},
}  # fmt: skip
"""The centres of the priors: values of the structure before insulin held secretion back, and round numbers."""

SPREADS = {
    "nu": 0.10, "us": 0.35, "gmin": 0.25, "ng": 0.15, "VG": 0.08, "EGP0": 0.4, "Vmx": 0.6, "k1": 0.4, "k2": 0.4,
    "m4": 0.6, "KHE": 0.6, "m3x": 0.5, "kmax": 0.5, "Qsat": 0.5, "kabs": 0.4, "r0": 0.5, "KL": 0.4, "aFh": 0.4,
    "aFs": 0.5, "qH": 0.4, "kFL": 0.5, "qB": 0.15, "KB": 0.6, "kB": 0.4, "aFp": 0.4,
    "SIp": 1.0, "SIh": 1.0, "SIa": 0.5, "CLI": 0.12, "phid": 0.4, "phinc": 0.25,
}  # fmt: skip
"""SD of the prior of a parameter's logarithm; 0.3 for the others, 0.8 for the capacity of a preset."""


@dataclass(frozen=True)
class Target:
    """One number of one test: what was measured, and the SD that it is weighed with."""

    test: str
    index: str
    value: float
    sd: float
    why: str


@dataclass(frozen=True)
class Case:
    """One person: the population file, the group of the oral test, further targets, free parameters."""

    population: str
    ogtt: tuple[str, str | None] | None
    targets: tuple[Target, ...]
    free: tuple[str, ...]


CASES = {
    "ngt": Case(
        "ngt",
        ("ogtt_healthy.csv", None),
        (
            Target("clamp", "M_2", 8.3, 1.2, "Bavenholm 2001; its SE is 0.6"),
            Target("clamp", "insulin_2", 67.5, 6.0, "typical 60-75 (recalled)"),
            Target("low", "delta_production_1", 1.25, 0.2, "Bavenholm 2001"),
            Target("clamp", "production_suppression_2", 90, 3, "production hardly measurable at 1 mU (recalled)"),
            Target("clamp", "c_peptide_suppression_2", 24, 6, "Schultes 2000: 24 % at 543 pmol/L; 21 % at 70 uU/mL"),
            Target("clamp", "glucagon@240", 0.8, 0.1, "glucagon falls by a fifth (recalled)"),
            Target("ivgtt", "glucose@3", 280, 12, "0.3 g/kg into 1.0 to 1.3 dL/kg (recalled)"),
            Target("ivgtt", "S_I", 3.5, 1.3, "Denti 2010, SD 1.7 between people"),
            Target("ivgtt", "S_G", 0.0192, 0.003, "Denti 2010, SD 0.004"),
            Target("ivgtt", "p2", 0.0254, 0.0096, "Denti 2010"),
            Target("ivgtt", "AIRg", 59.6, 20.0, "MINMOD table, SD 55"),
            Target("day", "mean_glucose", 98.5, 2.5, "CGM 98-99 below 60 years"),
            Target("day", "time_71_120", 91, 2.5, "JDRF 2010"),
            Target("ogtt", "fasting_glucose", 91, 3.5, "between the two sources"),
            Target("ogtt", "glucagon@90", 0.6, 0.12, "glucagon falls by two fifths (recalled)"),
            Target("day", "secretion_24h", 270.0, 20.0, "Polonsky 1988 at 1.85 m2"),
            Target("ogtt", "basal_hepatic_extraction", 0.531, 0.03, "Polonsky 1988"),
            Target("ogtt", "basal_production", 1.87, 0.10, "76 mg/m2/min at 1.85 m2, 75 kg"),
            Target(
                "ogtt", "lowest_production", 0.35, 0.15, "tracer studies 0.3-0.5 (recalled); against the clamp's 90 %"
            ),
            Target("hyper", "secretion_fold", 6.2, 0.6, "Polonsky 1988"),
        ),
        NGT_FREE,
    ),
    "ngt_obese": Case(
        "ngt_obese",
        ("ogtt_obese_groups.csv", "NGT"),
        (
            Target("day", "secretion_24h", 580.0, 60.0, "Polonsky 1988 at 2.1 m2; Camastra 2005 468 +/- 202"),
            Target("ogtt", "basal_hepatic_extraction", 0.516, 0.03, "Polonsky 1988"),
            Target("ogtt", "secretion@0", 2.22, 0.4, "Polonsky 1988: 86.7 pmol/m2/min at 2.1 m2, 82 kg"),
            Target("clamp", "production_suppression_2", 85.0, 6.0, "Conte 2012, between its middle and high dose"),
            Target("ivgtt", "AIRg", 100.0, 60.0, "obese people answer more; not measured here"),
            Target("ivgtt", "S_I", 2.2, 1.0, "MINMOD table NGT 2.62, SD 2.21"),
            Target("ivgtt", "S_G", 0.021, 0.006, "MINMOD table NGT"),
        ),
        PRESET_FREE,
    ),
    "igt": Case(
        "igt",
        ("ogtt_obese_groups.csv", "IGT"),
        (
            Target("clamp", "M_2", 5.4, 1.1, "Bavenholm 2001; its SE is 0.9"),
            Target("low", "delta_production_1", 0.75, 0.15, "Bavenholm 2001; its SE is 0.14"),
            Target("ivgtt", "S_I", 1.27, 1.2, "MINMOD table"),
            Target("ivgtt", "S_G", 0.016, 0.007, "MINMOD table"),
            Target("ivgtt", "AIRg", 42.4, 42.6, "MINMOD table"),
            Target("ogtt", "fasting_glucose", 101, 3.5, "of the oral tests"),
        ),
        PRESET_FREE,
    ),
    "t2d_mild": Case(
        "t2d_mild",
        ("ogtt_obese_groups.csv", "T2D"),
        (
            Target("clamp", "M_2", 4.7, 1.0, "Bavenholm 2001; its SE is 0.4"),
            Target("low", "delta_production_1", 0.58, 0.13, "Bavenholm 2001; its SE is 0.09"),
            Target("ivgtt", "S_I", 0.57, 0.82, "MINMOD table"),
            Target("ivgtt", "S_G", 0.015, 0.011, "MINMOD table"),
            Target("ivgtt", "AIRg", 6.7, 18.5, "MINMOD table"),
            Target("ogtt", "fasting_ffa", 0.6, 0.15, "higher than in health (recalled)"),
        ),
        PRESET_FREE,
    ),
    "t2d": Case(
        "t2d",
        None,
        (
            Target("clamp", "M_2", 4.1, 1.0, "Japanese clamps 3.8-4.1, SD 1.4-1.8"),
            Target("ivgtt", "S_I", 0.57, 0.82, "MINMOD table"),
            Target("ivgtt", "S_G", 0.015, 0.011, "MINMOD table"),
            Target("ivgtt", "AIRg", 6.7, 18.5, "MINMOD table"),
            Target("ogtt", "fasting_ffa", 0.6, 0.15, "higher than in health (recalled)"),
            Target("ogtt", "fasting_glucose", 158.0, 4.0, "NHANES: diagnosed 153, undiagnosed 166.5"),
            Target("ogtt", "fasting_insulin", 12.5, 3.0, "composite (recalled)"),
            Target("day", "mean_glucose", 180.0, 5.0, "HbA1c 7.5-8 at this fasting glucose (recalled)"),
            Target("ogtt", "glucose_120", 270.0, 25.0, "composite 285 (recalled)"),
            Target("ogtt", "insulin_120", 40.0, 12.0, "composite 45 (recalled)"),
        ),
        PRESET_FREE,
    ),
}


def rows(file: str, group: str | None) -> list[tuple[str, float, float, float]]:
    """Analyte, minute, mean and SD of each point of an oral test."""
    with (MODELS / "reference" / file).open(encoding="utf-8") as handle:
        next(handle)
        table = [r for r in csv.DictReader(handle) if group is None or r["group"] == group]
    return [(r["analyte"], float(r["minute"]), float(r["mean"]), float(r["sd"])) for r in table]


def _read(test, index: str, i: int) -> float:
    """An index, or a curve at a minute: `glucose@3`."""
    if index == "time_71_120":
        # Counted samples make steps, at which a search stops: here their limits are rounded over 2 mg/dL.
        glucose = test.curves["glucose"][i]
        return float(100 * np.mean(expit((120 - glucose) / 2) * expit((glucose - 71) / 2)))
    curve, _, minute = index.partition("@")
    if not minute:
        return float(test.indices[index][1][i])
    return float(test.curves[curve][i, int(np.searchsorted(test.minutes, float(minute)))])


def stiff(residual: float) -> float:
    """A residual, steeper beyond the band."""
    size = abs(residual)
    beyond = CORNER * float(np.logaddexp(0.0, (size - HINGE) / CORNER))
    return float(np.sign(residual)) * (size + STIFF * min(beyond, 2.0))


class Fit:
    """One case, its plan and its free parameters."""

    def __init__(self, name: str) -> None:
        self.case = CASES[name]
        self.plan: Plan = plan_tests(list(TESTS.values()), population=self.case.population, rtol=1e-5)[0]
        self.names = [BODY + n for n in self.case.free]
        self.start = np.array([BEFORE[name][n] for n in self.case.free])
        self.centre = np.log(self.start)
        self.sd = np.array([SPREADS.get(n, 0.3) for n in self.case.free])
        if name != "ngt":
            self.sd[self.case.free.index("phis")] = 0.8
        lines = [self.plan.model.parameters[n][0] for n in self.names]
        self.low = np.log([max(line.range[0], 1e-9) for line in lines]) + 1e-6
        self.high = np.log([line.range[1] for line in lines]) - 1e-6
        self.points = rows(*self.case.ogtt) if self.case.ogtt else []

    def seen(self, table: np.ndarray) -> list[list[tuple[str, float, float, float]]]:
        """For each row of parameters: name, aim, SD and what came out."""
        values = {n: np.exp(table[:, j]) for j, n in enumerate(self.names)}
        if self.case.population != "ngt":
            values[BODY + "SIb"] = np.sqrt(values[BODY + "SIp"] * values[BODY + "SIh"])
        people = prepare_given(self.plan, values)
        used = {"ogtt", *(t.test for t in self.case.targets)}
        tests = {n: p for n, p in TESTS.items() if n in used}
        found = examine_people(self.plan, people, self.plan.arms[0], [LabTest(0.0, p, None) for p in tests.values()])
        shown = dict(zip(tests, found, strict=True))
        out = []
        for i in range(len(table)):
            each = []
            test = shown["ogtt"]
            for analyte, minute, mean, sd in self.points:
                value = test.curves[analyte][i, int(np.searchsorted(test.minutes, minute))]
                each.append((f"{analyte} {minute:g} min", mean, sd, float(value)))
            for t in self.case.targets:
                each.append((f"{t.test} {t.index}", t.value, t.sd, _read(shown[t.test], t.index, i)))
            out.append(each)
        return out

    def written(self) -> np.ndarray:
        """The values in the files, where the fit starts."""
        medians = {q.name: q.median.constant() for q in self.plan.population.quantities}
        return np.array([medians[n] for n in self.names], float)

    def residuals(self, table: np.ndarray) -> np.ndarray:
        """Residuals of each row of parameters, (rows, residuals)."""
        out = []
        for x, each in zip(table, self.seen(table), strict=True):
            data = [stiff((value - aim) / sd) if np.isfinite(value) else 50.0 for _, aim, sd, value in each]
            out.append([*data, *((x - self.centre) / self.sd)])
        return np.array(out)

    def run(self) -> np.ndarray:
        """The best parameters, by Levenberg-Marquardt with differences that are computed side by side."""
        step = 0.003

        def jacobian(x: np.ndarray) -> np.ndarray:
            table = np.concatenate([x + step * np.eye(len(x)), x - step * np.eye(len(x))])
            r = self.residuals(np.clip(table, self.low, self.high))
            return ((r[: len(x)] - r[len(x) :]) / (2 * step)).T

        # Capacity is bare of compensation, and so moves with the slow loop of the population: search along it first.
        along = np.zeros(len(self.names))
        along[self.case.free.index("phis")] = 1.0
        table = np.log(self.written()) + np.linspace(-0.7, 0.7, 29)[:, None] * along
        table = np.clip(table, self.low, self.high)
        start = table[np.argmin((self.residuals(table) ** 2).sum(axis=1))]
        found = least_squares(
            lambda x: self.residuals(x[None])[0],
            start,
            jac=jacobian,
            bounds=(self.low, self.high),
            x_scale=self.sd,
            max_nfev=150,
            xtol=1e-5,
            ftol=1e-5,
        )
        print(f"cost {found.cost:.2f} after {found.nfev} evaluations: {found.message}")
        return found.x

    def report(self, x: np.ndarray) -> None:
        """What was aimed at, and what came out."""
        for name, aim, sd, value in self.seen(x[None])[0]:
            mark = "" if abs(value - aim) <= sd else "  <-- outside"
            print(f"  {name:32s} {aim:9.4g} +/- {sd:7.3g}  {value:9.4g}  {(value - aim) / sd:+5.2f}{mark}")
        for name, centre, sd, new in zip(self.case.free, np.exp(self.centre), self.sd, np.exp(x), strict=True):
            print(f"  {name:8s} {centre:10.5g} -> {new:10.5g}   {(np.log(new / centre)) / sd:+.2f} SD of its prior")

    def write(self, x: np.ndarray) -> None:
        """Put the parameters into their file, four digits each."""
        if self.case.population == "ngt":
            path = MODELS / "physiology" / "glucose_insulin.toml"
            text = path.read_text(encoding="utf-8")
            for name, value in zip(self.case.free, np.exp(x), strict=True):
                text, count = re.subn(rf"(?m)^({name} = {{ value = )[^,]+,", rf"\g<1>{value:.4g},", text)
                assert count == 1, name
        else:
            path = MODELS / "populations" / f"{self.case.population}.toml"
            text = path.read_text(encoding="utf-8")
            for name, value in zip(self.case.free, np.exp(x), strict=True):
                line = f'"{BODY}{name}" = {{ median = {value:.4g}, '
                text, count = re.subn(rf'(?m)^"{BODY}{name}" = {{ median = [^,]+, ', line, text)
                assert count == 1, name
        path.write_text(text, encoding="utf-8")


def main() -> None:
    """Fit what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--write", action="store_true", help="put the parameters into the files")
    given = parser.parse_args()
    for name in given.preset:
        print(f"== {name}", flush=True)
        started = time.perf_counter()
        fit = Fit(name)
        x = fit.run()
        fit.report(x)
        print(f"  {time.perf_counter() - started:.0f} s", flush=True)
        if given.write:
            fit.write(x)


if __name__ == "__main__":
    main()
