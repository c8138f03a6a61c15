"""API keys: how one is made, recognised and compared. Only its SHA-256 is stored.

A key is ``daf_``, 40 random letters and digits, and 6 of a checksum, so that a typing error or a token of another
service is recognised without a query. No HTTP, no cache.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from typing import Literal
from zlib import crc32

from msgspec import Struct

from daftari.errors import KeyNotFound, ManageKeyRequired, ReadOnlyKey, Unauthenticated
from daftari.model.projects import KEY_KINDS, Actor, Key, KeyKind, Project
from daftari.store import SystemTx, Tx, keys

PREFIX = "daf_"
RANDOM_LENGTH = 40
CHECKSUM_LENGTH = 6
START_LENGTH = 12
"""First characters of an API key that are stored and shown: the prefix and 8 random ones."""
API_KEY_LENGTH = len(PREFIX) + RANDOM_LENGTH + CHECKSUM_LENGTH

KeyState = Literal["active", "expired", "revoked"]

_LETTERS = string.digits + string.ascii_letters


class Access(Struct, frozen=True):
    """A key that may be used now, and its project."""

    key: Key
    project: Project

    def actor(self, request_id: str) -> Actor:
        """Who writes, for the journal."""
        return Actor(self.key.id, request_id)


def create_key(tx: SystemTx, *, project: Project, label: str, kind: KeyKind, expires_at: int | None) -> tuple[str, Key]:
    """A new key of a project: its text, which is not stored, and the key."""
    body = PREFIX + "".join(secrets.choice(_LETTERS) for _ in range(RANDOM_LENGTH))
    api_key = body + _checksum(body)
    key = Key(
        id=tx.take_id(),
        project_id=project.id,
        label=label,
        start=api_key[:START_LENGTH],
        kind=kind,
        created_at=tx.now,
        expires_at=expires_at,
        revoked_at=None,
        last_used_at=None,
    )
    keys.insert_key(tx, key=key, key_hash=sha256(api_key.encode()).digest())
    return api_key, key


def find_key(tx: Tx, *, api_key: str) -> Access:
    """The key with this text, and its project. Raises ``Unauthenticated`` when it is unknown, revoked or expired."""
    if not looks_like_a_key(api_key):
        raise Unauthenticated
    stored = keys.get_key(tx, start=api_key[:START_LENGTH])
    if stored is None or not compare_digest(stored.hash, sha256(api_key.encode()).digest()):
        raise Unauthenticated
    if key_state(stored.key, now=tx.now) != "active":
        raise Unauthenticated
    return Access(key=stored.key, project=stored.project)


def looks_like_a_key(api_key: str) -> bool:
    """Whether prefix, length and checksum are those of an API key."""
    if len(api_key) != API_KEY_LENGTH or not api_key.startswith(PREFIX) or not api_key.isascii():
        return False
    return compare_digest(api_key[-CHECKSUM_LENGTH:], _checksum(api_key[:-CHECKSUM_LENGTH]))


_MAY = {kind: frozenset(KEY_KINDS[: place + 1]) for place, kind in enumerate(KEY_KINDS)}


def refuse_lesser_kind(key: Key, *, needed: KeyKind) -> None:
    """Raise ``ReadOnlyKey`` or ``ManageKeyRequired`` when a key may not do what one of the ``needed`` kind may."""
    if needed not in _MAY[key.kind]:
        raise ReadOnlyKey if needed == "write" else ManageKeyRequired


def key_state(key: Key, *, now: int) -> KeyState:
    """Whether a key works at ``now``, and if not, why."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "active"


def list_keys(tx: Tx) -> list[Key]:
    """All keys of all projects, in order of creation."""
    return keys.list_keys(tx)


def revoke_key(tx: SystemTx, *, start: str) -> Key:
    """Revoke the one key that begins with these characters. Raises ``KeyNotFound`` when none or several do."""
    found = [key for key in keys.list_keys(tx) if key.start.startswith(start)]
    if len(found) != 1 or len(start) <= len(PREFIX):
        raise KeyNotFound(start)
    keys.revoke_key(tx, key_id=found[0].id)
    return found[0]


def touch_keys(tx: SystemTx, *, used: Mapping[int, int]) -> None:
    """Store when keys were last used, in microseconds by key id."""
    keys.touch_keys(tx, used=used)


def _checksum(body: str) -> str:
    """Six letters and digits that are computed from the rest."""
    number = crc32(body.encode())
    letters = ""
    for _ in range(CHECKSUM_LENGTH):
        number, place = divmod(number, len(_LETTERS))
        letters += _LETTERS[place]
    return letters
