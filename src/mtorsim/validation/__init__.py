"""Validation: compare the model with measurements, section by section."""
