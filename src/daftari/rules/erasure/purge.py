"""Purges what was deleted, a small step at a time so that other writers get the lock between two steps. No SQL."""

from __future__ import annotations

from daftari.store import SystemTx, Tx, WriteTx, directory, groups, purge
from daftari.store.projects import close_book

ROWS_PER_STEP = 1_000
"""Rows that one step deletes at most."""


def is_deleted(tx: Tx, *, project_id: int) -> bool:
    """Whether the whole project was deleted."""
    return purge.is_deleted(tx, project_id=project_id)


def has_book(tx: Tx) -> bool:
    """Whether a deleted project still has rows of its own."""
    return purge.has_book(tx)


def has_deleted_group(tx: Tx) -> bool:
    """Whether a deleted group is still to be purged."""
    return purge.find_deleted_group(tx) is not None


def purge_group(tx: WriteTx) -> bool:
    """Delete some memberships of a deleted group, or the group when none is left. Returns whether there was one."""
    group_id = purge.find_deleted_group(tx)
    if group_id is None:
        return False
    members = purge.list_first_members(tx, group_id=group_id, limit=ROWS_PER_STEP)
    if members:
        groups.delete_members(tx, group_id=group_id, ids=members)
        directory.change_directory(tx, joined={}, left={group_id: members})
    else:
        purge.delete_group(tx, group_id=group_id)
    return True


def purge_book(tx: WriteTx) -> bool:
    """Delete some rows of a deleted project, the lock of the project last. Returns whether any are left."""
    close_book(tx)
    return purge.purge_rows(tx, limit=ROWS_PER_STEP)


def purge_project(tx: SystemTx, *, project_id: int) -> None:
    """Delete the system rows of a deleted project whose book is gone."""
    purge.delete_project(tx, project_id=project_id)
