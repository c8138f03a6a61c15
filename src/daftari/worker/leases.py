"""Who works in the background: its name, and that of whoever holds a job, so that others there know when it is dead.

This room must not know what a job is.
"""

from __future__ import annotations

import os
import secrets
import socket
from hashlib import blake2b
from pathlib import Path

from daftari.model.projects import Actor

WORKER = Actor(None, "worker")
"""Who writes what nobody asked for just now."""
BOOT = Path("/proc/sys/kernel/random/boot_id")
PROCESSES = Path("/proc/self/ns/pid")


def new_owner() -> str:
    """A name that nobody had before: ``host:place:process:token``."""
    return f"{socket.gethostname()}:{_place()}:{os.getpid()}:{secrets.token_hex(4)}"


def is_dead(owner: str) -> bool:
    """Whether an owner is a process of this very place that is no more. Of any other place nothing is known."""
    place, process = ["", "", *owner.split(":")][-3:-1]
    if not place or place != _place() or not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        # It is there, and somebody else's.
        return False
    return False


def _place() -> str:
    """This start of this machine, or of this container; empty where the system does not tell."""
    try:
        told = BOOT.read_text() + os.readlink(PROCESSES)
    except OSError:
        return ""
    return blake2b(told.encode(), digest_size=4).hexdigest()
