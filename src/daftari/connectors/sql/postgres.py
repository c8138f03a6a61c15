"""PostgreSQL, by psycopg."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import psycopg
from sqlalchemy import Connection, text

from daftari.connectors.protocol import ConnectorFailed
from daftari.connectors.sql.access import CONNECT_SECONDS, OWN_COLUMN, OWN_TABLE, FindAddresses, is_loopback
from daftari.connectors.sql.engine import APPLICATION, IDLE_SECONDS, LOCK_SECONDS, Rights
from daftari.connectors.sql.failures import STATEMENT_SECONDS, failure
from daftari.connectors.sql.settings import SqlSettings
from daftari.connectors.sql.timeline import SECOND
from daftari.connectors.sql.values import Column
from daftari.connectors.sql.window import OVERLAP, OpenTransaction, Sight

PREPARED_BEFORE = 5 * 60 * SECOND
"""How long before it was prepared a transaction may have begun, which the database does not show."""
SESSION = b"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"
TRANSACTION = (
    f"SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY; SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'; "
    f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'; SET LOCAL idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'; "
    "SET LOCAL timezone = 'UTC'"
)
"""In each transaction: a pooler may give it another session of the server."""

LOOK = text("""
SELECT (extract(epoch FROM now()) * 1000000)::bigint,
    pg_is_in_recovery(),
    pg_has_role('pg_read_all_stats', 'USAGE')
""")
TRANSACTIONS = text("""
SELECT (extract(epoch FROM xact_start) * 1000000)::bigint, usename FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
    AND backend_type NOT IN ('autovacuum worker', 'walsender', 'parallel worker')
UNION ALL
SELECT (extract(epoch FROM prepared) * 1000000)::bigint - :before, owner FROM pg_prepared_xacts
WHERE database = current_database()
""")
OWN = text("""
SELECT EXISTS (
    SELECT FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relname = :own_table AND c.relkind IN ('r', 'p') AND a.attname = :own_column
)
""")
COLUMNS = text("""
SELECT a.attname, CASE WHEN t.typcategory = 'A' THEN 'ARRAY' ELSE
    format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid), NULL) END,
    has_column_privilege(a.attrelid, a.attnum, 'SELECT')
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = to_regclass(:name) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
""")
RIGHTS = text("""
SELECT has_table_privilege(to_regclass(:name), 'INSERT, UPDATE, DELETE, TRUNCATE'),
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
    pg_has_role('pg_read_all_stats', 'USAGE')
""")
TRIGGERS = text("""
SELECT relkind IN ('r', 'p'), EXISTS (
    SELECT FROM pg_trigger
    WHERE tgname = :trigger AND tgenabled IN ('O', 'A') AND (tgrelid = c.oid OR relkind NOT IN ('r', 'p'))
)
FROM pg_class c WHERE c.oid = to_regclass(:name)
""")
INDEX = text("""
SELECT (SELECT relkind NOT IN ('r', 'p') FROM pg_class WHERE oid = to_regclass(:name)) OR EXISTS (
    SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = to_regclass(:name) AND a.attname = :column
)
""")

CHANNEL = "daftari"
TRIGGER = "daftari_notify"
ANNOUNCEMENT = f"""\
CREATE OR REPLACE FUNCTION {TRIGGER}() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN NOTIFY {CHANNEL}; RETURN NULL; END $$;
CREATE TRIGGER {TRIGGER} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{table}}
  FOR EACH STATEMENT EXECUTE FUNCTION {TRIGGER}();
