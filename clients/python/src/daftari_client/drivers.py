"""The two drivers: the only place that sends, waits and reads, and the only one that exists for each mode.

They know httpx2, and must not know calls, retries or records.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing, closing
from typing import BinaryIO

import anyio
import anyio.to_thread
import httpx2

from daftari_client.errors import ConnectionFailed
from daftari_client.flows import Done, Flow, Iteration, Pause, ReadChunk, Request, Response, Step, T, Yield, resume

CHUNK_BYTES = 64 << 10
_CALLER_FAULTS = (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol)


def _connection_error(problem: httpx2.RequestError) -> ConnectionFailed:
    """The error of this package for a failure of the network."""
    is_retryable = isinstance(problem, httpx2.TransportError) and not isinstance(problem, _CALLER_FAULTS)
    error = ConnectionFailed(
        f"The server could not be reached: {str(problem) or type(problem).__name__}", retryable=is_retryable
    )
    error.__cause__ = problem
    return error


# ---- blocking -----------------------------------------------------------------------------


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
    """What one call holds of the network."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http
        self._response: httpx2.Response | None = None
        self._body: Iterator[bytes] = iter(())

    def do(self, step: Step) -> object:
        """What came of a step; ``ConnectionFailed`` is returned, for the flow to decide about."""
        try:
            match step:
                case Request():
                    return self._send(step)
                case ReadChunk():
                    return next(filter(None, self._body), b"")
                case Pause():
                    time.sleep(step.seconds)
        except httpx2.RequestError as problem:
            return _connection_error(problem)
        return None

    def _send(self, request: Request) -> Response:
        self.close()
        content = request.content
        built = self._http.build_request(
            request.method,
            request.url,
            params=request.query or None,
            headers=request.headers,
            content=content if content is None or isinstance(content, bytes) else _read_pieces(content),
        )
        self._response = response = self._http.send(built, stream=True)
        if request.streamed and response.is_success:
            self._body = response.iter_bytes()
            return Response(response.status_code, response.headers)
        return Response(response.status_code, response.headers, response.read())

    def close(self) -> None:
        if self._response is not None:
            self._response.close()


def _read_pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(CHUNK_BYTES):
        yield piece


# ---- awaiting ----------------------------------------------------------------------------


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
    """What one call holds of the network."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http
        self._response: httpx2.Response | None = None
        self._body: AsyncIterator[bytes] | None = None

    async def do(self, step: Step) -> object:
        try:
            match step:
                case Request():
                    return await self._send(step)
                case ReadChunk():
                    return await self._chunk()
                case Pause():
                    await anyio.sleep(step.seconds)
        except httpx2.RequestError as problem:
            return _connection_error(problem)
        return None

    async def _send(self, request: Request) -> Response:
        await self.aclose()
        content = request.content
        built = self._http.build_request(
            request.method,
            request.url,
            params=request.query or None,
            headers=request.headers,
            content=content if content is None or isinstance(content, bytes) else _read_pieces_in_thread(content),
        )
        self._response = response = await self._http.send(built, stream=True)
        if request.streamed and response.is_success:
            self._body = response.aiter_bytes()
            return Response(response.status_code, response.headers)
        return Response(response.status_code, response.headers, await response.aread())

    async def _chunk(self) -> bytes:
        while self._body is not None:
            chunk = await anext(self._body, b"")
            if chunk:
                return chunk
            self._body = None
        return b""

    async def aclose(self) -> None:
        if self._response is not None:
            await self._response.aclose()


async def _read_pieces_in_thread(file: BinaryIO) -> AsyncIterator[bytes]:
    """Reads in a thread, so that a slow disk holds up nobody else."""
    while piece := await anyio.to_thread.run_sync(file.read, CHUNK_BYTES):
        yield piece
