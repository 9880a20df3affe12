"""The command line: one file a command, each imported when it is called."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import Any

import click

from mtorsim.cli.ahead import prepare
from mtorsim.errors import MtorsimError, did_you_mean, one_line

__all__ = ["as_typed", "cli", "main"]

COMMANDS = {
    "list": "What can be run and shown: scenarios, populations, modules.",
    "show": "Equations, values, units, sources and grades of a module, model or population.",
    "check": "Check scenario, module and population files without running anything.",
    "run": "Run a population through a scenario.",
    "events": "Run a table of event records, NONMEM's columns, through a scenario's model.",
    "trial": "Run a trial and print predicted beside observed, arm by arm.",
    "calibrate": "Fit few named quantities to what trials reported.",
    "test": "A test of the virtual laboratory: glucose tolerance, clamps, a day.",
    "validate": "The model beside everything that was measured: a dossier of hits and misses.",
    "plot": "Draw the figures of a result again.",
    "replay": "Compute one subject of a result again, alone.",
    "compare": "What differs between two results.",
    "export": "Write the visits of a result as one file: CSV, netCDF or Parquet.",
    "new": "Write a commented file to start from.",
    "schema": "The JSON Schema of a kind of file, for editors.",
    "warmup": "Compile the bundled models, or those of scenarios, ahead of their first run.",
    "doctor": "What this machine and installation can do.",
}
"""Name and one line of help of each command: `--help` reads these and imports no command."""


class LazyCommands(click.Group):
    """Commands that are imported when they are called, not when they are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself; the help of the group needs only its name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"mtorsim.cli.commands.{cmd_name}")
        return module.command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Find the command, or name the nearest one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            help = did_you_mean(args[0], COMMANDS) or "commands are " + ", ".join(COMMANDS)
            raise MtorsimError(f"there is no command `{args[0]}`", help=help)
        if not {"-h", "--help"} & set(args):
            prepare(args[0] if args else "")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from their one line of help alone."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyCommands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with `mtorsim run everolimus_breast`. Results are for research and teaching, not patient care.",
)
@click.version_option(package_name="mtorsim")
def cli() -> None:
    """What mTOR inhibitors do to blood glucose, simulated for very large virtual populations."""


def main(args: list[str] | None = None) -> None:
    """Run the command line; every mistake becomes one message and exit code 2."""
    # Imports make very many objects and hardly any garbage: looking for it takes a tenth of a short run.
    gc.set_threshold(100_000)
    try:
        code = cli.main(args=args, prog_name="mtorsim", standalone_mode=False)
    except MtorsimError as error:
        print(as_typed(error), file=sys.stderr)
        code = 2
    except click.UsageError as error:
        print(_usage(error), file=sys.stderr)
        code = 2
    except click.ClickException as error:
        print(f"error: {error.format_message()}", file=sys.stderr)
        code = 2
    except BrokenPipeError:
        # The reader of our output has left, as `head` does.
        sys.stdout = None
        code = 0
    except (KeyboardInterrupt, click.Abort):
        print("interrupted", file=sys.stderr)
        code = 130
    except Exception as problem:  # a fault of ours must not cost the user a page of traceback
        print(_unforeseen(problem), file=sys.stderr)
        code = 2
    sys.exit(code or 0)


_TYPED = {"`force=True`": "`--force`", "`resume=True`": "`--resume`", "`out`": "`--out DIR`"}
"""Arguments that messages speak of, as they are typed at the command line."""


def as_typed(error: MtorsimError) -> str:
    """An error's text for a reader at the command line."""
    text = f"error: {error}"
    for argument, option in _TYPED.items():
        text = text.replace(argument, option)
    return text


def _unforeseen(problem: Exception) -> str:
    """What is said of an error that no part of the program has foreseen."""
    if os.environ.get("MTORSIM_TRACEBACK") == "1":
        raise problem
    if isinstance(problem, OSError) and problem.strerror:
        where = f" `{problem.filename}`" if problem.filename else ""
        return f"error: {problem.strerror[:1].lower()}{problem.strerror[1:]}:{where or ' the system said no more'}"
    if isinstance(problem, RecursionError):
        return "error: something in the files is nested too deeply, or runs in too long a chain"
    if isinstance(problem, MemoryError):
        return "error: there is not enough memory"
    said = one_line(f"{type(problem).__name__}: {problem}", 200)
    return f"error: this is a fault in mtorsim: {said}\n  help: MTORSIM_TRACEBACK=1 shows where; please report it"


def _usage(error: click.UsageError) -> str:
    message = error.format_message().rstrip(".")
    message = message[:1].lower() + message[1:]
    path = error.ctx.command_path if error.ctx else "mtorsim"
    return f"error: {message.replace(chr(39), '`')}\n  help: `{path} --help` lists what it takes"
