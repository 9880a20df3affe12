"""Classes of subjects by a quantity."""

from __future__ import annotations

import numpy as np

__all__ = ["classes_of"]

MOST_VALUES = 5
"""Number of different values up to which each is a class; beyond, subjects are cut into thirds."""


def classes_of(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """Masks of the subjects in each class, by its label.

    Parameters
    ----------
    name
        Name of the quantity.
    values
        Value of each subject, (n,).
    """
    known = np.unique(values[np.isfinite(values)])
    if len(known) <= MOST_VALUES:
        return {f"{name} {value:g}": values == value for value in known}
    one, two = np.nanquantile(values, (1 / 3, 2 / 3))
    return {
        f"{name} to {one:.3g}": values <= one,
        f"{name} {one:.3g} to {two:.3g}": (values > one) & (values <= two),
        f"{name} above {two:.3g}": values > two,
    }
