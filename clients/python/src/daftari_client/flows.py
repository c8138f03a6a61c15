"""What a call does, step by step, apart from how each step is done.

A flow is a generator. It yields steps (send this request, wait, read more of the response), receives the outcome of
each, and returns the result of the call. An iteration is a flow that also yields items. Each is written once, and two
drivers run it: one blocks, one awaits. No HTTP library, no threads, no event loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping
from types import GenericAlias
from typing import Any, BinaryIO, Generic, TypeAlias, TypeVar, cast

import msgspec
from msgspec import Struct

from daftari_client.errors import CutShort, DaftariError, UnexpectedAnswer
from daftari_client.records import Page

T = TypeVar("T")
LINE_BYTES_MAX = 16 << 20
"""How long one line of a streamed answer may be."""


class Request(Struct, frozen=True, kw_only=True):
    """Send this. What comes back is a ``Response``, or ``ConnectionFailed`` is raised.

    With ``streamed`` a good answer's body is left where it is, to be taken by ``ReadChunk``.
    """

    method: str
    url: str
    headers: dict[str, str]
    query: tuple[tuple[str, str], ...] = ()
    content: bytes | BinaryIO | None = None
    streamed: bool = False


class Response(Struct, frozen=True):
    """What came back. ``headers`` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class ReadChunk(Struct, frozen=True):
    """Give me more of the body that was left where it is: some bytes, and none at its end."""


class Pause(Struct, frozen=True):
    """Do nothing for so long."""

    seconds: float


class Yield(Struct, Generic[T], frozen=True):
    """Hand this to whoever walks."""

    item: T


Step: TypeAlias = Request | ReadChunk | Pause
Flow: TypeAlias = Generator[Step, Any, T]
Iteration: TypeAlias = Generator[Step | Yield[T], Any, None]


class Done(Struct, Generic[T], frozen=True):
    """The flow has ended with this result."""

    result: T


S = TypeVar("S")


def resume(flow: Generator[S, Any, T], reply: object = None) -> S | Done[T]:
    """Answers the last step of a flow, and returns its next step or its result. An error is raised inside the flow."""
    try:
        return flow.throw(reply) if isinstance(reply, DaftariError) else flow.send(reply)
    except StopIteration as end:
        return Done(end.value)


# ---- reading answers --------------------------------------------------------------------------------

Read: TypeAlias = Callable[[bytes], T]
"""Makes the body of a good answer into what the call returns."""


def read_as(kind: type[T]) -> Read[T]:
    """The whole body is a ``kind``. Members that are not known are ignored."""
    return lambda body: _decode(body, kind)


def read_member(name: str, kind: type[T]) -> Read[T]:
    """One member of the body is a ``kind``; the others do not matter."""
    return lambda body: _decode(_members(body).get(name, msgspec.Raw(b"")), kind)


def read_page(name: str, kind: type[T]) -> Read[Page[T]]:
    """One member is a list of ``kind``, and ``next`` says where to go on."""

    items = read_member(name, _list_of(kind))
    return lambda body: Page(items=items(body), next=_decode(body, _Next).next)


def read_message(kind: type[T]) -> Read[T]:
    """The call went through, and that is enough: what cannot be read is as if it had not been said."""

    def read(body: bytes) -> T:
        try:
            return _decode(body, kind)
        except UnexpectedAnswer:
            return kind()

    return read


class _Next(Struct, frozen=True):
    next: str | None = None


def _list_of(kind: type[T]) -> type[list[T]]:
    alias: Any = GenericAlias(list, (kind,))
    return cast(type[list[T]], alias)


def _members(body: bytes) -> dict[str, msgspec.Raw]:
    return _decode(body, dict[str, msgspec.Raw])


def _decode(body: bytes | msgspec.Raw, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise UnexpectedAnswer(
            f"The call went through, and its answer is not one that is known: {problem}"
        ) from problem


# ---- iterating ----------------------------------------------------------------------------------------


def iterate_pages(page: Callable[[str | None], Flow[Page[T]]]) -> Iteration[T]:
    """Every item of a list that says with ``next`` where it goes on."""
    after: str | None = None
    while True:
        listed: Page[T] = yield from page(after)
        for item in listed.items:
            yield Yield(item)
        if listed.next is None or listed.next == after:
            return
        after = listed.next


def iterate_chunks(opened: Flow[None]) -> Iteration[bytes]:
    """The bytes of a streamed answer, as they come."""
    yield from opened
    while True:
        chunk: bytes = yield ReadChunk()
        if not chunk:
            return
        yield Yield(chunk)


class Lines(Generic[T]):
    """The lines of a streamed answer, each read."""

    def __init__(self, read: Read[T]) -> None:
        self._read = read
        self._waiting: deque[bytes] = deque()
        self._rest = b""
        self._over = False

    def take(self) -> Flow[T | None]:
        """The next line, ``None`` at the end of the answer. One that was cut in the middle is ``CutShort``."""
        while not self._waiting:
            if self._over:
                return None
            chunk: bytes = yield ReadChunk()
            self._add(chunk)
        line = self._waiting.popleft()
        try:
            return self._read(line)
        except UnexpectedAnswer as problem:
            if self._over and not self._waiting:
                raise cut_short() from problem
            raise

    def _add(self, chunk: bytes) -> None:
        self._over = not chunk
        *whole, self._rest = (self._rest + chunk).split(b"\n") if chunk else (self._rest, b"")
        self._waiting.extend(line for line in whole if line.strip())
        if len(self._rest) > LINE_BYTES_MAX:
            raise UnexpectedAnswer("A line of the answer is longer than any should be.")


def cut_short() -> CutShort:
    """A stream that ended without saying so."""
    return CutShort("The answer ended before its last line; what came until then is not all.", retryable=True)
