"""`python -m mtorsim` is the command line too."""

from .cli import main

main()
