"""What a call does, step by step, and nothing of how it is done.

A plan is a generator: it yields steps (send this, wait so long, give me more of the answer), gets back what came of
each, and returns the call's result. A walk is a plan that also emits items on its way. Each is written once; the two
drivers carry them out, one waiting and one awaiting. This room must not know HTTP libraries, threads or event loops.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping
from types import GenericAlias
from typing import Any, BinaryIO, Generic, TypeAlias, TypeVar, cast

import msgspec
from msgspec import Struct

from daftari_client.errors import CutShort, DaftariError, UnexpectedAnswer
from daftari_client.records import Listed

T = TypeVar("T")
LINE_BYTES_MAX = 16 << 20
"""How long one line of a streamed answer may be."""


class Request(Struct, frozen=True, kw_only=True):
    """Send this. What comes back is an ``Answer``, or ``ConnectionFailed`` is raised.

    With ``streamed`` a good answer's body is left where it is, to be taken by ``Chunk``.
    """

    method: str
    url: str
    headers: dict[str, str]
    query: tuple[tuple[str, str], ...] = ()
    content: bytes | BinaryIO | None = None
    streamed: bool = False


class Answer(Struct, frozen=True):
    """What came back. ``headers`` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class Chunk(Struct, frozen=True):
    """Give me more of the body that was left where it is: some bytes, and none at its end."""


class Pause(Struct, frozen=True):
    """Do nothing for so long."""

    seconds: float


class Emit(Struct, Generic[T], frozen=True):
    """Hand this to whoever walks."""

    item: T


Step: TypeAlias = Request | Chunk | Pause
Plan: TypeAlias = Generator[Step, Any, T]
Walk: TypeAlias = Generator[Step | Emit[T], Any, None]


class Course(Generic[T]):
    """A plan under way: each call answers the step before and returns the next one, ``None`` when it is over."""

    def __init__(self, plan: Generator[Step | Emit[Any], Any, T]) -> None:
        self._plan = plan
        self.result: T

    def go_on(self, reply: object = None) -> Step | Emit[Any] | None:
        return self._next(lambda: self._plan.send(reply))

    def fail(self, error: DaftariError) -> Step | Emit[Any] | None:
        return self._next(lambda: self._plan.throw(error))

    def close(self) -> None:
        self._plan.close()

    def _next(self, move: Callable[[], Step | Emit[Any]]) -> Step | Emit[Any] | None:
        try:
            return move()
        except StopIteration as end:
            self.result = end.value
            return None


# ---- reading answers --------------------------------------------------------------------------------

Read: TypeAlias = Callable[[bytes], T]
"""Makes the body of a good answer into what the call returns."""


def read_as(kind: type[T]) -> Read[T]:
    """The whole body is a ``kind``. Members that are not known are ignored."""
    return lambda body: _decode(body, kind)


def read_member(name: str, kind: type[T]) -> Read[T]:
    """One member of the body is a ``kind``; the others do not matter."""
    return lambda body: _decode(_members(body).get(name, msgspec.Raw(b"")), kind)


def read_listed(name: str, kind: type[T]) -> Read[Listed[T]]:
    """One member is a list of ``kind``, and ``next`` says where to go on."""

    items = read_member(name, _list_of(kind))
    return lambda body: Listed(items=items(body), next=_decode(body, _Next).next)


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


# ---- walking ----------------------------------------------------------------------------------------


def follow(page: Callable[[str | None], Plan[Listed[T]]]) -> Walk[T]:
    """Every item of a list that says with ``next`` where it goes on."""
    after: str | None = None
    while True:
        listed: Listed[T] = yield from page(after)
        for item in listed.items:
            yield Emit(item)
        if listed.next is None or listed.next == after:
            return
        after = listed.next


def chunks(opened: Plan[None]) -> Walk[bytes]:
    """The bytes of a streamed answer, as they come."""
    yield from opened
    while True:
        chunk: bytes = yield Chunk()
        if not chunk:
            return
        yield Emit(chunk)


class Lines(Generic[T]):
    """The lines of a streamed answer, each read."""

    def __init__(self, read: Read[T]) -> None:
        self._read = read
        self._waiting: deque[bytes] = deque()
        self._rest = b""
        self._over = False

    def take(self) -> Plan[T | None]:
        """The next line, ``None`` at the end of the answer. One that was cut in the middle is ``CutShort``."""
        while not self._waiting:
            if self._over:
                return None
            chunk: bytes = yield Chunk()
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
