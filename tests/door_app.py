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

from daftari.web.door import Answer, Door, Request

BODY_STALL_SECONDS = 0.5
BODY_SECONDS_MAX = 1.5
BODY_BYTES_MAX = 300_000
SLOW_SECONDS = 1.0
THREADS = 1
WAITING_MAX = 1

_calls = itertools.count(1)


def application(request: Request) -> Answer:
    """Tells what it was called with. ``/slow`` takes its time, ``/crash`` fails, ``/long`` has much to say."""
    number = next(_calls)
    path = request.path
    if path == "/crash":
        raise RuntimeError("a secret that must not get out")
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
        body_limit=lambda method, path: BODY_BYTES_MAX,
        reads_wait=False,
        threads=THREADS,
        waiting_max=WAITING_MAX,
        housework=_note("housework"),
        close=_note("closed"),
        body_stall_seconds=BODY_STALL_SECONDS,
        body_seconds_max=BODY_SECONDS_MAX,
        housework_seconds=0.2,
    )
