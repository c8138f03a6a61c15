"""The client: sends one request and says how it ended. It never sends a request twice and follows no redirect.

What must not be here: what a request is for, and when it is repeated; ``proof`` says whether it may be.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType, TracebackType
from typing import Literal, Self

import httpcore2
import httpx2

from daftari import __version__
from daftari.outbound.addresses import is_address, may_connect, read_allowed_hosts
from daftari.outbound.exchange import (
    Cause,
    Incomplete,
    NotSent,
    OutboundRequest,
    OutboundResponse,
    OutboundResult,
    PerhapsSent,
)
from daftari.outbound.network import Call, ConnectFailed, Network, Resolve, resolve_name, shown
from daftari.outbound.retry_after import read_retry_after

CONNECT_SECONDS = 5.0
"""Name, TCP and TLS together; also the wait for a free connection."""
READ_SECONDS = 30.0
"""How long the other server may be silent. A call's own ``total_seconds`` may end it earlier."""
CONNECTIONS_MAX = 100
IDLE_SECONDS = 1.5
"""An idle connection is closed after this. Servers do so after 2 seconds (gunicorn), 5 (Apache, Node) or more, and of a
request that meets such a close nothing is known."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
HEADERS_SET_HERE = frozenset(
    {
        *("accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "proxy-authorization"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
"""Given by a request, one of these could name another host than the judged one, or end the request too early."""
_HOST = re.compile(rb"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|[0-9a-f:.]*:[0-9a-f:.]*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"([!-~]([ \t!-~]*[!-~])?)?")

_FAILURES = (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError)
_SENTENCES: Mapping[Cause, str] = MappingProxyType(
    {
        "busy": "Every connection was in use; there was none for {origin}.",
        "timeout": "{origin} did not answer in time.",
        "closed": "{origin} closed the connection before it answered.",
        "malformed": "{origin} answered what is not HTTP, or no answer to this request.",
    }
)


class OutboundClient:
    """Sends requests, over connections that are used again. Any number of threads may share it.

    ``allowed_hosts`` are hosts that may have a private address because the operator says so, each as ``host:port``;
    a wrong one raises ``ValueError``. ``resolve`` finds addresses, ``tls`` is whom to trust (the system's authorities
    when ``None``), and ``clock`` gives seconds since 1970. No proxy is used, whatever the environment says.
    """

    def __init__(
        self,
        *,
        allowed_hosts: Iterable[str] = (),
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        connections_max: int = CONNECTIONS_MAX,
        resolve: Resolve = resolve_name,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._clock = clock
        self._network = Network(resolve=resolve, allowed_hosts=read_allowed_hosts(allowed_hosts))
        self._pool = httpcore2.ConnectionPool(
            ssl_context=tls or httpcore2.default_ssl_context(),
            max_connections=connections_max,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=self._network,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection. No call may be under way."""
        self._pool.close()

    def send(self, request: OutboundRequest) -> OutboundResult:
        """Returns how the request ended. Whatever the other server or the network does is a result, not an error."""
        try:
            wanted = _read_request(request)
        except _Unsendable as error:
            return NotSent("request", str(error))
        wanted.extensions["timeout"] = {
            "pool": min(self._connect_seconds, request.total_seconds),
            "connect": self._connect_seconds,
            "read": self._read_seconds,
            "write": self._read_seconds,
        }
        with self._network.call(request.total_seconds) as call:
            try:
                response = self._pool.handle_request(wanted)
            except ConnectFailed as failure:
                return NotSent(failure.cause, failure.message)
            except httpcore2.PoolTimeout:
                return _no_response(wanted, "busy", call)
            except _FAILURES as error:
                return _no_response(wanted, _failure(error, call), call)
            if call.bytes_read == 0 or not call.written:
                # The response came before the request: it belongs to an earlier one, or to none.
                response.close()
                return _no_response(wanted, "malformed", call)
            return self._read_response(response, call, bytes_max=request.response_bytes_max)

    def _read_response(self, response: httpcore2.Response, call: Call, *, bytes_max: int) -> OutboundResponse:
        incomplete: Incomplete | None = None
        headers = _read_headers(response.headers)
        stream = _Limited(response, bytes_max=bytes_max)
        pieces: Iterable[bytes] = stream
        if "content-encoding" in headers:
            # httpx2 unpacks the body in pieces of limited size.
            pieces = httpx2.Response(response.status, headers=response.headers, stream=stream).iter_bytes()
        body = bytearray()
        try:
            for piece in pieces:
                body += piece
                if len(body) > bytes_max:
                    raise _TooLarge
        except _TooLarge:
            incomplete = "too_large"
        except httpx2.DecodingError:
            incomplete = "encoding"
        except _FAILURES as error:
            incomplete = _failure(error, call)
        finally:
            stream.close()
        return OutboundResponse(
            status=response.status,
            headers=headers,
            body=b"" if incomplete else bytes(body),
            incomplete=incomplete,
            retry_after_seconds=read_retry_after(headers, now=self._clock()),
        )


