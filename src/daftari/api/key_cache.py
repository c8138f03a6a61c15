"""The keys that requests came with: looked up in the store, and remembered for less than a second.

So a revoked key stops within a second in every process, and a busy client costs one look-up a second and process.
Knows neither how a key is written nor how it is checked, and keeps no key: only its digest.
"""

from __future__ import annotations

import logging
import threading
from hashlib import sha256

from daftari.errors import StoreBusy, Unauthenticated
from daftari.model.time import current_time
from daftari.rules.access.keys import Access, find_key, touch_keys
from daftari.store import Store

REMEMBERED_MICROSECONDS = 900_000
"""How long a valid key is accepted without a look-up."""
REMEMBERED_MAX = 10_000
"""Valid keys remembered at once."""

log = logging.getLogger("daftari.web")


class KeyCache:
    """One per process, for all its threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: dict[bytes, tuple[Access, int]] = {}
        self._used: dict[int, int] = {}

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

    def _learn(self, digest: bytes, api_key: str, now: int) -> tuple[Access, int]:
        with self._lock:
            self._known.pop(digest, None)
        learned = (self._store.system_read(now, find_key, api_key=api_key), now)
        with self._lock:
            while len(self._known) >= REMEMBERED_MAX:
                self._known.pop(next(iter(self._known)))
            self._known[digest] = learned
        return learned
