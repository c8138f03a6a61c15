"""Imports: their state and progress, the outcome of each record, and what an undo needs.

A chunk has up to 1,000 records: an outcome and a contact's id for each. What an outcome, settings and progress mean
belongs to the rules.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from daftari.model.imports import ImportPhase, ImportState
from daftari.model.limits import ID_MAX, PARTS_PER_STEP
from daftari.store.engine import Tx, WriteTx
from daftari.store.file_parts import delete_parts
from daftari.store.journal import names_contact, without_contact, written_ranges

CHUNKS_A_QUERY_MAX = 64
NAMED_ERASED = "The record named a number that is erased."
"""The reason of a reject that is cleared."""
CHUNK_RECORDS = 1_000
"""Records of one chunk. The last chunk may have fewer, and so may every chunk of a stream."""


class StoredImport(Struct, frozen=True):
    """An import as it is stored; ``settings`` and ``progress`` are JSON. ``clearing``: its file is being deleted."""

    id: int
    created_at: int
    expires_at: int
    state: ImportState
    phase: ImportPhase
    key_id: int | None
    user_id: int | None
    erasure_id: int
    clearing: bool
    settings: str
    progress: str


class Chunk(Struct, frozen=True):
    """Up to 1,000 records: for each a byte of outcome, its contact's id or 0, and 8 bytes of digest from a plan.

    ``first_fact`` to ``last_fact``: the facts that they recorded. ``at``: when their contacts were written.
    """

    number: int
    at: int
    phase: ImportPhase
    outcomes: bytes
    ids: array[int]
    plan_digests: bytes
    first_fact: int
    last_fact: int
    first_row: int


class Reject(Struct, frozen=True, array_like=True):
    """A rejected record, as JSON, with the reason; or what is to be said of one that was taken (``taken``).

    ``cell``: what the reason is about, as it is quoted. ``digits``: all digits of the record.
    """

    number: int
    reason: str
    cell: str
    record: str
    digits: str
    taken: bool = False

    @property
    def why(self) -> str:
        """The reason, and what was found."""
        return f"{self.reason} Found: {self.cell}." if self.cell else self.reason


# ---- imports ----------------------------------------------------------------------------------------


def insert_import(
    tx: WriteTx,
    *,
    phase: ImportPhase,
    erasure_id: int,
    settings: str,
    progress: str,
    until: int,
    connection_id: int | None = None,
) -> int:
    """Insert an import whose file is still arriving, or the records of a connection. Returns its id."""
    number = tx.book.next_item
    tx.book.next_item = number + 1
    tx.run(
        "insert_import",
        id=number, now=tx.now, until=until, state="receiving", phase=phase, key=tx.actor.key_id,
        user=tx.actor.user_id, request=tx.actor.request_id, erasure=erasure_id, settings=settings, progress=progress,
        connection=connection_id,
    )  # fmt: skip
    return number


def get_import(tx: Tx, *, import_id: int) -> StoredImport | None:
    """One import."""
    return next(iter(_fetch_imports(tx, "get_import", id=import_id)), None)


def list_imports(tx: Tx, *, before: int, limit: int) -> list[StoredImport]:
    """At most ``limit`` imports before an id, the newest first; 0 means from the newest on."""
    return _fetch_imports(tx, "list_imports", before=before or ID_MAX, limit=limit)


def list_connection_imports(tx: Tx, *, connection_id: int, before: int, limit: int) -> list[StoredImport]:
    """As ``list_imports``, those of a connection."""
    return _fetch_imports(tx, "list_connection_imports", connection=connection_id, before=before or ID_MAX, limit=limit)


def find_open_import(tx: Tx) -> int | None:
    """The id of the first import that a worker has to run."""
    return tx.fetch_one(int, "find_open_import")


def find_import_after(tx: Tx, *, import_id: int) -> int | None:
    """The id of the first import after an id."""
    return tx.fetch_one(int, "find_import_after", id=import_id)


def list_waiting_imports(tx: Tx) -> list[int]:
    """The ids of paused imports and of finished plans, whose files wait for a decision."""
    return tx.fetch(int, "list_waiting_imports")


def count_imports_with_files(tx: Tx, *, limit: int) -> int:
    """How many imports hold a file that is still arriving or needed, up to a limit."""
    return tx.fetch_one(int, "count_imports_with_files", limit=limit) or 0


def find_clearing_import(tx: Tx) -> int | None:
    """The id of an import whose file has to be deleted."""
    return tx.fetch_one(int, "find_clearing_import")


def find_expired_import(tx: Tx) -> int | None:
    """The id of an import that has expired."""
    return tx.fetch_one(int, "find_expired_import", now=tx.now)


def save_import(tx: WriteTx, *, given: StoredImport) -> None:
    """Save an import's state and progress."""
    tx.run(
        "save_import",
        id=given.id, state=given.state, phase=given.phase, until=given.expires_at, clearing=int(given.clearing),
        settings=given.settings, progress=given.progress,
    )  # fmt: skip


