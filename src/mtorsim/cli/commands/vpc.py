"""`mtorsim vpc`: measured data laid beside a simulation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mtorsim.cli.console import note, print_json, print_table, progress_bar, warn
from mtorsim.cli.options import (
    PATH,
    accuracy,
    as_json,
    finite,
    library,
    library_of,
    parse_settings,
    quiet,
    settings,
    threads,
)
from mtorsim.cli.table_options import read_table, table_options
from mtorsim.errors import ArgumentError

if TYPE_CHECKING:
    from mtorsim.analysis.predictive_check.check import PredictiveCheck
    from mtorsim.event_records.table import EventTable

MOST_ROWS = 24
"""Bins of each stratum that are printed."""
FORMATS = ("png", "svg")


@click.command()
@click.argument("scenario", required=False)
@click.option("--data", type=PATH, required=True, metavar="FILE", help="Measured values, CSV or Parquet.")
@click.option("--of", metavar="NAME", help="The observable; default: that of column DVID, or the only one.")
@click.option("--arm", metavar="NAME", help="Arm of all people; default: column ARM, or the only arm.")
@click.option("--by", metavar="COLUMN", help="Stratify by a column.")
@click.option("--bins", default="auto", show_default=True, metavar="B", help="auto, a number, or edges in h: 0,2,8,24.")
@click.option("--versus", default="time", show_default=True, metavar="CLOCK", help="time, or tad: after the last dose.")
@click.option("--prediction-corrected", is_flag=True, help="Correct values for differences of dose, time, covariates.")
@click.option("--percentiles", default="5,50,95", show_default=True, metavar="P,P", help="Percentiles compared.")
@click.option(
    "--replicates", type=int, default=500, show_default=True, metavar="R", help="Number of simulated data sets."
)
@click.option("--dv-unit", metavar="UNIT", help="Unit of the values; default: column UNIT, or the model's.")
@click.option("--lloq", type=float, metavar="X", help="Lower limit of quantification, in that unit.")
@click.option("--dvid", metavar="VALUE", help="Value of column DVID for this observable.")
@click.option("--cv", type=float, metavar="X", help="Proportional error, such as 0.1; default: the scenario's assay.")
@click.option("--sd", type=float, metavar="X", help="Additive error, in the model's unit.")
@table_options
@click.option("--seed", type=int, metavar="S", help="Seed of the draws.")
@click.option("--population", metavar="NAME", help="Another population than the scenario's.")
@click.option("--out", type=PATH, metavar="DIR", help="Save tables and figures in this folder.")
@click.option("--figures/--no-figures", default=True, show_default=True, help="Save figures in DIR.")
@click.option("--force", is_flag=True, help="Replace an existing result in DIR.")
@threads
@settings
@accuracy
@library
@as_json
@quiet
def command(scenario: str | None, data: Path, models: tuple[str, ...], out: Path | None, **given: Any) -> int:
    """Compare measured values in FILE with replicates of the same people at the same times.

    \b
      mtorsim vpc everolimus_breast --data glucose.csv --of fasting_glucose --arm everolimus
      mtorsim vpc --model everolimus --population modelled --data levels.csv --of everolimus.C --cv 0.15
      mtorsim vpc trial.toml --data levels.csv --dv-unit ng/mL --lloq 0.3 --by dose --out results/check

    A visual predictive check, and normalised prediction distribution errors (NPDE) with tests. FILE has columns ID,
    TIME and DV. Without doses in it, people follow an arm of SCENARIO; with doses, each takes their own. Exit code 0:
    ok; 1: some simulated people failed; 2: an input is wrong.
    """  # noqa: D301
    from mtorsim.analysis.predictive_check.predictive_check import predictive_check
    from mtorsim.cli.options import check_output
    from mtorsim.results.folder import open_folder

    for name in ("lloq", "cv", "sd"):
        finite(f"--{name}", given[name])
    what = _what(scenario, models)
    table = read_table(data, given)
    if out is not None:
        # Before anything is computed for it.
        check_output(out / "run.json", "result")
        if not given["force"]:
            open_folder(out, False)
    with progress_bar(given["quiet"] or given["as_json"]) as bar:
        found = predictive_check(
            what,
            table,
            bins=_bins(given["bins"]),
            percentiles=_numbers("--percentiles", given["percentiles"]),
            settings=parse_settings(given["settings"]),
            library=library_of(scenario or data, given["folders"]),
            progress=bar,
            note=None if given["quiet"] else note,
            **{k: given[k] for k in ("of", "arm", "by", "versus", "prediction_corrected", "replicates")},
            **{k: given[k] for k in ("dv_unit", "lloq", "dvid", "cv", "sd", "seed", "population", "threads")},
            **{k: given[k] for k in ("method", "precision", "rtol", "atol", "kernel")},
        )
    saved = found.save(out, force=given["force"]) if out is not None else []
    figures = _draw(found, out) if out is not None and given["figures"] else []
    if given["as_json"]:
        print_json({**found.to_json(), "files": [str(path) for path in (*saved, *figures)]})
    else:
        _print(found, table)
        for path in saved:
            print(f"table     {path}")
        for path in figures:
            print(f"figure    {path}")
        if out is None and not given["quiet"]:
            note("nothing was saved; add `--out DIR` to save tables and figures")
    for text in found.warnings:
        warn(text)
    return 1 if found.failed else 0


def _what(scenario: str | None, models: tuple[str, ...]) -> str | list[str]:
    """The scenario or the modules."""
    if scenario is not None and models:
        raise ArgumentError(f"`{scenario}` and `--model` are both given", help="give one of them")
    if scenario is None and not models:
        raise ArgumentError("there is neither a scenario nor a model", help="give SCENARIO, or name --model")
    return scenario if scenario is not None else list(models)


def _bins(text: str) -> str | int | list[float]:
    """Bins as typed: `auto`, a number of bins, or edges."""
    if text == "auto":
        return text
    if text.strip().lstrip("+-").isdigit():
        return int(text)
    try:
        return _numbers("--bins", text)
    except ArgumentError as error:
        raise ArgumentError(error.message, help="auto, a number of bins, or their edges in hours: 0,2,8,24") from None


def _numbers(option: str, text: str) -> list[float]:
    """Numbers between commas.

    Raises
    ------
    ArgumentError
        If one is not a finite number.
    """
    found = []
    for part in text.split(","):
        try:
            found.append(float(part))
        except ValueError:
            raise ArgumentError(f"`{option} {text}`: `{part.strip()}` is not a number") from None
        finite(option, found[-1])
    return found


def _draw(found: PredictiveCheck, folder: Path) -> list[Path]:
    """Save the figures."""
    import numpy as np

    from mtorsim.errors import DataError
    from mtorsim.plots.npde import npde
    from mtorsim.plots.vpc import vpc

    draw = {"vpc": vpc} | ({"npde": npde} if np.isfinite(found.errors.npde).sum() > 3 else {})
    paths = []
    for name, figure in draw.items():
        drawn = figure(found)
        for suffix in FORMATS:
            path = folder / f"{name}.{suffix}"
            try:
                drawn.savefig(path, dpi=180, metadata={"Date": None} if suffix == "svg" else None)
            except OSError as problem:
                raise DataError(f"cannot write `{path}`: {problem.strerror}") from None
            paths.append(path)
    return paths


def _print(found: PredictiveCheck, table: EventTable) -> None:
    """Print the comparison as tables."""
    print(found.title)
    print(found.told)
    print(f"doses: {found.doses}; error of measured values: {found.error}")
    print(f"{table.path}: {'; '.join(found.notes)}")
    names = [f"{level:g} %" for level in found.levels]
    for panel in found.panels:
        rows = []
        for each in panel.bins[:MOST_ROWS]:
            cells = [_cell(c.observed, c.low, c.high, c.outside) for c in each.percentiles]
            if each.below is not None:
                b = each.below
                cells.append(_cell(100 * b.observed, 100 * b.low, 100 * b.high, b.outside))
            rows.append([f"{each.time:.4g}", str(each.n), *cells])
        limited = ["below limit, %"] if any(b.below is not None for b in panel.bins) else []
        corrected = ", prediction-corrected" if found.is_corrected else ""
        title = f"{found.of}, {found.unit}{corrected}: measured (95 % interval of simulated), * outside"
        where = f"{found.by} {panel.stratum}: " if panel.stratum else ""
        clock = "" if found.clock == "the start" else f" after {found.clock}"
        print_table([f"h{clock}", "n", *names, *limited], rows, f"{where}{title}")
    _print_counts(found)
    _print_tests(found)


def _print_counts(found: PredictiveCheck) -> None:
    """Print how many percentiles and samples are outside their intervals."""
    outside, shown = found.percentiles_outside
    print(f"\n{outside} of {shown} percentiles are outside their 95 % interval; {0.05 * shown:.1f} are expected")
    samples, of_all = found.samples_outside
    if of_all:
        expected = f"{0.05 * of_all:.1f} are expected"
        print(f"{samples} of {of_all} samples are outside the 95 % interval of their own simulated values; {expected}")
    bins, of_bins = found.below_outside
    if of_bins:
        below, n = int(found.observed.below.sum()), len(found.observed)
        where = f"their share is outside its interval in {bins} of {of_bins} bins"
        print(f"{below} of {n} values are below the limit of quantification; {where}")


def _print_tests(found: PredictiveCheck) -> None:
    """Print the tests of prediction errors."""
    rows = []
    for name, t in found.tests.items():
        usual = [_p(t.p_mean), _p(t.p_variance), _p(t.p_normal), _p(t.p_global)]
        own = [_p(t.simulated_mean), _p(t.simulated_variance), _p(t.simulated_normal), _p(t.simulated_global)]
        rows.append([name, str(t.n), f"{t.mean:.2f}", f"{t.variance:.2f}", *usual])
        rows.append(["  by replicates", "", "", "", *own])
    if rows:
        head = ["npde", "n", "mean", "variance", "p mean 0", "p variance 1", "p normal", "p any"]
        print_table(head, rows, "prediction errors: usual tests, and ranks among replicates; p any is after Bonferroni")
    if found.errors.dependent:
        people = f"{found.errors.dependent} {'person' if found.errors.dependent == 1 else 'people'}"
        print(f"no npde in {people}: their simulated values depend on each other linearly, or are too many")
        note("  help: simulated values need the error of an assay: `--cv`; many samples need more `--replicates`")
    if found.errors.flat.any():
        print(f"no error in {int(found.errors.flat.sum())} samples without any simulated spread, such as before a dose")
    for sentence, count in found.status.items():
        if sentence != "ok":
            note(f"{count:,} simulated people failed: {sentence}; they are left out")


def _cell(value: float, low: float, high: float, outside: bool) -> str:
    """A measured value with the interval of simulated ones."""
    return f"{_number(value)} ({_number(low)}-{_number(high)}){'*' if outside else ' '}"


def _number(value: float) -> str:
    return "<LLOQ" if value == float("-inf") else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _p(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"
