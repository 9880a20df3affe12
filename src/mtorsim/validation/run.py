"""Run all comparisons, section by section."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from mtorsim.errors import ArgumentError, did_you_mean, spoken
from mtorsim.files.library import Library, library_for
from mtorsim.run.arguments import checked
from mtorsim.run.plan import Note

from . import comedication, exposures, mechanism, pathway, people, physiology, stability, therapies, treated
from .check import Check
from .session import Session

__all__ = ["SECTIONS", "validate"]


def _physiology(session: Session) -> Iterator[Check]:
    yield from physiology.checks(session)
    yield from physiology.population_checks(session)


def _drugs(session: Session) -> Iterator[Check]:
    return exposures.checks(session.library)


SECTIONS: Mapping[str, tuple[str, Callable[[Session], Iterator[Check]]]] = {
    "physiology": ("The untreated subject: oral, intravenous and clamp tests, the day, a population", _physiology),
    "drugs": ("Drug levels, alone and with interactions", _drugs),
    "pathway": ("mTORC1 and mTORC2 under drugs, required directions, variants", pathway.checks),
    "mechanism": ("Drug effects in humans, animals and cells", mechanism.checks),
    "lipids": ("Triglycerides and LDL on sirolimus", mechanism.lipid_checks),
    "treated": ("Treated people: what dose, time and each arm of the mechanism do", treated.checks),
    "therapies": ("Antidiabetic drugs", therapies.checks),
    "comedication": ("Concomitant drugs: steroids, calcineurin inhibitors, octreotide", comedication.checks),
    "people": ("People who differ and change: children, age, weight", people.checks),
    "drift": ("Untreated subjects do not drift", stability.drift_checks),
    "stability": ("Disturbances of an untreated subject decay", stability.stability_checks),
}
"""Description and checks of each section."""


@checked
def validate(
    sections: str | Sequence[str] = (), *, library: Library | None = None, note: Note | None = None
) -> list[Check]:
    """Compare the model with all measurements.

    Parameters
    ----------
    sections
        Name of a section, or several names; default: all.
    library
        Where models are looked up.
    note
        Called with a one-line message before a slow step.

    Returns
    -------
    list of Check
        In the order of the sections, including misses.

    Raises
    ------
    ArgumentError
        If a section is unknown.

    Examples
    --------
    >>> import mtorsim as mt
    >>> check = mt.validate(["stability"])[0]
    >>> check.claim, check.passed
    ('one-day map of ngt: largest multiplier, below 1 if all disturbances decay', True)
    """
    sections = (sections,) if isinstance(sections, str) else sections
    if not isinstance(sections, Sequence) or not all(isinstance(name, str) for name in sections):
        raise ArgumentError(f"`sections` must be names of sections, not {spoken(sections)}")
    for name in sections:
        if name not in SECTIONS:
            help = did_you_mean(name, SECTIONS) or "sections are " + ", ".join(SECTIONS)
            raise ArgumentError(f"there is no section `{name}`", help=help)
    session = Session(library or library_for(), note)
    found: list[Check] = []
    for name, (_, checks) in SECTIONS.items():
        if not sections or name in sections:
            if note:
                note(f"{name} ...")
            found += checks(session)
    return found