def save_author(tx: WriteTx, *, import_id: int) -> None:
    """Save who asks for the work that begins: the worker writes in the name of that key or user."""
    tx.run("save_import_author", id=import_id, key=tx.actor.key_id, user=tx.actor.user_id)


def forget_import(tx: WriteTx, *, import_id: int) -> None:
    """Delete some of an import's rows; the last call deletes the import itself."""
    if clear_outcomes(tx, import_id=import_id, chunks_max=1):
        return
    if not delete_parts(tx, file_id=import_id, limit=PARTS_PER_STEP):
        tx.run("delete_import", id=import_id)


def clear_outcomes(tx: WriteTx, *, import_id: int, chunks_max: int = CHUNKS_A_QUERY_MAX) -> bool:
    """Delete some of the outcomes of an import's records. Returns whether there were any."""
    chunks = list_chunks(tx, import_id=import_id, first=0, limit=chunks_max)
    for chunk in chunks:
        _delete_chunk(tx, import_id, chunk.number)
    return bool(
        chunks
        or tx.run("delete_some_import_changes", id=import_id, limit=CHUNK_RECORDS)
        or _delete_rejects(tx, import_id)
    )


def _delete_chunk(tx: WriteTx, import_id: int, number: int) -> None:
    tx.run("delete_import_joins", id=import_id, chunk=number)
    tx.run("delete_import_chunk", id=import_id, chunk=number)


def _delete_rejects(tx: WriteTx, import_id: int) -> bool:
    some = list_rejects(tx, import_id=import_id, first=0, limit=CHUNK_RECORDS)
    if some:
        tx.run("delete_import_rejects", id=import_id, first=some[0].number, last=some[-1].number)
    return bool(some)


def _fetch_imports(tx: Tx, query: str, **values: int) -> list[StoredImport]:
    rows = tx.fetch(
        tuple[int, int, int, ImportState, ImportPhase, int | None, int | None, int, int, str, str], query, **values
    )
    return [StoredImport(*row[:8], bool(row[8]), *row[9:]) for row in rows]


# ---- chunks -----------------------------------------------------------------------------------------


def save_chunk(tx: WriteTx, *, import_id: int, chunk: Chunk) -> None:
    """Insert a chunk, or replace the one of its plan."""
    tx.run(
        "save_import_chunks",
        id=import_id, chunk=chunk.number, now=chunk.at, phase=chunk.phase, outcomes=chunk.outcomes,
        contacts=chunk.ids.tobytes(), plan_digests=chunk.plan_digests, first_fact=chunk.first_fact,
        last_fact=chunk.last_fact, first=chunk.first_row,
    )  # fmt: skip


def list_chunks(tx: Tx, *, import_id: int, first: int, limit: int) -> list[Chunk]:
    """At most ``limit`` chunks from ``first`` on, in order."""
    rows = tx.fetch(
        tuple[int, int, ImportPhase, bytes, bytes, bytes, int, int, int],
        "list_import_chunks", id=import_id, first=first, limit=limit,
    )  # fmt: skip
    return [Chunk(*row[:4], array("q", row[4]), *row[5:]) for row in rows]


def walk_rows(tx: Tx, *, import_id: int, after: int) -> Iterator[tuple[int, int, int]]:
    """Number, outcome and contact's id of each record after a number."""
    first, limit = max(after + 2 - CHUNK_RECORDS, 1), 2
    while rows := tx.fetch(tuple[int, bytes, bytes], "list_import_rows", id=import_id, first=first, limit=limit):
        for first, outcomes, ids in rows:
            contacts = array("q", ids)
            for number, outcome, contact in zip(itertools.count(first), outcomes, contacts, strict=False):
                if number > after:
                    yield number, outcome, contact
        # A stream's chunks may be short: each query reads twice as many as the one before.
        first, limit = first + 1, min(2 * limit, CHUNKS_A_QUERY_MAX)


def finish_chunk(tx: WriteTx, *, import_id: int, number: int) -> None:
    """Mark a chunk as undone, and delete what it keeps of groups."""
    tx.run("finish_import_chunk", id=import_id, chunk=number)
    tx.run("delete_import_joins", id=import_id, chunk=number)


# ---- what an undo needs -----------------------------------------------------------------------------


