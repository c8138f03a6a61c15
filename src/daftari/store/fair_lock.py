"""A fair lock in front of SQLite's write lock: two lock files that make the writers of all processes take turns.

A writer takes ``next``, takes ``turn``, frees ``next``, and frees ``turn`` after COMMIT. To write again it queues
behind those that wait, so a bulk writer cannot starve small ones, as it could with SQLite's own polling lock. The
kernel frees both when a process dies.
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path
from types import TracebackType


class FairLock:
    """``with fair_lock:`` holds the lock. Each thread has its own file descriptors, because flock is per open file."""

    def __init__(self, database: Path) -> None:
        self._paths = (Path(f"{database}-next"), Path(f"{database}-turn"))
        self._local = threading.local()
        self._open: list[int] = []

    def __enter__(self) -> None:
        following, turn = self._files()
        fcntl.flock(following, fcntl.LOCK_EX)
        try:
            fcntl.flock(turn, fcntl.LOCK_EX)
        finally:
            fcntl.flock(following, fcntl.LOCK_UN)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        fcntl.flock(self._files()[1], fcntl.LOCK_UN)

    def is_awaited(self) -> bool:
        """Whether another thread or process waits for the lock. To be called by the one that holds it."""
        following = self._files()[0]
        try:
            fcntl.flock(following, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(following, fcntl.LOCK_UN)
        return False

    def close(self) -> None:
        """Close the files of every thread."""
        while self._open:
            os.close(self._open.pop())
        self._local = threading.local()

    def _files(self) -> tuple[int, int]:
        files: tuple[int, int] | None = getattr(self._local, "files", None)
        if files is None:
            files = (self._opened(self._paths[0]), self._opened(self._paths[1]))
            self._local.files = files
        return files

    def _opened(self, path: Path) -> int:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._open.append(file)
        return file
