"""Rows about imports and exports: their speed and memory, other requests meanwhile, and workers that are killed.

Commands are measured from their start to their end: the file is stored, read, written and counted.
"""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

import apsw
import msgspec
from msgspec import Struct

from bench.checkout import HERE, Checkout, environment
from bench.csv_file import make_csv
from bench.datasets import Dataset, Datasets, Engine
from bench.inserts import run_inserts
from bench.ratios import Line, remark, show_rate
from bench.server import Server, memory_of, run_daftari, start_process
from bench.settings import FOLDER, GROUPS, BenchFailed, Settings
from bench.wrk import Creates, Reads, finish_wrk, run_wrk, start_wrk

MEGABYTE = 1_000_000
GROUP = "imported"
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
"""The life of a killed worker: it starts in about half a second, and the import takes some more."""
BARE_ROWS = 10_000
"""Rows of a transaction of bare inserts, as many as an import's batch has."""
BARE_FIRST = 254_110_000_000
"""Numbers from here on are not in the file."""
BUSY_MILLISECONDS = 10_000
"""The wait for a database that another process closes or recovers."""
SAMPLE_SECONDS = 0.05
WHOLE_SECONDS_MAX = 600.0
"""The life of a worker that is left alone, at most."""


class Finished(Struct, frozen=True):
    """A process that ended: its time, the most memory of it and its children, and the longest WAL meanwhile."""

    seconds: float
    memory_bytes: int
    wal_bytes: int


# ---- import ----------------------------------------------------------------------------------------------


def import_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """Import a CSV into a group by the command, and the same file again, SQLite."""
    return _import(settings, datasets, "SQLite")


def import_postgres(settings: Settings, datasets: Datasets) -> list[Line]:
    """Import a CSV into a group by the command, and the same file again, PostgreSQL."""
    return _import(settings, datasets, "PostgreSQL")


def _import(settings: Settings, datasets: Datasets, engine: Engine) -> list[Line]:
    rows = settings.rows
    dataset = datasets.copy(datasets.get(engine, rows=0), to="import")
    file = make_csv(rows)
    first, counts = run_import(dataset, file)
    again, counts_again = run_import(dataset, file)
    if counts_again["created"] or counts_again["updated"]:
        raise BenchFailed(f"The second import changed something: {counts_again}")
    rate, rate_again = rows / first.seconds, rows / again.seconds
    bare = run_inserts(dataset.database, rows=BARE_ROWS, first=BARE_FIRST, seconds=settings.seconds).rate
    goal = IMPORT_MIN[engine]
    memory = max(first.memory_bytes, again.memory_bytes)
    shown = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    lines = [
        Line(
            what=f"import {rows:,} rows of CSV into a group, {engine}",
            goal=f"≥ {goal:,}/s",
            measured=f"{show_rate(rate)} ({first.seconds:.1f} s: {shown})",
            met=rate >= goal,
        ),
        Line(
            what="compared with listmonk's published 10,000 rows a second",
            goal=f"≥ {LISTMONK_TIMES} ×",
            measured=f"{rate / LISTMONK:.1f} ×",
            met=rate >= LISTMONK_TIMES * LISTMONK,
        ),
        Line(
            what=f"the same again with nothing changed, {engine}",
            goal=f"≥ {AGAIN_MIN:,}/s",
            measured=f"{show_rate(rate_again)} ({again.seconds:.1f} s)",
            met=rate_again >= AGAIN_MIN,
        ),
        remark(
            "compared with bare inserts of as many columns into the same tables, in the same run",
            f"{rate / bare:.2f} × and, nothing changed, {rate_again / bare:.2f} × ({show_rate(bare)})",
        ),
        Line(
            what="memory of all its processes, at most",
            goal="≤ 200 MB",
            measured=f"{memory / MEGABYTE:.0f} MB",
            met=memory <= MEMORY_MAX,
        ),
    ]
    return [*lines, _wal_line(first)] if engine == "SQLite" else lines


def _wal_line(finished: Finished) -> Line:
    return Line(
        what="the log (WAL) meanwhile, at most",
        goal="≤ 512 MiB",
        measured=f"{finished.wal_bytes / 2**20:.0f} MiB",
        met=finished.wal_bytes <= WAL_BYTES_MAX,
    )


