"""Results of a run: blocks, tables, summaries, folders, and comparison of two results."""
