"""What comments of a model say: meaning, unit, kind of evidence and source."""

from __future__ import annotations

import re
from typing import get_args

from mtorsim.errors import UnitError, one_line
from mtorsim.model.file import Evidence
from mtorsim.units.units import parse_unit

from .flat import Constant

__all__ = ["constant", "described"]

EVIDENCE = get_args(Evidence)


def described(comment: str) -> tuple[str, str | None, str | None, str | None]:
    """Meaning, unit, evidence and source in a comment, `clearance (L/h) [fit, deWit2016]`; `(-)` is a pure number."""
    text, evidence, source = one_line(comment.strip().lstrip(";").strip(), 300), None, None
    found = re.search(r"\s*\[([\w-]+)(?:, (\w+))?\]$", text)
    if found and found.group(1) in EVIDENCE:
        evidence, source, text = found.group(1), found.group(2), text[: found.start()]
    elif found and found.group(2) is None and not evidence:
        source, text = found.group(1), text[: found.start()]
    at = _unit_at(text)
    if at is None:
        return text.strip(), None, evidence, source
    unit = text[at + 1 : -1].strip()
    return text[:at].strip(), "1" if unit == "-" else unit, evidence, source


def _unit_at(text: str) -> int | None:
    """Where a unit in parentheses at the end begins."""
    if not text.endswith(")"):
        return None
    depth = 0
    for at in range(len(text) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[at], 0)
        if depth == 0:
            inside = text[at + 1 : -1].strip()
            if inside == "-":
                return at
            try:
                parse_unit(inside)
            except UnitError:
                return None
            return at
    return None


def constant(value: float, comment: str = "") -> Constant:
    """A parameter with what a comment says of it."""
    about, unit, evidence, source = described(comment)
    return Constant(value, unit, about, source, evidence)
