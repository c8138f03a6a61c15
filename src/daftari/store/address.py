"""What a database's name means: a path, ``sqlite:///…`` or ``postgresql://…``.

This room must not know a connection.
"""

from __future__ import annotations

from pathlib import Path

from daftari.errors import BadSettings
from daftari.store.queries import Dialect

POSTGRES_PREFIXES = ("postgresql://", "postgres://")
SQLITE_PREFIX = "sqlite:///"


def dialect_of(database: str) -> Dialect:
    """Which engine a database's name means."""
    if database.startswith(POSTGRES_PREFIXES):
        return "postgres"
    if "://" in database and not database.startswith(SQLITE_PREFIX):
        raise BadSettings(f"The database {masked(database)!r} is not a path, sqlite:///… or postgresql://….")
    return "sqlite"


def sqlite_path(database: str) -> Path:
    """The file that a SQLite database's name means."""
    return Path(database.removeprefix(SQLITE_PREFIX)).absolute()


def masked(database: str) -> str:
    """The database's name without its password."""
    scheme, mark, rest = database.partition("://")
    login, at, place = rest.rpartition("@")
    if not (mark and at and ":" in login):
        return database
    return f"{scheme}://{login.partition(':')[0]}:***@{place}"
