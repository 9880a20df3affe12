"""Scenarios: population, doses, visits and arms, read from a file or given in Python, and resolved."""
