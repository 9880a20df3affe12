"""`mtorsim trial`: predicted beside observed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from mtorsim.cli.console import note, print_json, print_table, progress_bar
from mtorsim.cli.options import as_json, parse_settings, quiet
from mtorsim.errors import ArgumentError, DataError, UnitError
from mtorsim.units.conversions import glucose_in_mg_dl
from mtorsim.units.display import reader
from mtorsim.units.units import parse_quantity

LIMITS = (">ULN", ">126", ">160", ">250", ">500")


@click.command()
@click.argument("scenario")
@click.option("--subjects", type=int, metavar="N", help="Subjects of each arm; the scenario's when left out.")
@click.option("--seed", type=int, metavar="S", help="Seed of the draws.")
@click.option("--uln", metavar="LEVEL", help="The laboratory's upper limit of normal, such as '106 mg/dL'.")
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Replace a median or a switch; repeatable."
)
@click.option(
    "--sets",
    type=int,
    default=6,
    show_default=True,
    metavar="K",
    help="Sets of calibrated quantities whose spread goes into the intervals; 1 for none.",
)
@click.option(
    "--variants/--no-variants", default=True, show_default=True, help="Run the structural variants beside it."
)
@click.option(
    "--alternatives",
    is_flag=True,
    help="Run it again with the body built otherwise: glucotoxicity, the liver's own brake, the reserve.",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Keep result, report and figures here.")
@click.option("--force", is_flag=True, help="Replace a result that is already in DIR.")
@click.option("--html", "html_to", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as a page.")
@click.option("--threads", type=int, metavar="T", help="Threads to use; all cores when left out.")
@as_json
@quiet
def command(scenario: str, out: Path | None, html_to: Path | None, **given: Any) -> int:
    """Run the trial in SCENARIO, a bundled name or a file: endpoints of each arm, predicted beside observed.

    \b
      mtorsim trial bolero_2
      mtorsim trial mine.toml --subjects 1000 --html mine.html --json

    Rates are of the worst fasting glucose measured at the trial's own visits until a subject leaves. Exit code
    0: well; 1: some subjects failed and are counted; 2: an input is wrong.
    """  # noqa: D301
    from mtorsim.trial.run import run_trial

    silent = given["quiet"] or given["as_json"]
    for path in (html_to, None if out is None else out / "trial.json"):
        if path is not None and path.is_dir():
            raise DataError(f"`{path}` is a folder", help="name a file")
    with progress_bar(silent) as bar:
        report = run_trial(
            scenario,
            subjects=given["subjects"],
            seed=given["seed"],
            settings=parse_settings(given["settings"]),
            uln=None if given["uln"] is None else _uln(given["uln"]),
            sets=given["sets"],
            variants=given["variants"],
            alternatives=given["alternatives"],
            threads=given["threads"],
            out=out,
            force=given["force"],
            progress=bar,
            note=None if given["quiet"] else note,
        )
    written = _write(report, out, html_to)
    if given["as_json"]:
        print_json(report.data)
    else:
        _print(report.data)
        if report.data["tests"]:
            from mtorsim.cli.summary import print_tests

            print_tests(report.result, reader("mg/dL"))
        for name, path in written:
            print(f"{name:<9} {path}")
    from mtorsim.cli.summary import warn_of_failures

    return 1 if warn_of_failures(report.result, out) else 0


def _uln(text: str) -> float:
    try:
        return glucose_in_mg_dl(*parse_quantity(text))
    except UnitError as error:
        raise ArgumentError(f"`--uln`: {error.message}", help="write for example --uln '110 mg/dL'") from None


def _write(report: Any, out: Path | None, html_to: Path | None) -> list[tuple[str, Path]]:
    """Report, page and figures, where they are wanted."""
    from mtorsim.plots.trial import trial_figures
    from mtorsim.trial.page import page

    written = []
    figures = trial_figures(report) if out is not None or html_to is not None else {}
    try:
        if out is not None:
            (out / "trial.json").write_text(json.dumps(report.data, indent=1, default=float) + "\n", encoding="utf-8")
            written.append(("report", out / "trial.json"))
            for name, svg in figures.items():
                (out / f"{name}.svg").write_bytes(svg)
                written.append(("figure", out / f"{name}.svg"))
            html_to = html_to or out / "trial.html"
        if html_to is not None:
            html_to.parent.mkdir(parents=True, exist_ok=True)
            html_to.write_text(page(report.data, figures), encoding="utf-8")
            written.append(("page", html_to))
    except OSError as problem:
        raise DataError(f"cannot write `{problem.filename}`: {problem.strerror}") from None
    return written


def _print(data: Mapping[str, Any]) -> None:
    print(data["title"])
    print(
        f"{data['subjects']:,} subjects of {data['population']} in each arm, seed {data['seed']}; "
        f"CTCAE {data['ctcae']}, ULN {data['uln_mg_dl']:g} mg/dL"
    )
    arms = data["arms"]
    rows = [[a, *(percent(arm["share"][n]) for n in LIMITS)] for a, arm in arms.items()]
    head = ["arm", *(n.replace(">", "> ") for n in LIMITS)]
    print_table(head, rows, "% of subjects by worst fasting glucose, mg/dL (95 %)")
    if data["difference"]["arms"]:
        rows = [[a, *(signed(d[n]) for n in LIMITS)] for a, d in data["difference"]["arms"].items()]
        print_table(head, rows, f"less {data['difference']['from']}, percentage points, same people (95 %)")
    if data["observed"]:
        rows = []
        for o in data["observed"]:
            seen = (
                "< " + f"{100 * o['observed_high']:g}"
                if o["observed"] is None
                else percent({"value": o["observed"], "low": o["observed_low"], "high": o["observed_high"]})
            )
            word = {"inside": "inside", "overlaps": "overlaps", "apart": "APART", None: "-"}[o["agreement"]]
            predicted = (
                "-"
                if o["predicted"] is None
                else percent({"value": o["predicted"], "low": o["low"], "high": o["high"]})
            )
            rows.append([f"{o['arm']}, {o['endpoint']}", seen, predicted, word, o["role"], o["evidence"]])
        print_table(["predicted beside observed, %", "observed", "predicted", "", "role", "grade"], rows)
    _print_rest(data)


def _print_rest(data: Mapping[str, Any]) -> None:
    """Reports, course, onset, discontinuation and decisions."""
    arms = data["arms"]
    rows = []
    for label, cell in (
        ("screened", lambda a: str(data["flow"]["screened"])),
        ("entered", lambda a: str(data["flow"]["arms"][a]["allocated"])),
        ("left before the end", lambda a: str(data["flow"]["arms"][a]["left"])),
        ("failed", lambda a: str(data["flow"]["arms"][a]["failed"])),
        ("completed", lambda a: str(data["flow"]["arms"][a]["completed"])),
        ("dose held", lambda a: str(data["flow"]["arms"][a]["treatment_held"])),
        ("treatment stopped by rule", lambda a: str(data["flow"]["arms"][a]["treatment_stopped"])),
        ("rescue begun", lambda a: str(data["flow"]["arms"][a]["rescued"])),
        ("median week of leaving", lambda a: number(arms[a]["discontinuation"]["median_week"])),
        ("reported, any grade, %", lambda a: "-" if arms[a]["ae"] is None else percent(arms[a]["ae"]["any"])),
        ("reported, grade 3-4, %", lambda a: "-" if arms[a]["ae"] is None else percent(arms[a]["ae"]["grade_3_4"])),
        ("new-onset diabetes, %", lambda a: percent(arms[a]["new_onset_diabetes"])),
        ("HbA1c, change in points", lambda a: spread(arms[a]["hba1c_change"], "+.2f")),
        ("fasting < 70 mg/dL, %", lambda a: percent(arms[a]["hypoglycaemia"]["<70"])),
        ("median week of first > 160", lambda a: number(arms[a]["time_to"][">160"]["median_week_of_those"])),
        ("weeks above 126 mg/dL", lambda a: number(arms[a]["weeks_above"][">126"])),
        *(
            (f"{drug} given, % of plan", lambda a, d=drug: number(arms[a]["dose_intensity"].get(d), 100))
            for drug in next(iter(arms.values()))["dose_intensity"]
        ),
    ):
        rows.append([label, *(cell(a) for a in arms)])
    print_table(["each arm", *arms], rows)
    visits = next(iter(arms.values()))["fasting_glucose"]
    rows = [
        [
            f"week {v['week']:g}",
            *(
                f"{spread(arm['fasting_glucose'][i], '.1f')} of {arm['fasting_glucose'][i]['n']}"
                for arm in arms.values()
            ),
        ]
        for i, v in enumerate(visits)
    ]
    print_table(["fasting glucose, mg/dL", *arms], rows, "mean (SD) of those who were there")
    if data["variants"]:
        rows = [
            [f"{a}: {v}", *(percent(shares[n]) for n in LIMITS)]
            for a, found in data["variants"].items()
            for v, shares in found.items()
        ]
        print_table(["structural variants, %", *(n.replace(">", "> ") for n in LIMITS)], rows)
    if data["alternatives"]:
        rows = [
            [f"{v}: {a}", percent(shares[">ULN"]), percent(shares[">250"])]
            for v, found in data["alternatives"].items()
            for a, shares in found.items()
        ]
        print_table(["built otherwise, %", "> ULN", "> 250"], rows, "nothing fitted again")
    if data["matched"]:
        m = data["matched"]
        print(
            f"weighted to what was published of {len(m['quantities'])} quantities: {m['of']} subjects say as much as "
            f"{m['n_effective']:.0f}"
        )
    print(f"intervals: {data['intervals']}")
    if data["assumptions"]:
        print("assumed, since no paper reports it: " + "; ".join(data["assumptions"]))


def percent(share: dict[str, Any]) -> str:
    """A share with its interval, in %."""
    if share["value"] is None:
        return "-"
    return f"{100 * share['value']:.1f} ({100 * share['low']:.1f}-{100 * share['high']:.1f})"


def signed(share: dict[str, Any]) -> str:
    """A difference of shares with its interval, in points."""
    if share["value"] is None:
        return "-"
    return f"{100 * share['value']:+.1f} ({100 * share['low']:+.1f} to {100 * share['high']:+.1f})"


def spread(found: dict[str, Any], form: str) -> str:
    """Mean and SD."""
    return "-" if found["mean"] is None else f"{found['mean']:{form}} ({found['sd']:{form.lstrip('+')}})"


def number(value: float | None, factor: float = 1.0) -> str:
    """A number, or none."""
    return "-" if value is None else f"{factor * value:.1f}"
