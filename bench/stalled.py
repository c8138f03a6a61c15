"""Rows about bad clients: 64 bodies that never end and 64 readers that hardly read, while somebody else asks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

from bench.data import Book, Books
from bench.load import Reads, run_wrk
from bench.plan import Plan
from bench.rounds import Line, at_most
from bench.server import Server, run_daftari

STALLED = 64
SLOW = 64
TIME_MAX = 2.0
GROWTH_BYTES_MAX = 64 * 1024 * 1024
PAGES_ASKED = 4
"""Pages of 1,000 that each slow reader asks for at once: more than the kernel's buffers hold."""
SIP_BYTES = 256
SIP_SECONDS = 0.5


def stalled_sqlite(plan: Plan, books: Books) -> list[Line]:
    """Stalled bodies and slow readers, SQLite."""
    return _stalled(plan, books.sqlite(plan.rows), engine="SQLite")


def stalled_postgres(plan: Plan, books: Books) -> list[Line]:
    """Stalled bodies and slow readers, PostgreSQL."""
    return _stalled(plan, books.on_postgres(plan.rows), engine="PostgreSQL")


def _stalled(plan: Plan, book: Book, *, engine: str) -> list[Line]:
    work = Reads(path="/v1/contacts/{n}", range=plan.rows)
    ratios, growths, open_at_end = [], [], []
    with run_daftari(plan, database=book.database, key=book.key, workers=1) as server:
        run_wrk(plan, server=server, work=Reads(path="/v1/contacts?page={n}", range=plan.rows // 1_000), connections=16)
        run_wrk(plan, server=server, work=work, connections=16)
        before = _total_bytes(server)
        for _ in range(plan.rounds):
            usual = run_wrk(plan, server=server, work=work, connections=1).rate
            with _hold(server) as held:
                beside = run_wrk(plan, server=server, work=work, connections=1).rate
                growths.append(_total_bytes(server) - before)
                open_at_end.append(sum(map(_is_open, held)))
            ratios.append(usual / beside)
    what = f"{STALLED} stalled bodies and {SLOW} slow readers, {engine}"
    return [
        at_most(
            f"{what}: another GET", median(ratios), TIME_MAX, of="its usual time", rates=f"worst {max(ratios):.2f} ×"
        ),
        Line(
            what=f"{what}: memory",
            goal="+ 64 MB at most",
            measured=f"{max(growths) / 2**20:+.0f} MB ({min(open_at_end)} of {STALLED + SLOW} connections stayed open)",
            met=max(growths) <= GROWTH_BYTES_MAX,
        ),
    ]


def _total_bytes(server: Server) -> int:
    return sum(server.resident_bytes().values())


@contextmanager
def _hold(server: Server) -> Iterator[list[socket.socket]]:
    """All the bad clients at once: half of the bodies small enough for memory, half not."""
    with ExitStack() as stack:
        bodies = [
            stack.enter_context(_begin_body(server, promised=promised, sent=sent))
            for promised, sent in [(10_000, 1_000), (2_000_000, 200_000)] * (STALLED // 2)
        ]
        readers = [stack.enter_context(_begin_reading(server)) for _ in range(SLOW)]
        over = threading.Event()
        sipping = threading.Thread(target=_sip, args=(readers, over))
        sipping.start()
        try:
            yield bodies + readers
        finally:
            over.set()
            sipping.join()


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


def _sip(readers: list[socket.socket], over: threading.Event) -> None:
    while not over.wait(SIP_SECONDS):
        for reader in readers:
            reader.recv(SIP_BYTES)


def _is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
