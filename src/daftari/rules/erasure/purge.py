"""Purges what was deleted, a small step at a time so that other writers get the lock between two steps. No SQL."""

from __future__ import annotations

from daftari.store import SystemTx, Tx, WriteTx, directory, groups, imports, purge

ROWS_A_TURN = 1_000
"""Rows that one turn deletes at the most."""


def is_deleted(tx: Tx, *, project_id: int) -> bool:
    """Whether the whole project was deleted."""
    return purge.is_deleted(tx, project_id=project_id)


def has_book(tx: Tx) -> bool:
    """Whether the project's book is still there."""
    return purge.has_book(tx)


def purge_group(tx: WriteTx) -> bool:
    """Clear some members of a deleted group, or the group itself when none is left. Returns whether there was one."""
    group_id = purge.find_deleted_group(tx)
    if group_id is None:
        return False
    members = purge.list_first_members(tx, group_id=group_id, limit=ROWS_A_TURN)
    if members:
        groups.delete_members(tx, group_id=group_id, ids=members)
        directory.change_directory(tx, joined={}, left={group_id: members})
    else:
        purge.delete_group(tx, group_id=group_id)
    return True


def purge_book(tx: WriteTx) -> bool:
    """Clear some of a deleted project's book, then the book itself. Returns whether anything is left."""
    ids = purge.list_first_contacts(tx, limit=ROWS_A_TURN)
    if ids:
        purge.delete_contacts(tx, ids=ids)
        return True
    import_id = imports.find_import_after(tx, import_id=0)
    if import_id is not None:
        imports.forget_import(tx, import_id=import_id)
        return True
    if purge.delete_ledger(tx, limit=ROWS_A_TURN) or purge.delete_journal(tx, limit=ROWS_A_TURN):
        return True
    if purge.delete_files(tx):
        return True
    purge.delete_book(tx)
    return False


def purge_project(tx: SystemTx, *, project_id: int) -> None:
    """Delete the system rows of a deleted project whose book is gone."""
    purge.delete_project(tx, project_id=project_id)
