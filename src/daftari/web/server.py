"""The RSGI server: finds the route of a request, takes its body within limits, and has an application answer it.

A route that waits for nothing is answered on the event loop. All others run in a bounded pool of threads, so that no
stalled body, slow reader or held lock delays other requests. No routes, no keys, no store.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import BinaryIO, TypeVar

from msgspec import Struct

from daftari.errors import DaftariError, StoreBusy, Unauthenticated, UnsupportedMedia
from daftari.model.limits import FORM_BYTES_MAX, FORM_WITHOUT_KEY_BYTES_MAX
from daftari.web.bodies import IncomingBody, Pace, announces_body, too_large
from daftari.web.errors import Crashed, ErrorRenderer
from daftari.web.long_polling import LongPolls
from daftari.web.params import is_form
from daftari.web.responses import Headers, LongPoll, Response
from daftari.web.routing import NO_BODY, READS, BodyPolicy, RawRequest, RouteMatch, Router
from daftari.web.rsgi import RequestHeaders, RsgiProtocol, RsgiScope
from daftari.web.slow_clients import SlowClients
from daftari.web.spool import RequestSpool, ResponseSpool, SpoolBudget
from daftari.web.streaming import StreamingSession

BODY_IN_MEMORY_BYTES_MAX = FORM_WITHOUT_KEY_BYTES_MAX
"""A longer body goes to a file, so that many of them at once cost disk and not memory. No more is taken before the
caller's key is known."""

Application = Callable[[RawRequest], Response | LongPoll]
Authorizer = Callable[[RsgiScope, RouteMatch, bytes], bool]
"""Whether the head of a request, or the beginning of its body, has a key. Raises ``DaftariError`` for a wrong one."""


class EntryPoint(Struct, frozen=True):
    """A part of the service that answers below paths of its own: the API for programs, the console for people.

    ``authorize`` is asked before more than the beginning of a body is taken. ``refuse`` answers a request whose body
    was not taken, where more is looked up for that than ``render_error`` may, which waits for nothing.
    """

    router: Router
    application: Application
    authorize: Authorizer
    render_error: ErrorRenderer
    refuse: Callable[[RawRequest, DaftariError], Response] | None = None


T = TypeVar("T")

log = logging.getLogger("daftari.web")


class Limits(Struct, frozen=True):
    """The limits of one server process. Requests beyond those that count get ``StoreBusy``."""

    waiting_max: int = 256
    """Requests that wait for a thread."""
    waiting_seconds_max: float = 5.0
    """How long a request waits for a thread; a write, for the database's locks included."""
    files_arriving_max: int = 16
    """Files that arrive at a time, and files that wait to be read."""
    files_read_max: int = 2
    """Files that are read at a time. Each takes a process with up to a gigabyte."""
    long_polls_max: int = 2_048
    """Requests at a time that are held until something changes."""
    streams_max: int = 64
    """Requests at a time that are answered while their body comes."""
    sending_bytes_max: int = 4 * 1024 * 1024 * 1024
    """Bytes of all responses whose files are open; beyond it only one response at a time is sent."""
    unknown_bytes_max: int = 64 * 1024 * 1024
    """Bytes of bodies that are arriving while their callers' keys are not known yet."""
    spooled_bytes_max: int = 4 * 1024 * 1024 * 1024
    """Bytes of all requests that are in files."""
    draining_max: int = 64
    """Bodies that are drained at a time after an early answer; more are cut off."""
    pace: Pace = Pace()
    """How slowly a client may send or read."""
    stream_seconds_max: float = 3_600.0
    """How long one streamed call may last; another call resumes it."""
    file_open_seconds: float = 30.0
    """How long the file of a response stays open at least, after Granian was given its path and opened it."""
    file_closed_seconds: float = 2.0
    """How often it is then asked whether Granian has the file open."""
    periodic_seconds: float = 60.0
    """How often the periodic work is done, such as writing down when a key was last used."""


