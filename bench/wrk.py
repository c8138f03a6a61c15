"""The load: wrk in a process of its own, and what it measured.

This module knows paths and keys, and not which server answers.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.server import Server
from bench.settings import BenchFailed

SCRIPTS = Path(__file__).resolve().parent


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

    def script(self, key: str) -> tuple[str, ...]:
        """The file and its arguments."""
        return "reads.lua", key, str(self.range), str(self.step), self.path


class Creates(Struct, frozen=True, kw_only=True):
    """POSTs of ``rows`` contacts a call into ``group``, numbered from ``first`` and never past ``last``."""

    rows: int
    group: str
    first: int
    last: int

    def script(self, key: str) -> tuple[str, ...]:
        """The file and its arguments."""
        return "writes.lua", key, str(self.first), str(self.rows), self.group


def find_wrk() -> str:
    """Where wrk is. Raises ``BenchFailed`` when it is not installed."""
    found = shutil.which("wrk")
    if found is None:
        raise BenchFailed("The load comes from wrk, which is not installed: 'apt-get install wrk' brings it.")
    return found


def start_wrk(*, server: Server, work: Reads | Creates, connections: int, seconds: float) -> subprocess.Popen[str]:
    """A running wrk, for ``finish_wrk``. It has one thread, because the scripts' numbers belong to one thread."""
    file, *arguments = work.script(server.key)
    command = [
        find_wrk(), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "60s",
        "-s", str(SCRIPTS / file), f"http://127.0.0.1:{server.port}/", "--", *arguments,
    ]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish_wrk(process: subprocess.Popen[str], *, work: Reads | Creates, refusals_allowed: bool = False) -> Measured:
    """What wrk measured. Raises ``BenchFailed`` when an answer was refused, which makes every figure worthless."""
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


def run_wrk(server: Server, work: Reads | Creates, *, connections: int, seconds: float) -> Measured:
    """One run from start to end."""
    return finish_wrk(start_wrk(server=server, work=work, connections=connections, seconds=seconds), work=work)
