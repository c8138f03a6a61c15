"""Connections whose system says when something has changed: which they are, and what follows. No network, no SQL.

An announcement brings the next poll forward and says nothing more. One that is lost costs as long as a poll waits.
"""

from __future__ import annotations

from msgspec.structs import replace

from daftari.connectors import CONNECTORS, Allowed, Caller, ConnectorFailed, Doorbell, Opening
from daftari.model.connections import WORKING
from daftari.model.jobs import JobKind
from daftari.rules.connections.model import Opened, as_connector_sees, get_connection, open_stored, read_credentials
from daftari.rules.connections.saving import save_connection
from daftari.store import Tx, WriteTx, connections
from daftari.store.jobs import hint_job

UNHEARD = "Changes are not announced, and are found by polls alone: {says}"


def list_heard_connections(tx: Tx) -> list[str]:
    """The connections whose system is to be listened to."""
    stored = [one for one in connections.list_connections(tx) if one.state in WORKING]
    return [str(one.id) for one in stored if is_heard(open_stored(one))]


def is_heard(opened: Opened) -> bool:
    """Whether the system of a connection is to say when something has changed."""
    try:
        return CONNECTORS[opened.stored.kind].announces(opened.definition.settings)
    except ConnectorFailed:
        # Settings that were right once; a poll says what is wrong with them.
        return False


def find_heard(tx: Tx, *, connection_id: int) -> Opened | None:
    """The connection, if its system is to be listened to now."""
    stored = connections.get_connection(tx, connection_id=connection_id)
    if stored is None or stored.state not in WORKING:
        return None
    opened = open_stored(stored)
    return opened if is_heard(opened) else None


def open_doorbell(tx: Tx, *, opened: Opened, caller: Caller, databases: Allowed) -> Doorbell:
    """What hears of changes. Raises ``SealBroken`` and ``ConnectorFailed``. ``databases``: those that are allowed."""
    seen = as_connector_sees(opened, read_credentials(tx, opened.stored))
    listen = CONNECTORS[opened.stored.kind].open_doorbell
    assert listen is not None, "a kind that announces changes can be listened to"
    return listen(Opening(seen, caller, databases))


def note_change(tx: WriteTx, *, connection_id: int) -> None:
    """Have a connection read at once, since something has changed there."""
    opened = get_connection(tx, connection_id=connection_id)
    if opened.stored.state not in WORKING:
        return
    progress = replace(opened.progress, heard=True, unheard="")
    save_connection(tx, replace(opened, stored=replace(opened.stored, due_at=tx.now), progress=progress))
    hint_job(tx, kind=JobKind.SYNC, subject=str(connection_id))


def note_unheard(tx: WriteTx, *, connection_id: int, says: str) -> None:
    """Note why nothing is heard of a connection's system."""
    opened = get_connection(tx, connection_id=connection_id)
    unheard = UNHEARD.format(says=says)
    if opened.progress.unheard != unheard:
        save_connection(tx, replace(opened, progress=replace(opened.progress, unheard=unheard)))
