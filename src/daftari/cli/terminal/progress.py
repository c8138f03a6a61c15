"""How far long work is, on standard error: a bar on a terminal, a line now and then elsewhere.

Nothing is shown of what is quickly done. This room must not know what is counted.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from daftari.cli.terminal.output import say

QUICK_SECONDS = 1.0
"""What takes no longer shows nothing."""
LINE_SECONDS = 10.0
"""How often a line is printed where there is no terminal."""

Told = Callable[[int], None]
"""Takes how many are done."""


@contextmanager
def showing(what: str, *, total: int) -> Iterator[Told]:
    """Shows how many of ``total`` are done for as long as the work lasts; ``what`` they are, in the plural."""
    if sys.stderr.isatty():
        with _bar(what, total) as told:
            yield told
    else:
        yield _lines(what, total)


@contextmanager
def _bar(what: str, total: int) -> Iterator[Told]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=total)
    begins = time.monotonic() + QUICK_SECONDS

    def told(done: int) -> None:
        if not bar.live.is_started:
            if time.monotonic() < begins:
                return
            bar.start()
        bar.update(task, completed=done)

    try:
        yield told
    finally:
        bar.stop()


def _lines(what: str, total: int) -> Told:
    due = time.monotonic() + LINE_SECONDS

    def told(done: int) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + LINE_SECONDS
            say(f"{done:,} of {total:,} {what}")

    return told
