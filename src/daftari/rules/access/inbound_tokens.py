"""Inbound tokens: the unguessable part of the address that a provider calls. Only its SHA-256 is stored.

The provider's signing secret and verify token are sealed, since requests are verified with them, and never shown again.
No providers, no HTTP.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from hmac import compare_digest
from string import ascii_letters

from daftari.errors import Forged, TokenNotFound, TokenOfConnection, TokenOfSender
from daftari.model.inbound import InboundToken, StoredToken
from daftari.model.projects import Project
from daftari.store import SystemTx, Tx, inbound

RANDOM_BYTES = 32
START_LENGTH = 10
"""First characters of a token that are kept and shown."""

NO_ADDRESS = "This address is not, or no longer, one of ours."


def write_token() -> str:
    """The text of a new token."""
    # A letter first: what begins with a dash would be an option where a command is given it.
    return secrets.choice(ascii_letters) + secrets.token_urlsafe(RANDOM_BYTES)


def create_token(
    tx: SystemTx,
    *,
    project: Project,
    provider: str,
    label: str,
    signing_secret: str | None,
    verify_token: str | None,
) -> tuple[str, InboundToken]:
    """A new token of a project, and its text, which is shown only once."""
    written = write_token()
    token = InboundToken(tx.take_id(), project.id, provider, label, written[:START_LENGTH], tx.now, None)
    inbound.insert_token(
        tx,
        token=token,
        token_hash=sha256(written.encode()).digest(),
        signing_secret=signing_secret,
        verify_token=verify_token,
    )
    return written, token


def find_token(tx: Tx, *, provider: str, written: str) -> StoredToken:
    """The token that was written, of this provider. Raises ``Forged`` for an unknown or revoked one."""
    stored = _find_written(tx, written)
    if stored.token.provider != provider or stored.token.connection_id is not None:
        raise Forged(NO_ADDRESS)
    return stored


def find_connection_token(tx: Tx, *, written: str) -> StoredToken:
    """The token that was written, of some connection. Raises ``Forged`` for an unknown or revoked one."""
    stored = _find_written(tx, written)
    if stored.token.connection_id is None:
        raise Forged(NO_ADDRESS)
    return stored


def _find_written(tx: Tx, written: str) -> StoredToken:
    # The store takes no NUL, and a token has none.
    stored = None if "\0" in written else inbound.get_token(tx, start=written[:START_LENGTH])
    given = sha256(written.encode(errors="replace")).digest()
    if stored is None or not compare_digest(stored.hash, given):
        raise Forged(NO_ADDRESS)
    revoked_at = stored.token.revoked_at
    if revoked_at is not None and revoked_at <= tx.now:
        raise Forged(NO_ADDRESS)
    return stored


def list_tokens(tx: Tx) -> list[InboundToken]:
    """All tokens of all projects, in order of creation."""
    return inbound.list_tokens(tx)


def get_token(tx: Tx, *, start: str) -> InboundToken:
    """The one token that begins with these characters. Raises ``TokenNotFound`` when none or several do."""
    found = [token for token in inbound.list_tokens(tx) if token.start.startswith(start[:START_LENGTH])]
    if len(found) != 1 or not start:
        raise TokenNotFound(start)
    return found[0]


def get_stored_token(tx: Tx, *, start: str) -> StoredToken:
    """The token with these first characters, and what its provider's requests are verified by.

    Raises ``TokenNotFound``.
    """
    stored = inbound.get_token(tx, start=start)
    if stored is None:
        raise TokenNotFound(start)
    return stored


def set_signing_secret(tx: SystemTx, *, start: str, signing_secret: str) -> InboundToken:
    """Another secret of the provider's for a token. Raises ``TokenNotFound``, and when it follows something."""
    token = get_own_token(tx, start)
    inbound.update_signing_secret(tx, token=token, signing_secret=signing_secret)
    return token


def revoke_token(tx: SystemTx, *, start: str) -> InboundToken:
    """Stop the one token that begins with these characters. Raises ``TokenNotFound``, and when it follows something."""
    token = get_own_token(tx, start)
    inbound.revoke_token(tx, token_id=token.id, at=tx.now)
    return token


def get_own_token(tx: Tx, start: str) -> InboundToken:
    """The token with these first characters, if it is no sender's and no connection's, which follow those.

    Raises ``TokenNotFound``, ``TokenOfSender`` and ``TokenOfConnection``.
    """
    token = get_token(tx, start=start)
    if token.revoked_at is not None and token.revoked_at <= tx.now:
        return token
    if token.sender_id is not None:
        raise TokenOfSender(token.start, token.label, token.sender_id)
    if token.connection_id is not None:
        raise TokenOfConnection(token.start, token.label)
    return token
