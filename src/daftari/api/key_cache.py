"""The keys that requests came with: looked up in the store, and remembered for less than a second.

So a revoked key stops within a second in every process, and a busy client costs one look-up a second and process. When
each was used and how often is written each minute.
Knows neither how a key is written nor how it is checked, and keeps no key: only its digest.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict
from hashlib import sha256

from daftari.errors import StoreBusy, Unauthenticated
from daftari.model.projects import WORKER_REQUEST, Actor, Project
from daftari.model.time import current_time
from daftari.rules.access.keys import Access, find_key, touch_keys
from daftari.rules.daily import count_calls
from daftari.store import Store

REMEMBERED_MICROSECONDS = 900_000
"""How long a valid key is accepted without a look-up."""
REMEMBERED_MAX = 10_000
"""Valid keys remembered at once."""
MINUTE_MICROSECONDS = 60_000_000
SERVICE = Actor(None, WORKER_REQUEST)

log = logging.getLogger("daftari.web")


class KeyCache:
    """One per process, for all its threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: dict[bytes, tuple[Access, int]] = {}
        self._used: dict[int, int] = {}
        self._projects: dict[int, Project] = {}
        self._calls: defaultdict[int, Counter[tuple[int, int]]] = defaultdict(Counter)
        """By the project's id: how many there were by the minute and the key's id."""

    def find_access(self, api_key: str, *, now: int) -> Access:
        """The key and its project. Raises ``Unauthenticated``."""
        digest = sha256(api_key.encode()).digest()
        known = self._known.get(digest)
        # Both ends, so that a clock set back does not make a key last longer.
        if known is None or not known[1] <= now < known[1] + REMEMBERED_MICROSECONDS:
            known = self._learn(digest, api_key, now)
        access = known[0]
        expires_at = access.key.expires_at
        if expires_at is not None and expires_at <= now:
            raise Unauthenticated
        self._used[access.key.id] = now
        return access

    def note_call(self, access: Access, *, now: int) -> None:
        """Note that a call came with a key."""
        with self._lock:
            self._projects[access.project.id] = access.project
            self._calls[access.project.id][now // MINUTE_MICROSECONDS, access.key.id] += 1

    def save_used(self) -> None:
        """Store when each key was last used."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            self._store.system_write(current_time(), touch_keys, used=used)
        except StoreBusy as error:
            log.warning("when keys were last used is not written yet: %s", error.message)
            self._used = used | self._used

    def save_calls(self) -> None:
        """Add the calls by each key to the figures of their days."""
        with self._lock:
            calls, self._calls = self._calls, defaultdict(Counter)
            projects, self._projects = self._projects, {}
        for project_id, counts in calls.items():
            try:
                self._store.write(projects[project_id], SERVICE, current_time(), count_calls, calls=counts)
            except Unauthenticated:
                # The project was deleted since.
                continue
            except StoreBusy as error:
                log.warning("the calls of a minute are not counted yet: %s", error.message)
                with self._lock:
                    self._projects.setdefault(project_id, projects[project_id])
                    self._calls[project_id].update(counts)

    def _learn(self, digest: bytes, api_key: str, now: int) -> tuple[Access, int]:
        with self._lock:
            self._known.pop(digest, None)
        learned = (self._store.system_read(now, find_key, api_key=api_key), now)
        with self._lock:
            while len(self._known) >= REMEMBERED_MAX:
                self._known.pop(next(iter(self._known)))
            self._known[digest] = learned
        return learned
