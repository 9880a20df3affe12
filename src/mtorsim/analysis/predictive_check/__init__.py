"""Measured values beside simulated ones: visual predictive checks and prediction errors."""
