"""Connections, the links of their records, one row a record, and what is written back to these.

What a definition, progress, flags and problems say belongs to the rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import asdict, astuple

from daftari.model.connections import ConnectionState, Link, StoredConnection, StoredWebhookEvent, WriteBack
from daftari.store.engine import Tx, WriteTx


def insert_connection(tx: WriteTx, *, connection: StoredConnection, folded: str) -> None:
    """Insert a connection."""
    tx.run("insert_connection", folded=folded, **asdict(connection))


def get_connection(tx: Tx, *, connection_id: int) -> StoredConnection | None:
    """One connection, one that is being removed too."""
    return tx.fetch_one(StoredConnection, "get_connection", id=connection_id)


def get_account(tx: Tx, *, connection_id: int) -> tuple[str, ConnectionState] | None:
    """The account and the state of a connection, one that is being removed too."""
    return tx.fetch_one(tuple[str, ConnectionState], "get_connection_account", id=connection_id)


def find_connection(tx: Tx, *, folded: str) -> StoredConnection | None:
    """The connection with this folded name."""
    return tx.fetch_one(StoredConnection, "find_connection", folded=folded)


def list_connections(tx: Tx) -> list[StoredConnection]:
    """All connections, in order of creation, those that are being removed too."""
    return tx.fetch(StoredConnection, "list_connections")


def list_due_connections(tx: Tx) -> list[int]:
    """The connections that a worker has to look at now."""
    return tx.fetch(int, "list_due_connections", now=tx.now)


def update_connection(tx: WriteTx, *, connection: StoredConnection, folded: str | None) -> None:
    """Save a connection, but its fence. Without a folded name its name is free."""
    values = asdict(connection)
    for column in ("kind", "fence", "created_at"):
        del values[column]
    tx.run("update_connection", folded=folded, **values)


def save_connection(tx: WriteTx, *, connection: StoredConnection) -> None:
    """Save what a worker changes of a connection."""
    tx.run(
        "save_connection",
        id=connection.id, account=connection.account, definition=connection.definition, state=connection.state,
        reason=connection.reason, cursor=connection.cursor, complete_until=connection.complete_until,
        progress=connection.progress, due_at=connection.due_at, write_back_from=connection.write_back_from,
    )  # fmt: skip


def take_over(tx: WriteTx, *, connection_id: int) -> int:
    """Take a connection over. Returns the fence, which no other worker has; 0 when it is not there."""
    tx.run("take_connection", id=connection_id)
    return get_fence(tx, connection_id=connection_id)


def get_fence(tx: Tx, *, connection_id: int) -> int:
    """The fence that was raised last; 0 for a connection that is not there."""
    return tx.fetch_one(int, "get_connection_fence", id=connection_id) or 0


def delete_connection(tx: WriteTx, *, connection_id: int) -> None:
    """Delete a connection that has no rows in other tables."""
    tx.run("delete_connection", id=connection_id)


# ---- links ----------------------------------------------------------------------------------------------


def find_links(tx: Tx, *, connection_id: int, ids: Sequence[str]) -> list[Link]:
    """The links of some records."""
    return tx.fetch(Link, "find_links", connection=connection_id, external_ids=ids)


def find_links_by_mobile(tx: Tx, *, mobiles: Sequence[int]) -> list[Link]:
    """The links of all connections that have one of these numbers, in the order of connections and records."""
    found = tx.fetch(Link, "find_links_by_mobile", mobiles=mobiles)
    return sorted(found, key=lambda link: (link.connection_id, link.external_id))


def list_links(tx: Tx, *, connection_id: int, after: str, limit: int) -> list[Link]:
    """Links after an id, in order."""
    return tx.fetch(Link, "list_links", connection=connection_id, after_record=after, limit=limit)


def list_links_in_state(tx: Tx, *, connection_id: int, state: int, after: str, limit: int) -> list[Link]:
    """Links in a state other than the first one, after an id, in order."""
    return tx.fetch(
        Link, "list_links_in_state", connection=connection_id, link_state=state, after_record=after, limit=limit
    )


def list_problem_links(tx: Tx, *, connection_id: int, after: str, limit: int) -> list[Link]:
    """Links with a problem, after an id, in order."""
    return tx.fetch(Link, "list_problem_links", connection=connection_id, after_record=after, limit=limit)


def insert_links(tx: WriteTx, *, links: Sequence[Link]) -> None:
    """Insert links of records that have none."""
    if links:
        tx.insert_many("external_link", [(tx.project.id, *astuple(link)) for link in links])


def save_links(tx: WriteTx, *, links: Sequence[Link]) -> None:
    """Insert links, or save them."""
    if links:
        tx.run("save_links", items=[astuple(link) for link in links])


def touch_links(tx: WriteTx, *, connection_id: int, seen_in: int, ids: Sequence[str]) -> None:
    """Note that a comparison saw these records, of which nothing changed."""
    if ids:
        tx.run("touch_links", connection=connection_id, seen_in=seen_in, external_ids=ids)


def delete_some_links(tx: WriteTx, *, connection_id: int, ids: Sequence[str]) -> None:
    """Delete the links of some records."""
    tx.run("delete_some_links", connection=connection_id, external_ids=ids)


# ---- events of webhooks ---------------------------------------------------------------------------------


def insert_events(tx: WriteTx, *, events: Sequence[StoredWebhookEvent]) -> int:
    """Insert events that wait, each once. Returns how many are new."""
    items = [
        (
            *(one.connection_id, one.key, one.topic, one.record_ids, one.merged),
            *(one.lists, one.record, one.at, one.received_at),
        )
        for one in events
    ]
    return tx.run("insert_webhook_events", items=items) if items else 0


def list_waiting_events(tx: Tx, *, connection_id: int, until: int, limit: int) -> list[StoredWebhookEvent]:
    """Events that wait and came before ``until``, those that came first."""
    return tx.fetch(StoredWebhookEvent, "list_waiting_events", connection=connection_id, until=until, limit=limit)


def find_first_waiting(tx: Tx, *, connection_id: int) -> int | None:
    """When the event came that waits longest."""
    return tx.fetch_one(int, "find_first_waiting", connection=connection_id)


def find_first_unread(tx: Tx, *, connection_id: int) -> int | None:
    """When the event came that waits longest and names a record. One about a cart alone may name none."""
    return tx.fetch_one(int, "find_first_unread", connection=connection_id)


def list_events(tx: Tx, *, connection_id: int, before: tuple[int, str], limit: int) -> list[StoredWebhookEvent]:
    """Events before a time of receipt and a key, the newest first."""
    at, key = before
    return tx.fetch(
        StoredWebhookEvent, "list_webhook_events", connection=connection_id, before=at, before_key=key, limit=limit
    )


def settle_events(tx: WriteTx, *, connection_id: int, keys: Sequence[str]) -> None:
    """Note that the records of some events were read."""
    if keys:
        tx.run("settle_webhook_events", connection=connection_id, keys=keys)


def count_tries(tx: WriteTx, *, connection_id: int, keys: Sequence[str], most: int) -> None:
    """Note that reading the records of some events failed. After so many times they no longer wait."""
    tx.run("count_tries", connection=connection_id, keys=keys, most=most)


def replay_events(tx: WriteTx, *, connection_id: int, since: int, limit: int) -> int:
    """Let some settled events since a time wait again, those that came first. Returns how many."""
    return tx.run("replay_webhook_events", connection=connection_id, since=since, limit=limit)


def list_kept_records(tx: Tx, *, connection_id: int, after: tuple[int, str], limit: int) -> list[StoredWebhookEvent]:
    """Events after a time of receipt and a key that wait with what they said themselves of a record."""
    at, key = after
    return tx.fetch(
        StoredWebhookEvent, "list_kept_records", connection=connection_id, after=at, after_key=key, limit=limit
    )


def wipe_kept_records(tx: WriteTx, *, connection_id: int, keys: Sequence[str]) -> None:
    """Forget what some events said themselves of a record."""
    if keys:
        tx.run("wipe_kept_records", connection=connection_id, keys=keys)


def has_old_event(tx: Tx, *, connection_id: int, before: int) -> bool:
    """Whether an event of a connection came before a time."""
    return tx.one("has_old_webhook_event", connection=connection_id, before=before) is not None


def delete_old_events(tx: WriteTx, *, connection_id: int, before: int, limit: int) -> int:
    """Delete some events that came before a time. Returns how many."""
    return tx.run("delete_old_webhook_events", connection=connection_id, before=before, limit=limit)


def bring_forward(tx: WriteTx, *, connection_id: int, due_at: int) -> bool:
    """Have a connection looked at by ``due_at``. Returns ``False`` where nothing had to be changed."""
    return tx.run("bring_forward", id=connection_id, due_at=due_at) > 0


def delete_some_rows(tx: WriteTx, *, connection_id: int, limit: int) -> int:
    """Delete some of what a system announced, and what was to be written back to it. Returns how many there were."""
    deleted = tx.run("delete_some_webhook_events", connection=connection_id, limit=limit)
    return deleted + tx.run("delete_some_write_backs", connection=connection_id, limit=limit)


# ---- written back -----------------------------------------------------------------------------------------


def ask_write_backs(
    tx: WriteTx, *, mobiles: Sequence[int], channels: Sequence[str], due_at: int, other_than: int
) -> set[int]:
    """Have the records of some numbers looked at, but those of one connection. Returns their connections."""
    return {
        *tx.fetch(
            int, "ask_write_backs", mobiles=mobiles, channels=channels, now=tx.now, due_at=due_at, other_than=other_than
        )
    }


def find_write_backs(tx: Tx, *, connection_id: int, ids: Sequence[str]) -> list[WriteBack]:
    """The marks of some records, for every channel."""
    return tx.fetch(WriteBack, "find_write_backs", connection=connection_id, external_ids=ids) if ids else []


def list_due_write_backs(tx: Tx, *, connection_id: int, limit: int) -> list[WriteBack]:
    """The records that are to be looked at now."""
    return tx.fetch(WriteBack, "list_due_write_backs", connection=connection_id, now=tx.now, limit=limit)


def count_unwritten(tx: Tx, *, connection_id: int, most: int) -> Counter[str]:
    """How many opt-outs are still to be written back, by channel, counted up to ``most``."""
    return Counter(tx.fetch(str, "list_unwritten", connection=connection_id, limit=most))


def save_write_backs(tx: WriteTx, *, rows: Sequence[WriteBack]) -> None:
    """Insert marks, or save them."""
    if rows:
        tx.run("save_write_backs", items=[astuple(row) for row in rows])


def delete_write_backs(tx: WriteTx, *, connection_id: int, keys: Sequence[tuple[str, str]]) -> None:
    """Delete marks, by id and channel."""
    if keys:
        tx.run("delete_write_backs", connection=connection_id, items=keys)
