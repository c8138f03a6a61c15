"""What a spawned process runs: a server, or the background worker.

The parent imports this module only to name these functions, so that what they need is imported inside them. Signals
are blocked in every thread from the start of a process on, and a thread waits for them: one that comes while a process
starts is not lost.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess

from msgspec import Struct

from daftari.memory import check_cycles_rarely, limit_heaps
from daftari.serving.log_lines import LineFormatter
from daftari.settings import Settings


class Listening(Struct, frozen=True):
    """How a server process listens, and its limits."""

    backlog: int
    connections_max: int
    header_seconds_max: int
    header_bytes_max: int


def serve(settings: Settings, listening: Listening) -> None:
    """Runs a server until SIGTERM, or until its parent ends, and finishes the requests in progress."""
    stop = _Stop()
    _begin()
    import asyncio

    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, listening, stop))


async def _serve(settings: Settings, listening: Listening, stop: _Stop) -> None:
    import asyncio

    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels
    from granian.server.embed import Server

    from daftari.serving.server import build_server

    built = build_server(settings).rsgi
    server = Server(
        built,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=listening.backlog,
        backpressure=listening.connections_max,
        http1_settings=HTTP1Settings(
            header_read_timeout=listening.header_seconds_max * 1000,
            keep_alive=True,
            max_buffer_size=listening.header_bytes_max,
        ),
        log_level=LogLevels.error,
        log_dictconfig=_log_on_stderr(),
    )
    check_cycles_rarely()
    loop = asyncio.get_running_loop()

    def end() -> None:
        # It may have ended by itself.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(built.stop_waiting)
            loop.call_soon_threadsafe(server.stop)

    stop.then(end)
    await server.serve()


OPEN_SECONDS_MAX = 5.0
"""How long the start of a worker waits for the database; for once it may be slow, and is not reported as away."""


def work(settings: Settings) -> None:
    """Runs the background worker until SIGTERM or SIGINT, or until its parent ends."""
    stop = _Stop()
    from daftari.outbound.client import OutboundClient
    from daftari.store import WaitingStore
    from daftari.worker import Provider, count_threads, run_worker

    _begin()
    # At most half of the threads that a store knows of may wait for one project, and here any may.
    threads = 2 * count_threads()
    store = WaitingStore(
        settings.database,
        threads=threads,
        secret=settings.secret,
        secret_file=settings.secret_file,
        seconds_max=OPEN_SECONDS_MAX,
    )
    stopping = threading.Event()
    check_cycles_rarely()
    stop.then(stopping.set)
    try:
        with OutboundClient(allowed_hosts=settings.outbound_hosts) as client:
            provider = Provider(client, settings.public_url, settings.log_text, settings.allowed_databases)
            run_worker(stopping.wait, store=store, provider=provider)
    finally:
        store.close()


class _Stop:
    """The signals that stop this process; one that comes early is kept until there is something to stop."""

    def __init__(self) -> None:
        # Where there is a parent, Ctrl-C is for the parent, which then sends SIGTERM.
        self._awaited = {signal.SIGTERM} if parent_process() else {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, self._awaited)

    def then(self, stop: Callable[[], None]) -> None:
        """Calls ``stop`` in a thread when a signal comes, or at once if one came."""

        def wait() -> None:
            signal.sigwait(self._awaited)
            stop()

        threading.Thread(target=wait, name="daftari-signals", daemon=True).start()


def _begin() -> None:
    """Writes warnings to standard error, limits heaps, and makes the process stop when its parent ends."""
    limit_heaps()
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter("daftari: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    # What the gateway ``log`` is for.
    logging.getLogger("daftari.messages").setLevel(logging.INFO)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_terminate_after, args=(parent,), daemon=True).start()


def _terminate_after(parent: BaseProcess) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _log_on_stderr() -> dict[str, object]:
    """What Granian changes in its configuration of logs."""
    handler = {"class": "logging.StreamHandler", "formatter": "generic", "stream": "ext://sys.stderr"}
    formatter = {"()": LineFormatter, "fmt": "[%(levelname)s] %(message)s"}
    return {"handlers": {"console": handler, "access": handler}, "formatters": {"generic": formatter}}
