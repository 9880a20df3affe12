"""The fixture that runs a table of records."""

from __future__ import annotations

import pytest
from tables import runner


@pytest.fixture
def run(tmp_path):
    """`run(rows, model="one", CL=3)`: what the records see, by every method."""
    return runner(tmp_path)
