"""Rows about slow clients: 64 bodies that never end and 64 readers that hardly read, while another client asks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

from bench.datasets import Dataset, Datasets, Engine
from bench.ratios import Line, at_most
from bench.reads import pages
from bench.server import Server, memory_of, run_daftari
from bench.settings import CONNECTIONS, Settings
from bench.wrk import Reads, run_wrk

STALLED = 64
SLOW = 64
TIME_MAX = 2.0
GROWTH_BYTES_MAX = 64 * 1024 * 1024
PAGES_ASKED = 4
"""Pages of 1,000 that each slow reader requests at once: more than the kernel's buffers hold."""
READ_BYTES = 256
READ_SECONDS = 0.5


def slow_clients_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """Stalled bodies and slow readers, SQLite."""
    return _slow_clients(settings, datasets.get("SQLite", rows=settings.rows), "SQLite")


def slow_clients_postgres(settings: Settings, datasets: Datasets) -> list[Line]:
    """Stalled bodies and slow readers, PostgreSQL."""
    return _slow_clients(settings, datasets.get("PostgreSQL", rows=settings.rows), "PostgreSQL")


def _slow_clients(settings: Settings, dataset: Dataset, engine: Engine) -> list[Line]:
    work = Reads(path="/v1/contacts/{n}", range=settings.rows)
    seconds = settings.seconds
    ratios, growths, open_at_end = [], [], []
    with run_daftari(database=dataset.database, key=dataset.key) as server:
        for warming in (pages(settings.rows)["everyone"], work):
            run_wrk(server, warming, connections=CONNECTIONS, seconds=seconds)
        before = memory_of(server.process.pid)
        for _ in range(settings.rounds):
            usual = run_wrk(server, work, connections=1, seconds=seconds).rate
            with _hold(server) as held:
                meanwhile = run_wrk(server, work, connections=1, seconds=seconds).rate
                growths.append(memory_of(server.process.pid) - before)
                open_at_end.append(sum(map(_is_open, held)))
            ratios.append(usual / meanwhile)
    what = f"{STALLED} stalled bodies and {SLOW} slow readers, {engine}"
    worst = f"worst {max(ratios):.2f} ×"
    return [
        at_most(f"{what}: another GET", median(ratios), TIME_MAX, of="its usual time", rates=worst),
        Line(
            what=f"{what}: memory",
            goal="+ 64 MB at most",
            measured=f"{max(growths) / 2**20:+.0f} MB ({min(open_at_end)} of {STALLED + SLOW} connections stayed open)",
            met=max(growths) <= GROWTH_BYTES_MAX,
        ),
    ]


@contextmanager
def _hold(server: Server) -> Iterator[list[socket.socket]]:
    """All slow clients at once: half of the bodies are small enough for memory, half are not."""
    with ExitStack() as stack:
        bodies = [
            stack.enter_context(_begin_body(server, promised=promised, sent=sent))
            for promised, sent in [(10_000, 1_000), (2_000_000, 200_000)] * (STALLED // 2)
        ]
        readers = [stack.enter_context(_begin_reading(server)) for _ in range(SLOW)]
        over = threading.Event()
        reading = threading.Thread(target=_read_slowly, args=(readers, over))
        reading.start()
        try:
            yield bodies + readers
        finally:
            over.set()
            reading.join()


def _begin_body(server: Server, *, promised: int, sent: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    head = (
        "POST /v1/contacts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {server.key}\r\nContent-Length: {promised}\r\n\r\n"
    )
    connection.sendall(head.encode() + b'{"contacts": [' + b" " * sent)
    return connection


def _begin_reading(server: Server) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", server.port))
    head = f"GET /v1/contacts HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.key}\r\n\r\n"
    connection.sendall(head.encode() * PAGES_ASKED)
    return connection


def _read_slowly(readers: list[socket.socket], over: threading.Event) -> None:
    while not over.wait(READ_SECONDS):
        for reader in readers:
            reader.recv(READ_BYTES)


def _is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
