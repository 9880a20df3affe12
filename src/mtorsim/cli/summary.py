"""Summary of a result, as tables on the terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mtorsim.cli.console import fixed, note, print_table, warn
from mtorsim.kernel.status import CURES
from mtorsim.results.folder import CERTIFICATE
from mtorsim.results.limits import ordered_limits
from mtorsim.results.result import Result
from mtorsim.units.display import DisplayUnits

__all__ = ["print_summary", "print_tests", "summary_object", "warn_of_failures", "warn_of_suspicion"]

_MOST_ROWS = 14


def summary_object(result: Result, shown_in: DisplayUnits, out: Path | None) -> dict[str, Any]:
    """The JSON object that `mtorsim run --json` prints."""
    summary = result.summary
    return {
        "scenario": summary["scenario"],
        "seed": summary["seed"],
        "subjects": summary["subjects"],
        "status": summary["status"],
        "failed": summary["failed"],
        "uln_mg_dl": summary["uln_mg_dl"],
        "difference_from": summary["difference_from"],
        "units": {name: shown_in.unit(name, unit) for name, unit in summary["units"].items()},
        "arms": {
            name: {
                "share": arm["share"],
                "new_share": arm["new_share"],
                "status": arm["status"],
                "visits": [_converted(row, summary["units"], shown_in) for row in arm["visits"]],
                "difference": [
                    _converted(row, summary["units"], shown_in, apart=True) for row in arm.get("difference", ())
                ],
            }
            for name, arm in summary["arms"].items()
        },
        "tests": summary["tests"],
        "quantiles_within": summary["quantiles_within"],
        "until": summary.get("until"),
        "seconds": summary["seconds"],
        "out": str(out) if out is not None else None,
    }


def _converted(
    row: Mapping[str, Any], units: Mapping[str, str], shown_in: DisplayUnits, apart: bool = False
) -> dict[str, Any]:
    """Convert one visit's quantiles, of values or of differences, to display units."""
    convert = shown_in.difference if apart else shown_in.value
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            found[name] = {q: convert(name, units[name], x) for q, x in value.items()}
        else:
            found[name] = value
    return found


def print_summary(result: Result, shown_in: DisplayUnits) -> None:
    """Print the share of subjects above each limit and the course of the median subject."""
    summary = result.summary
    n = summary["subjects"]
    print(f"{summary['title']}")
    print(f"{n:,} subject{'s' if n > 1 else ''} of {summary['population']}, seed {summary['seed']}")
    if summary["settings"]:
        print("with " + ", ".join(f"{name} = {value:g}" for name, value in summary["settings"].items()))
    if until := summary.get("until"):
        shares = ", ".join(f"{arm} {100 * share:.3g} %" for arm, share in until["share"].items())
        asked = until["asked"].partition(")")[0] + ")"
        missed = "" if until["reached"] else ", which is wider than asked: allow more `--subjects`"
        print(f"{asked}: {shares}; half width of the 95 % CI {100 * until['half_width']:.3g} %{missed}")
    if n > 1:
        _print_shares(result, shown_in)
    _print_course(result, shown_in)
    print_tests(result, shown_in)


def print_tests(result: Result, shown_in: DisplayUnits) -> None:
    """Print the median of each index of each test, one column per arm and time."""
    tests = result.summary["tests"]
    for kind, options in dict.fromkeys((t["test"], t["options"]) for t in tests):
        mine = [t for t in tests if (t["test"], t["options"]) == (kind, options)]
        names = list(dict.fromkeys(n for t in mine for n in t["indices"]))
        rows = []
        for name in names:
            unit = next(t["indices"][name]["unit"] for t in mine if name in t["indices"])
            cells = [
                shown_in.value(name, unit, t["indices"][name]["q50"]) if name in t["indices"] else None for t in mine
            ]
            shown = "" if unit == "1" else f" ({shown_in.unit(name, unit)})"
            rows.append([f"{name}{shown}", *("-" if c is None else f"{c:.4g}" for c in cells)])
        head = [kind, *(f"{t['arm']}, {t['at_h'] / 24:g} d" for t in mine)]
        print_table(head, rows, "median of each index" + (f", {options}" if options else ""))


def _print_shares(result: Result, shown_in: DisplayUnits) -> None:
    limits = ordered_limits(result.summary["limits_mg_dl"])
    head = [f"> {shown_in.limit(value)}" + (" (ULN)" if uln else "") for _, value, uln in limits]
    arms = result.summary["arms"]
    if all(arm["share"][name]["value"] is None for arm in arms.values() for name, *_ in limits):
        return
    rows = [[name, *(_percent(arm["share"][n]) for n, *_ in limits)] for name, arm in arms.items()]
    title = (
        f"% of subjects whose highest fasting glucose after baseline exceeded a limit in {shown_in.glucose} (95 % CI)"
    )
    print_table(["arm", *head], rows, title)
    if any(s["value"] is not None for arm in arms.values() for s in arm["new_share"].values()):
        rows = [[name, *(_percent(arm["new_share"][n]) for n, *_ in limits)] for name, arm in arms.items()]
        print_table(
            ["arm", *head],
            rows,
            "new cases: % of subjects at or below the limit at baseline who exceeded it later (95 % CI)",
        )


def _percent(share: Mapping[str, float]) -> str:
    value, low, high = (100 * share[k] for k in ("value", "low", "high"))
    return f"{value:.1f} ({low:.1f}-{high:.1f})"


