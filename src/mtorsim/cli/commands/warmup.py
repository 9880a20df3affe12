"""`mtorsim warmup`: compile models before the first run."""

from __future__ import annotations

from pathlib import Path

import click

from mtorsim.cli.console import print_json
from mtorsim.cli.options import as_json, library, library_of


@click.command()
@click.argument("scenarios", nargs=-1)
@library
@as_json
def command(scenarios: tuple[str, ...], folders: tuple[Path, ...], as_json: bool) -> int:
    """Compile the models of SCENARIOS, by default of all bundled ones, before large runs.

    This is never required: a run starts at once and, if worthwhile, compiles its model in the background.
    """
    import time

    from mtorsim.files.library import Library
    from mtorsim.run.options import Options
    from mtorsim.run.plan import make_plan

    done = []
    for name in scenarios or tuple(Library().scenarios):
        started = time.perf_counter()
        plan = make_plan(name, options=Options.given(kernel="compiled"), library=library_of(name, folders))
        plan.choose_forms(plan.scenario.subjects)
        seconds = time.perf_counter() - started
        done.append({"scenario": plan.scenario.name, "seconds": round(seconds, 2), "kernel": plan.kernel.name})
        if not as_json:
            print(f"{plan.scenario.name}: ready after {seconds:.1f} s")
    if as_json:
        print_json(done)
    return 0
