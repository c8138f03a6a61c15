"""What is looked up again and again, remembered for less than a second. No store, no routes."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Generic, TypeVar

T = TypeVar("T")

REMEMBERED_MICROSECONDS = 900_000
REMEMBERED_MAX = 1_000


class Remembered(Generic[T]):
    """One per process, for all its threads. It keeps no name, only its digest."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[T, int]] = {}

    def find(self, name: str, look_up: Callable[[], T], *, now: int) -> T:
        """What has this name; what ``look_up`` raises is not remembered."""
        digest = sha256(name.encode(errors="replace")).digest()
        known = self._known.get(digest)
        # Both ends, so that a clock set back does not make it last longer.
        if known is not None and known[1] <= now < known[1] + REMEMBERED_MICROSECONDS:
            return known[0]
        found = look_up()
        if len(self._known) >= REMEMBERED_MAX:
            self._known = {}
        self._known[digest] = found, now
        return found
