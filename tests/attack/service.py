"""A service to attack: a real ``daftari serve`` on loopback with two projects, in a folder that is deleted later."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import psutil
from msgspec import Struct

ROOT = Path(__file__).parent.parent.parent
HOST = "127.0.0.1"
START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 60.0
CALL_SECONDS_MAX = 60.0
FIRST_ID = 5_000
"""The first id of Ana's project, so that none of Chao's has the same."""
GROUP = "Ana's own group"
NAME = "Zainabu-known-to-Ana"
CONTACTS = 300


class Answer(Struct, frozen=True):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


class Found(Struct, frozen=True):
    """What an attack found: its name, what was measured, and whether the service held."""

    what: str
    measured: str
    held: bool


class Service:
    """The running service. ``ana`` and ``chao`` are the keys of two projects."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.database = str(folder / "daftari.db")
        self.log = folder / "serve.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.run("migrate")
        self.ana = self._create_project("Shopify", "--first-id", str(FIRST_ID))
        self.chao = self._create_project("Kalro")

    def run(self, *words: str) -> str:
        """The output of a command on the database."""
        done = subprocess.run(
            [sys.executable, "-m", "daftari", *words, "--database", self.database],
            cwd=self.folder, env=_environment(), check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def _create_project(self, name: str, *options: str) -> str:
        self.run("project", "create", name, "--region", "KE", *options)
        return self.run("key", "create", "--project", name).split()[-1]

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "daftari", "serve", "--database", self.database, "--port", str(self.port)],
                cwd=self.folder, env=_environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < end:
            with suppress(OSError, http.client.HTTPException):
                if self.call("GET", "/v1/health").status == 200:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"The service does not answer; it wrote: {self.log.read_text()}")

    def stop(self) -> int:
        """Stop it with SIGTERM. Returns its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(STOP_SECONDS_MAX)

    def kill(self) -> None:
        """Kill all of its processes at once."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_SECONDS_MAX)

    def close(self) -> None:
        """Leave no process behind."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    # ---- calls

    def call(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request on a connection of its own. A body that is refused early may not be sent to its end."""
        given = dict(headers or {})
        if json is not None:
            body = msgspec.json.encode(json)
            given.setdefault("Content-Type", "application/json")
        if key is not None:
            given["Authorization"] = f"Bearer {key}"
        connection = http.client.HTTPConnection(HOST, self.port, timeout=CALL_SECONDS_MAX)
        try:
            connection.request(method, path, body, given)
            got = connection.getresponse()
            return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
        finally:
            connection.close()

    def connect(self, sent: bytes = b"") -> socket.socket:
        """A connection on which something was sent."""
        wire = socket.create_connection((HOST, self.port), timeout=CALL_SECONDS_MAX)
        wire.sendall(sent)
        return wire

    def fill(self) -> None:
        """Give Ana a group with contacts."""
        rows = [{"mobile": f"2547{number:08d}", "fname": NAME} for number in range(CONTACTS)]
        assert self.call("POST", "/v1/contacts", key=self.ana, json={"group": GROUP, "contacts": rows}).status == 201

    # ---- measures

    def processes(self) -> list[psutil.Process]:
        """The servers and the worker."""
        assert self._process is not None
        return psutil.Process(self._process.pid).children(recursive=True)

    def forget_peaks(self) -> None:
        """Begin to measure ``peak_megabytes`` again."""
        for process in self.processes():
            with suppress(OSError):
                Path(f"/proc/{process.pid}/clear_refs").write_text("5")

    def peak_megabytes(self) -> int:
        """The most memory that one of the processes had, in MB."""
        peaks = [0]
        for process in self.processes():
            with suppress(OSError):
                for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                    if line.startswith("VmHWM"):
                        peaks.append(int(line.split()[1]) // 1024)
        return max(peaks)


@contextmanager
def running_service() -> Iterator[Service]:
    """A service that answers and has contacts; nothing of it is left at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="daftari-attack-") as folder:
        service = Service(Path(folder))
        try:
            service.start()
            service.fill()
            yield service
        finally:
            service.close()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        return int(taken.getsockname()[1])


def _environment() -> dict[str, str]:
    """Ours without the settings of Daftari, so that the attack is on this service and no other."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAFTARI_")}
    return kept | {"PYTHONPATH": str(ROOT / "src")}
