"""Signing in, and whatever else a password or a link is given for. No HTTP.

A password is compared between two transactions, since that takes long: the first notes the attempt, the
second begins the session if the password is still the one that was compared.
"""

from __future__ import annotations

from msgspec import Struct

from daftari.model.users import Language, Session, User
from daftari.rules.access import links, throttle
from daftari.rules.access.errors import LinkSpent, SignedOut, SignInRefused
from daftari.rules.access.passwords import hash_password, is_right, read_password
from daftari.rules.access.sessions import SignedIn, begin_session, end_sessions
from daftari.rules.access.throttle import Source
from daftari.rules.access.users import NewUser, look_up, update_user
from daftari.rules.fields import Problems, fold_name
from daftari.store import Store, SystemTx, sessions, users


class Begun(Struct, frozen=True):
    """A session that has just begun, and its token, which the browser keeps."""

    token: str
    session: Session
    user: User


class Browser(Struct, frozen=True):
    """Where someone signs in: the network address, what the browser calls itself, and the token of its session."""

    address: str
    name: str
    token: str | None = None


class _Tried(Struct, frozen=True):
    """An attempt that was noted. ``stored``: the password of the account, if it has one."""

    source: Source
    user: User | None
    stored: str | None


def sign_in(store: Store, *, email: str, password: str, browser: Browser, now: int) -> Begun:
    """Begin a session, in place of the browser's own. Raises ``SignInRefused`` and ``TooManyAttempts``."""
    tried = store.system_write(now, _try, email=email, address=browser.address)
    if not is_right(tried.stored, password=password):
        raise SignInRefused
    return store.system_write(now, _sign_in, tried=tried, browser=browser)


def change_password(
    store: Store, *, signed_in: SignedIn, password: str, new: object, browser: Browser, now: int
) -> Begun:
    """Set another password. The session is replaced by a new one, and every other session and link ends.

    Raises ``ValidationFailed``, ``SignInRefused`` for a wrong password, and ``TooManyAttempts``.
    """
    wanted = _read_password(new, email=signed_in.user.email)
    tried = store.system_write(now, _try, email=signed_in.user.email, address=browser.address)
    if tried.user is None or tried.user.id != signed_in.user.id:
        raise SignedOut
    if not is_right(tried.stored, password=password):
        raise SignInRefused
    return store.system_write(now, _change_password, tried=tried, password_hash=hash_password(wanted), browser=browser)


def use_link(store: Store, *, token: str, new: object, language: Language, browser: Browser, now: int) -> Begun:
    """Set a password by a link, which is spent, and sign in. Raises ``LinkSpent`` and ``ValidationFailed``.

    ``language``: that of a user who had no password yet.
    """
    found = store.system_read(now, links.find_link, token=token)
    if found.user is None:
        raise LinkSpent
    wanted = _read_password(new, email=found.user.email)
    return store.system_write(
        now, _use_link, token=token, password_hash=hash_password(wanted), language=language, browser=browser
    )


def create_first_user(store: Store, *, token: str, given: NewUser, new: object, browser: Browser, now: int) -> Begun:
    """Make the first user, who is an operator, by the link for that, and sign in.

    Raises ``LinkSpent`` and ``ValidationFailed``.
    """
    if store.system_read(now, links.find_link, token=token).user is not None:
        raise LinkSpent
    wanted = _read_password(new, email=given.email)
    return store.system_write(
        now, _create_first_user, token=token, given=given, password_hash=hash_password(wanted), browser=browser
    )


def _read_password(value: object, *, email: str) -> str:
    problems = Problems()
    return problems.require(problems.read("password", value, lambda given: read_password(given, email=email)))


# ---- in a transaction -----------------------------------------------------------------------------------


def _try(tx: SystemTx, *, email: str, address: str) -> _Tried:
    source = throttle.find_source(tx, email=email, address=address)
    throttle.admit(tx, source)
    stored = look_up(tx, email=email)
    return _Tried(source, None if stored is None else stored.user, None if stored is None else stored.password)


def _confirm(tx: SystemTx, tried: _Tried) -> User:
    """The user, if the password is still the one that was compared. Raises ``SignInRefused``."""
    stored = None if tried.user is None else users.get_user(tx, user_id=tried.user.id)
    if stored is None or stored.user.is_former or stored.password is None or stored.password != tried.stored:
        raise SignInRefused
    sessions.note_success(tx, account=tried.source.account, address=tried.source.address, at=tx.now)
    return stored.user


def _sign_in(tx: SystemTx, *, tried: _Tried, browser: Browser) -> Begun:
    user = _confirm(tx, tried)
    return _begin(tx, user, browser)


def _change_password(tx: SystemTx, *, tried: _Tried, password_hash: str, browser: Browser) -> Begun:
    user = _confirm(tx, tried)
    return _set_password(tx, user, password_hash, browser)


def _use_link(tx: SystemTx, *, token: str, password_hash: str, language: Language, browser: Browser) -> Begun:
    user = links.find_link(tx, token=token).user
    if user is None:
        raise LinkSpent
    stored = users.get_user(tx, user_id=user.id)
    if stored is not None and stored.password is None:
        user = update_user(tx, user_id=user.id, name=None, language=language)
    return _set_password(tx, user, password_hash, browser)


def _create_first_user(tx: SystemTx, *, token: str, given: NewUser, password_hash: str, browser: Browser) -> Begun:
    if links.find_link(tx, token=token).user is not None:
        raise LinkSpent
    sessions.delete_first_links(tx)
    user = users.insert_user(
        tx,
        email=given.email,
        folded=fold_name(given.email),
        name=given.name,
        language=given.language,
        is_operator=True,
    )
    return _set_password(tx, user, password_hash, browser)


def _set_password(tx: SystemTx, user: User, password_hash: str, browser: Browser) -> Begun:
    users.save_password(tx, user_id=user.id, password=password_hash)
    sessions.delete_links(tx, user_id=user.id)
    end_sessions(tx, user_id=user.id)
    return _begin(tx, user, browser)


def _begin(tx: SystemTx, user: User, browser: Browser) -> Begun:
    token, session = begin_session(
        tx, user_id=user.id, address=browser.address, browser=browser.name, replaced=browser.token
    )
    return Begun(token, session, user)