class RsgiServer:
    """The callable that Granian serves; one per process.

    ``choose``: what answers at a path. ``inline``: whether routes that say so are answered on the event loop.
    ``periodic`` is called every ``periodic_seconds``, ``close`` once, after the last request.
    """

    def __init__(
        self,
        choose: Callable[[str], EntryPoint],
        *,
        inline: bool,
        threads: int,
        periodic: Callable[[], None],
        close: Callable[[], None],
        limits: Limits,
    ) -> None:
        self._choose = choose
        self._inline = inline
        self._periodic = periodic
        self._close = close
        self._limits = limits
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="daftari")
        self._pool_slots = threading.Semaphore(threads + limits.waiting_max)
        # No other request waits for a file that takes long.
        self._file_pool = ThreadPoolExecutor(limits.files_read_max, thread_name_prefix="daftari-file")
        self._file_pool_slots = threading.Semaphore(limits.files_read_max + limits.files_arriving_max)
        self._file_slots = limits.files_arriving_max
        self._stream_slots = limits.streams_max
        self._long_polls = LongPolls(self._in_pool, most=limits.long_polls_max)
        self._slow_clients = SlowClients(limits.pace)
        self._look_pool = ThreadPoolExecutor(1, thread_name_prefix="daftari-look")
        self._drain_slots = limits.draining_max
        self._unknown_bytes = 0
        self._budget = SpoolBudget(limits.spooled_bytes_max)
        self._sending: set[ResponseSpool] = set()
        self._request_prefix = secrets.token_hex(6)
        self._request_numbers = itertools.count(1)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_later(self._limits.periodic_seconds, self._run_periodic, loop)
        self._look_later(loop)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.close()

    def close(self) -> None:
        """Finish the requests that run, and release everything."""
        self._look_pool.shutdown(wait=True)
        self._file_pool.shutdown(wait=True)
        self._pool.shutdown(wait=True)
        while self._sending:
            self._sending.pop().close()
        self._close()

    def stop_waiting(self) -> None:
        """Answer the requests that are held. Called in the event loop's thread when the service is about to stop."""
        self._long_polls.stop()

    async def __rsgi__(self, scope: RsgiScope, protocol: RsgiProtocol) -> None:
        request_id = f"{self._request_prefix}{next(self._request_numbers):08x}"
        # Granian makes new ones each time that they are asked for.
        method, asked = scope.method, scope.headers
        entry = self._choose(scope.path)
        incoming = IncomingBody(asked, protocol, self._limits.pace) if announces_body(asked) else None
        try:
            try:
                response = await self._respond(entry, request_id, scope, method, asked, incoming)
                if isinstance(response.body, ResponseSpool):
                    self._refuse_crowd(response.body)
            except DaftariError as error:
                response = entry.render_error(error, scope, request_id)
            except Exception:
                # Never the path, which may name a person's number, nor the query, which may hold a key.
                log.exception("request %s crashed", request_id)
                response = entry.render_error(Crashed(), scope, request_id)
            headers = [] if response.media_type is None else [("content-type", response.media_type)]
            headers += response.headers
            headers.append(("x-request-id", request_id))
            headers.append(("cache-control", response.cache))
            body = response.body
            if isinstance(body, ResponseSpool):
                self._send_file(protocol, method, response.status, headers, body)
            elif not isinstance(body, bytes):
                session = StreamingSession(
                    protocol if incoming is None else incoming.pass_on(),
                    protocol.response_stream(response.status, headers),
                    body,
                    in_pool=self._in_pool,
                    length=None if incoming is None else incoming.length,
                    stall_seconds=self._limits.pace.stall_seconds,
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
            if incoming is not None and not incoming.has_ended:
                await self._drain(incoming)
        finally:
            # Granian may wait for the rest of a body for as long as the connection lasts.
            self._slow_clients.end(scope.client, is_abandoned=incoming is not None and not incoming.has_ended)

    async def _respond(
        self,
        entry: EntryPoint,
        request_id: str,
        scope: RsgiScope,
        method: str,
        headers: RequestHeaders,
        incoming: IncomingBody | None,
    ) -> Response:
        match = entry.router.match(method, scope.path)
        body: BinaryIO = NO_BODY
        spool: RequestSpool | None = None
        try:
            # Where no key is needed, nothing is read.
            if incoming is not None and match.route.access != "open":
                self._slow_clients.begin(scope.client)
                spool = RequestSpool(BODY_IN_MEMORY_BYTES_MAX if match.route.body.kind == "fields" else 0, self._budget)
                try:
                    await self._take_body(incoming, spool, scope, match, entry.authorize)
                except DaftariError as error:
                    if entry.refuse is None:
                        raise
                    refused = RawRequest(request_id, method, match, headers, body, scope, arrived=time.monotonic())
                    return await self._in_pool(partial(entry.refuse, refused, error))
                body = spool.open() if spool.length else NO_BODY
            request = RawRequest(
                request_id, READS.get(method, method), match, headers, body, scope, arrived=time.monotonic()
            )
            if self._inline and match.route.inline:
                answer = entry.application(request)
            else:
                self._slow_clients.begin(scope.client)
                if match.route.body.kind == "file":
                    answer = await self._in_file_pool(partial(entry.application, request))
                else:
                    answer = await self._in_pool(partial(self._answer, entry.application, request))
        finally:
            if spool is not None:
                spool.close()
        while isinstance(answer, LongPoll):
            is_last = await self._long_polls.wait(answer)
            answer = await self._in_pool(partial(answer.respond, is_last))
        return answer

    def _answer(self, application: Application, request: RawRequest) -> Response | LongPoll:
        if time.monotonic() - request.arrived > self._limits.waiting_seconds_max:
            raise StoreBusy("Too many requests are waiting; try again.")
        return application(request)

    async def _in_pool(self, work: Callable[[], T]) -> T:
        return await _run_in(self._pool, self._pool_slots, work)

    async def _in_file_pool(self, work: Callable[[], T]) -> T:
        return await _run_in(self._file_pool, self._file_pool_slots, work)

    # ---- bodies -----------------------------------------------------------------------------------------------

    async def _take_body(
        self, body: IncomingBody, spool: RequestSpool, scope: RsgiScope, match: RouteMatch, authorize: Authorizer
    ) -> None:
        """Receive the body. A Content-Length above the limit is refused before a byte is read."""
        policy = match.route.body
        encoding = scope.headers.get("content-encoding") or "identity"
        if encoding.strip().lower() != "identity":
            raise UnsupportedMedia(f"The body is encoded as {encoding[:40]}; send it plain, without Content-Encoding.")
        if body.length is not None and body.length > policy.bytes_max:
            raise too_large(policy.bytes_max)
        match policy.kind:
            case "fields":
                await self._receive_fields(body, spool, scope, match, authorize)
            case "file":
                if not await self._is_known(authorize, scope, match):
                    raise Unauthenticated
                await self._receive_file(body, spool, policy)
            case "lines":
                if not self._stream_slots:
                    raise StoreBusy("Too many are streaming; try again.")

    async def _receive_fields(
        self, body: IncomingBody, spool: RequestSpool, scope: RsgiScope, match: RouteMatch, authorize: Authorizer
    ) -> None:
        """A body of fields, of which no more than its beginning is taken from a caller who has no good key."""
        share = BODY_IN_MEMORY_BYTES_MAX if body.length is None else min(body.length, BODY_IN_MEMORY_BYTES_MAX)
        is_crowded = self._unknown_bytes + share > self._limits.unknown_bytes_max
        is_long = body.length is None or body.length > share
        is_known = (is_long or is_crowded) and await self._is_known(authorize, scope, match)
        if is_known:
            has_ended = await body.receive(spool, bytes_max=BODY_IN_MEMORY_BYTES_MAX)
        elif is_crowded:
            raise StoreBusy("Too many requests without a key in the header are arriving; try again.")
        else:
            self._unknown_bytes += share
            try:
                has_ended = await body.receive(spool, bytes_max=BODY_IN_MEMORY_BYTES_MAX)
            finally:
                self._unknown_bytes -= share
        if not has_ended:
            await self._receive_rest(body, spool, scope, match, None if is_known else authorize)

    async def _receive_rest(
        self, body: IncomingBody, spool: RequestSpool, scope: RsgiScope, match: RouteMatch, authorize: Authorizer | None
    ) -> None:
        """What comes after the beginning, from a caller whose key stands in the beginning, or in the head.

        ``authorize`` is ``None`` for one that was found in the head.
        """
        beginning = spool.read_beginning(BODY_IN_MEMORY_BYTES_MAX)
        most = match.route.body.bytes_max
        if is_form(scope.headers.get("content-type"), beginning):
            most = min(most, FORM_WITHOUT_KEY_BYTES_MAX if authorize else FORM_BYTES_MAX)
            too_long = too_large(most, what="The form", hint="; send JSON, and the key in the header")
        else:
            too_long = too_large(most)
            if authorize and not await self._is_known(authorize, scope, match, beginning):
                raise Unauthenticated
        if (body.length or 0) > most or not await body.receive(spool, bytes_max=most) or spool.length > most:
            raise too_long

    async def _receive_file(self, body: IncomingBody, spool: RequestSpool, policy: BodyPolicy) -> None:
        if not self._file_slots:
            raise StoreBusy("Too many files are arriving; try again.")
        self._file_slots -= 1
        try:
            if not await body.receive(spool, bytes_max=policy.bytes_max) or spool.length > policy.bytes_max:
                raise too_large(policy.bytes_max)
        finally:
            self._file_slots += 1

    async def _is_known(
        self, authorize: Authorizer, scope: RsgiScope, match: RouteMatch, beginning: bytes = b""
    ) -> bool:
        return await self._in_pool(partial(authorize, scope, match, beginning))

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
        """Close the file of a response once it is sent; until then it counts."""
        if body.is_being_read():
            asyncio.get_running_loop().call_later(self._limits.file_closed_seconds, self._close_file, body)
        else:
            self._sending.discard(body)
            body.close()

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        """Examine the connections again and again, but not when the loop was blocked: then heads have not been read."""
        seconds = self._limits.pace.look_seconds
        due = loop.time() + seconds

        def look() -> None:
            if not loop.is_closed():
                if loop.time() < due + seconds:
                    self._look_pool.submit(self._slow_clients.close_slow)
                self._look_later(loop)

        loop.call_at(due, look)

    async def _drain(self, incoming: IncomingBody) -> None:
        if self._drain_slots:
            self._drain_slots -= 1
            try:
                await incoming.drain()
            finally:
                self._drain_slots += 1

    def _run_periodic(self, loop: asyncio.AbstractEventLoop) -> None:
        if not loop.is_closed():
            self._pool.submit(self._periodic)
            loop.call_later(self._limits.periodic_seconds, self._run_periodic, loop)


async def _run_in(pool: ThreadPoolExecutor, slots: threading.Semaphore, work: Callable[[], T]) -> T:
    if not slots.acquire(blocking=False):
        raise StoreBusy("Too many requests are waiting; try again.")
    begun = pool.submit(work)
    begun.add_done_callback(lambda _: slots.release())
    return await asyncio.wrap_future(begun)