def insert_joins(tx: WriteTx, *, import_id: int, chunk: int, joined: Mapping[int, Iterable[int]]) -> None:
    """Keep which existing contacts joined which group."""
    rows = [(tx.project.id, import_id, chunk, group, written) for group, ids in joined.items()
            if (written := written_ranges(ids))]  # fmt: skip
    if rows:
        tx.insert_many("import_join", rows)


def list_joins(tx: Tx, *, import_id: int, chunk: int) -> list[tuple[int, str]]:
    """Groups with the contacts that joined them by a chunk, as ranges of ids."""
    return tx.fetch(tuple[int, str], "list_import_joins", id=import_id, chunk=chunk)


def save_changes(tx: WriteTx, *, import_id: int, cards: Sequence[tuple[int, str]]) -> None:
    """Keep cards, by contact, as they were before an import changed them."""
    if cards:
        tx.run("save_import_changes", id=import_id, items=cards, now=tx.now)


def find_changes(tx: Tx, *, import_id: int, ids: Sequence[int]) -> dict[int, tuple[int, str]]:
    """Contacts with the time at which an import changed them last and their cards before it."""
    rows = tx.fetch(tuple[int, int, str], "find_import_changes", id=import_id, ids=ids) if ids else []
    return {contact_id: (at, card) for contact_id, at, card in rows}


def exclude_mobiles(tx: WriteTx, *, import_id: int, mobiles: Sequence[int]) -> None:
    """Exclude numbers from an import; each is kept as a change of the contact with the negative number."""
    save_changes(tx, import_id=import_id, cards=[(-mobile, "") for mobile in mobiles])


def find_excluded_mobiles(tx: Tx, *, import_id: int, mobiles: Sequence[int]) -> set[int]:
    """Those of some numbers that are excluded from an import."""
    return {-found for found in find_changes(tx, import_id=import_id, ids=[-mobile for mobile in mobiles])}


def delete_changes(tx: WriteTx, *, import_id: int, ids: Sequence[int]) -> None:
    """Delete the cards of some contacts from before an import."""
    if ids:
        tx.run("delete_import_changes", id=import_id, ids=ids)


# ---- rejects ----------------------------------------------------------------------------------------


def save_rejects(tx: WriteTx, *, import_id: int, first: int, last: int, rejects: Iterable[Reject]) -> None:
    """Save the rejects among the records from one number to another, in place of those of a plan."""
    tx.run("delete_import_rejects", id=import_id, first=first, last=last)
    rows = [
        (tx.project.id, import_id, one.number, one.reason, one.cell, one.record, one.digits, int(one.taken))
        for one in rejects
    ]
    if rows:
        tx.insert_many("import_reject", rows)


def list_rejects(tx: Tx, *, import_id: int, first: int, limit: int) -> list[Reject]:
    """At most ``limit`` rejects and warnings from the record ``first`` on, in order."""
    rows = tx.fetch(tuple[int, str, str, str, str, int], "list_import_rejects", id=import_id, first=first, limit=limit)
    return [Reject(*row[:5], bool(row[5])) for row in rows]


# ---- erasing ----------------------------------------------------------------------------------------


def erase_changes(tx: WriteTx, *, contact_id: int | None, mobile: int) -> int:
    """Delete an erased contact's cards from before imports. Returns how many there were.

    Finds them also when the contact is deleted or has another number now.
    """
    gone = tx.run("delete_contact_changes", contact=-mobile) + tx.run("delete_changes_by_card", pattern=f'%"{mobile}"%')
    return gone if contact_id is None else gone + tx.run("delete_contact_changes", contact=contact_id)


def erase_rejects(tx: WriteTx, *, digits: str) -> int:
    """Clear the rejects that hold these digits; they stay counted. Returns how many there were."""
    found = tx.fetch(tuple[int, int], "find_rejects_by_digits", pattern=f"%{digits}%")
    for import_id, number in found:
        tx.run("erase_import_reject", id=import_id, number=number, reason=NAMED_ERASED)
    return len(found)


def erase_from_chunk(tx: WriteTx, *, import_id: int, chunk: Chunk, contact_id: int) -> None:
    """Remove a contact's id from a chunk and its joins."""
    if contact_id in chunk.ids:
        ids = array("q", [0 if number == contact_id else number for number in chunk.ids])
        tx.run("update_chunk_ids", id=import_id, chunk=chunk.number, contacts=ids.tobytes())
    for group, contacts in list_joins(tx, import_id=import_id, chunk=chunk.number):
        if names_contact(contacts, contact_id=contact_id):
            left = without_contact(contacts, contact_id=contact_id)
            tx.run("update_import_join", id=import_id, chunk=chunk.number, group=group, contacts=left)
