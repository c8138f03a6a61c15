"""A door with short deadlines and few places, in front of an application that tells what reached it.

``test_door.py`` lets Granian serve it in a process of its own.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from daftari.web.rsgi import BodyTerms, Request
from daftari.web.server import READS, Answer, Door
from daftari.web.spool import SpooledAnswer

BODY_STALL_SECONDS = 0.5
BODY_SECONDS_MAX = 1.5
BODY_BYTES_MAX = 300_000
SLOW_SECONDS = 1.0
THREADS = 1
WAITING_MAX = 1
FILE_OPENED_SECONDS = 2.0
PIECE = bytes(range(256)) * 4_096
FILE_BYTES = 50 * len(PIECE)
"""What ``/file`` has to say: 50 MB."""
FILES_SENT_MAX = 6
MAY_WAIT = ("/slow", "/file")
"""Paths that are never answered on the event loop."""

_calls = itertools.count(1)


def application(request: Request) -> Answer:
    """Tells what it was called with.

    ``/slow`` takes its time, ``/crash`` fails, ``/long`` has much to say, ``/file`` more than the memory should hold.
    """
    number = next(_calls)
    path = request.path
    if path == "/crash":
        raise RuntimeError("a secret that must not get out")
    if path == "/file":
        return 200, [("content-type", "application/octet-stream")], _fifty_pieces()
    if path == "/slow":
        time.sleep(SLOW_SECONDS)
    given = request.body.read()
    told = {
        "call": number,
        "method": request.method,
        "path": path,
        "length": len(given),
        "sha256": sha256(given).hexdigest(),
    }
    if path == "/long":
        told["filling"] = "x" * 300_000
    return 200, [("content-type", "application/json")], json.dumps(told).encode()


def _fifty_pieces() -> SpooledAnswer:
    spool = SpooledAnswer()
    for _ in range(FILE_BYTES // len(PIECE)):
        spool.write(PIECE)
    return spool


def _at_once(method: str, path: str) -> bool:
    return method in READS and path not in MAY_WAIT


def _note(what: str) -> Callable[[], None]:
    def note() -> None:
        with Path(os.environ["DOOR_NOTES"]).open("a") as notes:
            notes.write(f"{what}\n")

    return note


def door() -> Door:
    """What Granian serves."""
    return Door(
        application,
        address=lambda path: ("", path),
        body_terms=lambda method, path: BodyTerms(BODY_BYTES_MAX),
        admit=lambda scope: None,
        at_once=_at_once,
        threads=THREADS,
        waiting_max=WAITING_MAX,
        housework=_note("housework"),
        close=_note("closed"),
        body_stall_seconds=BODY_STALL_SECONDS,
        body_seconds_max=BODY_SECONDS_MAX,
        housework_seconds=0.2,
        file_opened_seconds=FILE_OPENED_SECONDS,
        sending_bytes_max=FILES_SENT_MAX * FILE_BYTES,
    )
