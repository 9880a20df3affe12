"""Populations: who the subjects are, read from a file and drawn by (seed, subject)."""
