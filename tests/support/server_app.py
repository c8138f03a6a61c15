"""A server with short deadlines and low limits, whose application answers with what reached it.

``test_server.py`` has Granian serve it in another process.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from daftari.web.bodies import Pace
from daftari.web.errors import render_json
from daftari.web.responses import Response, json_response
from daftari.web.routing import READS, BodyPolicy, RawRequest, Route, Router
from daftari.web.server import EntryPoint, Limits, RsgiServer
from daftari.web.spool import ResponseSpool

BODY_STALL_SECONDS = 0.5
BODY_WINDOW_SECONDS = 1.5
BODY_WINDOW_BYTES_MIN = 1_000
BODY_BYTES_MAX = 300_000
SLOW_SECONDS = 1.0
THREADS = 1
WAITING_MAX = 1
FILE_OPEN_SECONDS = 2.0
PIECE = bytes(range(256)) * 4_096
FILE_BYTES = 50 * len(PIECE)
"""The body of ``/file``: 50 MB."""
FILES_SENT_MAX = 6
PATHS = ("/", "/crash", "/file", "/long", "/slow", "/{text}")
MAY_WAIT = ("/slow", "/file")
"""Paths that are never answered on the event loop."""
METHODS = ("GET", "OPTIONS", "POST", "PATCH", "DELETE", "BREW")

_calls = itertools.count(1)


def application(request: RawRequest) -> Response:
    """Answers with what it was called with.

    ``/slow`` takes its time, ``/crash`` fails, ``/long`` has a long body, ``/file`` one that is sent from a file.
    """
    number = next(_calls)
    path = request.match.path or "/"
    if path == "/crash":
        raise RuntimeError("a secret that must not get out")
    if path == "/file":
        return Response(200, _fifty_pieces(), "application/octet-stream")
    if path == "/slow":
        time.sleep(SLOW_SECONDS)
    given = request.body.read()
    seen = {
        "call": number,
        "method": request.method,
        "path": path,
        "length": len(given),
        "sha256": sha256(given).hexdigest(),
    }
    if path == "/long":
        seen["filling"] = "x" * 300_000
    return json_response(seen)


def _fifty_pieces() -> ResponseSpool:
    spool = ResponseSpool()
    for _ in range(FILE_BYTES // len(PIECE)):
        spool.write(PIECE)
    return spool


def _write_note(what: str) -> Callable[[], None]:
    def write() -> None:
        with Path(os.environ["SERVER_NOTES"]).open("a") as notes:
            notes.write(f"{what}\n")

    return write


def _route(method: str, path: str) -> Route:
    inline = method in READS and path not in MAY_WAIT
    return Route(method, path, lambda request: application(request), "write", BodyPolicy(BODY_BYTES_MAX), inline)


def server() -> RsgiServer:
    """What Granian serves."""
    router = Router(
        ((path, _route(method, path)) for path in PATHS for method in METHODS), prefix="/api", base="", spanning={}
    )
    entry = EntryPoint(router, application, lambda scope, match, beginning: True, render_json)
    return RsgiServer(
        lambda path: entry,
        inline=True,
        threads=THREADS,
        periodic=_write_note("periodic"),
        close=_write_note("closed"),
        limits=Limits(
            waiting_max=WAITING_MAX,
            pace=Pace(BODY_STALL_SECONDS, BODY_WINDOW_SECONDS, BODY_WINDOW_BYTES_MIN, look_seconds=0.1),
            periodic_seconds=0.2,
            file_open_seconds=FILE_OPEN_SECONDS,
            file_closed_seconds=0.1,
            sending_bytes_max=FILES_SENT_MAX * FILE_BYTES,
        ),
    )
