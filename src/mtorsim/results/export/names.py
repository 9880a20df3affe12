"""Short names and labels, for file formats that limit them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

__all__ = ["KNOWN", "short_label", "short_names"]

KNOWN = {
    "fasting_glucose": "GLUCFAST",
    "glucose": "GLUC",
    "insulin": "INSULIN",
    "c_peptide": "CPEPTIDE",
    "hba1c": "HBA1C",
    "ffa": "FFA",
    "glucagon": "GLUCAGON",
    "triglycerides": "TRIG",
    "ldl": "LDL",
    "cholesterol": "CHOL",
    "drug_level": "DRUGLEV",
    "mtorc1": "MTORC1",
    "mtorc2_liver": "MTORC2L",
    "mtorc2_muscle": "MTORC2M",
    "dose_intensity": "DOSEINT",
    "screen failures": "SCRFAIL",
    "sampling weight": "SAMPWT",
    "subject_number": "SUBJECTN",
}
"""Short names of columns whose first eight letters would not do."""
MEASURED = "_measured"
CODE = 8
"""Length of a parameter's code, and of a name in version 5 of the SAS transport format."""
RESERVED = (
    *("all", "and", "by", "eq", "ge", "gt", "le", "lt", "ne", "not", "or", "to", "with"),
    *("byte", "double", "float", "if", "in", "int", "long", "pi", "skip", "strl", "using"),
)
"""Words that SPSS or Stata do not take as names."""
STRING = re.compile(r"str\d+", re.IGNORECASE)


def short_names(names: Iterable[str], longest: int) -> dict[str, str]:
    """Names that a statistical package accepts, no two of which differ only in capitals.

    They are letters, digits and underscores, begin with a letter, have at most `longest` characters and are no reserved
    word. Eight characters are those of version 5 of the SAS transport format, in capitals, with the last part only of a
    full name such as `everolimus.CL`. Longer ones keep what is allowed. The result depends on the names and their order
    only.
    """
    found: dict[str, str] = {}
    taken = {word.upper() for word in RESERVED}
    for name in names:
        short = first = _short(name, longest) if longest <= CODE else _plain(name, longest)
        number = 1
        while short.upper() in taken:
            number += 1
            end = str(number)
            short = f"{first[: longest - len(end)]}{end}"
        taken.add(short.upper())
        found[name] = short
    return found


def short_label(label: str, longest: int) -> str:
    """A label of at most `longest` characters; a unit in brackets at its end is kept."""
    if len(label) <= longest:
        return label
    match = re.fullmatch(r"(?P<words>.*?)(?P<unit> ?\([^()]*\))", label)
    unit = match["unit"] if match and len(match["unit"]) < longest - 8 else ""
    words = match["words"] if match and unit else label
    return words[: longest - len(unit)].rstrip() + unit


def _plain(name: str, longest: int) -> str:
    """A name of which only that is replaced which is not allowed."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
    if not plain[:1].isalpha() or STRING.fullmatch(plain):
        plain = f"x{plain}"
    return plain[:longest]


def told(names: Mapping[str, str]) -> list[str]:
    """The names that became others, as `everolimus.CL is CL`; capitals alone are not told."""
    return [f"{own} is {short}" for own, short in names.items() if short.upper() != own.upper()]


def _short(name: str, longest: int) -> str:
    if name in KNOWN:
        return KNOWN[name][:longest]
    if name.endswith(MEASURED):
        return _short(name.removesuffix(MEASURED), longest - 1) + "M"
    plain = name.removeprefix("group ")
    if len(plain) > longest or "." in plain:
        plain = plain.rsplit(".", 1)[-1]
    # Capitals are made of letters only: `ß`.upper() would be two.
    letters = re.sub(r"[^A-Z0-9_]", "_", "".join(c.upper() if c.isascii() else "_" for c in plain))
    if not letters[:1].isalpha() or STRING.fullmatch(letters):
        letters = f"X{letters}"
    if len(letters) > longest:
        letters = re.sub(r"_", "", letters)
    return letters[:longest]
