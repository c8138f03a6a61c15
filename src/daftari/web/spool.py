"""Files for long bodies and long answers: unnamed, on disk, freed when closed. No routes, no keys."""

from __future__ import annotations

import logging
import os
import tempfile
from io import BytesIO, FileIO
from typing import BinaryIO, cast

from daftari.errors import StoreUnavailable

log = logging.getLogger("daftari.web")

BODY_IN_MEMORY_BYTES_MAX = 64 * 1024
"""A longer body goes to a file, so that many of them at once cost disk and not memory."""


class SpooledAnswer:
    """An answer that is too long for the memory: a file without a name, written whole before a byte of it goes out.

    No transaction is open while it is sent, and a slow reader costs disk and not memory.
    """

    def __init__(self) -> None:
        try:
            self._file = _nameless_file()
        except OSError as error:
            raise _no_room(error) from None

    def write(self, data: bytes) -> None:
        """Append to the answer. Raises ``StoreUnavailable`` when there is no room."""
        try:
            _write_whole(self._file, data)
        except OSError as error:
            raise _no_room(error) from None

    @property
    def file(self) -> BinaryIO:
        """The answer as a file that can be appended to, for what writes whole formats."""
        return cast(BinaryIO, _Appended(self))

    @property
    def path(self) -> str:
        """Where the server finds the file."""
        self._file.seek(0)
        return f"/dev/fd/{self._file.fileno()}"

    @property
    def length(self) -> int:
        """How many bytes it has."""
        return os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """Let go of the file; whoever has opened it goes on reading."""
        self._file.close()


class _Appended:
    """A file of which nothing is known but its end."""

    def __init__(self, spool: SpooledAnswer) -> None:
        self._spool = spool

    def write(self, data: bytes) -> int:
        self._spool.write(data)
        return len(data)

    def flush(self) -> None:
        """All is written already."""


class Spool:
    """A body as it arrives: in memory, and beyond a limit in a file without a name."""

    def __init__(self, in_memory_max: int) -> None:
        self.length = 0
        self._in_memory_max = in_memory_max
        self._memory = bytearray()
        self._file: FileIO | None = None

    def append(self, chunk: bytes) -> None:
        self.length += len(chunk)
        if self._file is None and self.length <= self._in_memory_max:
            self._memory += chunk
            return
        try:
            if self._file is None:
                self._file = _nameless_file()
                _write_whole(self._file, self._memory)
                self._memory.clear()
            _write_whole(self._file, chunk)
        except OSError as error:
            raise _no_room(error) from None

    def opened(self) -> BinaryIO:
        if self._file is None:
            return BytesIO(self._memory)
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _nameless_file() -> FileIO:
    """A file without a buffer of its own: a full disk is met by the write, and not when the file is read or closed."""
    descriptor, name = tempfile.mkstemp(prefix="daftari-body-")
    os.unlink(name)
    return FileIO(descriptor, "r+")


def _write_whole(file: FileIO, data: bytes | bytearray) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _no_room(error: OSError) -> StoreUnavailable:
    log.warning("no room for a body or an answer: %s", error.strerror)
    return StoreUnavailable("There is no room on the server's disk for what was sent or asked for.")
