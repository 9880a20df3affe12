"""Engines that mtorsim is measured beside, one file each; none is a dependency of mtorsim."""
