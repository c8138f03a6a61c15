"""The subprocess that reads a file: takes one task, writes chunk after chunk, and ends. No database.

``python -m daftari.sandbox.child N`` reads the file that is open as descriptor N. It runs at the lowest priority and
under limits of memory, processor time and time, so that a malicious file ends this process and no other.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import msgspec

from daftari import files
from daftari.errors import DaftariError
from daftari.files import Record
from daftari.memory import check_cycles_rarely
from daftari.rules.imports.cells import telephone_test
from daftari.rules.imports.model import ImportSettings
from daftari.sandbox.protocol import CHUNK, END, ERROR, LAYOUT, Task, read_frame, write_frame

MEMORY_BYTES_MAX = 1024 * 1024 * 1024
LAYOUT_CPU_SECONDS_MAX = 20
"""Processor time for finding out what a file is: many times what the largest workbook takes."""
LAYOUT_SECONDS_MAX = 60
"""Time for that on a busy machine, while a request waits for it."""
READ_CPU_SECONDS_MIN = 120
READ_BYTES_A_SECOND_MIN = 32 * 1024
"""Processor time for reading all records: so much, and a second for so many bytes of the file."""
CHUNK_SECONDS_MAX = 600
"""Time for one chunk on a busy machine. Time in which nothing takes the chunks does not count."""
NICENESS = 19
"""Below requests, and below the process that writes what this one reads."""

_encode = msgspec.msgpack.encode


def main() -> None:
    """Read one task from standard input, and do it."""
    _limit(resource.RLIMIT_AS, MEMORY_BYTES_MAX)
    _limit(resource.RLIMIT_CORE, 0)
    os.nice(NICENESS)
    # Ctrl-C is for the parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    check_cycles_rarely()
    path = f"/dev/fd/{int(sys.argv[1])}"
    said = sys.stdout.buffer
    frame = read_frame(sys.stdin.buffer)
    if frame is None:
        return
    task = msgspec.msgpack.decode(frame[1], type=Task)
    try:
        if task.settings is None:
            _limit(resource.RLIMIT_CPU, LAYOUT_CPU_SECONDS_MAX)
            signal.alarm(LAYOUT_SECONDS_MAX)
            layout = files.read_layout(
                path,
                name=task.name,
                media_type=task.media_type,
                options=task.options,
                is_telephone=telephone_test(task.region),
            )
            write_frame(said, LAYOUT, _encode(layout))
        else:
            seconds = READ_CPU_SECONDS_MIN + os.path.getsize(path) // READ_BYTES_A_SECOND_MIN
            _limit(resource.RLIMIT_CPU, seconds)
            _read_chunks(said, path, task.settings, task.first_chunk)
            write_frame(said, END, b"")
    except DaftariError as error:
        write_frame(said, ERROR, error.message.encode())
    except MemoryError:
        write_frame(said, ERROR, b"The file needs too much memory to be read; save it as CSV.")
    said.flush()


def _limit(limit: int, most: int) -> None:
    """To ours, or to a lower limit that is in force already: it cannot be raised."""
    # Beyond the first number of seconds SIGXCPU ends this process, beyond the second one SIGKILL.
    more = 1 if limit == resource.RLIMIT_CPU else 0
    _, allowed = resource.getrlimit(limit)
    most = most if allowed == resource.RLIM_INFINITY else min(most, allowed - more)
    resource.setrlimit(limit, (most, most + more))


def _read_chunks(said: BinaryIO, path: str, settings: ImportSettings, first_chunk: int) -> None:
    # It takes long to load, and finding a layout needs none of it.
    from daftari.rules.imports.parse import RowReader

    reader = RowReader(settings)
    if reader.has_times:
        for some in files.read_records(path, layout=settings.layout):
            signal.alarm(CHUNK_SECONDS_MAX)
            reader.note_times(some)
    found = files.read_records(path, layout=settings.layout)
    signal.alarm(CHUNK_SECONDS_MAX)
    for number, records in enumerate(_in_chunks(map(reader.divide, found), settings.chunk_records)):
        chunk = reader.read_chunk(records, number=number, bytes_read=found.bytes_read)
        if number >= first_chunk:
            frame = _encode(chunk)
            signal.alarm(0)
            write_frame(said, CHUNK, frame)
            said.flush()
        signal.alarm(CHUNK_SECONDS_MAX)
    signal.alarm(0)


def _in_chunks(found: Iterable[Iterable[Record]], size: int) -> Iterator[list[Record]]:
    """Records in lists of exactly one size, the last one excepted: the same chunks whenever a file is read."""
    waiting: list[Record] = []
    for some in found:
        waiting += some
        whole = len(waiting) - len(waiting) % size
        for first in range(0, whole, size):
            yield waiting[first : first + size]
        del waiting[:whole]
    if waiting:
        yield waiting


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        # The parent is gone.
        os._exit(1)
