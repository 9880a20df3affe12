"""What differs between two results, and by how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .result import Result

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Comparison", "compare"]

_TOLD = (
    "scenario", "population", "seed", "subjects", "settings", "method", "rtol", "atol", "visits_h", "uln_mg_dl",
    "kernels",
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """Two results beside each other.

    Attributes
    ----------
    same_bits
        Whether every number that both have is the same to the bit.
    subjects, visits
        How many both have.
    inputs
        What decides the numbers and differs: name, in the first, in the second.
    differences
        Largest absolute difference of each observable over subjects and visits that both have, by
        arm and name.
    shares
        Share above each limit in both, by arm and limit.
    """

    same_bits: bool
    subjects: int
    visits: int
    inputs: tuple[tuple[str, Any, Any], ...]
    differences: Mapping[str, Mapping[str, float]]
    shares: Mapping[str, Mapping[str, tuple[Mapping[str, float | None], Mapping[str, float | None]]]]
    only: tuple[tuple[str, ...], tuple[str, ...]]


def compare(first: Result, second: Result) -> Comparison:
    """Compare two results.

    Subjects are matched by number, visits by time, arms by name.
    """
    a, b = first.manifest, second.manifest
    both = [arm for arm in a["arms"] if arm in b["arms"]]
    inputs = [(key, a[key], b[key]) for key in _TOLD if a[key] != b[key]]
    inputs += [
        (name, "" if name not in a["hashes"] else "as it was", "other text" if name in b["hashes"] else "")
        for name in dict.fromkeys([*a["hashes"], *b["hashes"]])
        if a["hashes"].get(name) != b["hashes"].get(name)
    ]
    versions = dict.fromkeys([*a["versions"], *b["versions"]])
    inputs += [
        (f"version of {n}", a["versions"].get(n), b["versions"].get(n))
        for n in versions
        if a["versions"].get(n) != b["versions"].get(n)
    ]
    pairs = {arm: _common(first, second, arm) for arm in both}
    some = next(iter(pairs.values()))[0] if pairs else None
    return Comparison(
        same_bits=bool(pairs) and all(_same(one, other) for one, other in pairs.values()),
        subjects=some.sizes["subject"] if some is not None else 0,
        visits=some.sizes["time"] if some is not None else 0,
        inputs=tuple(inputs),
        differences={arm: _differences(*pair) for arm, pair in pairs.items()},
        shares={arm: _shares(first.summary, second.summary, arm) for arm in both},
        only=(tuple(x for x in a["arms"] if x not in both), tuple(x for x in b["arms"] if x not in both)),
    )


def _common(first: Result, second: Result, arm: str) -> tuple[xr.Dataset, xr.Dataset]:
    """What both have of an arm: the same subjects, visits and observables."""
    import xarray as xr

    one, other = xr.align(first.visits.sel(arm=arm), second.visits.sel(arm=arm), join="inner")
    names = [n for n in one.data_vars if n in other]
    return one[names], other[names]


def _same(one: xr.Dataset, other: xr.Dataset) -> bool:
    return all(np.array_equal(one[n].to_numpy(), other[n].to_numpy(), equal_nan=True) for n in one.data_vars)


def _differences(one: xr.Dataset, other: xr.Dataset) -> dict[str, float]:
    """Largest absolute difference by name; infinite where only one has a number."""
    found = {}
    for name in one.data_vars:
        a, b = one[name].to_numpy(), other[name].to_numpy()
        if name == "status" or (np.isnan(a).all() and np.isnan(b).all()):
            continue
        gap = np.where(np.isnan(a) & np.isnan(b), 0.0, np.abs(a - b))
        found[str(name)] = float(np.where(np.isnan(gap), np.inf, gap).max(initial=0.0))
    return found


def _shares(
    one: Mapping[str, Any], other: Mapping[str, Any], arm: str
) -> dict[str, tuple[Mapping[str, float | None], Mapping[str, float | None]]]:
    a, b = one["arms"][arm]["share"], other["arms"][arm]["share"]
    return {name: (a[name], b[name]) for name in a if name in b}
