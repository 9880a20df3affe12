"""What the writers of all languages share: names that are free, comments, and the lines that something needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from mtorsim.errors import one_line

from .flat import FlatModel, Line, names_of

__all__ = ["about", "for_derivatives", "free_names", "head", "needed_lines", "told"]


def free_names(
    names: Iterable[str],
    taken: Collection[str],
    form: Callable[[str], str] = str,
    key: Callable[[str], str] = str,
    longest: int = 60,
) -> dict[str, str]:
    """A name in a language for each of ours: the same where it is free.

    Parameters
    ----------
    taken
        Words of the language, in the form of `key`.
    form
        How the language writes a name.
    key
        Names with the same key are the same to it, such as `str.upper`.
    longest
        Characters of a name.
    """
    used = {key(t) for t in taken}
    found: dict[str, str] = {}
    for name in names:
        short = own = form(name)[:longest]
        number = 1
        while key(short) in used:
            number += 1
            tail = "_" if number == 2 and len(own) < longest else f"_{number}"
            short = own[: longest - len(tail)] + tail
        used.add(key(short))
        found[name] = short
    return found


def about(thing: object, unit: bool = True) -> str:
    """Meaning, unit, evidence and source, for a comment."""
    said = one_line(getattr(thing, "about", "") or "", 300)
    own = getattr(thing, "unit", None)
    if unit and own:
        own = "-" if own == "1" else own
        said = f"{said} ({own})" if said else f"({own})"
    evidence, source = getattr(thing, "evidence", None), getattr(thing, "source", None)
    origin = ", ".join(x for x in (evidence, source) if x)
    return f"{said} [{origin}]" if origin else said


def head(flat: FlatModel, left_out: Iterable[str], names: Mapping[str, str], language: str) -> list[str]:
    """The comment at the top of a file, line by line: what it is, whose numbers, what is left out."""
    lines = [flat.title, f"Unit of time: {flat.time}."]
    if flat.person:
        lines.append(f"Parameters and initial values: {flat.person}.")
    lost = [*flat.left_out, *left_out]
    if lost:
        lines += [f"Left out, because {language} cannot say it:", *(f"- {line}" for line in lost)]
    other = {a: b for a, b in names.items() if a != b and a.upper() != b}
    if other:
        lines.append("Other names than in mtorsim:")
        lines += [f"- {new} is {flat.renamed.get(old, old)}" for old, new in other.items()]
    return lines


def told(flat: FlatModel) -> list[str]:
    """The references that are cited, one a line."""
    return [f"{key}: {text}" for key, (text, _) in flat.references.items()]


def needed_lines(flat: FlatModel, targets: Iterable[str]) -> dict[str, Line]:
    """The lines on which some quantities depend, and those themselves, in order."""
    wanted = set(targets)
    for name in reversed(list(flat.lines)):
        if name in wanted:
            wanted |= set(names_of(flat.lines[name].is_))
    return {name: line for name, line in flat.lines.items() if name in wanted}


def for_derivatives(flat: FlatModel) -> dict[str, Line]:
    """The lines on which derivatives depend, in order."""
    return needed_lines(flat, (n for s in flat.states.values() for n in names_of(s.derivative)))
