"""Workers in processes of their own, each forked from one that has imported everything, so that a kill costs little.

This module must not know what the workers do.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Event

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["daftari.worker", "daftari.store.sqlite", "daftari.store.postgres"])


class WorkerProcess:
    """A worker that runs."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process

    def kill(self) -> None:
        """End it with SIGKILL; it has ended on return."""
        self._process.kill()
        self._process.join()

    def stop(self) -> None:
        """Stop it in the middle of whatever it does, until ``resume``."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        assert self._process.pid is not None and self._process.is_alive(), "the worker has ended by itself"
        os.kill(self._process.pid, number)


@contextmanager
def worker_process(database: str, *, port: int, folders: Sequence[Path] = ()) -> Iterator[WorkerProcess]:
    """One that may call a provider on a port of this machine; killed when the block ends, if it was not before.

    ``folders``: of databases that connections may read.
    """
    process = _FORKS.Process(target=_work, args=(database, port, [str(folder) for folder in folders]), daemon=True)
    process.start()
    worker = WorkerProcess(process)
    try:
        yield worker
    finally:
        worker.kill()


def _work(database: str, port: int, folders: Sequence[str]) -> None:
    from daftari.connectors import Allowed
    from daftari.outbound.client import OutboundClient
    from daftari.worker import Provider, count_threads, run_worker
    from tests.support.stores import open_store

    store = open_store(database, threads=2 * count_threads())
    with OutboundClient(allowed_hosts=[f"127.0.0.1:{port}"]) as client:
        run_worker(Event().wait, store=store, provider=Provider(client, databases=Allowed(folders=tuple(folders))))
