"""Convert Python arguments to the tables of a scenario file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from mtorsim.errors import ScenarioError, did_you_mean, spoken
from mtorsim.files.places import PythonSource
from mtorsim.files.record import Record, read_record

from . import file as forms

__all__ = ["ARGUMENTS", "TABLES", "Arm", "Dose", "as_tables"]

ARGUMENTS = {
    "dose": "doses",
    "arm": "arms",
    "change": "changes",
    "test": "tests",
    "rule": "rules",
    "set": "settings",
    "share": "shares",
    "entry": "entries",
    "match": "matches",
}
"""Python names (plural) of arrays of tables."""
TABLES = {argument: table for table, argument in ARGUMENTS.items()}


class _Given:
    """A table given in Python; types are checked at once, meaning together with the scenario."""

    _form: ClassVar[type[Record]]

    def __init__(self, **values: Any) -> None:
        self.values = _renamed(type(self).__name__, values, self._form)
        read_record(
            PythonSource(type(self).__name__, {**self._rest, **self.values}, ScenarioError, ARGUMENTS), self._form
        )

    _rest: ClassVar[Mapping[str, Any]] = {}
    """Placeholders for required keys."""

    def __repr__(self) -> str:
        inner = ", ".join(f"{ARGUMENTS.get(k, k)}={v!r}" for k, v in self.values.items())
        return f"{type(self).__name__}({inner})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.values == other.values

    def __hash__(self) -> int:
        return hash(repr(self))


class Dose(_Given):
    """Doses of a drug, for `Scenario`.

    Parameters
    ----------
    drug
        Name of the drug's module.
    amount
        Amount with its unit, such as `10 mg`.
    every
        Dosing interval, such as `24 h`; a single dose when left out.
    more
        Any other key of a `[[dose]]` table: `regimen`, `round_to`, `over`, `start`, `stop`, `time`, `route`, `on`,
        `off`, `missed`, `late`, `interruptions`, `waits`.

    Raises
    ------
    ScenarioError
        If a key is not known, or a value has the wrong type.

    Examples
    --------
    >>> import mtorsim as mt
    >>> mt.Dose("everolimus", "10 mg", every="24 h")
    Dose(drug='everolimus', amount='10 mg', every='24 h')
    """

    _form = forms.DoseLine

    def __init__(self, drug: str, amount: str | None = None, *, every: str | None = None, **more: Any) -> None:
        super().__init__(drug=drug, amount=amount, every=every, **more)


class Arm(_Given):
    """An arm of a `Scenario`: differences from the scenario as given.

    Parameters
    ----------
    without
        Drugs whose doses are placebo.
    doses, changes, rules, leaving, visits
        Values that replace the scenario's.
    settings
        Parameters and switches from t = 0 onwards, for all subjects in the arm.
    about
        Description.

    Raises
    ------
    ScenarioError
        If a key is not known, or a value has the wrong type.
    """

    _form = forms.Arm
    _rest: ClassVar = {"name": "arm"}

    def __init__(
        self,
        *,
        without: str | Sequence[str] | None = None,
        doses: Sequence[Dose | Mapping[str, Any]] | None = None,
        settings: Mapping[str, float] | None = None,
        about: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(without=without, doses=doses, settings=settings, about=about, **more)


def as_tables(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Convert arguments of `Scenario` to the tables of a scenario file."""
    found = _renamed(name, values, forms.ScenarioFile)
    if isinstance(found.get("model"), str):
        found["model"] = [found["model"]]
    visits = found.get("visits")
    if isinstance(visits, (str, list)):
        found["visits"] = {"at": visits}
    if isinstance(found.get("meals"), str):
        found["meals"] = {"plan": found["meals"]}
    if isinstance(found.get("leaving"), str):
        found["leaving"] = {"median": found["leaving"]}
    if isinstance(found.get("record"), str):
        found["record"] = {"every": found["record"]}
    arms = found.get("arm")
    if isinstance(arms, Mapping):
        found["arm"] = [{**_table(name, arm), "name": label} for label, arm in arms.items()]
    return found


def _table(name: str, arm: Any) -> dict[str, Any]:
    """Convert an arm to a table."""
    if isinstance(arm, Mapping):
        return _renamed("Arm", arm, forms.Arm)
    raise ScenarioError(f"{name}(arms): an arm must be an `Arm`, not {spoken(arm)}", help="write `mt.Arm(...)`")


def _renamed(name: str, values: Mapping[str, Any], form: type[Record]) -> dict[str, Any]:
    """Rename arguments to names of tables; None means not given."""
    known = {ARGUMENTS.get(f.alias or n, f.alias or n) for n, f in form.model_fields.items()}
    found = {}
    for argument, value in values.items():
        if argument not in known and argument not in TABLES.values():
            help = did_you_mean(argument, known) or "choose from " + ", ".join(sorted(known))
            raise ScenarioError(f"`{name}` has no argument `{argument}`", help=help)
        table = TABLES.get(argument, argument)
        if value is not None and table in found:
            raise ScenarioError(f"`{name}` has both `{ARGUMENTS[table]}` and `{table}`", help="they mean the same")
        if value is not None:
            found[table] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    """Convert a value to TOML types: lists, tables, numbers and text."""
    if isinstance(value, _Given):
        return value.values
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(v) for v in value]
    return value.item() if isinstance(value, np.generic) else value
