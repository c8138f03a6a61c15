"""How a process manages memory: the heaps of its threads and the search for cycles. Imports nothing of the package."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CYCLE_CHECK_OBJECTS = 200_000
"""New objects after which Python looks for cycles: a few of the largest calls."""
HEAPS_MAX = 2
"""Heaps of the threads of a process together."""
_M_ARENA_MAX = -8
"""The name of that limit in the ``mallopt`` of glibc."""


def limit_heaps() -> None:
    """Makes the threads of this process share their heaps, unless the environment says how many there may be.

    glibc gives each thread a heap, and each keeps what its largest call took: with eight threads under mixed load a
    server's memory grew for ten minutes. Python's threads take turns and gain nothing from heaps of their own. Other C
    libraries know no such limit.
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        # Only a server needs it.
        import ctypes

        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, HEAPS_MAX)


def check_cycles_rarely() -> None:
    """Makes the search for reference cycles rare, until the process ends.

    A bulk call allocates tens of thousands of records without cycles. By default Python would search all of them, and
    everything that lives as long as the process, after each 700th one, which takes longer than parsing them.
    """
    gc.freeze()
    gc.set_threshold(CYCLE_CHECK_OBJECTS)


@contextmanager
def rare_cycle_checks() -> Iterator[None]:
    """As ``check_cycles_rarely``, until the block ends."""
    before = gc.get_threshold()
    check_cycles_rarely()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
