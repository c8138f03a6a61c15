"""The limit: bare callables on the same Granian that return the same bytes from memory, by the setting that is fastest.

No routing, no key, no database. ``find_fastest`` tries interfaces, threads and workers, and
the fastest is what Daftari is held against.
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

from bench.load import Measured, Reads, run_wrk
from bench.plan import FOLDER, Plan
from bench.server import Server, free_port, run_server

ANSWER_VARIABLE = "BENCH_ANSWER"
LEFT_TO_GRANIAN = {"content-length", "date", "server", "connection", "transfer-encoding"}


class Answer(Struct, frozen=True):
    """An answer that Daftari gave, to be given again."""

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


DOORS_OWN = Setting("rsgi", 1, 1, 1, "auto")
"""How Daftari itself is served: what is bare here is what its door stands on."""


class _Protocol(Protocol):
    """The part of Granian's RSGI protocol that the callable needs."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None: ...


def keep_answer(server: Server, path: str, *, name: str) -> Path:
    """Ask Daftari once and keep what it says, headers included."""
    _, headers, body = server.ask(path)
    kept = [(key, value) for key, value in headers.items() if key.lower() not in LEFT_TO_GRANIAN]
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"answer-{name}.msgpack"
    file.write_bytes(msgspec.msgpack.encode(Answer(headers=kept, body=body)))
    return file


def _kept() -> Answer:
    return msgspec.msgpack.decode(Path(os.environ[ANSWER_VARIABLE]).read_bytes(), type=Answer)


def build_wsgi() -> Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]:
    """A WSGI callable, which Granian asks for by name."""
    answer = _kept()
    headers = [*answer.headers, ("Content-Length", str(len(answer.body)))]
    body = [answer.body]

    def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        start_response("200 OK", headers)
        return body

    return application


def build_rsgi() -> Callable[[object, _Protocol], Any]:
    """An RSGI callable, which Granian asks for by name."""
    answer = _kept()
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
    extra = {ANSWER_VARIABLE: str(answer)}
    with run_server(name="limit", command=command, port=port, key="none", path="/", extra=extra) as server:
        yield server


def find_fastest(plan: Plan, *, answer: Path, work: Reads, connections: int) -> Setting:
    """The setting that answers most; each is tried for a second, the best three once more for longer."""

    def rate(setting: Setting, seconds: float) -> float:
        with run_limit(answer=answer, setting=setting) as server:
            measured: Measured = run_wrk(plan, server=server, work=work, connections=connections, seconds=seconds)
            return measured.rate

    tried = sorted(_settings(), key=lambda setting: rate(setting, 1), reverse=True)
    return max(tried[:3], key=lambda setting: rate(setting, plan.seconds))