"""

KINDS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("smallint", "integer", "bigint"), "integer"),
        "numeric": "decimal",
        "double precision": "double",
        "real": "single",
        "boolean": "boolean",
        **dict.fromkeys(("text", "character varying"), "text"),
        **dict.fromkeys(("character", '"char"', "bpchar"), "char"),
        "uuid": "uuid",
        "bytea": "bytes",
        "timestamp with time zone": "aware",
        "timestamp without time zone": "naive",
        "date": "date",
        **dict.fromkeys(("json", "jsonb"), "json"),
        "ARRAY": "list",
    }
)
_REFUSED = ("authentication failed", "pg_hba.conf", "no password supplied", "permission denied for database")
_STATES: Mapping[str, str] = MappingProxyType(
    {
        "42501": "not_readable",
        "42P01": "table",
        "42703": "columns",
        "42883": "columns",
        "57014": "slow",
        "55P03": "locked",
        "3D000": "database",
        "28000": "access",
        "28P01": "access",
        "25P03": "unreachable",
    }
)


class Postgres:
    """A PostgreSQL server, or what speaks its protocol."""

    url = "postgresql+psycopg://"

    def __init__(self, settings: SqlSettings, *, password: str, find_addresses: FindAddresses) -> None:
        self._settings = settings
        self._password = password
        self._find_addresses = find_addresses
        schema, table = settings.schema_and_table
        why = f"The role may not see the transactions of others: GRANT pg_read_all_stats TO {settings.user}"
        self._overlap = f"{why}; until then each poll reads 15 minutes again."
        self._name = ".".join('"' + part.replace('"', '""') + '"' for part in (schema, table) if part)

    def connect(self) -> psycopg.Connection[Any]:
        failed: psycopg.Error | None = None
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as ca:
            ca.write(self._settings.ca)
            ca.flush()
            for address in self._find_addresses(self._settings):
                try:
                    return self._connected(address, ca=ca.name)
                except psycopg.OperationalError as error:
                    failed = error
        assert failed is not None
        raise failed

    def _connected(self, address: str, *, ca: str) -> psycopg.Connection[Any]:
        settings = self._settings
        sslmode, sslrootcert = tls_parameters(settings, address, ca=ca)
        # Without a password the library would look for one in this process's environment and files.
        connection: psycopg.Connection[Any] = psycopg.connect(
            host=settings.host,
            hostaddr=address,
            port=settings.port,
            dbname=settings.database,
            user=settings.user,
            password=self._password or " ",
            client_encoding="UTF8",
            application_name=APPLICATION,
            connect_timeout=int(CONNECT_SECONDS),
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=(STATEMENT_SECONDS + 5) * 1000,
            gssencmode="disable",
            sslcertmode="disable",
            prepare_threshold=None,
            sslmode=sslmode,
            sslrootcert=sslrootcert,
        )
        try:
            connection.autocommit = True
            # Behind a pooler the session is not ours alone, and would stay read-only for the next client.
            if connection.execute(b"SELECT pg_backend_pid()").fetchone() == (connection.info.backend_pid,):
                connection.execute(SESSION)
            connection.autocommit = False
        except psycopg.Error:
            connection.close()
            raise
        return connection

    def begin(self, connection: Connection) -> None:
        connection.exec_driver_sql(TRANSACTION)

    def is_own(self, connection: Connection) -> bool:
        return bool(connection.scalar(OWN, {"own_table": OWN_TABLE, "own_column": OWN_COLUMN}))

    def look(self, connection: Connection, *, now: int) -> Sight:
        there, standby, may_see = connection.execute(LOOK).one()
        if standby:
            why = f"{self._settings.place} is a copy, which does not show the transactions of the server it copies"
            return Sight(there, overlap=OVERLAP, warning=f"{why}; each poll reads 15 minutes again.")
        if not may_see:
            return Sight(there, overlap=OVERLAP, warning=self._overlap)
        rows = connection.execute(TRANSACTIONS, {"before": PREPARED_BEFORE})
        return Sight(there, [OpenTransaction(start, user or "") for start, user in rows])

    def columns(self, connection: Connection) -> Sequence[Column]:
        rows = connection.execute(COLUMNS, {"name": self._name}).all()
        readable = [Column(name, KINDS.get(kind, "other")) for name, kind, may_read in rows if may_read]
        if rows and not readable:
            raise failure("not_readable", self._settings, "")
        return readable

    def rights(self, connection: Connection) -> Rights:
        writes, is_super, may_see = connection.execute(RIGHTS, {"name": self._name}).one()
        user, table = self._settings.user, self._settings.table
        warnings = []
        if is_super:
            warnings.append(f"{user} is a superuser; make a role that may only read {table}.")
        elif writes:
            warnings.append(f"The role {user} may change {table}; SELECT is enough.")
        if self._settings.notify:
            is_table, announces = connection.execute(TRIGGERS, {"name": self._name, "trigger": TRIGGER}).one()
            if not announces:
                named = self._name if is_table else "each table that the view reads"
                warnings.append(
                    f"Nothing announces changes of {table}, so polls find them. Its owner runs once: "
                    + ANNOUNCEMENT.format(table=named).rstrip()
                )
        return Rights(warnings, "" if may_see else self._overlap)

    def has_index(self, connection: Connection) -> bool:
        given = {"name": self._name, "column": self._settings.columns.updated_at}
        return bool(connection.scalar(INDEX, given))

    def code_of(self, error: BaseException) -> str:
        state = getattr(error, "sqlstate", None) or ""
        if state:
            return _STATES.get(state, "unreachable" if state[:2] in ("08", "53", "57") else "failed")
        said = str(error).lower()
        if not isinstance(error, psycopg.OperationalError):
            return "failed"
        if "ssl" in said or "certificate" in said:
            return "tls"
        if any(words in said for words in _REFUSED) or ("role" in said and "does not exist" in said):
            return "access"
        return "database" if "database" in said and "does not exist" in said else "unreachable"


def tls_parameters(settings: SqlSettings, address: str, *, ca: str) -> tuple[str, str]:
    """Returns ``sslmode`` and ``sslrootcert``.

    TLS is verified unless the address is this machine's own or the settings say so. ``ca`` is the file with the
    settings' authority; one that is given is always asked for.
    """
    if settings.ca:
        return "verify-full", ca
    if settings.insecure or is_loopback(address):
        return "prefer", ""
    found = ssl.get_default_verify_paths().cafile
    if found is None:
        raise ConnectorFailed("broken", "tls", "This machine has no file of authorities; give the server's as `ca`.")
    return "verify-full", found
