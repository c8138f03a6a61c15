"""What a call does, step by step, apart from how each step is done.

A flow is a generator. It yields steps (send this request, wait, read more of the response), receives the outcome of
each, and returns the result of the call. An iteration is a flow that also yields items. Each is written once, and two
drivers run it: one blocks, one awaits. No HTTP library, no threads, no event loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping
from types import GenericAlias
from typing import Any, BinaryIO, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from daftari_client.errors import CutShort, DaftariError, UnexpectedAnswer
from daftari_client.records import Page, Record

T = TypeVar("T")
S = TypeVar("S")
R = TypeVar("R", bound=Record)
LINE_BYTES_MAX = 16 << 20
"""How long one line of a streamed answer may be."""


Progress: TypeAlias = Callable[[int, int | None], object]
"""Gets the bytes transferred so far, and how many there are in all if that is known. What it raises ends the call."""


class Request(Struct, frozen=True, kw_only=True):
    """Send this request. The reply is a ``Response``, or ``ConnectionFailed`` is raised.

    With ``streamed`` the body of a successful response is left for ``ReadChunk``. ``progress`` is about a body that is
    a file; it starts again at each try.
    """

    method: str
    url: str
    headers: dict[str, str]
    query: tuple[tuple[str, str], ...] = ()
    content: bytes | BinaryIO | None = None
    progress: Progress | None = None
    streamed: bool = False


class Response(Struct, frozen=True):
    """A response. ``headers`` are looked up by lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class ReadChunk(Struct, frozen=True):
    """Read more of a streamed body. The reply is some bytes, none at its end."""


class Pause(Struct, frozen=True):
    """Wait."""

    seconds: float


class RunBlocking(Struct, frozen=True):
    """Call this function, which may block on a disk. The reply is what it returns."""

    function: Callable[[], object]


class Yield(Struct, Generic[T], frozen=True):
    """Hand this item to the caller of the iteration."""

    item: T


Step: TypeAlias = Request | ReadChunk | Pause | RunBlocking
Flow: TypeAlias = Generator[Step, Any, T]
Iteration: TypeAlias = Generator[Step | Yield[T], Any, None]


class Done(Struct, Generic[T], frozen=True):
    """The flow has ended with this result."""

    result: T


def resume(flow: Generator[S, Any, T], reply: object = None) -> S | Done[T]:
    """Answers the last step of a flow, and returns its next step or its result. An error is raised inside the flow."""
    try:
        return flow.throw(reply) if isinstance(reply, DaftariError) else flow.send(reply)
    except StopIteration as end:
        return Done(end.value)


# ---- reading responses ------------------------------------------------------------------------------

Read: TypeAlias = Callable[[Response], T]
"""Makes a successful response into the result of a call. Raises ``UnexpectedAnswer``."""


def read_as(kind: type[T]) -> Read[T]:
    """The whole body is a ``kind``."""
    return lambda response: decode(response.body, kind)


def read_member(name: str, kind: type[T]) -> Read[T]:
    """One member of the body is a ``kind``; the other members are ignored."""
    return lambda response: decode(_members(response).get(name, msgspec.Raw(b"")), kind)


def read_page(name: str, kind: type[T]) -> Read[Page[T]]:
    """One member is a list of ``kind``, and ``next`` says where the list continues."""
    alias: Any = GenericAlias(list, (kind,))
    items: Read[list[T]] = read_member(name, alias)
    return lambda response: Page(items=items(response), next=read_as(_Next)(response).next)


def read_message(kind: type[T]) -> Read[T]:
    """The status alone says that the call succeeded: a body that cannot be read is as good as an empty one."""

    def read(response: Response) -> T:
        try:
            return decode(response.body, kind)
        except UnexpectedAnswer:
            return kind()

    return read


def with_etag(read: Read[R]) -> Read[R]:
    """Sets ``etag`` of the record from the header of the same name."""
    return lambda response: msgspec.structs.replace(read(response), etag=response.headers.get("etag"))


class _Next(Struct, frozen=True):
    next: str | None = None


def _members(response: Response) -> dict[str, msgspec.Raw]:
    return decode(response.body, dict[str, msgspec.Raw])


def decode(body: bytes | msgspec.Raw, kind: type[T]) -> T:
    """JSON as a ``kind``. Unknown members are ignored. Raises ``UnexpectedAnswer``."""
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise UnexpectedAnswer(
            f"The call succeeded, but its response cannot be read: {problem}. Is this the base URL of a Daftari server?"
        ) from problem


# ---- iterating --------------------------------------------------------------------------------------


def iterate_pages(page: Callable[[str | None], Flow[Page[T]]], *, after: str | None = None) -> Iteration[T]:
    """Every item of a list. ``page`` gets the part of the list after a cursor; ``None`` is the list's beginning."""
    while True:
        part: Page[T] = yield from page(after)
        for item in part.items:
            yield Yield(item)
        if part.next is None or part.next == after:
            return
        after = part.next


def iterate_chunks(opened: Flow[object]) -> Iteration[bytes]:
    """The body of a streamed response, as it arrives."""
    yield from opened
    while True:
        chunk: bytes = yield ReadChunk()
        if not chunk:
            return
        yield Yield(chunk)


class Lines(Generic[T]):
    """The lines of a streamed response, decoded one by one."""

    def __init__(self, decode_line: Callable[[bytes], T]) -> None:
        self._decode_line = decode_line
        self._lines: deque[bytes] = deque()
        self._rest = b""
        self._is_over = False

    def take(self) -> Flow[T]:
        """The next line. Raises ``CutShort`` where the response ends; its last line is for the caller to know."""
        while not self._lines:
            if self._is_over:
                raise _cut_short()
            chunk: bytes = yield ReadChunk()
            self._add(chunk)
        line = self._lines.popleft()
        try:
            return self._decode_line(line)
        except UnexpectedAnswer as problem:
            if self._is_over and not self._lines:
                raise _cut_short() from problem
            raise

    def _add(self, chunk: bytes) -> None:
        self._is_over = not chunk
        *whole, self._rest = (self._rest + chunk).split(b"\n") if chunk else (self._rest, b"")
        self._lines.extend(line for line in whole if line.strip())
        if len(self._rest) > LINE_BYTES_MAX:
            raise UnexpectedAnswer(f"A line of the response is longer than {LINE_BYTES_MAX} bytes.")


def _cut_short() -> CutShort:
    return CutShort("The response ended before its last line, so it is incomplete.", retryable=True)
