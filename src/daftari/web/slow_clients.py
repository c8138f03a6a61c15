"""Closes connections whose client sends the head of a request, or reads an answer, too slowly.

Granian allows a head the time of an idle connection, and an answer any time. So the sockets of this process are
examined every few seconds: the kernel knows how many bytes came and when, and how many are waiting to be read. Bodies
are not judged here, since a body that is too slow gets an answer. Only on Linux.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import struct
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from msgspec import Struct

from daftari.web.bodies import Pace

_DESCRIPTORS = "/proc/self/fd"
_TCP_INFO_BYTES = 136
_LAST_RECEIVED = struct.Struct("52xI")
"""Milliseconds since the last byte came, in the kernel's ``struct tcp_info``."""
_TOTALS = struct.Struct("120xQQ")
"""Bytes that were acknowledged, and bytes that came."""
_CLOCK_SECONDS = 0.1
"""How much the times of the kernel and of this process may differ."""
_RESET_AT_ONCE = struct.pack("ii", 1, 0)


class Connection(Struct, frozen=True):
    """What the kernel knows of a connection. ``waiting`` are bytes that were sent and not acknowledged yet."""

    descriptor: int
    client: str
    """The address and port of the other end, as Granian writes them."""
    received: int
    received_at: float
    acknowledged: int
    waiting: int


class _Phase(Struct):
    """What a connection is doing: receiving a head, or sending. ``counted`` are its bytes."""

    name: str
    progress_at: float
    counted: int
    window_end: float
    owed: int
    """When sending, the count at which all is read that was waiting when the window began."""
    window_bytes: int = 0


class SlowClients:
    """The connections of one server process.

    ``begin`` is called when a request waits for anything, its body included, and ``end`` after every request.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        # Changed by the event loop's thread only, and copied at once by the one that looks.
        self._active: set[str] = set()
        self._ended_at: dict[str, float] = {}
        self._abandoned: set[str] = set()
        self._phases: dict[str, _Phase] = {}

    def begin(self, client: str) -> None:
        """The head of a request came; what follows may take long."""
        self._active.add(client)

    def end(self, client: str, *, is_abandoned: bool) -> None:
        """The request was answered. ``is_abandoned``: the rest of its body is not read, so the connection is closed."""
        self._active.discard(client)
        self._ended_at[client] = time.monotonic()
        if is_abandoned:
            self._abandoned.add(client)
        elif self._abandoned:
            self._abandoned.discard(client)

    def close_slow(self) -> None:
        """Look at every connection, and close those that are too slow."""
        now = time.monotonic()
        active, ended_at = set(self._active), dict(self._ended_at)
        phases: dict[str, _Phase] = {}
        connected: set[str] = set()
        for found in _list_connections(now):
            connected.add(found.client)
            if found.client in self._abandoned and found.client not in active and not found.waiting:
                _close(found, reset=False)
                continue
            phase = self._phase_of(found, found.client in active, ended_at.get(found.client), now)
            if phase is not None and self._is_too_slow(phase, found, now):
                _close(found, reset=True)
            elif phase is not None:
                phases[found.client] = phase
        self._phases = phases
        for client in [*self._abandoned]:
            if client not in connected:
                self._abandoned.discard(client)
        for client in ended_at.keys() - connected:
            self._ended_at.pop(client, None)

    def _phase_of(self, found: Connection, is_active: bool, ended_at: float | None, now: float) -> _Phase | None:
        """The phase of a connection, brought up to date; ``None`` when it is idle or its request is being handled."""
        if found.waiting:
            name, counted, progress_at = "sending", found.acknowledged, now
        elif not is_active and (ended_at is None or found.received_at > ended_at + _CLOCK_SECONDS):
            name, counted, progress_at = "head", found.received, found.received_at
        else:
            return None
        phase = self._phases.get(found.client)
        if phase is None or phase.name != name:
            return _Phase(name, progress_at, counted, now + self._pace.window_seconds, counted + found.waiting)
        if counted != phase.counted:
            phase.progress_at = progress_at
        phase.window_bytes += counted - phase.counted
        phase.counted = counted
        return phase

    def _is_too_slow(self, phase: _Phase, found: Connection, now: float) -> bool:
        if now - phase.progress_at >= self._pace.stall_seconds:
            return True
        if now < phase.window_end:
            return False
        has_read = phase.name == "sending" and phase.counted >= phase.owed
        is_slow = phase.window_bytes < self._pace.window_bytes_min and not has_read
        phase.window_end, phase.window_bytes = now + self._pace.window_seconds, 0
        phase.owed = phase.counted + found.waiting
        return is_slow


# ---- sockets ------------------------------------------------------------------------------------------


def _list_connections(now: float) -> list[Connection]:
    """The connections that this process accepted."""
    if sys.platform != "linux":
        return []
    ports: set[int] = set()
    found: list[tuple[int, Connection]] = []
    for name in os.listdir(_DESCRIPTORS):
        # Any of them may be closed meanwhile, or be no socket.
        with suppress(OSError):
            descriptor = int(name)
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                continue
            with _borrowed(descriptor) as wire:
                if wire.family not in (socket.AF_INET, socket.AF_INET6):
                    continue
                port = wire.getsockname()[1]
                if wire.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    ports.add(port)
                else:
                    found.append((port, _look_at(wire, descriptor, now)))
    return [connection for port, connection in found if port in ports]


def _look_at(wire: socket.socket, descriptor: int, now: float) -> Connection:
    info = wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    (idle_milliseconds,) = _LAST_RECEIVED.unpack_from(info)
    acknowledged, received = _TOTALS.unpack_from(info)
    waiting = struct.unpack("i", fcntl.ioctl(wire, termios.TIOCOUTQ, b"0000"))[0]
    return Connection(descriptor, _client_of(wire), received, now - idle_milliseconds / 1000, acknowledged, waiting)


def _client_of(wire: socket.socket) -> str:
    host, port, *_ = wire.getpeername()
    return f"[{host}]:{port}" if wire.family == socket.AF_INET6 else f"{host}:{port}"


def _close(found: Connection, *, reset: bool) -> None:
    """End a connection of Granian's; with ``reset`` nothing waits to be read by the client."""
    with suppress(OSError):
        # The number may be another file's by now, but not while there is a copy.
        copy = os.dup(found.descriptor)
        with socket.socket(fileno=copy) as wire:
            if _client_of(wire) == found.client:
                if reset:
                    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
                wire.shutdown(socket.SHUT_RDWR)


@contextmanager
def _borrowed(descriptor: int) -> Iterator[socket.socket]:
    """A socket of Granian's, which stays open."""
    wire = socket.socket(fileno=descriptor)
    try:
        yield wire
    finally:
        wire.detach()
