"""The service as people start it, for every test of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.service import Service

Start = Callable[..., Service]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts ``daftari serve`` in a folder of its own: ``start("--database", database)``."""
    started: list[Service] = []

    def start(*options: str) -> Service:
        out, err = (tmp_path / f"{len(started)}.{name}" for name in ("out", "err"))
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("DAFTARI_") or name == "DAFTARI_SECRET"
        }
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "daftari", "serve", "--port", "0", *options],
                cwd=tmp_path,
                env=kept | {"PYTHONPATH": str(ROOT / "src")},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        started.append(Service(process, out, err))
        return started[-1]

    yield start
    for service in started:
        if service.process.poll() is None:
            os.killpg(service.process.pid, signal.SIGKILL)
            service.process.wait()
