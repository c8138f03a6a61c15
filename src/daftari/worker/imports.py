"""Works on the imports of one project: the oldest first, a batch a step, read by a subprocess.

Batches are large while no other writer waits, and small while one does. After an interruption the next step continues
where the last batch ended. What a batch does is ``rules/imports``'s. No SQL.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import IO, Any, Self

from daftari.errors import GroupIsMirrored, ImportNotFound, UnreadableFile
from daftari.model.imports import ImportState
from daftari.model.projects import Actor, Project
from daftari.model.time import current_time
from daftari.rules.imports.apply import take_chunks
from daftari.rules.imports.lifecycle import clear_file, end_work, find_work, note_try
from daftari.rules.imports.model import Import, ReadChunk
from daftari.rules.imports.request import fetch_file
from daftari.rules.imports.undo import undo_chunk
from daftari.sandbox.process import ChunkReader, ReaderEnded
from daftari.store import Store
from daftari.worker.leases import WORKER
from daftari.worker.work import MayContinue

CHUNKS_A_BATCH = 10
"""Ten thousand records in one transaction, while no other writer waits."""
WAIT_SECONDS = 1.0
"""How long a step waits for the subprocess."""
CONSIDERATE_SECONDS = 10.0
"""How long after another writer waited a batch is a single chunk, so that the next ones wait less."""
TRIES_MAX = 3
"""How often a file may break off with nothing read in between."""
NO_ROOM = "The worker's disk is full; free some space and import the file again: what is done stays as it is."
BROKEN = "The file cannot be read to its end: it is damaged, or needs too much memory. Save it as CSV."

log = logging.getLogger("daftari.worker")


class ImportWork:
    """The imports of one project; a step is a transaction or two, or a wait for the process that reads the file."""

    pause_seconds = 0.0
    has_requested = False

    def __init__(
        self, store: Store, project: Project, *, may_continue: MayContinue, chunks_a_batch: int = CHUNKS_A_BATCH
    ) -> None:
        self._store = store
        self._project = project
        self._chunks_a_batch = chunks_a_batch
        self._work: Import | None = None
        self._reader: ChunkReader | None = None
        self._open = ExitStack()
        self._waiting: list[ReadChunk] = []
        self._considerate_until = 0.0
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def step(self) -> bool:
        """Take one batch, or delete some parts of a file. Returns whether there may be more to do."""
        if self._work is None:
            self._work = self._store.read(self._project, current_time(), find_work)
            self._began = time.monotonic()
        work = self._work
        if work is None:
            return self._store.write(self._project, WORKER, current_time(), clear_file)
        try:
            if work.stored.phase == "undo":
                self._undo(work)
            else:
                self._take_batch(work)
        except (UnreadableFile, GroupIsMirrored) as error:
            self._end(work, "failed", error.message)
        except OSError:
            log.exception("an import's file could not be laid out to be read")
            self._end(work, "failed", NO_ROOM)
        except ImportNotFound:
            # Its time was over meanwhile.
            self._leave()
        except ReaderEnded:
            self._try_again(work)
        return True

    def fail(self, error: str) -> bool:
        """End the import in progress, if any. Returns whether there was one."""
        if self._work is None:
            return False
        self._end(self._work, "failed", error)
        return True

    def _undo(self, work: Import) -> None:
        if not self._store.write(self._project, _actor(work), current_time(), undo_chunk, import_id=work.id):
            self._leave()

    def _take_batch(self, work: Import) -> None:
        if self._reader is None:
            self._reader = self._opened_reader(work)
        if not self._waiting and not self._reader.wait(WAIT_SECONDS):
            return
        most = 1 if time.monotonic() < self._considerate_until else self._chunks_a_batch
        # What could not be written, since the database was busy, is written now.
        self._waiting = self._waiting or self._reader.take(most)
        if not self._waiting:
            self._end(work, "done", None)
            return
        taken = self._store.write(
            self._project, _actor(work), current_time(), take_chunks,
            import_id=work.id, phase=work.stored.phase, chunks=self._waiting, seconds=self._seconds(),
        )  # fmt: skip
        self._waiting, self._began = [], time.monotonic()
        if taken.is_awaited:
            self._considerate_until = time.monotonic() + CONSIDERATE_SECONDS
        if not taken.continues:
            self._leave()

    def _opened_reader(self, work: Import) -> ChunkReader:
        """The rest of an import's chunks; its file comes out of the database for as long as it is read."""
        file = self._open.enter_context(_spool())
        self._fetch(work, file)
        reader = ChunkReader(file, settings=work.settings, first_chunk=work.progress.next_chunk)
        return self._open.enter_context(reader)

    def _fetch(self, work: Import, file: IO[bytes]) -> None:
        def read(rule: Callable[..., Any], **values: Any) -> Any:
            return self._store.read_unisolated(self._project, current_time(), rule, **values)

        fetch_file(read, file, import_id=work.id)

    def _end(self, work: Import, state: ImportState, error: str | None) -> None:
        # Its time may be over meanwhile: then there is nothing to end.
        with suppress(ImportNotFound):
            self._store.write(
                self._project, _actor(work), current_time(), end_work,
                import_id=work.id, phase=work.stored.phase, state=state, error=error,
            )  # fmt: skip
        self._leave()

    def _try_again(self, work: Import) -> None:
        self._leave()
        # It may have expired meanwhile; then there is no further attempt.
        with suppress(ImportNotFound):
            if self._store.write(self._project, _actor(work), current_time(), note_try, import_id=work.id) >= TRIES_MAX:
                self._end(work, "failed", BROKEN)

    def _leave(self) -> None:
        """Let go of the import that was worked on."""
        self._open.close()
        self._work, self._reader, self._waiting = None, None, []

    def _seconds(self) -> float:
        """Seconds of work since something was written."""
        return round(time.monotonic() - self._began, 3)


def _spool() -> IO[bytes]:
    return tempfile.TemporaryFile(prefix="daftari-import-")


def _actor(work: Import) -> Actor:
    """What the file says is written, or undone, in the name of who asked for it."""
    return Actor(work.stored.key_id, f"import-{work.id}", work.stored.user_id)
