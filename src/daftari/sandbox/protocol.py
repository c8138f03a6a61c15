"""The protocol between the two processes: a length, a letter and a message.

No meaning of messages.
"""

from __future__ import annotations

from typing import BinaryIO

from msgspec import Struct

from daftari.files import TableOptions
from daftari.rules.imports.model import ImportSettings

LENGTH_BYTES = 4
LAYOUT, CHUNK, ERROR, END = b"l", b"c", b"e", b"."


class Task(Struct, frozen=True):
    """What the child does: detect a file's layout, or read its records.

    ``region``: of the numbers by which columns are recognised. ``first_chunk``: the first one to send; those before are
    read too, for the numbers in them. ``only_first``: that is all that is read.
    """

    name: str
    media_type: str | None
    settings: ImportSettings | None = None
    first_chunk: int = 0
    only_first: bool = False
    region: str = ""
    options: TableOptions = TableOptions()


def write_frame(stream: BinaryIO, letter: bytes, message: bytes) -> None:
    """Write one frame."""
    stream.write(len(message).to_bytes(LENGTH_BYTES, "big") + letter + message)


def read_frame(stream: BinaryIO) -> tuple[bytes, bytes] | None:
    """Read one frame: its letter and message; ``None`` at the end of the stream."""
    head = stream.read(LENGTH_BYTES + 1)
    if len(head) <= LENGTH_BYTES:
        return None
    length = int.from_bytes(head[:LENGTH_BYTES], "big")
    message = stream.read(length)
    return (head[LENGTH_BYTES:], message) if len(message) == length else None
