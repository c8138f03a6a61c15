"""Files that commands write: readable by their owner only, and complete or not there at all. No formats."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from daftari.cli.terminal.output import fail


@contextmanager
def write_output(output: str | None) -> Iterator[BinaryIO]:
    """A file to write; at the end of the block it becomes ``output``, or goes to standard output for ``None``.

    Standard output gets a copy only at the end, so that a slow reader keeps no snapshot of the database open. Raises
    ``typer.Exit`` after its message when the file cannot be written.
    """
    try:
        if output is not None:
            with replace_file(Path(output)) as file:
                yield file
            return
        with tempfile.TemporaryFile() as spool:
            yield spool
            spool.seek(0)
            shutil.copyfileobj(spool, sys.stdout.buffer)
            sys.stdout.buffer.flush()
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise fail(f"{output or 'Standard output'} cannot be written: {error.strerror}.") from error


@contextmanager
def replace_file(path: Path) -> Iterator[BinaryIO]:
    """A temporary file that is renamed to ``path`` at the end of the block, and deleted when the block fails.

    A symbolic link keeps pointing to its file. A device or pipe is written into. Raises ``OSError``.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        with tempfile.TemporaryFile() as spool:
            yield spool
            spool.seek(0)
            with path.open("wb") as out:
                shutil.copyfileobj(spool, out)
        return
    descriptor, written = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(written, path)
    except BaseException:
        os.unlink(written)
        raise
