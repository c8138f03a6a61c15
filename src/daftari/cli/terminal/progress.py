"""The progress of long work on standard error: a bar on a terminal, elsewhere a line every few seconds.

Work that ends within a second shows nothing. Nothing here knows what is counted.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec import Struct

from daftari.cli.terminal.output import say, strip_controls

QUICK_SECONDS = 1.0
"""Work that takes no longer shows nothing."""
LINE_SECONDS = 5.0
"""The time between two lines where there is no terminal."""
REFRESHES_PER_SECOND = 4


class Progress(Struct, frozen=True, kw_only=True):
    """How much is done. ``text`` says it in words, ``detail`` adds what does not fit on the line."""

    label: str
    done: int
    total: int
    text: str
    detail: str = ""


OnProgress = Callable[[Progress], None]
"""Takes the progress, as often as there is something new."""


@contextmanager
def show_progress() -> Iterator[OnProgress]:
    """Shows the progress until the block ends, then removes the bar."""
    if sys.stderr.isatty():
        with _show_bar() as update:
            yield update
    else:
        yield _print_lines()


def _print_lines() -> OnProgress:
    due = time.monotonic() + LINE_SECONDS

    def update(progress: Progress) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + LINE_SECONDS
            say(strip_controls(": ".join(filter(None, (progress.label, progress.text, progress.detail)))))

    return update


@contextmanager
def _show_bar() -> Iterator[OnProgress]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[text]}", markup=False),
    )
    bar = Bar(*columns, console=Console(stderr=True), transient=True, refresh_per_second=REFRESHES_PER_SECOND)
    task = bar.add_task("", text="")
    begins = time.monotonic() + QUICK_SECONDS

    def update(progress: Progress) -> None:
        text = "\n".join(strip_controls(line) for line in (progress.text, progress.detail) if line)
        label, total = strip_controls(progress.label), max(progress.total, 1)
        bar.update(task, description=label, completed=min(progress.done, total), total=total, text=text)
        if not bar.live.is_started and time.monotonic() >= begins:
            bar.start()

    try:
        yield update
    finally:
        bar.stop()


class Rate:
    """How fast work goes that counts ``unit``, in the plural, from the first figure on that it is given."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._first: tuple[float, int] | None = None

    def describe(self, done: int, total: int) -> str:
        """``1,000 of 5,000 rows, 500/s, 8 s left``."""
        now = time.monotonic()
        if self._first is None or done < self._first[1]:
            self._first = now, done
        began, done_before = self._first
        rate = (done - done_before) / (now - began) if now > began else 0.0
        counted = f"{done:,} of {total:,} {self._unit}"
        return f"{counted}, {rate:,.0f}/s, {format_seconds((total - done) / rate)} left" if rate >= 1 else counted


def format_seconds(seconds: float) -> str:
    """``8 s``, ``1 min 30 s`` or ``2 h 05 min``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
