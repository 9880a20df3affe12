"""Compare two results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.errors import ArgumentError, shortened, spoken

from .result import Result
from .tables import TEST_KEYS

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Comparison", "compare"]


_TOLD = (
    "scenario",
    "population",
    "seed",
    "subjects",
    "settings",
    "draws",
    "tails",
    "method",
    "rtol",
    "atol",
    "visits_h",
    "uln_mg_dl",
    "kernels",
)


@dataclass(frozen=True, repr=False)
class Comparison:
    """The comparison of two results.

    Attributes
    ----------
    same_bits
        Whether all common numbers are identical to the bit.
    subjects, visits
        Number of common subjects and visits.
    inputs
        Inputs that differ: name, value in the first, in the second.
    differences
        Largest absolute difference of each observable over common subjects and visits, by arm and name.
    shares
        Share above each limit in both, by arm and limit.
    tests
        Largest absolute difference of each index of common tests, by arm and by test, options, hour and index.
    only, only_tests
        Arms and tests that only the first or only the second result has.
    """

    same_bits: bool
    subjects: int
    visits: int
    inputs: tuple[tuple[str, Any, Any], ...]
    differences: Mapping[str, Mapping[str, float]]
    shares: Mapping[str, Mapping[str, tuple[Mapping[str, float | None], Mapping[str, float | None]]]]
    only: tuple[tuple[str, ...], tuple[str, ...]]
    tests: Mapping[str, Mapping[tuple[str, str, float, str], float]]
    only_tests: tuple[tuple[str, ...], tuple[str, ...]]

    def __repr__(self) -> str:
        found = "identical to the bit" if self.same_bits else "different"
        inputs = f"; inputs that differ: {shortened([name for name, *_ in self.inputs], 6)}" if self.inputs else ""
        return f"Comparison({self.subjects:,} subjects and {self.visits:,} visits in both, {found}{inputs})"


def compare(first: Result, second: Result) -> Comparison:
    """Compare two results.

    Subjects are matched by number, visits by time, arms by name.

    Raises
    ------
    ArgumentError
        If either is not a `Result`.
    """
    for name, given in (("first", first), ("second", second)):
        if not isinstance(given, Result):
            raise ArgumentError(f"`{name}` must be a `Result`, not {spoken(given)}", help="`open_result` returns one")
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
    tests, only_tests = _tests(first, second)
    return Comparison(
        same_bits=bool(pairs)
        and all(_same(one, other) for one, other in pairs.values())
        and not any(gap for found in tests.values() for gap in found.values()),
        subjects=some.sizes["subject"] if some is not None else 0,
        visits=some.sizes["time"] if some is not None else 0,
        inputs=tuple(inputs),
        differences={arm: _differences(*pair) for arm, pair in pairs.items()},
        shares={arm: _shares(first.summary, second.summary, arm) for arm in both},
        tests=tests,
        only_tests=only_tests,
        only=(tuple(x for x in a["arms"] if x not in both), tuple(x for x in b["arms"] if x not in both)),
    )


def _common(first: Result, second: Result, arm: str) -> tuple[xr.Dataset, xr.Dataset]:
    """The common part of an arm: subjects, visits and observables."""
    import xarray as xr

    one, other = xr.align(first.visits.sel(arm=arm), second.visits.sel(arm=arm), join="inner")
    names = [n for n in one.data_vars if n in other]
    return one[names], other[names]


def _same(one: xr.Dataset, other: xr.Dataset) -> bool:
    return all(np.array_equal(one[n].to_numpy(), other[n].to_numpy(), equal_nan=True) for n in one.data_vars)


def _differences(one: xr.Dataset, other: xr.Dataset) -> dict[str, float]:
    """Largest absolute difference by name; infinite if only one has a number."""
    found = {}
    for name in one.data_vars:
        a, b = one[name].to_numpy(), other[name].to_numpy()
        if name == "status" or (np.isnan(a).all() and np.isnan(b).all()):
            continue
        gap = np.where(np.isnan(a) & np.isnan(b), 0.0, np.abs(a - b))
        found[str(name)] = float(np.where(np.isnan(gap), np.inf, gap).max(initial=0.0))
    return found


def _tests(
    first: Result, second: Result
) -> tuple[dict[str, dict[tuple[str, str, float, str], float]], tuple[tuple[str, ...], tuple[str, ...]]]:
    """Largest difference of each common index, and the tests that only one has."""
    named = [{_test_name(t) for t in r.summary.get("tests", ())} for r in (first, second)]
    only = (tuple(sorted(named[0] - named[1])), tuple(sorted(named[1] - named[0])))
    found: dict[str, dict[tuple[str, str, float, str], float]] = {}
    if not named[0] & named[1]:
        return found, only
    both = first.tests.merge(second.tests, on=list(TEST_KEYS), suffixes=("", "_other"))
    a, b = both["value"].to_numpy(), both["value_other"].to_numpy()
    gaps = np.where(np.isnan(a) & np.isnan(b), 0.0, np.abs(a - b))
    names = (both[n].tolist() for n in ("arm", "test", "options", "at_h", "index"))
    for arm, test, options, at, index, gap in zip(*names, np.where(np.isnan(gaps), np.inf, gaps), strict=True):
        key, mine = (test, options, at, index), found.setdefault(arm, {})
        mine[key] = max(mine.get(key, 0.0), float(gap))
    return found, only


def _test_name(test: Mapping[str, Any]) -> str:
    options = f" ({test['options']})" if test.get("options") else ""
    return f"{test['test']}{options} at {test['at_h']:g} h"


def _shares(
    one: Mapping[str, Any], other: Mapping[str, Any], arm: str
) -> dict[str, tuple[Mapping[str, float | None], Mapping[str, float | None]]]:
    a, b = one["arms"][arm]["share"], other["arms"][arm]["share"]
    return {name: (a[name], b[name]) for name in a if name in b}
