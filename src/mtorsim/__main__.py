"""Run the command line with `python -m mtorsim`."""

from .cli import main

main()
