"""Servers in processes of their own: Daftari, the limit and the peer start, answer, weigh and stop alike."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.plan import FOLDER, HOME, SECRET, BenchFailed, Plan

START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 30.0
FIRST_FRESH = 254_720_000_000
"""Numbers from here on are in no book that the bench makes."""
LAST_FRESH = 254_799_999_999


class Server:
    """A server that answers on loopback, the key its calls carry, and the numbers not yet created in its book."""

    def __init__(self, *, process: subprocess.Popen[bytes], port: int, key: str) -> None:
        self.process = process
        self.port = port
        self.key = key
        self._fresh = FIRST_FRESH

    def take_numbers(self, count: int) -> tuple[int, int]:
        """The first and last of ``count`` numbers that nobody was given before."""
        first = self._fresh
        self._fresh += count
        if self._fresh > LAST_FRESH:
            raise BenchFailed("The fresh numbers are used up; run fewer rounds.")
        return first, self._fresh - 1

    def ask(self, path: str, *, method: str = "GET", body: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own: status, headers, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            headers = {"Authorization": f"Bearer {self.key}"}
            if body is not None:
                headers["Content-Type"] = "application/json"
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def get(self, path: str) -> bytes:
        """The body of a GET that must succeed."""
        status, _, body = self.ask(path)
        if status != 200:
            raise BenchFailed(f"GET {path} answered {status}: {body[:500]!r}")
        return body

    def resident_bytes(self) -> dict[int, int]:
        """Memory by process, the server's own and all that it started."""
        return {pid: _resident_bytes(pid) for pid in _family(self.process.pid)}


def memory_of(pid: int) -> int:
    """Memory of a process and of all that it started, in bytes; what they share is counted for each."""
    return sum(_resident_bytes(one) for one in _family(pid))


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def daftari_command(plan: Plan, *, database: str, port: int, workers: int | None = None) -> list[str]:
    """How Daftari is started for the bench: as a user starts it, without the background worker."""
    return [
        sys.executable, "-m", "daftari", "serve", "--database", database, "--host", "127.0.0.1",
        "--port", str(port), "--workers", str(workers or plan.workers), "--no-worker",
    ]  # fmt: skip


@contextmanager
def run_daftari(plan: Plan, *, database: str, key: str, workers: int | None = None) -> Iterator[Server]:
    """Daftari over a book."""
    port = free_port()
    command = daftari_command(plan, database=database, port=port, workers=workers)
    with run_server(name="daftari", command=command, port=port, key=key, path="/v1/health") as server:
        yield server


@contextmanager
def run_server(
    *,
    name: str,
    command: Sequence[str],
    port: int,
    key: str,
    path: str,
    extra: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """A server from its start, through its first answer to ``path``, to its end."""
    with start_process(name=name, command=command, extra=extra) as process:
        server = Server(process=process, port=port, key=key)
        wait_until_answering(server, path=path, name=name)
        yield server


@contextmanager
def start_process(
    *, name: str, command: Sequence[str], extra: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process, its output in a log; ended, with what it started, when the block ends."""
    logs = FOLDER / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=FOLDER,
            env={**_environment(), **(extra or {})},
        )
    try:
        yield process
    finally:
        stop_process(process)


def _environment() -> dict[str, str]:
    """Ours, without any setting of Daftari's that the developer has; the folder has no settings file either."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAFTARI_")}
    return {**kept, "DAFTARI_SECRET": SECRET, "PYTHONPATH": os.pathsep.join([str(HOME / "src"), str(HOME)])}


def wait_until_answering(server: Server, *, path: str, name: str) -> None:
    """Ask until it answers 200."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise BenchFailed(f"{name} ended before it answered; see {FOLDER / 'logs' / name}.log")
        try:
            if server.ask(path)[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.003)
    raise BenchFailed(f"{name} did not answer {path} in {START_SECONDS_MAX:.0f} s; see {FOLDER / 'logs' / name}.log")


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and end what is left of it after a while."""
    family = _family(process.pid)
    process.terminate()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        for pid in family[1:]:
            _kill(pid)
        process.kill()
        process.wait()


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, 9)


def _family(pid: int) -> list[int]:
    """A process and all below it, from the kernel's own lists."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def _resident_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmRSS:")), "VmRSS: 0 kB")
    return int(line.split()[1]) * 1024
