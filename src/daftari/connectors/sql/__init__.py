"""Contacts in a database of one's own: a table or view of PostgreSQL, MySQL, MariaDB or SQLite, which is only read.

Its drivers are an extra of the package, ``daftari[sql]``, so nothing here imports them before a connection is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from daftari.connectors.sql.settings import Allowed, SqlColumns, SqlSettings, broken, read_sql_settings
from daftari.outbound.network import Resolve, resolve_name

if TYPE_CHECKING:
    from daftari.connectors.sql.connector import SqlConnector
    from daftari.connectors.sql.doorbell import PostgresDoorbell

__all__ = ["Allowed", "SqlColumns", "SqlSettings", "open_connector", "open_doorbell", "read_sql_settings"]


def open_connector(
    settings: SqlSettings,
    *,
    password: str,
    fields: Sequence[str],
    allowed: Allowed,
    resolve: Resolve = resolve_name,
) -> SqlConnector:
    """Returns the connector for a table; it connects when it is first used. Raises ``ConnectorFailed``.

    ``fields``: the columns that are wanted; none means all.
    """
    with _drivers():
        from daftari.connectors.sql.connector import SqlConnector
    return SqlConnector(settings, password=password, fields=fields, allowed=allowed, resolve=resolve)


def open_doorbell(settings: SqlSettings, *, password: str, allowed: Allowed) -> PostgresDoorbell:
    """Returns what hears of changes of a table; it connects when it is first used. Raises ``ConnectorFailed``."""
    with _drivers():
        from daftari.connectors.sql.doorbell import PostgresDoorbell
    return PostgresDoorbell(settings, password=password, allowed=allowed)


@contextmanager
def _drivers() -> Iterator[None]:
    """Imports what needs the extra. Raises ``ConnectorFailed`` where it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("sqlalchemy", "pymysql"):
            raise
        raise broken(
            "not_installed",
            f'Reading databases needs {error.name}: pip install "daftari[sql]", then start Daftari again.',
        ) from None
