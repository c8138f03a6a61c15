"""Types of RSGI, the protocol between Granian and this application, and the request that handlers get. No logic."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from typing import BinaryIO, Literal, Protocol

from msgspec import Struct

from daftari.web.errors import Headers
from daftari.web.streaming import Outgoing

NO_BODY = BytesIO()


class RequestHeaders(Protocol):
    """By lower-case name. A header that is not ASCII is there, and has no value."""

    def __contains__(self, key: object) -> bool: ...
    def get(self, key: str, default: str | None = None) -> str | None: ...
    def get_all(self, key: str) -> list[str]: ...


class Scope(Protocol):
    """What Granian tells about a request. ``path`` is already percent-decoded."""

    method: str
    scheme: str
    server: str
    path: str
    query_string: str
    authority: str | None

    @property
    def headers(self) -> RequestHeaders: ...


class BodyTerms(Struct, frozen=True):
    """How a body is taken, and how many bytes of it at most.

    ``whole``: before anything is asked. ``file``: on disk, and only from who has a key. ``lines``: as it comes, by what
    the application answers to the head.
    """

    bytes_max: int
    kind: Literal["whole", "file", "lines"] = "whole"


class Request(Struct, frozen=True, gc=False):
    """A request whose body is here. ``path`` is a route's, ``prefix`` what came before it."""

    id: str
    method: str
    prefix: str
    path: str
    headers: RequestHeaders
    body: BinaryIO
    scope: Scope


class Wire(Protocol):
    """Granian's end of the connection."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None: ...
    def response_empty(self, status: int, headers: Headers) -> None: ...
    def response_file(self, status: int, headers: Headers, file: str) -> None: ...
    def response_stream(self, status: int, headers: Headers) -> Outgoing: ...
