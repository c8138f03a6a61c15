"""Writers that keep transactions open while a connector polls: what it missed, and what it read twice."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from msgspec import Struct

from daftari.connectors.sql import connector as sql_connector
from daftari.connectors.sql.connector import SqlConnector
from daftari.connectors.sql.timeline import SECOND

POLL_SECONDS = 0.2
MARGIN = SECOND // 10
"""Far less than a transaction lasts, so that it is the fence that is tested."""


class Race(Struct, frozen=True, kw_only=True):
    """How long, by how many, how long a transaction is open, and how many rows each of its statements writes."""

    seconds: float
    writers: int
    open_seconds_max: float
    rows: int = 1


def race_of_profile() -> Race:
    """A share of it, or all of it under ``make prove``."""
    if settings.default is not None and settings.default.max_examples >= 1_000:
        return Race(seconds=120, writers=24, open_seconds_max=30, rows=2_000)
    return Race(seconds=6, writers=12, open_seconds_max=2)


class Outcome(Struct, frozen=True):
    """Of the rows that were written: those that no poll had, and those that several had."""

    written: int
    missed: int
    repeated: int


def run_race(
    connector: SqlConnector, race: Race, *, connect: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> Outcome:
    """Let them write and poll until all have committed. ``connect`` makes a connection that begins transactions."""
    monkeypatch.setattr(sql_connector, "MARGIN_OF_DATABASE", MARGIN)
    # What is read before its turn is read again; without it every row must come exactly once.
    monkeypatch.setattr(sql_connector, "EARLY_ROWS_MAX", -1)
    written: list[int] = []
    end = time.monotonic() + race.seconds

    def write(writer: int) -> None:
        chance = random.Random(writer)
        connection = connect()
        number = writer * 1_000_000
        while time.monotonic() < end:
            statements = chance.randint(1, 5)
            first = number
            with connection.cursor() as cursor:
                for _ in range(statements):
                    rows = ", ".join(f"({row_id}, '07')" for row_id in range(number, number + race.rows))
                    cursor.execute(f"INSERT INTO customers (id, phone) VALUES {rows}")
                    number += race.rows
                    time.sleep(chance.uniform(0, race.open_seconds_max / statements))
            connection.commit()
            written.extend(range(first, number))
        connection.close()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(1, race.writers + 1)]
    for thread in threads:
        thread.start()
    read: Counter[str] = Counter()
    cursor = ""
    ended = False
    while not ended:
        ended = not any(thread.is_alive() for thread in threads)
        time.sleep(POLL_SECONDS)
        has_more = True
        while has_more:
            page = connector.read_changes(cursor, now=time.time_ns() // 1000)
            read.update(record.id for record in page.records)
            cursor, has_more = page.cursor, page.has_more
    return Outcome(
        len(written), sum(str(row_id) not in read for row_id in written), sum(times > 1 for times in read.values())
    )
