"""The two drivers: the only place that sends, waits and reads, and the only one that exists for each world.

They know httpx2, and must not know calls, retries or records.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing, closing, contextmanager
from typing import Any, BinaryIO

import anyio
import anyio.to_thread
import httpx2

from daftari_client.errors import ConnectionFailed
from daftari_client.plans import Answer, Chunk, Course, Emit, Pause, Plan, Request, Step, T, Walk

CHUNK_BYTES = 64 << 10
_OUR_FAULT = (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol)


@contextmanager
def _told_as_ours() -> Iterator[None]:
    """What the network says, as an error of this package."""
    try:
        yield
    except httpx2.RequestError as problem:
        again = isinstance(problem, httpx2.TransportError) and not isinstance(problem, _OUR_FAULT)
        told = str(problem) or type(problem).__name__
        raise ConnectionFailed(f"The server could not be reached: {told}", retryable=again) from problem


# ---- for those who wait -----------------------------------------------------------------------------


class SyncDriver:
    """Carries plans out in the calling thread."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    def run(self, plan: Plan[T]) -> T:
        course = Course(plan)
        for _ in self._carry_out(course):
            pass
        return course.result

    def walk(self, walk: Walk[T]) -> Generator[T, None, None]:
        return self._carry_out(Course(walk))

    def _carry_out(self, course: Course[Any]) -> Generator[Any, None, None]:
        with closing(course), closing(_SyncWire(self._http)) as wire:
            step = course.go_on()
            while step is not None:
                try:
                    reply = (yield step.item) if isinstance(step, Emit) else wire.do(step)
                except ConnectionFailed as error:
                    step = course.fail(error)
                else:
                    step = course.go_on(reply)


class _SyncWire:
    """What one call holds of the network."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http
        self._response: httpx2.Response | None = None
        self._body: Iterator[bytes] = iter(())

    def do(self, step: Step) -> object:
        with _told_as_ours():
            match step:
                case Request():
                    return self._send(step)
                case Chunk():
                    return next(filter(None, self._body), b"")
                case Pause():
                    time.sleep(step.seconds)
        return None

    def _send(self, request: Request) -> Answer:
        self.close()
        content = request.content
        built = self._http.build_request(
            request.method,
            request.url,
            params=request.query or None,
            headers=request.headers,
            content=content if content is None or isinstance(content, bytes) else _pieces(content),
        )
        self._response = response = self._http.send(built, stream=True)
        if request.streamed and response.is_success:
            self._body = response.iter_bytes()
            return Answer(response.status_code, response.headers)
        return Answer(response.status_code, response.headers, response.read())

    def close(self) -> None:
        if self._response is not None:
            self._response.close()


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(CHUNK_BYTES):
        yield piece


# ---- for those who await ----------------------------------------------------------------------------


class AsyncDriver:
    """Carries plans out on the event loop."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    async def run(self, plan: Plan[T]) -> T:
        course = Course(plan)
        async for _ in self._carry_out(course):
            pass
        return course.result

    def walk(self, walk: Walk[T]) -> AsyncGenerator[T, None]:
        return self._carry_out(Course(walk))

    async def _carry_out(self, course: Course[Any]) -> AsyncGenerator[Any, None]:
        with closing(course):
            async with aclosing(_AsyncWire(self._http)) as wire:
                step = course.go_on()
                while step is not None:
                    try:
                        reply = (yield step.item) if isinstance(step, Emit) else await wire.do(step)
                    except ConnectionFailed as error:
                        step = course.fail(error)
                    else:
                        step = course.go_on(reply)


class _AsyncWire:
    """What one call holds of the network."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http
        self._response: httpx2.Response | None = None
        self._body: AsyncIterator[bytes] | None = None

    async def do(self, step: Step) -> object:
        with _told_as_ours():
            match step:
                case Request():
                    return await self._send(step)
                case Chunk():
                    return await self._chunk()
                case Pause():
                    await anyio.sleep(step.seconds)
        return None

    async def _send(self, request: Request) -> Answer:
        await self.aclose()
        content = request.content
        built = self._http.build_request(
            request.method,
            request.url,
            params=request.query or None,
            headers=request.headers,
            content=content if content is None or isinstance(content, bytes) else _pieces_aside(content),
        )
        self._response = response = await self._http.send(built, stream=True)
        if request.streamed and response.is_success:
            self._body = response.aiter_bytes()
            return Answer(response.status_code, response.headers)
        return Answer(response.status_code, response.headers, await response.aread())

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


async def _pieces_aside(file: BinaryIO) -> AsyncIterator[bytes]:
    """Reads in a thread, so that a slow disk holds up nobody else."""
    while piece := await anyio.to_thread.run_sync(file.read, CHUNK_BYTES):
        yield piece
