"""Files for long bodies and long responses: unnamed, on disk, freed when closed. No routes, no keys."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import tempfile
import threading
from io import BytesIO, FileIO
from typing import BinaryIO, cast

from daftari.errors import StoreBusy, StoreUnavailable

_SET_SIGNAL = 10
"""``F_SETSIG``, which the standard library does not name."""

log = logging.getLogger("daftari.web")


class ResponseSpool:
    """The body of a response that is too long for the memory: an unnamed file, complete before a byte of it is sent.

    So no transaction is open while it is sent, and a slow reader costs disk and not memory.
    """

    def __init__(self) -> None:
        try:
            self._file = _unnamed_file()
        except OSError as error:
            raise _disk_full(error) from None

    def write(self, data: bytes) -> None:
        """Append to the body. Raises ``StoreUnavailable`` when the disk is full."""
        try:
            _write_all(self._file, data)
        except OSError as error:
            raise _disk_full(error) from None

    def clear(self) -> None:
        """Begin the body again."""
        self._file.seek(0)
        self._file.truncate()

    @property
    def file(self) -> BinaryIO:
        """The body as a file that can only be appended to, for writers of whole formats."""
        return cast(BinaryIO, _Appender(self))

    @property
    def path(self) -> str:
        """A path by which this process can open the file."""
        self._file.seek(0)
        return f"/dev/fd/{self._file.fileno()}"

    @property
    def length(self) -> int:
        """Bytes."""
        return os.fstat(self._file.fileno()).st_size

    def is_being_read(self) -> bool:
        """Whether another descriptor of the file is open: a lease for writing is given to the only one there is."""
        descriptor = self._file.fileno()
        try:
            # The default signal of a lease would end the process.
            fcntl.fcntl(descriptor, _SET_SIGNAL, signal.SIGURG)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except BlockingIOError:
            return True
        except (OSError, AttributeError):
            # This system or file system has no leases.
            return False
        return False

    def close(self) -> None:
        """Release the file; a reader that has opened it can finish."""
        self._file.close()


class _Appender:
    """A file that supports ``write`` at its end and nothing else."""

    def __init__(self, spool: ResponseSpool) -> None:
        self._spool = spool

    def write(self, data: bytes) -> int:
        self._spool.write(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is buffered."""


class SpoolBudget:
    """How many bytes of requests may be in files at a time, over all requests of a process."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._lock = threading.Lock()

    def take(self, count: int) -> None:
        """Count bytes that are about to be written. Raises ``StoreBusy``."""
        with self._lock:
            if self._bytes + count > self._bytes_max:
                raise StoreBusy("Too many long requests are arriving; try again.", retry_after_seconds=5)
            self._bytes += count

    def give_back(self, count: int) -> None:
        """Count bytes that are gone."""
        with self._lock:
            self._bytes -= count


class RequestSpool:
    """A body as it arrives: in memory, and beyond ``in_memory_max`` bytes in an unnamed file."""

    def __init__(self, in_memory_max: int, budget: SpoolBudget) -> None:
        self.length = 0
        self.empty_pieces = 0
        self._in_memory_max = in_memory_max
        self._budget = budget
        self._counted = 0
        self._memory = bytearray()
        self._file: FileIO | None = None

    def append(self, chunk: bytes) -> None:
        """Raises ``StoreBusy`` when too much is in files, ``StoreUnavailable`` when the disk is full."""
        self.empty_pieces += not chunk
        self.length += len(chunk)
        if self._file is None and self.length <= self._in_memory_max:
            self._memory += chunk
            return
        self._budget.take(self.length - self._counted)
        self._counted = self.length
        try:
            if self._file is None:
                self._file = _unnamed_file()
                _write_all(self._file, self._memory)
                self._memory.clear()
            _write_all(self._file, chunk)
        except OSError as error:
            raise _disk_full(error) from None

    def open(self) -> BinaryIO:
        """What has come so far, from its beginning."""
        if self._file is None:
            return BytesIO(self._memory)
        self._file.seek(0)
        return self._file

    def read_beginning(self, count: int) -> bytes:
        """The first bytes; more can be appended afterwards."""
        if self._file is None:
            return bytes(self._memory[:count])
        return os.pread(self._file.fileno(), count, 0)

    def close(self) -> None:
        """Release the file."""
        if self._file is not None:
            self._file.close()
        self._budget.give_back(self._counted)
        self._counted = 0


def _unnamed_file() -> FileIO:
    """An unbuffered file: a full disk fails the write, and not a later read or close."""
    descriptor, name = tempfile.mkstemp(prefix="daftari-body-")
    os.unlink(name)
    return FileIO(descriptor, "r+")


def _write_all(file: FileIO, data: bytes | bytearray) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _disk_full(error: OSError) -> StoreUnavailable:
    log.warning("the disk is full; a request or a response was dropped: %s", error.strerror)
    return StoreUnavailable("The server's disk has no space for this request or its response.")
