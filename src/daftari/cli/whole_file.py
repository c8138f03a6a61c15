"""A file that a command writes: for its owner's eyes only, and there only when it is whole.

This room must not know what is in it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(place: Path) -> Iterator[BinaryIO]:
    """A file of another name that takes the place's own name when all went well."""
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