def run_import(dataset: Dataset, file: Path, *, checkout: Checkout = HERE) -> tuple[Finished, dict[str, int]]:
    """The command for a file into Big, and the import's counts."""
    words = ["import", str(file), "--project", "Big", "--group", GROUP, "--json"]
    output = FOLDER / "import.json"
    finished = _run(words, dataset, output=output, checkout=checkout)
    imports: Any = msgspec.json.decode(output.read_bytes())
    counts: dict[str, int] = (imports[0] if isinstance(imports, list) else imports)["counts"]
    return finished, counts


def _run(words: list[str], dataset: Dataset, *, output: Path, checkout: Checkout = HERE) -> Finished:
    """A command of Daftari's, watched while it runs. Raises ``BenchFailed`` when it fails."""
    errors = FOLDER / "errors.txt"
    with output.open("wb") as out, errors.open("wb") as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            checkout.command(*words, "--database", dataset.database),
            env=environment(),
            cwd=FOLDER,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        memory_bytes, wal_bytes = _watch(process, dataset, lambda: False)
        seconds = time.perf_counter() - started
    if process.returncode not in (0, 1):
        reason = errors.read_text()[-2000:]
        raise BenchFailed(f"daftari {' '.join(words)} ended with {process.returncode}: {reason}")
    return Finished(seconds, memory_bytes, wal_bytes)


def _watch(process: subprocess.Popen[bytes], dataset: Dataset, is_over: Callable[[], bool]) -> tuple[int, int]:
    """The most memory and the longest WAL in bytes, until the process ends or what it does is over."""
    wal = Path(f"{dataset.database}-wal")
    memory_bytes = wal_bytes = 0
    while process.poll() is None and not is_over():
        memory_bytes = max(memory_bytes, memory_of(process.pid))
        wal_bytes = max(wal_bytes, wal.stat().st_size if wal.exists() else 0)
        time.sleep(SAMPLE_SECONDS)
    return memory_bytes, wal_bytes


# ---- export ----------------------------------------------------------------------------------------------


def export_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """Export the project by the command, SQLite."""
    return _export(settings, datasets, "SQLite")


def export_postgres(settings: Settings, datasets: Datasets) -> list[Line]:
    """Export the project by the command, PostgreSQL."""
    return _export(settings, datasets, "PostgreSQL")


def _export(settings: Settings, datasets: Datasets, engine: Engine) -> list[Line]:
    dataset = datasets.get(engine, rows=settings.rows)
    lines = []
    for form, goal in EXPORT_MIN.items():
        words = ["export", "--project", "Big", "--format", form]
        runs = [_run(words, dataset, output=FOLDER / f"export.{form}") for _ in range(settings.rounds)]
        rate = dataset.rows / median(run.seconds for run in runs)
        memory = max(run.memory_bytes for run in runs)
        lines.append(
            Line(
                what=f"export {dataset.rows:,} contacts in {GROUPS} groups, {form.upper()}, {engine}",
                goal=f"≥ {goal:,}/s" if engine == "SQLite" else "",
                measured=f"{show_rate(rate)} ({memory / MEGABYTE:.0f} MB)",
                met=rate >= goal if engine == "SQLite" else None,
            )
        )
    return lines


# ---- other requests meanwhile ----------------------------------------------------------------------------


def during_import(settings: Settings, datasets: Datasets) -> list[Line]:
    """Other requests during an import, SQLite."""
    dataset = datasets.copy(datasets.get("SQLite", rows=settings.rows), to="during_import")
    file = make_csv(settings.rows)
    get = Reads(path="/v1/contacts/{n}", range=settings.rows)
    with run_daftari(database=dataset.database, key=dataset.key) as server:
        idle = run_wrk(server, get, connections=1, seconds=settings.seconds)
        found: list[Finished] = []
        importing = threading.Thread(target=lambda: found.append(_import_by_worker(server, dataset, file)))
        importing.start()
        gets, creates = [], []
        time.sleep(1)
        while importing.is_alive():
            # Alternately, since each would slow the other even without an import.
            gets.append(run_wrk(server, get, connections=1, seconds=settings.seconds))
            first, last = server.take_numbers(100_000)
            create = Creates(rows=1, group="single", first=first, last=last)
            writing = start_wrk(server=server, work=create, connections=1, seconds=settings.seconds)
            creates.append(finish_wrk(writing, work=create, refusals_allowed=True))
        importing.join()
    if not found:
        raise BenchFailed(f"The import did not end; see {FOLDER / 'logs'}/worker.log.")
    ratio = median(run.p99 for run in gets) / idle.p99
    p99 = median(run.p99 for run in creates) / 1000
    refused = sum(run.refused for run in creates)
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
        _wal_line(found[0]),
        remark("the import meanwhile", show_rate(settings.rows / found[0].seconds)),
    ]


