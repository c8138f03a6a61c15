"""Where a command writes: a file that only its owner may read and that appears complete, or standard output.

A link still leads to the file afterwards, and a device is written into. Knows nothing about what is written.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def spooled_output() -> Iterator[BinaryIO]:
    """A temporary file that is copied to standard output at the end.

    A reader of the output may be slow, and no snapshot should stay open meanwhile.
    """
    with tempfile.TemporaryFile() as spool:
        yield spool
        spool.seek(0)
        shutil.copyfileobj(spool, sys.stdout.buffer)
        sys.stdout.buffer.flush()


@contextmanager
def whole_file(place: Path) -> Iterator[BinaryIO]:
    """A file of another name that takes the place's own name when all went well."""
    place = Path(os.path.realpath(place))
    if place.exists() and not place.is_file():
        with tempfile.TemporaryFile() as spool:
            yield spool
            spool.seek(0)
            with place.open("wb") as out:
                shutil.copyfileobj(spool, out)
        return
    descriptor, written = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(written, place)
    except BaseException:
        os.unlink(written)
        raise
