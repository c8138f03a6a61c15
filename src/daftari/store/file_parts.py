"""The bytes of import files and export files, in parts.

They are in the database because the worker may run on another machine, and because a file there is as durable, and as
well backed up, as the job that needs it.
"""

from __future__ import annotations

from collections.abc import Sequence

from daftari.store.engine import Tx, WriteTx


def insert_parts(tx: WriteTx, *, file_id: int, first: int, parts: Sequence[bytes]) -> None:
    """Insert parts of a file, numbered from ``first`` on."""
    numbered = enumerate(parts, start=first)
    tx.insert_many("file_part", [(tx.project.id, file_id, number, part) for number, part in numbered])


def list_parts(tx: Tx, *, file_id: int, first: int, limit: int) -> list[bytes]:
    """At most ``limit`` parts of a file from ``first`` on, in order."""
    rows = tx.fetch(tuple[bytes], "list_file_parts", id=file_id, first=first, limit=limit)
    return [bytes(part) for (part,) in rows]


def delete_parts(tx: WriteTx, *, file_id: int, limit: int) -> int:
    """Delete the first ``limit`` parts of a file. Returns how many there were."""
    return tx.run("delete_file_parts", id=file_id, limit=limit)
