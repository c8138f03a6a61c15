"""Which times a poll reads: a window whose upper end no open transaction can still write below.

``updated_at`` is set when a transaction begins or writes, and seen when it commits. A poll that reads up to "now" and
continues from there never sees a row that was written before and committed after. So the upper end is the start of the
oldest open transaction, the fence, asked before the rows. Times are microseconds since 1970; all but those of ``now``
are on the database's own clock. No SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from daftari.connectors.sql.timeline import SECOND

WAIT = 15 * 60 * SECOND
"""A transaction that is open for longer is no longer waited for: its rows are read when it has ended."""
OVERLAP = 15 * 60 * SECOND
"""How far back each poll reads where open transactions cannot be seen."""
MARGIN_OF_DATABASE = 5 * SECOND
"""Between the fence and the end of the window where the database sets the times."""
MARGIN_OF_PROGRAMS = 60 * SECOND
"""The same where programs set them: they take the time some while before they send the row, by clocks that differ."""
SHOWN = 60 * SECOND
"""A transaction that is open for longer is named in a warning."""
NEWEST = 5
"""Rows that are remembered, to notice that the database was restored from a backup. Fewer may have been deleted."""


class OpenTransaction(Struct, frozen=True):
    """A transaction that may still write. ``user``: whose it is, as the database knows it."""

    start: int
    user: str = ""


class Sight(Struct, frozen=True):
    """What the database shows of its transactions.

    ``overlap``: how far back each poll reads, because not all of them are shown; 0 when they are. ``warning``: a
    sentence that says why.
    """

    now: int
    transactions: Sequence[OpenTransaction] = ()
    overlap: int = 0
    warning: str = ""


class State(Struct, omit_defaults=True):
    """What the cursor holds, which is where the reading continues."""

    filling: bool = True
    """The first reading, by id; windows follow."""
    since: int = 0
    """Everything before it is read, except for ``held``."""
    until: int | None = None
    """The end of the window that is being read; ``None`` between windows."""
    lower: int = 0
    """The beginning of that window."""
    complete_until: int = 0
    """What is complete once that window is read, on our clock."""
    ahead: int = 0
    """The end of the rows after the window that may be read early."""
    after_time: str | int | float | None = None
    after_id: str | int | None = None
    """The last row that was read of the window, by its time and id."""
    held: int | None = None
    """The start of the oldest transaction that is no longer waited for, while it is open."""
    overlap: int = 0
    """How far back the last window read, because open transactions could not be seen."""
    newest: list[tuple[str | int | float, str]] = []
    """The newest rows that were read, by their times and ids."""


def open_window(state: State, sight: Sight, *, margin: int, now: int) -> None:
    """Set what the next window reads. It is empty (``until`` stays ``None``) when the fence has not moved."""
    starts = [transaction.start for transaction in sight.transactions]
    young = [start for start in starts if start >= sight.now - WAIT]
    oldest = min((start for start in starts if start < sight.now - WAIT), default=None)
    lower = state.since - max(sight.overlap, state.overlap)
    if state.held is not None and (oldest is None or oldest > state.held):
        lower = min(lower, state.held - margin)
    until = min(young, default=sight.now) - margin
    state.ahead = sight.now + MARGIN_OF_PROGRAMS
    if until <= state.since:
        return
    complete = min(until - sight.overlap, until if oldest is None else oldest - margin)
    state.complete_until = now - max(sight.now - complete, 0)
    state.lower, state.until, state.held, state.overlap = lower, until, oldest, sight.overlap


def close_window(state: State) -> None:
    """Everything in the window is read."""
    assert state.until is not None
    state.since, state.until, state.filling = state.until, None, False
    state.after_time = state.after_id = None


def find_warnings(sight: Sight, *, zone: ZoneInfo) -> list[str]:
    """Returns sentences about what keeps the list from being complete."""
    if sight.overlap:
        return [sight.warning] if sight.warning else []
    oldest = min(sight.transactions, key=lambda transaction: transaction.start, default=None)
    if oldest is None or oldest.start > sight.now - SHOWN:
        return []
    since = datetime.fromtimestamp(oldest.start / SECOND, UTC).astimezone(zone)
    whose = f" of user {oldest.user}" if oldest.user else ""
    return [f"Waiting for a transaction{whose}, open since {since:%H:%M %Z}; the list is complete until then."]
