"""What a run of the bench is: sizes, rounds, seconds, folders. No measuring here."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from msgspec import Struct

HOME = Path(__file__).resolve().parent.parent
FOLDER = HOME / ".bench"
"""Books, logs and results; never committed."""
GROUPS = 20
SECRET = "nobody's secret, for the bench alone"
"""What keys the hashes in every book: books are copied, and PostgreSQL has no place for it."""
SMALL_ROWS = 10_000
"""Contacts in the small project, beside which the big one's total is timed."""


class Plan(Struct, frozen=True, kw_only=True):
    """One run's settings, all of which are printed with its results."""

    quick: bool
    rows: int
    depth_rows: int
    rounds: int
    seconds: int
    soak_minutes: float
    workers: int
    connections: int
    few_connections: int


class BenchFailed(Exception):
    """Something that is needed is missing, or a server answered what it should not. The message says what to do."""


def make_plan(*, quick: bool, rows: int | None, soak_minutes: float | None) -> Plan:
    """One worker a server, which is what ``daftari serve`` starts by itself; no process is bound to a core."""
    chosen = rows if rows is not None else 20_000 if quick else 1_000_000
    if chosen < SMALL_ROWS or chosen % SMALL_ROWS:
        raise BenchFailed(f"--rows must be a multiple of {SMALL_ROWS:,}; 1,000,000 is what the goals are about.")
    return Plan(
        quick=quick,
        rows=chosen,
        depth_rows=chosen * 10,
        rounds=3 if quick else 5,
        seconds=1 if quick else 3,
        soak_minutes=soak_minutes if soak_minutes is not None else 0.25 if quick else 3.0,
        workers=1,
        connections=16,
        few_connections=4,
    )


def describe_machine() -> str:
    """The processor, memory and kernel, in one line."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{len(os.sched_getaffinity(0))} cores of {model}, {memory:.0f} GiB, Linux {platform.release()}"


def need_wrk() -> str:
    """Where wrk is."""
    found = shutil.which("wrk")
    if found is None:
        raise BenchFailed("The load comes from wrk, which is not installed: 'apt-get install wrk' brings it.")
    return found
