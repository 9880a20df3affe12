"""Units as SBML unit definitions, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from mtorsim.errors import UnitError
from mtorsim.units.units import parse_unit

__all__ = ["add_unit", "unit_id", "unit_text"]

KINDS = {"g": "gram", "kg": "kilogram", "mol": "mole", "L": "litre", "U": "item", "m": "metre", "J": "joule"}
SECONDS = 3600
"""Seconds in an hour, the unit of time in `Unit.hours`."""

_SYMBOLS: Mapping[str, tuple[Fraction, Mapping[str, int]]] = {
    "dimensionless": (Fraction(1), {}),
    "radian": (Fraction(1), {}),
    "gram": (Fraction(1), {"g": 1}),
    "kilogram": (Fraction(1000), {"g": 1}),
    "mole": (Fraction(1), {"mol": 1}),
    "litre": (Fraction(1), {"L": 1}),
    "liter": (Fraction(1), {"L": 1}),
    "metre": (Fraction(1), {"m": 1}),
    "meter": (Fraction(1), {"m": 1}),
    "joule": (Fraction(1), {"J": 1}),
    "second": (Fraction(1), {"time": 1}),
    "hertz": (Fraction(1), {"time": -1}),
    "item": (Fraction(1), {"U": 1}),
    "katal": (Fraction(1), {"mol": 1, "time": -1}),
}
"""Kinds of SBML units that mtorsim has: size in g, mol, L, m, J, s and items, and dimensions."""

NAMES: Mapping[str, tuple[tuple[str, Fraction], ...]] = {
    base: tuple(found)
    for base, found in {
        "g": [
            ("g", Fraction(1)),
            ("mg", Fraction(1, 1000)),
            ("ug", Fraction(1, 10**6)),
            ("ng", Fraction(1, 10**9)),
            ("kg", Fraction(1000)),
        ],
        "mol": [
            ("mol", Fraction(1)),
            ("mmol", Fraction(1, 1000)),
            ("umol", Fraction(1, 10**6)),
            ("nmol", Fraction(1, 10**9)),
            ("pmol", Fraction(1, 10**12)),
            ("fmol", Fraction(1, 10**15)),
        ],
        "L": [("L", Fraction(1)), ("dL", Fraction(1, 10)), ("mL", Fraction(1, 1000)), ("uL", Fraction(1, 10**6))],
        "U": [("U", Fraction(1)), ("mU", Fraction(1, 1000)), ("uU", Fraction(1, 10**6))],
        "m": [("m", Fraction(1)), ("cm", Fraction(1, 100))],
        "J": [("J", Fraction(1)), ("kJ", Fraction(1000))],
        "time": [
            ("s", Fraction(1)),
            ("min", Fraction(60)),
            ("h", Fraction(3600)),
            ("d", Fraction(86400)),
            ("week", Fraction(604800)),
        ],
    }.items()
}
"""Units of module files by dimension."""


def unit_id(text: str) -> str:
    """The identifier of a unit's definition: `mg/kg/min` is `mg_per_kg_per_min`."""
    if parse_unit(text).dimensionless and parse_unit(text).scale * parse_unit(text).hours == 1:
        return "dimensionless"
    found = text.replace("%", "percent").replace("/", "_per_").replace("**", "_").replace("^", "_")
    found = re.sub(r"\W+", "_", found.replace("-", "minus")).strip("_")
    found = re.sub(r"__+", "_", found)
    return f"per_{found[6:]}" if found.startswith("1_per_") else found if found[:1].isalpha() else f"u_{found}"


