"""Writes of requests that arrive together, in one transaction: the first of them writes for all that wait meanwhile.

A transaction of a project costs its lock and a commit, however little it writes. No store, no routes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from daftari.errors import DaftariError

T = TypeVar("T")


class _Batch(Generic[T]):
    """What is written together, if it was. ``error``: why it was not."""

    def __init__(self) -> None:
        self.items: list[T] = []
        self.is_over = False
        self.is_written = False
        self.error: DaftariError | None = None


class Batches(Generic[T]):
    """One per process, for all its threads. Items with one key are written together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Hashable, _Batch[T]] = {}
        self._turns: dict[Hashable, threading.Lock] = {}

    def count_waiting(self, key: Hashable) -> int:
        """How many items wait for their turn."""
        with self._lock:
            batch = self._open.get(key)
            return 0 if batch is None else len(batch.items)

    def write(self, key: Hashable, item: T, write: Callable[[Sequence[T]], object]) -> None:
        """Return when ``item`` is written, by this thread or another one. Raises what ``write`` raised."""
        with self._lock:
            batch = self._open.setdefault(key, _Batch())
            batch.items.append(item)
            turn = self._turns.setdefault(key, threading.Lock())
        with turn:
            if not batch.is_over:
                with self._lock:
                    del self._open[key]
                try:
                    write(batch.items)
                    batch.is_written = True
                except DaftariError as error:
                    batch.error = error
                    raise
                finally:
                    batch.is_over = True
                return
        if not batch.is_written:
            raise batch.error or RuntimeError("What was to be written together failed in another thread.")
