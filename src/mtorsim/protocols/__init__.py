"""Tests of the virtual laboratory: what is given and sampled, and the indices read off the curves."""
