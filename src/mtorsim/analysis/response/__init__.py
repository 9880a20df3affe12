"""Responses: a quantity against dose, exposure or inhibition, and the dose that keeps a risk low."""
