"""Records of an import: what was asked, how far it is, and how outcomes are stored. No SQL, no files."""

from __future__ import annotations

from typing import Any, Literal, get_args

from msgspec import Raw, Struct

from daftari.files import ColumnUse, Layout
from daftari.model.consent import NewFact
from daftari.model.contacts import ContactRow
from daftari.rules.imports.times import DateOrder
from daftari.rules.numbers import NOW
from daftari.store.imports import CHUNK_RECORDS, Reject, StoredImport
from daftari.store.numbers import Mark

ImportKind = Literal["contacts", "opt_outs", "opt_ins"]
Values = list[Any] | dict[str, Any]
FACT_FIELDS = ("channel", "sender", "purpose", "at", "note")
"""Fields of a record of a list."""


class ReadChunk(Struct, frozen=True, array_like=True):
    """Up to a thousand records as they were read. Rows and facts have their record's number as index.

    ``groups``: names, and the records that name them. ``repeat_groups``: the same, for numbers that a record before in
    the file named for that group. ``ids``: by number. ``repeats``: records whose number came before in
    the file. ``others``: records that are about no contact. ``values``: each record, should it be rejected later.
    ``bytes_read``: of the file so far. ``warnings``: of records that are taken. ``unread_opt_outs``: records that say
    an opt-out, and not whose.
    """

    number: int
    first: int
    count: int
    rows: list[ContactRow]
    groups: dict[str, list[int]]
    repeat_groups: dict[str, list[int]]
    ids: dict[int, int]
    facts: list[NewFact]
    repeats: list[int]
    others: list[int]
    rejects: list[Reject]
    values: Raw
    bytes_read: int
    warnings: list[Reject]
    unread_opt_outs: list[int]


CONTACT_OUTCOMES = ("created", "updated", "unchanged", "duplicate", "invalid", "changed")
"""The outcomes of a record. ``changed``: its contact differs from what the plan saw, and was left alone."""
FACT_OUTCOMES = ("recorded", "unchanged", "refused", "duplicate", "invalid", "changed")
ImportOutcome = Literal[
    "nothing", "created", "updated", "unchanged", "duplicate", "invalid", "changed", "recorded", "refused"
]
OUTCOMES: tuple[ImportOutcome, ...] = get_args(ImportOutcome)
"""By the low half of a record's byte; the first one is for a record that is not processed yet."""
UNDONE = ("reversed", "kept", "failed", "retracted")
"""The outcomes of contacts and facts in an undo."""
CODE: dict[str, int] = {name: place for place, name in enumerate(OUTCOMES)}
SUPPRESSED = 0x10
JOINED = 0x20
KEPT_OUT = 0x40
RECORDED = 0x80
"""Its row said something of its number that was not known."""
OUTCOME_MASK = 0x0F


class ImportSettings(Struct, frozen=True, omit_defaults=True):
    """What an import is to do, kept with it: how its records are read, again and again in the same way, and what for.

    ``name``: the file's. ``bytes``: its length. ``uses``: what each column is for. ``attributes``: columns that are
    nothing else become attributes. ``keep_ids``: ids and times of creation are the file's. ``fire_triggers``: contacts
    that join a group fire triggers. ``common``: members of facts that the records do not name. ``known``: the moment at
    which the file came, for the numbers that the project knew by then. ``created_at``: that of new contacts, in
    microseconds. ``chunk_records``: records of a chunk, kept so that a resumed import has the same chunks.
    ``streamed``: one request sends its rows, and there is no file. ``date_order``: how dates such as ``06/05/2024`` are
    written, where someone said so. ``reason``: why an undo takes its opt-outs back.
    ``receipt``: the file's place in the order of the project's receipts.
    """

    name: str
    bytes: int
    layout: Layout
    uses: tuple[ColumnUse, ...]
    region: str
    created_at: int
    kind: ImportKind = "contacts"
    attributes: bool = False
    keep_ids: bool = False
    fire_triggers: bool = False
    common: dict[str, Any] = {}
    chunk_records: int = CHUNK_RECORDS
    group: str | None = None
    planned: bool = False
    streamed: bool = False
    date_order: DateOrder | None = None
    retract_opt_outs: bool = False
    reason: str | None = None
    receipt: int = 0
    known: Mark = NOW
    connection_id: int = 0
    """The connection whose records it takes; 0 for none."""


class Tally(Struct, frozen=True, array_like=True):
    """How many records have a reason, and the first ones."""

    count: int
    rows: tuple[int, ...]


class Progress(Struct, frozen=True, omit_defaults=True):
    """How far an import is. ``seconds``: of work, pauses not among them. ``tries``: how often its file broke off.

    ``opt_outs``: those that columns of contacts said. ``unread_opt_outs``: records that say an opt-out of a number that
    cannot be read. ``reasons`` and ``warnings``: by their sentence. ``rejects``: records that were rejected, and
    ``noted``: how many of them and of the warnings are kept. ``samples``: of a plan, the first records that would
    change a contact, with its id.
    """

    next_chunk: int = 0
    rows: int = 0
    bytes_read: int = 0
    counts: dict[str, int] = {}
    suppressed: int = 0
    joined: int = 0
    facts: int = 0
    opt_outs: int = 0
    unread_opt_outs: int = 0
    reasons: dict[str, Tally] = {}
    warnings: dict[str, Tally] = {}
    rejects: int = 0
    noted: int = 0
    samples: tuple[tuple[int, int], ...] = ()
    groups: tuple[int, ...] = ()
    """Groups that contacts joined."""
    seconds: float = 0.0
    started_at: int | None = None
    finished_at: int | None = None
    error: str | None = None
    tries: int = 0
    plan: dict[str, int] | None = None
    """What the plan foresaw."""
    call: str | None = None
    """Of a stream: the request that streams, and no other one."""
    undone: dict[str, int] | None = None
    undo_chunk: int = 0


class Import(Struct, frozen=True):
    """An import with its settings and progress read."""

    stored: StoredImport
    settings: ImportSettings
    progress: Progress

    @property
    def id(self) -> int:
        """Its number."""
        return self.stored.id

    @property
    def named(self) -> dict[str, object]:
        """Which import an act is about, for the journal."""
        return {"import": self.stored.id}

    @property
    def is_work(self) -> bool:
        """Whether it is to be worked on: by a worker, or by the call that streams."""
        return self.stored.state in ("queued", "running", "streaming")

    @property
    def may_be_planned(self) -> bool:
        """Whether its file is here, nothing of it was applied, and no plan is being made."""
        return self.stored.phase == "plan" and self.stored.state in ("paused", "done") and not self.settings.streamed

    @property
    def is_new(self) -> bool:
        """Whether its file waits for its first plan."""
        return self.stored.phase == "plan" and self.stored.state == "paused" and not self.progress.rows

    @property
    def is_streamed(self) -> bool:
        """Whether one request sends its rows, and no worker may take it."""
        return self.settings.streamed and self.stored.phase == "apply"


def outcome_names(kind: ImportKind) -> tuple[str, ...]:
    """The outcomes that records of a kind may have."""
    return CONTACT_OUTCOMES if kind == "contacts" else FACT_OUTCOMES
