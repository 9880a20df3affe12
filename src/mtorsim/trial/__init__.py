"""Trials: endpoints, predicted beside observed, with the uncertainty of patients and of the calibration."""
