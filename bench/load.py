"""The load: wrk in a process of its own, and what it measured.

This room knows paths and keys, and not which server answers.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.plan import BenchFailed, Plan, need_wrk
from bench.server import Server

LUA = Path(__file__).resolve().parent


class Measured(Struct, frozen=True):
    """What wrk saw: times in microseconds; ``refused`` counts statuses of 400 and more, ``busy`` the 503 among them."""

    requests: int
    microseconds: int
    p50: int
    p99: int
    longest: int
    refused: int
    busy: int
    broken: int
    next: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests * 1_000_000 / max(1, self.microseconds)


class Reads(Struct, frozen=True, kw_only=True):
    """GETs of ``path``, where ``{n}`` is drawn from 1..``range`` and ``{after}`` is (n - 1) * ``step``."""

    path: str
    range: int = 1
    step: int = 1


class Creates(Struct, frozen=True, kw_only=True):
    """POSTs of ``rows`` contacts a call into ``group``, numbered from ``first`` and never past ``last``."""

    rows: int
    group: str
    first: int
    last: int


def start_wrk(*, server: Server, work: Reads | Creates, connections: int, seconds: float) -> subprocess.Popen[str]:
    """wrk on its way; ``finish_wrk`` waits for it. One thread: the scripts' numbers are one thread's own."""
    script, arguments = _script(server.key, work)
    command = [
        need_wrk(), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "60s",
        "-s", str(LUA / script), f"http://127.0.0.1:{server.port}/", "--", *arguments,
    ]  # fmt: skip
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _script(key: str, work: Reads | Creates) -> tuple[str, Sequence[str]]:
    if isinstance(work, Reads):
        return "reads.lua", (key, str(work.range), str(work.step), work.path)
    return "writes.lua", (key, str(work.first), str(work.rows), work.group)


def finish_wrk(process: subprocess.Popen[str], *, work: Reads | Creates, refusals_allowed: bool) -> Measured:
    """What wrk measured. A server that refuses what it should answer makes every figure worthless, so it fails."""
    output, _ = process.communicate(timeout=600)
    line = next((line for line in output.splitlines() if line.startswith("MEASURED ")), None)
    if line is None:
        raise BenchFailed(f"wrk measured nothing for {work}:\n{output}")
    measured = msgspec.json.decode(line.removeprefix("MEASURED "), type=Measured)
    if isinstance(work, Creates) and measured.next > work.last:
        raise BenchFailed(f"wrk went past the numbers it was given: {measured.next} for {work}")
    if measured.broken or measured.requests == 0 or (measured.refused and not refusals_allowed):
        raise BenchFailed(f"Answers were refused or connections broken for {work}: {measured}")
    return measured


def run_wrk(
    plan: Plan, *, server: Server, work: Reads | Creates, connections: int, seconds: float | None = None
) -> Measured:
    """One run from start to end."""
    process = start_wrk(server=server, work=work, connections=connections, seconds=seconds or plan.seconds)
    return finish_wrk(process, work=work, refusals_allowed=False)
