"""Rows about consent: decisions, audiences, and the time until a STOP is durable.

The dataset's contacts are all in one group; 5 % of them opted out, half of marketing by SMS, half of that sender alone,
so that none is suppressed and each must be judged.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from statistics import median

import msgspec

from bench.checkout import HERE
from bench.contacts import mobile_of
from bench.datasets import PER_CALL, Dataset, Datasets, Engine, join_group
from bench.ratios import Line, at_most, interleave, median_ratio, remark, show_rate
from bench.server import FIRST_NEW, Server, run_daftari
from bench.settings import BenchFailed, Settings

GROUP = "all"
ASKED = 10_000
OPTED_OUT_EVERY = 20
"""One number of so many: 5 %."""
SCATTER = 7_919
"""A prime, so that the numbers asked about lie all over the dataset, 5 % of them opted out."""
DECISIONS_MIN = 100_000
NUMBERS_MIN = 400_000
FLAT_BYTES_MAX = 32 * 1024 * 1024
"""The growth of a server's memory while it sends an audience that still counts as flat."""
STOP_MAX = 2.0
SINGLE_CALLS = 200

Seconds = float


# ---- decisions and audiences ----------------------------------------------------------------------------


def decisions_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """Decisions, 10,000 a call, and an audience of everyone, SQLite."""
    return _decisions(settings, datasets, "SQLite")


def decisions_postgres(settings: Settings, datasets: Datasets) -> list[Line]:
    """Decisions, 10,000 a call, and an audience of everyone, PostgreSQL."""
    return _decisions(settings, datasets, "PostgreSQL")


def _decisions(settings: Settings, datasets: Datasets, engine: Engine) -> list[Line]:
    dataset = datasets.copy(datasets.get(engine, rows=settings.rows), to="consent")
    with run_daftari(database=dataset.database, key=dataset.key) as server:
        _opt_out(server, dataset)
    with run_daftari(database=dataset.database, key=dataset.key) as server:
        return [_decide(settings, server, engine), *_stream(settings, server, engine)]


def _opt_out(server: Server, dataset: Dataset) -> None:
    """Put everyone into one group, and opt one in twenty out of something."""
    server.call("POST", "/v1/groups", {"name": GROUP})
    join_group(server, GROUP, range(1, dataset.rows + 1))
    scopes = ({"channel": "sms", "purpose": "marketing"}, {"channel": "sms", "sender": "SHOP"})
    for parity, scope in enumerate(scopes):
        numbers = range(OPTED_OUT_EVERY * (parity + 1), dataset.rows + 1, OPTED_OUT_EVERY * 2)
        for start in range(0, len(numbers), PER_CALL):
            mobiles = [f"+{mobile_of(number)}" for number in numbers[start : start + PER_CALL]]
            server.call("POST", "/v1/opt-outs", {"mobiles": mobiles, **scope})


def _decide(settings: Settings, server: Server, engine: Engine) -> Line:
    """Decisions a second for one caller of one server process, from the first byte sent to the last read."""
    numbers = [1 + place * SCATTER % settings.rows for place in range(ASKED)]
    mobiles = [f"0{str(mobile_of(number))[3:]}" for number in numbers]
    body = msgspec.json.encode({"mobiles": mobiles, "channel": "sms", "sender": "SHOP", "purpose": "marketing"})
    times = []
    answer = b""
    for _ in range(settings.rounds * 3):
        started = time.perf_counter()
        answer = server.call("POST", "/v1/can-message", body)
        times.append(time.perf_counter() - started)
    refused = answer.count(b'"allowed":false')
    rate = ASKED / median(times)
    return Line(
        what=f"decisions, {ASKED:,} a call, {engine}, one server process",
        goal=f"≥ {DECISIONS_MIN:,}/s",
        measured=f"{show_rate(rate)} ({refused:,} of {ASKED:,} refused, {median(times) * 1000:.0f} ms a call)",
        met=rate >= DECISIONS_MIN,
    )


