"""Servers in processes of their own: how they are started, called, weighed and stopped, whichever program they are."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from bench.checkout import HERE, Checkout, environment
from bench.settings import FOLDER, ROOT, WORKERS, BenchFailed

START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 30.0
CALL_SECONDS_MAX = 600.0
FIRST_NEW = 254_720_000_000
"""Numbers from here on are in no dataset."""
LAST_NEW = 254_799_999_999


class Server:
    """A server on loopback, the key that its calls carry, and the numbers that its dataset does not have yet."""

    def __init__(self, *, process: subprocess.Popen[bytes], port: int, key: str) -> None:
        self.process = process
        self.port = port
        self.key = key
        self._next_number = FIRST_NEW

    def take_numbers(self, count: int) -> tuple[int, int]:
        """The first and last of ``count`` numbers, each given out once."""
        first = self._next_number
        self._next_number += count
        if self._next_number > LAST_NEW:
            raise BenchFailed("The new numbers are used up; run fewer rounds.")
        return first, self._next_number - 1

    def request(
        self, method: str, path: str, body: bytes | None = None, *, media_type: str = "application/json"
    ) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own: status, headers, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=CALL_SECONDS_MAX)
        try:
            headers = {"Authorization": f"Bearer {self.key}"}
            if body is not None:
                headers["Content-Type"] = media_type
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def call(self, method: str, path: str, body: object = None, *, media_type: str = "application/json") -> bytes:
        """The body of an answer. What is not bytes is sent as JSON. Raises ``BenchFailed`` when it is refused."""
        content = body if isinstance(body, bytes | None) else msgspec.json.encode(body)
        status, _, answer = self.request(method, path, content, media_type=media_type)
        if status >= 400:
            raise BenchFailed(f"{method} {path} answered {status}: {answer[:500]!r}")
        return answer

    def memory_bytes(self) -> dict[int, int]:
        """Resident memory by process, the server's own and all that it started."""
        return {pid: _resident_bytes(pid) for pid in _process_tree(self.process.pid)}


def memory_of(pid: int) -> int:
    """Resident memory in bytes of a process and of all that it started; what they share is counted for each."""
    return sum(map(_resident_bytes, _process_tree(pid)))


def cpu_seconds(pid: int) -> float:
    """Processor time in seconds that a process and all that it started have used so far."""
    return sum(map(_cpu_ticks, _process_tree(pid))) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port of loopback on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def serve_command(*, database: str, port: int, workers: int = WORKERS, checkout: Checkout = HERE) -> list[str]:
    """How Daftari is started: as a user starts it, without the background worker."""
    options = {"--database": database, "--host": "127.0.0.1", "--port": str(port), "--workers": str(workers)}
    return checkout.command("serve", *(word for option in options.items() for word in option), "--no-worker")


@contextmanager
def run_daftari(*, database: str, key: str, workers: int = WORKERS, checkout: Checkout = HERE) -> Iterator[Server]:
    """Daftari over a dataset."""
    port = free_port()
    command = serve_command(database=database, port=port, workers=workers, checkout=checkout)
    with run_server(name="daftari", command=command, port=port, key=key, path="/v1/health") as server:
        yield server


@contextmanager
def run_server(
    *, name: str, command: Sequence[str], port: int, key: str, path: str, extra: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """A server that has answered ``path``; stopped when the block ends."""
    with start_process(name=name, command=command, extra=extra) as process:
        server = Server(process=process, port=port, key=key)
        wait_until_answering(server, path=path, name=name)
        yield server


@contextmanager
def start_process(
    *, name: str, command: Sequence[str], extra: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process, its output in a log; stopped, with what it started, when the block ends."""
    logs = FOLDER / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=FOLDER,
            env={**environment(), **(extra or {})},
        )
    try:
        yield process
    finally:
        _stop(process)


IMPORTABLE = {"PYTHONPATH": str(ROOT)}
"""What lets a process of the benchmark's own import it."""


def wait_until_answering(server: Server, *, path: str, name: str) -> None:
    """Ask until it answers 200. Raises ``BenchFailed``."""
    log = FOLDER / "logs" / f"{name}.log"
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise BenchFailed(f"{name} ended before it answered; see {log}")
        with suppress(OSError, http.client.HTTPException):
            if server.request("GET", path)[0] == 200:
                return
        time.sleep(0.003)
    raise BenchFailed(f"{name} did not answer {path} in {START_SECONDS_MAX:.0f} s; see {log}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Terminate it, and kill what is left of it after a while."""
    tree = _process_tree(process.pid)
    process.terminate()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        for pid in tree[1:]:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
        process.kill()
        process.wait()


def _process_tree(pid: int) -> list[int]:
    """A process and all below it, from the kernel's own lists."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):
                found += [int(child) for child in task.read_text().split()]
    return found


def _resident_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmRSS:")), "VmRSS: 0 kB")
    return int(line.split()[1]) * 1024


def _cpu_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(fields[11]) + int(fields[12])
