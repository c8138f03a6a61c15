"""Connections as people look at them: the state now, what came today, the runs, and whose the records are. No SQL."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from daftari.model.connections import ConnectionState
from daftari.model.contacts import Card
from daftari.rules.connections.freshness import state_now
from daftari.rules.connections.lifecycle import list_connections, look_at_connection
from daftari.rules.connections.model import Opened
from daftari.rules.connections.views import ConnectionView, show
from daftari.rules.contacts.merge import read_card
from daftari.rules.imports.lifecycle import get_import
from daftari.rules.imports.model import Import
from daftari.store import Tx, contacts, imports

RUNS_A_DAY = 24
"""Each hour in which records changed something has one run."""


class Overview(Struct, frozen=True):
    """A connection. ``state`` is that of now; ``brought``: the contacts that it has made since a moment."""

    opened: Opened
    view: ConnectionView
    state: ConnectionState
    brought: int


def overlook_connections(tx: Tx, *, since: int) -> list[Overview]:
    """All connections, in order of creation. ``since``: when the day began."""
    return [_overlook(tx, opened, since) for opened in list_connections(tx)]


def overlook_connection(tx: Tx, *, connection_id: int, since: int) -> Overview:
    """One connection. Raises ``ConnectionNotFound``."""
    return _overlook(tx, look_at_connection(tx, connection_id=connection_id), since)


def _overlook(tx: Tx, opened: Opened, since: int) -> Overview:
    runs = imports.list_connection_imports(tx, connection_id=opened.id, before=0, limit=RUNS_A_DAY)
    today = [get_import(tx, import_id=run.id) for run in runs if run.created_at >= since]
    brought = sum(run.progress.counts.get("created", 0) for run in today)
    return Overview(opened, show(opened), state_now(opened, now=tx.now), brought)


def list_runs(tx: Tx, *, connection_id: int, before: int, limit: int) -> list[Import]:
    """The imports of a connection, the newest first. Raises ``ConnectionNotFound``."""
    look_at_connection(tx, connection_id=connection_id)
    found = imports.list_connection_imports(tx, connection_id=connection_id, before=before, limit=limit)
    return [get_import(tx, import_id=one.id) for one in found]


def find_cards(tx: Tx, *, mobiles: Iterable[str]) -> dict[str, Card]:
    """The contacts that have these numbers, by number."""
    wanted = sorted({int(mobile) for mobile in mobiles})
    found = contacts.find_contacts_by_mobile(tx, mobiles=wanted) if wanted else []
    return {str(contact.mobile): read_card(contact.card) for contact in found}
