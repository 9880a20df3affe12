"""Draw what run.py and memory.py have measured.

python benchmarks/figures.py [--engines FILE] [--memory FILE] --out DIR
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from matplotlib.figure import Figure

OWN = {"grk4t single": "C0", "grk4t double": "C9", "tsit5 single": "C1", "tsit5 double": "C3"}
RIVALS = {
    "numbalsoda LSODA": "o",
    "numbalsoda DOP853": "s",
    "roadrunner CVODE": "^",
    "diffrax Tsit5": "v",
    "diffrax Kvaerno5": "<",
    "scipy LSODA": "D",
    "scipy DOP853": "P",
}


def main() -> None:
    """Draw the figures that there is data for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engines", type=Path)
    parser.add_argument("--memory", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.engines:
        work_precision(read(given.engines)).savefig(given.out / "work_precision.png", dpi=110)
    if given.memory:
        memory(read(given.memory)).savefig(given.out / "memory.png", dpi=110)


def read(path: Path) -> list[dict]:
    """The records of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def work_precision(lines: list[dict]) -> Figure:
    """CPU time against error: a panel a problem, a line a method."""
    problems = list(dict.fromkeys(x["problem"] for x in lines))
    figure = Figure(figsize=(4.6 * len(problems), 4.8), layout="constrained")
    axes = figure.subplots(1, len(problems), sharey=True, squeeze=False)[0]
    for ax, problem in zip(axes, problems, strict=True):
        mine = [x for x in lines if x["problem"] == problem]
        for engine, method in dict.fromkeys((x["engine"], x["method"]) for x in mine):
            some = [x for x in mine if (x["engine"], x["method"]) == (engine, method)]
            points = sorted((x["max_error_mgdl"], x["us_per_subject_day"]) for x in some)
            own = engine == "mtorsim"
            name = f"{engine} {method}"
            style = (
                {"color": OWN.get(method, "C4"), "lw": 2, "marker": "."}
                if own
                else {"color": "0.45", "lw": 1, "marker": RIVALS.get(name, "x"), "ms": 5}
            )
            ax.loglog([e for e, _ in points], [t for _, t in points], label=name, **style)
        ax.axvline(2.0, color="0.8", lw=4, zorder=0)
        ax.text(
            2.0, 0.02, "an assay errs by this ", transform=ax.get_xaxis_transform(), ha="right", color="0.5", fontsize=8
        )
        ax.set(title=problem, xlabel="largest error of glucose, mg/dL")
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("CPU time, µs per subject and day")
    handles = {h.get_label(): h for ax in axes for h in ax.get_legend_handles_labels()[0]}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=5, fontsize=8)
    figure.suptitle(f"{lines[0]['machine']['processor']}, one thread", fontsize=10)
    return figure


def memory(lines: list[dict]) -> Figure:
    """Peak memory against the number of subjects, beside what is stored."""
    figure = Figure(figsize=(5, 3.6), layout="constrained")
    ax = figure.subplots()
    subjects = [x["subjects"] for x in lines]
    ax.plot(subjects, [x["peak_mib"] for x in lines], "o-", label="peak memory")
    ax.plot(subjects, [x["stored_mib"] for x in lines], "s--", color="0.5", label="result on disk")
    ax.set(xscale="log", xlabel="subjects, two arms of 24 weeks", ylabel="MiB", ylim=(0, None))
    ax.grid(alpha=0.3)
    ax.legend()
    return figure


if __name__ == "__main__":
    main()
