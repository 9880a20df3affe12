"""Find the parameters that the columns of a table replace."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mtorsim.errors import DataError, SettingError, did_you_mean, one_line
from mtorsim.model.checks import check_value
from mtorsim.model.model import Model

from .occasions import COLUMN as OCCASION
from .occasions import USUAL, occasion_column
from .table import EventTable

__all__ = ["reading_line", "replaced_parameters"]


def replaced_parameters(model: Model, table: EventTable) -> dict[str, tuple[str, ...]]:
    """Return the parameters that each covariate of the table replaces, by full name.

    Raises
    ------
    DataError
        If a name is ambiguous, a value out of range, or a covariate changes without a given interpolation.
    """
    found: dict[str, tuple[str, ...]] = {}
    takers: dict[str, str] = {}
    for name in (*table.covariates, *table.texts):
        full = _named(model, table, name)
        for parameter in full:
            if parameter in takers:
                message = f"`{takers[parameter]}` and `{name}` both replace `{parameter}`"
                raise DataError(f"{table.path}:1: {message}", help=f'`drop=["{name}"]` only copies one of them')
            takers[parameter] = name
        if full:
            found[name] = full
    for name in found:
        _check_values(model, table, name, found)
    for name in table.interpolation:
        if name not in found and name.upper() != OCCASION:
            help = did_you_mean(name, [p.partition(".")[2] for p in model.parameters])
            raise DataError(f"the model has no parameter for the covariate `{name}`", help=help)
    return found


def _named(model: Model, table: EventTable, name: str) -> tuple[str, ...]:
    """Parameters of this name: exact names first, then names that differ by case."""
    if name in model.parameters:
        return (name,)
    for same in (lambda a: a == name, lambda a: a.lower() == name.lower()):
        bare = tuple(full for full in model.parameters if same(full) or same(full.partition(".")[2]))
        if len(bare) > 1:
            message = f"{table.path}:1: column `{one_line(name)}` is a parameter of several modules"
            raise DataError(message, help="name the column " + " or ".join(bare))
        if bare:
            return bare
        by_covariate = tuple(
            full for full, (line, _) in model.parameters.items() if line.covariate and same(line.covariate)
        )
        if by_covariate:
            return by_covariate
    if "." in name.strip(".") and name not in model.units:
        near = did_you_mean(name, model.parameters)
        if near:
            raise DataError(f"{table.path}:1: there is no parameter `{one_line(name)}`", help=near)
    return ()


def _check_values(model: Model, table: EventTable, name: str, found: Mapping[str, tuple[str, ...]]) -> None:
    if name in table.texts:
        row, text = table.texts[name]
        table.fail(row, name, f"`{one_line(text)}` is not a number", f"it would be `{found[name][0]}`")
    record = table.changing(name)
    if record is not None and name not in table.interpolation:
        help = f'name its interpolation: `interpolation={{"{name}": "locf"}}`, "nocb" (as in NONMEM) or "linear"'
        table.fail(record, name, "this covariate changes", help)
    for parameter in found[name]:
        line = model.parameters[parameter][0]
        if line.origin == "run_in":
            table.fail(0, name, f"`{parameter}` is computed per subject and cannot be set")
        values = table.covariates[name]
        for value in np.unique(values[~np.isnan(values)]):
            try:
                check_value(parameter, line, float(value))
            except SettingError as error:
                table.fail(int(np.flatnonzero(values == value)[0]), name, error.message, error.help)


def reading_line(
    model: Model, table: EventTable, replaced: Mapping[str, tuple[str, ...]], iov: Mapping[str, float]
) -> str:
    """One line on how the table was read, for the user; `iov` are the parameters that vary between occasions."""
    used = [f"{own} as {name}" if own.upper() != name else own for name, own in table.used.items() if name != "DV"]
    unit = next((str(r.unit) for r in model.routes.values()), None)
    parts = [
        f"{len(table.frame):,} record{'s' if len(table.frame) != 1 else ''} of {table.subjects:,} subject"
        f"{'s' if table.subjects != 1 else ''}",
        f"columns {', '.join(used)}; times in {table.time_unit}" + (f", amounts in {unit}" if unit else ""),
    ]
    for name, full in replaced.items():
        way = f" ({table.interpolation[name]})" if name in table.interpolation else ""
        parts.append(f"{name} replaces {' and '.join(full)}{way}")
    occasion = occasion_column(table, iov, replaced)
    if iov:
        varying = " and ".join(iov)
        way = table.interpolation.get(occasion or "", USUAL)
        used_as = f"{occasion} is the occasion, between which {varying} vary ({way})"
        parts.append(used_as if occasion else f"no column {OCCASION}: {varying} do not vary between occasions")
    copied = [c for c in table.frame.columns if c not in (*table.used.values(), *replaced, occasion)]
    copied += [own for name, own in table.used.items() if name in ("DV", "MDV")]
    if copied:
        parts.append(f"only copied: {', '.join(one_line(c, 40) for c in copied)}")
    return f"{table.path}: {'; '.join((*parts, *table.notes))}"
