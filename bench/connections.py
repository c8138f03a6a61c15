"""Rows about connections: the first reading of a CRM and of a database, the same again, and what links weigh.

The fake HubSpot of the tests is a process of its own on loopback and takes a core of its own while it is read, so that
what counts is the processor time of the worker.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from statistics import median
from typing import Any

import apsw
import msgspec
import psycopg

from bench.checkout import HERE, environment
from bench.datasets import Dataset, Datasets, Engine
from bench.provider import Spent, measured
from bench.ratios import Line, show_rate
from bench.server import IMPORTABLE, Server, free_port, memory_of, run_server, serve_command, start_process
from bench.settings import BenchFailed, Settings

MEGABYTE = 1_000_000
KEY = "pat-eu1-kikapu"
RECORDS = 100_000
"""Contacts of the fake HubSpot."""
QUICK = 10_000
AGE_SECONDS = 86_400
"""How long ago they were made: what was made lately is read twice."""
FIRST_MIN: Mapping[Engine, int] = {"SQLite": 15_000, "PostgreSQL": 10_000}
AGAIN_MIN = 40_000
CALLS_PER_10_SECONDS = 190
LIMITED_CALLS = 600
LIMITED_SHARE = 0.95
RECORDS_PER_CALL = 100
TABLE_SECONDS = 60.0
MEMORY_MAX = 40 * MEGABYTE
LINK_BYTES_MAX = 120
STATUS_MILLISECONDS = 5.0
PROBLEMS_MILLISECONDS = 20.0
PROBLEM_EVERY = 100
"""One row of the table in so many has a number that cannot be read."""
FEW = 10_000
CALLS = 50
WAIT_SECONDS_MAX = 1_800.0
SETTLE_SECONDS = 3.0
FIELDS = {"mobilephone": "mobile", "firstname": "fname", "lastname": "lname", "city": "city"}
SHOP = "work_shop"


# ---- HubSpot --------------------------------------------------------------------------------------------


def connect_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """The first reading of a HubSpot without limits, and a comparison with nothing changed, SQLite."""
    return _connect(settings, datasets, "SQLite")


def connect_postgres(settings: Settings, datasets: Datasets) -> list[Line]:
    """The first reading of a HubSpot without limits, and a comparison with nothing changed, PostgreSQL."""
    return _connect(settings, datasets, "PostgreSQL")


def _connect(settings: Settings, datasets: Datasets, engine: Engine) -> list[Line]:
    records = QUICK if settings.quick else RECORDS
    firsts, agains = [], []
    for _ in range(1 if settings.quick else 3):
        dataset = datasets.copy(datasets.get(engine, rows=0), to="connection")
        with run_fake(records, "--unlimited") as port, run_system(dataset, outbound=port) as system:
            path = system.add(_hubspot(port))
            firsts.append(system.start(path, records=records))
            agains.append(system.compare(path))
    first = median(records / run.cpu for run in firsts)
    again = median(records / run.cpu for run in agains)
    return [
        Line(
            what=f"first reading of {records:,} contacts of a HubSpot without limits, {engine}",
            goal=f"≥ {FIRST_MIN[engine]:,} a second of processor time",
            measured=_rate(first, records, firsts),
            met=first >= FIRST_MIN[engine],
        ),
        Line(
            what=f"a comparison of all of them with nothing changed: no row of an import, {engine}",
            goal=f"≥ {AGAIN_MIN:,} a second of processor time",
            measured=_rate(again, records, agains),
            met=again >= AGAIN_MIN,
        ),
    ]


def _rate(rate: float, records: int, runs: Sequence[Spent]) -> str:
    by_clock = median(records / run.seconds for run in runs)
    return f"{show_rate(rate)} of the worker's processor time; {show_rate(by_clock)} by the clock"


def connect_limited(settings: Settings, datasets: Datasets) -> list[Line]:
    """The first reading of a HubSpot that takes 190 calls in ten seconds, SQLite."""
    records = LIMITED_CALLS * RECORDS_PER_CALL
    dataset = datasets.copy(datasets.get("SQLite", rows=0), to="connection")
    with (
        run_fake(records, "--calls", str(CALLS_PER_10_SECONDS)) as port,
        run_system(dataset, outbound=port) as system,
    ):
        rate = system.rate(system.add(_hubspot(port)), after=records // 10, until=records * 9 // 10)
    allowed = CALLS_PER_10_SECONDS / 10 * RECORDS_PER_CALL
    share = rate / allowed
    return [
        Line(
            what=f"first reading of {records:,} contacts of a HubSpot that takes {CALLS_PER_10_SECONDS} calls in 10 s",
            goal=f"≥ {LIMITED_SHARE:.0%} of the {allowed:,.0f} contacts a second that it allows",
            measured=f"{share:.0%} ({show_rate(rate)})",
            met=share >= LIMITED_SHARE,
        )
    ]


def _hubspot(port: int) -> dict[str, object]:
    return {
        "name": "crm",
        "groups": [{"from": "all", "to": "crm"}],
        "kind": "hubspot",
        "credentials": {"key": KEY},
        "settings": {"base_url": f"http://127.0.0.1:{port}"},
        "fields": FIELDS,
    }


# ---- a table ----------------------------------------------------------------------------------------------


def connect_table(settings: Settings, datasets: Datasets) -> list[Line]:
    """A table of PostgreSQL that is read into SQLite: time, memory, what links weigh, and calls meanwhile."""
    rows = settings.rows
    dataset = datasets.copy(datasets.get("SQLite", rows=0), to="connection")
    server = datasets.postgres.url(_make_tables(datasets, rows))
    with run_relay(server) as port, run_system(dataset, database=port) as system:
        # What drivers and buffers take, however many rows there are.
        few = system.add(_table(port, "few"))
        system.start(few, records=FEW)
        system.pause(few)
        at_start = system.most_memory
        path = system.add(_table(port, "customers"))
        first = system.start(path, records=rows)
        again = system.compare(path)
        memory = system.most_memory - at_start
        status = median(_milliseconds(system.server, path) for _ in range(CALLS))
        problems = median(_milliseconds(system.server, f"{path}/records?state=problem") for _ in range(CALLS))
    weight = _weigh_links(dataset) / rows
    return [
        Line(
            what=f"a table of {rows:,} rows in PostgreSQL, read into SQLite",
            goal=f"≤ {TABLE_SECONDS * rows / 1_000_000:.0f} s of processor time",
            measured=f"{first.cpu:.1f} s of the worker's processor time; {first.seconds:.1f} s by the clock",
            met=first.cpu <= TABLE_SECONDS * rows / 1_000_000,
        ),
        Line(
            what="a comparison of all of them with nothing changed",
            goal=f"≥ {AGAIN_MIN:,} a second of processor time",
            measured=_rate(rows / again.cpu, rows, [again]),
            met=rows / again.cpu >= AGAIN_MIN,
        ),
        Line(
            what=f"memory of the worker meanwhile, at most, compared with a table of {FEW:,} rows",
            goal="+ 40 MB",
            measured=f"{memory / MEGABYTE:+.0f} MB",
            met=memory <= MEMORY_MAX,
        ),
        Line(
            what="what a link takes in the file, with its indexes",
            goal=f"≤ {LINK_BYTES_MAX} bytes",
            measured=f"{weight:.0f} bytes",
            met=weight <= LINK_BYTES_MAX,
        ),
        Line(
            what="the status of the connection, a call on a connection of its own",
            goal="< 5 ms",
            measured=f"{status:.1f} ms",
            met=status < STATUS_MILLISECONDS,
        ),
        Line(
            what=f"a page of its {rows // PROBLEM_EVERY:,} problems",
            goal="< 20 ms",
            measured=f"{problems:.1f} ms",
            met=problems < PROBLEMS_MILLISECONDS,
        ),
    ]


def _table(port: int, name: str) -> dict[str, object]:
    return {
        "name": name,
        "kind": "postgresql",
        "credentials": {"password": "not asked for"},
        "settings": {
            "host": "127.0.0.1",
            "port": str(port),
            "user": "postgres",
            "database": SHOP,
            "table": name,
            "columns": {"id": "id", "updated_at": "updated_at"},
        },
        "fields": {"phone": "mobile", "first": "fname", "last": "lname", "city": "city"},
        "groups": [{"from": "all", "to": name}],
    }


def _make_tables(datasets: Datasets, rows: int) -> str:
    """A table of so many customers, and one of a few of them."""
    datasets.postgres.create_database(SHOP)
    with psycopg.connect(datasets.postgres.url(SHOP), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE customers (id bigint PRIMARY KEY, phone text, first text, last text, city text, "
            "updated_at timestamptz NOT NULL)"
        )
        connection.execute(
            "INSERT INTO customers SELECT n, CASE WHEN n %% %s = 0 THEN 'ask' ELSE '07' || lpad(n::text, 8, '0') END, "
            "'F' || n, 'Otieno', 'Kisumu', now() - interval '1 day' FROM generate_series(1, %s) AS n",
            [PROBLEM_EVERY, rows],
        )
        connection.execute("CREATE INDEX ON customers (updated_at, id)")
        connection.execute("CREATE TABLE few AS SELECT * FROM customers ORDER BY id LIMIT %s", [FEW])
        connection.execute("ALTER TABLE few ADD PRIMARY KEY (id)")
    datasets.postgres.settle(SHOP)
    return SHOP


def _weigh_links(dataset: Dataset) -> int:
    """The bytes of the pages that hold links and their indexes."""
    with closing(apsw.Connection(dataset.database, flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        query = "SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'external_link%' OR name LIKE 'sqlite_autoindex_ext%'"
        return sum(int(size or 0) for (size,) in connection.execute(query))


def _milliseconds(server: Server, path: str) -> float:
    began = time.perf_counter()
    server.call("GET", path)
    return (time.perf_counter() - began) * 1_000


# ---- processes --------------------------------------------------------------------------------------------


class System:
    """A server without a worker, and a worker of its own process."""

    def __init__(self, server: Server, worker: int) -> None:
        self.server = server
        self.worker = worker
        self.most_memory = 0

    def add(self, values: Mapping[str, object]) -> str:
        """A connection that was checked. Returns its path."""
        made = self._ask("POST", "/v1/connections", values)
        path = f"/v1/connections/{made['connection']['id']}"
        check = self._ask("POST", f"{path}/check")["check"]
        if not check["works"]:
            raise BenchFailed(f"The connection does not work: {check['says']}")
        return path

    def start(self, path: str, *, records: int) -> Spent:
        """From the start of a connection until all of its records are here."""
        with measured(self.worker) as spent:
            self._ask("POST", f"{path}/start")
            shown = self._wait(path, lambda shown: shown["state"] == "live")
        counts = shown["counts"]
        if counts["live"] + counts["unreadable"] != records:
            raise BenchFailed(f"{counts['live']:,} of {records:,} records are here.")
        return spent[0]

    def pause(self, path: str) -> None:
        """Read no more of a connection."""
        self._ask("POST", f"{path}/pause")

    def rate(self, path: str, *, after: int, until: int) -> float:
        """Records a second of a first reading, from the moment that so many are here until so many are."""
        self._ask("POST", f"{path}/start")
        began, first = self._reach(path, after)
        ended, last = self._reach(path, until)
        return (last - first) / (ended - began)

    def _reach(self, path: str, records: int) -> tuple[float, int]:
        """When at least so many records are here, just as more came, and how many are."""
        before = self._ask("GET", path)["connection"]["counts"]["live"]
        shown = self._wait(path, lambda shown: shown["counts"]["live"] > max(before, records))
        return time.perf_counter(), shown["counts"]["live"]

    def compare(self, path: str) -> Spent:
        """A comparison of all records."""
        runs = len(self._ask("GET", f"{path}/runs")["runs"])
        with measured(self.worker) as spent:
            self._ask("POST", f"{path}/sweep")
            self._wait(path, lambda shown: shown["comparing"])
            self._wait(path, lambda shown: not shown["comparing"])
        if len(self._ask("GET", f"{path}/runs")["runs"]) != runs:
            raise BenchFailed("A comparison with nothing changed wrote rows.")
        return spent[0]

    def _wait(self, path: str, is_there: Any) -> Any:
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not is_there(shown := self._ask("GET", path)["connection"]):
            if shown["state"] not in ("importing", "live", "behind") or time.monotonic() > deadline:
                raise BenchFailed(f"The connection is {shown['state']}: {shown['reason']}")
            self.most_memory = max(self.most_memory, memory_of(self.worker))
            time.sleep(0.05)
        return shown

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        return msgspec.json.decode(self.server.call(method, path, body))


@contextmanager
def run_system(dataset: Dataset, *, outbound: int = 0, database: int = 0) -> Iterator[System]:
    """A server and a worker over a dataset, which may call one port and read the database at another."""
    port = free_port()
    settings = {"DAFTARI_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    if outbound:
        settings["DAFTARI_OUTBOUND_HOSTS"] = f"127.0.0.1:{outbound}"
    if database:
        settings["DAFTARI_SQL_HOSTS"] = f"127.0.0.1:{database}"
    command = serve_command(database=dataset.database, port=port)
    with (
        run_server(
            name="daftari", command=command, port=port, key=dataset.key, path="/v1/health", extra=settings
        ) as server,
        start_process(
            name="worker", command=HERE.command("worker", "--database", dataset.database), extra=settings
        ) as worker,
    ):
        time.sleep(SETTLE_SECONDS)
        yield System(server, worker.pid)


@contextmanager
def run_fake(records: int, *options: str) -> Iterator[int]:
    """The fake HubSpot with so many contacts: its port, until the block ends."""
    words = ["hubspot", "--records", str(records), "--age", str(AGE_SECONDS), *options]
    with _run_module("tests.support.fake_crm", *words) as port:
        yield port


@contextmanager
def run_relay(server: str) -> Iterator[int]:
    """A port of loopback in front of the benchmark's PostgreSQL, which listens on a socket alone."""
    with _run_module("tests.support.relay", server) as port:
        yield port


@contextmanager
def _run_module(name: str, *words: str) -> Iterator[int]:
    """A module of the tests that prints its port, until the block ends."""
    command = [str(HERE.python), "-m", name, *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment() | IMPORTABLE)
    assert process.stdin is not None and process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()
