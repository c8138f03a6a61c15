"""A store that is opened as soon as its database can be, so that a process does not end because the database is away.

What is wrong is logged, and not part of the error: its message reaches callers without a key.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from daftari.errors import DaftariError, StoreUnavailable
from daftari.model.projects import Project
from daftari.store.database_url import dialect_of
from daftari.store.engine import AWAY, Store, T, Transaction
from daftari.store.schema import open_store

PAUSE_SECONDS = 1.0
"""How long a database that cannot be opened is left alone."""

log = logging.getLogger("daftari.store")


class WaitingStore(Store):
    """The store of a database that a thread opens. Until then every call raises ``StoreUnavailable``.

    It is there at once if the database opens within ``seconds_max``.
    """

    def __init__(
        self, database: str, *, threads: int, secret: str | None, secret_file: str | None, seconds_max: float
    ) -> None:
        super().__init__()
        self.reads_wait = dialect_of(database) == "postgres"
        self._open: Callable[[], Store] = partial(
            open_store, database, threads=threads, secret=secret, secret_file=secret_file
        )
        self._store: Store | None = None
        self._tried = threading.Event()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        threading.Thread(target=self._open_when_possible, name="daftari-open", daemon=True).start()
        self._tried.wait(seconds_max)

    def answers(self) -> None:
        """Return if the database answers; raise ``StoreUnavailable`` if not, or not yet."""
        self._opened().answers()

    def maintain(self) -> None:
        """Do the maintenance that the engine needs every so often."""
        self._opened().maintain()

    def settle_epoch(self) -> None:
        """Do nothing: the store was opened with its epoch."""

    def close(self) -> None:
        """Close every connection of this process."""
        self._closing.set()
        with self._lock:
            if self._store is not None:
                self._store.close()

    def _snapshot(self, project: Project, now: int, body: Callable[[Transaction], T]) -> T:
        # Nearly every request comes here or to the next method, so neither makes a call that it does not need.
        return (self._store or self._opened())._snapshot(project, now, body)

    def _unisolated(self, project: Project, now: int, body: Callable[[Transaction], T]) -> T:
        return (self._store or self._opened())._unisolated(project, now, body)

    def _exclusive(self, project: Project, now: int, until: float, body: Callable[[Transaction], T]) -> T:
        return self._opened()._exclusive(project, now, until, body)

    def _opened(self) -> Store:
        if self._store is None:
            raise StoreUnavailable(AWAY)
        return self._store

    def _open_when_possible(self) -> None:
        said = ""
        while not self._closing.is_set():
            try:
                store = self._open()
            except DaftariError as error:
                if error.message != said:
                    log.warning("%s It is tried again until it can be used.", error.message)
                said = error.message
                self._tried.set()
                self._closing.wait(PAUSE_SECONDS)
            else:
                self._keep(store)
                return

    def _keep(self, store: Store) -> None:
        with self._lock:
            if self._closing.is_set():
                store.close()
            else:
                self._store = store
        self._tried.set()
