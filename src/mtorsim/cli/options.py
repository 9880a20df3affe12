"""Options that several commands share."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mtorsim.errors import ArgumentError, DataError, SettingError

if TYPE_CHECKING:
    from mtorsim.files.library import Library

__all__ = [
    "PATH",
    "accuracy",
    "as_json",
    "asked",
    "check_output",
    "finite",
    "hours_of",
    "library",
    "library_of",
    "parse_settings",
    "quiet",
    "settings",
    "threads",
    "units",
    "workers",
]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class _Path(click.Path):
    """A path as `pathlib.Path`; `~` is the home folder, which shells leave as it is in `--out=~/results`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return Path(os.fsdecode(super().convert(value, param, ctx))).expanduser()


PATH = _Path()

as_json: Decorator = click.option("--json", "as_json", is_flag=True, help="Print a single JSON object.")
quiet: Decorator = click.option("--quiet", is_flag=True, help="Print only results and errors.")
units: Decorator = click.option(
    "--units",
    metavar="UNIT",
    default="mg/dL",
    show_default=True,
    help="mg/dL, mmol/L (glucose, with HbA1c in mmol/mol), or SI (insulin in pmol/L as well).",
)
settings: Decorator = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Replace a median (its variability is kept) or a switch; repeatable.",
)
threads: Decorator = click.option("--threads", type=int, metavar="T", help="Number of threads; default: all cores.")


def workers(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options that choose who computes: `threads`, `processes`, `cluster`."""
    for option in (
        click.option("--cluster", metavar="ADDRESS", help="Compute on the Dask cluster of this scheduler."),
        click.option("--processes", type=int, metavar="P", help="Number of processes that share the chunks."),
        threads,
    ):
        function = option(function)
    return function


library: Decorator = click.option(
    "--library",
    "folders",
    multiple=True,
    type=PATH,
    metavar="DIR",
    help="Look up names in this folder first; repeatable.",
)


def accuracy(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options for method, precision, tolerances and kernel."""
    for option in (
        click.option(
            "--kernel",
            type=click.Choice(["auto", "tape", "compiled"]),
            default="auto",
            show_default=True,
            help="Interpret the equations (starts at once) or compile them; the numbers are identical to the bit.",
        ),
        click.option(
            "--atol", type=float, help="Absolute tolerance, relative to each state's scale; default: rtol / 10."
        ),
        click.option("--rtol", type=float, help="Relative tolerance of a step; default: the model's, else 3e-3."),
        click.option(
            "--precision",
            metavar="P",
            help="Arithmetic of a step; default: single if --rtol is 3e-5 or larger, else double.",
        ),
        click.option(
            "--method", metavar="M", help="Integration method: grk4t (implicit, the default) or tsit5 (explicit)."
        ),
    ):
        command = option(command)
    return command


def asked(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options for what an analysis asks: arms, quantity, time, population and seed."""
    for option in (
        click.option("--seed", type=int, metavar="S", help="Seed of the draws."),
        click.option("--population", metavar="NAME", help="Another population than the scenario's."),
        click.option("--at", metavar="TIME", help="Such as '8 weeks', or 'highest' of all visits; default: the last."),
        click.option("--of", default="fasting_glucose", show_default=True, metavar="NAME", help="An observable."),
        click.option("--versus", metavar="NAME", help="The arm without the drug; default: the first without one."),
        click.option("--arm", metavar="NAME", help="The treated arm; default: the first with a drug."),
    ):
        command = option(command)
    return command


def library_of(given: str | Path | None, folders: Sequence[Path]) -> Library:
    """The library in which names are looked up, with the folders of `--library` first.

    Raises
    ------
    ArgumentError
        If one is not a folder.
    """
    from mtorsim.files.library import library_for

    for folder in folders:
        if not folder.is_dir():
            raise ArgumentError(f"`--library {folder}` is not a folder")
    return library_for(given, [folder.resolve() for folder in folders])


def check_output(path: Path, what: str, endings: Sequence[str] = ()) -> None:
    """Fail early if `path` cannot be written; creates its parent folder.

    Raises
    ------
    ArgumentError
        If its suffix is not one of `endings`.
    DataError
        If its folder cannot be created or written to.
    """
    if endings and path.suffix not in endings:
        raise ArgumentError(f"`{path}` is not a {what}", help="end it in " + " or ".join(endings))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise DataError(f"cannot write `{path}`: {problem.strerror}") from None
    if path.is_dir():
        raise DataError(f"cannot write `{path}`: it is a folder")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise DataError(f"cannot write `{path}`: no permission")


def finite(name: str, value: float | None) -> float | None:
    """A number given to an option; `nan` and `inf` are none.

    Raises
    ------
    ArgumentError
        If it is not finite.
    """
    if value is not None and not math.isfinite(value):
        raise ArgumentError(f"`{name} {value}` is not a finite number")
    return value


def parse_settings(texts: tuple[str, ...]) -> dict[str, float]:
    """Read `NAME=VALUE` pairs.

    Raises
    ------
    SettingError
        If a pair is not a name and a number, or a name appears twice.
    """
    found: dict[str, float] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise SettingError(f"`--set {text}` is not NAME=VALUE", help="write for example `--set mtor.gS=0.1`")
        try:
            number = float(value)
        except ValueError:
            raise SettingError(f"`--set {text}`: `{value}` is not a number") from None
        if number != number or number in (float("inf"), float("-inf")):
            raise SettingError(f"`--set {text}`: the value must be finite")
        if name in found:
            raise SettingError(f"`{name}` is set twice")
        found[name] = number
    return found


def hours_of(text: str | None) -> float | None:
    """A duration such as `1 week` in hours; None if it is not given.

    Raises
    ------
    UnitError
        If it is not a number with a unit of time.
    """
    from mtorsim.units.units import convert, parse_quantity, parse_unit

    if text is None:
        return None
    value, unit = parse_quantity(text)
    return convert(value, unit, parse_unit("h"))
