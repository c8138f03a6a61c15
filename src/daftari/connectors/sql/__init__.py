"""Contacts in a database of one's own: a table or view of PostgreSQL, MySQL, MariaDB or SQLite, which is only read.

Its drivers are an extra of the package, ``daftari[sql]``, so nothing here imports them before a connection is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from daftari.connectors.sql.settings import Allowed, SqlColumns, SqlSettings, broken, read_sql_settings
from daftari.outbound.network import Resolve, resolve_name

if TYPE_CHECKING:
    from daftari.connectors.sql.connector import SqlConnector

__all__ = ["Allowed", "SqlColumns", "SqlSettings", "open_connector", "read_sql_settings"]


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
    try:
        from daftari.connectors.sql.connector import SqlConnector
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("sqlalchemy", "pymysql"):
            raise
        raise broken(
            "not_installed", f'Reading databases needs {error.name}: pip install "daftari[sql]", then start again.'
        ) from None
    return SqlConnector(settings, password=password, fields=fields, allowed=allowed, resolve=resolve)
