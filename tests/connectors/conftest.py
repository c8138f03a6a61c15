"""A shop's own database with a table of customers, in each engine that can run here."""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from daftari.connectors.sql import Allowed, SqlColumns, SqlSettings
from tests.conftest import NewDatabase
from tests.support.relay import relay_to
from tests.support.sql_shops import CUSTOMERS, Shop

_numbers = itertools.count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def shop(kind: str, request: pytest.FixtureRequest) -> Shop:
    """An empty table of customers in an engine."""
    made: Shop = request.getfixturevalue(f"{kind}_shop")
    made.run(CUSTOMERS[kind])
    return made


@pytest.fixture
def sqlite_shop(tmp_path: Path) -> Iterator[Shop]:
    path = tmp_path / "shop" / "shop.db"
    path.parent.mkdir()
    connection = sqlite3.connect(path, isolation_level=None)
    settings = SqlSettings(
        kind="sqlite",
        database=str(path),
        table="customers",
        columns=SqlColumns("id", "updated_at", "deleted"),
        times_set_by="database",
    )
    shop = Shop(settings, Allowed(folders=(str(path.parent),)), lambda sql: _ignore(connection.executescript(sql)))
    yield shop
    for connector in shop.opened:
        connector.close()
    connection.close()


@pytest.fixture
def role(postgres_server: str) -> Iterator[str]:
    """A role that may log in, and nothing else."""
    name = f"reader_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN".encode())
        yield name
        connection.execute(f"DROP ROLE {name}".encode())


@pytest.fixture
def postgresql_shop(postgres_server: str, role: str, new_database: NewDatabase) -> Iterator[Shop]:
    database = new_database("postgres", empty=True)
    with ExitStack() as stack:
        relay = stack.enter_context(relay_to(postgres_server))
        owner = stack.enter_context(psycopg.connect(database, autocommit=True))
        owner.execute(f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {role}".encode())
        owner.execute(f"GRANT pg_read_all_stats TO {role}".encode())
        settings = SqlSettings(
            kind="postgresql",
            host="127.0.0.1",
            port=relay.port,
            database=owner.info.dbname,
            user=role,
            table="customers",
            columns=SqlColumns("id", "updated_at", "deleted"),
            times_set_by="database",
        )
        allowed = Allowed(hosts=frozenset({("127.0.0.1", relay.port)}))
        shop = Shop(settings, allowed, lambda sql: _ignore(owner.execute(sql.encode())))
        yield shop
        for connector in shop.opened:
            connector.close()
        owner.execute(f"DROP OWNED BY {role}".encode())


def _ignore(_: object) -> None:
    """What a statement returns is not wanted."""
