"""`mtorsim test`: run a test of the virtual laboratory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from mtorsim.cli.console import column, note, print_json, print_table, warn
from mtorsim.cli.options import PATH, as_json, check_output, library, library_of, parse_settings, quiet, settings, units
from mtorsim.errors import ArgumentError

if TYPE_CHECKING:
    from mtorsim.laboratory.findings import Examination
    from mtorsim.protocols.laboratory_test import LaboratoryTest
    from mtorsim.units.display import DisplayUnits

_SHORT = {"c_peptide": "C-peptide", "ffa": "FFA", "glucose_infusion": "infusion"}
"""Column headings that differ from the curve's name."""
_MOST_COLUMNS = 7
_MOST_ROWS = 26


class _Command(click.Command):
    """A command whose help lists all tests with their options."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the tests by name, each with its options, their ranges and units."""
        from mtorsim.protocols.registry import laboratory_tests

        rows = []
        for name, test in laboratory_tests().items():
            options = [f"{option}={_usual(test, option)}" for option in test.options]
            rows.append((name, f"{test.about} Options: {'; '.join(options)}."))
        with formatter.section("Tests"):
            formatter.write_dl(rows)


def _usual(test: LaboratoryTest, name: str) -> str:
    """An option's default, meaning and range."""
    option, values = test.options[name], np.atleast_1d(test.usual[name])
    meaning = f"{option.about}, {option.low:g} to {option.high:g} {option.unit}".rstrip()
    return f"{','.join(f'{v:g}' for v in values)} ({meaning})"


@click.command(cls=_Command)
@click.argument("test")
@click.option("--preset", metavar="NAME", help="Population to test, such as NGT (the default), IGT or T2D.")
@click.option("--scenario", metavar="SCENARIO", help="Test this scenario's subjects instead, at time --at.")
@click.option("--dose", metavar="TEXT", help="Doses before the test, such as 'everolimus 10 mg q24h'.")
@click.option("--at", default="0 h", show_default=True, metavar="TIME", help="Time of the test after the start.")
@click.option("--arm", metavar="NAME", help="Arm of the scenario; default: the first.")
@click.option(
    "--with",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set an option of the test, such as grams=50 or insulin=0.25,1; repeatable.",
)
@click.option("--subjects", type=int, metavar="N", help="Number of subjects; default: one for a typical person.")
@click.option("--seed", type=int, metavar="S", help="Seed of the population's draws.")
@click.option("--figure", type=PATH, metavar="FILE", help="Save a figure: .png, .pdf or .svg.")
@settings
@library
@units
@as_json
@quiet
def command(test: str, preset: str | None, scenario: str | None, **given: Any) -> int:
    """Run TEST, one of the tests listed below.

    \b
      mtorsim test ogtt --preset NGT
      mtorsim test clamp --preset IGT --with insulin=0.25,1 --figure clamp.png
      mtorsim test ivgtt --preset NGT --dose "everolimus 10 mg q24h" --at "12 weeks"
      mtorsim test ogtt --scenario everolimus_healthy --at "28 d" --subjects 50

    Drugs are not washed out before the test; that day's dose is given after it. A clamp holds 90 mg/dL; with target=0,
    each subject's own fasting glucose.
    """  # noqa: D301
    from mtorsim.laboratory.examine import examine
    from mtorsim.units.display import display_units

    shown_in = display_units(given["units"])
    if given["figure"] is not None:
        from mtorsim.plots.style import FORMATS

        # Fail before computing anything if the figure cannot be written.
        check_output(given["figure"], "picture", [f".{f}" for f in FORMATS])
    if preset is None and scenario is None:
        preset = "ngt"
    found = examine(
        test,
        preset,
        scenario=scenario,
        at=given["at"],
        arm=given["arm"],
        dose=given["dose"],
        settings=parse_settings(given["settings"]),
        subjects=given["subjects"],
        seed=given["seed"],
        library=library_of(scenario, given["folders"]),
        note=None if given["quiet"] else note,
        **_options(given["options"]),
    )
    who = scenario or preset
    if given["figure"] is not None:
        from mtorsim.plots.laboratory import draw_test

        draw_test(found, given["figure"], shown_in, f"{who}")
    record = _record(found, shown_in) | {"population" if scenario is None else "scenario": who}
    if given["as_json"]:
        print_json(record)
    else:
        _print(found, record, who or "")
    failed = int((found.status != 0).sum())
    if failed:
        from mtorsim.kernel.status import CURES, SENTENCES

        for code in sorted(set(found.status[found.status != 0].tolist())):
            sentence = SENTENCES[code]
            warn(f"subjects {found.subjects[found.status == code].tolist()}: {sentence}")
            if sentence in CURES:
                note(f"  help: {CURES[sentence]}")
    return 1 if failed else 0


