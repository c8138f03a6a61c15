"""The RSGI server: finds the route of a request, takes its body within limits, and has the application answer it.

A route that waits for nothing is answered on the event loop. All others run in a bounded pool of threads, so that no
stalled body, slow reader or held lock delays other requests. No routes, no keys, no store.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import BinaryIO, TypeVar

from msgspec import Struct

from daftari.errors import BodyStalled, DaftariError, Malformed, StoreBusy, TooLarge
from daftari.web.errors import Crashed, ErrorRenderer
from daftari.web.responses import Headers, Response
from daftari.web.routing import NO_BODY, READS, BodyPolicy, RawRequest, Route, Router
from daftari.web.rsgi import RequestHeaders, RsgiProtocol, RsgiScope
from daftari.web.spool import RequestSpool, ResponseSpool
from daftari.web.streaming import StreamingSession

BODY_IN_MEMORY_BYTES_MAX = 64 * 1024
"""A longer body goes to a file, so that many of them at once cost disk and not memory."""
BODY_BYTES_A_SECOND_MIN = 256 * 1024
"""How fast a body must come once ``Limits.body_seconds_max`` is over: a gigabyte may take an hour."""

Application = Callable[[RawRequest], Response]
UploadAuthorizer = Callable[[RsgiScope, Route], None]

T = TypeVar("T")

log = logging.getLogger("daftari.web")


class Limits(Struct, frozen=True):
    """The limits of one server process. Requests beyond those that count get ``StoreBusy``."""

    waiting_max: int = 256
    """Requests that wait for a thread."""
    files_arriving_max: int = 16
    """Files that arrive at a time."""
    streams_max: int = 64
    """Requests at a time that are answered while their body comes."""
    sending_bytes_max: int = 4 * 1024 * 1024 * 1024
    """Bytes of all responses whose files are open; beyond it only one response at a time is sent."""
    body_stall_seconds: float = 10.0
    """How long a body may send nothing."""
    body_seconds_max: float = 60.0
    """How long a body may take, plus a second for each ``BODY_BYTES_A_SECOND_MIN`` that came."""
    stream_seconds_max: float = 3_600.0
    """How long one streamed call may last; another call resumes it."""
    file_open_seconds: float = 30.0
    """How long the file of a response stays open after Granian was given its path; Granian opens it at once."""
    periodic_seconds: float = 60.0
    """How often the periodic work is done, such as writing down when a key was last used."""


class RsgiServer:
    """The callable that Granian serves; one per process.

    ``authorize_upload`` raises for a caller that may not send a file, by the head of the request alone. ``inline``:
    whether routes that say so are answered on the event loop. ``periodic`` is called every ``periodic_seconds``,
    ``close`` once, after the last request.
    """

    def __init__(
        self,
        application: Application,
        *,
        router: Router,
        authorize_upload: UploadAuthorizer,
        render_error: ErrorRenderer,
        inline: bool,
        threads: int,
        periodic: Callable[[], None],
        close: Callable[[], None],
        limits: Limits,
    ) -> None:
        self._application = application
        self._router = router
        self._authorize_upload = authorize_upload
        self._render_error = render_error
        self._inline = inline
        self._periodic = periodic
        self._close = close
        self._limits = limits
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="daftari")
        self._pool_slots = threading.Semaphore(threads + limits.waiting_max)
        self._file_slots = limits.files_arriving_max
        self._stream_slots = limits.streams_max
        self._sending: set[ResponseSpool] = set()
        self._request_prefix = secrets.token_hex(6)
        self._request_numbers = itertools.count(1)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_later(self._limits.periodic_seconds, self._run_periodic, loop)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.close()

    def close(self) -> None:
        """Finish the requests that run, and release everything."""
        self._pool.shutdown(wait=True)
        while self._sending:
            self._sending.pop().close()
        self._close()

    async def __rsgi__(self, scope: RsgiScope, protocol: RsgiProtocol) -> None:
        request_id = f"{self._request_prefix}{next(self._request_numbers):08x}"
        try:
            response = await self._respond(scope, protocol, request_id)
            if isinstance(response.body, ResponseSpool):
                self._refuse_crowd(response.body)
        except DaftariError as error:
            response = self._render_error(error, scope, request_id)
        except Exception:
            # Never the path, which may name a person's number, nor the query, which may hold a key.
            log.exception("request %s crashed", request_id)
            response = self._render_error(Crashed(), scope, request_id)
        headers = [] if response.media_type is None else [("content-type", response.media_type)]
        headers += response.headers
        headers.append(("x-request-id", request_id))
        headers.append(("cache-control", "private, no-store"))
        body, method = response.body, scope.method
        if isinstance(body, ResponseSpool):
            self._send_file(protocol, method, response.status, headers, body)
        elif not isinstance(body, bytes):
            session = StreamingSession(
                protocol,
                protocol.response_stream(response.status, headers),
                body,
                in_pool=self._in_pool,
                length=_announced_length(scope.headers),
                stall_seconds=self._limits.body_stall_seconds,
                seconds_max=self._limits.stream_seconds_max,
            )
            await self._stream(session, request_id)
        elif method == "HEAD" or not body:
            if body:
                headers.append(("content-length", str(len(body))))
            protocol.response_empty(response.status, headers)
        else:
            # Without a Content-Length: Granian counts the body itself, and is half as fast when it is given one.
            protocol.response_bytes(response.status, headers, body)

    async def _respond(self, scope: RsgiScope, protocol: RsgiProtocol, request_id: str) -> Response:
        match = self._router.match(scope.method, scope.path)
        body: BinaryIO = NO_BODY
        if _has_body(scope.headers):
            body = await self._take_body(scope, protocol, match.route)
        request = RawRequest(request_id, READS.get(scope.method, scope.method), match, scope.headers, body, scope)
        try:
            if self._inline and match.route.inline:
                return self._application(request)
            return await self._in_pool(partial(self._application, request))
        finally:
            if body is not NO_BODY:
                body.close()

    async def _in_pool(self, work: Callable[[], T]) -> T:
        if not self._pool_slots.acquire(blocking=False):
            raise StoreBusy("Too many requests are waiting; try again.")
        begun = self._pool.submit(work)
        begun.add_done_callback(lambda _: self._pool_slots.release())
        return await asyncio.wrap_future(begun)

    # ---- bodies -----------------------------------------------------------------------------------------------

    async def _take_body(self, scope: RsgiScope, protocol: RsgiProtocol, route: Route) -> BinaryIO:
        """The body. A Content-Length above the limit is refused before a byte is read."""
        policy = route.body
        length = _announced_length(scope.headers)
        if length is not None and length > policy.bytes_max:
            raise _too_large(policy)
        match policy.kind:
            case "fields":
                return await self._receive(protocol, length, policy, in_memory_max=BODY_IN_MEMORY_BYTES_MAX)
            case "file":
                # No caller without a key fills the disk.
                await self._in_pool(partial(self._authorize_upload, scope, route))
                return await self._receive_file(protocol, length, policy)
            case "lines":
                if not self._stream_slots:
                    raise StoreBusy("Too many are streaming; try again.")
                return NO_BODY

    async def _receive_file(self, protocol: RsgiProtocol, length: int | None, policy: BodyPolicy) -> BinaryIO:
        if not self._file_slots:
            raise StoreBusy("Too many files are arriving; try again.")
        self._file_slots -= 1
        try:
            return await self._receive(protocol, length, policy, in_memory_max=0)
        finally:
            self._file_slots += 1

    async def _receive(
        self, protocol: RsgiProtocol, length: int | None, policy: BodyPolicy, *, in_memory_max: int
    ) -> BinaryIO:
        """The whole body."""
        body = RequestSpool(in_memory_max)
        try:
            empty_chunks = 0
            async for chunk in self._in_time(protocol):
                empty_chunks += not chunk
                if body.length + len(chunk) > policy.bytes_max:
                    raise _too_large(policy)
                body.append(chunk)
            # Granian ends every body with one empty chunk, and a broken one with a second. Trailers look like a broken
            # body too, and no client sends them. A part of a body must never be taken for the whole.
            if empty_chunks > 1 or (length is not None and body.length != length):
                raise Malformed("The body broke off before its end.")
            return body.open()
        except BaseException:
            body.close()
            raise

    async def _in_time(self, protocol: RsgiProtocol) -> AsyncIterator[bytes]:
        clock = asyncio.get_running_loop().time
        end = clock() + self._limits.body_seconds_max
        chunks = protocol.__aiter__()
        while True:
            try:
                async with asyncio.timeout_at(min(end, clock() + self._limits.body_stall_seconds)):
                    chunk = await chunks.__anext__()
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise BodyStalled("The body stopped arriving before its end.") from None
            end += len(chunk) / BODY_BYTES_A_SECOND_MIN
            yield chunk

    # ---- responses --------------------------------------------------------------------------------------------

    async def _stream(self, session: StreamingSession, request_id: str) -> None:
        """Respond while the body comes. However this ends, the final line says how to resume."""
        self._stream_slots -= 1
        whole, problem = False, None
        try:
            whole = await session.run()
        except DaftariError as error:
            problem = error
        except Exception:
            log.exception("request %s crashed", request_id)
            problem = Crashed()
        finally:
            self._stream_slots += 1
        try:
            await session.end(whole=whole, error=problem)
        except StoreBusy as error:
            # Without a final line the client resumes as after a lost connection.
            log.warning("request %s ended without its final line: %s", request_id, error.message)

    def _refuse_crowd(self, body: ResponseSpool) -> None:
        """Keep responses that are requested and never read from filling the disk."""
        size = body.length + sum(other.length for other in self._sending)
        if self._sending and size > self._limits.sending_bytes_max:
            body.close()
            raise StoreBusy("Too many long answers are being sent; try again.")

    def _send_file(
        self, protocol: RsgiProtocol, method: str, status: int, headers: Headers, body: ResponseSpool
    ) -> None:
        headers.append(("content-length", str(body.length)))
        if method == "HEAD":
            protocol.response_empty(status, headers)
            body.close()
            return
        self._sending.add(body)
        protocol.response_file(status, headers, body.path)
        asyncio.get_running_loop().call_later(self._limits.file_open_seconds, self._close_file, body)

    def _close_file(self, body: ResponseSpool) -> None:
        self._sending.discard(body)
        body.close()

    def _run_periodic(self, loop: asyncio.AbstractEventLoop) -> None:
        if not loop.is_closed():
            self._pool.submit(self._periodic)
            loop.call_later(self._limits.periodic_seconds, self._run_periodic, loop)


def _has_body(headers: RequestHeaders) -> bool:
    """Whether a body was announced: HTTP/1 announces every one, and no newer version is served."""
    declared = headers.get("content-length")
    return headers.get("transfer-encoding") is not None if declared is None else declared != "0"


def _announced_length(headers: RequestHeaders) -> int | None:
    """The Content-Length, if there is one. Raises ``Malformed``."""
    declared = headers.get("content-length")
    if declared is not None and not (declared.isascii() and declared.isdigit()):
        raise Malformed("The Content-Length is not a number.")
    return None if declared is None else int(declared)


def _too_large(policy: BodyPolicy) -> TooLarge:
    return TooLarge(f"The body is larger than the {policy.bytes_max} bytes that this call takes.")
