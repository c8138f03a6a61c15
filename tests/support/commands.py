"""Commands run on a database, in this process or on a terminal of their own."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from typer.testing import CliRunner, Result

from daftari.cli.app import app
from tests.conftest import ROOT

Run = Callable[..., Result]


def runner_for(database: str) -> Run:
    """Runs a command on a database: ``run("project", "list", code=0)``; ``typed`` is its standard input."""

    def run(*words: str, code: int = 0, typed: str | None = None) -> Result:
        result = CliRunner().invoke(app, [*words, "--database", database], input=typed)
        assert result.exit_code == code, result.output
        return result

    return run


def type_in_terminal(words: list[str], *, typed: str) -> int:
    """Run a command on a terminal of its own, answer its one question, and return its exit code."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "daftari", *words]
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ, start_new_session=True
    ) as process:
        os.close(theirs)
        printed = b""
        while not printed.endswith(b": "):
            # What is typed before it asks without echo is thrown away.
            printed += os.read(ours, 65_536)
        os.write(ours, f"{typed}\n".encode())
        code = process.wait(timeout=60)
    os.close(ours)
    return code


@contextmanager
def open_terminal() -> Iterator[tuple[TextIO, Callable[[], str]]]:
    """A terminal to print on, and what was printed on it once the block has ended."""
    ours, theirs = pty.openpty()
    printed: list[bytes] = []

    def read() -> None:
        with suppress(OSError):
            # Reading fails when the other side is closed.
            while piece := os.read(ours, 65_536):
                printed.append(piece)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    with os.fdopen(theirs, "w") as terminal:
        yield terminal, lambda: b"".join(printed).decode()
    reader.join()
    os.close(ours)
