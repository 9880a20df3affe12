"""Results that are kept for the next question; whoever asks for one that is being made waits for it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from threading import Lock
from typing import Any, TypeVar

__all__ = ["Kept"]

T = TypeVar("T")


class Kept:
    """A bounded number of results by key; the one that was not asked for longest goes first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._found: OrderedDict[Hashable, Future[Any]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._found)

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result of a key; made now if there is none."""
        self.fill([key], lambda _: [make()])
        with self._lock:
            found = self._found.get(key)
        # With many others in between it may be gone already.
        return make() if found is None else found.result()

    def fill(self, keys: Sequence[Hashable], make: Callable[[list[int]], Sequence[Any]]) -> None:
        """Make what is missing of several results at once.

        Parameters
        ----------
        keys
            Keys of the results.
        make
            Called with the positions of the missing ones; returns their results, or an exception in place of one. An
            exception is raised to whoever waits for that result, and is not kept; one that `make` raises is raised
            here too.
        """
        with self._lock:
            missing = [i for i, key in enumerate(keys) if key not in self._found]
            mine: list[Future[Any]] = [Future() for _ in missing]
            self._found.update({keys[i]: future for i, future in zip(missing, mine, strict=True)})
            for key in keys:
                self._found.move_to_end(key)
        if not missing:
            return
        try:
            results = make(missing)
        except BaseException as error:
            self._end([keys[i] for i in missing], mine, [error] * len(missing))
            raise
        self._end([keys[i] for i in missing], mine, results)

    def _end(self, keys: Sequence[Hashable], futures: Sequence[Future[Any]], results: Sequence[Any]) -> None:
        """Hand results to whoever waits, forget failures, and the oldest results beyond the number kept."""
        for key, future, result in zip(keys, futures, results, strict=True):
            if isinstance(result, BaseException):
                with self._lock:
                    self._found.pop(key, None)
                future.set_exception(result)
            else:
                future.set_result(result)
        with self._lock:
            while len(self._found) > self.most:
                self._found.popitem(last=False)
