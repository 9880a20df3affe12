"""`mtorsim trial`: run a trial and compare predicted with observed rates."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import click

from mtorsim.cli.console import note, print_json, print_table, progress_bar
from mtorsim.cli.options import PATH, as_json, library, library_of, parse_settings, quiet, settings, threads
from mtorsim.errors import ArgumentError, DataError, UnitError
from mtorsim.results.limits import limits_of
from mtorsim.stats.shares import Estimate
from mtorsim.trial.report import TrialReport
from mtorsim.trial.rows import Cell, endpoint_rows, flow_rows, in_text, visit_rows
from mtorsim.units.conversions import glucose_in_mg_dl
from mtorsim.units.display import display_units
from mtorsim.units.units import parse_quantity


@click.command()
@click.argument("scenario")
@click.option("--subjects", type=int, metavar="N", help="Number of subjects per arm; default: the scenario's.")
@click.option("--seed", type=int, metavar="S", help="Seed of the draws.")
@click.option("--uln", metavar="LEVEL", help="Upper limit of normal of the laboratory, such as '106 mg/dL'.")
@click.option(
    "--sets",
    type=int,
    default=6,
    show_default=True,
    metavar="K",
    help="Number of plausible calibrations included in the intervals; 1 for none.",
)
@click.option("--variants/--no-variants", default=True, show_default=True, help="Also run the structural variants.")
@click.option(
    "--alternatives",
    is_flag=True,
    help="Also run structural alternatives: glucotoxicity, hepatic autoregulation, secretory reserve.",
)
@click.option("--out", type=PATH, metavar="DIR", help="Save result, report and figures in this folder.")
@click.option("--force", is_flag=True, help="Replace an existing result in DIR.")
@click.option("--html", "html_to", type=PATH, metavar="FILE", help="Save the report as an HTML page.")
@click.option(
    "--figures",
    type=click.Choice(["svg", "pdf", "png"]),
    default="svg",
    show_default=True,
    help="File type of the figures in DIR.",
)
@threads
@settings
@library
@as_json
@quiet
def command(scenario: str, out: Path | None, html_to: Path | None, **given: Any) -> int:
    """Run the trial in SCENARIO, a bundled name or a file, and compare predicted with observed endpoints.

    \b
      mtorsim trial bolero_2
      mtorsim trial mine.toml --subjects 1000 --html mine.html --json

    Rates count the highest glucose at the trial's visits while a subject is on study. Exit code
    0: ok; 1: some subjects failed (they are included in every denominator); 2: an input is wrong.
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
            library=library_of(scenario, given["folders"]),
            note=None if given["quiet"] else note,
        )
    written = _write(report, out, html_to, given["figures"])
    if given["as_json"]:
        print_json(report.to_json())
    else:
        _print(report)
        if report.tests:
            from mtorsim.cli.summary import print_tests

            print_tests(report.result, display_units("mg/dL"))
        for name, path in written:
            print(f"{name:<9} {path}")
    from mtorsim.cli.summary import warn_of_failures

    return 1 if warn_of_failures(report.result, out) else 0


def _uln(text: str) -> float:
    try:
        return glucose_in_mg_dl(*parse_quantity(text))
    except UnitError as error:
        raise ArgumentError(f"`--uln`: {error.message}", help="write for example --uln '110 mg/dL'") from None


def _write(report: TrialReport, out: Path | None, html_to: Path | None, form: str) -> list[tuple[str, Path]]:
    """Save report, page and figures, as requested."""
    from mtorsim.plots.trial import trial_figures
    from mtorsim.trial.page import page

    written = []
    try:
        if out is not None:
            (out / "trial.json").write_text(
                json.dumps(report.to_json(), indent=1, default=float) + "\n", encoding="utf-8"
            )
            written.append(("report", out / "trial.json"))
            for name, figure in trial_figures(report, form).items():
                (out / f"{name}.{form}").write_bytes(figure)
                written.append(("figure", out / f"{name}.{form}"))
            html_to = html_to or out / "trial.html"
        if html_to is not None:
            html_to.parent.mkdir(parents=True, exist_ok=True)
            html_to.write_text(page(report, trial_figures(report), _command()), encoding="utf-8")
            written.append(("page", html_to))
    except OSError as problem:
        raise DataError(f"cannot write `{problem.filename}`: {problem.strerror}") from None
    return written


