"""MySQL and MariaDB, by PyMySQL."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pymysql
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from daftari.connectors.sql.access import CONNECT_SECONDS, FindAddresses, is_loopback
from daftari.connectors.sql.engine import APPLICATION, IDLE_SECONDS, LOCK_SECONDS, Rights
from daftari.connectors.sql.failures import STATEMENT_SECONDS
from daftari.connectors.sql.settings import SqlSettings
from daftari.connectors.sql.timeline import SECOND
from daftari.connectors.sql.values import Column
from daftari.connectors.sql.window import OVERLAP, OpenTransaction, Sight

HOUR = 3600 * SECOND
READ_SECONDS = STATEMENT_SECONDS + 5
"""How long the server may be silent: it ends the statement itself before."""
SESSION = (
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION TRANSACTION READ ONLY",
    f"SET SESSION time_zone = '+00:00', lock_wait_timeout = {LOCK_SECONDS}, innodb_lock_wait_timeout = {LOCK_SECONDS}",
)
LIMITS = MappingProxyType(
    {
        "max_statement_time": str(STATEMENT_SECONDS),  # MariaDB
        "max_execution_time": str(1000 * STATEMENT_SECONDS),  # MySQL
        "idle_transaction_timeout": str(IDLE_SECONDS),  # MariaDB
    }
)
"""Limits of a session that only one of the two has."""

# What InnoDB and the list of processes show is on the clock of the server's own zone.
IN_SERVER_ZONE = "SET SESSION time_zone = 'SYSTEM'"
IN_UTC = "SET SESSION time_zone = '+00:00'"
LOOK = text("""
SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)),
    TIMESTAMPDIFF(MICROSECOND, t.trx_started, NOW(6)), p.user
