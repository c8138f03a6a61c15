"""The heaps of a process, as glibc itself lists them."""

from __future__ import annotations

import os
import subprocess
import sys

from daftari.memory import HEAPS_MAX

LIST_HEAPS = """
import ctypes, sys, threading
from daftari.memory import limit_heaps

if sys.argv[1] == "limited":
    limit_heaps()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.fdopen.restype = ctypes.c_void_p
everyone = threading.Barrier(9)

def allocate():
    libc.malloc(1000)
    everyone.wait()
    everyone.wait()

threads = [threading.Thread(target=allocate, daemon=True) for _ in range(8)]
for thread in threads:
    thread.start()
everyone.wait()
listed = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, listed)
libc.fflush(listed)
everyone.wait()
"""


def heaps(argument: str, **environ: str) -> int:
    """The heaps of a process with eight threads that allocate."""
    plain = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    command = [sys.executable, "-c", LIST_HEAPS, argument]
    listed = subprocess.run(command, env=plain | environ, capture_output=True, check=True, timeout=60).stdout
    return listed.count(b"<heap nr=")


def test_threads_share_their_heaps_unless_the_environment_says_otherwise() -> None:
    assert heaps("unlimited") > HEAPS_MAX
    assert heaps("limited") <= HEAPS_MAX
    assert heaps("limited", MALLOC_ARENA_MAX="5") > HEAPS_MAX
