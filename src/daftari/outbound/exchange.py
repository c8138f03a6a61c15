"""A request to another server, and the three ways in which it may end. Records only: no network.

A result is an ``OutboundResponse``, or says that nothing was sent (``NotSent``), or that it is not known
(``PerhapsSent``). ``proof`` says what each allows. No record shows a URL's path, a header or a body in its ``repr``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

CALL_SECONDS = 20.0
"""A whole call: name, connection, request and response."""
RESPONSE_BYTES_MAX = 1024 * 1024
"""A response's body, as received and when unpacked."""

Cause = Literal["request", "address", "resolve", "connect", "tls", "busy", "timeout", "closed", "malformed"]
"""Why there is no response.

- ``request``: it could never be sent: its URL, method or a header is wrong.
- ``address``: its host has an address that may not be called.
- ``resolve``, ``connect``, ``tls``: the name, the connection or the certificate failed.
- ``busy``: every connection was in use.
- ``timeout``, ``closed``, ``malformed``: the other server was silent, closed the connection, or answered no HTTP.
"""

Incomplete = Literal["timeout", "closed", "malformed", "too_large", "encoding"]
"""Why a body is not there although the status is. ``encoding``: it could not be unpacked."""


class OutboundRequest(Struct, frozen=True, kw_only=True):
    """What to send. Names of headers are free of those that the client sets itself, as ``Host``."""

    method: str
    url: str
    """Absolute, ``http`` or ``https``, without a name and password."""
    headers: Mapping[str, str] = {}
    body: bytes = b""
    total_seconds: float = CALL_SECONDS
    response_bytes_max: int = RESPONSE_BYTES_MAX

    def __repr__(self) -> str:
        return f"OutboundRequest({self.method!r}, {len(self.body)} bytes)"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("method", self.method), ("bytes", len(self.body))]


class OutboundResponse(Struct, frozen=True, kw_only=True):
    """A response of which at least status and headers were read. Names of headers are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    """Unpacked. Empty when it is incomplete: half a body must not be read as a whole one."""
    incomplete: Incomplete | None
    retry_after_seconds: float | None
    """How long the server asks to wait, counted from its response."""

    def __repr__(self) -> str:
        return f"OutboundResponse({self.status}, {len(self.body)} bytes, incomplete={self.incomplete!r})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("status", self.status), ("bytes", len(self.body)), ("incomplete", self.incomplete)]


class NotSent(Struct, frozen=True):
    """No byte of the request left this process."""

    cause: Cause
    message: str
    """A sentence for people. It names host and port, and no other part of the request."""


class PerhapsSent(Struct, frozen=True):
    """Some of the request was sent and no response was read: it may have been obeyed, or not."""

    cause: Cause
    message: str
    """As in ``NotSent``."""


OutboundResult = OutboundResponse | NotSent | PerhapsSent
