"""How a fake CRM is asked: directly, on a clock that a test moves, or over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Struct

from daftari.outbound.exchange import OutboundRequest, OutboundResponse, OutboundResult, PerhapsSent
from daftari.outbound.retry_after import read_retry_after


class Call(Struct, frozen=True):
    """A request. Names of headers are lower-case; a parameter that came several times is joined by commas."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        return msgspec.json.decode(self.body, type=dict[str, object])


class Answer(Struct, frozen=True):
    """What is answered. ``lost``: nothing is; ``cut``: half of it; ``drips``: so slowly that a client gives up."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}
    lost: bool = False
    cut: bool = False
    drips: bool = False

    @classmethod
    def of(cls, record: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        return cls(status, msgspec.json.encode(record), {"content-type": "application/json", **(headers or {})})

    @classmethod
    def page(cls, status: int, text: str = "<html>error 1015</html>") -> Answer:
        return cls(status, text.encode(), {"content-type": "text/html"})


class Crm(Protocol):
    def answer(self, call: Call) -> Answer: ...


class Clock:
    """The time of a test, in seconds since 1970. It moves when it is waited on, and when a test moves it."""

    def __init__(self, at: float = 1_795_168_800.0) -> None:
        self.at = at
        self.waited = 0.0

    def now(self) -> float:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += seconds
        self.waited += seconds

    @property
    def moment(self) -> int:
        """Microseconds since 1970."""
        return int(self.at * 1_000_000)


class RealClock(Clock):
    """The computer's own; waits are noted and not kept, so a test with it needs no limit."""

    def now(self) -> float:
        return time.time()

    def wait(self, seconds: float) -> None:
        self.waited += seconds


def _query(target: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in parse_qsl(urlsplit(target).query, keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def directly(crm: Crm, clock: Clock, *, latency_seconds: float = 0.05) -> Callable[[OutboundRequest], OutboundResult]:
    """What ``OutboundClient.send`` does, without a network: each call takes the same time on the clock."""

    def send(request: OutboundRequest) -> OutboundResult:
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(request.method, urlsplit(request.url).path, _query(request.url), headers, request.body)
        clock.at += latency_seconds
        answer = crm.answer(call)
        if answer.lost:
            return PerhapsSent("closed", "The server closed the connection before it answered.")
        broken = "timeout" if answer.drips else "closed" if answer.cut else None
        clock.at += request.total_seconds if answer.drips else 0.0
        return OutboundResponse(
            status=answer.status,
            headers=answer.headers,
            body=b"" if broken else answer.body,
            incomplete=broken,
            retry_after_seconds=read_retry_after(answer.headers, now=clock.at),
        )

    return send


@contextmanager
def serve(crm: Crm, *, port: int = 0) -> Iterator[str]:
    """Its address, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # Head and body are written apart.

        def reply(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            path = urlsplit(self.path).path
            with lock:
                answer = crm.answer(Call(self.command, path, _query(self.path), headers, body))
            self.close_connection = answer.lost or answer.cut or answer.drips
            if not answer.lost:
                self.write(answer)

        def write(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in {**answer.headers, "content-length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if not answer.drips:
                self.wfile.write(answer.body[: len(answer.body) // 2 if answer.cut else None])
                return
            for place in range(len(answer.body)):
                if over.wait(0.2):
                    return
                try:
                    self.wfile.write(answer.body[place : place + 1])
                except OSError:
                    return

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = reply

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Says nothing of clients that were killed."""

    lock, over = threading.Lock(), threading.Event()
    server = Server(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()
