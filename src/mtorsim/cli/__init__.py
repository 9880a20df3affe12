"""The command line: one file per command, each imported when it is called."""

from __future__ import annotations

import gc
import importlib
import io
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from mtorsim.cli.ahead import prepare
from mtorsim.errors import MtorsimError, did_you_mean, one_line

__all__ = ["as_typed", "cli", "main"]

COMMANDS = {
    "list": "List scenarios, populations and modules.",
    "show": "Show equations, values, units, sources and evidence of a module, model or population.",
    "check": "Check scenario, module and population files without running anything.",
    "run": "Run a population through a scenario.",
    "resume": "Resume an interrupted run.",
    "extend": "Add subjects to a finished run.",
    "merge": "Put results of ranges of subjects together.",
    "verify": "Check the numbers of a result, and solve a sample of its subjects again by other means.",
    "events": "Run a table of NONMEM event records through a scenario's model.",
    "trial": "Run a trial and compare predicted with observed rates, arm by arm.",
    "calibrate": "Fit a few named quantities to reported trial results.",
    "explain": "Explain a drug's effect: which mechanism has which share of it, in whom.",
    "vpc": "Lay measured data beside a simulation: visual predictive check, prediction errors.",
    "dose-response": "Give the same people several doses or schedules; find the dose that keeps a risk low.",
    "sweep": "Run every combination of doses, regimens, parameters and switches, and compare the arms.",
    "sensitivity": "Change every parameter and see which decides an answer, and what it rests on.",
    "forecast": "Forecast glucose of one person, or of many, from what was measured.",
    "follow-up": "Compare schedules of glucose measurements: what each finds, how late, with how many visits.",
    "risk": "Predict who gets hyperglycaemia, from what is known before the first dose.",
    "test": "Run a test of the virtual laboratory: OGTT, IVGTT, clamps, meals, a 24-hour profile.",
    "indices": "Compute indices of measured glucose, insulin and C-peptide: OGTT, IVGTT, clamp, CGM.",
    "validate": "Compare the model with all measurements: a dossier of hits and misses.",
    "plot": "Redraw the figures of a result.",
    "replay": "Recompute one subject of a result.",
    "compare": "Compare two results.",
    "export": "Export the visits of a result as CSV, netCDF or Parquet.",
    "export-model": "Write a model for another tool: SBML, Antimony, mrgsolve, rxode2, NONMEM, deSolve or Julia.",
    "import-model": "Read a model of another tool as a module: SBML, Antimony, mrgsolve, rxode2 or NONMEM.",
    "archive": "Write a result as a COMBINE archive (OMEX) with SBML and SED-ML.",
    "new": "Write a commented scenario, trial, module, drug, population or person to start from.",
    "schema": "Print the JSON Schema of a kind of file, for editors.",
    "warmup": "Compile the bundled models, or those of scenarios, ahead of their first run.",
    "serve": "Serve a local page on which one patient can be explored.",
    "doctor": "Check this machine and installation.",
}
"""Name and one-line help of each command, read by `--help` without importing any command."""


class LazyCommands(click.Group):
    """A command group that imports a command when it is called, not when it is listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Command names, in the order a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"mtorsim.cli.commands.{cmd_name.replace('-', '_')}")
        return module.command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Find the command, or raise with the nearest name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            help = did_you_mean(args[0], COMMANDS) or "commands are " + ", ".join(COMMANDS)
            raise MtorsimError(f"there is no command `{args[0]}`", help=help)
        if not {"-h", "--help"} & set(args):
            prepare(args[0] if args else "")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their one-line help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyCommands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with `mtorsim run everolimus_breast`. Results are for research and teaching, not patient care.",
)
@click.version_option(package_name="mtorsim")
def cli() -> None:
    """Simulate how mTOR inhibitors raise blood glucose, for very large virtual populations."""


def main(args: list[str] | None = None) -> None:
    """Run the command line; every user error becomes one message and exit code 2."""
    # Imports create many objects and little garbage; collecting it takes a tenth of a short run.
    gc.set_threshold(100_000)
    for stream in (sys.stdout, sys.stderr):
        # A terminal without Unicode shows `?` for what it lacks.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    with _watched_interrupts() as interrupts:
        code = _run(args, interrupts)
    sys.exit(code or 0)


def _run(args: list[str] | None, interrupts: list[int]) -> Any:
    """Run the command line and return its exit code."""
    stdout = sys.stdout
    try:
        # The words as they were typed are kept, for pages that say how they were made.
        typed = tuple(sys.argv[1:] if args is None else args)
        code = cli.main(args=args, prog_name="mtorsim", standalone_mode=False, obj=typed)
    except MtorsimError as error:
        print(as_typed(error), file=sys.stderr)
        code = 2
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        code = 0
    except click.UsageError as error:
        print(_usage(error), file=sys.stderr)
        code = 2
    except click.ClickException as error:
        print(f"error: {error.format_message()}", file=sys.stderr)
        code = 2
    except BrokenPipeError:
        # The reader of our output has closed the pipe, as `head` does.
        sys.stdout = None
        code = 0
    except SystemExit as left:
        # When the reader closes the pipe, click replaces the stream and leaves with 1.
        code = left.code if sys.stdout is stdout else 0
    except (KeyboardInterrupt, click.Abort):
        print("interrupted", file=sys.stderr)
        code = 130
    except Exception as problem:  # a fault of ours must not cost the user a page of traceback
        print("interrupted" if interrupts else _unforeseen(problem), file=sys.stderr)
        code = 130 if interrupts else 2
    return code


@contextmanager
def _watched_interrupts() -> Iterator[list[int]]:
    """Note interrupts, since the compiler's callbacks swallow those that arrive in them and fail later."""
    seen: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return

    def interrupt(number: int, frame: object) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    def unraisable(what: Any) -> None:
        if not isinstance(what.exc_value, KeyboardInterrupt):
            hook(what)

    hook, sys.unraisablehook = sys.unraisablehook, unraisable
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)
        sys.unraisablehook = hook


