"""Rows that are written before a poll and committed after it: the fence misses none."""

from __future__ import annotations

from functools import partial

import psycopg
import pytest

from daftari.connectors.sql.postgres import Postgres
from daftari.connectors.sql.window import Sight
from tests.support.fence_race import Race, race_of_profile, run_race
from tests.support.postgres import database_address
from tests.support.sql_shops import Shop, ids_of, read_all


@pytest.fixture
def kind() -> str:
    return "postgresql"


@pytest.fixture
def connect(shop: Shop, postgres_server: str) -> partial[psycopg.Connection]:
    return partial(psycopg.connect, database_address(postgres_server, shop.settings.database))


def test_no_row_is_missed_or_read_twice_while_transactions_are_open(
    shop: Shop, connect: partial[psycopg.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = run_race(shop.open("phone"), race_of_profile(), connect=connect, monkeypatch=monkeypatch)

    assert outcome.written > 100
    assert outcome.missed == 0
    assert outcome.repeated <= outcome.written / 100


def test_rows_would_be_missed_without_the_fence(
    shop: Shop, connect: partial[psycopg.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Postgres.look
    monkeypatch.setattr(Postgres, "look", lambda *args, **given: Sight(look(*args, **given).now))
    race = Race(seconds=4, writers=12, open_seconds_max=2)

    assert run_race(shop.open("phone"), race, connect=connect, monkeypatch=monkeypatch).missed > 0


def test_rows_that_are_committed_arrive_at_once_while_an_older_transaction_is_open(
    shop: Shop, connect: partial[psycopg.Connection]
) -> None:
    connector = shop.open("phone")
    _, page = read_all(connector)
    with connect() as other:
        other.execute("INSERT INTO customers (id) VALUES (1)")
        _, page = read_all(connector, page.cursor)
        began = page.complete_until
        shop.add("0722000002", first=2, minutes=0)
        for _ in range(2):
            records, page = read_all(connector, page.cursor)
            assert ids_of(records) == ["2"]
        assert page.complete_until == began
    assert ids_of(read_all(connector, page.cursor)[0]) == ["1", "2"]
