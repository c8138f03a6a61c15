"""The bytes of files that wait in the database, in parts: what an import reads and what an export wrote.

In the database, because the worker may be on another machine, and because a file there is as durable and as backed up
as the job that it belongs to. This room must not know what is in a file.
"""

from __future__ import annotations

from collections.abc import Sequence

from daftari.store.engine import Tx, WriteTx


def insert_parts(tx: WriteTx, *, file_id: int, first: int, parts: Sequence[bytes]) -> None:
    """Further parts of a file, numbered from ``first`` on."""
    numbered = enumerate(parts, start=first)
    tx.insert_many("file_part", [(tx.project.id, file_id, number, part) for number, part in numbered])


def list_parts(tx: Tx, *, file_id: int, first: int, limit: int) -> list[bytes]:
    """Some parts of a file in their order."""
    rows = tx.fetch(tuple[bytes], "list_file_parts", id=file_id, first=first, limit=limit)
    return [bytes(part) for (part,) in rows]


def delete_parts(tx: WriteTx, *, file_id: int, limit: int) -> int:
    """Some parts of a file go; returns how many did."""
    return tx.run("delete_file_parts", id=file_id, limit=limit)
