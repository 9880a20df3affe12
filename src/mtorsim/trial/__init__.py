"""Trials: predicted and observed endpoints, with sampling and calibration uncertainty."""
