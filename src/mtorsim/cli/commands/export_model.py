"""`mtorsim export-model`: write a model in the language of another tool."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mtorsim.cli.console import note, print_json, warn
from mtorsim.cli.options import PATH, as_json, hours_of, library, library_of, parse_settings, quiet, settings
from mtorsim.errors import ArgumentError


@click.command()
@click.argument("names", nargs=-1, required=True)
@click.option(
    "--as",
    "language",
    required=True,
    metavar="LANGUAGE",
    help="sbml, antimony, mrgsolve, rxode2, nonmem, desolve or julia.",
)
@click.option("--out", type=PATH, metavar="FILE", help="File to write; default: print the model.")
@click.option("--scenario", metavar="NAME", help="Scenario that gives doses and meals to the modules NAMES.")
@click.option("--arm", metavar="A", help="Arm of the scenario; default: the first.")
@click.option(
    "--subject",
    type=int,
    default=0,
    show_default=True,
    metavar="I",
    help="Subject whose parameters and resting state are exported.",
)
@click.option(
    "--population", metavar="NAME", help="Another population; for modules alone, the typical person by default."
)
@click.option("--duration", metavar="TIME", help="Leave out doses and meals from this time on, such as '1 week'.")
@click.option("--force", is_flag=True, help="Replace FILE.")
@settings
@library
@quiet
@as_json
def command(
    names: tuple[str, ...],
    language: str,
    out: Path | None,
    scenario: str | None,
    arm: str | None,
    subject: int,
    population: str | None,
    duration: str | None,
    force: bool,
    settings: tuple[str, ...],
    folders: tuple[Path, ...],
    quiet: bool,
    as_json: bool,
) -> int:
    """Export NAMES, modules as one model or a scenario, to SBML, Antimony, mrgsolve, rxode2, NONMEM, deSolve or Julia.

    \b
      mtorsim export-model everolimus --as nonmem --out everolimus.ctl
      mtorsim export-model everolimus_breast --as sbml --duration "1 week" --out breast.xml
      mtorsim export-model glucose_insulin --as desolve --out glucose.R

    Names, units, meanings, sources and evidence are kept; the untreated person's resting state is the initial value of
    each state. Doses and meals of a scenario become events, or a table FILE_events.csv for mrgsolve, rxode2 and NONMEM.
    What a language cannot say is listed.
    """  # noqa: D301
    from mtorsim.interop.export import events_path, export_model

    chosen = _chosen(names, scenario, library_of(None, folders))
    at = out if out is not None else Path("model")
    found = export_model(
        chosen,
        language,
        scenario=scenario,
        arm=arm,
        subject=subject,
        population=population,
        duration=hours_of(duration),
        settings=parse_settings(settings),
        library=library_of(None, folders) if folders else None,
        events_file=events_path(at).name,
        note=None if quiet else note,
    )
    files = [] if out is None else found.save(out, force)
    if as_json:
        flat = found.flat
        known = {"language": language, "model": flat.name, "files": [str(f) for f in files], "person": flat.person}
        counts = {"states": len(flat.states), "parameters": len(flat.parameters), "doses": len(flat.doses)}
        print_json({**known, **counts, "left_out": list(found.left_out), **({} if files else {"text": found.text})})
        return 0
    if out is None:
        print(found.text, end="")
        if found.events is not None and found.flat.doses:
            warn(f"{len(found.flat.doses)} doses and meals are not shown: give `--out` to write them as a table")
    for kind, file in zip(("model", "events"), files, strict=False):
        print(f"{kind:9} {file}")
    if not quiet:
        for line in found.left_out:
            warn(f"left out: {line}")
    return 0


def _chosen(names: tuple[str, ...], scenario: str | None, known: Any) -> Any:
    """One scenario, or modules."""
    from mtorsim.describe.check import resolve
    from mtorsim.scenario.scenario import read_scenario

    if len(names) != 1 or scenario is not None:
        return list(names)
    (name,) = names
    kind, key, found = resolve(name, known)
    if kind == "population":
        raise ArgumentError(f"`{name}` is a population", help="name modules or a scenario, and it by `--population`")
    if kind == "scenario":
        return read_scenario(key, found)
    if name.endswith(".toml"):
        return [name]
    return [m.name for m in _with_reads(key, found)]


def _with_reads(name: str, known: Any) -> Any:
    """A module and those that it reads."""
    from mtorsim.describe.check import model_of_module

    return model_of_module(name, known).modules