def _options(texts: tuple[str, ...]) -> dict[str, Any]:
    """Read `NAME=VALUE` pairs; a value is a number or several, separated by commas."""
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        try:
            numbers = [float(v) for v in value.split(",")]
        except ValueError:
            numbers = [math.nan]
        if not equals or not name or not all(map(math.isfinite, numbers)):
            raise ArgumentError(f"`--with {text}` is not NAME=NUMBER", help="write for example `--with grams=50`")
        if name in found:
            raise ArgumentError(f"`--with {name}` is given twice")
        found[name] = numbers[0] if len(numbers) == 1 else numbers
    return found


def _record(found: Examination, shown_in: DisplayUnits) -> dict[str, Any]:
    """Times, curves and indices as plain numbers: of one subject, or medians with 5th and 95th percentiles."""
    from mtorsim.laboratory.findings import CURVES, clock_time

    curves = {n: shown_in.value(n, CURVES[n][0], found.drawn(n)) for n in found.curves}
    indices = {n: shown_in.value(n, unit, values) for n, (unit, values) in found.indices.items()}
    record: dict[str, Any] = {
        "test": found.protocol.name,
        "about": found.protocol.about,
        "arm": found.arm,
        "at_h": found.at,
        "subjects": len(found.subjects),
        "failed": int((found.status != 0).sum()),
        "times": found.protocol.minutes.tolist(),
        "time_unit": "min",
        "clock": [clock_time(found.at + t / 60) for t in found.protocol.minutes],
        "curves": {n: _numbers(_quantile(c, 50)) for n, c in curves.items()},
        "units": {n: shown_in.unit(n, CURVES[n][0]) for n in curves},
        "indices": {n: _numbers(_quantile(v, 50)) for n, v in indices.items()},
        "index_units": {n: shown_in.unit(n, unit) for n, (unit, _) in found.indices.items()},
        "notes": list(found.notes),
    }
    if len(found.subjects) > 1:
        for key, percent in (("low", 5), ("high", 95)):
            record[f"curves_{key}"] = {n: _numbers(_quantile(c, percent)) for n, c in curves.items()}
            record[f"indices_{key}"] = {n: _numbers(_quantile(v, percent)) for n, v in indices.items()}
    return record


def _quantile(values: np.ndarray, percent: float) -> np.ndarray:
    if len(values) == 1:
        return values[0]
    kept = values[np.isfinite(values).reshape(len(values), -1).all(axis=1)]
    return np.percentile(kept, percent, axis=0) if len(kept) else np.full(values.shape[1:], np.nan)


def _numbers(values: Any) -> Any:
    """Plain numbers; None for NaN."""
    if np.ndim(values):
        return [_numbers(v) for v in values]
    number = float(values)
    return number if math.isfinite(number) else None


def _print(found: Examination, record: dict[str, Any], who: str) -> None:
    n = len(found.subjects)
    when = f", {found.at / 24:g} d after the start, arm {found.arm}" if found.at else ""
    print(f"{found.protocol.name} of {who}{f', median of {n} subjects' if n > 1 else ''}{when}")
    print(found.protocol.about)
    names = [n for n in found.protocol.panels if n in record["curves"]][:_MOST_COLUMNS]
    times = record["clock"] if found.protocol.everyday else [f"{t:g}" for t in record["times"]]
    step = max(1, math.ceil(len(times) / _MOST_ROWS))
    columns = [column(record["curves"][c][::step]) for c in names]
    rows = [list(row) for row in zip(times[::step], *columns, strict=True)]
    first = "\nclock" if found.protocol.everyday else "time\nmin"
    print_table([first, *(f"{_SHORT.get(c, c)}\n{record['units'][c]}" for c in names)], rows)
    head = ["index", "value", "unit"]
    rows = []
    for name, value in record["indices"].items():
        text = _text(value)
        if n > 1:
            low, high = (_text(record[f"indices_{end}"][name], 3) for end in ("low", "high"))
            text = f"{_text(value, 3)} ({low} to {high})"
        unit = record["index_units"][name]
        rows.append([name, text, "" if unit == "1" else unit])
    print_table(head, rows)
    for text in found.notes:
        print(text)


def _text(value: float | None, digits: int = 4) -> str:
    if value is None:
        return "-"
    # Avoid `-0`.
    if abs(value) < 1e-9:
        return "0"
    return f"{value:.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"
