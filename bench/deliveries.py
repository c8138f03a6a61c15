"""Rows about webhooks of a CRM: from a change there to the group, and how fast deliveries are answered.

The fake Pipedrive of the tests is a process of its own on loopback; this process sends its deliveries. All processes
share the machine's cores.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import threading
import time
from base64 import b64encode
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import msgspec
from msgspec import Struct

from bench.checkout import HERE, environment
from bench.datasets import Datasets, Engine
from bench.provider import measured
from bench.ratios import Line, remark
from bench.server import IMPORTABLE, Server, free_port, run_server, serve_command, start_process
from bench.settings import BenchFailed, Settings

TOKEN = "a1b2c3d4e5f6kikapu"
CHANGES, CHANGES_A_SECOND = 300, 5
IN_GROUP_P50, IN_GROUP_P99 = 2.5, 5.0
DELIVERIES_A_SECOND, MEANWHILE_A_SECOND, SECONDS = 500, 50, 20
SENDERS = 32
"""Connections on which deliveries are sent."""
ANSWER_P99 = 0.050
BACKFILL_RECORDS, QUICK_RECORDS = 200_000, 60_000
"""Persons that are read meanwhile, 5,000 a second, which is what Pipedrive allows."""
AGE_SECONDS = 86_400
LOOK_SECONDS = 0.02
SETTLE_SECONDS = 0.5
WAIT_SECONDS_MAX = 300.0


class Post(Struct, frozen=True):
    """A delivery that is sent."""

    path: str
    headers: Mapping[str, str]
    body: str

    def send(self, connection: http.client.HTTPConnection) -> int:
        """The status of the answer."""
        connection.request("POST", self.path, self.body, self.headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status


class Hook(Struct, frozen=True):
    """Where deliveries go, and what proves them."""

    path: str
    headers: Mapping[str, str]

    def announce(self, person: int, key: str) -> Post:
        """A change of a person."""
        meta = {"action": "change", "entity": "person", "entity_id": str(person), "company_id": "100", "version": "2.0"}
        meta |= {"id": key, "timestamp": "2026-11-20T10:00:00.000Z"}
        return Post(self.path, self.headers, json.dumps({"meta": meta, "data": None}))


def deliveries_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """From a change in a Pipedrive to the group, and deliveries that are answered, SQLite."""
    return _measure(settings, datasets, "SQLite")


def deliveries_postgres(settings: Settings, datasets: Datasets) -> list[Line]:
    """From a change in a Pipedrive to the group, and deliveries that are answered, PostgreSQL."""
    return _measure(settings, datasets, "PostgreSQL")


def _measure(settings: Settings, datasets: Datasets, engine: Engine) -> list[Line]:
    seconds = SECONDS // 4 if settings.quick else SECONDS
    with _run_system(datasets, engine, "--records", "0", "--unlimited") as system:
        hook = system.start()
        system.wait_until("live")
        waits = _time_changes(system, hook, CHANGES // 10 if settings.quick else CHANGES)
        with measured(system.server.process.pid) as spent:
            alone = _time_deliveries(system, hook, rate=DELIVERIES_A_SECOND, seconds=seconds)
    records = QUICK_RECORDS if settings.quick else BACKFILL_RECORDS
    with _run_system(datasets, engine, "--records", str(records), "--age", str(AGE_SECONDS)) as system:
        hook = system.start()
        meanwhile = _time_deliveries(system, hook, rate=MEANWHILE_A_SECOND, seconds=seconds)
        done = system.count_live()
        if done >= records:
            raise BenchFailed("The first reading was over before the deliveries were.")
    return [
        Line(
            what=f"from a change in Pipedrive to the group, {CHANGES_A_SECOND} a second, {engine}",
            goal=f"p50 ≤ {IN_GROUP_P50:g} s, p99 ≤ {IN_GROUP_P99:g} s",
            measured=f"p50 {share(waits, 0.5):.2f} s, p99 {share(waits, 0.99):.2f} s, longest {max(waits):.2f} s "
            f"(2 s of it until others are announced)",
            met=share(waits, 0.5) <= IN_GROUP_P50 and share(waits, 0.99) <= IN_GROUP_P99,
        ),
        _as_line(f"a delivery is answered, {DELIVERIES_A_SECOND} a second, {engine}", alone),
        remark("processor time of the server for a delivery", f"{spent[0].cpu / len(alone) * 1000:.2f} ms"),
        _as_line(
            f"a delivery is answered, {MEANWHILE_A_SECOND} a second, while everything is read for the first time "
            f"({done / seconds:,.0f} persons a second), {engine}",
            meanwhile,
        ),
    ]


def _as_line(what: str, times: Sequence[float]) -> Line:
    p99 = share(times, 0.99)
    return Line(
        what=what,
        goal=f"p99 ≤ {ANSWER_P99 * 1000:.0f} ms",
        measured=f"p50 {share(times, 0.5) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, longest {max(times) * 1000:.0f} ms "
        f"({len(times):,} deliveries)",
        met=p99 <= ANSWER_P99,
    )


def share(times: Sequence[float], share: float) -> float:
    return sorted(times)[min(int(len(times) * share), len(times) - 1)]


# ---- measured -------------------------------------------------------------------------------------------


def _time_changes(system: System, hook: Hook, changes: int) -> list[float]:
    """Seconds from each change until its contact is in the group."""
    waiting: deque[tuple[str, float]] = deque()
    times: list[float] = []
    over = threading.Event()
    looking = threading.Thread(target=_look_for, args=(system.server, waiting, times, over))
    looking.start()
    began = time.perf_counter()
    for number in range(changes):
        _wait_until(began + number / CHANGES_A_SECOND)
        mobile = f"2547{number:08d}"
        at = time.perf_counter()
        person = {"name": f"P{number} O", "phones": [{"value": f"+{mobile}"}]}
        person_id = system.ask_crm("POST", "/api/v2/persons", person)["data"]["id"]
        waiting.append((mobile, at))
        hook.announce(person_id, f"c{number}").send(http.client.HTTPConnection("127.0.0.1", system.server.port))
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while len(times) < changes and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    over.set()
    looking.join()
    if len(times) < changes:
        raise BenchFailed(f"{changes - len(times)} of {changes} changes are not there.")
    return times


def _look_for(server: Server, waiting: deque[tuple[str, float]], times: list[float], over: threading.Event) -> None:
    """Look for the contact that waits longest until it is in the group, then for the next one."""
    while not over.is_set():
        if waiting:
            mobile, at = waiting[0]
            status, _, body = server.request("GET", f"/v1/contacts/{mobile}?include=groups")
            if status == 200 and b'"crm"' in body:
                times.append(time.perf_counter() - at)
                waiting.popleft()
                continue
        time.sleep(LOOK_SECONDS)


def time_posts(port: int, posts: Sequence[Post], *, rate: int) -> list[float]:
    """Seconds from when each was to be sent until it was answered with 200, so many a second."""
    times = [0.0] * len(posts)
    statuses = [0] * len(posts)
    began = time.perf_counter() + 0.1

    def send(place: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for number in range(place, len(posts), SENDERS):
            due = began + number / rate
            _wait_until(due)
            statuses[number] = posts[number].send(connection)
            times[number] = time.perf_counter() - due
        connection.close()

    threads = [threading.Thread(target=send, args=(place,)) for place in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if any(status != 200 for status in statuses):
        raise BenchFailed(f"Of {len(posts):,} deliveries were answered: {dict(Counter(statuses))}.")
    return times


def _time_deliveries(system: System, hook: Hook, *, rate: int, seconds: float) -> list[float]:
    posts = [hook.announce(1 + number % 1_000, f"d{number}") for number in range(int(rate * seconds))]
    return time_posts(system.server.port, posts, rate=rate)


def _wait_until(at: float) -> None:
    left = at - time.perf_counter()
    if left > 0:
        time.sleep(left)


# ---- processes ------------------------------------------------------------------------------------------


class System:
    """A server, a worker, and a fake Pipedrive that they may call."""

    def __init__(self, server: Server, crm: int) -> None:
        self.server = server
        self.crm = crm
        self._path = ""

    def start(self) -> Hook:
        """A connection that reads everything, when its webhook is made."""
        values = {
            "name": "sales",
            "kind": "pipedrive",
            "credentials": {"token": TOKEN},
            "settings": {"base_url": f"http://127.0.0.1:{self.crm}", "company": "ziwa", "daily_tokens": "100000000"},
            "groups": [{"from": "all", "to": "crm"}],
        }
        self._path = f"/v1/connections/{self._ask('POST', '/v1/connections', values)['connection']['id']}"
        check = self._ask("POST", f"{self._path}/check")["check"]
        if not check["works"]:
            raise BenchFailed(f"The connection does not work: {check['says']}")
        self._ask("POST", f"{self._path}/start")
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not (hooks := self.ask_crm("GET", "/api/v1/webhooks")["data"]):
            if time.monotonic() > deadline:
                raise BenchFailed("The webhook is not made; see .bench/logs/worker.log.")
            time.sleep(SETTLE_SECONDS)
        proof = f"{hooks[0]['http_auth_user']}:{hooks[0]['http_auth_password']}"
        headers = {
            "Authorization": f"Basic {b64encode(proof.encode()).decode()}",
            "Content-Type": "application/json",
        }
        return Hook(urlsplit(hooks[0]["subscription_url"]).path, headers)

    def wait_until(self, state: str) -> None:
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while self._show()["state"] != state:
            if time.monotonic() > deadline:
                raise BenchFailed(f"The connection is {self._show()['state']}, not {state}.")
            time.sleep(LOOK_SECONDS)

    def count_live(self) -> int:
        return int(self._show()["counts"]["live"])

    def ask_crm(self, method: str, path: str, body: object = None) -> Any:
        """An answer of the fake Pipedrive, read."""
        headers = {"x-api-token": TOKEN, "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"http://127.0.0.1:{self.crm}{path}", data=data, headers=headers, method=method)
        with urlopen(request, timeout=60) as response:
            return json.loads(response.read())

    def _show(self) -> Any:
        return self._ask("GET", self._path)["connection"]

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        return msgspec.json.decode(self.server.call(method, path, body))


@contextmanager
def _run_system(datasets: Datasets, engine: Engine, *options: str) -> Iterator[System]:
    """A server and a worker over an empty project, and a fake Pipedrive."""
    dataset = datasets.copy(datasets.get(engine, rows=0), to="deliveries")
    port = free_port()
    with _run_crm(*options) as crm:
        settings = {
            "DAFTARI_PUBLIC_URL": f"https://127.0.0.1:{port}",
            "DAFTARI_OUTBOUND_HOSTS": f"127.0.0.1:{crm}",
        }
        command = serve_command(database=dataset.database, port=port)
        worker = HERE.command("worker", "--database", dataset.database)
        with (
            run_server(
                name="daftari", command=command, port=port, key=dataset.key, path="/v1/health", extra=settings
            ) as server,
            start_process(name="worker", command=worker, extra=settings),
        ):
            yield System(server, crm)


@contextmanager
def _run_crm(*options: str) -> Iterator[int]:
    """The fake Pipedrive: its port, until the block ends."""
    command = [str(HERE.python), "-m", "tests.support.fake_crm", "pipedrive", *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment() | IMPORTABLE)
    assert process.stdin is not None and process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()
