"""Listens to the system of one connection, which says when something has changed. No SQL.

Only the worker that holds the job listens, so a system has one session for it. What is heard is a reason to read the
connection at once; that reading is another job.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import Concatenate, ParamSpec, TypeVar

from daftari.connectors import Caller, ConnectorFailed, Doorbell
from daftari.errors import SealBroken
from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.rules.connections.listening import find_heard, note_change, note_unheard, open_doorbell
from daftari.rules.connections.model import Opened
from daftari.store import Store, WriteTx
from daftari.worker.connections import UNSEALED, SyncClock
from daftari.worker.leases import WORKER
from daftari.worker.work import MayContinue, Provider, Steps

P = ParamSpec("P")
T = TypeVar("T")

WAIT_SECONDS = 1.0
"""How long a step listens; a worker that is to stop waits for it."""
LOOK_SECONDS = 5.0
"""How often it is asked whether the connection is still to be listened to, and how it is set."""
PAUSE_SECONDS = 0.5
"""Between two readings of a table that changes all the time."""
RETRY_SECONDS = 30.0
"""How long to leave alone what cannot be listened to."""

log = logging.getLogger("daftari.connections")


class ListenWork(Steps):
    """The listening to one connection; a step is a second of it."""

    def __init__(
        self, store: Store, project: Project, *, subject: str, may_continue: MayContinue, provider: Provider | None
    ) -> None:
        assert provider is not None, "a worker that makes no calls takes no job that listens"
        self._store = store
        self._project = project
        self._connection_id = int(subject)
        self._client = provider.client
        self._databases = provider.databases
        self._clock = SyncClock(may_continue)
        self._opened: Opened | None = None
        self._looked_at = 0.0
        self._doorbell: Doorbell | None = None
        self._says = ""
        """Why nothing was heard when it was tried last."""

    def step(self) -> bool:
        """Listen for a second. Returns whether to listen on."""
        self.pause_seconds, self.has_requested = 0.0, False
        if self._opened is None or time.monotonic() - self._looked_at >= LOOK_SECONDS:
            self._look()
        if self._opened is None:
            return False
        try:
            if self._doorbell is None:
                self._doorbell = self._open(self._opened)
            has_changed = self._doorbell.wait(WAIT_SECONDS)
        except SealBroken:
            return self._pause(self._opened, UNSEALED)
        except ConnectorFailed as failure:
            return self._pause(self._opened, failure.message)
        if has_changed:
            self._says = ""
            self._write(note_change, connection_id=self._connection_id)
            self.pause_seconds, self.has_requested = PAUSE_SECONDS, True
        return True

    def _look(self) -> None:
        """Find out how the connection is set now, and listen again where that is another way."""
        found = self._store.read(self._project, current_time(), find_heard, connection_id=self._connection_id)
        before, self._opened, self._looked_at = self._opened, found, time.monotonic()
        if before is None or found is None or _made_of(before) != _made_of(found):
            self._close()
            self._says = ""

    def _open(self, opened: Opened) -> Doorbell:
        caller = Caller(self._client.send, self._clock)
        return self._store.read(
            self._project, current_time(), open_doorbell, opened=opened, caller=caller, databases=self._databases
        )

    def _pause(self, opened: Opened, says: str) -> bool:
        """Leave it alone for a while; polls find what changes."""
        self._close()
        if says != self._says:
            name = opened.stored.name
            log.warning("nothing is heard for the connection %r of project %r: %s", name, self._project.name, says)
            self._write(note_unheard, connection_id=self._connection_id, says=says)
            self._says = says
        self.pause_seconds = RETRY_SECONDS
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._doorbell is not None:
            self._doorbell.close()
            self._doorbell = None

    def _write(self, rule: Callable[Concatenate[WriteTx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._store.write(self._project, WORKER, current_time(), rule, *args, **kwargs)


def _made_of(opened: Opened) -> tuple[object, ...]:
    return opened.definition.settings, opened.stored.credentials
