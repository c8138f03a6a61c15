"""The console's cookies: what they are called, and how they are read and written. Knows no session.

Their names have the epoch of the database in them, so that two services on one host do not end each other's sessions.
"""

from __future__ import annotations

import re

from msgspec import Struct

from daftari.web.rsgi import RequestHeaders

HOST_PREFIX = "__Host-"
"""Browsers take a cookie called so only over HTTPS, or on the machine itself, and from no other host."""
EPOCH_LENGTH = 8
VALUE_MAX = 128
"""Characters of a token, with some to spare."""

_VALUE = re.compile(r"[A-Za-z0-9_-]+")


class CookieNames(Struct, frozen=True):
    """What the cookies of a service are called."""

    session: str
    visitor: str
    """Of the token that the form of a visitor is bound to who is not signed in."""
    is_secure: bool

    def write(self, name: str, value: str, *, seconds: int) -> tuple[str, str]:
        """The header that sets a cookie, which no script can read; with 0 seconds it is deleted."""
        secure = "; Secure" if self.is_secure else ""
        return "set-cookie", f"{name}={value}; Path=/; Max-Age={seconds}{secure}; HttpOnly; SameSite=Lax"


def name_cookies(epoch: str, *, insecure: bool) -> CookieNames:
    """The names for a database. ``insecure``: for plain HTTP, where the operator allows it."""
    session = f"daftari_{epoch[:EPOCH_LENGTH]}" if insecure else f"{HOST_PREFIX}daftari_{epoch[:EPOCH_LENGTH]}"
    return CookieNames(session, f"{session}_visitor", not insecure)


def read_cookie(headers: RequestHeaders, *, name: str, most: int = VALUE_MAX) -> str | None:
    """The value of a cookie; ``None`` when it is absent, or not what this service writes."""
    for line in headers.get_all("cookie"):
        for part in line.split(";"):
            found, mark, value = part.strip().partition("=")
            if mark and found == name:
                return value if len(value) <= most and _VALUE.fullmatch(value) else None
    return None
