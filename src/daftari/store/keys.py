"""API keys: rows with a label, the first characters and a SHA-256, never the key's text.

Knows neither how a key is made nor how it is compared.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from daftari.model.projects import Key, KeyKind, OnError, Project
from daftari.store.engine import SystemTx, Tx
from daftari.store.projects import read_project, with_names


class StoredKey(Struct, frozen=True):
    """A key as it is stored, with its project. ``hash`` is the SHA-256 of its text."""

    key: Key
    hash: bytes
    project: Project


def get_key(tx: Tx, *, start: str) -> StoredKey | None:
    """A key by its first characters."""
    row = tx.fetch_one(
        tuple[
            int, int, str, str, KeyKind, int, int | None, int | None, int | None, bytes,
            int, str, str, OnError, int, str, int, str | None, str,
        ],
        "get_key",
        start=start,
    )  # fmt: skip
    if row is None:
        return None
    return StoredKey(key=Key(*row[:9]), hash=row[9], project=with_names(tx, read_project(*row[10:])))


def list_keys(tx: Tx) -> list[Key]:
    """All keys of all projects, in order of creation."""
    return tx.fetch(Key, "list_keys")


def list_project_keys(tx: Tx) -> list[Key]:
    """The keys of the transaction's project, in order of creation."""
    return tx.fetch(Key, "list_project_keys")


def insert_key(tx: SystemTx, *, key: Key, key_hash: bytes) -> None:
    """Insert a key, whose id is a system id."""
    tx.run(
        "insert_key",
        id=key.id,
        project_id=key.project_id,
        label=key.label,
        start=key.start,
        hash=key_hash,
        kind=key.kind,
        now=key.created_at,
        expires_at=key.expires_at,
    )


def revoke_key(tx: SystemTx, *, key_id: int) -> None:
    """Revoke a key."""
    tx.run("revoke_key", id=key_id, now=tx.now)


def revoke_project_keys(tx: SystemTx, *, project_id: int) -> None:
    """Revoke all keys of a project."""
    tx.run("revoke_project_keys", id=project_id, now=tx.now)


def touch_keys(tx: SystemTx, *, used: Mapping[int, int]) -> None:
    """Save when keys were last used, by key id. An earlier time than the stored one is ignored."""
    if used:
        tx.run("touch_keys", items=list(used.items()))
