"""`mtorsim risk`: who gets hyperglycaemia, from what is known before the first dose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mtorsim.cli.console import note, print_json, print_table, progress_bar
from mtorsim.cli.options import (
    PATH,
    as_json,
    check_output,
    library,
    library_of,
    parse_settings,
    quiet,
    settings,
    threads,
)

if TYPE_CHECKING:
    from mtorsim.analysis.risk.prediction import Risk, RiskModel


@click.command()
@click.argument("scenario")
@click.option("--arm", metavar="NAME", help="The treated arm; default: the first with a drug.")
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    metavar="NAME",
    help="'grade 1' to 'grade 4' or 'new diabetes'; repeatable; default: grade 2, grade 3, new diabetes.",
)
@click.option("--predictor", "predictors", multiple=True, metavar="NAME", help="Such as bmi; repeatable; default: all.")
@click.option("--subjects", type=int, metavar="N", help="Number of people; default: the scenario's.")
@click.option("--seed", type=int, metavar="S", help="Seed of the draws.")
@click.option("--population", metavar="NAME", help="Another population than the scenario's.")
@click.option("--figure", type=PATH, metavar="FILE", help="Draw a nomogram of the first outcome (.png, .pdf or .svg).")
@click.option("--calibration", type=PATH, metavar="FILE", help="Draw observed shares against predicted risks.")
@threads
@settings
@library
@as_json
@quiet
def command(scenario: str, outcomes: tuple[str, ...], predictors: tuple[str, ...], **given: Any) -> int:
    """Predict who gets hyperglycaemia on the drug in SCENARIO, from what a clinic knows before the first dose.

    \b
      mtorsim risk bolero_2 --subjects 1000
      mtorsim risk bolero_2 --outcome "grade 3" --predictor hba1c --predictor bmi
      mtorsim risk bolero_2 --figure nomogram.png --calibration calibration.png

    Odds ratios by logistic regression; discrimination and calibration in people who were not used to fit.
    Needs `pip install "mtorsim[risk]"`. For research and teaching, not for patient care.
    """  # noqa: D301
    from mtorsim.analysis.risk.prediction import CAUTION
    from mtorsim.analysis.risk.risk import OUTCOMES, risk
    from mtorsim.plots.style import FORMATS

    for path in (given["figure"], given["calibration"]):
        if path is not None:
            check_output(path, "picture", [f".{f}" for f in FORMATS])
    with progress_bar(given["quiet"] or given["as_json"]) as bar:
        found = risk(
            scenario,
            arm=given["arm"],
            outcomes=outcomes or OUTCOMES,
            predictors=predictors or None,
            subjects=given["subjects"],
            seed=given["seed"],
            population=given["population"],
            settings=parse_settings(given["settings"]),
            threads=given["threads"],
            library=library_of(scenario, given["folders"]),
            progress=bar,
            note=None if given["quiet"] else note,
        )
    _draw(found, given["figure"], given["calibration"])
    if given["as_json"]:
        print_json(found.to_json())
    else:
        _print(found)
        print(f"\n{CAUTION}")
    for number, reason in list(found.failed.items())[:10]:
        note(f"subject {number} failed: {reason}")
    return 1 if found.failed else 0


def _draw(found: Risk, figure: Path | None, calibration: Path | None) -> None:
    from mtorsim.errors import DataError
    from mtorsim.plots.risk import nomogram, reliability

    for path, draw in ((figure, nomogram), (calibration, reliability)):
        if path is not None:
            try:
                draw(found).savefig(path, dpi=180)
            except OSError as problem:
                raise DataError(f"cannot write `{path}`: {problem.strerror}") from None


def _print(found: Risk) -> None:
    """Print odds ratios and validation of every outcome."""
    print(found.title)
    print(found.told)
    if found.incomplete:
        print(f"left out: {found.incomplete} people without a value of some predictor at the start")
    for outcome, model in found.models.items():
        _print_model(outcome, model, found.folds)
    for outcome, reason in found.unfit.items():
        print(f"\n{outcome}: no model: {reason}")


def _print_model(outcome: str, model: RiskModel, folds: int) -> None:
    print(f"\n{outcome}: {model.definition}")
    already = f"; {model.already} had it at the start" if model.already else ""
    print(f"{model.events} of {model.n} people, {model.rate}{already}")
    rows = [[row.told, _ratio(row.ratio), _ratio(row.alone)] for row in model.odds if row.ratio is not None]
    print_table(["odds ratio (95 % CI)", "with the others", "alone"], rows)
    left: dict[str, list[str]] = {}
    for name, reason in model.dropped.items():
        left.setdefault(reason, []).append(name)
    for reason, names in left.items():
        print(f"not used: {', '.join(names)}: {reason}")
    v = model.validation
    print(f"in people not used to fit ({folds} folds): c {v.c}; calibration slope {v.slope}, intercept {v.intercept}")
    print(f"Brier score {v.brier:.3f}, that of the base rate {v.brier_base:.3f}")
    tenths = [[f"{t.n}", f"{100 * t.predicted:.1f} %", str(t.observed)] for t in v.tenths]
    print_table(["people, by risk", "predicted", "observed (95 % CI)"], tenths)


def _ratio(ratio: Any) -> str:
    return "-" if ratio is None else str(ratio)
