"""The server's callable: takes a request and its body from Granian, in bounds, and calls the application.

What nothing can hold up runs at once on the event loop; what may wait runs in a bounded pool of threads, so that
no stalled body, slow reader or held lock keeps others from being answered. This room must not know routes, keys
or the store.
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

from daftari.errors import BodyStalled, DaftariError, Malformed, StoreBusy, TooLarge
from daftari.web.errors import Crashed, Headers, answer
from daftari.web.rsgi import NO_BODY, BodyTerms, Request, RequestHeaders, Scope, Wire
from daftari.web.spool import BODY_IN_MEMORY_BYTES_MAX, Spool, SpooledAnswer
from daftari.web.streaming import STREAM_SECONDS_MAX, Conversation, Exchange

BODY_STALL_SECONDS = 10.0
"""How long a body may send nothing at all."""
BODY_SECONDS_MAX = 60.0
"""How long a body may take as a whole, so that a byte now and then holds nothing for ever; and longer if much comes."""
BODY_BYTES_A_SECOND_MIN = 256 * 1024
"""How much has to come for each second beyond that: a gigabyte may take an hour."""
SENDING_BYTES_MAX = 4 * 1024 * 1024 * 1024
"""How long the answers may be together whose files are kept open here; beyond, only one by itself is sent."""
FILES_ARRIVING_MAX = 16
"""Files that arrive at a time; the next one is told to come again."""
STREAMS_MAX = 64
"""Calls at a time that are answered while their body comes; the next one is told to come again."""
WAITING_MAX = 256
"""Requests waiting for a thread; the next one is told to come again."""
HOUSEWORK_SECONDS = 60.0
"""How often the door does what is not urgent, such as noting when a key was last used."""

READS = {"GET": "GET", "HEAD": "GET", "QUERY": "GET", "OPTIONS": "OPTIONS"}
"""Methods that only read, and what the application calls them: HEAD loses its body here, QUERY is a GET with one."""


FILE_OPENED_SECONDS = 30.0
"""How long after an answer's file was handed on it is kept open here; the server opens it at once."""

Address = Callable[[str], tuple[str, str]]
Terms = Callable[[str, str], "BodyTerms"]
AtOnce = Callable[[str, str], bool]
Answer = tuple[int, Headers, "bytes | SpooledAnswer | Exchange"]

T = TypeVar("T")

log = logging.getLogger("daftari.web")


Application = Callable[[Request], Answer]


