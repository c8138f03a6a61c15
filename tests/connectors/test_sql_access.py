"""Where a connection may go: only to servers and files that the operator named, and never to Daftari's own database."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace

from daftari.connectors.protocol import ConnectorFailed
from daftari.connectors.sql import Allowed, SqlColumns, SqlSettings, open_connector, read_sql_settings
from tests.conftest import NewDatabase
from tests.outbound.calls import NAME
from tests.support.relay import relay_to
from tests.support.sql_shops import Shop, read_all

SHOP = SqlSettings(
    kind="postgresql",
    host="db.intra",
    port=5432,
    database="shop",
    user="daftari",
    table="customers",
    columns=SqlColumns("id"),
)
DB_INTRA = Allowed(hosts=frozenset({("db.intra", 5432)}))


def refusal(
    settings: SqlSettings, allowed: Allowed, *addresses: str, asked: list[str] | None = None
) -> ConnectorFailed:
    """Why a connection is refused, where a name has these addresses."""

    def resolve(host: str, port: int) -> Sequence[str]:
        if asked is not None:
            asked.append(host)
        return addresses

    connector = open_connector(settings, password="s3cret", fields=(), allowed=allowed, resolve=resolve)
    with pytest.raises(ConnectorFailed) as caught:
        connector.check()
    connector.close()
    return caught.value


@pytest.mark.parametrize(
    "given",
    [
        {"host": "other.intra"},
        {"port": 5433},
        {"host": "db.intra.", "port": 5432},
        {"host": "127.0.0.1"},
        {"kind": "mysql", "host": "db.intra", "port": 3306},
    ],
)
def test_a_server_that_is_not_named_is_refused_before_its_name_is_looked_up(given: dict[str, object]) -> None:
    asked: list[str] = []
    failed = refusal(replace(SHOP, **given), DB_INTRA, "10.0.0.1", asked=asked)
    assert (failed.kind, failed.code) == ("broken", "host_not_allowed")
    assert "is not among the servers that DAFTARI_SQL_HOSTS allows" in failed.message
    assert asked == []


@pytest.mark.parametrize(
    "addresses",
    [
        ["169.254.169.254"],
        ["10.0.0.1", "169.254.169.254"],
        ["::ffff:169.254.169.254"],
        ["0.0.0.0"],
        ["fd00:ec2::254"],
        ["100.100.100.200"],
        ["224.0.0.1"],
        ["64:ff9b::a9fe:a9fe"],
    ],
)
def test_an_address_that_nobody_may_call_is_refused_whoever_named_the_server(addresses: list[str]) -> None:
    failed = refusal(SHOP, DB_INTRA, *addresses)
    assert (failed.kind, failed.code) == ("broken", "address")
    assert not any(address in failed.message for address in addresses)


def test_a_name_is_looked_up_once_for_a_connection_and_its_address_is_called(postgresql_shop: Shop) -> None:
    postgresql_shop.run("CREATE TABLE customers (id int PRIMARY KEY)")
    asked: list[str] = []
    settings = replace(postgresql_shop.settings, host=NAME, columns=SqlColumns("id"))

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    allowed = Allowed(hosts=frozenset({(NAME, settings.port)}))
    connector = open_connector(settings, password="s3cret", fields=(), allowed=allowed, resolve=resolve)
    connector.check()
    connector.check()
    assert asked == [NAME]
    connector.close()


def test_daftaris_own_database_is_refused_by_its_name(postgresql_shop: Shop) -> None:
    settings = postgresql_shop.settings
    for host in ("127.0.0.1", "localhost", ""):
        own = f"postgresql://daftari:secret@{host}:{settings.port}/{settings.database}"
        failed = refusal(settings, replace(postgresql_shop.allowed, own_database=own), "127.0.0.1")
        assert failed.code == "own_database" and "is Daftari's own database" in failed.message


def test_daftaris_own_database_is_refused_by_its_tables(
    engine: str, role: str, postgres_server: str, new_database: NewDatabase
) -> None:
    database = new_database(engine)
    if engine == "sqlite":
        settings = replace(SHOP, kind="sqlite", database=database, table="contact")
        failed = refusal(settings, Allowed(folders=(str(Path(database).parent),)))
    else:
        with relay_to(postgres_server) as relay, psycopg.connect(database) as owner:
            given = {"host": "127.0.0.1", "port": relay.port, "database": owner.info.dbname, "user": role}
            allowed = Allowed(hosts=frozenset({("127.0.0.1", relay.port)}))
            failed = refusal(replace(SHOP, **given, table="contact"), allowed, "127.0.0.1")
    assert (failed.kind, failed.code) == ("broken", "own_database")


class Files:
    """A folder that is allowed, with a shop's file in it."""

    def __init__(self, shop: Shop) -> None:
        self.path = Path(shop.settings.database)
        self.folder = self.path.parent
        self.shop = shop

    def refused(self, path: object, *, own: str = "") -> str:
        allowed = replace(self.shop.allowed, own_database=own)
        return refusal(replace(self.shop.settings, database=str(path)), allowed).code