def _stream(settings: Settings, server: Server, engine: Engine) -> list[Line]:
    path = f"/v1/audience?group={GROUP}&channel=sms&sender=SHOP&purpose=marketing"
    before = largest = max(server.memory_bytes().values())
    times, count = [], 0
    for _ in range(settings.rounds):
        started = time.perf_counter()
        answer = server.call("GET", path)
        times.append(time.perf_counter() - started)
        count = msgspec.json.decode(answer.rstrip().rpartition(b"\n")[2])["count"]
        largest = max(largest, *server.memory_bytes().values())
    rate, grown = count / median(times), largest - before
    what = f"audience of {settings.rows:,} members, 5 % opted out, NDJSON, {engine}"
    shown = f"{show_rate(rate)} ({count:,} numbers in {median(times):.2f} s)"
    memory, shown_memory = "the server's memory meanwhile", f"{grown / 1_000_000:+.1f} MB"
    if engine == "PostgreSQL":
        return [remark(what, shown), remark(memory, shown_memory)]
    return [
        Line(what=what, goal=f"≥ {NUMBERS_MIN:,} numbers a second", measured=shown, met=rate >= NUMBERS_MIN),
        Line(what=memory, goal="flat (≤ 32 MB more)", measured=shown_memory, met=grown <= FLAT_BYTES_MAX),
    ]


# ---- the time until a STOP is durable -------------------------------------------------------------------


def stop_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """One inbound STOP, durable when answered, compared with one create, SQLite."""
    return _stop(settings, datasets, "SQLite")


def stop_postgres(settings: Settings, datasets: Datasets) -> list[Line]:
    """One inbound STOP, durable when answered, compared with one create, PostgreSQL."""
    return _stop(settings, datasets, "PostgreSQL")


def _stop(settings: Settings, datasets: Datasets, engine: Engine) -> list[Line]:
    dataset = datasets.copy(datasets.get(engine, rows=settings.rows), to="stop")
    words = ("inbound", "add", "--provider", "generic", "--project", "Big", "--database", dataset.database)
    token = HERE.run(*words).strip().rpartition("/")[2]
    with run_daftari(database=dataset.database, key=dataset.key) as server:
        sides = {"stop": _stop_time(server, f"/v1/inbound/generic/{token}"), "create": _create_time(server)}
        times = interleave(sides, rounds=settings.rounds)
    shown = f"{median(times['stop']) * 1000:.2f} ms to {median(times['create']) * 1000:.2f} ms, one after the other"
    ratio = median_ratio(times["stop"], times["create"])
    what = f"one inbound STOP of a contact in a group, {engine}"
    return [
        at_most(what, ratio, STOP_MAX, of="one create", rates=shown),
        remark("what is compared", f"the median of {SINGLE_CALLS} calls on one connection, each durable when answered"),
    ]


def _stop_time(server: Server, path: str) -> Callable[[], Seconds]:
    numbers = iter(range(7, 10_000_000, 7))

    def body() -> bytes:
        number = next(numbers)
        event = {"from": f"+{mobile_of(number)}", "to": "20880", "text": "STOP", "id": f"m{number}"}
        return msgspec.json.encode({"messages": [event]})

    return lambda: _single_time(server, path, body)


def _create_time(server: Server) -> Callable[[], Seconds]:
    numbers = iter(range(FIRST_NEW, FIRST_NEW + 10_000_000))

    def body() -> bytes:
        return msgspec.json.encode({"contact": {"mobile": f"+{next(numbers)}"}, "group": "new"})

    return lambda: _single_time(server, "/v1/contacts", body)


def _single_time(server: Server, path: str, body: Callable[[], bytes]) -> Seconds:
    """The median time of single calls on one connection. Raises ``BenchFailed``."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"}
    times = []
    for _ in range(SINGLE_CALLS):
        content = body()
        started = time.perf_counter()
        connection.request("POST", path, content, headers)
        answer = connection.getresponse()
        answer.read()
        times.append(time.perf_counter() - started)
        if answer.status >= 400:
            raise BenchFailed(f"POST {path} answered {answer.status}")
    connection.close()
    return median(times)
