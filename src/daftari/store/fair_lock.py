"""A fair lock in front of SQLite's write lock: two lock files that make the writers of all processes take turns.

A writer takes ``next``, takes ``turn``, frees ``next``, and frees ``turn`` after COMMIT. To write again it queues
behind those that wait, so a bulk writer cannot starve small ones, as it could with SQLite's own polling lock. The
kernel frees both when a process dies.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daftari.errors import StoreBusy


class FairLock:
    """``with fair_lock.held(until=...):`` holds the lock; one per process and database, for all threads."""

    def __init__(self, database: Path) -> None:
        self._paths = (Path(f"{database}-next"), Path(f"{database}-turn"))
        self._inside = threading.Lock()
        self._waiting: set[int] = set()
        self._files: tuple[int, int] | None = None
        self._queuing: _Queuing | None = None

    @contextmanager
    def held(self, *, until: float, is_urgent: bool = False) -> Iterator[None]:
        """Holds the lock in the block. Raises ``StoreBusy`` at ``until``, a time of ``time.monotonic``.

        ``is_urgent``: whether the thread of this process that has the lock is to know that this one waits.
        """
        if is_urgent:
            self._waiting.add(threading.get_ident())
        try:
            if not self._inside.acquire(timeout=min(max(0.0, until - time.monotonic()), threading.TIMEOUT_MAX)):
                raise StoreBusy
        finally:
            self._waiting.discard(threading.get_ident())
        try:
            files = self._files = self._files or (_opened(self._paths[0]), _opened(self._paths[1]))
            self._take(files, until)
            try:
                yield
            finally:
                fcntl.flock(files[1], fcntl.LOCK_UN)
        finally:
            self._inside.release()

    def is_awaited(self) -> bool:
        """Whether another process, or urgently a thread of this one, waits for the lock. The one that holds it asks."""
        assert self._files is not None
        if self._waiting:
            return True
        following = self._files[0]
        if not _is_free(following):
            return True
        fcntl.flock(following, fcntl.LOCK_UN)
        return False

    def close(self) -> None:
        """Close the files."""
        # A thread that still waits for one needs it; the kernel closes it with the process.
        if self._files is not None and self._queuing is None:
            for file in self._files:
                os.close(file)
        self._files = None

    def _take(self, files: tuple[int, int], until: float) -> None:
        following, turn = files
        while True:
            if self._queuing is None or self._queuing.has_ended:
                if _is_free(following) and _is_free(turn):
                    fcntl.flock(following, fcntl.LOCK_UN)
                    return
                self._queuing = _Queuing(files)
            if self._queuing.wait(until - time.monotonic()):
                self._queuing = None
                return
            if not self._queuing.has_ended:
                raise StoreBusy


class _Queuing:
    """A thread that queues for the lock, since nothing else can end a wait for a file's lock after a time.

    A writer that gives up leaves its place in the queue to the next one of this process. If there is none when the
    turn comes, the turn is given up too.
    """

    def __init__(self, files: tuple[int, int]) -> None:
        self._files = files
        self._changed = threading.Condition()
        self._is_wanted = True
        self._error: OSError | None = None
        self.has_ended = False
        threading.Thread(target=self._queue, name="daftari-turn", daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Wait for the lock. Returns whether this process has it. Raises ``OSError``."""
        with self._changed:
            if self.has_ended and not self._is_wanted:
                return False
            self._is_wanted = True
            self._changed.wait_for(lambda: self.has_ended, min(max(0.0, seconds), threading.TIMEOUT_MAX))
            self._is_wanted = self.has_ended
            if self._error is not None:
                raise self._error
            return self.has_ended

    def _queue(self) -> None:
        following, turn = self._files
        try:
            fcntl.flock(following, fcntl.LOCK_EX)
            try:
                fcntl.flock(turn, fcntl.LOCK_EX)
            finally:
                fcntl.flock(following, fcntl.LOCK_UN)
        except OSError as error:
            self._error = error
        with self._changed:
            self.has_ended = True
            if not self._is_wanted and self._error is None:
                fcntl.flock(turn, fcntl.LOCK_UN)
            self._changed.notify()


def _is_free(file: int) -> bool:
    """Whether the lock of a file was free; it is ours then."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
