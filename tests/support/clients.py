"""A client of the service for tests: one way of speaking, and two ways for what is said to travel.

``in_process`` calls the server's callable in this process, as Granian would; ``over_the_wire`` uses a socket.
Every answer is checked against the contract on its way back. Knows nothing about how the service is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from tests.support.contract import check_answer

Headers = list[tuple[str, str]]
Body = bytes | Sequence[bytes] | None
"""``None``: no body at all. A list goes out in chunks, with no Content-Length."""


class Answer(Struct, frozen=True):
    """What came back. Header names are in lower case; ``cookies`` are the headers that set one."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


Send = Callable[[str, str, Headers, Body], Answer]


class Client:
    """Calls with one key, or without."""

    def __init__(self, send: Send, *, secret: str | None = None) -> None:
        self.send = send
        self.secret = secret

    def with_key(self, secret: str | None) -> Client:
        return Client(self.send, secret=secret)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | str | None = None,
        json: object = UNSET,
        form: Mapping[str, object] | None = None,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request. ``json`` and ``form`` are encoded; ``body`` goes out as it is. ``path`` may carry a query."""
        given = {name.lower(): value for name, value in (headers or {}).items()}
        if json is not UNSET:
            body = msgspec.json.encode(json)
            given.setdefault("content-type", "application/json")
        elif form is not None:
            body = urlencode(form, doseq=True).encode()
            given.setdefault("content-type", "application/x-www-form-urlencoded")
        if query:
            path += ("&" if "?" in path else "?") + (query if isinstance(query, str) else urlencode(query, doseq=True))
        if self.secret is not None:
            given.setdefault("authorization", f"Bearer {self.secret}")
        answer = self.send(method, path, list(given.items()), body)
        check_answer(method, path, answer.status, answer.headers, answer.body)
        return answer

    def get(self, path: str, **given: Any) -> Answer:
        return self.call("GET", path, **given)

    def post(self, path: str, json: object = UNSET, **given: Any) -> Answer:
        return self.call("POST", path, json=json, **given)

    def put(self, path: str, json: object = UNSET, **given: Any) -> Answer:
        return self.call("PUT", path, json=json, **given)

    def patch(self, path: str, json: object = UNSET, **given: Any) -> Answer:
        return self.call("PATCH", path, json=json, **given)

    def delete(self, path: str, json: object = UNSET, **given: Any) -> Answer:
        return self.call("DELETE", path, json=json, **given)


def _cookies(headers: Headers) -> tuple[str, ...]:
    return tuple(value for name, value in headers if name == "set-cookie")


# ---- in this process --------------------------------------------------------------------------------


class _Headers(dict[str, str]):
    """As Granian's: a mapping by lower-case name, in which what is not ASCII has no value."""

    def get_all(self, name: str) -> list[str]:
        return [self[name]] if name in self and self[name].isascii() else []


class _Scope(Struct):
    """The head of a request as Granian gives it."""

    method: str
    path: str
    query_string: str
    headers: _Headers
    scheme: str = "http"
    server: str = "127.0.0.1:8000"
    client: str = "127.0.0.1:54321"
    http_version: str = "1.1"
    authority: str | None = None


def scope_of(method: str, path: str, headers: dict[str, str]) -> _Scope:
    """The head of a request, as Granian hands it over."""
    return _Scope(method, path, "", _Headers(headers))


class _Wire:
    """Granian's end of a connection, which keeps what is sent."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self.chunks = chunks
        self.answer: Answer | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk
        yield b""

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        self.answer = Answer(status, dict(headers), body, _cookies(headers))

    def response_stream(self, status: int, headers: Headers) -> _Outgoing:
        return _Outgoing(self, status, headers)

    def response_file(self, status: int, headers: Headers, file: str) -> None:
        self.response_bytes(status, headers, Path(file).read_bytes())

    def response_empty(self, status: int, headers: Headers) -> None:
        self.response_bytes(status, headers, b"")


def wire_of(*chunks: bytes) -> _Wire:
    """Granian's end of a connection on which these chunks of a body come."""
    return _Wire(chunks)


class _Outgoing:
    """Granian's way out of a connection, for an answer that begins before the body has ended."""

    def __init__(self, wire: _Wire, status: int, headers: Headers) -> None:
        self.wire = wire
        wire.answer = Answer(status, dict(headers), b"")

    async def send_bytes(self, data: bytes) -> None:
        assert self.wire.answer is not None
        self.wire.answer = replace(self.wire.answer, body=self.wire.answer.body + data)


def in_process(rsgi: Any, loop: asyncio.AbstractEventLoop) -> Send:
    """Calls the server on ``loop``, once a request; no ETag may ever stand for two different answers."""
    tagged: dict[str, bytes] = {}

    def send(method: str, path: str, headers: Headers, body: Body) -> Answer:
        answer = loop.run_until_complete(sent(rsgi, method, path, headers, body))
        if method == "GET" and answer.status == 200 and "etag" in answer.headers:
            assert tagged.setdefault(answer.headers["etag"], answer.body) == answer.body, f"{path} has another's ETag"
        return answer

    return send


async def sent(rsgi: Any, method: str, path: str, headers: Headers, body: Body) -> Answer:
    """One request to a server, for tests that send several at once."""
    given = _Headers({"host": "127.0.0.1:8000"} | dict(headers))
    if isinstance(body, bytes):
        given.setdefault("content-length", str(len(body)))
        body = [body] if body else []
    elif body is not None:
        given.setdefault("transfer-encoding", "chunked")
    raw_path, _, query = path.partition("?")
    wire = _Wire(body or [])
    scope = _Scope(method, unquote(raw_path, errors="replace"), query, given)
    await rsgi.__rsgi__(scope, wire)
    assert wire.answer is not None, f"{method} {path} got no answer"
    return wire.answer


# ---- over a socket ----------------------------------------------------------------------------------


def over_the_wire(url: str) -> Send:
    """A connection of its own for each request, to a server at ``url``."""
    place = urlsplit(url)

    def send(method: str, path: str, headers: Headers, body: Body) -> Answer:
        connection = HTTPConnection(place.hostname or "127.0.0.1", place.port, timeout=60)
        try:
            chunked = body is not None and not isinstance(body, bytes)
            connection.request(method, path, body, dict(headers), encode_chunked=chunked)
            got = connection.getresponse()
            headers = [(name.lower(), value) for name, value in got.getheaders()]
            return Answer(got.status, dict(headers), got.read(), _cookies(headers))
        finally:
            connection.close()

    return send
