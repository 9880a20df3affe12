"""Figures: the only package that draws."""
