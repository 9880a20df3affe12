"""Calibrate how people differ: spread and correlations of oral tests against 166 obese adults without diabetes.

    python benchmarks/calibrate_population.py [--write]

Nelder and Mead's search (scipy.optimize) over a few log-SDs, one correlation and the slope by which
secretion answers to insulin sensitivity between people (the spread of `phis` within its susceptible group
follows). What counts are the seven coefficients of
variation and five correlations of `validation.physiology.OBESE`, by their tolerances, and a prior on
each quantity: its value before, with half of it as SD. The same 400 people are drawn each time, so that
the search is not led by chance. Medians, groups and entry criteria stay as they are, and no trial is
looked at.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from mtorsim.files.library import Library, bundled_folder
from mtorsim.validation import physiology
from mtorsim.validation.session import Session

NAMES = ("breast_postmenopausal", "healthy_adults")
BODY = "glucose_insulin."
BEFORE = {
    "SIp": 0.60,
    "SIh": 0.55,
    "phis": 0.25,
    "phid": 0.35,
    "phinc": 0.35,
    "kmax": 0.35,
    "kEGP": 0.06,
    "slope": 0.20,
    "correlation": 0.70,
}
"""Values that the search starts at, and the centres of its priors."""


def changed(text: str, values: dict[str, float]) -> str:
    """A population file with other spreads."""
    for name, value in values.items():
        if name == "slope":
            text = re.sub(r"(SIp \* glucose_insulin\.SIh\) \*\* -)[\d.]+", rf"\g<1>{value:.4g}", text)
        elif name == "correlation":
            pair = rf'(of = \["{BODY}SIp", "{BODY}SIh"\]\nvalue = )[\d.]+'
            text = re.sub(pair, rf"\g<1>{value:.3g}", text)
        else:
            text = re.sub(rf'(?m)^("{BODY}{name}" = \{{.*?iiv = )[\d.]+', rf"\g<1>{value:.3g}", text)
    return text


def score(values: dict[str, float], folder: Path, show: bool = False) -> float:
    """Squared misfits over their tolerances, and the prior."""
    path = bundled_folder("models") / "populations" / f"{NAMES[0]}.toml"
    (folder / path.name).write_text(changed(path.read_text(encoding="utf-8"), values), encoding="utf-8")
    total = sum(((v - BEFORE[n]) / (0.5 * BEFORE[n])) ** 2 for n, v in values.items())
    for c in physiology.population_checks(Session(Library((folder,)))):
        assert c.low is not None
        assert c.high is not None
        assert c.value is not None
        total += ((2 * c.value - c.low - c.high) / (c.high - c.low)) ** 2
        if show:
            mark = "" if c.passed else "<-- outside"
            print(f"  {c.claim.partition(': ')[2]:45s} {c.expected:22s} {c.value:7.3f} {mark}")
    return total


def main() -> None:
    """Search, and print what came out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the values into the population files")
    given = parser.parse_args()
    names = list(BEFORE)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)

        def objective(x: np.ndarray) -> float:
            values = dict(zip(names, np.exp(x), strict=True))
            if values["correlation"] > 0.9:
                return 1e3
            return score(values, folder)

        start = np.log(list(BEFORE.values()))
        print(f"before: {objective(start):.1f}", flush=True)
        simplex = np.concatenate([start[None], start + 0.25 * np.where(np.eye(len(start)) > 0, 1, 0)])
        found = minimize(
            objective,
            start,
            method="Nelder-Mead",
            options={"maxfev": 260, "initial_simplex": simplex, "xatol": 0.01, "fatol": 0.05},
        )
        values = {n: float(v) for n, v in zip(names, np.exp(found.x), strict=True)}
        print(f"after: {score(values, folder, show=True):.1f}, {found.nfev} evaluations")
    for name, value in values.items():
        print(f"  {name:12s} {BEFORE[name]:.3f} -> {value:.3f}")
    if given.write:
        for name in NAMES:
            path = bundled_folder("models") / "populations" / f"{name}.toml"
            path.write_text(changed(path.read_text(encoding="utf-8"), values), encoding="utf-8")


if __name__ == "__main__":
    main()
