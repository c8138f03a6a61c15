"""Rows about a server process alone: its memory over a big dataset under a soak, and its time to the first answer."""

from __future__ import annotations

import sys
import time
from statistics import median

from bench.contacts import group_name, new_texts_of
from bench.datasets import Dataset, Datasets
from bench.ratios import Line, remark
from bench.server import Server, free_port, run_daftari, serve_command, start_process, wait_until_answering
from bench.settings import CONNECTIONS, GROUPS, Settings
from bench.wrk import Reads, run_wrk

MEGABYTE = 1_000_000
RESIDENT_MAX = 150 * MEGABYTE
GROWTH_MAX = 5 * MEGABYTE
"""What still counts as no growth: the noise of an allocator, over the second half of the soak."""
RATIO_MAX = 1.5
"""Caches fill during the first minute, to sizes that do not depend on the load after it."""
START_SECONDS_MAX = 1.0
SLICE_SECONDS = 3
CREATED_A_SLICE = 200


def memory_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """Memory at the rows of deep pages, under reads of all kinds and some writes to another project of the file."""
    dataset = datasets.get("SQLite", rows=settings.deep_rows)
    samples: list[int] = []
    with run_daftari(database=dataset.database, key=dataset.key) as server:
        writer = Server(process=server.process, port=server.port, key=dataset.soak_key)
        at_start = max(server.memory_bytes().values())
        end = time.monotonic() + settings.soak_minutes * 60
        while time.monotonic() < end or len(samples) < 4:
            _soak_once(server, writer, rows=dataset.rows, number=len(samples))
            samples.append(max(server.memory_bytes().values()))
            if len(samples) % 50 == 0:
                print(f"  soak: {samples[-1] / MEGABYTE:.0f} MB after {len(samples)} slices", file=sys.stderr)
    return _memory_lines(settings, dataset, samples, at_start=at_start)


def _memory_lines(settings: Settings, dataset: Dataset, samples: list[int], *, at_start: int) -> list[Line]:
    half, quarter = len(samples) // 2, max(1, len(samples) // 4)
    middle, last = median(samples[half - quarter // 2 : half + quarter - quarter // 2]), median(samples[-quarter:])
    growth = last - middle
    minute = max(1, min(len(samples) // 2, 60 // SLICE_SECONDS))
    ratio = median(samples[-minute:]) / median(samples[:minute])
    where = f"the largest server process at {dataset.rows:,} contacts, SQLite"
    return [
        Line(
            what=f"memory of {where}",
            goal="≤ 150 MB",
            measured=f"{max(samples) / MEGABYTE:.0f} MB at most, {at_start / MEGABYTE:.0f} MB at the start",
            met=max(samples) <= RESIDENT_MAX,
        ),
        Line(
            what=f"its growth over the second half of {settings.soak_minutes:g} minutes of load",
            goal="none (≤ 5 MB)",
            measured=f"{growth / MEGABYTE:+.1f} MB ({len(samples)} samples)",
            met=growth <= GROWTH_MAX,
        ),
        Line(
            what="its last minute compared with its first",
            goal=f"≤ {RATIO_MAX:g} ×",
            measured=f"{ratio:.2f} ×",
            met=ratio <= RATIO_MAX,
        ),
    ]


def _soak_once(server: Server, writer: Server, *, rows: int, number: int) -> None:
    """Gets, pages and group pages in turn, then a create, an update, a delete, a question and an audience."""
    pages = rows // 1_000
    reads = (
        Reads(path="/v1/contacts/{n}", range=rows),
        Reads(path="/v1/contacts?page={n}", range=pages),
        Reads(path=f"/v1/contacts?group={group_name(number % GROUPS + 1)}&page={{n}}", range=max(1, pages // GROUPS)),
    )
    run_wrk(server, reads[number % 3], connections=CONNECTIONS, seconds=SLICE_SECONDS)
    first, last = writer.take_numbers(CREATED_A_SLICE)
    contacts = [{"mobile": str(mobile), **new_texts_of(mobile)} for mobile in range(first, last + 1)]
    writer.call("POST", "/v1/contacts", {"group": "soak", "contacts": contacts})
    writer.call("PUT", f"/v1/contacts/+{first}", {"group": "soaked", "contact": {"city": "Thika"}})
    writer.call("DELETE", f"/v1/contacts/+{last}", {})
    writer.call("POST", "/v1/can-message", {"channel": "sms", "mobiles": list(range(first, last + 1))})
    writer.call("GET", "/v1/audience?channel=sms&group=soak")


def start_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """From the command to the first contact served, as a user starts it."""
    dataset = datasets.get("SQLite", rows=settings.rows)
    times = sorted(_start_seconds(dataset) for _ in range(settings.rounds + 1))
    measured = f"{median(times):.2f} s (of {len(times)}: {times[0]:.2f} to {times[-1]:.2f} s)"
    return [
        Line(
            what=f"start to first answer, {dataset.rows:,} contacts, SQLite",
            goal="≤ 1 s",
            measured=measured,
            met=median(times) <= START_SECONDS_MAX,
        ),
        remark("an empty Python process of the same kind", f"{_python_seconds():.2f} s"),
    ]


def _start_seconds(dataset: Dataset) -> float:
    port = free_port()
    started = time.perf_counter()
    with start_process(name="daftari", command=serve_command(database=dataset.database, port=port)) as process:
        server = Server(process=process, port=port, key=dataset.key)
        wait_until_answering(server, path="/v1/contacts/1", name="daftari")
        return time.perf_counter() - started


def _python_seconds() -> float:
    """The time of Python alone, which shows whether the machine is slow."""
    started = time.perf_counter()
    with start_process(name="python", command=[sys.executable, "-c", "pass"]) as process:
        process.wait()
    return time.perf_counter() - started
