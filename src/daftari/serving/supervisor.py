"""The processes of the service: servers and the background worker. No routes, no rules, no SQL.

Processes are spawned, never forked. SIGTERM, SIGINT and SIGHUP are blocked before the first one starts, and a thread
of the parent waits for them, so that none is lost at any moment. The parent stops the others with SIGTERM, and each
finishes the requests it has. A child whose parent died stops by itself. One that ends is started again, after growing
pauses, for as long as the service runs.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import connection, get_context, resource_tracker
from multiprocessing.context import SpawnProcess
from typing import Any

from daftari.model.limits import HEADERS_BYTES_MAX
from daftari.serving.child import Listening, serve, work
from daftari.settings import Settings

CONNECTIONS_MAX = 8_192
"""Connections of a server process; more wait in the kernel's queue."""
BACKLOG = 2_048
"""The length of that queue."""
FILES_SPARE = 256
"""Open files other than connections: databases, locks, spooled bodies."""
HEADER_READ_SECONDS = 75
"""How long the head of a request may take to arrive, and how long a kept connection may be idle. It is longer than the
minute after which proxies close one, so that the server does not close a connection that a proxy is about to use."""
STOP_SECONDS_MAX = 75
"""How long requests in progress may take when the service stops. A slow body may take longer, and is then cut off."""
WORKER_STOP_SECONDS_MAX = 10
RESTART_SECONDS_MIN = 0.5
RESTART_SECONDS_MAX = 30.0
"""The longest pause before a process that ends repeatedly is started again."""
STABLE_SECONDS = 60
"""A process that ran for so long is started again after the shortest pause."""
KILLED_POLL_SECONDS = 0.05
SIGNAL_SECONDS_MAX = 0.5
"""How long the signal that ended a process may take to reach this one: a terminal sends it to all of them."""
READY_POLL_SECONDS = 0.02
ANNOUNCE_SECONDS_MAX = 10
"""How long a stop waits for the output that follows the first response: it may contain an API key."""


class CannotServe(Exception):
    """The address or port cannot be used. The message says why, and what to change."""


class StopSignals:
    """SIGTERM, SIGINT and SIGHUP: blocked from here on in this process and its children, and waited for in a thread."""

    def __init__(self) -> None:
        # Python's helper process for spawning unblocks the signals when it starts, so it has to start first.
        resource_tracker.ensure_running()
        self._awaited = {signal.SIGTERM, signal.SIGINT}
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            self._awaited.add(signal.SIGHUP)
        signal.pthread_sigmask(signal.SIG_BLOCK, self._awaited)
        self.stopping = threading.Event()
        self.hurry = threading.Event()
        """Set by a second signal: do not wait for requests in progress."""
        self._woken, self._wake = os.pipe()
        threading.Thread(target=self._wait_for_signals, name="daftari-signals", daemon=True).start()

    def wait(self, sentinels: list[int], seconds: float) -> None:
        """Wait until a process ends, a signal comes, ``wake`` is called, or so many seconds are over."""
        if self._woken in connection.wait([self._woken, *sentinels], max(0.0, seconds)):
            os.read(self._woken, 64)

    def wake(self) -> None:
        """End the wait of the parent, from another thread."""
        os.write(self._wake, b"!")

    def _wait_for_signals(self) -> None:
        for said in (self.stopping, self.hurry):
            signal.sigwait(self._awaited)
            said.set()
            self.wake()


def serve_until_stopped(settings: Settings, signals: StopSignals, *, ready: Callable[[], None]) -> None:
    """Runs the service until SIGINT, SIGTERM or SIGHUP.

    ``ready`` is called once, in a thread, when the service responds. The worker starts then too, so that it does not
    delay the first response.
    """
    listening = Listening(
        backlog=BACKLOG,
        connections_max=_connections_max(_raise_file_limit()),
        header_seconds_max=HEADER_READ_SECONDS,
        header_bytes_max=HEADERS_BYTES_MAX,
    )
    kept = [
        _Kept("A server process", serve, (settings, listening), stop_seconds_max=STOP_SECONDS_MAX)
        for _ in range(settings.workers)
    ]
    is_ready = threading.Event()

    def announce() -> None:
        if _wait_until_answering(settings, signals.stopping):
            is_ready.set()
            signals.wake()
            ready()

    announcer = threading.Thread(target=announce, daemon=True)
    announcer.start()
    try:
        while not signals.stopping.is_set():
            if is_ready.is_set() and not settings.no_worker and len(kept) == settings.workers:
                worker = _Kept("The background worker", work, (settings,), stop_seconds_max=WORKER_STOP_SECONDS_MAX)
                kept.append(worker)
            pause_seconds = min([each.keep_running() for each in kept])
            signals.wait([each.process.sentinel for each in kept if each.process is not None], pause_seconds)
            if any(each.has_ended() for each in kept):
                signals.stopping.wait(SIGNAL_SECONDS_MAX)
    finally:
        signals.stopping.set()
        _stop(kept, signals)
        announcer.join(ANNOUNCE_SECONDS_MAX)


