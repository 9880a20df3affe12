"""Time and error of mtorsim and its rivals on the same problems, interleaved in one run.

    python benchmarks/run.py [--problem NAME ...] [--rival NAME ...] [--quick] --json FILE

Error is the largest of plasma glucose against a reference at rtol 1e-11. Time is CPU time on one
thread, the best of several rounds in which every engine has its turn. Ratios are to the fastest trial
of mtorsim whose error is no larger than the rival's. Rivals: `pip install -r benchmarks/rivals.txt`;
one that is not installed is passed over.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from engines import RIVALS, before, cpu, trials_of
from mtorsim.results.manifest import machine
from problems import PROBLEMS

LEVELS = (1e-1, 1e-2, 1e-3, 1e-4)
"""Errors at which the best of each engine are compared."""


def main() -> None:
    """Run the problems that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problem", nargs="*", choices=list(PROBLEMS), default=list(PROBLEMS))
    parser.add_argument("--rival", nargs="*", choices=list(RIVALS), default=list(RIVALS))
    parser.add_argument("--before", type=Path, help="another checkout of mtorsim, with its .venv, as a rival")
    parser.add_argument("--subjects", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="shorter problems, one round")
    parser.add_argument("--json", type=Path, required=True)
    given = parser.parse_args()
    rounds = 1 if given.quick else given.rounds
    lines = []
    for name in given.problem:
        engines = ["mtorsim", *given.rival]
        found = measured(name, engines, given.subjects, given.quick, rounds, given.before)
        print_table(name, found)
        if given.before is not None:
            print_before(found)
        lines += found
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text("".join(json.dumps(x) + "\n" for x in lines), encoding="utf-8")


def measured(
    name: str, engines: list[str], subjects: int, quick: bool, rounds: int, checkout: Path | None = None
) -> list[dict]:
    """One record for each engine, method and tolerance."""
    setting = PROBLEMS[name].setting(subjects, quick)
    trials = [(e, t) for e in engines for t in trials_of(e, setting)]
    if checkout is not None:
        trials += [("before", trial) for trial in before(checkout, setting, quick)]
    first: list[float] = []
    best = [np.inf] * len(trials)
    errors = [np.nan] * len(trials)
    for turn in range(rounds + 1):
        for i, (_, trial) in enumerate(trials):
            glucose, seconds = cpu(trial.solve)
            if turn == 0:
                first.append(seconds)  # compiles what is not compiled yet
                errors[i] = float(np.abs(glucose - setting.reference[: trial.subjects]).max())
            else:
                best[i] = min(best[i], seconds)
    return [
        {
            "problem": name,
            "engine": engine,
            "method": trial.method,
            "rtol": trial.rtol,
            "us_per_subject_day": 1e6 * best[i] / trial.subjects / setting.days,
            "max_error_mgdl": errors[i],
            "subjects": trial.subjects,
            "threads": 1,
            "cold_s": first[i],
            "warm_s": best[i],
            "machine": machine(),
        }
        for i, (engine, trial) in enumerate(trials)
    ]


def print_table(name: str, lines: list[dict]) -> None:
    """The trials, and for each rival how much faster mtorsim is at no larger error."""
    print(f"{name} on {lines[0]['machine']['processor']}, one thread")
    print(f"{'engine':10s} {'method':14s} {'rtol':>7s} {'us/subject-day':>15s} {'error mg/dL':>12s} {'ratio':>7s}")
    for x in lines:
        ratio = as_fast(x, lines)
        print(
            f"{x['engine']:10s} {x['method']:14s} {x['rtol']:7.0e} {x['us_per_subject_day']:15.1f} "
            f"{x['max_error_mgdl']:12.1e} {f'{ratio:.0f}x' if ratio else '':>7s}"
        )
    print()
    for error in LEVELS:
        best = at_most(error, lines)
        rivals = {e: t for e, t in best.items() if e != "mtorsim"}
        if "mtorsim" in best and rivals:
            shown = ", ".join(f"{e} {t / best['mtorsim']:.0f}x" for e, t in rivals.items())
            print(f"the best with an error of no more than {error:g} mg/dL: mtorsim {best['mtorsim']:.1f} us; {shown}")
    print(flush=True)


def print_before(lines: list[dict]) -> None:
    """Each method of this checkout beside the other's, and the tape beside compiled code: ratios of time."""
    time = {(x["engine"], x["method"], x["rtol"]): x["us_per_subject_day"] for x in lines}
    ratios = []
    print(f"{'method':14s} {'rtol':>7s} {'before':>8s} {'now':>8s} {'ratio':>6s} {'tape':>8s} {'tape/now':>8s}")
    for (engine, method, rtol), now in time.items():
        old = time.get(("before", method, rtol))
        if engine == "mtorsim" and old is not None:
            tape = time["mtorsim", f"{method} tape", rtol]
            ratios.append((now / old, tape / now))
            print(f"{method:14s} {rtol:7.0e} {old:8.1f} {now:8.1f} {now / old:6.2f} {tape:8.1f} {tape / now:8.2f}")
    mean = np.exp(np.log(np.array(ratios)).mean(axis=0))
    print(f"geometric mean: compiled {mean[0]:.2f} of before, tape {mean[1]:.2f} of compiled\n", flush=True)


def at_most(error: float, lines: list[dict]) -> dict[str, float]:
    """The fastest trial of each engine that errs by no more."""
    best: dict[str, float] = {}
    for x in lines:
        if x["max_error_mgdl"] <= error:
            best[x["engine"]] = min(best.get(x["engine"], np.inf), x["us_per_subject_day"])
    return best


def as_fast(rival: dict, lines: list[dict]) -> float | None:
    """How many times faster mtorsim is at no larger error; None for its own trials, or where it is never as good."""
    own = [
        x["us_per_subject_day"]
        for x in lines
        if x["engine"] == "mtorsim"
        and x["problem"] == rival["problem"]
        and x["max_error_mgdl"] <= rival["max_error_mgdl"]
    ]
    return rival["us_per_subject_day"] / min(own) if own and rival["engine"] != "mtorsim" else None


if __name__ == "__main__":
    main()
