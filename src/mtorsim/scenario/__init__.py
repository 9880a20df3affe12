"""Scenarios: what is done to whom and when it is measured, read from a file and resolved."""
