"""A file that a command writes: for its owner's eyes only, and there only when it is whole.

A link goes on leading to the file, and what is no file, such as a device, stays what it is and is written into.

This room must not know what is in it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


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
