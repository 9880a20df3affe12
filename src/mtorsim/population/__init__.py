"""Populations, read from a file; subjects are drawn by (seed, subject)."""
