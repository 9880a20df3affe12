"""Gaussian elimination of a sparse matrix as straight-line steps, ordered to keep it sparse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Elimination", "eliminate"]


Place = tuple[int, int]


@dataclass(frozen=True)
class Elimination:
    """The steps that factor a matrix with non-zero diagonal and solve with it.

    Attributes
    ----------
    order
        Rows in order of elimination; pivots are on the diagonal.
    places
        Row and column of every stored entry: the matrix's own in the given order, then the fill-in.
    """

    order: tuple[int, ...]
    places: tuple[Place, ...]

    def below(self, k: int) -> list[int]:
        """Rows eliminated after `order[k]` that have an entry in its column, in order."""
        pivot = self.order[k]
        stored = set(self.places)
        return [i for i in self.order[k + 1 :] if (i, pivot) in stored]

    def right(self, k: int) -> list[int]:
        """Columns eliminated after `order[k]` in which its row has an entry, in order."""
        pivot = self.order[k]
        stored = set(self.places)
        return [j for j in self.order[k + 1 :] if (pivot, j) in stored]


def eliminate(size: int, entries: Iterable[Place]) -> Elimination:
    """Choose the order of elimination with the least fill-in at each step.

    Parameters
    ----------
    size
        Number of rows; the diagonal is always stored.
    entries
        Places of the non-zero entries.

    References
    ----------
    Markowitz, Management Science 3 (1957) 255.
    """
    own = list(entries)
    stored = {*own, *((i, i) for i in range(size))}
    left = set(range(size))
    order: list[int] = []
    while left:
        rows = {i: [j for j in left if j != i and (i, j) in stored] for i in left}
        columns = {j: [i for i in left if i != j and (i, j) in stored] for j in left}
        pivot = min(left, key=lambda i: (len(rows[i]) * len(columns[i]), i))
        stored |= {(i, j) for i in columns[pivot] for j in rows[pivot]}
        order.append(pivot)
        left.remove(pivot)
    return Elimination(tuple(order), (*own, *sorted(stored - set(own))))