FROM (SELECT 1 AS one) AS base
LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id <> CONNECTION_ID()
LEFT JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
""")
WAITING = text("""
SELECT time * 1000000, user FROM information_schema.processlist
WHERE id <> CONNECTION_ID() AND state LIKE 'Waiting for%lock%'
""")
"""A statement takes its time before it waits for a table, and its transaction begins after."""
SERVER = text("SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'wsrep_on')")
COLUMNS = text("""
SELECT column_name, LOWER(data_type), LOWER(column_type) FROM information_schema.columns
WHERE table_schema = COALESCE(:schema, DATABASE()) AND table_name = :table ORDER BY ordinal_position
""")
INDEX = text("""
SELECT NOT EXISTS (
    SELECT 1 FROM information_schema.tables
    WHERE table_schema = COALESCE(:schema, DATABASE()) AND table_name = :table AND table_type = 'BASE TABLE'
) OR EXISTS (
    SELECT 1 FROM information_schema.statistics WHERE table_schema = COALESCE(:schema, DATABASE())
    AND table_name = :table AND column_name = :column AND seq_in_index = 1
)
""")
KINDS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint", "year", "bit"), "integer"),
        "decimal": "decimal",
        "double": "double",
        "float": "single",
        **dict.fromkeys(("varchar", "tinytext", "text", "mediumtext", "longtext"), "text"),
        **dict.fromkeys(("char", "enum"), "char"),
        "set": "set",
        "uuid": "uuid",
        **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), "bytes"),
        "timestamp": "utc",
        "datetime": "naive",
        "date": "date",
        "json": "json",
    }
)
_FLAGS = frozenset({"tinyint(1)", "bit(1)"})
_GRANT = re.compile(r"GRANT (?P<rights>.+?) ON (?P<schema>\S+)\.\S+ TO ", re.IGNORECASE)
_ENOUGH = frozenset({"USAGE", "SELECT", "SHOW VIEW", "PROCESS"})
_NO_PROCESS = 1227
_CODES: Mapping[int, str] = MappingProxyType(
    {
        **dict.fromkeys((1045, 1698, 1251, 1862, 4151), "access"),
        **dict.fromkeys((1044, 1049), "database"),
        **dict.fromkeys((1142, 1143, 1370), "not_readable"),
        1146: "table",
        **dict.fromkeys((1054, 1356), "columns"),
        **dict.fromkeys((1969, 3024, 1317), "slow"),
        **dict.fromkeys((1205, 1213, 1614), "locked"),
        2026: "tls",
        **dict.fromkeys((1040, 1053, 1130, 1158, 1159, 1203, 2003, 2006, 2013, 2014, 4031), "unreachable"),
    }
)


class MySql:
    """A MySQL or MariaDB server."""

    url = "mysql+pymysql://"

    def __init__(self, settings: SqlSettings, *, password: str, find_addresses: FindAddresses) -> None:
        self._settings = settings
        self._password = password
        self._find_addresses = find_addresses
        why = f"The user may not see the transactions of others: GRANT PROCESS ON *.* TO {settings.user}"
        self._overlap = f"{why}; until then each poll reads 15 minutes again."
        schema, table = settings.schema_and_table
        self._names = {"schema": schema, "table": table}

    def connect(self) -> object:
        failed: Exception = OSError("it has no address")
        for address in self._find_addresses(self._settings):
            try:
                return self._connected(address)
            except pymysql.OperationalError as error:
                failed = error
        raise failed

    def _connected(self, address: str) -> pymysql.Connection:
        settings = self._settings
        connection = pymysql.connect(
            host=settings.host,
            port=settings.port,
            user=settings.user,
            password=self._password.encode(),
            database=settings.database,
            charset="utf8mb4",
            sql_mode="",
            local_infile=False,
            autocommit=False,
            connect_timeout=int(CONNECT_SECONDS),
            read_timeout=READ_SECONDS,
            write_timeout=READ_SECONDS,
            program_name=APPLICATION,
            defer_connect=True,
            **tls_parameters(settings, address),
        )
        try:
            # The name is for the certificate alone: a second resolution could give another address.
            plain = socket.create_connection((address, settings.port), timeout=CONNECT_SECONDS)
        except OSError as error:
            raise pymysql.OperationalError(2003, error.strerror or "no answer in time") from None
        connection.connect(plain)
        with connection.cursor() as cursor:
            for statement in SESSION:
                cursor.execute(statement)
            cursor.execute("SHOW SESSION VARIABLES WHERE Variable_name IN %s", [tuple(LIMITS)])
            for name, _ in cursor.fetchall():
                cursor.execute(f"SET SESSION {name.lower()} = {LIMITS[name.lower()]}")
        connection.rollback()
        return connection

    def begin(self, connection: Connection) -> None:
        connection.exec_driver_sql("START TRANSACTION READ ONLY")

    def is_own(self, connection: Connection) -> bool:
        return False  # Daftari does not run on it.

    def look(self, connection: Connection, *, now: int) -> Sight:
        connection.exec_driver_sql(IN_SERVER_ZONE)
        try:
            rows = connection.execute(LOOK).all()
            waiting = connection.execute(WAITING).all()
        except DBAPIError as error:
            if error.orig is None or error.orig.args[0] != _NO_PROCESS:
                raise
            there = connection.scalar(text("SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"))
            return Sight(there, overlap=OVERLAP, warning=self._overlap)
        finally:
            connection.exec_driver_sql(IN_UTC)
        there = rows[0][0]
        if "ON" in [value for _, value in connection.execute(SERVER)]:
            why = f"{self._settings.place} is a copy or part of a cluster, which does not show all transactions"
            return Sight(there, overlap=OVERLAP, warning=f"{why}; each poll reads 15 minutes again.")
        found = [OpenTransaction(there - age_of(age), user or "") for _, age, user in rows if age is not None]
        found += [OpenTransaction(there - int(age) - SECOND, user) for age, user in waiting]
        return Sight(there, found)

    def columns(self, connection: Connection) -> Sequence[Column]:
        rows = connection.execute(COLUMNS, self._names)
        return [Column(name, "boolean" if whole in _FLAGS else KINDS.get(kind, "other")) for name, kind, whole in rows]

    def rights(self, connection: Connection) -> Rights:
        found = [_GRANT.match(str(line)) for (line,) in connection.exec_driver_sql("SHOW GRANTS")]
        # Others are on databases that are not read.
        here = {"*", "`{}`".format((self._names["schema"] or self._settings.database).replace("`", "``"))}
        granted = {
            right
            for grant in found
            if grant and grant["schema"].replace("\\_", "_") in here
            for right in rights_in(grant["rights"])
        }
        more = sorted(granted - _ENOUGH)
        overlap = "" if granted & {"PROCESS", "ALL PRIVILEGES"} else self._overlap
        if not more:
            return Rights(overlap=overlap)
        return Rights([f"The user {self._settings.user} may do more than SELECT: {', '.join(more[:5])}."], overlap)

    def has_index(self, connection: Connection) -> bool:
        return bool(connection.scalar(INDEX, self._names | {"column": self._settings.columns.updated_at}))

    def code_of(self, error: BaseException) -> str:
        if isinstance(error, ssl.SSLError) or isinstance(getattr(error, "original_exception", None), ssl.SSLError):
            return "tls"
        number = error.args[0] if error.args else None
        return _CODES.get(number, "failed") if isinstance(number, int) else "failed"


def tls_parameters(settings: SqlSettings, address: str) -> dict[str, ssl.SSLContext]:
    """Returns the parameter for TLS: verified unless the address is this machine's own or the settings say so.

    A server that offers none is then refused before it has the password.
    """
    if not settings.ca and (settings.insecure or is_loopback(address)):
        return {}
    return {"ssl": ssl.create_default_context(cadata=settings.ca or None)}


def age_of(age: int) -> int:
    """How long ago; what seems to come began in the hour that the server's clock has twice."""
    return max(age if age >= 0 else age + HOUR, 0)


def rights_in(granted: str) -> list[str]:
    """``SELECT (`id`, `phone`), INSERT`` as two words."""
    return [right.strip().upper() for right in re.sub(r"\([^)]*\)", "", granted).split(",")]