def add_unit(model: Any, text: str) -> str:
    """Define a unit in an SBML model unless it is there, and return its identifier."""
    name = unit_id(text)
    if name == "dimensionless" or model.getUnitDefinition(name) is not None:
        return name
    unit = parse_unit(text)
    definition = model.createUnitDefinition()
    definition.setId(name)
    definition.setName(text)
    powers = dict(unit.dims)
    size = unit.scale * unit.hours * Fraction(SECONDS) ** powers.get("time", Fraction(0))
    if not powers or size != 1:
        _add_part(definition, "dimensionless", Fraction(1), float(size))
    for base, power in powers.items():
        _add_part(definition, KINDS.get(base, "second"), power, 1.0)
    return name


def _add_part(definition: Any, kind: str, power: Fraction, size: float) -> None:
    import libsbml

    part = definition.createUnit()
    part.setKind(libsbml.UnitKind_forName(kind))
    part.setExponent(float(power))
    part.setScale(0)
    part.setMultiplier(size)


def unit_text(definition: Any) -> str | None:
    """The unit of a definition, as module files write it; None if they cannot say it.

    The definition's name is taken if it says the same.
    """
    size, powers = Fraction(1), dict[str, Fraction]()
    for i in range(definition.getNumUnits()):
        part = definition.getUnit(i)
        found = _SYMBOLS.get(_kind_name(part))
        if found is None:
            return None
        power = Fraction(part.getExponentAsDouble()).limit_denominator(1000)
        factor = Fraction(part.getMultiplier()).limit_denominator(10**16) * Fraction(10) ** part.getScale() * found[0]
        if factor <= 0:
            return None
        size *= (
            factor**power
            if power.denominator == 1
            else Fraction(float(factor) ** float(power)).limit_denominator(10**12)
        )
        for base, exponent in found[1].items():
            powers[base] = powers.get(base, Fraction(0)) + exponent * power
    powers = {b: e for b, e in powers.items() if e}
    return _named(definition.getName(), size, powers) or _spelt(size, powers)


def _kind_name(part: Any) -> str:
    import libsbml

    return libsbml.UnitKind_toString(part.getKind())


def _named(text: str, size: Fraction, powers: Mapping[str, Fraction]) -> str | None:
    """The name of a definition, if it is a unit of the same size and kind."""
    try:
        unit = parse_unit(text)
    except UnitError:
        return None
    own: dict[str, Fraction] = {}
    scale = unit.scale * unit.hours
    for base, power in unit.dims:
        kind, more = ("g", Fraction(1000)) if base == "kg" else (base, Fraction(1))
        own[kind] = own.get(kind, Fraction(0)) + power
        scale *= more**power if power.denominator == 1 else Fraction(float(more) ** float(power))
        if base == "time":
            scale *= Fraction(SECONDS) ** power
    same = {b: e for b, e in own.items() if e} == dict(powers)
    return text if same and abs(float(scale) - float(size)) <= 1e-9 * abs(float(size)) else None


def _spelt(size: Fraction, powers: Mapping[str, Fraction]) -> str | None:
    """A product of units with a given size, such as `nmol/mL/min`; None if there is none."""
    if not powers:
        return {Fraction(1): "1", Fraction(1, 100): "%"}.get(size)
    order = sorted(powers, key=lambda b: (powers[b] < 0, b == "time", b))
    found = _search(float(size), [(b, powers[b]) for b in order])
    if found is None:
        return None
    above = [_powered(n, p) for n, p in found if p > 0]
    below = [_powered(n, -p) for n, p in found if p < 0]
    return "/".join(["*".join(above) or "1", *below])


def _powered(name: str, power: Fraction) -> str:
    return name if power == 1 else f"{name}^{float(power):g}"


def _search(size: float, rest: list[tuple[str, Fraction]]) -> list[tuple[str, Fraction]] | None:
    """Choose a symbol for each dimension so that the sizes multiply to `size`; the first that fits."""
    if not rest:
        return [] if abs(size - 1) <= 1e-9 else None
    (base, power), *others = rest
    for symbol, factor in NAMES[base]:
        more = _search(size / float(factor) ** float(power), others)
        if more is not None:
            return [(symbol, power), *more]
    return None
