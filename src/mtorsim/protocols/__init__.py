"""Protocols of laboratory tests: doses, samples, and indices computed from the curves."""
