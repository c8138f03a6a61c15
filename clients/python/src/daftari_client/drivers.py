"""The two drivers of flows: one blocks, one awaits. Only here are requests sent, pauses made and files read.

httpx2 and anyio are known here. No calls, no retries, no records.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing, closing
from typing import BinaryIO
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import httpx2

from daftari_client.errors import ConnectionFailed
from daftari_client.flows import (
    Done,
    Flow,
    Iteration,
    Pause,
    ReadChunk,
    Request,
    Response,
    RunBlocking,
    Step,
    T,
    Yield,
    resume,
)

PIECE_BYTES = 256 << 10
"""How much of a file is read at a time."""
_CALLER_FAULTS = (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol)


def _connection_error(problem: httpx2.RequestError, url: str) -> ConnectionFailed:
    """The error of this package for a failure of the network."""
    parts = urlsplit(url)
    error = ConnectionFailed(
        f"No response from {parts.scheme}://{parts.netloc}: {str(problem) or type(problem).__name__}",
        retryable=isinstance(problem, httpx2.TransportError) and not isinstance(problem, _CALLER_FAULTS),
    )
    error.__cause__ = problem
    return error


def _report(request: Request, sent: int) -> None:
    if request.progress is not None:
        total = request.headers.get("content-length")
        request.progress(sent, None if total is None else int(total))


# ---- blocking ---------------------------------------------------------------------------------------


class SyncDriver:
    """Runs flows in the calling thread."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    def run(self, flow: Flow[T]) -> T:
        with closing(flow), closing(_SyncExchange(self._http)) as exchange:
            step = resume(flow)
            while not isinstance(step, Done):
                step = resume(flow, exchange.do(step))
            return step.result

    def iterate(self, iteration: Iteration[T]) -> Generator[T, None, None]:
        with closing(iteration), closing(_SyncExchange(self._http)) as exchange:
            step = resume(iteration)
            while not isinstance(step, Done):
                reply = (yield step.item) if isinstance(step, Yield) else exchange.do(step)
                step = resume(iteration, reply)


class _SyncExchange:
    """The requests of one call. Closes the response that is open when the call ends."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http
        self._url = ""
        self._response: httpx2.Response | None = None
        self._body: Iterator[bytes] = iter(())

    def do(self, step: Step) -> object:
        """The reply to a step. ``ConnectionFailed`` is returned, because the flow decides about it."""
        try:
            match step:
                case Request():
                    return self._send(step)
                case ReadChunk():
                    return next(filter(None, self._body), b"")
                case RunBlocking():
                    return step.function()
                case Pause():
                    time.sleep(step.seconds)
        except httpx2.RequestError as problem:
            return _connection_error(problem, self._url)
        return None

    def _send(self, request: Request) -> Response:
        self.close()
        self._url = request.url
        content = request.content
        built = self._http.build_request(
            request.method,
            request.url,
            params=request.query or None,
            headers=request.headers,
            content=content if content is None or isinstance(content, bytes) else _read_pieces(content, request),
        )
        self._response = response = self._http.send(built, stream=True)
        if request.streamed and response.is_success:
            self._body = response.iter_bytes()
            return Response(response.status_code, response.headers)
        return Response(response.status_code, response.headers, response.read())

    def close(self) -> None:
        if self._response is not None:
            self._response.close()


def _read_pieces(file: BinaryIO, request: Request) -> Iterator[bytes]:
    sent = 0
    while piece := file.read(PIECE_BYTES):
        yield piece
        sent += len(piece)
        _report(request, sent)


# ---- awaiting ---------------------------------------------------------------------------------------


class AsyncDriver:
    """Runs flows on the event loop."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    async def run(self, flow: Flow[T]) -> T:
        with closing(flow):
            async with aclosing(_AsyncExchange(self._http)) as exchange:
                step = resume(flow)
                while not isinstance(step, Done):
                    step = resume(flow, await exchange.do(step))
                return step.result

    async def iterate(self, iteration: Iteration[T]) -> AsyncGenerator[T, None]:
        with closing(iteration):
            async with aclosing(_AsyncExchange(self._http)) as exchange:
                step = resume(iteration)
                while not isinstance(step, Done):
                    reply = (yield step.item) if isinstance(step, Yield) else await exchange.do(step)
                    step = resume(iteration, reply)


class _AsyncExchange:
    """As ``_SyncExchange``. What may block on a disk runs in a thread, so that it does not block the event loop."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http
        self._url = ""
        self._response: httpx2.Response | None = None
        self._body: AsyncIterator[bytes] | None = None

    async def do(self, step: Step) -> object:
        try:
            match step:
                case Request():
                    return await self._send(step)
                case ReadChunk():
                    return await self._read_chunk()
                case RunBlocking():
                    return await anyio.to_thread.run_sync(step.function)
                case Pause():
                    await anyio.sleep(step.seconds)
        except httpx2.RequestError as problem:
            return _connection_error(problem, self._url)
        return None

    async def _send(self, request: Request) -> Response:
        await self.aclose()
        self._url = request.url
        content = request.content
        built = self._http.build_request(
            request.method,
            request.url,
            params=request.query or None,
            headers=request.headers,
            content=content if content is None or isinstance(content, bytes) else _read_pieces_async(content, request),
        )
        self._response = response = await self._http.send(built, stream=True)
        if request.streamed and response.is_success:
            self._body = response.aiter_bytes()
            return Response(response.status_code, response.headers)
        return Response(response.status_code, response.headers, await response.aread())

    async def _read_chunk(self) -> bytes:
        while self._body is not None:
            chunk = await anext(self._body, b"")
            if chunk:
                return chunk
            self._body = None
        return b""

    async def aclose(self) -> None:
        if self._response is not None:
            await self._response.aclose()


async def _read_pieces_async(file: BinaryIO, request: Request) -> AsyncIterator[bytes]:
    sent = 0
    while piece := await anyio.to_thread.run_sync(file.read, PIECE_BYTES):
        yield piece
        sent += len(piece)
        _report(request, sent)
