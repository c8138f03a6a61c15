"""Rows about people coming in and going out by the million, by the commands that a user types.

From the start of the command to its end: the file is kept, read, written and counted.
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

import apsw
import msgspec
from msgspec import Struct

from bench.bare import run_bare
from bench.crowd import make_crowd
from bench.data import ACTOR, Book, Books
from bench.load import Creates, Reads, finish_wrk, run_wrk, start_wrk
from bench.people import CREATED_AT
from bench.plan import FOLDER, GROUPS, HOME, SECRET, BenchFailed, Plan
from bench.rounds import Line, remark, shown_rate
from bench.server import memory_of, run_daftari, start_process
from daftari.rules.imports.lifecycle import queue_import
from daftari.sandbox import Wanted, keep_file, read_wanted
from daftari.store import open_store

MEGABYTE = 1_000_000
GROUP = "crowd"
IMPORT_MIN = {"SQLite": 60_000, "PostgreSQL": 35_000}
LISTMONK = 10_000
"""Rows a second, as listmonk publishes."""
LISTMONK_TIMES = 5
AGAIN_MIN = 150_000
MEMORY_MAX = 200 * MEGABYTE
EXPORT_MIN = {"csv": 250_000, "ndjson": 500_000}
GET_P99_TIMES = 3.0
CREATE_P99_MS = 150.0
WAL_BYTES_MAX = 512 * 1024 * 1024
KILLS = 100
KILLED_ROWS = 100_000
LIFE_SECONDS = (0.5, 2.0)
"""How long a worker lives: it starts in about half a second, and the import takes some."""
BARE_ROWS = 10_000
"""Rows of a transaction of bare inserts, as many as an import's batch has."""
BARE_FIRST = 254_110_000_000
"""Numbers from here on are nobody's in the crowd."""
BUSY_MILLISECONDS = 10_000
"""How long to wait for a database that another process closes or mends."""
SAMPLE_SECONDS = 0.05


class Ran(Struct, frozen=True):
    """How a command went: seconds from start to end, the most memory of all its processes, and what it printed."""

    seconds: float
    memory_bytes: int
    wal_bytes: int
    said: str


# ---- in --------------------------------------------------------------------------------------------------


def import_sqlite(plan: Plan, books: Books) -> list[Line]:
    """Import a CSV into a group by the command, and the same file again, SQLite."""
    book = books.copy(books.empty_sqlite(), to="import")
    return _import(plan, book, "SQLite")


def import_postgres(plan: Plan, books: Books) -> list[Line]:
    """The same on PostgreSQL."""
    book = books.copy(books.empty_postgres(), to="import")
    return _import(plan, book, "PostgreSQL")


def _import(plan: Plan, book: Book, engine: str) -> list[Line]:
    file = make_crowd(plan.rows)
    first, counts = _run_import(book, file)
    again, counts_again = _run_import(book, file)
    rate, rate_again = plan.rows / first.seconds, plan.rows / again.seconds
    if counts_again["created"] or counts_again["updated"]:
        raise BenchFailed(f"The second import changed something: {counts_again}")
    bare = run_bare(plan, book=book, rows=BARE_ROWS, first=BARE_FIRST).rate
    goal = IMPORT_MIN[engine]
    memory = max(first.memory_bytes, again.memory_bytes)
    shown = ", ".join(f"{many:,} {name}" for name, many in counts.items() if many)
    lines = [
        Line(
            what=f"import {plan.rows:,} rows of CSV into a group, {engine}",
            goal=f"≥ {goal:,}/s",
            measured=f"{shown_rate(rate)} ({first.seconds:.1f} s: {shown})",
            met=rate >= goal,
        ),
        Line(
            what="beside listmonk's published 10,000 rows a second",
            goal=f"≥ {LISTMONK_TIMES} ×",
            measured=f"{rate / LISTMONK:.1f} ×",
            met=rate >= LISTMONK_TIMES * LISTMONK,
        ),
        Line(
            what=f"the same again with nothing changed, {engine}",
            goal=f"≥ {AGAIN_MIN:,}/s",
            measured=f"{shown_rate(rate_again)} ({again.seconds:.1f} s)",
            met=rate_again >= AGAIN_MIN,
        ),
        remark(
            "beside bare inserts of as many columns into the same tables, in the same run",
            f"{rate / bare:.2f} × and, nothing changed, {rate_again / bare:.2f} × ({shown_rate(bare)})",
        ),
        Line(
            what="memory of all its processes, at most",
            goal="≤ 200 MB",
            measured=f"{memory / MEGABYTE:.0f} MB",
            met=memory <= MEMORY_MAX,
        ),
    ]
    return [*lines, _wal_line(first)] if engine == "SQLite" else lines


def _wal_line(ran: Ran) -> Line:
    return Line(
        what="the log (WAL) meanwhile, at most",
        goal="≤ 512 MiB",
        measured=f"{ran.wal_bytes / 2**20:.0f} MiB",
        met=ran.wal_bytes <= WAL_BYTES_MAX,
    )


