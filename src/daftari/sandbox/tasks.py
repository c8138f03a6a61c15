"""What the subprocess does with the file that it was given: finds its layout, or reads its records."""

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
from daftari.sandbox.limits import (
    CHUNK_SECONDS_MAX,
    LAYOUT_CPU_SECONDS_MAX,
    LAYOUT_SECONDS_MAX,
    READ_BYTES_A_SECOND_MIN,
    READ_CPU_SECONDS_MIN,
    set_limit,
)
from daftari.sandbox.protocol import CHUNK, END, ERROR, LAYOUT, Task, read_frame, write_frame

_encode = msgspec.msgpack.encode


def do_task(number: int) -> None:
    """Do the task on standard input with the file that is open as descriptor ``number``."""
    path = f"/dev/fd/{number}"
    said = sys.stdout.buffer
    frame = read_frame(sys.stdin.buffer)
    if frame is None:
        return
    task = msgspec.msgpack.decode(frame[1], type=Task)
    try:
        if task.settings is None:
            set_limit(resource.RLIMIT_CPU, LAYOUT_CPU_SECONDS_MAX)
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
            set_limit(resource.RLIMIT_CPU, seconds)
            _read_chunks(said, path, task.settings, task.first_chunk, only_first=task.only_first)
            write_frame(said, END, b"")
    except DaftariError as error:
        write_frame(said, ERROR, error.message.encode())
    except MemoryError:
        write_frame(said, ERROR, b"The file needs too much memory to be read; save it as CSV.")
    said.flush()


def _read_chunks(said: BinaryIO, path: str, settings: ImportSettings, first_chunk: int, *, only_first: bool) -> None:
    # It takes long to load, and finding a layout needs none of it.
    from daftari.rules.imports.parse import RowReader

    # What is loaded stays; it is no cycle.
    check_cycles_rarely()
    reader = RowReader(settings)
    if reader.has_times:
        for some in files.read_records(path, layout=settings.layout):
            signal.alarm(CHUNK_SECONDS_MAX)
            reader.note_times(some)
            if only_first:
                break
    found = files.read_records(path, layout=settings.layout)
    signal.alarm(CHUNK_SECONDS_MAX)
    for number, records in enumerate(_in_chunks(map(reader.divide, found), settings.chunk_records)):
        chunk = reader.read_chunk(records, number=number, bytes_read=found.bytes_read)
        if number >= first_chunk:
            frame = _encode(chunk)
            signal.alarm(0)
            write_frame(said, CHUNK, frame)
            said.flush()
            if only_first:
                return
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
