"""Imports as tests make them: a file and what is wanted, worked on turn by turn, and the book that comes of it.

``work`` reads in this process, in chunks and batches as small as a test likes; ``work_for_real`` as the worker does,
with the process that reads next to it. This module must not know what the right answer is.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari import files
from daftari.model.projects import Actor, Project
from daftari.rules.imports import lifecycle, views
from daftari.rules.imports.apply import Taken, take_chunks
from daftari.rules.imports.cells import telephone_test
from daftari.rules.imports.model import Import, ImportSettings, ReadChunk
from daftari.rules.imports.parse import RowReader
from daftari.rules.imports.request import ImportRequest, column_uses, keep_file, table_options
from daftari.rules.imports.undo import undo_chunk
from daftari.sandbox.process import read_request
from daftari.store import Store
from daftari.store.file_parts import list_parts
from daftari.worker.imports import ImportWork
from tests.support.builders import rows_of
from tests.support.calls import NOW

KEY = Actor(9, "a request")
WORKER = Actor(9, "an import")
SMALL = 3
"""Records of a chunk, so that little files have many."""
SHOWN = {
    "contact": "id, mobile, card, consent_status",
    "contact_group": "id, name, folded",
    "membership": "group_id, contact_id",
    "directory": "list, level, block, members",
    "fact": "subject_id, kind, channel, sender, purpose, at, source, keyword, group_id, override, retracts, evidence",
    "consent": "subject_id, suppressed, state",
}
"""What a book is, but for when it was written."""


class Office(Struct):
    """Imports of one project."""

    store: Store
    database: str
    project: Project
    now: int = NOW

    @property
    def is_postgres(self) -> bool:
        return self.database.startswith("postgresql://")

    def tick(self) -> int:
        """Later than ever before."""
        self.now += 1_000_000
        return self.now

    def settings(self, data: bytes, *, chunk_records: int = SMALL, **wanted: Any) -> ImportSettings:
        """What is wanted, read in this process."""
        asked = ImportRequest(**{"name": "people.csv", "common": {}, **wanted})
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            layout = files.read_layout(
                file.name,
                name=asked.name,
                media_type=asked.media_type,
                options=table_options(asked),
                is_telephone=telephone_test(self.project.region),
            )
        return ImportSettings(
            name=asked.name,
            bytes=len(data),
            layout=replace(layout, contents=()),
            uses=column_uses(layout, request=asked),
            region=self.project.region,
            kind=asked.kind,
            attributes=asked.attributes,
            keep_ids=asked.keep_ids,
            common={"source": "import", **asked.common},
            created_at=self.tick(),
            chunk_records=chunk_records,
            group=asked.group,
            planned=asked.planned,
        )

    def real_settings(self, data: bytes, **wanted: Any) -> ImportSettings:
        """What is wanted, read in the other process."""
        asked = ImportRequest(**{"name": "people.csv", **wanted})
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.flush()
            return read_request(file, request=asked, region=self.project.region, now=self.tick())

    def queue(self, data: bytes, settings: ImportSettings) -> int:
        """A file that is here whole and waits for the worker."""
        now = self.tick()
        number = keep_file(
            lambda rule, **values: self.store.write(self.project, KEY, now, rule, **values),
            io.BytesIO(data), settings=settings,
        )  # fmt: skip
        self.store.write(self.project, KEY, now, lifecycle.queue_import, import_id=number)
        return number

    def bring(self, data: bytes | str, *, batch: int = 2, **wanted: Any) -> Import:
        """Import a file to its end."""
        data = data.encode() if isinstance(data, str) else data
        number = self.queue(data, self.settings(data, **wanted))
        self.work(batch=batch)
        return self.get(number)

    def get(self, number: int) -> Import:
        return self.store.read(self.project, NOW, lifecycle.get_import, import_id=number)

    def command(self, rule: Any, number: int, **values: Any) -> Import:
        """Give an import a command."""
        found: Import = self.store.write(self.project, KEY, self.tick(), rule, import_id=number, **values)
        return found

    def apply(self, number: int, *, batch: int = 2) -> Import:
        self.command(lifecycle.apply_import, number)
        self.work(batch=batch)
        return self.get(number)

    def undo(self, number: int, *, opt_outs: bool = False, reason: str | None = None) -> Import:
        self.command(lifecycle.undo_import, number, opt_outs=opt_outs, reason=reason)
        self.work()
        return self.get(number)

    def work(self, *, batch: int = 2) -> None:
        """Work on all that waits, so many chunks a transaction."""
        while (work := self.store.read(self.project, NOW, lifecycle.find_work)) is not None:
            if work.stored.phase == "undo":
                while self._write(undo_chunk, import_id=work.id):
                    pass
                continue
            chunks = list(self.chunks(work))[work.progress.next_chunk :]
            while chunks:
                some, chunks = chunks[:batch], chunks[batch:]
                self.take(work, some)
            self._write(
                lifecycle.end_work,
                import_id=work.id, phase=work.stored.phase, state="done", error=None,
            )  # fmt: skip

    def work_for_real(self, *, chunks_a_batch: int = 2) -> None:
        """Work on all that waits as the worker does, files that are no longer needed included."""
        with ImportWork(self.store, self.project, may_continue=lambda: True, chunks_a_batch=chunks_a_batch) as work:
            while work.step():
                pass

    def take(self, work: Import, chunks: list[ReadChunk]) -> bool:
        """Take a batch. Returns whether it was taken."""
        phase = work.stored.phase
        taken: Taken = self._write(take_chunks, import_id=work.id, phase=phase, chunks=chunks, seconds=1.0)
        return taken.continues

    def _write(self, rule: Any, **values: Any) -> Any:
        return self.store.write(self.project, WORKER, self.tick(), rule, **values)

    def chunks(self, work: Import) -> Iterator[ReadChunk]:
        """An import's file, read in this process."""
        reader = RowReader(work.settings)
        with tempfile.NamedTemporaryFile() as file:
            file.writelines(self.store.read(self.project, NOW, list_parts, file_id=work.id, first=0, limit=99))
            file.flush()
            found = files.read_records(file.name, layout=work.settings.layout)
            records = [record for some in found for record in some]
        reader.note_times(records)
        records = reader.divide(records)
        size = work.settings.chunk_records
        for number, first in enumerate(range(0, len(records), size)):
            yield reader.read_chunk(records[first : first + size], number=number, bytes_read=work.settings.bytes)

    def rows(self, number: int) -> list[dict[str, Any]]:
        """The outcome of each record."""
        rows = self.store.read(self.project, NOW, views.list_rows, import_id=number, after=0, limit=100_000)
        shown_rows: list[dict[str, Any]] = msgspec.to_builtins(rows)
        return shown_rows

    def outcomes(self, number: int) -> list[str]:
        """The outcome of each record, in a word and a letter for each flag."""
        letters = {"suppressed": "s", "joined": "j", "kept_out": "k"}
        return [
            row["outcome"] + "".join(f" {letter}" for flag, letter in letters.items() if row.get(flag))
            for row in self.rows(number)
        ]

    def rejects(self, number: int) -> list[tuple[int, str]]:
        """Records that could not be taken, and why."""
        found: list[tuple[int, str]] = []
        self.store.read(
            self.project,
            NOW,
            lifecycle.walk_rejects,
            import_id=number,
            take=lambda row, why, _: found.append((row, why)),
        )
        return found

    def book(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that the book says."""
        return {table: self.table(table, columns) for table, columns in SHOWN.items()}

    def table(self, table: str, columns: str) -> list[tuple[Any, ...]]:
        found = rows_of(self.database, f"SELECT {columns} FROM {table} WHERE project_id = {self.project.id}")
        return sorted(found, key=repr)

    def members(self) -> dict[str, list[str]]:
        """The numbers in each group."""
        asked = f"""
            SELECT g.name, c.mobile FROM contact_group AS g
            LEFT JOIN membership AS m ON m.project_id = g.project_id AND m.group_id = g.id
            LEFT JOIN contact AS c ON c.project_id = m.project_id AND c.id = m.contact_id
            WHERE g.project_id = {self.project.id} AND g.folded IS NOT NULL ORDER BY c.mobile
        """
        groups: dict[str, list[str]] = {}
        for name, mobile in rows_of(self.database, asked):
            groups.setdefault(name, []).extend([] if mobile is None else [str(mobile)])
        return groups


def shown(found: Import) -> dict[str, int]:
    """The counts of an import, without the zeros; they add up to its rows."""
    shown_import = msgspec.to_builtins(views.show_import(found))
    assert sum(shown_import["counts"].values()) == shown_import["rows"]
    counts = {name: many for name, many in shown_import["counts"].items() if many}
    return counts | {name: shown_import[name] for name in ("suppressed", "joined", "facts") if shown_import[name]}


def smaller(settings: ImportSettings, *, chunk_records: int) -> ImportSettings:
    """The same, in smaller chunks."""
    return replace(settings, chunk_records=chunk_records)
