"""How often Python looks for reference cycles while it works in bulk. Imports nothing of the package."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

CYCLE_CHECK_OBJECTS = 200_000
"""New objects after which Python looks for cycles: a few of the largest calls."""


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
