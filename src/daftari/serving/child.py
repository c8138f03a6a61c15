"""What a spawned process runs: a server, or the background worker.

The parent imports this module only to name these functions, so that what they need is imported inside them.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn

from daftari.errors import DaftariError
from daftari.memory import check_cycles_rarely
from daftari.settings import Settings

JOBS_AT_ONCE = 3
"""Jobs that a worker runs at the same time, so that a long import does not delay the others."""


def load_server(settings: Settings) -> Any:
    """The RSGI callable of a server process. Ends the process with a sentence when it cannot be built."""
    from daftari.serving.server import build_server

    _begin()
    try:
        rsgi = build_server(settings).rsgi
        check_cycles_rarely()
        return rsgi
    except DaftariError as error:
        _end(error)


def work(settings: Settings) -> None:
    """Runs the background worker until SIGTERM or SIGINT, or until its parent ends."""
    from daftari.store import open_store
    from daftari.worker import run_worker

    # Where there is a parent, Ctrl-C is for the parent, which then sends SIGTERM.
    awaited = {signal.SIGTERM} if parent_process() else {signal.SIGTERM, signal.SIGINT}
    # Without handlers: the signals stay blocked in all threads, and this one waits for them.
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    _begin()
    try:
        store = open_store(
            settings.database, threads=2 * JOBS_AT_ONCE, secret=settings.secret, secret_file=settings.secret_file
        )
    except DaftariError as error:
        _end(error)
    stopping = threading.Event()
    crashed: list[BaseException] = []

    def work_one() -> None:
        try:
            run_worker(stopping.wait, store=store)
        except BaseException as error:
            crashed.append(error)
            os.kill(os.getpid(), signal.SIGTERM)

    threads = [threading.Thread(target=work_one) for _ in range(JOBS_AT_ONCE)]
    check_cycles_rarely()
    for thread in threads:
        thread.start()
    signal.sigwait(awaited)
    stopping.set()
    for thread in threads:
        thread.join()
    store.close()
    if crashed:
        raise crashed[0]


def _begin() -> None:
    """Writes warnings to standard error, and makes the process stop when its parent ends."""
    logging.basicConfig(format="daftari: %(message)s", level=logging.WARNING)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_terminate_after, args=(parent,), daemon=True).start()


def _terminate_after(parent: BaseProcess) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _end(error: DaftariError) -> NoReturn:
    print(f"daftari: {error.message}", file=sys.stderr, flush=True)
    sys.exit(1)
