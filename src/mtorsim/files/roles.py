"""Names of the modules that the program itself refers to."""

from __future__ import annotations

__all__ = ["BODY", "CLAMP", "PATHWAY"]

BODY = "glucose_insulin"
"""The physiology, which laboratory tests need."""
PATHWAY = "mtor"
"""The mTOR pathway, which trials vary."""
CLAMP = "clamp"
"""The controller that clamps glucose in a test."""
