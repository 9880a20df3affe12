"""A digest of all numbers of an arm, which does not depend on how its subjects are cut into chunks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Digest"]


@dataclass
class Digest:
    """Values and status of an arm, hashed apart, so that chunks of subjects can be added one after the other."""

    values: Any = field(default_factory=hashlib.sha256)
    status: Any = field(default_factory=hashlib.sha256)

    def add(self, values: np.ndarray, status: np.ndarray) -> None:
        """Add the next subjects: values (n, visits, observables) and status (n,)."""
        self.values.update(np.ascontiguousarray(values, "<f8").tobytes())
        self.status.update(np.ascontiguousarray(status, "<i8").tobytes())

    def hex(self) -> str:
        """The digest as text."""
        return self.values.hexdigest() + self.status.hexdigest()
