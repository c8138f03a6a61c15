"""Starts the subprocess that reads a file, and receives its chunks. No knowledge of what is done with them."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, Queue
from types import TracebackType
from typing import IO, BinaryIO, cast

import msgspec
from msgspec.structs import replace

from daftari.errors import StoreBusy, UnreadableFile
from daftari.files import Layout, TableOptions
from daftari.rules.imports.model import ImportSettings, ReadChunk
from daftari.rules.imports.request import ImportRequest, check_request, import_settings, table_options
from daftari.sandbox.protocol import CHUNK, ERROR, LAYOUT, Task, read_frame, write_frame

CHUNKS_WAITING_MAX = 20
"""Chunks that wait to be written: two batches, so that reading and writing overlap."""
BYTES_WAITING_MAX = 16 * 1024 * 1024
"""Their size together, but for one of them; and what is taken at once."""
BROKEN = "The file cannot be read: it is damaged, or needs too much memory. Save it as CSV."
TOO_SLOW = "The file takes too long to be read; save it as CSV."


class ReaderEnded(Exception):
    """The process that read the file was killed; its file can be read again. Never shown to a caller."""


_decode_chunk = msgspec.msgpack.Decoder(ReadChunk).decode
_decode_layout = msgspec.msgpack.Decoder(Layout).decode


def read_layout(file: IO[bytes], *, name: str, media_type: str | None, region: str, options: TableOptions) -> Layout:
    """What a file is and which columns it has. Raises ``UnreadableFile``."""
    with _started(file, Task(name, media_type, region=region, options=options)) as process:
        frame = read_frame(_output(process))
        if frame is None:
            process.wait()
        else:
            process.kill()
    if frame is None and process.returncode == -signal.SIGXCPU:
        raise UnreadableFile(f"{name}: {TOO_SLOW}")
    if frame is None and process.returncode == -signal.SIGALRM:
        raise StoreBusy("The server is too busy to read the file; try again.", retry_after_seconds=30)
    if frame is None:
        raise UnreadableFile(BROKEN)
    letter, message = frame
    if letter == LAYOUT:
        return _decode_layout(message)
    raise UnreadableFile(message.decode())


def read_request(file: IO[bytes], *, request: ImportRequest, region: str, now: int) -> ImportSettings:
    """What an import of a file is to do. Raises ``UnreadableFile``, ``TooLarge`` and ``ValidationFailed``."""
    length = file.seek(0, 2)
    check_request(request, length=length)
    layout = read_layout(
        file, name=request.name, media_type=request.media_type, region=region, options=table_options(request)
    )
    return import_settings(request, layout=layout, length=length, region=region, now=now)


def read_first_records(file: IO[bytes], *, settings: ImportSettings, most: int) -> ReadChunk | None:
    """How the first records of a file are read; ``None`` if there is none. Raises ``UnreadableFile``."""
    settings = replace(settings, chunk_records=most)
    try:
        with ChunkReader(file, settings=settings, first_chunk=0, only_first=True) as chunks:
            return next(iter(chunks.take(1)), None)
    except ReaderEnded:
        raise UnreadableFile(BROKEN) from None


class ChunkReader:
    """The chunks of a file from one on, read ahead: ``with ChunkReader(...) as chunks: chunks.take(10)``."""

    def __init__(
        self, file: IO[bytes], *, settings: ImportSettings, first_chunk: int, only_first: bool = False
    ) -> None:
        self._process = _started(file, Task("", None, settings, first_chunk, only_first))
        self._waiting: Queue[bytes | UnreadableFile | ReaderEnded | None] = Queue(CHUNKS_WAITING_MAX)
        self._end: UnreadableFile | ReaderEnded | None = None
        self._has_ended = False
        self._next: list[bytes | UnreadableFile | ReaderEnded | None] = []
        self._bytes = 0
        self._room = threading.Condition()
        self._closed = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> ChunkReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._process.kill()
        self._weigh(-self._bytes)
        while self._listener.is_alive():
            # The listener may wait for a place.
            while not self._waiting.empty():
                self._waiting.get_nowait()
            self._listener.join(0.05)
        self._process.__exit__(None, None, None)

    def wait(self, seconds: float) -> bool:
        """Whether there is something to take, or an end: all that came before the first chunk is read too."""
        if not self._next and not self._has_ended:
            with suppress(Empty):
                self._next.append(self._waiting.get(timeout=seconds))
        return bool(self._next) or self._has_ended

    def take(self, most: int) -> list[ReadChunk]:
        """The next chunks, fewer than ``most`` where they are heavy and at the end; none after it.

        Raises ``UnreadableFile``, and ``ReaderEnded`` when the process was killed, as often as it is asked: after the
        chunks that were read before.
        """
        chunks: list[ReadChunk] = []
        weight = 0
        while len(chunks) < most and weight < BYTES_WAITING_MAX and not self._has_ended:
            found = self._next.pop() if self._next else self._waiting.get()
            if isinstance(found, bytes):
                self._weigh(-len(found))
                weight += len(found)
                chunks.append(_decode_chunk(found))
            else:
                self._has_ended, self._end = True, found
        if not chunks and self._end is not None:
            raise self._end
        return chunks

    def _listen(self) -> None:
        for found in self._said():
            with self._room:
                self._room.wait_for(lambda: self._closed.is_set() or self._bytes < BYTES_WAITING_MAX)
            if self._closed.is_set():
                return
            if isinstance(found, bytes):
                self._weigh(len(found))
            self._waiting.put(found)

    def _weigh(self, more: int) -> None:
        with self._room:
            self._bytes += more
            self._room.notify()

    def _said(self) -> Iterator[bytes | UnreadableFile | ReaderEnded | None]:
        output = _output(self._process)
        while frame := read_frame(output):
            letter, message = frame
            if letter == CHUNK:
                yield message
            else:
                yield UnreadableFile(message.decode()) if letter == ERROR else None
                return
        ended = self._process.wait()
        yield UnreadableFile(TOO_SLOW) if ended == -signal.SIGXCPU else ReaderEnded()


def _started(file: IO[bytes], task: Task) -> subprocess.Popen[bytes]:
    file.seek(0)
    number = file.fileno()
    process = subprocess.Popen(
        [sys.executable, "-m", "daftari.sandbox.child", str(number)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[number],
    )
    asked = cast("IO[bytes]", process.stdin)
    # One that was killed already is noticed when nothing is heard of it.
    with suppress(BrokenPipeError), asked:
        write_frame(cast(BinaryIO, asked), b"t", msgspec.msgpack.encode(task))
    return process


def _output(process: subprocess.Popen[bytes]) -> BinaryIO:
    return cast(BinaryIO, process.stdout)