def _command() -> str:
    """The command as it was typed."""
    return shlex.join(["mtorsim", *map(str, click.get_current_context().find_root().obj)])


def _print(report: TrialReport) -> None:
    """Print the report as tables."""
    print(report.title)
    print(
        f"{report.subjects:,} subjects of {report.population} in each arm, seed {report.seed}; "
        f"CTCAE {report.ctcae}, ULN {report.uln_mg_dl:g} mg/dL"
    )
    head = ["arm", *(name.replace(">", "> ") for name in limits_of(report.uln_mg_dl))]
    rows = [[name, *map(cell, arm.share.values())] for name, arm in report.arms.items()]
    print_table(head, rows, f"% of subjects by highest {report.glucose}, mg/dL (95 % CI)")
    if report.difference.arms:
        rows = [[name, *map(signed, shares.values())] for name, shares in report.difference.arms.items()]
        title = f"difference vs {report.difference.reference} (percentage points, paired, 95 % CI)"
        print_table(head, rows, title)
    if report.observed:
        _print_observed(report)
    _print_arms(report)
    if report.variants:
        rows = [[f"{a}: {v}", *map(cell, s.values())] for a, f in report.variants.items() for v, s in f.items()]
        print_table(["structural variants, %", *head[1:]], rows)
    if report.alternatives:
        rows = [
            [f"{v}: {a}", cell(shares[">ULN"]), cell(shares[">250"])]
            for v, found in report.alternatives.items()
            for a, shares in found.items()
        ]
        print_table(["structural alternatives, %", "> ULN", "> 250"], rows, "not refitted")
    if report.matched:
        m = report.matched
        size = f"effective sample size {m.n_effective:.0f} of {m.of}"
        print(f"weighted to published values of {len(m.quantities)} quantities: {size}")
    print(f"intervals: {report.intervals}")
    if report.assumptions:
        print("assumed (not reported by any paper): " + "; ".join(report.assumptions))


def _print_observed(report: TrialReport) -> None:
    """Print predicted beside observed rates."""
    rows = []
    for row in report.observed:
        seen = f"< {100 * row.observed_high:g}"
        if row.observed is not None:
            seen = cell(Estimate(row.observed, row.observed_low, row.observed_high))
        word = {"inside": "inside", "overlaps": "overlaps", "apart": "APART", None: "-"}[row.agreement]
        predicted = cell(Estimate(row.predicted, row.low, row.high))
        rows.append([f"{row.arm}, {row.endpoint}", seen, predicted, word, row.role, row.evidence])
    print_table(["predicted beside observed, %", "observed", "predicted", "", "role", "evidence"], rows)


def _print_arms(report: TrialReport) -> None:
    """Print flow and endpoints of each arm, and glucose by visit."""
    flow = report.flow
    print(f"screened {flow.screened:,}, screen failures {flow.turned_away:,}, entered {flow.entered:,}")
    rows = [[label, *(cell(c, 2) for c in cells)] for label, cells in (*flow_rows(report), *endpoint_rows(report))]
    print_table(["each arm", *report.arms], rows)
    visits = visit_rows(report)
    rows = [[f"week {week:g}", *(f"{cell(v)} of {v.n}" if v else "-" for v in here)] for week, here in visits]
    print_table([f"{report.glucose}, mg/dL", *report.arms], rows, "mean (SD), patients still on study")


def cell(value: Cell, digits: int = 1) -> str:
    """A value with its interval or SD."""
    text, more = in_text(value, digits)
    return f"{text} ({more})" if more else text


def signed(share: Estimate) -> str:
    """A difference of shares with its interval, in percentage points."""
    if share.value is None or share.low is None or share.high is None:
        return "-"
    return f"{100 * share.value:+.1f} ({100 * share.low:+.1f} to {100 * share.high:+.1f})"
