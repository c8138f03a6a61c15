"""The processes of the service: Granian's servers and the background worker. No routes, no rules, no SQL.

Processes are spawned, never forked. Ctrl-C reaches every process of a terminal, so it is blocked before the first one
starts, and only the parent waits for it. The parent stops the others with SIGTERM, and each finishes the requests it
has. A child whose parent died stops by itself.
"""

from __future__ import annotations

import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import active_children, get_context, resource_tracker, set_start_method
from multiprocessing.process import BaseProcess

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from daftari.model.limits import HEADERS_BYTES_MAX
from daftari.serving.child import load_server, work
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
"""How long requests in progress may take when the service stops: longer than a body may take to arrive."""
WORKER_STOP_SECONDS_MAX = 10
RESTART_SECONDS_MAX = 60
"""The longest pause before a worker that crashes repeatedly is started again."""
STABLE_SECONDS = 60
"""A worker that ran for so long is started again after the shortest pause."""
READY_POLL_SECONDS = 0.02
ANNOUNCE_SECONDS_MAX = 10
"""How long a stop waits for the output that follows the first response: it may contain an API key."""


class CannotServe(Exception):
    """The address or port cannot be used. The message says why, and what to change."""


def serve_until_stopped(settings: Settings, *, ready: Callable[[], None]) -> None:
    """Runs the service until SIGINT, SIGTERM or SIGHUP. Raises ``SystemExit`` when it cannot run.

    ``ready`` is called once, in a thread, when the service responds. The worker starts then too, so that it does not
    delay the first response.
    """
    set_start_method("spawn", force=True)
    server = _server(settings)
    _wait_for_signals(server.signal_handler_interrupt)
    stopping = threading.Event()
    worker = _Worker(settings, stopping)

    def announce() -> None:
        if _wait_until_answering(settings, stopping):
            if not settings.no_worker:
                worker.start()
            ready()

    announcer = threading.Thread(target=announce, daemon=True)

    def begin() -> None:
        signal.signal(signal.SIGHUP, server.signal_handler_interrupt)
        announcer.start()

    def end() -> None:
        stopping.set()
        announcer.join(ANNOUNCE_SECONDS_MAX)
        worker.stop()

    server.on_startup(begin)
    server.on_shutdown(end)
    server.serve(target_loader=partial(load_server, settings), wrap_loader=False)


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


# ---- the servers ------------------------------------------------------------------------------------


def _server(settings: Settings) -> MPServer:
    return MPServer(
        "daftari",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        workers=settings.workers,
        http=HTTPModes.http1,
        websockets=False,
        backlog=BACKLOG,
        backpressure=_connections_max(_raise_file_limit()),
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_READ_SECONDS * 1000, keep_alive=True, max_buffer_size=HEADERS_BYTES_MAX
        ),
        # Its only warning, that a process does not stop, is wrong on a busy machine.
        log_level=LogLevels.error,
        log_dictconfig={"handlers": _handlers_on_stderr()},
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS_MAX,
    )


def _connections_max(files: int) -> int:
    """How many connections are possible with so many open files."""
    return min(CONNECTIONS_MAX, max(files // 2, files - FILES_SPARE))


def _handlers_on_stderr() -> dict[str, object]:
    handler = {"class": "logging.StreamHandler", "formatter": "generic", "stream": "ext://sys.stderr"}
    return {"console": handler, "access": handler}


def _raise_file_limit() -> int:
    """Raises the limit of open files as far as it is allowed and useful, and returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + FILES_SPARE
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


# ---- stopping ---------------------------------------------------------------------------------------


def _wait_for_signals(stop: Callable[[], None]) -> None:
    """Blocks Ctrl-C in this process and its future children, and waits for it in a thread."""
    # Python's helper process for spawning unblocks the signals when it starts, so it has to start first.
    resource_tracker.ensure_running()
    awaited = {signal.SIGINT}
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        awaited.add(signal.SIGHUP)
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)

    def wait() -> None:
        signal.sigwait(awaited)
        stop()
        signal.sigwait(awaited)
        # The second Ctrl-C: do not wait for requests in progress.
        for child in active_children():
            child.kill()

    threading.Thread(target=wait, daemon=True).start()


# ---- the background worker --------------------------------------------------------------------------


class _Worker:
    """The process of the background worker. It is started again when it crashes, after growing pauses."""

    def __init__(self, settings: Settings, stopping: threading.Event) -> None:
        self._settings = settings
        self._stopping = stopping
        self._lock = threading.Lock()
        self._process: BaseProcess | None = None
        self._keeper = threading.Thread(target=self._keep_alive, daemon=True)

    def start(self) -> None:
        """Starts the process, and keeps it running until ``stopping`` is set."""
        self._keeper.start()

    def stop(self) -> None:
        """Stops the process, after ``stopping`` is set."""
        with self._lock:
            process = self._process
        if process is not None:
            process.terminate()
            # The keeper waits for the process; only one thread may do that.
            self._keeper.join(WORKER_STOP_SECONDS_MAX)
            if self._keeper.is_alive():
                process.kill()

    def _keep_alive(self) -> None:
        pause_seconds = 1
        while process := self._start_process():
            began = time.monotonic()
            process.join()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > STABLE_SECONDS:
                pause_seconds = 1
            print(f"daftari: The background worker has ended; it starts again in {pause_seconds} s.", file=sys.stderr)
            self._stopping.wait(pause_seconds)
            pause_seconds = min(2 * pause_seconds, RESTART_SECONDS_MAX)

    def _start_process(self) -> BaseProcess | None:
        with self._lock:
            if self._stopping.is_set():
                return None
            self._process = get_context("spawn").Process(target=work, args=(self._settings,), name="daftari-worker")
            self._process.start()
            return self._process


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
