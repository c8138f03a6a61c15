"""What a handler answers with. No routes, no requests."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import msgspec
from msgspec import Struct

from daftari.web.spool import ResponseSpool
from daftari.web.streaming import StreamHandler

JSON = "application/json"

Headers = list[tuple[str, str]]


class Response(Struct, frozen=True):
    """A status, a body and its media type. ``None``, where there is no body, is no type either.

    A body that is too long for the memory is spooled; one that is written while the request's body comes is a
    ``StreamHandler``. ``cache`` is its ``Cache-Control``.
    """

    status: int
    body: bytes | ResponseSpool | StreamHandler
    media_type: str | None = JSON
    headers: tuple[tuple[str, str], ...] = ()
    cache: str = "private, no-store"


class LongPoll(Struct, frozen=True):
    """An answer that is not there yet: the call is held, without a thread, until there is something to say.

    ``look`` returns the number of what is waited for, and ``respond`` is called when it is above ``seen``, with
    ``False``, or when it must answer, with ``True``; both in a thread of the pool. Calls that wait for the same
    ``subject`` share one look. ``until`` is a time of ``time.monotonic``.
    """

    subject: Hashable
    seen: int
    until: float
    look: Callable[[], int]
    respond: Callable[[bool], Response | LongPoll]


def json_response(content: object, *, status: int = 200) -> Response:
    """Any content that JSON can hold."""
    return Response(status, msgspec.json.encode(content))
