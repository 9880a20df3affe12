"""A model specification as blocks, and the lists and numbers in them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

__all__ = ["Block", "blocks_of", "numbers", "plain_head", "split_at_commas"]

_HEAD = re.compile(r"(?m)^[ \t]*(?:\$([A-Za-z]+)|\[[ \t]*([A-Za-z]+)[ \t]*\])")
_SAME = {
    "PARAMETERS": "PARAM",
    "INPUT": "PARAM",
    "PK": "MAIN",
    "DES": "ODE",
    "ERROR": "TABLE",
    "PROBLEM": "PROB",
    "CAPTURES": "CAPTURE",
    "FIXED": "PARAM",
}


@dataclass(frozen=True)
class Block:
    """A block of a specification."""

    name: str
    options: tuple[str, ...]
    head: str
    text: str
    line: int


def blocks_of(text: str) -> list[Block]:
    """Split a specification into blocks."""
    heads = list(_HEAD.finditer(text))
    found = []
    for k, head in enumerate(heads):
        end = heads[k + 1].start() if k + 1 < len(heads) else len(text)
        first, _, rest = text[head.end() : end].partition("\n")
        name = (head.group(1) or head.group(2)).upper()
        line = text.count("\n", 0, head.start()) + 1
        options = tuple(re.findall(r"@(\w+)", first))
        known = next((full for full in ("PARAM", "CAPTURE") if len(name) >= 4 and full.startswith(name)), name)
        while rest.lstrip().startswith("@") and name not in ("CMT",):
            option, _, rest = rest.lstrip().partition("\n")
            options += tuple(re.findall(r"@(\w+)", option))
            first += f" {option}"
        found.append(Block(_SAME.get(known, known), options, first, rest, line))
    return found


def plain_head(block: Block) -> str:
    """What stands behind a block's name, without options."""
    return re.sub(r"@\w+(?:\s+\d+)?", "", block.head)


def numbers(text: str) -> list[float]:
    """The numbers in a text without comments."""
    plain = re.sub(r"//[^\n]*|#[^\n]*", "", text)
    found = re.findall(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.])", plain)
    return [float(f) for f in found if math.isfinite(float(f))]


def split_at_commas(text: str) -> list[str]:
    """Split at commas outside parentheses."""
    parts, depth, start = [], 0, 0
    for at, sign in enumerate(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [p for p in (*parts, text[start:]) if p.strip()]
