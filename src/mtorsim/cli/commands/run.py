"""`mtorsim run`: run a population through a scenario."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from mtorsim.cli.console import note, print_json, progress_bar
from mtorsim.cli.options import (
    PATH,
    accuracy,
    as_json,
    library,
    library_of,
    parse_settings,
    quiet,
    settings,
    units,
    workers,
)
from mtorsim.errors import ArgumentError


@click.command()
@click.argument("scenario")
@click.option("--subjects", type=int, metavar="N", help="Number of subjects; default: the scenario's.")
@click.option("--first", type=int, metavar="A", help="Number of the first subject, from 0.")
@click.option("--last", type=int, metavar="B", help="Number of the last; ranges are put together by `mtorsim merge`.")
@click.option("--seed", type=int, metavar="S", help="Seed of the population's draws.")
@click.option("--population", metavar="NAME", help="Use another population.")
@click.option("--out", type=PATH, metavar="DIR", help="Save the result in this folder.")
@click.option("--force", is_flag=True, help="Replace an existing result in DIR.")
@click.option("--resume", is_flag=True, help="Resume an interrupted run in DIR.")
@click.option("--figures/--no-figures", default=True, help="Save figures in DIR.", show_default=True)
@click.option("--quantiles", metavar="Q,Q", help="Further quantiles in summary.json and --json, such as 0.025,0.975.")
@click.option("--observe", metavar="NAME,NAME", help="Keep these observables only, and that which is graded.")
@click.option("--series-of", metavar="A-B,C", help="Keep the finer series of these subjects; default: 0-999.")
@click.option(
    "--draws", type=click.Choice(["random", "sobol"]), default="random", show_default=True, help="How people are drawn."
)
@click.option(
    "--tail", "tails", multiple=True, metavar="TAIL", help="Oversample, as `phis lowest 10 % as 50 %`; repeatable."
)
@click.option("--until", metavar="GOAL", help="Add subjects until `P(worst_fasting_glucose > 250 mg/dL) +- 0.2 %`.")
@click.option("--certify/--no-certify", default=None, help="Verify the saved result; default: from 10,000 subjects on.")
@click.option("--chunk", type=int, default=1024, show_default=True, metavar="C", help="Number of subjects per file.")
@workers
@settings
@accuracy
@library
@units
@as_json
@quiet
def command(scenario: str, out: Path | None, **given: Any) -> int:
    """Run a population through SCENARIO: a bundled name (see `mtorsim list`) or a file.

    \b
      mtorsim run everolimus_breast --subjects 200 --out results/breast
      mtorsim run mine.toml --set everolimus.CL=30 --set secretion=0

    Exit code 0: ok; 1: some subjects failed or are suspicious, the others are saved; 2: an input is wrong; 130:
    interrupted, finished chunks are saved.
    """  # noqa: D301
    from mtorsim.simulation.simulate import simulate

    names = (
        "series_of",
        "draws",
        "until",
        "certify",
        "seed",
        "population",
        "threads",
        "processes",
        "cluster",
        "chunk",
        "method",
        "precision",
        "rtol",
        "atol",
        "kernel",
    )
    run = partial(
        simulate,
        scenario,
        **_range(given["first"], given["last"], given["subjects"]),
        settings=parse_settings(given["settings"]),
        out=out,
        force=given["force"],
        resume=given["resume"],
        library=library_of(scenario, given["folders"]),
        quantiles=_quantiles(given["quantiles"]),
        observe=None if given["observe"] is None else [n.strip() for n in given["observe"].split(",") if n.strip()],
        tails=_tails(given["tails"]),
        **{k: given[k] for k in names},
    )
    return run_and_show(run, out, given)


def _range(first: int | None, last: int | None, subjects: int | None) -> dict[str, int | None]:
    """The first subject, and the number of subjects."""
    if last is None:
        return {"first": first or 0, "subjects": subjects}
    if subjects is not None:
        raise ArgumentError("`--last` and `--subjects` say the same", help="give one of them")
    if last < (first or 0):
        raise ArgumentError(f"`--last {last}` is before `--first {first or 0}`")
    return {"first": first or 0, "subjects": last - (first or 0) + 1}


def chosen_workers(given: dict[str, Any]) -> dict[str, Any]:
    """Who computes, as given on the command line."""
    return {name: given[name] for name in ("threads", "processes", "cluster")}


def _tails(texts: Sequence[str]) -> dict[str, str]:
    """Tails by quantity, of which each text names one first."""
    found: dict[str, str] = {}
    for text in texts:
        name, _, tail = text.strip().partition(" ")
        if name in found:
            raise ArgumentError(f"`{name}` has two tails")
        found[name] = tail
    return found


def _quantiles(text: str | None) -> list[float]:
    try:
        return [float(part) for part in text.split(",")] if text else []
    except ValueError:
        help = "write for example `--quantiles 0.025,0.975`"
        raise ArgumentError(f"`--quantiles {text}` is not a list of numbers", help=help) from None


def run_and_show(run: Callable[..., Any], out: Path | None, given: dict[str, Any]) -> int:
    """Run with progress, print the result and the paths of its files; return the exit code."""
    from mtorsim.units.display import display_units

    silent = given["quiet"] or given["as_json"]
    shown_in = display_units(given["units"])
    done = [0, 0]
    try:
        with progress_bar(silent) as bar:

            def progress(now: int, total: int) -> None:
                done[:] = now, total
                if bar:
                    bar(now, total)

            result = run(progress=progress, note=None if given["quiet"] else note)
    except KeyboardInterrupt:
        _say_how_to_resume(done[0], done[1], out)
        return 130
    return _show(result, shown_in, out, silent, given)


def _show(result: Any, shown_in: Any, out: Path | None, silent: bool, given: dict[str, Any]) -> int:
    from mtorsim.cli.summary import print_summary, summary_object, warn_of_failures, warn_of_suspicion

    if given["as_json"]:
        _figures(result, shown_in, out, given)
        print_json(summary_object(result, shown_in, out))
        return 1 if warn_of_failures(result, out) | warn_of_suspicion(out) else 0
    # Print the numbers first: figures take as long as the rest of a small run.
    print_summary(result, shown_in)
    if out is not None:
        print(f"run       {out / 'run.json'}")
        print(f"visits    {out / 'visits.parquet'}")
        print(f"people    {out / 'people.parquet'}")
        if (out / "tests.parquet").exists():
            print(f"tests     {out / 'tests.parquet'}")
        if (out / "shares.csv").exists():
            print(f"table     {out / 'shares.csv'}", flush=True)
        if (out / "kaplan_meier.csv").exists():
            print(f"table     {out / 'kaplan_meier.csv'}", flush=True)
        if (out / "certificate.json").exists():
            print(f"verified  {out / 'certificate.json'}", flush=True)
        for path in _figures(result, shown_in, out, given):
            print(f"figure    {path}")
    elif not silent:
        note("results were not saved; add `--out DIR` to save tables and figures")
    return 1 if warn_of_failures(result, out) | warn_of_suspicion(out) else 0


def _figures(result: Any, shown_in: Any, out: Path | None, given: dict[str, Any]) -> list[Path]:
    if out is None or not given["figures"] or not result.series.sizes["subject"]:
        # The figures are of the first thousand subjects.
        return []
    from mtorsim.plots.run import draw

    return draw(result, out, shown_in)


def _say_how_to_resume(done: int, total: int, out: Path | None) -> None:
    if out is None:
        note("interrupted: results were not saved, since there was no `--out DIR`")
        return
    so_far = f" after {done:,} of {total:,} subjects" if total else ""
    note(f"interrupted{so_far}; finished chunks are saved in {out}")
    note(f"  resume it with: {shlex.join(['mtorsim', 'resume', str(out)])}")
