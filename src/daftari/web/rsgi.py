"""The types of RSGI, the protocol between Granian and this server. No logic."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from daftari.web.responses import Headers
from daftari.web.streaming import Outgoing


class RequestHeaders(Protocol):
    """Headers by lower-case name. One that is not ASCII is present and has no value."""

    def __contains__(self, key: object) -> bool: ...
    def get(self, key: str, default: str | None = None) -> str | None: ...
    def get_all(self, key: str) -> list[str]: ...


class RsgiScope(Protocol):
    """The head of a request. Granian has percent-decoded ``path``."""

    method: str
    scheme: str
    server: str
    client: str
    path: str
    query_string: str
    authority: str | None

    @property
    def headers(self) -> RequestHeaders: ...


class RsgiProtocol(Protocol):
    """Granian's end of a connection: the body of the request as it comes, and the ways to respond."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None: ...
    def response_empty(self, status: int, headers: Headers) -> None: ...
    def response_file(self, status: int, headers: Headers, file: str) -> None: ...
    def response_stream(self, status: int, headers: Headers) -> Outgoing: ...
