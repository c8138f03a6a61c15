"""The limit: bare callables on the same Granian that return the same bytes from memory, at the fastest setting.

No routing, no key, no database. ``find_fastest`` tries interfaces, threads and workers, and Daftari is compared with
the fastest.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from bench.server import IMPORTABLE, Server, free_port, run_server
from bench.settings import FOLDER
from bench.wrk import Reads, run_wrk

ANSWER_VARIABLE = "BENCH_ANSWER"
SET_BY_GRANIAN = {"content-length", "date", "server", "connection", "transfer-encoding"}


class Answer(Struct, frozen=True):
    """An answer of Daftari's, to be sent again."""

    headers: list[tuple[str, str]]
    body: bytes


class Setting(Struct, frozen=True):
    """How Granian runs the callable."""

    interface: str
    workers: int
    blocking_threads: int
    runtime_threads: int
    runtime_mode: str

    def __str__(self) -> str:
        threads = self.blocking_threads if self.interface == "wsgi" else self.runtime_threads
        return f"{self.interface.upper()}, {self.workers} worker(s), {threads} thread(s), runtime {self.runtime_mode}"


AS_DAFTARI = Setting("rsgi", 1, 1, 1, "auto")
"""How Daftari itself is served."""


class _Protocol(Protocol):
    """The part of Granian's RSGI protocol that the callable needs."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None: ...


def keep_answer(server: Server, path: str, *, name: str) -> Path:
    """The file with Daftari's answer to a GET, headers included."""
    _, headers, body = server.request("GET", path)
    kept = [(key, value) for key, value in headers.items() if key.lower() not in SET_BY_GRANIAN]
    file = FOLDER / f"answer-{name}.msgpack"
    file.write_bytes(msgspec.msgpack.encode(Answer(headers=kept, body=body)))
    return file


def _read_answer() -> Answer:
    return msgspec.msgpack.decode(Path(os.environ[ANSWER_VARIABLE]).read_bytes(), type=Answer)


def build_wsgi() -> Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]:
    """A WSGI callable; Granian calls this by name."""
    answer = _read_answer()
    headers = [*answer.headers, ("Content-Length", str(len(answer.body)))]
    body = [answer.body]

    def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        start_response("200 OK", headers)
        return body

    return application


def build_rsgi() -> Callable[[object, _Protocol], Any]:
    """An RSGI callable; Granian calls this by name."""
    answer = _read_answer()
    headers = [(name.lower(), value) for name, value in answer.headers]
    body = answer.body

    async def application(scope: object, protocol: _Protocol) -> None:
        protocol.response_bytes(200, headers, body)

    return application


def _settings() -> list[Setting]:
    workers = range(1, len(os.sched_getaffinity(0)) + 1)
    wsgi = [
        Setting("wsgi", each, threads, 1, mode) for each in workers for threads in (1, 2, 4) for mode in ("st", "mt")
    ]
    rsgi = [
        Setting("rsgi", each, 1, threads, mode)
        for each in workers
        for threads, mode in ((1, "st"), (1, "mt"), (2, "mt"))
    ]
    return wsgi + rsgi


@contextmanager
def run_limit(*, answer: Path, setting: Setting) -> Iterator[Server]:
    """The callable at one setting."""
    port = free_port()
    command = [
        sys.executable, "-m", "granian", "--interface", setting.interface, "--factory", "--host", "127.0.0.1",
        "--port", str(port), "--workers", str(setting.workers), "--blocking-threads", str(setting.blocking_threads),
        "--runtime-threads", str(setting.runtime_threads), "--runtime-mode", setting.runtime_mode,
        "--log-level", "warning", f"bench.limit:build_{setting.interface}",
    ]  # fmt: skip
    extra = {**IMPORTABLE, ANSWER_VARIABLE: str(answer)}
    with run_server(name="limit", command=command, port=port, key="none", path="/", extra=extra) as server:
        yield server


def find_fastest(answer: Path, *, work: Reads, connections: int, seconds: float) -> Setting:
    """The setting with the most requests a second: each is tried for a second, the best three again for longer."""

    def rate(setting: Setting, seconds: float) -> float:
        with run_limit(answer=answer, setting=setting) as server:
            return run_wrk(server, work, connections=connections, seconds=seconds).rate

    tried = sorted(_settings(), key=lambda setting: rate(setting, 1), reverse=True)
    return max(tried[:3], key=lambda setting: rate(setting, seconds))
