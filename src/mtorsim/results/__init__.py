"""What a run leaves: blocks, tables, summaries, a folder, and what differs between two of them."""
