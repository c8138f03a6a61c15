"""``daftari serve`` in a session of its own, as a terminal would start it, and its processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import psutil
from msgspec import Struct

from tests.support.clients import Client, over_the_wire
from tests.support.waiting import WAIT_SECONDS_MAX, wait_for


class Service(Struct, frozen=True):
    """A service in a session of its own, as a terminal would start it; what it prints goes to two files."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    @property
    def address(self) -> str:
        """Where it answers; waits for it to say so."""
        wait_for(lambda: "runs at" in self.err.read_text() or self.process.poll() is not None)
        found = re.search(r"runs at (\S+)", self.err.read_text())
        assert found, self.err.read_text()
        return found[1]

    @property
    def place(self) -> tuple[str, int]:
        host, _, port = self.address.removeprefix("http://").rpartition(":")
        return host, int(port)

    def client(self, secret: str | None = None) -> Client:
        return Client(over_the_wire(self.address), secret=secret)

    def children(self) -> list[psutil.Process]:
        """Its servers, then its background worker, in order of birth."""
        born = psutil.Process(self.process.pid).children(recursive=True)
        return sorted(filter(is_running, born), key=lambda child: (child.create_time(), child.pid))

    def press_ctrl_c(self) -> None:
        """What a terminal does: the signal goes to every process."""
        os.killpg(self.process.pid, signal.SIGINT)

    def ended(self) -> int:
        """Its exit code, once it has ended without a crash of any of its processes."""
        code = self.process.wait(WAIT_SECONDS_MAX)
        assert "Traceback" not in self.err.read_text(), self.err.read_text()
        return code


def is_running(child: psutil.Process) -> bool:
    """Whether a process is alive and not Python's own helper."""
    try:
        return child.status() != psutil.STATUS_ZOMBIE and "resource_tracker" not in " ".join(child.cmdline())
    except psutil.NoSuchProcess:
        return False
