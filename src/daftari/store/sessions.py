"""Sessions, links and attempts to sign in: rows of the system, with hashes of what a browser holds.

Knows neither how a token is made nor how many attempts are allowed.
"""

from __future__ import annotations

from msgspec import Struct

from daftari.model.users import Language, Link, Session, User
from daftari.store.engine import SystemTx, Tx
from daftari.store.users import as_user


class StoredSession(Struct, frozen=True):
    """A session, with its user."""

    session: Session
    user: User


class Attempts(Struct, frozen=True):
    """How many attempts there were in a span of time, and when the first of them was."""

    number: int
    first_at: int | None


# ---- sessions -------------------------------------------------------------------------------------------


def insert_session(tx: SystemTx, *, user_id: int, token_hash: bytes, address: str, browser: str, until: int) -> Session:
    """Insert a session."""
    session = Session(tx.take_id(), user_id, address, browser, tx.now, until, tx.now)
    tx.run(
        "insert_session",
        id=session.id, user=user_id, hash=token_hash, address=address, browser=browser, now=tx.now, until=until,
    )  # fmt: skip
    return session


def get_session(tx: Tx, *, token_hash: bytes) -> StoredSession | None:
    """The session of a token, unless it has expired or its user was removed."""
    row = tx.fetch_one(
        tuple[
            int, int, str, str, int, int, int,
            int, str, str, Language, int, int, int | None, str | None,
        ],
        "get_session",
        hash=token_hash,
        now=tx.now,
    )  # fmt: skip
    return None if row is None else StoredSession(Session(*row[:7]), as_user(*row[7:]))


def list_sessions(tx: Tx, *, user_id: int) -> list[Session]:
    """The sessions of a user that have not expired, the newest first."""
    return tx.fetch(Session, "list_sessions", user=user_id, now=tx.now)


def touch_session(tx: SystemTx, *, session_id: int) -> None:
    """Save that a session is used now."""
    tx.run("touch_session", id=session_id, now=tx.now)


def delete_session(tx: SystemTx, *, token_hash: bytes) -> None:
    """End the session of a token."""
    tx.run("delete_session", hash=token_hash)


def delete_sessions(tx: SystemTx, *, user_id: int, kept: int = 0) -> int:
    """End the sessions of a user, but for the one with the id ``kept``; returns how many."""
    return tx.run("delete_user_sessions", user=user_id, kept=kept)


def delete_expired_sessions(tx: SystemTx) -> None:
    """Delete the sessions that have expired."""
    tx.run("delete_expired_sessions", now=tx.now)


# ---- links ----------------------------------------------------------------------------------------------


def insert_link(tx: SystemTx, *, user_id: int | None, token_hash: bytes, by_owner: bool, until: int) -> None:
    """Insert a link, for the first user if ``user_id`` is ``None``."""
    tx.run(
        "insert_link",
        id=tx.take_id(), user=user_id, hash=token_hash, by_owner=int(by_owner), now=tx.now, until=until,
    )  # fmt: skip


def get_link(tx: Tx, *, token_hash: bytes) -> Link | None:
    """The link of a token, unless it has expired."""
    row = tx.fetch_one(tuple[int, int | None, int, int, int], "get_link", hash=token_hash, now=tx.now)
    return None if row is None else Link(row[0], row[1], bool(row[2]), row[3], row[4])


def delete_links(tx: SystemTx, *, user_id: int) -> None:
    """Delete the links of a user."""
    tx.run("delete_user_links", user=user_id)


def delete_owners_links(tx: SystemTx, *, user_id: int) -> None:
    """Delete the links of a user that owners of projects made."""
    tx.run("delete_owners_links", user=user_id)


def delete_first_links(tx: SystemTx) -> None:
    """Delete the links that make the first user."""
    tx.run("delete_first_links")


def delete_expired_links(tx: SystemTx) -> None:
    """Delete the links that have expired."""
    tx.run("delete_expired_links", now=tx.now)


# ---- attempts to sign in --------------------------------------------------------------------------------


def insert_attempt(tx: SystemTx, *, account: str, address: str) -> None:
    """Note an attempt to sign in now."""
    tx.run("insert_attempt", account=account, address=address, now=tx.now)


def note_success(tx: SystemTx, *, account: str, address: str, at: int) -> None:
    """Note that the attempt of a time succeeded."""
    tx.run("note_success", account=account, address=address, at=at)


def count_attempts(tx: Tx, *, account: str | None, address: str | None, since: int) -> Attempts:
    """The attempts after a time: for an account, from an address, or for that account from that address."""
    if address is None:
        row = tx.fetch_one(tuple[int, int | None], "count_attempts_for", account=account, since=since)
    elif account is None:
        row = tx.fetch_one(tuple[int, int | None], "count_attempts_from", address=address, since=since)
    else:
        row = tx.fetch_one(tuple[int, int | None], "count_attempts_at", account=account, address=address, since=since)
    return Attempts(*(row or (0, None)))


def has_signed_in(tx: Tx, *, account: str, address: str) -> bool:
    """Whether someone signed in to an account from an address before."""
    return tx.one("has_signed_in", account=account, address=address) is not None


def delete_failed_attempts(tx: SystemTx, *, since: int, until: int) -> None:
    """Delete the attempts without success before and after a span of time."""
    tx.run("delete_failed_attempts", since=since, until=until)


def delete_old_attempts(tx: SystemTx, *, since: int) -> None:
    """Delete all attempts before a time."""
    tx.run("delete_old_attempts", since=since)


def forget_account(tx: SystemTx, *, account: str) -> None:
    """Delete the attempts for an account."""
    tx.run("forget_account", account=account)
