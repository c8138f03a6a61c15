"""Connections for the client: each name is resolved once, every address judged, and every step has a time limit.

Only bytes pass here. What must not be here: HTTP, and what a request is for.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress

import httpcore2
from msgspec import Struct

from daftari.outbound.addresses import HostAndPort, may_connect
from daftari.outbound.exchange import Cause

ADDRESSES_TRIED_MAX = 4
"""Addresses of one name that are connected to in turn; all of them are judged."""

LOOKUPS_MAX = 100
"""Names that are looked up at the same time. One that hangs counts until the operating system abandons it."""

PENDING_BYTES_MAX = 64 * 1024
"""Bytes of a request that wait to be sent together."""

Resolve = Callable[[str, int], Sequence[str]]
"""Takes a host and a port; returns addresses as text, the best first. Raises ``OSError`` or ``UnicodeError``."""


def resolve_name(host: str, port: int) -> list[str]:
    """Returns what the operating system knows of a name, each address once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def shown(host: str, port: int) -> str:
    """Returns host and port as in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class ConnectFailed(Exception):
    """There is no connection, so nothing was sent."""

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.cause: Cause = cause
        self.message = message


class Call(Struct):
    """One call: until when it may last, on the monotonic clock, and what has passed so far."""

    until: float
    written: bool = False
    """Whether a byte of the request may have left."""
    bytes_read: int = 0
    ended: bool = False
    """Whether the other server has ended the connection in good order."""

    def seconds_left(self, limit: float | None) -> float:
        """Returns the seconds for the next step: at most ``limit``, 0 or less when the time is over."""
        left = self.until - time.monotonic()
        return left if limit is None else min(left, limit)


class Network(httpcore2.NetworkBackend):
    """Opens connections. May be used from several threads; each thread is in one call at a time."""

    def __init__(self, *, resolve: Resolve, allowed_hosts: frozenset[HostAndPort]) -> None:
        self._resolve = resolve
        self._allowed_hosts = allowed_hosts
        self._thread = threading.local()
        self._lookups = threading.BoundedSemaphore(LOOKUPS_MAX)

    @contextmanager
    def call(self, total_seconds: float) -> Iterator[Call]:
        """A call by this thread. Its limits hold for every connection that the thread uses within the block.

        A connection serves many calls, and the pool does not say to it which one it serves.
        """
        call = Call(time.monotonic() + total_seconds)
        self._thread.call = call
        try:
            yield call
        finally:
            del self._thread.call

    def current_call(self) -> Call:
        """Returns the call that this thread is in."""
        call: Call = self._thread.call
        return call

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Returns a connection to a judged address of the host. ``timeout`` is for the name, TCP and TLS together.

        Raises ``ConnectFailed``.
        """
        until = time.monotonic() + self.current_call().seconds_left(timeout)
        addresses = self.find_addresses(host, port, until=until)[:ADDRESSES_TRIED_MAX]
        refusal = ConnectFailed("timeout", f"{shown(host, port)} could not be connected to in time.")
        for place, address in enumerate(addresses):
            seconds = (until - time.monotonic()) / (len(addresses) - place)
            if seconds <= 0:
                break
            try:
                # An address, not the name: a second resolution could give another one.
                connection = socket.create_connection((address, port), timeout=seconds)
            except TimeoutError:
                continue
            except OSError as error:
                reason = error.strerror or "no reason given"
                refusal = ConnectFailed("connect", f"{shown(host, port)} could not be connected to: {reason}.")
                continue
            with suppress(OSError):  # A connection that is dead already says so when it is used.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return _Connection(connection, network=self, connect_until=until)
        raise refusal

    def find_addresses(self, host: str, port: int, *, until: float) -> Sequence[str]:
        """Returns all addresses of a host, if each one may be connected to. Raises ``ConnectFailed``.

        ``until`` is on the monotonic clock.

        One bad address among good ones refuses them all: it is a mistake or an attack.
        """
        addresses = self._resolved(host, port, until=until)
        allowed = (host, port) in self._allowed_hosts
        if not all(may_connect(address, allowed=allowed) for address in addresses):
            # The address is not named: it would reveal this network to the owner of a URL.
            raise ConnectFailed("address", f'"{host}" has an address that may not be called: it is not a public one.')
        if not addresses:
            raise ConnectFailed("resolve", f'"{host}" has no address.')
        return addresses

    def _resolved(self, host: str, port: int, *, until: float) -> Sequence[str]:
        """The addresses of a host. Raises ``ConnectFailed``.

        The system's resolver takes no time limit, so it is asked in a thread that is left behind when it is late. The
        thread is a daemon: it does not delay the end of the process.
        """
        found: Future[Sequence[str]] = Future()
        late = ConnectFailed("timeout", f'The address of "{host}" could not be found in time.')
        if not self._lookups.acquire(timeout=max(until - time.monotonic(), 0.0)):
            raise late

        def ask() -> None:
            try:
                found.set_result(self._resolve(host, port))
            except (OSError, UnicodeError) as error:
                found.set_exception(error)
            finally:
                self._lookups.release()

        try:
            threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
        except RuntimeError:
            self._lookups.release()
            raise ConnectFailed("resolve", f'No thread is left to look up "{host}".') from None
        try:
            return found.result(max(until - time.monotonic(), 0.0))
        except TimeoutError:
            raise late from None
        except (OSError, UnicodeError):
            raise ConnectFailed("resolve", f'"{host}" has no address, or no name server answers.') from None


