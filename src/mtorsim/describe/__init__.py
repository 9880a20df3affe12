"""Describe and check files without running them."""
