"""Tables made by hand, for files of any format."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa

from mtorsim.results.export.source import Column, Source

COLUMNS = (
    Column("arm", "text"),
    Column("subject", "whole", "Number of the subject"),
    Column("level", "number", "Level of the drug", "ug/L"),
)


def made(arms, subjects, values, cuts=()) -> Source:
    """A table of three columns in parts."""
    whole = pa.table({"arm": pa.array(arms, pa.string()), "subject": pa.array(subjects, pa.int64()), "level": values})
    edges = [0, *sorted(cuts), len(values)]
    parts = [whole.slice(a, b - a) for a, b in pairwise(edges)]
    return Source("visits", "SIMULATED: two arms", COLUMNS, lambda: iter(parts))


def bits(values) -> list[int]:
    """Each number as its bits."""
    return np.asarray(values, float).view(np.int64).tolist()
