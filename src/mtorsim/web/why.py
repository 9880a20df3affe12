"""Why this person's glucose changes: shares of the effect among the mechanisms."""

from __future__ import annotations

from typing import Any

from mtorsim.analysis.explain.explain import explain
from mtorsim.files.library import Library

from .question import ARMS, Question

__all__ = ["why"]


def why(question: Question, library: Library) -> dict[str, Any]:
    """Shares of the effect on fasting glucose at the end, by effect and by family.

    Raises
    ------
    MtorsimError
        If nothing of the drug's effect is left on.
    """
    on, off = ARMS
    end = f"{question.weeks} weeks"
    found = explain(question.scenario(library), arm=on, versus=off, at=end, subjects=1, library=library)
    named = {effect.name: (effect.label, effect.family) for effect in found.effects}
    shares = [(*named.get(row.name, ("what is given besides", "other")), row.mean) for row in found.mean()]
    return {
        "untreated": float(found.untreated[0]),
        "treated": float(found.treated[0]),
        "effects": [{"label": label, "family": family, "share": share} for label, family, share in shares],
    }
