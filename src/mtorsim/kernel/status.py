"""Status of a subject: a number in the kernel, a sentence in reports."""

from __future__ import annotations

__all__ = [
    "CANCELLED",
    "CURES",
    "IMPOSSIBLE_DOSE",
    "NOT_ADMITTED",
    "NOT_AT_REST",
    "NOT_DRAWN",
    "NOT_FINITE",
    "NO_REST",
    "NO_STEADY_STATE",
    "OK",
    "SENTENCES",
    "STEP_TOO_SMALL",
    "TOO_MANY_INFUSIONS",
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
TOO_MANY_INFUSIONS = 11

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
    TOO_MANY_INFUSIONS: "more than 1,000 infusions overlap",
}

_STIFF = "set tighter parameter ranges, or try another `method` or a larger `rtol`"

CURES = {
    SENTENCES[STEP_TOO_SMALL]: _STIFF,
    SENTENCES[TOO_MANY_STEPS]: _STIFF,
    SENTENCES[
        NOT_FINITE
    ]: "look for a division by 0, or for a power or logarithm of a negative number, in the equations",
    SENTENCES[NO_REST]: "widen the limits in [rest], or the parameter ranges of the population are too wide",
    SENTENCES[NOT_AT_REST]: "name slow states in `hold` of [run_in]",
    SENTENCES[NOT_ADMITTED]: "relax the entry criteria, or use a population that meets them more often",
    SENTENCES[IMPOSSIBLE_DOSE]: "check `lag` and `bioavailability` in [doses], and the parameters they use",
    SENTENCES[NOT_DRAWN]: "check the medians and the variability in the population's file",
    SENTENCES[NO_STEADY_STATE]: "reduce AMT or RATE, or increase II",
    SENTENCES[TOO_MANY_INFUSIONS]: "increase II, or reduce DUR or AMT / RATE",
}
"""How to fix each failure, by its sentence."""
