"""Names the owners of leases, so that another worker of the same machine can see when one is dead. No jobs, no SQL."""

from __future__ import annotations

import os
import secrets
import socket
from hashlib import blake2b
from pathlib import Path

from daftari.model.projects import WORKER_REQUEST, Actor

WORKER = Actor(None, WORKER_REQUEST)
"""The actor of writes that no request asked for."""
BOOT = Path("/proc/sys/kernel/random/boot_id")
PROCESSES = Path("/proc/self/ns/pid")


def new_owner() -> str:
    """A name that no other worker has: ``host:place:process:token``."""
    return f"{socket.gethostname()}:{_place()}:{os.getpid()}:{secrets.token_hex(4)}"


def is_dead(owner: str) -> bool:
    """Whether an owner was a process of this start of this machine, and has ended. Of others nothing is known."""
    place, process = ["", "", *owner.split(":")][-3:-1]
    if not place or place != _place() or not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        # It runs, as another user.
        return False
    return False


def _place() -> str:
    """A name of this start of this machine or container; empty if the system does not give one."""
    try:
        start = BOOT.read_text() + os.readlink(PROCESSES)
    except OSError:
        return ""
    return blake2b(start.encode(), digest_size=4).hexdigest()