@pytest.fixture
def files(sqlite_shop: Shop) -> Files:
    sqlite_shop.run("CREATE TABLE customers (id INTEGER PRIMARY KEY, updated_at TEXT, deleted BOOLEAN)")
    return Files(sqlite_shop)


def test_a_file_is_read_only_from_an_allowed_folder(files: Files, tmp_path: Path) -> None:
    assert read_all(files.shop.open())[0] == []
    outside = Path(shutil.copy(files.path, tmp_path / "outside.db"))
    for path in (
        outside,
        files.folder / ".." / "outside.db",
        "shop.db",
        files.folder,
        files.folder / "missing.db",
        "/etc/passwd",
        f"file:{files.path}?mode=rwc",
        f"{files.folder}2/shop.db",
    ):
        assert files.refused(path) == "file_not_allowed"
    assert refusal(files.shop.settings, Allowed()).code == "file_not_allowed"


def test_a_link_is_refused_wherever_it_leads(files: Files, tmp_path: Path) -> None:
    outside = Path(shutil.copy(files.path, tmp_path / "outside.db"))
    (files.folder / "link.db").symlink_to(outside)
    (files.folder / "near.db").symlink_to(files.path)
    (files.folder / "out").symlink_to(tmp_path)
    for name in ("link.db", "near.db", "out/outside.db"):
        assert files.refused(files.folder / name) == "file_not_allowed"


def test_daftaris_own_file_is_refused_under_any_name(files: Files) -> None:
    os.link(files.path, files.folder / "other.db")
    for path in (files.path, files.folder / "other.db"):
        assert files.refused(path, own=str(files.path)) == "own_database"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"kind": "oracle"}, "Invalid enum value 'oracle'"),
        ({"dsn": "postgresql://x"}, "Object contains unknown field `dsn`"),
        ({"query": "SELECT 1"}, "Object contains unknown field `query`"),
        ({"columns": {"id": "id", "sql": "x"}}, "unknown field `sql`"),
        ({"table": "pg_shadow"}, '"pg_shadow" is a table of the server itself'),
        ({"table": "pg_catalog.pg_authid"}, "is a table of the server itself"),
        ({"table": "Information_Schema.tables"}, "is a table of the server itself"),
        ({"time_zone": "Nairobi"}, 'There is no time zone "Nairobi"'),
        ({"time_zone": "/etc/passwd"}, "There is no time zone"),
        ({"host": "db.intra/x"}, '"db.intra/x" is no host'),
        ({"host": "a@b"}, '"a@b" is no host'),
        ({"host": ""}, "PostgreSQL needs a host and a user"),
        ({"database": "shop\0"}, "database"),
    ],
)
def test_settings_that_are_not_right_are_named(given: dict[str, object], says: str) -> None:
    good = {"kind": "postgresql", "host": "DB.intra", "database": "shop", "user": "daftari", "table": "customers"}
    assert read_sql_settings({**good, "columns": {"id": "id"}}) == SHOP
    with pytest.raises(ConnectorFailed) as caught:
        read_sql_settings({**good, "columns": {"id": "id"}, **given})
    assert caught.value.code == "settings" and says in caught.value.message
