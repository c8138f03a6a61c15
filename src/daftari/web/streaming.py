"""A call that is answered while its body still comes: lines in, bytes out, some hundreds of lines at a time.

The event loop receives, cuts and sends; what is done with lines is done in the pool, and little more is received
meanwhile, so that whoever sends faster than can be written is held back. What goes out is bounded by how much may come
in, since the server keeps what its reader does not take yet. This room must not know what a line is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

from daftari.errors import BodyStalled, DaftariError, Malformed

LINES_TOGETHER_MAX = 1_000
"""Lines that are handed on together."""
BYTES_TOGETHER_MAX = 1024 * 1024
"""Bytes of lines that are handed on, however few lines they are."""
LINGER_SECONDS = 0.2
"""How long a line waits for others to come along."""
LINE_BYTES_MAX = 1024 * 1024
"""A longer line is cut off: one byte more than this is handed on, by which it can be told."""
STREAM_SECONDS_MAX = 3_600.0
"""How long one call may last; then it is to be taken up by another one."""

T = TypeVar("T")


class InPool(Protocol):
    """Has something done by a thread of the pool. Raises ``StoreBusy`` when too much waits there."""

    async def __call__(self, work: Callable[[], T]) -> T: ...


class Exchange(Protocol):
    """What is done with the lines of one call, in the pool; each answer is sent at once."""

    def begin(self) -> bytes:
        """What is said first."""

    def take(self, lines: Sequence[bytes]) -> tuple[bytes, bool]:
        """What is said of some lines, and whether all of them could be taken and more may come."""

    def end(self, *, whole: bool, error: DaftariError | None) -> bytes:
        """The last words. ``whole``: the body has ended, and every line of it was taken."""


class Outgoing(Protocol):
    """Granian's way out of a connection."""

    async def send_bytes(self, data: bytes) -> None: ...


class LineCutter:
    """Cuts a body that comes in pieces into its lines; blank ones are passed over."""

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
        """What has begun is a line."""
        line = bytes(self._begun).strip()
        self._begun.clear()
        if line:
            self.lines.append(line)
            self.waiting_bytes += len(line)

    @property
    def is_full(self) -> bool:
        """Whether so much waits that it should be handed on."""
        return len(self.lines) >= LINES_TOGETHER_MAX or self.waiting_bytes >= BYTES_TOGETHER_MAX

    def take(self) -> list[bytes]:
        """Some lines, the first ones."""
        taken, self.lines = self.lines[:LINES_TOGETHER_MAX], self.lines[LINES_TOGETHER_MAX:]
        self.waiting_bytes -= sum(map(len, taken))
        return taken

    def _keep(self, part: bytes) -> None:
        self._begun += part[: LINE_BYTES_MAX + 1 - len(self._begun)]


class Conversation:
    """One call: ``await hold()``, then ``await end(...)`` with what it returned or raised."""

    def __init__(
        self,
        incoming: AsyncIterable[bytes],
        outgoing: Outgoing,
        exchange: Exchange,
        *,
        in_pool: InPool,
        length: int | None,
        stall_seconds: float,
        seconds_max: float,
    ) -> None:
        self._incoming = incoming
        self._outgoing: Outgoing | None = outgoing
        self._exchange = exchange
        self._in_pool = in_pool
        self._length = length
        self._stall_seconds = stall_seconds
        self._seconds_max = seconds_max
        self._cutter = LineCutter()
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(1)
        self._is_whole = False

    async def hold(self) -> bool:
        """Take lines until the body has ended or no more may come. Returns whether all of them were taken.

        Raises ``BodyStalled``, ``Malformed`` when the body breaks off, and what the exchange raises.
        """
        receiving = asyncio.create_task(self._receive())
        try:
            await self._say(await self._in_pool(self._exchange.begin))
            if not await self._take_lines():
                return False
            # Whatever broke it off, if it was not the sender.
            await receiving
            return await self._take_rest()
        finally:
            receiving.cancel()

    async def end(self, *, whole: bool, error: DaftariError | None) -> None:
        """Say the last words, if anybody listens still, and close the way out."""
        try:
            await self._say(await self._in_pool(lambda: self._exchange.end(whole=whole, error=error)))
        finally:
            # Granian ends an answer when nobody knows the way out any more; an error's traceback would go on knowing.
            self._outgoing = None

    async def _receive(self) -> None:
        """The pieces of the body, one ahead of those that are looked at, and ``None`` after the last one."""
        received = empty = 0
        try:
            await self._room.acquire()
            async for piece in self._incoming:
                received, empty = received + len(piece), empty + (not piece)
                self._pieces.put_nowait(piece)
                await self._room.acquire()
            # Granian ends every body with one empty piece, and tells a broken one only by a second.
            self._is_whole = empty <= 1 and self._length in (None, received)
        finally:
            self._pieces.put_nowait(None)

    async def _take_lines(self) -> bool:
        """Until the body has ended; ``False`` when no more may come before that."""
        clock, cutter = asyncio.get_running_loop().time, self._cutter
        end = clock() + self._seconds_max
        linger_until = end
        heard = clock()
        while True:
            lingers = bool(cutter.lines)
            try:
                async with asyncio.timeout_at(linger_until if lingers else min(end, heard + self._stall_seconds)):
                    piece = await self._pieces.get()
            except TimeoutError:
                if not lingers and clock() < end:
                    raise BodyStalled("The body stopped arriving before its end.") from None
                piece = b""
            else:
                heard = clock()
                self._room.release()
            if piece is None:
                return True
            cutter.add(piece)
            if cutter.lines and not lingers:
                linger_until = clock() + LINGER_SECONDS
            while cutter.is_full or (cutter.lines and clock() >= linger_until):
                if not await self._hand_on():
                    return False
            if clock() >= end:
                return False

    async def _take_rest(self) -> bool:
        if not self._is_whole:
            raise Malformed("The body broke off before its end.")
        self._cutter.end_line()
        while self._cutter.lines:
            if not await self._hand_on():
                return False
        return True

    async def _hand_on(self) -> bool:
        lines = self._cutter.take()
        said, goes_on = await self._in_pool(lambda: self._exchange.take(lines))
        await self._say(said)
        return goes_on

    async def _say(self, said: bytes) -> None:
        # What Granian raises when nobody listens any more. That is noticed when nothing more comes, too.
        with suppress(RuntimeError):
            if said and self._outgoing is not None:
                await self._outgoing.send_bytes(said)
