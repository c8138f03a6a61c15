"""Rows about a server process by itself: its memory in a big book and under a soak, and how soon it answers."""

from __future__ import annotations

import sys
import time
from statistics import median

import msgspec

from bench.data import Book, Books
from bench.load import Reads, run_wrk
from bench.people import fresh_texts_of, group_name
from bench.plan import GROUPS, BenchFailed, Plan
from bench.rounds import Line, remark
from bench.server import Server, daftari_command, free_port, run_daftari, start_process, wait_until_answering

MEGABYTE = 1_000_000
RESIDENT_MAX = 150 * MEGABYTE
GROWTH_MAX = 5 * MEGABYTE
"""What still counts as no growth: the noise of an allocator, over the second half of the soak."""
START_SECONDS_MAX = 1.0
SLICE_SECONDS = 3
CREATED_A_SLICE = 200


def memory_sqlite(plan: Plan, books: Books) -> list[Line]:
    """Memory at the depth rows, under reads of all kinds and some writes to another project of the file."""
    book = books.sqlite(plan.depth_rows)
    samples: list[int] = []
    with run_daftari(plan, database=book.database, key=book.key) as server:
        writer = Server(process=server.process, port=server.port, key=book.soak_key)
        at_start = max(server.resident_bytes().values())
        end = time.monotonic() + plan.soak_minutes * 60
        while time.monotonic() < end or len(samples) < 4:
            _soak_once(plan, server, writer, book, number=len(samples))
            samples.append(max(server.resident_bytes().values()))
            if len(samples) % 50 == 0:
                print(f"  soak: {samples[-1] / MEGABYTE:.0f} MB after {len(samples)} slices", file=sys.stderr)
    return _memory_lines(plan, book, samples, at_start=at_start)


def _memory_lines(plan: Plan, book: Book, samples: list[int], *, at_start: int) -> list[Line]:
    half, quarter = len(samples) // 2, max(1, len(samples) // 4)
    middle, last = median(samples[half - quarter // 2 : half + quarter - quarter // 2]), median(samples[-quarter:])
    growth = last - middle
    where = f"the largest server process at {book.rows:,} contacts, SQLite"
    return [
        Line(
            what=f"memory of {where}",
            goal="≤ 150 MB",
            measured=f"{max(samples) / MEGABYTE:.0f} MB at most, {at_start / MEGABYTE:.0f} MB at the start",
            met=max(samples) <= RESIDENT_MAX,
        ),
        Line(
            what=f"its growth over the second half of {plan.soak_minutes:g} minutes of load",
            goal="none (≤ 5 MB)",
            measured=f"{growth / MEGABYTE:+.1f} MB ({len(samples)} samples)",
            met=growth <= GROWTH_MAX,
        ),
    ]


def _soak_once(plan: Plan, server: Server, writer: Server, book: Book, *, number: int) -> None:
    """Gets, pages and group pages in turn, then one create, one update and one delete."""
    pages = book.rows // 1_000
    reads = (
        Reads(path="/v1/contacts/{n}", range=book.rows),
        Reads(path="/v1/contacts?page={n}", range=pages),
        Reads(path=f"/v1/contacts?group={group_name(number % GROUPS + 1)}&page={{n}}", range=max(1, pages // GROUPS)),
    )
    run_wrk(plan, server=server, work=reads[number % 3], connections=plan.connections, seconds=SLICE_SECONDS)
    first, last = writer.take_numbers(CREATED_A_SLICE)
    contacts = [{"mobile": str(mobile), **fresh_texts_of(mobile)} for mobile in range(first, last + 1)]
    _write(writer, "POST", "/v1/contacts", {"group": "soak", "contacts": contacts})
    _write(writer, "PUT", f"/v1/contacts/+{first}", {"group": "soaked", "contact": {"city": "Thika"}})
    _write(writer, "DELETE", f"/v1/contacts/+{last}", {})


def _write(server: Server, method: str, path: str, body: object) -> None:
    status, _, answer = server.ask(path, method=method, body=msgspec.json.encode(body))
    if status >= 400:
        raise BenchFailed(f"{method} {path} answered {status}: {answer[:500]!r}")


def start_sqlite(plan: Plan, books: Books) -> list[Line]:
    """From the command to the first contact served, as a user starts it."""
    book = books.sqlite(plan.rows)
    times = sorted(_start_seconds(plan, book) for _ in range(plan.rounds + 1))
    measured = f"{median(times):.2f} s (of {len(times)}: {times[0]:.2f} to {times[-1]:.2f} s)"
    return [
        Line(
            what=f"start to first answer, {book.rows:,} contacts, SQLite",
            goal="≤ 1 s",
            measured=measured,
            met=median(times) <= START_SECONDS_MAX,
        ),
        remark("an empty Python process of the same kind", f"{_python_seconds():.2f} s"),
    ]


def _start_seconds(plan: Plan, book: Book) -> float:
    port = free_port()
    started = time.perf_counter()
    command = daftari_command(plan, database=book.database, port=port, workers=1)
    with start_process(name="daftari", command=command) as process:
        server = Server(process=process, port=port, key=book.key)
        wait_until_answering(server, path="/v1/contacts/1", name="daftari")
        return time.perf_counter() - started


def _python_seconds() -> float:
    """What Python alone takes, so that a slow machine is seen for what it is."""
    started = time.perf_counter()
    with start_process(name="python", command=[sys.executable, "-c", "pass"]) as process:
        process.wait()
    return time.perf_counter() - started
