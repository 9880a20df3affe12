"""One command per file; `mtorsim.cli` imports each when it is called."""
