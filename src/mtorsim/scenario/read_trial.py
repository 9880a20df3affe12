"""Read laboratory tests, reported rates, and characteristics for matching."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mtorsim.errors import ArgumentError, ScenarioError, did_you_mean
from mtorsim.files.library import Library
from mtorsim.files.places import Place
from mtorsim.protocols.laboratory_test import OptionError
from mtorsim.protocols.protocol import Protocol, without_body
from mtorsim.protocols.registry import protocol

from . import file as forms
from .grades import ctcae
from .parts import FASTING_HOURS, LabTest, Match, Meal, Observed, TrialSpec, since_last_meal
from .read_meals import eaten_at
from .read_times import Clock

__all__ = ["read_match", "read_observed", "read_tests", "read_trial"]


def read_tests(
    lines: Sequence[forms.TestLine], modules: Sequence[str], clock: Clock, meals: Sequence[Meal], place: Place
) -> Iterator[LabTest]:
    """Read laboratory tests, each with its time."""
    eaten = eaten_at(meals)
    seen: set[tuple[str, str, float]] = set()
    for i, line in enumerate(lines):
        test = _protocol(line, modules, place.inside(i))
        at = place.inside(i, "at")
        if not line.at:
            at.fail("the time is missing", help='write for example `at = "4 weeks"`')
        for text in line.at:
            time = clock.time(text, at)
            since = since_last_meal(time, eaten)
            if test.fasting and since < FASTING_HOURS:
                message = f"the test `{test.name}` at {time:g} h is not fasting: the last meal was {since:g} h before"
                at.fail(message, help="whole days are 07:30, before breakfast", needle=text)
            if test.everyday and time + test.duration > clock.duration:
                message = f"`{test.name}` at {text} ends after the scenario, which lasts {clock.lasts}"
                at.fail(message, help="make `duration` longer", needle=text)
            if (test.name, test.options, time) in seen:
                help = "remove one, or give it other options"
                at.fail(f"two tests `{test.name}` at {text}", help=help, needle=text)
            seen.add((test.name, test.options, time))
            yield LabTest(time, test, place.inside(i))


def _protocol(line: forms.TestLine, modules: Sequence[str], place: Place) -> Protocol:
    """The protocol of a line, checked against the model."""
    try:
        test = protocol(line.kind, **line.options)
    except OptionError as error:
        place.fail(error.message, "options", error.option, help=error.help)
    except ArgumentError as error:
        place.fail(error.message, "kind", help=error.help, needle=line.kind)
    if lacking := without_body(test.name, modules):
        place.fail(lacking[0], "kind", help=lacking[1], needle=line.kind)
    return test


def read_trial(line: forms.Trial | None, place: Place, library: Library) -> TrialSpec | None:
    """Read the counting of endpoints, with files that are in the library."""
    if line is None:
        return None
    reporting = None if line.reporting in (None, "none") else line.reporting
    calibration = None if line.calibration in (None, "none") else line.calibration
    files = {"ctcae": (ctcae(line.ctcae), library.grades), "reporting": (reporting, library.reporting)}
    for key, (name, find) in {**files, "calibration": (calibration, library.calibration)}.items():
        try:
            if name is not None:
                find(name)
        except ScenarioError as error:
            place.fail(error.message, key, help=error.help)
    return TrialSpec(line.name, line.ctcae, reporting, calibration, tuple(line.assumptions), place)


def read_observed(lines: Sequence[forms.Observed], arms: Sequence[str], place: Place) -> Iterator[Observed]:
    """Read reported rates: each of an existing arm, a share or a bound."""
    for i, row in enumerate(lines):
        here = place.inside(i)
        if row.arm not in arms:
            help = did_you_mean(row.arm, arms) or "arms are " + ", ".join(arms)
            here.fail(f"unknown arm `{row.arm}`", "arm", help=help, needle=row.arm)
        if (row.percent is None) == (row.below is None):
            help = "give `percent`, or `below` if only a bound is known"
            here.fail("a row needs either a share or a bound", help=help)
        yield Observed(row.arm, row.endpoint, row.percent, row.below, row.of, row.role, row.source, row.evidence)


def read_match(lines: Sequence[forms.Match], place: Place) -> Iterator[Match]:
    """Read means, and correlations of two quantities whose means and SDs are also given."""
    whole = [m.of[0] for m in lines if len(m.of) == 1 and m.mean is not None and m.sd is not None]
    seen: list[frozenset[str]] = []
    for i, m in enumerate(lines):
        here = place.inside(i)
        if frozenset(m.of) in seen or len(frozenset(m.of)) != len(m.of) or len(m.of) > 2:
            here.fail("this is matched twice, or names too many quantities", "of")
        seen.append(frozenset(m.of))
        if len(m.of) == 1 and (m.mean is None or m.correlation is not None):
            here.fail(f"`{m.of[0]}` is matched by its mean", help="give `mean`, and `sd` if it is known")
        if len(m.of) == 2:
            if m.correlation is None or m.mean is not None or m.sd is not None:
                here.fail("two quantities are matched by their correlation", help="give `correlation` alone")
            missing = [n for n in m.of if n not in whole]
            if missing:
                here.fail(f"`{missing[0]}` has no mean and SD to correlate", help="give it a [[match]] first")
        yield Match(tuple(m.of), m.mean, m.sd, m.correlation, here)
