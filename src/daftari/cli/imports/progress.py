"""How far an import is, while it runs, on standard error: a live bar on a terminal, a line now and then elsewhere.

This room must not know who works on it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from daftari.cli.imports.report import part_done, told_outcomes, told_progress
from daftari.cli.imports.source import Note, Shown
from daftari.cli.terminal.output import plain, say

if TYPE_CHECKING:
    from rich.console import RenderableType

LINE_SECONDS = 5.0
"""How often a line is printed where there is no terminal."""
REFRESHES_A_SECOND = 4
BAR_WIDTH = 30


@contextmanager
def showing() -> Iterator[Note]:
    """Shows what it is told for as long as the work lasts."""
    if sys.stderr.isatty():
        with _bar() as note:
            yield note
    else:
        yield _lines()


def _lines() -> Note:
    due = time.monotonic() + LINE_SECONDS

    def note(shown: Shown) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + LINE_SECONDS
            outcomes = told_outcomes(shown.get("counts", {}))
            say(plain(f"{shown['name']}: {told_progress(shown)}{f': {outcomes}' if outcomes else ''}"))

    return note


@contextmanager
def _bar() -> Iterator[Note]:
    from rich.console import Console
    from rich.live import Live

    last: list[Shown] = []
    live = Live(
        get_renderable=lambda: _drawn(last[0]) if last else "",
        console=Console(stderr=True),
        refresh_per_second=REFRESHES_A_SECOND,
        transient=True,
    )

    def note(shown: Shown) -> None:
        last[:] = [shown]

    with live:
        yield note


def _drawn(shown: Shown) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    done, whole = part_done(shown)
    line = Table.grid(padding=(0, 1))
    line.add_row(
        Text(plain(shown["name"])),
        ProgressBar(total=whole, completed=done, width=BAR_WIDTH),
        Text(f"{done / whole:4.0%}  {told_progress(shown)}"),
    )
    return Group(line, Text(f"  {told_outcomes(shown.get('counts', {}))}"))
