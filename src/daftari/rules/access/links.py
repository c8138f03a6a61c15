"""Links with which a person sets a password: for the first user of a database, for a new user, and for one who forgot.

A link works once, and for an hour. Finding it changes nothing. No HTTP, no URLs.
"""

from __future__ import annotations

from msgspec import Struct

from daftari.model.limits import LINK_HOURS
from daftari.model.users import Link, User
from daftari.rules.access.errors import LinkSpent
from daftari.rules.access.tokens import hash_token, write_token
from daftari.store import SystemTx, Tx, sessions, users

LINK_MICROSECONDS = LINK_HOURS * 3_600 * 1_000_000


class OpenLink(Struct, frozen=True):
    """A link that works, and whose password it sets; ``None`` for the link that makes the first user."""

    link: Link
    user: User | None


def create_link(tx: SystemTx, *, user_id: int, by_owner: bool) -> str:
    """A new link of a user: its token. The links before it no longer work."""
    sessions.delete_links(tx, user_id=user_id)
    return _insert(tx, user_id, by_owner=by_owner)


def create_first_link(tx: SystemTx) -> str | None:
    """The link that makes the first user: its token; ``None`` where there are users. Those before it no longer work."""
    sessions.delete_first_links(tx)
    return None if users.has_users(tx) else _insert(tx, None, by_owner=False)


def find_link(tx: Tx, *, token: str) -> OpenLink:
    """The link of a token. Raises ``LinkSpent``."""
    link = sessions.get_link(tx, token_hash=hash_token(tx, token))
    if link is None:
        raise LinkSpent
    if link.user_id is None:
        if users.has_users(tx):
            raise LinkSpent
        return OpenLink(link, None)
    stored = users.get_user(tx, user_id=link.user_id)
    if stored is None or stored.user.is_former:
        raise LinkSpent
    return OpenLink(link, stored.user)


def _insert(tx: SystemTx, user_id: int | None, *, by_owner: bool) -> str:
    sessions.delete_expired_links(tx)
    token = write_token()
    until = tx.now + LINK_MICROSECONDS
    sessions.insert_link(tx, user_id=user_id, token_hash=hash_token(tx, token), by_owner=by_owner, until=until)
    return token
