"""The fixture that runs a table of records."""

from __future__ import annotations

import re

import pytest

from tables import runner


@pytest.fixture
def run(tmp_path, request):
    """`run(rows, model="one", CL=3)`: what the records see, by every method.

    Each table of the truth table is a file in `rows`, for other engines to be tried with.
    """
    name = re.sub(r"\W+", "_", request.node.name.removeprefix("test_")).strip("_")
    row = re.match(r"\d\d", name)
    return runner(tmp_path, name if row else None)
