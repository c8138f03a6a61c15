"""Passwords: what a good one is, and how one is stored and compared. No HTTP, no SQL.

Argon2id with 19 MiB, two passes and one lane, as OWASP recommends. A comparison takes memory and time, so that only two
run at once in a process; and never within a transaction, since it would hold a lock.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from daftari.model.limits import PASSWORD_MAX, PASSWORD_MIN
from daftari.rules.access.errors import PasswordsBusy
from daftari.rules.fields import NOT_A_TEXT, fold_name, refuse_surrogates

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
AT_ONCE_MAX = 2
WAIT_SECONDS_MAX = 2.0
"""How long a comparison waits for those before it."""

_NO_PASSWORD = "$argon2id$v=19$m=19456,t=2,p=1$GHJ/6zlWs/vlftq71Zq8iA$DQ6lOgeu5fWHoLC3hpXfUIDUgv1CO2UFR3Cx4zqTuCY"
"""What is compared where there is no user or no password, so that it costs the same."""

_at_once = threading.BoundedSemaphore(AT_ONCE_MAX)


def read_password(value: object, *, email: str) -> str:
    """A new password. ``email``: the address of its user, which it must not be."""
    if not isinstance(value, str):
        raise ValueError(NOT_A_TEXT)
    refuse_surrogates(value)
    if len(value) < PASSWORD_MIN:
        raise ValueError(f"must have at least {PASSWORD_MIN} characters; a few words are easy to remember.")
    if len(value) > PASSWORD_MAX:
        raise ValueError(f"must not be longer than {PASSWORD_MAX:,} characters.")
    if len(set(value)) == 1:
        raise ValueError("must not repeat one character.")
    if fold_name(value) == fold_name(email):
        raise ValueError("must not be the e-mail address.")
    return value


def hash_password(password: str) -> str:
    """The password as it is stored. Raises ``PasswordsBusy``."""
    with _turn():
        return _hasher().hash(_normal(password))


def is_right(stored: str | None, *, password: str) -> bool:
    """Whether this is the stored password, at the same cost where none is stored. Raises ``PasswordsBusy``."""
    from argon2.exceptions import VerificationError

    with _turn():
        try:
            _hasher().verify(stored or _NO_PASSWORD, _normal(password[: PASSWORD_MAX + 1]))
        except VerificationError:
            return False
    return stored is not None


def _normal(password: str) -> bytes:
    """Two keyboards may write one letter in two ways."""
    return unicodedata.normalize("NFC", password).encode(errors="surrogatepass")


@contextmanager
def _turn() -> Iterator[None]:
    if not _at_once.acquire(timeout=WAIT_SECONDS_MAX):
        raise PasswordsBusy
    try:
        yield
    finally:
        _at_once.release()


@cache
def _hasher() -> PasswordHasher:
    # Imported where it is needed: most requests and commands compare no password.
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