def _print_course(result: Result, shown_in: DisplayUnits) -> None:
    """Print median and 5th to 95th percentile of glucose and HbA1c at the visits."""
    arms = result.summary["arms"]
    first = next(iter(arms.values()))["visits"]
    glucose = "fasting_glucose" if sum("fasting_glucose" in row for row in first) > 1 else "glucose"
    slow = first[-1]["time_h"] > 72
    names = [n for n in (glucose, "hba1c" if slow else "insulin") if any(n in row for row in first)]
    if not names:
        return
    units = result.summary["units"]
    what = "median (5-95 %)" if result.summary["subjects"] > 1 else "the subject"
    say = _clock([row["time_h"] for row in first])
    when = [say(row["time_h"]) for row in first]
    for name in names:
        label = f"{name.replace('_', ' ').replace('hba1c', 'HbA1c')}, {shown_in.unit(name, units[name])}"
        rows = [
            [when[v], *(_band(arm["visits"][v].get(name), name, units[name], shown_in) for arm in arms.values())]
            for v in _some(len(first))
        ]
        print_table(["time", *arms], rows, f"{label}: {what}")
        apart = {n: arm["difference"] for n, arm in arms.items() if "difference" in arm}
        if apart:
            sizes = [abs(x) for found in apart.values() for row in found for x in row.get(name, {}).values()]
            largest = shown_in.difference(name, units[name], max(sizes, default=0.0))
            given = (name, units[name], shown_in, 2 if largest < 10 else 1)
            rows = [
                [when[v], *(_apart(found[v].get(name), *given) for found in apart.values())] for v in _some(len(first))
            ]
            beside = f"{label}: difference from {result.summary['difference_from']} in the same subjects, {what}"
            print_table(["time", *apart], rows, beside)


def _apart(found: Mapping[str, float] | None, name: str, unit: str, shown_in: DisplayUnits, digits: int) -> str:
    """A signed difference with its quantiles."""
    if not found:
        return "-"
    low, middle, high = (shown_in.difference(name, unit, found[q]) for q in ("q05", "q50", "q95"))
    text = fixed(middle, digits, "+")
    return text if low == high else f"{text} ({fixed(low, digits, '+')} to {fixed(high, digits, '+')})"


def _some(count: int) -> list[int]:
    """Indices of the visits to show: all, or evenly spaced ones including the first and the last."""
    if count <= _MOST_ROWS:
        return list(range(count))
    return sorted({round(i * (count - 1) / (_MOST_ROWS - 1)) for i in range(_MOST_ROWS)})


def _clock(hours: Sequence[float]) -> Callable[[float], str]:
    """A function that labels times in the largest unit of which all are whole multiples."""
    if hours[-1] > 72 and all(h % 168 == 0 for h in hours):
        return lambda h: f"week {h / 168:g}"
    if hours[-1] > 72:
        return lambda h: f"day {h / 24:.6g}"
    return (lambda h: f"{60 * h:g} min") if hours[-1] <= 6 else (lambda h: f"{h:.6g} h")


def _band(found: Mapping[str, float] | None, name: str, unit: str, shown_in: DisplayUnits) -> str:
    if not found:
        return "-"
    low, middle, high = (shown_in.value(name, unit, found[q]) for q in ("q05", "q50", "q95"))
    digits = 1 if shown_in.unit(name, unit) in ("%", "mmol/L", "uU/mL") else 0
    text = fixed(middle, digits)
    return text if low == high else f"{text} ({fixed(low, digits)}-{fixed(high, digits)})"


def warn_of_failures(result: Result, folder: Path | None) -> bool:
    """Warn of failed subjects by number, arm, reason and time; returns whether there are any."""
    status = result.summary["status"]
    failed = result.summary["subjects"] - status.get("ok", 0)
    if not failed:
        return False
    warn(f"{failed:,} of {result.summary['subjects']:,} subjects failed; they are included in every denominator")
    for sentence, count in status.items():
        if sentence != "ok":
            print_failed(sentence, count, [f for f in result.summary["failed"] if f["status"] == sentence])
    if folder is not None:
        first = result.summary["failed"][0]
        arm = first["arm"]
        quoted = f'"{arm}"' if " " in arm else arm
        note(f"  help: recompute one with `mtorsim replay {folder} --arm {quoted} --subject {first['subject']}`")
    return True


def warn_of_suspicion(folder: Path | None) -> bool:
    """Warn of suspicious subjects of the certificate in a folder; returns whether there are any."""
    path = None if folder is None else folder / CERTIFICATE
    if path is None or not path.is_file():
        return False
    found = json.loads(path.read_text(encoding="utf-8"))
    for subject, arm, reason in found["suspicious"][:5]:
        warn(f"subject {subject}, arm {arm}: {reason} when solved again")
    more = len(found["suspicious"]) - 5
    if more > 0:
        note(f"  and {more} more of {found['sample']:,} that were solved again: see {path}")
    return bool(found["suspicious"])


def print_failed(sentence: str, count: int, listed: list[Mapping[str, Any]]) -> None:
    """Print one line per reason for failure."""
    numbers = ", ".join(str(f["subject"]) for f in listed)
    more = f" and {count - len(listed)} more" if count > len(listed) else ""
    last = listed[0]["last_visit_h"] if listed else None
    reached = "" if last is None else f"; the first reached the visit at {last:g} h"
    note(f"  {count} {sentence}: subjects {numbers}{more}{reached}")
    if sentence in CURES:
        note(f"    help: {CURES[sentence]}")
