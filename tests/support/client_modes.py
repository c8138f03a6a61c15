"""One way to call both clients, so that a test is written once for both modes; and their transport to the service."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, closing
from functools import cache, partial
from inspect import isasyncgen, isgenerator
from typing import Any

import anyio
import anyio.to_thread
import httpx2
from msgspec import Struct

from daftari_client import AsyncClient, Client, Retries
from tests.support.clients import Send

QUICK = Retries(first_pause_seconds=0.001, pause_seconds_max=0.002, total_seconds_max=20)
MODES = ("sync", "async")
Ask = Callable[[Any], Any]


class Caller(Struct, frozen=True):
    """A caller: ``caller(lambda book: book.contacts.get(1))``. An iteration becomes a list.

    A client is made and closed for each call. ``first`` ends an iteration after so many items.
    """

    mode: str
    base_url: str
    options: dict[str, Any]
    send: Send | None = None

    def __call__(self, ask: Ask, *, first: int | None = None) -> Any:
        return self._wait(ask, first) if self.mode == "sync" else anyio.run(self._await, ask, first)

    def with_options(self, **options: Any) -> Caller:
        return Caller(self.mode, self.base_url, self.options | options, self.send)

    def _wait(self, ask: Ask, first: int | None) -> Any:
        way = None if self.send is None else _Transport(self.send)
        http = httpx2.Client(transport=way, verify=_trusted())
        with http, Client(self.base_url, http=http, **self.options) as book:
            asked = ask(book)
            return list(_some(asked, first)) if isgenerator(asked) else asked

    async def _await(self, ask: Ask, first: int | None) -> Any:
        way = None if self.send is None else _AsyncTransport(self.send)
        http = httpx2.AsyncClient(transport=way, verify=_trusted())
        async with http, AsyncClient(self.base_url, http=http, **self.options) as book:
            asked = ask(book)
            if not isasyncgen(asked):
                return await asked
            return [item async for item in _some_awaited(asked, first)]


@cache
def _trusted() -> ssl.SSLContext:
    """Made once, because reading the certificates takes longer than most tests."""
    return httpx2.create_ssl_context()


def _some(iteration: Any, first: int | None) -> Iterator[Any]:
    with closing(iteration):
        for place, item in enumerate(iteration, 1):
            yield item
            if place == first:
                return


async def _some_awaited(iteration: Any, first: int | None) -> AsyncIterator[Any]:
    async with aclosing(iteration):
        place = 0
        async for item in iteration:
            place += 1
            yield item
            if place == first:
                return


class _Transport(httpx2.BaseTransport):
    """The way to the service in this process, all but the socket."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return _through(self._send, request, request.read())


class _AsyncTransport(httpx2.AsyncBaseTransport):
    def __init__(self, send: Send) -> None:
        self._send = send

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = await request.aread()
        return await anyio.to_thread.run_sync(partial(_through, self._send, request, body))


def _through(send: Send, request: httpx2.Request, body: bytes) -> httpx2.Response:
    answer = send(request.method, request.url.raw_path.decode(), list(request.headers.items()), body or None)
    return httpx2.Response(answer.status, headers=answer.headers, content=answer.body)
