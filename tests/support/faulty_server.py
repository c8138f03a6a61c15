"""A server that answers as a test says, and badly when it says so: late, cut in the middle, or not at all.

What a client does about it cannot be seen with a good server. This module knows nothing of Daftari.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Struct


class Got(Struct, frozen=True):
    """A request that arrived. Names of headers are lower-case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> object:
        return msgspec.json.decode(self.body)


class Says(Struct, frozen=True):
    """An answer. ``cut`` promises more than the body and hangs up after it."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}
    cut: bool = False


HANGS_UP = None
"""In the place of an answer: the connection is closed without one."""

Behaviour = Callable[[Got], Says | None]


class Rough(Struct, frozen=True):
    """A rough server that runs: its address, and what it got until now."""

    url: str
    got: list[Got]


def says(record: object, status: int = 200, **headers: str) -> Says:
    """An answer of JSON. ``retry_after="1"`` is the header ``retry-after``."""
    return Says(status, msgspec.json.encode(record), {name.replace("_", "-"): value for name, value in headers.items()})


def in_turn(*answers: Says | None) -> Behaviour:
    """One answer after the other; the last one forever."""
    left = list(answers)
    return lambda got: left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def rough_server(behave: Behaviour) -> Iterator[Rough]:
    """Runs until the block ends."""
    got: list[Got] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            arrived = _read(self)
            got.append(arrived)
            _say(self, behave(arrived))

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Rough(f"http://127.0.0.1:{server.server_address[1]}", got)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _read(handler: BaseHTTPRequestHandler) -> Got:
    place = urlsplit(handler.path)
    headers = {name.lower(): value for name, value in handler.headers.items()}
    if headers.get("transfer-encoding") == "chunked":
        body = b"".join(_chunks(handler))
    else:
        body = handler.rfile.read(int(headers.get("content-length", "0")))
    return Got(handler.command, place.path, dict(parse_qsl(place.query)), headers, body)


def _chunks(handler: BaseHTTPRequestHandler) -> Iterator[bytes]:
    while size := int(handler.rfile.readline(), 16):
        yield handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()


def _say(handler: BaseHTTPRequestHandler, answer: Says | None) -> None:
    handler.close_connection = answer is None or answer.cut
    if answer is None:
        return
    handler.send_response(answer.status)
    handler.send_header("content-length", str(len(answer.body) + 1_000 * answer.cut))
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(answer.body)
