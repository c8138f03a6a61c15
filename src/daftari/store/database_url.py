"""What a database's name means: a path, ``sqlite:///…`` or ``postgresql://…``. Opens no connection."""

from __future__ import annotations

import re
from pathlib import Path

from daftari.errors import BadSettings
from daftari.store.queries import Dialect

POSTGRES_PREFIXES = ("postgresql://", "postgres://")
SQLITE_PREFIX = "sqlite:///"
_NO_PORT = re.compile(r"\A(\[[^\]]*\]|[^:/?#,\[]*):(?!\d*(?:[,/?#]|$)).*", re.DOTALL)
"""A host and what follows it, when that is no port: a password after which the host is missing."""
_QUERY_PASSWORD = re.compile(r"(password=)[^&]*", re.IGNORECASE)
_PAIRS = re.compile(r"(?:^|\s)(?:host|hostaddr|port|dbname|user|password|passfile|service|sslmode)\s*=", re.IGNORECASE)
"""An address as PostgreSQL's library also reads it: ``host=… user=…``."""
_PAIRED_PASSWORD = re.compile(r"(password\s*=\s*)(?:'(?:\\.|[^'\\])*'?|\S+)", re.IGNORECASE)
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ADDRESS = re.compile(
    r"(?:[^:@/?#\s]*(?::[^@/\s]*)?@)?"
    r"(?:\[[^\]@/?#\s]*\]|[^:@/?#,\s]*)(?::\d*)?(?:,(?:\[[^\]@/?#\s]*\]|[^:@/?#,\s]*)(?::\d*)?)*"
    r"(?:/[^@/?#\s]*)?(?:\?[^#\s]*)?"
)
"""User and password, hosts with ports, name and parameters: each must end where PostgreSQL's library ends it."""


class UnclearAddress(ValueError):
    """The address of a database that can be read in several ways, each of which may show a part of the password."""


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


def read_address(written: str) -> str:
    """The rest of a PostgreSQL URL after its scheme. Raises ``UnclearAddress``."""
    if _BROKEN_ESCAPE.search(written) or not _ADDRESS.fullmatch(written):
        raise UnclearAddress(
            "it is not a USER:PASSWORD@HOST:PORT/NAME in which special characters are percent-encoded: "
            "%40 for @, %2F for /, %25 for %"
        )
    return written


def refuse_pairs(written: str) -> None:
    """Raise ``UnclearAddress`` for pairs such as ``host=… password=…``, which would become the name of a file."""
    if _PAIRS.search(written):
        raise UnclearAddress("write an address as postgresql://USER:PASSWORD@HOST/NAME")


def masked(database: str) -> str:
    """The name as it may be printed, without its password."""
    scheme, mark, rest = database.partition("://")
    if not mark:
        return _PAIRED_PASSWORD.sub(r"\1***", database)
    # Up to the last @, so that a password that contains one is hidden completely.
    person, at, place = rest.rpartition("@")
    if at:
        user, colon, _ = person.partition(":")
        rest = f"{user}{colon and ':***'}@{place}"
    else:
        rest = _NO_PORT.sub(r"\1:***", rest)
    hidden = _QUERY_PASSWORD.sub(r"\1***", rest)
    return f"{scheme}://{hidden}"