class _TooLarge(Exception):
    """The body continues after its limit."""


class _Limited(httpx2.SyncByteStream):
    """A response's body as it is received; raises ``_TooLarge``. The unpacked size says nothing of what came in."""

    def __init__(self, response: httpcore2.Response, *, bytes_max: int) -> None:
        self._response = response
        self._left = bytes_max

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._response.iter_stream():
            self._left -= len(piece)
            if self._left < 0:
                raise _TooLarge
            yield piece

    def close(self) -> None:
        self._response.close()


# ---- the request ------------------------------------------------------------------------------------


class _Unsendable(Exception):
    """The request can never be sent. The message quotes no secret: no URL and no value of a header."""


def _read_request(request: OutboundRequest) -> httpcore2.Request:
    """The request as the library takes it. Raises ``_Unsendable``."""
    if request.method not in METHODS:
        raise _Unsendable(f'The method "{request.method}" is none of {", ".join(sorted(METHODS))}.')
    for name, value in request.headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise _Unsendable(f"The header {name!r} has a character that a header cannot have.")
        if name.lower() in HEADERS_SET_HERE:
            raise _Unsendable(f'The header "{name}" is set by the client itself; leave it out.')
    url = _read_url(request.url)
    headers = {"Host": url.netloc.decode("ascii"), "Accept-Encoding": "gzip"}
    if "user-agent" not in map(str.lower, request.headers):
        headers["User-Agent"] = f"Daftari/{__version__}"
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        headers["Content-Length"] = str(len(request.body))
    return httpcore2.Request(
        request.method,
        httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host.lower(), port=url.port, target=url.raw_path),
        headers=[*headers.items(), *request.headers.items()],
        content=request.body,
        extensions={},
    )


def _read_headers(received: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by their names in lower case; the values of one that comes again are joined."""
    headers: dict[str, str] = {}
    for name, value in received:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _read_url(written: str) -> httpx2.URL:
    """A URL that can be called. Raises ``_Unsendable``."""
    try:
        url = httpx2.URL(written)
    except (httpx2.InvalidURL, ValueError):
        raise _Unsendable("The URL cannot be read; write it as in https://api.example.com/messages.") from None
    if url.scheme not in ("http", "https"):
        raise _Unsendable('The URL must begin with "https://" or "http://".')
    if url.userinfo:
        raise _Unsendable("The URL has a name or a password; give them in the header Authorization.")
    if not _HOST.fullmatch(url.raw_host.lower()):
        raise _Unsendable(
            "The URL has no host, or one that cannot be; write it as in https://api.example.com/messages."
        )
    if url.port is not None and not 1 <= url.port <= 65_535:
        raise _Unsendable(f"The URL has the port {url.port}; ports are 1 to 65535.")
    return url


def find_url_mistake(written: str, *, allowed_hosts: Iterable[str]) -> str | None:
    """Why a URL would never be called, as a sentence; ``None`` if it may be. Its name is not looked up.

    Only hosts that the operator allows are called over plain HTTP.
    """
    try:
        url = _read_url(written)
    except _Unsendable as error:
        return str(error)
    host = url.raw_host.decode("ascii").lower()
    allowed = (host, url.port or (443 if url.scheme == "https" else 80)) in read_allowed_hosts(allowed_hosts)
    if is_address(host) and not may_connect(host, allowed=allowed):
        return f'"{host}" is an address that may not be called: it is not a public one.'
    if url.scheme == "http" and not allowed:
        return 'The URL must begin with "https://"; "http://" is for hosts that the operator allows (outbound_hosts).'
    return None


# ---- no response ------------------------------------------------------------------------------------


def _failure(error: Exception, call: Call) -> Literal["timeout", "closed", "malformed"]:
    match error:
        case httpcore2.TimeoutException():
            return "timeout"
        case httpcore2.ProtocolError() if not call.ended:
            return "malformed"
        case _:
            return "closed"


def _no_response(request: httpcore2.Request, cause: Cause, call: Call) -> NotSent | PerhapsSent:
    origin = request.url.origin
    message = _SENTENCES[cause].format(origin=shown(origin.host.decode("ascii"), origin.port))
    return PerhapsSent(cause, message) if call.written else NotSent(cause, message)
