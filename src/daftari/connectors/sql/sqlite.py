"""A file of SQLite, by Python's own driver."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sqlalchemy import Connection, text

from daftari.connectors.sql.access import OWN_COLUMN, OWN_TABLE, find_file
from daftari.connectors.sql.engine import LOCK_SECONDS, Rights
from daftari.connectors.sql.failures import STATEMENT_SECONDS
from daftari.connectors.sql.settings import Allowed, SqlSettings
from daftari.connectors.sql.timeline import SECOND
from daftari.connectors.sql.values import Column
from daftari.connectors.sql.window import Sight

OVERLAP = 60 * SECOND
"""How far back each poll reads: there is one writer at a time, which others do not see, and which blocks them."""
STEPS = 100_000
"""Steps of SQLite's machine between two looks at the clock."""

OWN = text("SELECT EXISTS (SELECT 1 FROM pragma_table_info(:own_table) WHERE name = :own_column)")
COLUMNS = text("SELECT name, lower(type) FROM pragma_table_info(:table) ORDER BY cid")
INDEX = text("""
SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = :table COLLATE NOCASE) OR EXISTS (
    SELECT 1 FROM pragma_index_list(:table) list JOIN pragma_index_info(list.name) info
    WHERE info.seqno = 0 AND info.name = :column COLLATE NOCASE
)
""")
_PARTS: Mapping[str, str] = MappingProxyType(
    {
        "bool": "boolean",
        "tinyint(1)": "boolean",
        "bit": "boolean",
        "json": "json",
        "char(": "text",
        "clob": "text",
        "text": "text",
        "varchar": "text",
    }
)
"""A column's kind by a part of its declared type; all others take anything, even if a number is declared."""
_CODES: Mapping[str, str] = MappingProxyType(
    {
        "locked": "locked",
        "busy": "locked",
        "interrupted": "slow",
        "no such table": "table",
        "no such column": "columns",
        "unable to open": "file",
        "not a database": "file",
        "malformed": "file",
        "readonly": "locked",
    }
)


class Sqlite:
    """A file that another program writes."""

    url = "sqlite://"

    def __init__(self, settings: SqlSettings, *, allowed: Allowed) -> None:
        self._settings = settings
        self._allowed = allowed
        self._names = {"table": settings.schema_and_table[1]}
        self._until = 0.0

    def connect(self) -> object:
        path = find_file(self._settings, self._allowed)
        self._until = time.monotonic() + STATEMENT_SECONDS
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=ro", uri=True, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.text_factory = lambda stored: stored.decode("utf-8", "replace")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.set_progress_handler(lambda: time.monotonic() > self._until, STEPS)
        return connection

    def begin(self, connection: Connection) -> None:
        # Each statement is a transaction of its own, so that the other program waits less for the file.
        self._until = time.monotonic() + STATEMENT_SECONDS

    def is_own(self, connection: Connection) -> bool:
        return bool(connection.scalar(OWN, {"own_table": OWN_TABLE, "own_column": OWN_COLUMN}))

    def look(self, connection: Connection, *, now: int) -> Sight:
        return Sight(now, overlap=OVERLAP)

    def columns(self, connection: Connection) -> Sequence[Column]:
        return [Column(name, _kind_of(declared)) for name, declared in connection.execute(COLUMNS, self._names)]

    def rights(self, connection: Connection) -> Rights:
        return Rights()

    def has_index(self, connection: Connection) -> bool:
        return bool(connection.scalar(INDEX, self._names | {"column": self._settings.columns.updated_at}))

    def code_of(self, error: BaseException) -> str:
        said = str(error).lower()
        return next((code for words, code in _CODES.items() if words in said), "failed")


def _kind_of(declared: str) -> str:
    return next((kind for part, kind in _PARTS.items() if part in declared), "anything")