def find_port(settings: Settings) -> tuple[str, int]:
    """The address and port to listen on, as numbers. Raises ``CannotServe``."""
    try:
        family, _, _, _, place = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise CannotServe(f"The host {settings.host!r} is not an address of this machine: {error.strerror}.") from error
    # Granian shares its port between processes, so a second service could bind it too and would get half of the
    # requests. A socket that does not share the port is refused.
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
        except OSError as error:
            why = f"Port {settings.port} of {settings.host} cannot be used: {(error.strerror or '').lower()}."
            raise CannotServe(f"{why} Choose another one with --port.") from error
        bound = probe.getsockname()
        return str(bound[0]), int(bound[1])


def format_address(settings: Settings) -> str:
    """The URL of the service on this machine."""
    host = _own_host(settings)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _own_host(settings: Settings) -> str:
    """The host under which this machine reaches the service."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)


# ---- the processes ----------------------------------------------------------------------------------


class _Kept:
    """A process that is started again when it ends. Used by one thread only, which also waits for it."""

    def __init__(
        self, name: str, target: Callable[..., None], arguments: tuple[Any, ...], *, stop_seconds_max: float
    ) -> None:
        self._name = name
        self._target = target
        self._arguments = arguments
        self._began = 0.0
        self._pause_seconds = RESTART_SECONDS_MIN
        self._due = 0.0
        self.stop_seconds_max = stop_seconds_max
        self.process: SpawnProcess | None = None

    def has_ended(self) -> bool:
        return self.process is not None and not self.process.is_alive()

    def keep_running(self) -> float:
        """Start the process if it does not run and its pause is over. Returns the seconds until then."""
        if self.process is not None and self.has_ended():
            self.process.join()
            self.process = None
            self._plan_restart()
        now = time.monotonic()
        if self.process is None and now >= self._due:
            self._began = now
            process = get_context("spawn").Process(target=self._target, args=self._arguments)
            try:
                process.start()
                self.process = process
            except OSError as error:
                print(f"daftari: {self._name} cannot be started: {error.strerror}.", file=sys.stderr, flush=True)
                self._plan_restart()
        return RESTART_SECONDS_MAX if self.process is not None else self._due - now

    def _plan_restart(self) -> None:
        now = time.monotonic()
        if now - self._began > STABLE_SECONDS:
            self._pause_seconds = RESTART_SECONDS_MIN
        pause = self._pause_seconds
        print(f"daftari: {self._name} has ended; it starts again in {pause:g} s.", file=sys.stderr, flush=True)
        self._due = now + pause
        self._pause_seconds = min(2 * pause, RESTART_SECONDS_MAX)


def _stop(kept: list[_Kept], signals: StopSignals) -> None:
    """Stop all processes. Kill those that take too long, and all of them after a second signal."""
    running = [(each.process, each.stop_seconds_max) for each in kept if each.process is not None]
    began = time.monotonic()
    for process, _ in running:
        process.terminate()
    while running := [each for each in running if each[0].is_alive()]:
        elapsed = time.monotonic() - began
        for process, seconds_max in running:
            if signals.hurry.is_set() or elapsed > seconds_max:
                process.kill()
        rest = min(seconds_max for _, seconds_max in running) - elapsed
        signals.wait([process.sentinel for process, _ in running], max(KILLED_POLL_SECONDS, rest))


# ---- limits -----------------------------------------------------------------------------------------


def _connections_max(files: int) -> int:
    """How many connections are possible with so many open files."""
    return min(CONNECTIONS_MAX, max(files // 2, files - FILES_SPARE))


def _raise_file_limit() -> int:
    """Raises the limit of open files as far as it is allowed and useful, and returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + FILES_SPARE
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


# ---- readiness --------------------------------------------------------------------------------------


def _wait_until_answering(settings: Settings, stopping: threading.Event) -> bool:
    """Waits until the service responds; returns ``False`` if it was stopped before. Without a time limit, since Granian
    may have to start a server again.
    """
    while not stopping.wait(READY_POLL_SECONDS):
        if _responds(settings):
            return True
    return False


def _responds(settings: Settings) -> bool:
    try:
        with socket.create_connection((_own_host(settings), settings.port), timeout=5) as connection:
            connection.sendall(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False
