"""`mtorsim compare`: compare two results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mtorsim.cli.console import print_json, print_table
from mtorsim.cli.options import PATH, as_json


@click.command()
@click.argument("first", metavar="DIR", type=PATH)
@click.argument("second", metavar="DIR", type=PATH)
@as_json
def command(first: Path, second: Path, as_json: bool) -> int:
    """Compare two results: inputs, the largest difference of each observable, shares, tests.

    Subjects are matched by number, arms by name. Exit code 0: the results agree to the bit; 1: they do not.
    """
    from mtorsim.results.compare import compare
    from mtorsim.results.result import open_run

    results = open_run(first), open_run(second)
    found = compare(*results)
    if as_json:
        print_json(
            {
                "same_bits": found.same_bits,
                "subjects": found.subjects,
                "visits": found.visits,
                "inputs": [{"name": n, "first": a, "second": b} for n, a, b in found.inputs],
                "max_difference": found.differences,
                "share": {
                    arm: {limit: {"first": a, "second": b} for limit, (a, b) in limits.items()}
                    for arm, limits in found.shares.items()
                },
                "only_in": {"first": found.only[0], "second": found.only[1]},
                "max_difference_of_tests": [
                    {"arm": arm, "test": test, "options": options, "at_h": at, "index": index, "difference": gap}
                    for arm, gaps in found.tests.items()
                    for (test, options, at, index), gap in gaps.items()
                ],
                "tests_only_in": {"first": found.only_tests[0], "second": found.only_tests[1]},
            }
        )
    else:
        _print(found, dict(results[0].manifest["observables"]))
    return 0 if found.same_bits else 1


def _print(found: Any, units: dict[str, str]) -> None:
    both = f"{found.subjects:,} subjects and {found.visits} visits in both"
    print(f"{both}: the numbers {'agree to the bit' if found.same_bits else 'differ'}")
    if found.inputs:
        rows = [(name, _short(a), _short(b)) for name, a, b in found.inputs]
        print_table(["input", "first", "second"], rows)
    elif not found.same_bits:
        print("the inputs are the same")
    if not found.same_bits:
        arms = list(found.differences)
        names = dict.fromkeys(n for arm in arms for n in found.differences[arm])
        rows = [
            (f"{n}, {units.get(n, '')}", *(f"{found.differences[arm].get(n, float('nan')):.3g}" for arm in arms))
            for n in names
        ]
        print_table(["largest difference", *arms], rows)
        for (test, options, at), names in _by_test(found.tests).items():
            rows = [
                (n, *(f"{found.tests[arm].get((test, options, at, n), float('nan')):.3g}" for arm in found.tests))
                for n in names
            ]
            title = f"{test} at {at:g} h" + (f", {options}" if options else "")
            print_table(["largest difference", *found.tests], rows, title)
        for arm, limits in found.shares.items():
            rows = [(f"share {limit}", _percent(a["value"]), _percent(b["value"])) for limit, (a, b) in limits.items()]
            print_table([arm, "first", "second"], rows)
    for which, tests in zip(("first", "second"), found.only_tests, strict=True):
        if tests:
            print(f"tests only in the {which}: " + "; ".join(tests))
    for which, arms in zip(("first", "second"), found.only, strict=True):
        if arms:
            print(f"only in the {which}: " + ", ".join(arms))


def _by_test(tests: Any) -> dict[tuple[str, str, float], list[str]]:
    """Names of the indices of each test, over all arms."""
    found: dict[tuple[str, str, float], list[str]] = {}
    for test, options, at, index in dict.fromkeys(key for gaps in tests.values() for key in gaps):
        found.setdefault((test, options, at), []).append(index)
    return found


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 else text[:21] + "..."


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
