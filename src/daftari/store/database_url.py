"""What a database's name means: a path, ``sqlite:///…`` or ``postgresql://…``. Opens no connection."""

from __future__ import annotations

import re
from pathlib import Path

from daftari.errors import BadSettings
from daftari.store.queries import Dialect

POSTGRES_PREFIXES = ("postgresql://", "postgres://")
SQLITE_PREFIX = "sqlite:///"
_PASSWORD = re.compile(r"(://[^:@/]*:).*@")
"""Up to the last @, so that a password that contains an unquoted @ is hidden completely."""
_QUERY_PASSWORD = re.compile(r"(password=)[^&]*", re.IGNORECASE)


def dialect_of(database: str) -> Dialect:
    """The engine that a database's name means. Raises ``BadSettings`` when it means none."""
    if database.startswith(POSTGRES_PREFIXES):
        return "postgres"
    if "://" in database and not database.startswith(SQLITE_PREFIX):
        raise BadSettings(f"The database {masked(database)!r} is not a path, sqlite:///… or postgresql://….")
    return "sqlite"


def sqlite_path(database: str) -> Path:
    """The file that a SQLite database's name means."""
    return Path(database.removeprefix(SQLITE_PREFIX)).absolute()


def masked(database: str) -> str:
    """The name as it may be printed, without its password."""
    return _QUERY_PASSWORD.sub(r"\1***", _PASSWORD.sub(r"\1***@", database))
