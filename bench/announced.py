"""Rows about a shop's own PostgreSQL: how long after a commit there a new customer is in the group here.

The shop's table has 100,000 rows that do not change. A customer is added at a moment that no poll knows of, and the
group is asked for the number until it is there.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any
from urllib.parse import quote

import msgspec
import psycopg
from msgspec import Struct

from bench.checkout import HERE, environment
from bench.datasets import Dataset, Datasets, Engine
from bench.ratios import Line
from bench.server import IMPORTABLE, Server, free_port, run_server, serve_command, start_process
from bench.settings import BenchFailed, Settings

ROWS = 100_000
"""Rows of the table before the first one that is timed."""
ANNOUNCED, POLLED, QUICK = 60, 40, 5
"""How many customers are added."""
ANNOUNCED_GOAL, POLLED_GOAL = 1.0, 7.0
APART_SECONDS = 3.0
"""At most so long after another customer one is added."""
WAIT_SECONDS_MAX = 120.0
ASK_SECONDS = 0.01
FIRST = 254_711_000_000
TABLE = f"""
CREATE TABLE customers (id bigint PRIMARY KEY, phone text, name text, updated_at timestamptz DEFAULT now());
INSERT INTO customers SELECT n, '+' || ({FIRST} + n), 'Customer ' || n, now() - interval '1 day'
    FROM generate_series(1, {ROWS}) n;
CREATE INDEX ON customers (updated_at, id);
CREATE FUNCTION daftari_notify() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NOTIFY daftari; RETURN NULL; END $$;
CREATE TRIGGER daftari_notify AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON customers
    FOR EACH STATEMENT EXECUTE FUNCTION daftari_notify();
"""


def announced_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """From a commit in a shop's PostgreSQL to the group, with NOTIFY and without, SQLite."""
    return _announced(settings, datasets, "SQLite")


def announced_postgres(settings: Settings, datasets: Datasets) -> list[Line]:
    """From a commit in a shop's PostgreSQL to the group, with NOTIFY and without, PostgreSQL."""
    return _announced(settings, datasets, "PostgreSQL")


def _announced(settings: Settings, datasets: Datasets, engine: Engine) -> list[Line]:
    dataset = datasets.copy(datasets.get(engine, rows=10_000), to="announced")
    datasets.postgres.create_database("shop")
    with (
        psycopg.connect(datasets.postgres.url("shop"), autocommit=True) as owner,
        _run_shop(dataset, datasets.postgres.url("postgres")) as shop,
    ):
        owner.execute(TABLE.encode())
        shop.connect(owner.info.user)
        lines = []
        for notify, count, goal in ((True, ANNOUNCED, ANNOUNCED_GOAL), (False, POLLED, POLLED_GOAL)):
            shop.set_notify(notify=notify)
            seconds = [shop.time_one(owner) for _ in range(QUICK if settings.quick else count)]
            word = "announced by NOTIFY" if notify else "found by polls of 5 s"
            lines.append(
                Line(
                    what=f"from the commit in a shop's PostgreSQL to the group, {word}, {engine}",
                    goal=f"≤ {goal:g} s",
                    measured=f"{max(seconds):.2f} s at most, {median(seconds):.2f} s in the middle of {len(seconds)}",
                    met=max(seconds) <= goal,
                )
            )
        return lines


class _Shop(Struct):
    """A server and a worker that may read the shop's database."""

    server: Server
    port: int
    path: str = ""
    table: dict[str, Any] = {}
    last: int = ROWS

    def ask(self, method: str, path: str, body: object = None) -> Any:
        return msgspec.json.decode(self.server.call(method, path, body))

    def connect(self, user: str) -> None:
        """Add the connection, and wait until everything is read."""
        place = {"host": "127.0.0.1", "port": self.port, "database": "shop", "user": user}
        columns = {"id": "id", "updated_at": "updated_at"}
        self.table = {**place, "table": "customers", "columns": columns, "times_set_by": "database"}
        connection = {
            "name": "shop",
            "kind": "postgresql",
            "credentials": {"password": "none is asked for"},
            "settings": self.table,
            "fields": {"phone": "mobile", "name": "fname"},
            "groups": [{"from": "all", "to": "shop"}],
        }
        self.path = f"/v1/connections/{self.ask('POST', '/v1/connections', connection)['connection']['id']}"
        check = self.ask("POST", f"{self.path}/check")["check"]
        if not check["works"]:
            raise BenchFailed(f"The shop's database cannot be read: {check['says']}")
        self.ask("POST", f"{self.path}/start")
        self._wait_until_read()

    def set_notify(self, *, notify: bool) -> None:
        """Let changes be announced, or not, and wait until everything was compared because of that."""
        self.ask("PATCH", self.path, {"settings": {**self.table, "notify": notify}})
        time.sleep(2 * APART_SECONDS)
        self._wait_until_read()

    def _wait_until_read(self) -> None:
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while (found := self.ask("GET", self.path)["connection"])["state"] != "live" or found["comparing"]:
            if time.monotonic() > deadline:
                raise BenchFailed(f"The shop is not read: {found['state']}, {found['reason']}")
            time.sleep(0.2)

    def time_one(self, owner: psycopg.Connection[Any]) -> float:
        """Add a customer at some moment. Returns after how many seconds the group has them."""
        time.sleep(random.uniform(0, APART_SECONDS))
        self.last += 1
        mobile = FIRST + self.last
        owner.execute(b"INSERT INTO customers (id, phone, name) VALUES (%s, %s, 'New')", (self.last, f"+{mobile}"))
        began = time.perf_counter()
        path = f"/v1/groups/{quote('shop')}"
        count = self.last
        while self.ask("GET", path)["group"]["contacts"] < count:
            if time.perf_counter() - began > WAIT_SECONDS_MAX:
                raise BenchFailed("A new customer is not in the group; see .bench/logs/worker.log.")
            time.sleep(ASK_SECONDS)
        return time.perf_counter() - began


@contextmanager
def _run_shop(dataset: Dataset, database: str) -> Iterator[_Shop]:
    """Daftari over a dataset, and a port of this machine in front of the shop's server, which has a socket alone."""
    command = [str(HERE.python), "-m", "tests.support.relay", database]
    relay = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment() | IMPORTABLE)
    assert relay.stdin is not None and relay.stdout is not None
    try:
        port = int(relay.stdout.readline())
        extra = {"DAFTARI_SQL_HOSTS": f"127.0.0.1:{port}"}
        own = free_port()
        serve = serve_command(database=dataset.database, port=own)
        work = HERE.command("worker", "--database", dataset.database)
        with (
            run_server(
                name="daftari", command=serve, port=own, key=dataset.key, path="/v1/health", extra=extra
            ) as server,
            start_process(name="worker", command=work, extra=extra),
        ):
            yield _Shop(server, port)
    finally:
        relay.stdin.close()
        relay.wait()
        relay.stdout.close()
