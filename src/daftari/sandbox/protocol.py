"""What the two processes say to each other: a length, a letter and a message.

This room must not know what a message means.
"""

from __future__ import annotations

from typing import BinaryIO

from msgspec import Struct

from daftari.rules.imports.model import ImportSettings

LENGTH_BYTES = 4
LAYOUT, CHUNK, ERROR, END = b"l", b"c", b"e", b"."


class Task(Struct, frozen=True):
    """What the child is to do: find out how a file is laid out, or read its records.

    ``first_chunk``: the first one that is wanted; those before are read too, for the numbers that they hold.
    """

    name: str
    media_type: str | None
    settings: ImportSettings | None
    first_chunk: int


def write_frame(stream: BinaryIO, letter: bytes, message: bytes) -> None:
    """Say something."""
    stream.write(len(message).to_bytes(LENGTH_BYTES, "big") + letter + message)


def read_frame(stream: BinaryIO) -> tuple[bytes, bytes] | None:
    """What was said; ``None`` when the other one is gone."""
    head = stream.read(LENGTH_BYTES + 1)
    if len(head) <= LENGTH_BYTES:
        return None
    length = int.from_bytes(head[:LENGTH_BYTES], "big")
    message = stream.read(length)
    return (head[LENGTH_BYTES:], message) if len(message) == length else None