def _run_import(book: Book, file: Path) -> tuple[Ran, dict[str, int]]:
    ran = _run(["import", str(file), "--project", "Big", "--group", GROUP, "--json"], database=book.database)
    counts: dict[str, int] = _told(ran.said)["counts"]
    return ran, counts


def _told(said: str) -> dict[str, Any]:
    """The import as the command told it in JSON."""
    told: Any = msgspec.json.decode(said)
    found: dict[str, Any] = told[0] if isinstance(told, list) else told
    return found


def _run(words: list[str], *, database: str, output: Path | None = None) -> Ran:
    """A command of Daftari's, watched while it runs."""
    command = [sys.executable, "-m", "daftari", *words, "--database", database]
    environ = {"PYTHONPATH": f"{HOME / 'src'}:{HOME}", "DAFTARI_SECRET": SECRET}
    log = Path(f"{database}-wal")
    said_to = output or FOLDER / "said.txt"
    with said_to.open("wb") as out:
        begun = time.perf_counter()
        process = subprocess.Popen(command, env=environ, cwd=FOLDER, stdout=out, stderr=subprocess.PIPE)
        most, longest = 0, 0
        with _collected(process) as errors:
            while process.poll() is None:
                most = max(most, memory_of(process.pid))
                longest = max(longest, log.stat().st_size if log.exists() else 0)
                time.sleep(SAMPLE_SECONDS)
        seconds = time.perf_counter() - begun
    if process.returncode not in (0, 1):
        raise BenchFailed(f"daftari {' '.join(words)} ended with {process.returncode}: {b''.join(errors)[-2000:]!r}")
    return Ran(seconds, most, longest, "" if output else said_to.read_text())


@contextmanager
def _collected(process: subprocess.Popen[bytes]) -> Iterator[list[bytes]]:
    """What a process says on stderr, read as it comes, so that it never waits."""
    pieces: list[bytes] = []
    stream = process.stderr
    assert stream is not None
    reader = threading.Thread(target=lambda: pieces.extend(stream), daemon=True)
    reader.start()
    yield pieces
    reader.join()


# ---- out -------------------------------------------------------------------------------------------------


def export_sqlite(plan: Plan, books: Books) -> list[Line]:
    """Export the book by the command, SQLite."""
    return _export(plan, books.sqlite(plan.rows), "SQLite")


def export_postgres(plan: Plan, books: Books) -> list[Line]:
    """The same on PostgreSQL."""
    return _export(plan, books.on_postgres(plan.rows), "PostgreSQL")


def _export(plan: Plan, book: Book, engine: str) -> list[Line]:
    lines = []
    for form, goal in EXPORT_MIN.items():
        runs = []
        for _ in range(plan.rounds):
            words = ["export", "--project", "Big", "--format", form]
            runs.append(_run(words, database=book.database, output=FOLDER / f"export.{form}"))
        rate = plan.rows / median(ran.seconds for ran in runs)
        memory = max(ran.memory_bytes for ran in runs)
        lines.append(
            Line(
                what=f"export {plan.rows:,} contacts in {GROUPS} groups, {form.upper()}, {engine}",
                goal=f"≥ {goal:,}/s" if engine == "SQLite" else "",
                measured=f"{shown_rate(rate)} ({memory / MEGABYTE:.0f} MB)",
                met=rate >= goal if engine == "SQLite" else None,
            )
        )
    return lines


# ---- beside others ---------------------------------------------------------------------------------------


def import_beside(plan: Plan, books: Books) -> list[Line]:
    """Other requests while a million rows come in, SQLite."""
    book = books.copy(books.sqlite(plan.rows), to="import-beside")
    file = make_crowd(plan.rows)
    get = Reads(path="/v1/contacts/{n}", range=plan.rows)
    with run_daftari(plan, database=book.database, key=book.key) as server:
        idle = run_wrk(plan, server=server, work=get, connections=1)
        found: dict[str, Ran] = {}
        importing = threading.Thread(target=lambda: found.update(ran=_run_worker(book, file)))
        importing.start()
        gets, creates, refused = [], [], 0
        time.sleep(1)
        while importing.is_alive():
            # By turns, since each would be in the other's way without any import.
            gets.append(run_wrk(plan, server=server, work=get, connections=1))
            first, last = server.take_numbers(100_000)
            create = Creates(rows=1, group="single", first=first, last=last)
            writing = start_wrk(server=server, work=create, connections=1, seconds=plan.seconds)
            creates.append(finish_wrk(writing, work=create, refusals_allowed=True))
            refused += creates[-1].refused
        importing.join()
    ratio = median(one.p99 for one in gets) / idle.p99
    p99 = median(one.p99 for one in creates) / 1000
    if "ran" not in found:
        raise BenchFailed("The import did not end; see the worker's log.")
    ran = found["ran"]
    return [
        Line(
            what="p99 of get one during an import",
            goal=f"≤ {GET_P99_TIMES:g} × idle",
            measured=f"{ratio:.2f} × ({idle.p99 / 1000:.2f} ms idle)",
            met=ratio <= GET_P99_TIMES,
        ),
        Line(
            what="p99 of one create during an import",
            goal=f"≤ {CREATE_P99_MS:.0f} ms, no 503",
            measured=f"{p99:.0f} ms, {refused} refused",
            met=p99 <= CREATE_P99_MS and not refused,
        ),
        _wal_line(ran),
        remark("the import meanwhile", shown_rate(plan.rows / ran.seconds)),
    ]


