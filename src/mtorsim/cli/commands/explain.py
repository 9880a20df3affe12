"""`mtorsim explain`: divide a drug's effect among the mechanisms through which it acts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mtorsim.cli.console import note, print_json, print_table, progress_bar
from mtorsim.cli.options import (
    PATH,
    as_json,
    asked,
    check_output,
    library,
    library_of,
    parse_settings,
    quiet,
    settings,
    threads,
)

if TYPE_CHECKING:
    from mtorsim.analysis.explain.explanation import Explanation, MeanShare


@click.command()
@click.argument("scenario")
@asked
@click.option("--subjects", type=int, default=40, show_default=True, metavar="N", help="Number of subjects.")
@click.option("--subject", type=int, metavar="I", help="A single subject, by number.")
@click.option("--limit", "limits", type=float, multiple=True, metavar="X", help="Also divide the share above X.")
@click.option("--by", metavar="TRAIT", help="Classes of people by a trait, such as bmi; default: by fasting glucose.")
@click.option("--figure", type=PATH, metavar="FILE", help="Draw the contributions (.png, .pdf or .svg).")
@click.option("--people", type=PATH, metavar="FILE", help="Draw the people beside each other.")
@threads
@settings
@library
@as_json
@quiet
def command(scenario: str, limits: tuple[float, ...], **given: Any) -> int:
    """Explain the effect of the drug in SCENARIO: which mechanisms have which share of it, in whom.

    \b
      mtorsim explain everolimus_breast --at "8 weeks"
      mtorsim explain everolimus_breast --subject 17 --figure why.png
      mtorsim explain bolero_2 --at highest --limit 160 --by bmi

    Shares are Shapley values over all combinations of mechanisms in the same people; they sum to the
    whole effect. For research and teaching, not for patient care.
    """  # noqa: D301
    from mtorsim.analysis.explain.explain import explain
    from mtorsim.plots.style import FORMATS

    for path in (given["figure"], given["people"]):
        if path is not None:
            check_output(path, "picture", [f".{f}" for f in FORMATS])
    silent = given["quiet"] or given["as_json"]
    with progress_bar(silent) as bar:
        why = explain(
            scenario,
            arm=given["arm"],
            versus=given["versus"],
            of=given["of"],
            at=given["at"],
            subjects=None if given["subject"] is not None else given["subjects"],
            subject=given["subject"],
            seed=given["seed"],
            population=given["population"],
            settings=parse_settings(given["settings"]),
            by=given["by"],
            threads=given["threads"],
            library=library_of(scenario, given["folders"]),
            progress=bar,
            note=None if given["quiet"] else note,
        )
    classes = why.classes()
    _draw(why, given["figure"], given["people"])
    if given["as_json"]:
        print_json(why.to_json(limits))
    else:
        _print(why, classes, limits)
    for number, reason in list(why.failed.items())[:10]:
        note(f"subject {number} failed: {reason}")
    return 1 if why.failed else 0


def _draw(why: Explanation, figure: Path | None, people: Path | None) -> None:
    from mtorsim.errors import DataError
    from mtorsim.plots import explain

    for path, draw in ((figure, explain.contributions), (people, explain.people)):
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                draw(why).savefig(path, dpi=180)
            except OSError as problem:
                raise DataError(f"cannot write `{path}`: {problem.strerror}") from None


def _print(why: Explanation, classes: Any, limits: tuple[float, ...]) -> None:
    """Print the explanation as tables."""
    labels: dict[str, str] = {effect.name: effect.label for effect in why.effects}
    well = why.well
    print(why.title)
    print(why.told)
    without, treated = why.means()
    print(f"without {without:.1f}, on the drug {treated:.1f} {why.unit}")
    if not well.all():
        print(f"left out: {(~well).sum()} subjects without a value in every course")
    one = len(why.subjects) == 1
    head = ["share", f"{why.unit}", *([] if one else ["95 % CI"]), "% of the whole"]
    print_table(head, _rows(why.mean(), labels, one), "by effect")
    print_table(head, _rows(why.families(), labels, one), "by family")
    if one:
        return
    rows = []
    for name, mask in classes.items():
        some = mask & well
        if some.any():
            without, treated = why.means(mask)
            cells = [f"{r.mean:+.1f}" for r in why.families(mask)]
            rows.append([f"{name} ({some.sum()})", f"{treated - without:+.1f}", *cells])
    if rows:
        print_table(["class (n)", "whole", *(r.name for r in why.families())], rows, f"mean share by class, {why.unit}")
    for limit in limits if why.coalitions is not None else ():
        above = why.above(limit)
        title = f"above {limit:g} {why.unit}: {above['untreated']:.1f} % without, {above['treated']:.1f} % on the drug"
        head = ["share", "percentage points", "95 % CI", "% of the whole"]
        print_table(head, _rows(above["shares"], labels, one), title)
    if why.coalitions is not None and len(why.effects) > 1:
        pairs = [[f"{labels[a]} and {labels[b]}", f"{r.mean:+.2f}"] for a, b, r in why.pairs()[:5]]
        print_table(["pairs that need each other", why.unit], pairs, "interaction: both together beyond each alone")


def _rows(shares: Sequence[MeanShare], labels: Mapping[str, str], one: bool) -> list[list[str]]:
    """Rows of shares; parts of the whole are left out where shares cancel and the whole is smaller than one of them."""
    whole = sum(share.mean for share in shares)
    cancel = abs(whole) < max(abs(share.mean) for share in shares)
    rows = []
    for share in shares:
        interval = [] if one else [f"{share.low:+.2f} to {share.high:+.2f}"]
        part = "-" if cancel else f"{100 * share.part:.0f}"
        rows.append([labels.get(share.name, share.name), f"{share.mean:+.2f}", *interval, part])
    return rows
