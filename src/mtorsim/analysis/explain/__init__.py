"""Explanations: shares of an effect among the mechanisms of a drug."""
