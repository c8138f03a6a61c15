"""Seals what a copy of the database must not reveal: encrypted and authenticated by AES-256-GCM.

The key is derived from the service's secret, which is not in the database. A sealed value is bound to its place: it
cannot be read in another row or column. What is sealed, and for whom, belongs to other modules.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

from daftari.errors import SealBroken
from daftari.store.engine import Tx

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORM = b"\x01"
"""The first byte of a sealed value: how it is sealed."""
NONCE_BYTES = 12
KEY_BYTES = 32
_INFO = b"daftari sealing"


def purpose_of(table: str, column: str, *, project_id: int, row_id: int) -> str:
    """The place of a sealed value, which no other value has."""
    return f"{table}.{column}/{project_id}/{row_id}"


def seal(tx: Tx, text: bytes, *, purpose: str) -> bytes:
    """A sealed text, another one each time."""
    # 2^32 values may be sealed with random nonces under one key before one is likely to come twice.
    nonce = os.urandom(NONCE_BYTES)
    return FORM + nonce + _cipher_of(tx.erasure_key).encrypt(nonce, text, purpose.encode())


def unseal(tx: Tx, sealed: bytes, *, purpose: str) -> bytes:
    """The text of a sealed value. Raises ``SealBroken`` unless the same secret sealed it for the same purpose."""
    from cryptography.exceptions import InvalidTag

    form, nonce, rest = sealed[:1], sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        if form != FORM or len(nonce) != NONCE_BYTES:
            raise InvalidTag
        return _cipher_of(tx.erasure_key).decrypt(nonce, rest, purpose.encode())
    except InvalidTag:
        raise SealBroken(purpose) from None


@lru_cache(maxsize=4)
def _cipher_of(erasure_key: bytes) -> AESGCM:
    # Imported where it is needed: most commands and many requests seal nothing.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return AESGCM(HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=_INFO).derive(erasure_key))
