"""Actions of rules: one file per verb, discovered in this folder.

A file defines a class whose `forms` list the syntax by verb, with methods that parse the action, resolve it against a
model, and apply it at a visit; see `action`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache

from mtorsim.errors import ScenarioError, UnitError, did_you_mean

from .action import Action

__all__ = ["Action", "forms", "read_action", "verbs"]


@lru_cache(maxsize=1)
def verbs() -> dict[str, type[Action]]:
    """The class of each verb."""
    found: dict[str, type[Action]] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        for value in vars(importlib.import_module(f"{__name__}.{module}")).values():
            if isinstance(value, type) and issubclass(value, Action) and value is not Action:
                found |= dict.fromkeys(value.forms, value)
    return found


def forms() -> list[str]:
    """The syntax of each action."""
    return [form for verb, kind in verbs().items() for form in kind.forms[verb]]


def read_action(text: str) -> Action:
    """Parse an action.

    Raises
    ------
    ScenarioError
        If the action is unknown or invalid.
    """
    said = " ".join(text.split())
    verb, _, rest = said.partition(" ")
    known = verbs()
    if verb not in known:
        help = did_you_mean(verb, known) or "known actions are " + "; ".join(f"`{form}`" for form in forms())
        raise ScenarioError(f"unknown action `{said}`", help=help)
    try:
        return known[verb].read(verb, rest, said)
    except UnitError as error:
        raise ScenarioError(error.message, help=error.help) from None
