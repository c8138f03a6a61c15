"""Deletes what a deleted group or project left behind, up to a limit of rows at a time. Decides nothing.

``TABLES`` and ``SYSTEM_TABLES`` are all that has rows of a project: a new table needs a line here, and a test says so.
"""

from __future__ import annotations

from msgspec import Struct

from daftari.model.limits import PARTS_PER_STEP
from daftari.store.engine import SystemTx, Tx, WriteTx


class PurgedTable(Struct, frozen=True):
    """A table with rows of a project, and the query that deletes some of them. Heavy rows may be a megabyte each."""

    name: str
    query: str
    is_heavy: bool = False


TABLES = (
    PurgedTable("membership", "purge_memberships"),
    PurgedTable("directory", "purge_directory"),
    PurgedTable("search_posting", "purge_search_postings"),
    PurgedTable("search_entry", "purge_search_entries"),
    PurgedTable("search_index", "purge_search_index"),
    PurgedTable("contact", "purge_contacts"),
    PurgedTable("contact_group", "purge_groups"),
    PurgedTable("fact", "purge_facts"),
    PurgedTable("consent", "purge_states"),
    PurgedTable("near_miss", "purge_near_misses"),
    PurgedTable("near_miss_number", "purge_number_near_misses"),
    PurgedTable("removal", "purge_removals"),
    PurgedTable("contact_before", "purge_before"),
    PurgedTable("bulk_part", "purge_bulk_parts", is_heavy=True),
    PurgedTable("bulk", "purge_bulks"),
    PurgedTable("journal", "purge_journal"),
    PurgedTable("change", "purge_changes"),
    PurgedTable("review", "purge_reviews"),
    PurgedTable("whatsapp_user", "purge_whatsapp_users"),
    PurgedTable("held_event", "purge_held_events"),
    PurgedTable("quarantine", "purge_quarantine", is_heavy=True),
    PurgedTable("inbound_count", "purge_inbound_counts"),
    PurgedTable("audience_part", "purge_audience_parts", is_heavy=True),
    PurgedTable("audience", "purge_audiences"),
    PurgedTable("reply", "purge_replies"),
    PurgedTable("report", "purge_reports"),
    PurgedTable("message_attempt", "purge_attempts"),
    PurgedTable("message", "purge_messages"),
    PurgedTable("event", "purge_events"),
    PurgedTable("trigger", "purge_triggers"),
    PurgedTable("campaign_delivery", "purge_campaign_deliveries"),
    PurgedTable("campaign", "purge_campaigns"),
    PurgedTable("sender", "purge_senders", is_heavy=True),
    PurgedTable("webhook_delivery", "purge_deliveries"),
    PurgedTable("webhook", "purge_webhooks", is_heavy=True),
    PurgedTable("daily", "purge_daily"),
    PurgedTable("cart_figure", "purge_cart_figures"),
    PurgedTable("cart_order", "purge_cart_orders"),
    PurgedTable("cart", "purge_carts"),
    PurgedTable("write_back", "purge_write_backs"),
    PurgedTable("webhook_event", "purge_webhook_events"),
    PurgedTable("external_link", "purge_links"),
    PurgedTable("connection", "purge_connections", is_heavy=True),
    PurgedTable("import_join", "purge_import_joins"),
    PurgedTable("import_change", "purge_import_changes"),
    PurgedTable("import_reject", "purge_import_rejects"),
    PurgedTable("import_chunk", "purge_import_chunks", is_heavy=True),
    PurgedTable("import", "purge_imports"),
    PurgedTable("export", "purge_exports"),
    PurgedTable("file_part", "purge_file_parts", is_heavy=True),
    PurgedTable("idempotency", "purge_responses", is_heavy=True),
    PurgedTable("erasure", "purge_erasures"),
    PurgedTable("book", "purge_book"),
)
"""In the order of deletion: a table before those that it references, and the book, whose row is the lock, last."""

SYSTEM_TABLES = {
    "key": "delete_project_keys",
    "inbound_token": "delete_project_tokens",
    "project_name": "delete_project_names",
    "user_role": "delete_project_roles",
    "project": "delete_project",
}
"""System tables with rows of a project, in the order of deletion, and the query that deletes them all."""


# ---- a project ------------------------------------------------------------------------------------------


def is_deleted(tx: Tx, *, project_id: int) -> bool:
    """Whether the whole project was deleted."""
    return tx.one("get_deleted_project", id=project_id) is not None


def has_book(tx: Tx) -> bool:
    """Whether a deleted project still has rows in ``TABLES``."""
    return tx.one("get_book") is not None


def purge_rows(tx: WriteTx, *, limit: int) -> bool:
    """Delete up to ``limit`` rows of a deleted project. Returns ``False`` when its last row, the book's, is deleted."""
    *tables, book = TABLES
    for table in tables:
        most = min(limit, PARTS_PER_STEP) if table.is_heavy else limit
        deleted = tx.run(table.query, limit=most)
        limit -= deleted
        if deleted == most:
            # There may be more of them.
            return True
    tx.run(book.query)
    return False


def delete_project(tx: SystemTx, *, project_id: int) -> None:
    """Delete the system rows of a project whose book is gone."""
    for query in SYSTEM_TABLES.values():
        tx.run(query, id=project_id)


# ---- a group --------------------------------------------------------------------------------------------


def find_deleted_group(tx: Tx) -> int | None:
    """A deleted group that is to be purged."""
    return tx.fetch_one(int, "find_deleted_group", now=tx.now)


def list_first_members(tx: Tx, *, group_id: int, limit: int) -> list[int]:
    """The first members of a group."""
    return tx.fetch(int, "list_first_members", group=group_id, limit=limit)


def delete_group(tx: WriteTx, *, group_id: int) -> None:
    """Delete a group that has no members left."""
    tx.run("delete_list", list=group_id)
    tx.run("delete_group", group=group_id)