def _run_worker(book: Book, file: Path) -> Ran:
    """Import a file by a worker beside the server, from the file's arrival to its end."""
    log = Path(f"{book.database}-wal")
    begun = time.perf_counter()
    import_id = _queue(book, file)
    most, longest = 0, 0
    command = [sys.executable, "-m", "daftari", "worker", "--database", book.database]
    with start_process(name="worker", command=command) as process:
        while not _is_done(book, import_id) and process.poll() is None:
            most = max(most, memory_of(process.pid))
            longest = max(longest, log.stat().st_size if log.exists() else 0)
            time.sleep(SAMPLE_SECONDS)
        if process.poll() is not None:
            raise BenchFailed(f"The worker ended; see {FOLDER / 'logs'}/worker.log.")
        return Ran(time.perf_counter() - begun, most, longest, "")


# ---- killed ----------------------------------------------------------------------------------------------


def import_killed(plan: Plan, books: Books) -> list[Line]:
    """The worker killed with SIGKILL mid-import, again and again, beside an import that nobody disturbed, SQLite."""
    rows = min(KILLED_ROWS, plan.rows)
    file = make_crowd(rows)
    kills_max = 5 if plan.quick else KILLS
    whole, _ = _work_off(books, file, draw=None, kills_max=0)
    draw = random.Random(9)
    kills, imports, unequal = 0, 0, 0
    while kills < kills_max:
        found, killed = _work_off(books, file, draw=draw, kills_max=kills_max - kills)
        kills += killed
        imports += 1
        unequal += found != whole
    return [
        Line(
            what=f"kill -9 of the worker within imports of {rows:,} rows, SQLite",
            goal=f"{KILLS} kills, every result equal",
            measured=f"{kills} kills in {imports} imports, {unequal} unequal",
            met=unequal == 0 and kills >= KILLS,
        )
    ]


def _work_off(books: Books, file: Path, *, draw: random.Random | None, kills_max: int) -> tuple[str, int]:
    """Import a file by workers that are killed at random moments; the digest of the result, and how many were."""
    book = books.copy(books.empty_sqlite(), to="killed")
    import_id = _queue(book, file)
    killed = 0
    while not _is_done(book, import_id):
        worker = start_process(
            name="worker", command=[sys.executable, "-m", "daftari", "worker", "--database", book.database]
        )
        with worker as process:
            doomed = draw is not None and killed < kills_max
            deadline = time.monotonic() + (draw.uniform(*LIFE_SECONDS) if draw is not None and doomed else 600)
            while time.monotonic() < deadline and not _is_done(book, import_id):
                time.sleep(SAMPLE_SECONDS)
            if doomed and not _is_done(book, import_id):
                process.kill()
                process.wait()
                killed += 1
    return _digest(book), killed


def _queue(book: Book, file: Path) -> int:
    store = open_store(book.database, threads=1, secret=SECRET)

    def write(rule: Callable[..., Any], **values: Any) -> Any:
        return store.write(book.project_id, ACTOR, rule, **values)

    try:
        with file.open("rb") as opened:
            wanted = Wanted(name=file.name, group=GROUP)
            settings = read_wanted(opened, wanted=wanted, region="KE", now=CREATED_AT)
            import_id = keep_file(write, opened, settings=settings, now=time.time_ns() // 1000)
        write(queue_import, import_id=import_id, now=time.time_ns() // 1000)
    finally:
        store.close()
    return import_id


def _is_done(book: Book, import_id: int) -> bool:
    with closing(apsw.Connection(book.database)) as connection:
        connection.set_busy_timeout(BUSY_MILLISECONDS)
        rows = connection.execute("SELECT state FROM import WHERE id = ?", (import_id,)).fetchall()
    return rows == [("done",)]


RESULT = (
    "SELECT id, mobile, card, consent_status FROM contact ORDER BY project_id, id",
    "SELECT group_id, contact_id FROM membership ORDER BY project_id, group_id, contact_id",
    "SELECT list, level, block, members FROM directory ORDER BY project_id, list, level, block",
    "SELECT chunk, outcomes, ids FROM import_chunk ORDER BY project_id, import_id, chunk",
    "SELECT number, reason, record FROM import_reject ORDER BY project_id, import_id, number",
    "SELECT next_id, next_group_id, next_fact FROM book ORDER BY project_id",
)
"""All that an import leaves, but for the times at which it did."""


def _digest(book: Book) -> str:
    digest = sha256()
    with closing(apsw.Connection(book.database)) as connection:
        for query in RESULT:
            for row in connection.execute(query):
                digest.update(repr(row).encode())
    return digest.hexdigest()
