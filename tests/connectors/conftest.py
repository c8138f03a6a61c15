"""A shop's own database with a table of customers, in each engine that can run here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from daftari.connectors.sql import Allowed, SqlColumns, SqlSettings
from tests.conftest import NewDatabase
from tests.support.sql_shops import CUSTOMERS, Shop, postgres_shop, reader_role


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
    with reader_role(postgres_server) as name:
        yield name


@pytest.fixture
def postgresql_shop(postgres_server: str, role: str, new_database: NewDatabase) -> Iterator[Shop]:
    with postgres_shop(postgres_server, new_database("postgres", empty=True), role=role) as shop:
        yield shop


def _ignore(_: object) -> None:
    """What a statement returns is not wanted."""
