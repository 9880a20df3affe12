"""One run: planned, its people prepared, solved from visit to visit."""
