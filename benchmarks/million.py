"""A million subjects, two arms, 24 weeks: how fast, in how much memory, how large on disk.

    python benchmarks/million.py [--subjects N] [--minutes M] [--out DIR] --json FILE --figure FILE

The run streams to a folder. After M minutes it is interrupted as by Ctrl-C, which keeps its finished chunks: the rate
so far then says how long the whole takes. Every ten seconds a line: seconds, CPU seconds, subjects done, memory in MiB.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from operator import itemgetter
from pathlib import Path

from mtorsim.results.manifest import machine

RUN = """
import sys
import mtorsim as mt
result = mt.simulate("everolimus_breast", subjects=int(sys.argv[1]), out=sys.argv[2], resume=True, kernel="compiled")
print(result.status)
"""
EVERY = 10.0
WINDOW = 60.0
"""CPU seconds over which a rate is taken."""
CPU = itemgetter("cpu_seconds")
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run, look on, and interrupt."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=85.0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--figure", type=Path, required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        out = given.out or Path(name) / "run"
        command = [sys.executable, "-c", RUN, str(given.subjects), str(out)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        lines, started = [], time.perf_counter()
        while process.poll() is None:
            time.sleep(EVERY)
            lines.append({"seconds": time.perf_counter() - started, **looked_at(process.pid, out)})
            if lines[-1]["seconds"] > 60 * given.minutes:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    # A shell may have started this in the background, where Ctrl-C is ignored.
                    process.kill()
                    process.wait()
        kept = [x for x in lines if x.get("mib")]
        last = kept[-1]
        stored = sum(p.stat().st_size for p in out.rglob("*") if p.is_file())
        report = {
            "subjects": given.subjects,
            "done": last["done"],
            "seconds": last["seconds"],
            "cpu_seconds": last["cpu_seconds"],
            "subjects_per_second": last["done"] / last["seconds"],
            "subjects_per_cpu_second": last["done"] / last["cpu_seconds"],
            "whole_takes_minutes": given.subjects * last["seconds"] / last["done"] / 60,
            "whole_takes_cpu_minutes": given.subjects * last["cpu_seconds"] / last["done"] / 60,
            "peak_mib": max(x["peak_mib"] for x in kept),
            "stored_bytes_per_subject": stored / last["done"],
            "ended": process.stdout.read().strip() if process.stdout else "",
            "machine": machine(),
            "course": kept,
        }
    print(json.dumps({k: v for k, v in report.items() if k != "course"}, indent=1))
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(report) + "\n", encoding="utf-8")
    draw(kept, given.figure)


def draw(course: list[dict], path: Path) -> None:
    """Memory and rate against the number of subjects so far."""
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.2), layout="constrained")
    done = [x["done"] / 1000 for x in course]
    left.plot(done, [x["mib"] for x in course], lw=1.4)
    left.set(ylim=(0, None), xlabel="thousand subjects", ylabel="memory, MiB")
    pairs = [
        (max((a for a in course if a["cpu_seconds"] <= b["cpu_seconds"] - WINDOW), key=CPU), b)
        for b in course
        if b["cpu_seconds"] >= course[0]["cpu_seconds"] + WINDOW
    ]
    rate = [(b["done"] - a["done"]) / (b["cpu_seconds"] - a["cpu_seconds"]) for a, b in pairs]
    right.plot([b["done"] / 1000 for _, b in pairs], rate, lw=1.4)
    right.set(ylim=(0, None), xlabel="thousand subjects", ylabel="subjects per CPU second")
    for axis in (left, right):
        axis.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


def looked_at(pid: int, out: Path) -> dict[str, float]:
    """CPU seconds, memory and finished subjects of a run, as far as it still goes on."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        times = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return {}
    sizes = {line.split(":")[0]: line.split()[1] for line in status.splitlines() if line.startswith(("VmRSS", "VmHWM"))}
    if not sizes:
        return {}
    done = 1024 * len(list((out / "parts").glob("chunk-*.npz")))
    cpu = (int(times[11]) + int(times[12])) / TICKS
    return {"cpu_seconds": cpu, "done": done, "mib": int(sizes["VmRSS"]) / 1024, "peak_mib": int(sizes["VmHWM"]) / 1024}


if __name__ == "__main__":
    main()