class Door:
    """One per process.

    ``address`` splits a path into its prefix and the path that the routes know; ``body_terms`` says how a body is taken
    that a method sends to a path, and ``at_once`` whether nothing can hold up the answer, so that it needs no thread.
    ``admit`` refuses, by a request's head, who may not send a file. ``housework`` runs now and then, ``close`` once,
    after the last request.
    """

    def __init__(
        self,
        application: Application,
        *,
        address: Address,
        body_terms: Terms,
        admit: Callable[[Scope], None],
        at_once: AtOnce,
        threads: int,
        housework: Callable[[], None],
        close: Callable[[], None],
        waiting_max: int = WAITING_MAX,
        body_stall_seconds: float = BODY_STALL_SECONDS,
        body_seconds_max: float = BODY_SECONDS_MAX,
        files_arriving_max: int = FILES_ARRIVING_MAX,
        streams_max: int = STREAMS_MAX,
        stream_seconds_max: float = STREAM_SECONDS_MAX,
        housework_seconds: float = HOUSEWORK_SECONDS,
        file_opened_seconds: float = FILE_OPENED_SECONDS,
        sending_bytes_max: int = SENDING_BYTES_MAX,
    ) -> None:
        self._application = application
        self._address = address
        self._body_terms = body_terms
        self._admit = admit
        self._at_once = at_once
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="daftari")
        self._places = threading.Semaphore(threads + waiting_max)
        self._housework = housework
        self._close = close
        self._body_stall_seconds = body_stall_seconds
        self._body_seconds_max = body_seconds_max
        self._file_places = files_arriving_max
        self._stream_places = streams_max
        self._stream_seconds_max = stream_seconds_max
        self._housework_seconds = housework_seconds
        self._file_opened_seconds = file_opened_seconds
        self._sending_bytes_max = sending_bytes_max
        self._request_prefix = secrets.token_hex(6)
        self._request_numbers = itertools.count(1)
        self._sending: set[SpooledAnswer] = set()

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_later(self._housework_seconds, self._do_housework, loop)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.close()

    def close(self) -> None:
        """Finish what is being done, and let go of everything."""
        self._pool.shutdown(wait=True)
        while self._sending:
            self._sending.pop().close()
        self._close()

    async def __rsgi__(self, scope: Scope, wire: Wire) -> None:
        request_id = f"{self._request_prefix}{next(self._request_numbers):08x}"
        method = scope.method
        try:
            status, headers, body = await self._answer(scope, wire, method, request_id)
            if isinstance(body, SpooledAnswer):
                self._refuse_crowd(body)
        except DaftariError as error:
            status, headers, body = answer(error, request_id=request_id, accept=scope.headers.get("accept"))
        except Exception:
            # Never the path, which may name a person's number, nor the query, which may hold a key.
            log.exception("request %s crashed", request_id)
            status, headers, body = answer(Crashed(), request_id=request_id, accept=scope.headers.get("accept"))
        headers.append(("x-request-id", request_id))
        headers.append(("cache-control", "private, no-store"))
        if isinstance(body, SpooledAnswer):
            self._send_file(wire, method, status, headers, body)
        elif not isinstance(body, bytes):
            await self._converse(
                Conversation(
                    wire,
                    wire.response_stream(status, headers),
                    body,
                    in_pool=self._in_pool,
                    length=_announced(scope.headers),
                    stall_seconds=self._body_stall_seconds,
                    seconds_max=self._stream_seconds_max,
                ),
                request_id,
            )
        elif method == "HEAD" or not body:
            if body:
                headers.append(("content-length", str(len(body))))
            wire.response_empty(status, headers)
        else:
            # No Content-Length: the server counts the body by itself, and is at half its speed when it is told.
            wire.response_bytes(status, headers, body)

    async def _converse(self, talk: Conversation, request_id: str) -> None:
        """Answer while the body comes. Whatever breaks this off, the last words say how to go on."""
        self._stream_places -= 1
        whole, problem = False, None
        try:
            whole = await talk.hold()
        except DaftariError as error:
            problem = error
        except Exception:
            log.exception("request %s crashed", request_id)
            problem = Crashed()
        finally:
            self._stream_places += 1
        try:
            await talk.end(whole=whole, error=problem)
        except StoreBusy as error:
            # Without last words it was cut, and is to be taken up again all the same.
            log.warning("request %s ended without last words: %s", request_id, error.message)

    def _refuse_crowd(self, body: SpooledAnswer) -> None:
        """However often a long answer is asked for and left lying, the disk is not full of it."""
        if self._sending and body.length + sum(other.length for other in self._sending) > self._sending_bytes_max:
            body.close()
            raise StoreBusy("Too many long answers are being sent; try again.")

    def _send_file(self, wire: Wire, method: str, status: int, headers: Headers, body: SpooledAnswer) -> None:
        headers.append(("content-length", str(body.length)))
        if method == "HEAD":
            wire.response_empty(status, headers)
            body.close()
            return
        self._sending.add(body)
        wire.response_file(status, headers, body.path)
        asyncio.get_running_loop().call_later(self._file_opened_seconds, self._let_go, body)

    def _let_go(self, body: SpooledAnswer) -> None:
        self._sending.discard(body)
        body.close()

    async def _answer(self, scope: Scope, wire: Wire, method: str, request_id: str) -> Answer:
        headers = scope.headers
        body: BinaryIO = NO_BODY
        if _has_body(headers):
            body = await self._take_body(scope, wire)
        prefix, path = self._address(scope.path)
        request = Request(request_id, READS.get(method, method), prefix, path, headers, body, scope)
        try:
            if self._at_once(method, path):
                return self._application(request)
            return await self._in_pool(partial(self._application, request))
        finally:
            if body is not NO_BODY:
                body.close()

    async def _in_pool(self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            raise StoreBusy("Too many requests are waiting; try again.")
        begun = self._pool.submit(work)
        begun.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(begun)

    async def _take_body(self, scope: Scope, wire: Wire) -> BinaryIO:
        """The body. One that was announced as too large is refused before a byte of it is read."""
        terms = self._body_terms(scope.method, scope.path)
        length = _announced(scope.headers)
        if length is not None and length > terms.bytes_max:
            raise _too_large(terms.bytes_max)
        match terms.kind:
            case "whole":
                return await self._receive(wire, length, terms.bytes_max, in_memory_max=BODY_IN_MEMORY_BYTES_MAX)
            case "file":
                return await self._receive_file(scope, wire, length, terms.bytes_max)
            case "lines":
                if not self._stream_places:
                    raise StoreBusy("Too many are streaming; try again.")
                return NO_BODY

    async def _receive_file(self, scope: Scope, wire: Wire, length: int | None, limit: int) -> BinaryIO:
        # Nobody without a key fills the disk.
        await self._in_pool(partial(self._admit, scope))
        if not self._file_places:
            raise StoreBusy("Too many files are arriving; try again.")
        self._file_places -= 1
        try:
            return await self._receive(wire, length, limit, in_memory_max=0)
        finally:
            self._file_places += 1

    async def _receive(self, wire: Wire, length: int | None, limit: int, *, in_memory_max: int) -> BinaryIO:
        """The body, whole."""
        body = Spool(in_memory_max)
        try:
            empty_chunks = 0
            async for chunk in self._in_time(wire):
                empty_chunks += not chunk
                if body.length + len(chunk) > limit:
                    raise _too_large(limit)
                body.append(chunk)
            # Granian ends every body with one empty chunk and tells a broken one only by a second (so do trailers,
            # which nobody sends): a part of a body must never be taken for the whole.
            if empty_chunks > 1 or (length is not None and body.length != length):
                raise Malformed("The body broke off before its end.")
            return body.opened()
        except BaseException:
            body.close()
            raise

    async def _in_time(self, wire: Wire) -> AsyncIterator[bytes]:
        clock = asyncio.get_running_loop().time
        end = clock() + self._body_seconds_max
        chunks = wire.__aiter__()
        while True:
            try:
                async with asyncio.timeout_at(min(end, clock() + self._body_stall_seconds)):
                    chunk = await chunks.__anext__()
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise BodyStalled("The body stopped arriving before its end.") from None
            end += len(chunk) / BODY_BYTES_A_SECOND_MIN
            yield chunk

    def _do_housework(self, loop: asyncio.AbstractEventLoop) -> None:
        if not loop.is_closed():
            self._pool.submit(self._housework)
            loop.call_later(self._housework_seconds, self._do_housework, loop)


def _has_body(headers: RequestHeaders) -> bool:
    """Whether a body was announced: HTTP/1 announces every one, and nothing newer is served."""
    declared = headers.get("content-length")
    return headers.get("transfer-encoding") is not None if declared is None else declared != "0"


def _announced(headers: RequestHeaders) -> int | None:
    """The length of the body, if that was said."""
    declared = headers.get("content-length")
    if declared is not None and not (declared.isascii() and declared.isdigit()):
        raise Malformed("The Content-Length is not a number.")
    return None if declared is None else int(declared)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than the {limit} bytes that this call takes.")
