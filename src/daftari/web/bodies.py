"""The body of a request as it comes: received within limits of size and time, or drained after an early answer.

Knows neither routes nor keys.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from msgspec import Struct

from daftari.errors import BodyStalled, Malformed, TooLarge
from daftari.web.rsgi import RequestHeaders, RsgiProtocol
from daftari.web.spool import RequestSpool


class Pace(Struct, frozen=True):
    """How slowly a client may send or read."""

    stall_seconds: float = 15.0
    """How long it may send, or read, nothing."""
    window_seconds: float = 30.0
    """How long it may send, or read, fewer than ``window_bytes_min``."""
    window_bytes_min: int = 30 * 1024
    """A kilobyte a second: a telephone in a weak network is faster."""
    drain_seconds_max: float = 10.0
    """How long the rest of a body is taken after an early answer."""
    drain_stall_seconds: float = 2.0
    """How long it may send nothing then."""
    look_seconds: float = 2.5
    """How often the connections are examined."""


DRAINED_BYTES_MAX = 32 * 1024 * 1024
"""What is taken of a body after an early answer: more than a client sends before it reads the answer, if it ever does.

A connection that is closed while bytes arrive is reset, and many clients then drop the answer that they have.
"""


def announces_body(headers: RequestHeaders) -> bool:
    """Whether a request has a body: HTTP/1 announces every one, and no newer version is served."""
    declared = headers.get("content-length")
    return "transfer-encoding" in headers if declared is None else declared != "0"


class IncomingBody:
    """The body of a request that announced one. ``length`` is what was announced, if it was."""

    def __init__(self, headers: RequestHeaders, protocol: RsgiProtocol, pace: Pace) -> None:
        declared = headers.get("content-length")
        self.length = int(declared) if declared is not None and declared.isascii() and declared.isdigit() else None
        self._is_wrong = declared is not None and self.length is None
        self.has_ended = False
        self._has_stalled = False
        self._headers = headers
        self._protocol = protocol
        self._pace = pace
        self._pieces: AsyncIterator[bytes] | None = None

    async def receive(self, spool: RequestSpool, *, bytes_max: int) -> bool:
        """Append to the spool until the body has ended, or until more than ``bytes_max`` are there.

        Returns whether it has ended. Raises ``BodyStalled``, and ``Malformed`` when it breaks off.
        """
        if self._is_wrong:
            raise Malformed("The Content-Length is not a number.")
        pieces = self._in_time(self._pace.stall_seconds)
        while spool.length <= bytes_max:
            piece = await anext(pieces, None)
            if piece is None:
                self._refuse_part(spool)
                return True
            spool.append(piece)
        return False

    def pass_on(self) -> RsgiProtocol:
        """The pieces of the body, for a caller that takes care of sizes and times; nothing is drained afterwards."""
        self.has_ended = True
        return self._protocol

    async def drain(self) -> None:
        """Take the rest of the body after its request was answered, so that a client that still sends is not reset."""
        if self.has_ended or self._has_stalled or ("expect" in self._headers and self._pieces is None):
            # A client that waits to be asked for its body sends none after an answer.
            return
        drained = 0
        with suppress(TimeoutError, BodyStalled):
            async with asyncio.timeout(self._pace.drain_seconds_max):
                async for piece in self._in_time(self._pace.drain_stall_seconds):
                    drained += len(piece)
                    if drained > DRAINED_BYTES_MAX:
                        return

    def _refuse_part(self, spool: RequestSpool) -> None:
        """A part of a body must never be taken for the whole."""
        # Granian ends every body with one empty piece, and a broken one with a second. Trailers look like a broken body
        # too, and no client sends them.
        if spool.empty_pieces > 1 or (self.length is not None and spool.length != self.length):
            raise Malformed("The body broke off before its end.")

    async def _in_time(self, stall_seconds: float) -> AsyncIterator[bytes]:
        clock, pace = asyncio.get_running_loop().time, self._pace
        if self._pieces is None:
            self._pieces = aiter(self._protocol)
        window_end, in_window = clock() + pace.window_seconds, 0
        while True:
            if in_window >= pace.window_bytes_min:
                window_end, in_window = clock() + pace.window_seconds, 0
            try:
                async with asyncio.timeout_at(min(window_end, clock() + stall_seconds)):
                    piece = await anext(self._pieces)
            except StopAsyncIteration:
                self.has_ended = True
                return
            except TimeoutError:
                self._has_stalled = True
                raise BodyStalled("The body stopped arriving before its end, or came too slowly.") from None
            in_window += len(piece)
            yield piece


def too_large(bytes_max: int, *, what: str = "The body", hint: str = "") -> TooLarge:
    """The error for a body above the limit of its call."""
    return TooLarge(f"{what} is larger than the {bytes_max} bytes that this call takes{hint}.")
