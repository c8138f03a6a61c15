"""Who may read the files of a SQLite database: its owner only, whatever the umask. No SQL."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE

from daftari.store.database_url import dialect_of, sqlite_path
from daftari.store.erasure_key import default_secret_file

OWNER_ONLY = 0o600
SUFFIXES = ("", "-wal", "-shm", "-next", "-turn")
"""The database, its log, its shared memory and its locks. SQLite gives the log and the memory the database's mode."""
_OTHERS = ((0o070, 0o010), (0o007, 0o001))
"""What the group, or everyone, may do with a file, and the right to pass through a folder on the way to it."""


def make_private(path: Path) -> None:
    """Make a new or empty file that its owner only may read, before SQLite opens it.

    A database is left alone: to close it here would drop the locks that this process has on it.
    """
    # Where this is not allowed, SQLite says why.
    with suppress(OSError):
        if not path.exists() or path.stat().st_size == 0:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY)
            try:
                os.fchmod(descriptor, OWNER_ONLY)
            finally:
                os.close(descriptor)


def list_exposed_files(database: str, *, secret_file: str | None) -> list[Path]:
    """The files of a database, and its secret, that other users of this machine may read or write."""
    files = [] if secret_file is None else [Path(secret_file).absolute()]
    if dialect_of(database) == "sqlite":
        path = sqlite_path(database)
        files += [path.with_name(path.name + suffix) for suffix in SUFFIXES]
        secret = default_secret_file(database)
        files += [secret] if secret is not None and secret_file is None else []
    return [file for file in files if _is_exposed(file)]


def _is_exposed(path: Path) -> bool:
    try:
        mode = S_IMODE(path.stat().st_mode)
        folders = [S_IMODE(folder.stat().st_mode) for folder in path.resolve().parents]
    except OSError:
        return False
    return any(mode & may and all(folder & passes for folder in folders) for may, passes in _OTHERS)
