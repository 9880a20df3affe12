"""A control stream as records, and the numbers and lines of code in them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mtorsim.errors import ModelError, Where, one_line

__all__ = ["Record", "code_lines", "estimates", "numbers", "records_of", "repeated", "replaced", "uncommented"]

_WORDS = """
PROBLEM INPUT DATA SUBROUTINES MODEL PK DES ERROR THETA OMEGA SIGMA ESTIMATION COVARIANCE TABLE SIMULATION SIZES
ABBREVIATED PRED MIX PRIOR ETAS PHIS LEVEL INFN AES TOL MSFI SUPER SCATTERPLOT BIND CONTR ESTM ESTIMATE DEFAULT
THETAI THETAP THETAPV OMEGAP OMEGAPD SIGMAP SIGMAPD CHAIN NONPARAMETRIC WARNINGS ANNEAL RCOV DESIGN INCLUDE
"""
_RECORDS = _WORDS.split()


@dataclass(frozen=True)
class Record:
    """A record of a control stream."""

    name: str
    text: str
    line: int


def replaced(text: str, shown: str) -> str:
    """The control stream after `$ABBREVIATED REPLACE a=b`, for plain names and single elements of arrays."""
    pattern = re.compile(r"(?im)^[ \t]*\$ABBR\w*[ \t]+REPLACE[ \t]+([^=\n]+?)[ \t]*=[ \t]*([^;\n]+)")
    pairs = pattern.findall(text)
    text = pattern.sub(lambda m: "; " + m.group(0).strip(), text)
    for old, new in pairs:
        if not re.fullmatch(r"\w+(?:\(\w+\))?", old.strip()) or not re.fullmatch(r"\w+(?:\(\w+\))?", new.strip()):
            raise ModelError(f"$ABBREVIATED REPLACE {one_line(old, 40)} is not supported", Where(shown, 0))
        text = re.sub(rf"(?<!\w){re.escape(old.strip())}(?!\w)", new.strip(), text)
    return text


def records_of(text: str, shown: str) -> list[Record]:
    """Split a control stream into records."""
    heads = list(re.finditer(r"(?m)^[ \t]*\$([A-Za-z]+)", text))
    found = []
    for k, head in enumerate(heads):
        end = heads[k + 1].start() if k + 1 < len(heads) else len(text)
        line = text.count("\n", 0, head.start()) + 1
        word = head.group(1).upper()
        name = next((r for r in _RECORDS if r == word), None)
        name = name or next((r for r in _RECORDS if len(word) >= 3 and r.startswith(word)), None)
        name = name or {"SIML": "SIMULATION", "COVR": "COVARIANCE", "SUBS": "SUBROUTINES"}.get(word)
        if name is None:
            raise ModelError(f"the record ${head.group(1)} is not known", Where(shown, line))
        found.append(Record(name, text[head.end() : end], line))
    return found


def code_lines(record: Record, shown: str) -> list[tuple[int, str, str]]:
    """Number, code and comment of each line, with continued lines joined."""
    found: list[tuple[int, str, str]] = []
    held, start, above = "", 0, ""
    for k, line in enumerate(record.text.splitlines()):
        said, _, comment = line.partition(";")
        said = said.strip()
        if said.startswith('"'):
            raise ModelError("verbatim code is not supported", Where(shown, record.line + k))
        start = start if held else record.line + k
        if said.endswith("&"):
            held += said[:-1] + " "
            continue
        text = held + said
        held = ""
        if text:
            # A comment cannot follow a continued line; it stands above.
            found.append((start, text, comment.strip() or (above if start < record.line + k else "")))
        above = "" if text else comment.strip()
    return found


_ESTIMATE = re.compile(r"\(([^()]*)\)(?:\s*[xX](\d+))?|([-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?)")


def estimates(record: Record, shown: str) -> list[tuple[float, str]]:
    """Initial estimates in $THETA with their comments: `0.5`, `(0, 0.5)`, `(0, 0.5, 2) FIX`, `(0.5)x3`.

    Raises
    ------
    ModelError
        If a parenthesis holds no initial estimate.
    """
    lines = [line.partition(";")[::2] for line in record.text.splitlines()]
    plain = "\n".join(said for said, _ in lines)
    found: list[tuple[float, str]] = []
    for match in _ESTIMATE.finditer(plain):
        line = plain.count("\n", 0, match.end())
        inside, count, number = match.groups()
        value = float(re.sub("[dD]", "e", number)) if number else _initial(inside, Where(shown, record.line + line))
        found += [(value, lines[line][1])] * min(int(count or 1), 1000)
    return found


def _initial(inside: str, where: Where) -> float:
    """The initial estimate between its bounds."""
    plain = re.sub(r"(?i)FIX(ED)?|UNINT", "", inside).strip()
    plain = plain.rstrip(", ")
    words = [w.strip() for w in plain.split(",")] if "," in plain else plain.split()
    values = [_bound(w, where) for w in words if w]
    if len(values) not in (1, 2, 3) or (len(words) > 1 and not words[1]):
        raise ModelError(f"`({one_line(inside, 40)})` has no initial estimate", where, "write `(low, estimate, high)`")
    return values[0] if len(values) == 1 else values[1]


def _bound(word: str, where: Where) -> float:
    plain = word.upper().replace("INFINITY", "INF")
    try:
        return float(re.sub("D", "E", plain) if plain.strip("+-") != "INF" else plain)
    except ValueError:
        raise ModelError(f"`{one_line(word, 40)}` is not a number", where) from None


def repeated(text: str) -> str:
    """`(0.1)x3` written out."""
    repeat = lambda m: " ".join([m.group(1)] * min(int(m.group(2)), 1000))  # noqa: E731
    return re.sub(r"\(([^()]*)\)\s*[xX](\d+)", repeat, text)


def uncommented(text: str) -> str:
    """A record without its comments."""
    return "\n".join(line.partition(";")[0] for line in text.splitlines())


def numbers(text: str) -> list[float]:
    found = re.findall(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?(?![\w.])", text)
    return [float(re.sub("[dD]", "e", f)) for f in found]