_TYPED = {
    r"`out=\.\.\.`": "`--out DIR`",
    r"`mtorsim\.resume\(\"([^`]*?)\"\)`": r"`mtorsim resume \1`",
    r"`(force|resume|one_subject)=True`": r"`--\1`",
    r"`(ignore|accept|drop)=\[\"([^`]*?)\"\]`": r"`--\1 \2`",
    r"`dialect=\"(\w+)\"`": r"`--dialect \1`",
    r"`columns=\{\"([^`]*?)\": \"([^`]*?)\"\}`": r"`--column \1=\2`",
    r"`units=\{\"([^`]*?)\": \"([^`]*?)\"\}`": r"`--unit \1=\2`",
    r"`by`": "`--by`",
    r"`language=\.\.\.`": "`--from LANGUAGE`",
    r"`(arm|lloq|dvid|cv|sd|bins|versus|percentiles)`(?= = |: )": r"`--\1`",
    r"(?<=give )`lloq`|(?<=choose one with )`dvid`": lambda found: found[0].replace("`", "`--", 1),
    r"`(of|arm)`(?= is one of )": r"`--\1`",
    r"`dv_unit`": "`--dv-unit`",
    r"`interpolation=\{\"([^`]*?)\": \"(\w+)\"\}`": r"`--interpolate \1=\2`",
}
"""Arguments named in messages, as they are typed at the command line."""


def as_typed(error: MtorsimError) -> str:
    """The text of an error in the words of the command line."""
    text = f"error: {error}"
    for argument, option in _TYPED.items():
        text = re.sub(argument, option, text)
    return text.replace("--one_subject", "--one-subject")


def _unforeseen(problem: Exception) -> str:
    """The message for an unexpected error."""
    if os.environ.get("MTORSIM_TRACEBACK") == "1":
        raise problem
    if isinstance(problem, OSError) and problem.strerror:
        where = f" `{problem.filename}`" if problem.filename else ""
        return f"error: {problem.strerror[:1].lower()}{problem.strerror[1:]}:{where or ' no further details'}"
    if isinstance(problem, RecursionError):
        return "error: an input file is nested too deeply, or has too long a chain of references"
    if isinstance(problem, MemoryError):
        return "error: there is not enough memory"
    said = one_line(f"{type(problem).__name__}: {problem}", 200)
    return f"error: bug in mtorsim: {said}\n  help: MTORSIM_TRACEBACK=1 shows the traceback; please report it"


def _usage(error: click.UsageError) -> str:
    message = error.format_message().rstrip(".")
    message = message[:1].lower() + message[1:]
    path = error.ctx.command_path if error.ctx else "mtorsim"
    if isinstance(error, click.NoSuchOption) and (path, error.option_name) == ("mtorsim run", "--events"):
        help = (
            "`mtorsim events [SCENARIO] TABLE` runs a table of event records; with `--model NAME`, it needs no scenario"
        )
        return f"error: no such option `--events`\n  help: {help}"
    return f"error: {message.replace(chr(39), '`')}\n  help: `{path} --help` lists what it takes"
