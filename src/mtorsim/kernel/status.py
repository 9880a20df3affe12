"""How the solve of one subject ended: a number in the kernel, a sentence for everyone else."""

from __future__ import annotations

__all__ = [
    "CANCELLED",
    "IMPOSSIBLE_DOSE",
    "LAG_TOO_LONG",
    "NOT_ADMITTED",
    "NOT_AT_REST",
    "NOT_DRAWN",
    "NOT_FINITE",
    "NO_REST",
    "NO_STEADY_STATE",
    "OK",
    "SENTENCES",
    "STEP_TOO_SMALL",
    "TOO_MANY_STEPS",
]

OK = 0
STEP_TOO_SMALL = 1
TOO_MANY_STEPS = 2
NOT_FINITE = 3
NO_REST = 4
NOT_AT_REST = 5
NOT_ADMITTED = 6
CANCELLED = 7
IMPOSSIBLE_DOSE = 8
NOT_DRAWN = 9
NO_STEADY_STATE = 10
LAG_TOO_LONG = 11

SENTENCES = {
    OK: "ok",
    STEP_TOO_SMALL: "the step became too small",
    TOO_MANY_STEPS: "too many steps between two stops",
    NOT_FINITE: "a state is not finite",
    NO_REST: "no state of rest between the limits",
    NOT_AT_REST: "the untreated day did not repeat within 30 days",
    NOT_ADMITTED: "no person met the entry criteria in 1,000 attempts",
    CANCELLED: "cancelled",
    IMPOSSIBLE_DOSE: "the lag or bioavailability of a dose is negative or not a number",
    NOT_DRAWN: "a drawn parameter is not a finite number",
    NO_STEADY_STATE: "a dose at steady state has none: more is given in an interval than can be eliminated",
    LAG_TOO_LONG: "the lag of a dose at steady state is not shorter than its interval",
}