class _Connection(httpcore2.NetworkStream):
    """A connected socket. It obeys the call of the thread that uses it, and writes down there what has passed."""

    def __init__(self, connection: socket.socket, *, network: Network, connect_until: float) -> None:
        self._socket = connection
        self._network = network
        self._connect_until = connect_until
        self._pending = bytearray()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        call = self._network.current_call()
        self._send_pending(call, timeout)
        try:
            self._socket.settimeout(_positive(call.seconds_left(timeout)))
            received = self._socket.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore2.ReadTimeout(error) from error
        except OSError as error:
            raise httpcore2.ReadError(error) from error
        call.bytes_read += len(received)
        call.ended = not received
        return received

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send it, or keep it for the next ``read`` or ``write``: head and body of a short request go out as one."""
        self._pending += buffer
        if len(self._pending) > PENDING_BYTES_MAX:
            self._send_pending(self._network.current_call(), timeout)

    def _send_pending(self, call: Call, timeout: float | None) -> None:
        left = memoryview(self._pending)
        self._pending = bytearray()
        try:
            while left:
                self._socket.settimeout(_positive(call.seconds_left(timeout)))
                # A send that fails has sent nothing, except by TLS, which may have sent a part.
                call.written |= isinstance(self._socket, ssl.SSLSocket)
                left = left[self._socket.send(left) :]
                call.written = True
        except TimeoutError as error:
            raise httpcore2.WriteTimeout(error) from error
        except OSError as error:
            raise httpcore2.WriteError(error) from error

    def close(self) -> None:
        self._socket.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        """Returns the same connection with TLS, its certificate checked for the name. Raises ``ConnectFailed``.

        ``timeout`` is not looked at: what ``connect_tcp`` was given includes TLS.
        """
        try:
            self._socket.settimeout(_positive(self._connect_until - time.monotonic()))
            # A body that ends with the connection is whole only if TLS says that it was the end.
            self._socket = ssl_context.wrap_socket(
                self._socket, server_hostname=server_hostname, suppress_ragged_eofs=False
            )
        except TimeoutError:
            self.close()
            raise ConnectFailed("timeout", f'"{server_hostname}" did not agree on TLS in time.') from None
        except (OSError, ValueError) as error:
            self.close()
            reason = getattr(error, "verify_message", None) or getattr(error, "reason", None) or "it was cut"
            raise ConnectFailed("tls", f'No TLS with "{server_hostname}": {reason}.') from None
        return self

    def get_extra_info(self, info: str) -> object:
        """Returns whether the socket has something to read, which on an idle one means its end; else ``None``."""
        if info != "is_readable":
            return None
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))


def _positive(seconds: float) -> float:
    """The same, or ``TimeoutError``: a socket takes 0 for "do not wait" and fails otherwise."""
    if seconds <= 0:
        raise TimeoutError
    return seconds
