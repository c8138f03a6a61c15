"""Sessions: who is signed in, and until when. A session begins with another token each time. No HTTP, no cookies."""

from __future__ import annotations

from msgspec import Struct

from daftari.model.limits import SESSION_DAYS
from daftari.model.time import DAY_MICROSECONDS
from daftari.model.users import Session, User
from daftari.rules.access.errors import SignedOut
from daftari.rules.access.tokens import hash_token, write_token
from daftari.store import SystemTx, Tx, sessions, users

SEEN_MICROSECONDS = 15 * 60 * 1_000_000
"""How old what is stored of the last use may be."""
BROWSER_MAX = 200
"""Characters that are kept of what a browser calls itself."""


class SignedIn(Struct, frozen=True):
    """A session that has not ended, and its user."""

    user: User
    session: Session

    def is_stale(self, *, now: int) -> bool:
        """Whether it is time to save that the session is used."""
        return now - self.session.last_seen_at >= SEEN_MICROSECONDS


def begin_session(
    tx: SystemTx, *, user_id: int, address: str, browser: str, replaced: str | None = None
) -> tuple[str, Session]:
    """A new session: its token, which is not stored, and the session. It replaces that of the token ``replaced``."""
    sessions.delete_expired_sessions(tx)
    if replaced is not None:
        end_session(tx, token=replaced)
    token = write_token()
    kept = "".join([letter if letter.isprintable() else " " for letter in browser[:BROWSER_MAX]])
    session = sessions.insert_session(
        tx,
        user_id=user_id,
        token_hash=hash_token(tx, token),
        address=address,
        browser=kept,
        until=tx.now + SESSION_DAYS * DAY_MICROSECONDS,
    )
    return token, session


def find_session(tx: Tx, *, token: str) -> SignedIn:
    """Who is signed in with a token. Raises ``SignedOut``."""
    stored = sessions.get_session(tx, token_hash=hash_token(tx, token))
    if stored is None:
        raise SignedOut
    return SignedIn(stored.user, stored.session)


def save_use(tx: SystemTx, *, signed_in: SignedIn, project_id: int | None) -> None:
    """Save that a session is used now, and in which project."""
    sessions.touch_session(tx, session_id=signed_in.session.id)
    if project_id is not None:
        users.touch_role(tx, project_id=project_id, user_id=signed_in.user.id)


def list_sessions(tx: Tx, *, signed_in: SignedIn) -> list[Session]:
    """Where a user is signed in, the newest first."""
    return sessions.list_sessions(tx, user_id=signed_in.user.id)


def end_session(tx: SystemTx, *, token: str) -> None:
    """Sign out, where this token is used."""
    sessions.delete_session(tx, token_hash=hash_token(tx, token))


def end_sessions(tx: SystemTx, *, user_id: int, kept: Session | None = None) -> int:
    """Sign a user out everywhere, or everywhere else; returns where the user was signed in."""
    return sessions.delete_sessions(tx, user_id=user_id, kept=0 if kept is None else kept.id)
