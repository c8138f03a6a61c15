"""Saves what a worker changes of a connection, and has the feed say which state it went into. No HTTP, no SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace

from daftari.rules.connections.model import Opened, encode, get_connection, with_counts
from daftari.rules.connections.rows import is_behind
from daftari.rules.events import ConnectionChanged, record_changes
from daftari.store import WriteTx, connections

_NUMBER = re.compile(r"\+?[0-9]{10,}")
"""What may be a person's number: a reason may quote the other system, and changes are kept for long."""


def save_connection(tx: WriteTx, opened: Opened) -> None:
    """Save what a worker changes of a connection. The feed says so if its state is another one."""
    opened, said = with_shown_state(opened)
    stored = replace(opened.stored, definition=encode(opened.definition), progress=encode(opened.progress))
    connections.save_connection(tx, connection=stored)
    if said:
        record_changes(tx, *said)


def add_counts(tx: WriteTx, *, connection_id: int, counts: Mapping[str, int]) -> None:
    """Add to the counts of a connection that is not being worked on here."""
    opened = get_connection(tx, connection_id=connection_id)
    save_connection(tx, replace(opened, progress=with_counts(opened.progress, counts)))


def with_shown_state(opened: Opened) -> tuple[Opened, list[ConnectionChanged]]:
    """A connection as it is to be saved, and what the feed is to show: its state, where it showed another one last."""
    stored, progress = opened.stored, opened.progress
    if stored.state == progress.shown_state or not _is_shown(opened):
        return opened, []
    said = ConnectionChanged(opened.id, stored.name, stored.state, _NUMBER.sub("…", stored.reason))
    return replace(opened, progress=replace(progress, shown_state=stored.state)), [said]


def _is_shown(opened: Opened) -> bool:
    """Whether the feed shows the state that a connection is in.

    A limit of moments is no news; one for which the connection falls behind is.
    """
    stored, progress = opened.stored, opened.progress
    if stored.state == "limited":
        return is_behind(opened, progress.caught_up_at, now=stored.due_at)
    if stored.state == "removed":
        return bool(progress.shown_state)
    return stored.state not in ("new", "checked")