def _import_by_worker(server: Server, dataset: Dataset, file: Path) -> Finished:
    """Import a file by a worker while the server runs, from the file's arrival to the end of the import."""
    started = time.perf_counter()
    _send(server, file)
    with _start_worker(dataset) as process:
        memory_bytes, wal_bytes = _watch(process, dataset, lambda: _is_done(dataset))
        if process.poll() is not None:
            raise BenchFailed(f"The worker ended; see {FOLDER / 'logs'}/worker.log.")
        return Finished(time.perf_counter() - started, memory_bytes, wal_bytes)


def _send(server: Server, file: Path) -> None:
    """Send a file, so that its import is queued."""
    server.call("POST", f"/v1/imports?name={file.name}&group={GROUP}", file.read_bytes(), media_type="text/csv")


def _start_worker(dataset: Dataset) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return start_process(name="worker", command=HERE.command("worker", "--database", dataset.database))


# ---- killed workers --------------------------------------------------------------------------------------


def import_kills(settings: Settings, datasets: Datasets) -> list[Line]:
    """Imports whose workers are killed with SIGKILL again and again, compared with one that is left alone, SQLite."""
    rows = min(KILLED_ROWS, settings.rows)
    kills_max = 5 if settings.quick else KILLS
    queued = datasets.copy(datasets.get("SQLite", rows=0), to="queued")
    with run_daftari(database=queued.database, key=queued.key) as server:
        _send(server, make_csv(rows))
    expected, _ = _run_workers(datasets, queued, kills_max=0)
    draw = random.Random(9)
    kills = imports = unequal = 0
    while kills < kills_max:
        digest, killed = _run_workers(datasets, queued, kills_max=kills_max - kills, draw=draw)
        kills += killed
        imports += 1
        unequal += digest != expected
    return [
        Line(
            what=f"kill -9 of the worker within imports of {rows:,} rows, SQLite",
            goal=f"{KILLS} kills, every result equal",
            measured=f"{kills} kills in {imports} imports, {unequal} unequal",
            met=unequal == 0 and kills >= KILLS,
        )
    ]


def _run_workers(
    datasets: Datasets, queued: Dataset, *, kills_max: int, draw: random.Random | None = None
) -> tuple[str, int]:
    """Finish a copy of the queued import. Returns a digest of the result, and how many workers were killed."""
    dataset = datasets.copy(queued, to="killed")
    killed = 0
    while not _is_done(dataset):
        with _start_worker(dataset) as process:
            life = draw.uniform(*LIFE_SECONDS) if draw and killed < kills_max else None
            deadline = time.monotonic() + (life or WHOLE_SECONDS_MAX)
            while time.monotonic() < deadline and not _is_done(dataset):
                time.sleep(SAMPLE_SECONDS)
            if life and not _is_done(dataset):
                process.kill()
                process.wait()
                killed += 1
    return _digest(dataset), killed


def _is_done(dataset: Dataset) -> bool:
    """Whether the only import of a database has ended."""
    with closing(apsw.Connection(dataset.database)) as connection:
        connection.set_busy_timeout(BUSY_MILLISECONDS)
        return connection.execute("SELECT state FROM import").fetchall() == [("done",)]


RESULT = (
    "SELECT id, mobile, card, consent_status FROM contact ORDER BY project_id, id",
    "SELECT group_id, contact_id FROM membership ORDER BY project_id, group_id, contact_id",
    "SELECT list, level, block, members FROM directory ORDER BY project_id, list, level, block",
    "SELECT chunk, outcomes, ids FROM import_chunk ORDER BY project_id, import_id, chunk",
    "SELECT number, reason, record FROM import_reject ORDER BY project_id, import_id, number",
    "SELECT next_id, next_group_id, next_fact FROM book ORDER BY project_id",
)
"""All that an import leaves, except times."""


def _digest(dataset: Dataset) -> str:
    digest = sha256()
    with closing(apsw.Connection(dataset.database)) as connection:
        for query in RESULT:
            for row in connection.execute(query):
                digest.update(repr(row).encode())
    return digest.hexdigest()
