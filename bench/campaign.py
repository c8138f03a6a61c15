"""Rows about a campaign to everyone of a large dataset: its preview, start, pause, counts, log, memory and bytes."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median

import apsw

from bench.datasets import Datasets, Engine
from bench.provider import Service, measured, run_service
from bench.ratios import Line
from bench.server import memory_of
from bench.settings import FOLDER, Settings

TEXT = "Hi {{ fname | rafiki }}, we open at nine in {{ city | Nairobi }}."
PREVIEW_SECONDS_MAX = 10.0
FIRST_SECONDS_MAX = 3.0
PAUSE_SECONDS_MAX = 1.0
COUNTS_MS_MAX = 5.0
PAGE_MS_MAX = 20.0
MEMORY_MAX = 40_000_000
MEGABYTE = 1_000_000
BYTES_MAX = 350
SENT = 100_000
"""Messages after which the campaign is paused and looked at."""
CALL_MAX = 100
ASKED = 50
SILENCE_SECONDS = 2.0
"""After which a worker that starts or stops has done so."""
BUSY_MILLISECONDS = 10_000


def preview_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """A preview with every recipient rendered and counted, SQLite."""
    return [_preview(settings, datasets, "SQLite")]


def preview_postgres(settings: Settings, datasets: Datasets) -> list[Line]:
    """A preview with every recipient rendered and counted, PostgreSQL."""
    return [_preview(settings, datasets, "PostgreSQL")]


def _preview(settings: Settings, datasets: Datasets, engine: Engine) -> Line:
    dataset = datasets.copy(datasets.get(engine, rows=settings.rows), to="campaign")
    with run_service(dataset) as service:
        service.create_sender(CALL_MAX, parts_per_second=1_000, in_flight=10)
        campaign = service.create_campaign(TEXT)
        runs = []
        for _ in range(1 if settings.quick else 3):
            with measured(service.server.process.pid) as spent:
                service.ask("POST", f"{campaign}/preview")
            runs += spent
    seconds, cpu = median(run.seconds for run in runs), median(run.cpu for run in runs)
    return Line(
        what=f"preview of a campaign to {dataset.rows:,} people, {engine}",
        goal=f"≤ {PREVIEW_SECONDS_MAX:.0f} s",
        measured=f"{seconds:.1f} s ({cpu:.1f} s of the server's processor time)",
        met=seconds <= PREVIEW_SECONDS_MAX,
    )


def campaign_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """A campaign to everyone, from its start to a pause, SQLite."""
    dataset = datasets.copy(datasets.get("SQLite", rows=settings.rows), to="campaign")
    before = _compact_bytes(Path(dataset.database))
    with run_service(dataset) as service:
        service.create_sender(CALL_MAX, parts_per_second=10_000, in_flight=10)
        campaign = service.create_campaign("We open at nine.")
        with service.worker() as pid:
            idle = _settle(pid)
            began = time.perf_counter()
            service.ask("POST", f"{campaign}/start")
            service.wait_for_calls()
            first = time.perf_counter() - began
            peak = _watch(service, pid, messages=min(SENT, dataset.rows // 2))
            paused = _pause(service, campaign)
            counts = _time(lambda: service.ask("GET", campaign))
            places = iter(_draw_cursors(dataset.database, rows=dataset.rows))
            pages = _time(lambda: service.ask("GET", f"{campaign}/messages?after={next(places)}"))
    sent, text_bytes = _sent(dataset.database)
    each = (_compact_bytes(Path(dataset.database)) - before - text_bytes) / sent
    of = f"of a campaign to {dataset.rows:,} people, SQLite"
    return [
        _at_most(f"start to first message {of}", first, FIRST_SECONDS_MAX, "s", goal="< 3 s"),
        _at_most(
            "memory of the worker meanwhile",
            (peak - idle) / MEGABYTE,
            MEMORY_MAX / MEGABYTE,
            "MB",
            goal="+ 40 MB at most",
        ),
        _at_most("from the answer of the pause to the last call", paused, PAUSE_SECONDS_MAX, "s", goal="< 1 s"),
        _at_most("counts, a call on a connection of its own", counts * 1000, COUNTS_MS_MAX, "ms", goal="< 5 ms"),
        _at_most("any page of its log", pages * 1000, PAGE_MS_MAX, "ms", goal="< 20 ms"),
        _at_most(f"bytes a message next to its text, of {sent:,}, after VACUUM", each, BYTES_MAX, "", goal="≤ 350"),
    ]


def _at_most(what: str, measured_: float, most: float, unit: str, *, goal: str) -> Line:
    return Line(what=what, goal=goal, measured=f"{measured_:,.2f} {unit}".strip(), met=measured_ <= most)


def _settle(pid: int) -> int:
    """The memory of a worker once it has started and waits for jobs."""
    before, memory = 0, memory_of(pid)
    while memory != before:
        time.sleep(SILENCE_SECONDS)
        before, memory = memory, memory_of(pid)
    return memory


def _watch(service: Service, pid: int, *, messages: int) -> int:
    """The most memory of the worker until so many messages are sent."""
    peak = 0
    while service.provider.calls * CALL_MAX < messages:
        peak = max(peak, memory_of(pid))
        time.sleep(0.05)
    return peak


def _pause(service: Service, campaign: str) -> float:
    """Seconds from the answer of the pause to the last call that the provider had."""
    service.ask("POST", f"{campaign}/pause")
    answered = last = time.perf_counter()
    calls = service.provider.calls
    while time.perf_counter() - last < SILENCE_SECONDS:
        now = service.provider.calls
        if now != calls:
            calls, last = now, time.perf_counter()
        time.sleep(0.005)
    return last - answered


def _time(ask: Callable[[], object]) -> float:
    """The median in seconds of some calls, one after the other."""
    times = []
    for _ in range(ASKED):
        began = time.perf_counter()
        ask()
        times.append(time.perf_counter() - began)
    return median(times)


def _draw_cursors(database: str, *, rows: int) -> list[str]:
    """Places all over the log: among the messages, and in the audience behind the last one."""
    draw = random.Random(6)
    first, last = _ask(database, "SELECT min(id), max(id) FROM message")
    sent = [str(draw.randint(first, last)) for _ in range(ASKED // 2)]
    return sent + [f"{last}.{draw.randint(last - first + 1, rows - 1)}" for _ in range(ASKED - len(sent))]


def _sent(database: str) -> tuple[int, int]:
    """How many messages there are, and the bytes of their texts."""
    return _ask(database, "SELECT count(*), sum(length(CAST(text AS BLOB))) FROM message")


def _compact_bytes(database: Path) -> int:
    """The size of a database after VACUUM."""
    copy = FOLDER / "vacuumed.db"
    copy.unlink(missing_ok=True)
    with closing(apsw.Connection(str(database))) as connection:
        connection.set_busy_timeout(BUSY_MILLISECONDS)
        connection.execute("VACUUM INTO ?", (str(copy),))
    size = copy.stat().st_size
    copy.unlink()
    return size


def _ask(database: str, query: str) -> tuple[int, int]:
    with closing(apsw.Connection(database)) as connection:
        connection.set_busy_timeout(BUSY_MILLISECONDS)
        ((first, second),) = connection.execute(query).fetchall()
    return int(first), int(second)
