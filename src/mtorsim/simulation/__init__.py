"""Simulate a population through a scenario, and replay single subjects."""
