"""One command a file; `mtorsim.cli` imports each when it is called."""
