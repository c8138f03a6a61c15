"""What a connection to a database is set to, and what the operator allows. No network, no driver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from daftari.connectors.protocol import ConnectorFailed, Facts
from daftari.outbound.addresses import HostAndPort, read_allowed_hosts

Kind = Literal["postgresql", "mysql", "sqlite"]

TITLES: Mapping[Kind, str] = {"postgresql": "PostgreSQL", "mysql": "MySQL", "sqlite": "SQLite"}
PORTS: Mapping[Kind, int] = {"postgresql": 5432, "mysql": 3306, "sqlite": 0}
RECORDS_MAX = 1_000
"""Ids that are asked for at once."""
SQL_FACTS = Facts(
    title="Database",
    records_max=RECORDS_MAX,
    poll_seconds=5,
    sees_deleted=False,
    sees_merged=False,
    writes_back=False,
)
SYSTEM_SCHEMAS = frozenset({"information_schema", "mysql", "performance_schema", "sys"})
SYSTEM_PREFIXES = ("pg_", "sqlite_")
"""Tables of the server's own, which hold accounts and passwords."""

Name = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"\A[^\x00-\x1f]*\Z")]


class SqlColumns(Struct, frozen=True, forbid_unknown_fields=True):
    """The columns that have a meaning for the connection itself; all others are fields.

    ``id``: names a row and never changes. ``updated_at``: when the row was last written; without it the whole table is
    read each time. ``deleted``: a flag, or when the row was deleted.
    """

    id: Name
    updated_at: Name | None = None
    deleted: Name | None = None


class SqlSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table or view. ``database`` is a file's path for SQLite, which needs no host and no user.

    ``time_zone``: of times that are stored without one. ``times_set_by``: who sets ``updated_at``; clocks of programs
    differ, so that their rows are read a minute late. ``ca``: the authority of the server's certificate, as PEM; blank
    for the system's. ``insecure``: do without TLS on a network of one's own. ``notify``: PostgreSQL announces changes,
    by a trigger that the owner of the table makes.
    """

    kind: Kind
    host: Annotated[str, Meta(max_length=253)] = ""
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    database: Annotated[str, Meta(min_length=1, max_length=1_024, pattern=r"\A[^\x00-\x1f]*\Z")]
    user: Annotated[str, Meta(max_length=128)] = ""
    table: Name
    columns: SqlColumns
    time_zone: str = "UTC"
    times_set_by: Literal["database", "programs"] = "programs"
    ca: Annotated[str, Meta(max_length=64 * 1024)] = ""
    insecure: bool = False
    notify: bool = False

    @property
    def title(self) -> str:
        """What people call the system."""
        return TITLES[self.kind]

    @property
    def place(self) -> str:
        """Where it is, for sentences."""
        return self.database if self.kind == "sqlite" else f"{self.host}:{self.port}/{self.database}"

    @property
    def schema_and_table(self) -> tuple[str | None, str]:
        """``schema.table`` in two; the schema is ``None`` when only a table is named."""
        schema, dot, table = self.table.partition(".")
        return (schema, table) if dot else (None, schema)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of times without one."""
        return ZoneInfo(self.time_zone)


class Allowed(Struct, frozen=True, kw_only=True):
    """What the operator allows: servers, and folders with SQLite files; and which database is Daftari's own."""

    hosts: frozenset[HostAndPort] = frozenset()
    folders: tuple[str, ...] = ()
    own_database: str = ""


def read_sql_settings(given: Mapping[str, object]) -> SqlSettings:
    """Returns the settings that a connection's JSON gives. Raises ``ConnectorFailed`` that names what is wrong."""
    try:
        settings = msgspec.convert(dict(given), SqlSettings, strict=False)
    except msgspec.ValidationError as error:
        raise broken("settings", f"The settings of the database are not right: {error}.") from None
    try:
        ZoneInfo(settings.time_zone)
    except (KeyError, ValueError, OSError):
        raise broken(
            "settings", f'There is no time zone "{settings.time_zone}"; write Africa/Nairobi or UTC.'
        ) from None
    _refuse_system_table(settings)
    if settings.notify and settings.kind != "postgresql":
        raise broken("settings", f"{settings.title} announces no changes: leave out `notify`, which is for PostgreSQL.")
    if settings.kind == "sqlite":
        return settings
    if not settings.host or not settings.user:
        raise broken("settings", f"{settings.title} needs a host and a user.")
    host, port = read_host(settings.host, settings.port or PORTS[settings.kind])
    return msgspec.structs.replace(settings, host=host, port=port)


def read_host(host: str, port: int) -> HostAndPort:
    """Returns host and port as the allowed ones are written. Raises ``ConnectorFailed``."""
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        (read,) = read_allowed_hosts([shown])
    except ValueError:
        raise broken("settings", f'"{host}" is no host; write a name or an address, such as db.intra.') from None
    return read


def broken(code: str, message: str) -> ConnectorFailed:
    """A failure that lasts until a person acts."""
    return ConnectorFailed("broken", code, message)


def _refuse_system_table(settings: SqlSettings) -> None:
    schema, table = (part.lower() if part else "" for part in settings.schema_and_table)
    if schema in SYSTEM_SCHEMAS or schema.startswith(SYSTEM_PREFIXES) or table.startswith(SYSTEM_PREFIXES):
        raise broken("settings", f'"{settings.table}" is a table of the server itself; name one with people in it.')
