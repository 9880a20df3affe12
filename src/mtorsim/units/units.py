"""Units as scale and dimensions; in a model file only time is converted.

Substance is measured in g, body weight in kg: they are different dimensions here, so that
`mg/kg/min` cannot be mistaken for a pure rate. Insulin's unit (U) is a dimension of its own.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from mtorsim.errors import UnitError, choose_from

__all__ = ["ONE", "Unit", "convert", "parse_quantity", "parse_unit"]


_F = Fraction
_PREFIXES = {"n": _F(1, 10**9), "u": _F(1, 10**6), "m": _F(1, 1000), "": _F(1)}
_HOURS = {"s": _F(1, 3600), "min": _F(1, 60), "h": _F(1), "d": _F(24), "week": _F(168), "y": _F(8766)}
_WORDS = {
    "sec": "s",
    "second": "s",
    "seconds": "s",
    "minute": "min",
    "minutes": "min",
    "hour": "h",
    "hours": "h",
    "hr": "h",
    "hrs": "h",
    "day": "d",
    "days": "d",
    "weeks": "week",
    "w": "week",
    "wk": "week",
    "year": "y",
    "years": "y",
    "mcg": "ug",
    "IU": "U",
    "mIU": "mU",
    "uIU": "uU",
    "gram": "g",
    "grams": "g",
}


def _table() -> dict[str, tuple[Fraction, str]]:
    table: dict[str, tuple[Fraction, str]] = {
        "1": (_F(1), ""),
        "%": (_F(1, 100), ""),
        "kg": (_F(1), "kg"),
        "m": (_F(1), "m"),
        "cm": (_F(1, 100), "m"),
        "dL": (_F(1, 10), "L"),
        "pmol": (_F(1, 10**12), "mol"),
        "fmol": (_F(1, 10**15), "mol"),
        "J": (_F(1), "J"),
        "kJ": (_F(1000), "J"),
        "kcal": (_F(4184), "J"),
    }
    for base in ("g", "mol", "L", "U"):
        for prefix, factor in _PREFIXES.items():
            table[prefix + base] = (factor, base)
    return table


_SYMBOLS = _table()
_TOKEN = re.compile(r"\s*(?:(\*\*|\^|[*/()·])|(-?\d+(?:\.\d+)?)|(%|[A-Za-zµμ]+))")


@dataclass(frozen=True)
class Unit:
    """A unit: dimensions and scale.

    Attributes
    ----------
    scale
        Size in base units, without time.
    hours
        Size due to time units alone: `1/min` has 60, `1/h` has 1.
    dims
        Exponents of the base dimensions (`g`, `kg`, `mol`, `L`, `U`, `m`, `J`, `time`), sorted.
    text
        As it was written.
    """

    scale: Fraction
    hours: Fraction
    dims: tuple[tuple[str, Fraction], ...]
    text: str = ""

    def __mul__(self, other: Unit) -> Unit:
        dims = dict(self.dims)
        for base, power in other.dims:
            dims[base] = dims.get(base, Fraction(0)) + power
        return Unit(self.scale * other.scale, self.hours * other.hours, _clean(dims))

    def __truediv__(self, other: Unit) -> Unit:
        return self * other ** Fraction(-1)

    def __pow__(self, power: Fraction) -> Unit:
        dims = {base: e * power for base, e in self.dims}
        return Unit(_raise(self.scale, power), _raise(self.hours, power), _clean(dims))

    @property
    def dimensionless(self) -> bool:
        """Whether this is the unit of a pure number, of any size (1, %)."""
        return not self.dims

    def same_kind(self, other: Unit) -> bool:
        """Whether both have the same dimensions."""
        return self.dims == other.dims

    def scale_ratio(self, other: Unit) -> float:
        """Size of this unit relative to `other`, without time (1 if equal)."""
        return float(self.scale / other.scale)

    def time_ratio(self, other: Unit) -> float:
        """The part of the ratio due to time units alone."""
        return float(self.hours / other.hours)

    def __str__(self) -> str:
        return self.text or _spell(self)


def _clean(dims: dict[str, Fraction]) -> tuple[tuple[str, Fraction], ...]:
    return tuple(sorted((b, e) for b, e in dims.items() if e))


def _raise(size: Fraction, power: Fraction) -> Fraction:
    if power.denominator == 1:
        return size**power.numerator
    # A root of a power of ten may be irrational; use the nearest simple fraction.
    return Fraction(float(size) ** float(power)).limit_denominator(10**15)


ONE = Unit(_F(1), _F(1), (), "1")


_LONGEST = 200
"""Largest number of characters of a unit."""


@lru_cache(maxsize=4096)
def parse_unit(text: str) -> Unit:
    """Read a unit such as `mg/kg/min/(pmol/L)` or `ug*h/L`.

    Raises
    ------
    UnitError
        If a symbol is unknown or the text is not a product of units.
    """
    if text.strip() == "?":
        raise UnitError("the unit is still asked for", help="write it in place of `?`")
    if len(text) > _LONGEST:
        raise UnitError(f"a unit of {len(text):,} characters is too long")
    tokens = _tokens(text)
    unit, rest = _product(tokens, text)
    if rest:
        raise UnitError(f"`{text}` is not a unit: unexpected `{rest[0]}`")
    return Unit(unit.scale, unit.hours, unit.dims, text.strip() or "1")


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    stripped = text.strip()
    while at < len(stripped):
        match = _TOKEN.match(stripped, at)
        if match is None:
            raise UnitError(f"`{text}` is not a unit: unexpected `{stripped[at]}`")
        tokens.append(next(g for g in match.groups() if g is not None))
        at = match.end()
    if not tokens:
        raise UnitError("a unit is missing: write `1` for a pure number")
    return tokens


def _product(tokens: list[str], text: str) -> tuple[Unit, list[str]]:
    unit, rest = _power(tokens, text)
    while rest and rest[0] in ("*", "/", "·"):
        factor, after = _power(rest[1:], text)
        unit = unit / factor if rest[0] == "/" else unit * factor
        rest = after
    return unit, rest


_LARGEST_POWER = 12


def _power(tokens: list[str], text: str) -> tuple[Unit, list[str]]:
    if not tokens:
        raise UnitError(f"`{text}` is not a unit: it ends too early")
    head, rest = tokens[0], tokens[1:]
    if head == "(":
        unit, rest = _product(rest, text)
        if not rest or rest[0] != ")":
            raise UnitError(f"`{text}` is not a unit: a `)` is missing")
        rest = rest[1:]
    else:
        unit = _symbol(head, text)
    if rest and rest[0] in ("**", "^"):
        if len(rest) < 2 or not re.fullmatch(r"-?\d+(\.\d+)?", rest[1]):
            raise UnitError(f"`{text}` is not a unit: a power needs a number")
        if abs(float(rest[1])) > _LARGEST_POWER:
            raise UnitError(f"`{text}` is not a unit: a power of {rest[1]} is too large")
        return unit ** Fraction(rest[1]), rest[2:]
    return unit, rest


def _symbol(name: str, text: str) -> Unit:
    plain = name.replace("µ", "u").replace("μ", "u")
    plain = _WORDS.get(plain, plain)
    if plain in _HOURS:
        return Unit(_F(1), _HOURS[plain], (("time", _F(1)),))
    if plain in _SYMBOLS:
        scale, base = _SYMBOLS[plain]
        return Unit(scale, _F(1), ((base, _F(1)),) if base else ())
    known = [*_SYMBOLS, *_HOURS]
    raise UnitError(
        f"unknown unit `{name}`" + (f" in `{text}`" if text.strip() != name else ""), help=choose_from(plain, known)
    )


def _spell(unit: Unit) -> str:
    """A readable name for a derived unit, such as `mg/kg/min`."""
    above, below = [], []
    scale, hours = unit.scale, unit.hours
    for base, power in unit.dims:
        symbol = base
        if base == "time":
            symbol = next((s for s, size in _HOURS.items() if _raise(size, power) == hours), "h")
            hours /= _raise(_HOURS[symbol], power)
        elif abs(power) == 1:
            wanted = _raise(scale, power)
            symbol = next((s for s, entry in _SYMBOLS.items() if entry == (wanted, base)), base)
            scale /= _raise(_SYMBOLS[symbol][0], power)
        exponent = "" if abs(power) == 1 else f"^{abs(power)}"
        (above if power > 0 else below).append(symbol + exponent)
    rest = float(scale * hours)
    head = "*".join(above) or "1"
    if rest != 1:
        head = f"{rest:.6g} {head}" if unit.dims else f"{rest:.6g}"
    return "/".join([head, *below])


_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*)$")


def parse_quantity(text: str) -> tuple[float, Unit]:
    """Read a number with its unit, such as `10 mg` or `24 weeks`.

    Raises
    ------
    UnitError
        If the number is missing, or the unit is missing or unknown.
    """
    match = _QUANTITY.match(text)
    if match is None:
        raise UnitError(f"`{text}` is not a number with a unit", help="write for example `10 mg` or `24 h`")
    if not match.group(2).strip():
        raise UnitError(f"`{text}` has no unit", help="write for example `10 mg` or `24 h`")
    value = float(match.group(1))
    if not math.isfinite(value):
        raise UnitError(f"`{text}` is too large a number")
    return value, parse_unit(match.group(2))


def convert(value: float, unit: Unit, to: Unit) -> float:
    """Convert `value` to another unit of the same dimensions.

    Raises
    ------
    UnitError
        If the dimensions differ.
    """
    if not unit.same_kind(to):
        raise UnitError(f"`{unit}` cannot be converted to `{to}`")
    ratio = unit.scale * unit.hours / (to.scale * to.hours)
    return value * ratio.numerator / ratio.denominator
