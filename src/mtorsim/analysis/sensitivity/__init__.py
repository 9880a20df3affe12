"""Sensitivity: which parameters decide an answer."""
