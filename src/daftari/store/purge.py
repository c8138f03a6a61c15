"""Clearing up what was deleted, so many rows a turn: members of hidden groups, and the books of hidden projects.

Memberships and directory go before their contact. This room must not know when a turn comes.
"""

from __future__ import annotations

from collections.abc import Sequence

from daftari.model.limits import PARTS_A_TURN
from daftari.store.engine import SystemTx, Tx, WriteTx

_LEDGER = (
    ("find_quarantine_end", "delete_quarantine_below"),
    ("find_reviews_end", "delete_reviews_below"),
    ("find_facts_end", "delete_facts_below"),
    ("find_consent_end", "delete_consent_below"),
    ("find_responses_end", "delete_responses_below"),
)
"""What finds the end of a turn, and what deletes up to there."""


def is_deleted(tx: Tx, *, project_id: int) -> bool:
    """Whether the whole project was deleted."""
    return tx.one("get_deleted_project", id=project_id) is not None


def has_book(tx: Tx) -> bool:
    """Whether the project's book is still there."""
    return tx.one("get_book") is not None


def find_deleted_group(tx: Tx) -> int | None:
    """A deleted group whose row is still there."""
    row = tx.one("find_deleted_group")
    return int(row[0] or 0) if row else None


def list_first_members(tx: Tx, *, group_id: int, limit: int) -> list[int]:
    """The first members of a group."""
    return [int(row[0] or 0) for row in tx.all("list_first_members", group=group_id, limit=limit)]


def delete_group(tx: WriteTx, *, group_id: int) -> None:
    """A group that has no members left."""
    tx.run("delete_list", list=group_id)
    tx.run("delete_group", group=group_id)


def list_first_contacts(tx: Tx, *, limit: int) -> list[int]:
    """The first contacts of a closed book."""
    return [int(row[0] or 0) for row in tx.all("list_first_contacts", limit=limit)]


def delete_contacts(tx: WriteTx, *, ids: Sequence[int]) -> None:
    """The first contacts of a closed book, with their memberships."""
    tx.run("delete_memberships_below", last=ids[-1])
    tx.run("delete_contacts_below", last=ids[-1])


def delete_journal(tx: WriteTx, *, limit: int) -> bool:
    """Some rows of a closed book's journal; returns whether there were any."""
    row = tx.one("find_journal_end", limit=limit)
    if row is None or row[0] is None:
        return False
    tx.run("delete_removals_below", last=row[0])
    tx.run("delete_journal_below", last=row[0])
    return True


def delete_ledger(tx: WriteTx, *, limit: int) -> bool:
    """Some of what is known about numbers of a closed book; returns whether there was any.

    Frozen audiences go one a turn, all else in turns of ``limit``.
    """
    audience = tx.one("find_first_audience")
    if audience is not None:
        tx.run("delete_audience_parts", audience=audience[0])
        tx.run("delete_audience", audience=audience[0])
        return True
    for find, delete in _LEDGER:
        row = tx.one(find, limit=limit)
        if row is not None and row[0] is not None:
            tx.run(delete, last=row[0])
            return True
    return False


def delete_files(tx: WriteTx) -> bool:
    """Some bytes of a closed book's files; returns whether there were any."""
    row = tx.one("find_first_file")
    if row is None:
        return False
    tx.run("delete_file_parts", id=row[0], limit=PARTS_A_TURN)
    return True


def delete_book(tx: WriteTx) -> None:
    """What is left of a closed book without contacts or journal."""
    tx.run("delete_all_groups")
    tx.run("delete_all_directory")
    tx.run("delete_all_near_misses")
    tx.run("delete_all_inbound_counts")
    tx.run("delete_all_erasures")
    tx.run("delete_all_exports")
    tx.run("delete_book")


def delete_project(tx: SystemTx, *, project_id: int) -> None:
    """The house rows of a project whose book is gone."""
    tx.run("delete_project_keys", id=project_id)
    tx.run("delete_project_tokens", id=project_id)
    tx.run("delete_project_names", id=project_id)
    tx.run("delete_project", id=project_id)
