"""The programs of the system, and the samples of the documentation that are run with them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

WAIT_SECONDS_MAX = 60.0

Run = Callable[..., subprocess.Popen[bytes]]


def find_program(name: str, *, package: str) -> str:
    """The path of a program. Fails the test with the line that installs it."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        pytest.fail(f"{name} is missing: apt-get install {package}")
    return found


def read_sample(language: str, *, page: str = "running.md") -> str:
    """The one block of code in a language on a page of the documentation."""
    (sample,) = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    return str(sample)


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when a program listens."""
    end = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"it does not listen; it said:\n{log.read_text()}")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Starts a program that listens on a port: ``run("nginx", ..., port=8443)``. All are stopped at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*command: str, port: int, **environ: str) -> subprocess.Popen[bytes]:
        log = tmp_path / f"{len(started)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, cwd=tmp_path, env=os.environ | environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        started.append(process)
        wait_for_port(port, process, log)
        return process

    yield run
    for process in started:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(WAIT_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
