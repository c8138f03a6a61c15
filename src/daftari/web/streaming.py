"""A call that is answered while its body still comes: lines in, bytes out, some hundreds of lines at a time.

The event loop receives the body, cuts it into lines and sends the response; the handler works on lines in the pool.
Little more is received meanwhile, so a client that sends faster than lines are written is slowed down. What goes out is
bounded by what may come in, since Granian buffers what its reader has not taken. Knows nothing about what a line means.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

from daftari.errors import BodyStalled, DaftariError, Malformed

LINES_TOGETHER_MAX = 1_000
"""Lines in one call of the handler."""
BYTES_TOGETHER_MAX = 1024 * 1024
"""Bytes of lines that are passed to the handler, however few lines they are."""
LINGER_SECONDS = 0.2
"""How long a line waits for more lines."""
LINE_BYTES_MAX = 1024 * 1024
"""A longer line is cut off: one byte more than this is passed on, so that the handler can recognise it."""

T = TypeVar("T")


class InPool(Protocol):
    """Runs work in a thread of the pool. Raises ``StoreBusy`` when too much waits there."""

    async def __call__(self, work: Callable[[], T]) -> T: ...


class StreamHandler(Protocol):
    """The handler of one streamed call. Its methods run in the pool, and what each returns is sent at once."""

    def begin(self) -> bytes:
        """The first line of the response."""

    def take(self, lines: Sequence[bytes]) -> tuple[bytes, bool]:
        """The response to some lines, and whether all of them were taken and more may come."""

    def end(self, *, whole: bool, error: DaftariError | None) -> bytes:
        """The final line. ``whole``: the body has ended, and every line of it was taken."""


class Outgoing(Protocol):
    """Granian's open response."""

    async def send_bytes(self, data: bytes) -> None: ...


class LineCutter:
    """Cuts a body that comes in pieces into its lines, without the blank ones."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.waiting_bytes = 0
        self._begun = bytearray()

    def add(self, piece: bytes) -> None:
        """The next piece of the body."""
        first, *others = piece.split(b"\n")
        self._keep(first)
        for other in others:
            self.end_line()
            self._keep(other)

    def end_line(self) -> None:
        """End the line that has begun."""
        line = bytes(self._begun).strip()
        self._begun.clear()
        if line:
            self.lines.append(line)
            self.waiting_bytes += len(line)

    @property
    def is_full(self) -> bool:
        """Whether enough lines wait for the handler to take them."""
        return len(self.lines) >= LINES_TOGETHER_MAX or self.waiting_bytes >= BYTES_TOGETHER_MAX

    def take(self) -> list[bytes]:
        """The first lines, at most ``LINES_TOGETHER_MAX``."""
        taken, self.lines = self.lines[:LINES_TOGETHER_MAX], self.lines[LINES_TOGETHER_MAX:]
        self.waiting_bytes -= sum(map(len, taken))
        return taken

    def _keep(self, part: bytes) -> None:
        self._begun += part[: LINE_BYTES_MAX + 1 - len(self._begun)]


class StreamingSession:
    """One streamed call: ``await run()``, then ``await end(...)`` with what it returned or raised."""

    def __init__(
        self,
        incoming: AsyncIterable[bytes],
        outgoing: Outgoing,
        handler: StreamHandler,
        *,
        in_pool: InPool,
        length: int | None,
        stall_seconds: float,
        seconds_max: float,
    ) -> None:
        self._incoming = incoming
        self._outgoing: Outgoing | None = outgoing
        self._handler = handler
        self._in_pool = in_pool
        self._length = length
        self._stall_seconds = stall_seconds
        self._seconds_max = seconds_max
        self._cutter = LineCutter()
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._piece_slot = asyncio.Semaphore(1)
        self._is_whole = False

    async def run(self) -> bool:
        """Take lines until the body has ended or no more may come. Returns whether all of them were taken.

        Raises ``BodyStalled``, ``Malformed`` when the body breaks off, and what the handler raises.
        """
        receiving = asyncio.create_task(self._receive())
        try:
            await self._send(await self._in_pool(self._handler.begin))
            if not await self._take_lines():
                return False
            # Raises what ended the reception, unless the client did.
            await receiving
            return await self._take_rest()
        finally:
            receiving.cancel()

    async def end(self, *, whole: bool, error: DaftariError | None) -> None:
        """Send the final line, if the client still listens, and close the response."""
        try:
            await self._send(await self._in_pool(lambda: self._handler.end(whole=whole, error=error)))
        finally:
            # Granian closes the stream when the last reference is dropped; a traceback would keep one.
            self._outgoing = None

    async def _receive(self) -> None:
        """Queue the pieces of the body, one ahead of the piece in work, and ``None`` after the last one."""
        received = empty = 0
        try:
            await self._piece_slot.acquire()
            async for piece in self._incoming:
                received, empty = received + len(piece), empty + (not piece)
                self._pieces.put_nowait(piece)
                await self._piece_slot.acquire()
            # Granian ends every body with one empty piece, and a broken one with a second.
            self._is_whole = empty <= 1 and self._length in (None, received)
        finally:
            self._pieces.put_nowait(None)

    async def _take_lines(self) -> bool:
        """Take lines until the body has ended; ``False`` when no more may come before that."""
        clock, cutter = asyncio.get_running_loop().time, self._cutter
        end = clock() + self._seconds_max
        linger_until = end
        last_piece_at = clock()
        while True:
            lingers = bool(cutter.lines)
            wake_at = linger_until if lingers else min(end, last_piece_at + self._stall_seconds)
            try:
                async with asyncio.timeout_at(wake_at):
                    piece = await self._pieces.get()
            except TimeoutError:
                if not lingers and clock() < end:
                    raise BodyStalled("The body stopped arriving before its end.") from None
                piece = b""
            else:
                last_piece_at = clock()
                self._piece_slot.release()
            if piece is None:
                return True
            cutter.add(piece)
            if cutter.lines and not lingers:
                linger_until = clock() + LINGER_SECONDS
            while cutter.is_full or (cutter.lines and clock() >= linger_until):
                if not await self._pass_on():
                    return False
            if clock() >= end:
                return False

    async def _take_rest(self) -> bool:
        if not self._is_whole:
            raise Malformed("The body broke off before its end.")
        self._cutter.end_line()
        while self._cutter.lines:
            if not await self._pass_on():
                return False
        return True

    async def _pass_on(self) -> bool:
        lines = self._cutter.take()
        data, continues = await self._in_pool(lambda: self._handler.take(lines))
        await self._send(data)
        return continues

    async def _send(self, data: bytes) -> None:
        # Granian raises this when the client is gone; the body then ends as well.
        with suppress(RuntimeError):
            if data and self._outgoing is not None:
                await self._outgoing.send_bytes(data)
