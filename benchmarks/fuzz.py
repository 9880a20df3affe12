"""Mutate tables and files a hundred thousand times: each costs at most one clear message, and nothing is lost.

    python benchmarks/fuzz.py --cases 100000 --seed 1

A case is a table of event records, a table of measurements, a module, a population or a scenario, changed at random in
one to three places. It may end in a result or in one `MtorsimError` of at most twelve lines; anything else is a fault:
another exception, more than `LIMIT` seconds, a warning of NumPy, or a table from which a row or a subject vanished
without being left out on request. Case `i` of a seed is the same for any number of cases and workers.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

import mtorsim as mt
from mtorsim.event_records.layout import lay_out
from mtorsim.event_records.replaced import reading_line, replaced_parameters
from mtorsim.event_records.routes import Routes
from mtorsim.files.library import Library, bundled_folder
from mtorsim.files.references import read_references
from mtorsim.model.checks import check_model
from mtorsim.model.compose import load_model
from mtorsim.run.plan import Plan, draft_plan, make_plan
from mtorsim.run.prepare import prepare
from mtorsim.scenario.scenario import scenario_from_text

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "tests" / "models"
LIMIT = 20
"""Seconds that a case may take."""
MEMORY = 8 * 2**30
"""Bytes of address space that a process may use."""
RUN_EVERY = 25
"""Of the cases that pass the checks, one in so many is also run."""

CELLS = (
    *("", ".", "NA", "0", "-1", "-2", "1", "2", "3", "4", "5", "6", "7", "1e309", "-0", "nan", "inf", "0x10", "1,5"),
    *("1_0", "1e-300", "1e300", "9" * 400, "  7 ", "=1+1", "é", "\x00", "8:30", "25:99", "2024-02-30", "oral", "iv"),
    *("99", "1.5", "#", "C", '"', "'", "x" * 500, "\u2028", "1d2", "+", "-", "1e", "--1", "true", "None"),
)
HEADS = (
    *(
        "ID",
        "TIME",
        "EVID",
        "AMT",
        "RATE",
        "DUR",
        "II",
        "ADDL",
        "SS",
        "CMT",
        "DV",
        "MDV",
        "DATE",
        "CL",
        "V",
        "OCC",
        "C",
    ),
    *("x.y", "", "WT", "id", "Time", "one.CL", "TIME ", "L1", "status"),
)
TABLES = (
    "ID,TIME,EVID,AMT,CMT\n1,0,1,100,{a}\n1,1,0,,\n1,4,0,,\n2,0,1,50,{b}\n2,12,0,,\n",
    "ID,TIME,AMT,RATE,II,ADDL,SS\n1,0,100,,12,3,1\n1,24,,,,,\n2,0,100,25,24,2,\n2,60,,,,,\n",
    "ID,DATE,TIME,EVID,AMT,DV\n1,2024-01-30,8:00,1,100,\n1,2024-01-31,9:30,0,,4.2\n1,2024-02-01,8:00,0,,2.2\n",
    "ID,TIME,EVID,AMT,CMT,{p}\n1,0,1,100,{b},1\n1,5,0,,,1\n1,6,0,,,1\n2,0,1,10,{a},2\n2,3,0,,,2\n",
    "ID,TIME,EVID,AMT,CMT,DUR\n1,0,1,100,{b},4\n1,2,3,,,\n1,3,4,50,{a},\n1,5,0,,,\n1,7,5,10,{s},\n1,10,0,,,\n",
    "ID,TIME,EVID,AMT,OCC\n1,0,1,100,1\n1,3,0,,1\n1,12,1,100,2\n1,15,2,,2\n2,-3,0,,1\n2,0,1,5,1\n2,9,7,,1\n2,9,0,,1\n",
)
"""Tables with the routes `a` and `b`, the state `s` and the parameter `p` of a model."""
FITTING = (
    ("two_routes", "typical", {"a": "sc", "b": "iv", "s": "A", "p": "V"}),
    ("clocked", "typical", {"a": "chain", "b": "formula", "s": "B", "p": "k"}),
    ("one", "modelled", {"a": "oral", "b": "iv", "s": "blood", "p": "CL"}),
)
MEASURED = (
    "ID,VISIT,TIME,glucose (mmol/L),insulin (pmol/L)\n"
    "1,a,0,5.2,54\n1,a,30,8.3,410\n1,a,120,6.1,300\n2,a,0,5,40\n2,a,120,6,90\n",
    "ID,G0,G30,G60,G90,G120,I0,I30,I60,I90,I120\n"
    "1,90,150,140,120,100,6,50,60,50,30\n2,95,160,150,130,110,8,60,70,60,40\n",
    "id,time,gl\np,2024-01-01 00:00,100\np,2024-01-01 00:05,120\np,2024-01-02 00:00,90\np,2024-01-02 00:05,180\n",
)
WORDS = (
    *("0", "-1", "1e309", "1e-9", "nan", "true", '""', '"x"', "[]", "{}", "[1, 2]", '"1/0"', '"t"'),
    *('"where(t < 1, 1, 0)"', '"9**9**9"', '"((((((((1))))))))"', '"exp(1000)"', '"log(0)"', '"sin(t)"', '"A.B.C"'),
    *('"h"', '"mg/L"', '"1"', '"kg**99"', '"__import__(1)"', '"a" * 9', "2024-01-01", '"é"', "0x10", "1_000"),
    *('"lgamma(0)"', '"tad"', '"last_dose / 0"', '"-"'),
)


class HangError(Exception):
    """A case took longer than `LIMIT` seconds."""


@dataclass(frozen=True)
class Case:
    """A kind of input, its text, and what was done to it."""

    kind: str
    name: str
    text: str
    seed: int


def cell(rng: random.Random) -> str:
    """A cell that somebody might have in a table, or an attack."""
    return rng.choice(CELLS) if rng.random() < 0.8 else repr(round(rng.uniform(-10, 200), rng.randrange(4)))


def mutated_table(text: str, rng: random.Random) -> str:
    """A table with one to three changes."""
    mark = ";" if ";" in text.split("\n")[0] else ","
    rows = [line.split(mark) for line in text.splitlines()]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        i, j = rng.randrange(len(rows)), rng.randrange(len(rows[0]) or 1)
        what = rng.randrange(14)
        if what < 4 and i and j < len(rows[i]):
            rows[i][j] = cell(rng)
        elif what == 4:
            rows.insert(i, list(rng.choice(rows)))
        elif what == 5 and len(rows) > 2:
            del rows[max(i, 1)]
        elif what == 6:
            k = rng.randrange(len(rows))
            rows[i], rows[k] = rows[k], rows[i]
        elif what == 7 and j < len(rows[0]):
            rows[0][j] = rng.choice([*HEADS, rows[0][j].lower(), rows[0][j] + " ", rows[0][j][:-1]])
        elif what == 8:
            for row in rows:
                row.insert(j, cell(rng) if row is not rows[0] else rng.choice(HEADS))
        elif what == 9:
            for row in rows:
                del row[j : j + 1]
        elif what == 10:
            rows[i] += [""] * rng.randint(1, 3)
        elif what == 11:
            rows.insert(i, rng.choice([[""], ["# a comment"], ["C"] * len(rows[0]), ["", "", ""]]))
        elif what == 12:
            mark = rng.choice([",", ";", "\t", "|", ", "])
        else:
            rows[i] = rows[i][: rng.randrange(len(rows[i]) + 1)]
    found = "\n".join(mark.join(row) for row in rows)
    if rng.random() < 0.1:
        found = damaged(found, rng)
    return rng.choice(["", "", "", "\ufeff"]) + found + rng.choice(["\n", "", "\n\n", "\r\n"])


def damaged(text: str, rng: random.Random) -> str:
    """A text with a character changed, removed or inserted, or cut off."""
    at = rng.randrange(len(text) + 1)
    what = rng.randrange(4)
    if what == 0:
        return text[:at]
    if what == 1:
        return text[:at] + text[at + 1 :]
    return text[:at] + rng.choice("\x00\"'[]{}=,.#\n\t\\é()*/-+0") + text[at + (what == 2) :]


def mutated_file(text: str, rng: random.Random) -> str:
    """A TOML file with one to three changes: lines moved, values replaced, names misspelt, brackets lost."""
    lines = text.splitlines()
    for _ in range(rng.choice((1, 1, 2, 3))):
        i = rng.randrange(len(lines))
        what = rng.randrange(9)
        if what == 0:
            del lines[i]
        elif what == 1:
            lines.insert(i, rng.choice(lines))
        elif what < 5 and "=" in lines[i]:
            head, _, value = lines[i].partition("=")
            inner = [k for k in range(len(value)) if value[k] == "="]
            if inner and rng.random() < 0.7:
                cut = rng.choice(inner)
                ends = [k for k in (value.find(",", cut), value.find("}", cut)) if k > 0] or [len(value)]
                lines[i] = f"{head}={value[: cut + 1]} {rng.choice(WORDS)} {value[min(ends) :]}"
            else:
                lines[i] = f"{head}= {rng.choice(WORDS)}"
        elif what == 5:
            words = lines[i].split()
            if words:
                k = rng.randrange(len(words))
                words[k] = rng.choice(
                    [words[k][:-1], words[k] * 2, words[k].upper(), rng.choice(rng.choice(lines).split() or ["x"])]
                )
                lines[i] = " ".join(words)
        elif what == 6:
            k = rng.randrange(len(lines))
            lines[i], lines[k] = lines[k], lines[i]
        else:
            lines[i] = damaged(lines[i], rng)
        lines = lines or [""]
    return "\n".join(lines) + "\n"


@cache
def files() -> dict[str, list[tuple[str, str]]]:
    """Name and text of the files that are mutated, by kind."""
    models = bundled_folder("models")
    read: Callable[[Path], tuple[str, str]] = lambda p: (p.stem, p.read_text(encoding="utf-8"))  # noqa: E731
    modules = [*MODELS.glob("*.toml"), *(models / "drugs").glob("*.toml"), *(models / "teaching").glob("*.toml")]
    return {
        "module": [read(p) for p in sorted(modules)],
        "population": [read(p) for p in sorted((models / "populations").glob("*.toml"))],
        "scenario": [read(p) for p in sorted(bundled_folder("scenarios").rglob("*.toml"))],
    }


def case(seed: int, number: int) -> Case:
    """Case `number` of a seed."""
    rng = random.Random(f"{seed} {number}")
    kind = rng.choices(("records", "measured", "module", "population", "scenario"), (60, 8, 24, 4, 4))[0]
    if kind == "records":
        model, _, names = rng.choice(FITTING)
        return Case(kind, model, mutated_table(rng.choice(TABLES).format(**names), rng), number)
    if kind == "measured":
        return Case(kind, "data", mutated_table(rng.choice(MEASURED), rng), number)
    name, text = rng.choice(files()[kind])
    return Case(kind, name, mutated_file(text, rng), number)


@cache
def plans() -> dict[str, Plan]:
    """Plans of the models through which tables are run."""
    library = Library((MODELS.parent,))
    text = 'title = "x"\nmodel = ["{0}"]\npopulation = "{1}"\nduration = "1 d"\nobserve = ["{0}.{2}"]\n'
    text += '[visits]\nat = "0 d"\n'
    made = {m[0]: text.format(m[0], m[1], m[2]["s"]) for m in FITTING}
    return {name: make_plan(scenario_from_text(s, MODELS / "x.toml", library)) for name, s in made.items()}


def run_records(one: Case, folder: Path, rng: random.Random) -> str:
    """Read a table, lay its subjects out, and run some."""
    path = folder / "data.csv"
    path.write_text(one.text, encoding="utf-8", errors="surrogatepass")
    options = {
        "time_unit": rng.choice(["h", "h", "h", "d", "min"]),
        "dialect": rng.choice([*["comma"] * 12, "semicolon", "tab"]),
        "ignore": rng.choice([*[[]] * 9, ["#"], ["@"], ["EVID == 2"], ["EVID == 2", "#"], ["TIME > 1e9"]]),
        "one_subject": rng.random() < 0.05,
        "additional": rng.choice(["record", "own time"]),
        "interpolation": rng.choice([*[{}] * 6, {"V": "locf"}, {"CL": "nocb"}, {"V": "linear"}, {"OCC": "locf"}]),
    }
    table = mt.read_events(path, **options)
    plan = plans()[one.name]
    columns = replaced_parameters(plan.model, table)
    reading_line(plan.model, table, columns, plan.population.iov)
    routes, people = Routes(plan.model, plan.kernel), prepare(plan, np.arange(min(table.subjects, 8)))
    for i in range(len(people.subjects)):
        records = np.flatnonzero(table.subject == i)
        lay_out(table, list(records), routes, people.start[i], people.parameters[i], columns, plan.kernel)
    if not rng.randrange(RUN_EVERY):
        frame = mt.simulate_events(plan.scenario, table, library=plan.scenario.library)
        assert len(frame) == len(table.frame)
        assert frame["subject_number"].nunique() == table.subjects
    if not options["ignore"]:
        counted(one.text, table, {"comma": ",", "semicolon": ";", "tab": "\t"}[options["dialect"]])
    return "ran"


def counted(text: str, table: mt.EventTable, mark: str) -> None:
    """Check that every row is a record and every ID a subject, by a reader of its own."""
    plain = io.StringIO(text.lstrip("\ufeff"), newline="")
    rows = [row for row in csv.reader(plain, delimiter=mark, skipinitialspace=True) if any(c.strip() for c in row)]
    assert len(table.frame) == len(rows) - 1, f"{len(rows) - 1} rows became {len(table.frame)} records"
    if "ID" in table.used:
        column = [c.strip() for c in rows[0]].index(table.used["ID"])
        names = {row[column].strip() for row in rows[1:]}
        assert table.subjects == len(names), f"{len(names)} subjects became {table.subjects}"


def run_measured(one: Case, folder: Path, rng: random.Random) -> str:
    """Compute indices of a table of measurements."""
    path = folder / "data.csv"
    path.write_text(one.text, encoding="utf-8", errors="surrogatepass")
    units = {"glucose": rng.choice(["mg/dL", "mmol/L"]), "insulin": rng.choice(["uU/mL", "pmol/L"])}
    test = rng.choice(["fasting", "ogtt", "mixed-meal", "ivgtt", "clamp", "cgm"])
    found = mt.indices(path, test, units=rng.choice([{}, units]), by=rng.choice([[], [], ["VISIT"]]))
    assert len(found.frame) >= 1
    repr(found), found._repr_html_()
    return "ran"


def run_file(one: Case, folder: Path, rng: random.Random) -> str:
    """Read a module, population or scenario, check it, and build some."""
    path = folder / f"{one.name}.toml"
    path.write_text(one.text, encoding="utf-8", errors="surrogatepass")
    library = Library((folder, MODELS.parent))
    if one.kind == "module":
        model = load_model(one.name, library)
        check_model(model, references(library))
        if rng.randrange(RUN_EVERY):
            return "checked"
        text = f'title = "x"\nmodel = ["{one.name}"]\npopulation = "typical"\nduration = "2 h"\n[visits]\nat = "2 h"\n'
        scenario = scenario_from_text(text + 'sample = "random"\n', folder / "scenario.toml", library)
        mt.simulate(scenario, subjects=1, kernel="tape")
    elif one.kind == "population":
        mt.load_population(one.name, bundled_model(), library).draw(1, np.arange(3))
    else:
        draft_plan(mt.read_scenario(path, library))
        return "checked"
    return "ran"


@cache
def bundled_model() -> mt.Model:
    """The model for which populations are read."""
    return load_model(["glucose_insulin", "mtor", "everolimus"])


@cache
def references(library: Library) -> dict:
    """The bibliography of a library."""
    return read_references(library.references)


RUN = {"records": run_records, "measured": run_measured}


def outcome(one: Case, seed: int) -> tuple[str, str]:
    """How a case ended: `ran`, `checked`, `refused`, or `FAULT` with its reason."""

    def stop(*_: object) -> None:
        raise HangError

    rng = random.Random(f"{seed} {one.seed} run")
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT)
    try:
        with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
            warnings.simplefilter("error")
            return RUN.get(one.kind, run_file)(one, Path(name), rng), ""
    except mt.MtorsimError as error:
        said = str(error)
        if said.count("\n") > 12 or not said.strip():
            return "FAULT", f"a message of {said.count(chr(10)) + 1} lines: {said[:200]}"
        return "refused", ""
    except HangError:
        return "FAULT", f"took longer than {LIMIT} s"
    except Exception:  # every other exception is a fault
        return "FAULT", traceback.format_exc(limit=-4)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def cases(seed: int, first: int, last: int) -> tuple[Counter[str], list[tuple[int, str, str]]]:
    """Outcomes of the cases from `first` to `last`, and the faults among them."""
    ended: Counter[str] = Counter()
    faults = []
    for number in range(first, last):
        one = case(seed, number)
        how, why = outcome(one, seed)
        ended[f"{one.kind} {how}"] += 1
        if how == "FAULT":
            faults.append((number, one.kind, why))
    return ended, faults


def parts(first: int, count: int, size: int = 250) -> Iterator[tuple[int, int]]:
    """The cases in parts."""
    return ((a, min(a + size, first + count)) for a in range(first, first + count, size))


def limited() -> None:
    """Let a case that takes all memory fail instead of its machine."""
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def main() -> int:
    """Run the cases on several processes, print the counts and the faults."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--cases", type=int, default=100_000)
    arguments.add_argument("--first", type=int, default=0)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--workers", type=int, default=2)
    arguments.add_argument("--only", type=int, help="show this case and how it ends")
    given = arguments.parse_args()
    if given.only is not None:
        one = case(given.seed, given.only)
        print(f"--- {one.kind} {one.name}\n{one.text}\n---")
        print(*outcome(one, given.seed))
        return 0
    began = time.perf_counter()
    total: Counter[str] = Counter()
    faults: list[tuple[int, str, str]] = []
    with ProcessPoolExecutor(given.workers, initializer=limited) as pool:
        jobs = {(a, b): pool.submit(cases, given.seed, a, b) for a, b in parts(given.first, given.cases)}
        for k, ((a, b), job) in enumerate(jobs.items()):
            try:
                ended, wrong = job.result()
            except BrokenProcessPool:
                print(f"a process died among the cases {a} to {b + given.workers * (b - a)}")
                return 1
            total += ended
            faults += wrong
            for number, kind, why in wrong:
                print(f"case {number} ({kind}): {why}", flush=True)
            if k % 40 == 39:
                print(
                    f"{total.total():,} cases, {len(faults)} faults, {time.perf_counter() - began:.0f} s",
                    file=sys.stderr,
                )
    for name, count in sorted(total.items()):
        print(f"{name:24} {count:8,}")
    print(f"{total.total():,} cases of seed {given.seed} in {time.perf_counter() - began:.0f} s: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
