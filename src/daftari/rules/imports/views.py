"""What is shown of imports and their rows. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Annotated, Literal

from msgspec import Meta, Struct

from daftari.files import Format
from daftari.model.contacts import Card
from daftari.model.imports import ImportPhase, ImportState
from daftari.model.limits import TEXT_MAX
from daftari.model.members import Count, Mobile, Number, Text, Time
from daftari.model.time import format_time
from daftari.rules.contacts.merge import read_card
from daftari.rules.imports.lifecycle import get_import
from daftari.rules.imports.model import (
    CODE,
    JOINED,
    KEPT_OUT,
    OUTCOME_MASK,
    OUTCOMES,
    SUPPRESSED,
    UNDONE,
    Import,
    ImportKind,
    ImportOutcome,
    ImportSettings,
    Tally,
    outcome_names,
)
from daftari.store import Tx, contacts, imports
from daftari.store.imports import Reject

LOOKED_AT_MAX = 500_000
"""Rows that are looked at to find some of one outcome."""
NOTED = ("invalid", "changed", "refused")
"""Outcomes of which a reason is kept."""
ShownState = Literal["queued", "running", "paused", "done", "failed", "cancelled"]
STATES: dict[ImportState, ShownState] = {
    "receiving": "running",
    "streaming": "running",
    "queued": "queued",
    "running": "running",
    "paused": "paused",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
}
"""States as callers see them: an import that streams, or whose file is arriving, is running."""


class ImportCounts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Rows by outcome; together they are all rows that were read."""

    created: Count | None = None
    """New contacts."""
    updated: Count | None = None
    """Contacts that changed, or joined a group."""
    recorded: Count | None = None
    """Of lists of opt-outs and opt-ins: facts that were recorded."""
    unchanged: Count
    """Rows that said nothing new."""
    refused: Count | None = None
    """Opt-ins that may not lift the person's own opt-out."""
    duplicate: Count
    """Rows whose number came before in the file. They are merged too."""
    invalid: Count
    """Rows that could not be taken."""
    changed: Count | None = None
    """Rows of an applied plan whose contact has changed since. They were left alone."""


class ImportUndone(Struct, frozen=True):
    """What an undo did so far."""

    reversed: Count
    """Contacts that are as they were before."""
    kept: Count
    """Contacts that others have changed since. They were left alone."""
    failed: Count
    """Contacts whose earlier state is no longer known."""
    retracted: Count
    """Opt-ins, and opt-outs if that was asked for, that were taken back."""


class ImportColumn(Struct, frozen=True):
    """How a column is used."""

    name: str
    """The name of the column, or of the member."""
    field: str | None
    """The field that it is, `attributes.NAME` for one of its own; `null` when it is not used."""


class ImportReason(Struct, frozen=True):
    """What is wrong with some rows."""

    why: Text
    """The reason, without what was found in each row."""
    count: Count
    """How many rows have it."""
    rows: list[Number]
    """The first of them, up to three."""


class ImportView(Struct, frozen=True, kw_only=True):
    """An import: its file, its state and its counts."""

    id: Number
    """What the other calls name."""
    state: ShownState
    """Where it is. A plan that is `done` can be applied."""
    phase: ImportPhase
    """What it is doing, or did last."""
    kind: ImportKind
    """What is in the file."""
    name: Annotated[str, Meta(max_length=TEXT_MAX)]
    """The name of the file."""
    format: Format
    """The format that the file was found to have."""
    group: Annotated[str, Meta(max_length=TEXT_MAX)] | None
    """The group that all contacts of the file join."""
    sheet: Text | None
    """Of a workbook: the sheet that is read."""
    sheets_not_read: list[Text]
    """Of a workbook: its other sheets that hold something. Import the file again for each that you need."""
    header_row: Number | None
    """The row that holds the names of the columns; `null` when the file has none."""
    columns: list[ImportColumn]
    """How each column is used."""
    bytes: Count
    """How long the file is; 0 for a stream."""
    bytes_read: Count
    """How much of it was read."""
    rows: Count
    """How many rows were read."""
    counts: ImportCounts
    suppressed: Count
    """How many of the rows belong to people who opted out of everything. They joined nothing."""
    joined: Count
    """How many contacts joined a group by it."""
    facts: Count
    """How many opt-outs, opt-ins and similar facts it recorded."""
    opt_outs: Count
    """How many opt-outs the rows of contacts say that were not known, in columns such as `SMS Opt Out`. They are
    recorded."""
    unread_opt_outs: Count
    """How many rows say an opt-out whose number cannot be read. No one is opted out by them."""
    reasons: list[ImportReason]
    """Why rows could not be taken, the most frequent reason first."""
    warnings: list[ImportReason]
    """What could not be understood of rows that were taken, the most frequent first."""
    rejects: Count
    """How many rows could not be taken, or not whole. The first 100,000 of them and of the warnings are kept."""
    rate: float | None
    """Rows a second while it was worked on."""
    seconds_left: float | None
    """How long the rest will take, while it is worked on."""
    error: str | None
    """Why it failed."""
    plan: ImportCounts | None
    """What the plan foresaw, once it is applied."""
    undo: ImportUndone | None
    """What its undo did so far."""
    created_at: Time
    """When the file came."""
    started_at: Time | None
    """When its first rows were written."""
    finished_at: Time | None
    """When it ended."""
    expires_at: Time
    """When it is deleted and can no longer be undone."""


class ImportRow(Struct, frozen=True, omit_defaults=True):
    """The outcome of one row, done or planned."""

    row: Number
    """The number of the row, counted from 1 without the header and without blank lines."""
    outcome: ImportOutcome
    """Its outcome."""
    id: Number | None
    """The contact's id; `null` when there is none."""
    mobile: Mobile | None
    """The contact's number; `null` when there is no contact."""
    suppressed: bool = False
    """There when the number has opted out of everything. It joined no group."""
    joined: bool = False
    """There when the contact joined a group by this row."""
    kept_out: bool = False
    """There when the person left the group by their own word. The contact did not join it again."""
    why: Text | None = None
    """Why it could not be taken, and what was found."""
    warning: Text | None = None
    """What could not be understood of a row that was taken."""


def show_import(found: Import) -> ImportView:
    """An import as callers see it."""
    settings, progress, stored = found.settings, found.progress, found.stored
    names = outcome_names(settings.kind)
    foreseen = names[:-1]
    rate = progress.rows / progress.seconds if progress.seconds else None
    return ImportView(
        id=found.id,
        state=STATES[stored.state],
        phase=stored.phase,
        kind=settings.kind,
        name=settings.name,
        format=settings.layout.format,
        group=settings.group,
        sheet=settings.layout.sheet,
        sheets_not_read=list(settings.layout.other_sheets),
        header_row=settings.layout.header_row,
        columns=_show_columns(settings),
        bytes=settings.bytes,
        bytes_read=progress.bytes_read,
        rows=progress.rows,
        counts=_show_counts(progress.counts, names if settings.planned else foreseen),
        suppressed=progress.suppressed,
        joined=progress.joined,
        facts=progress.facts,
        opt_outs=progress.opt_outs,
        unread_opt_outs=progress.unread_opt_outs,
        reasons=_show_reasons(progress.reasons),
        warnings=_show_reasons(progress.warnings),
        rejects=progress.rejects,
        rate=None if rate is None else round(rate, 1),
        seconds_left=_seconds_left(found),
        error=progress.error,
        plan=None if progress.plan is None else _show_counts(progress.plan, foreseen),
        undo=None if progress.undone is None else ImportUndone(*(progress.undone.get(name, 0) for name in UNDONE)),
        created_at=format_time(stored.created_at),
        started_at=_shown_time(progress.started_at),
        finished_at=_shown_time(progress.finished_at),
        expires_at=format_time(stored.expires_at),
    )


def _show_counts(counts: Mapping[str, int], names: Iterable[str]) -> ImportCounts:
    return ImportCounts(**{name: counts.get(name, 0) for name in names})


def _show_reasons(tallies: Mapping[str, Tally]) -> list[ImportReason]:
    ranked = sorted(tallies.items(), key=lambda item: (-item[1].count, item[1].rows))
    return [ImportReason(why, tally.count, list(tally.rows)) for why, tally in ranked]


def _show_columns(settings: ImportSettings) -> list[ImportColumn]:
    """The columns that the file was seen to have; an address book has none, and its cards what cards have."""
    seen = settings.layout.columns
    return [ImportColumn(use.name, use.field) for use in settings.uses if not seen or use.name in seen]


def _seconds_left(found: Import) -> float | None:
    progress = found.progress
    if found.stored.phase == "undo" or found.is_streamed or not found.is_work or not progress.bytes_read:
        return None
    left = max(found.settings.bytes - progress.bytes_read, 0)
    return round(progress.seconds * left / progress.bytes_read, 1)


def _shown_time(at: int | None) -> str | None:
    return None if at is None else format_time(at)


def list_rows(tx: Tx, *, import_id: int, after: int, limit: int) -> list[ImportRow]:
    """The outcomes of records, from the one after ``after`` on, in their order."""
    get_import(tx, import_id=import_id)
    rows = list(islice(imports.walk_rows(tx, import_id=import_id, after=after), limit))
    if not rows:
        return []
    notes = {
        one.number: one
        for one in imports.list_rejects(tx, import_id=import_id, first=rows[0][0], limit=limit)
        if one.number <= rows[-1][0]
    }
    mobiles = _find_mobiles(tx, rows)
    return [_show_row(number, code, contact_id, mobiles.get(contact_id), notes.get(number))
            for number, code, contact_id in rows]  # fmt: skip


class RowsFound(Struct, frozen=True):
    """Some rows, and the row after which to look further; ``None`` at the end."""

    rows: list[ImportRow]
    following: int | None


_SOME: dict[str, tuple[ImportOutcome, ...]] = {"rejected": ("invalid", "changed")}
_FLAGS: dict[str, int] = {"suppressed": SUPPRESSED, "joined": JOINED}


def find_rows(tx: Tx, *, import_id: int, choice: str, after: int, limit: int) -> RowsFound:
    """At most ``limit`` rows that were chosen, among the next ``LOOKED_AT_MAX``.

    ``choice``: an outcome; ``rejected``, all that was not taken; ``suppressed``, whose number opted out of everything;
    ``joined``, whose contact joined a group.
    """
    get_import(tx, import_id=import_id)
    flag = _FLAGS.get(choice, 0)
    codes = () if flag else {CODE[name] for name in _SOME.get(choice, (choice,))}
    found: list[tuple[int, int, int]] = []
    for number, outcome, contact_id in imports.walk_rows(tx, import_id=import_id, after=after):
        if len(found) == limit or number > after + LOOKED_AT_MAX:
            following = found[-1][0] if len(found) == limit else number - 1
            return RowsFound(_show_rows(tx, import_id, found), following)
        if outcome & flag if flag else outcome & OUTCOME_MASK in codes:
            found.append((number, outcome, contact_id))
    return RowsFound(_show_rows(tx, import_id, found), None)


def _show_rows(tx: Tx, import_id: int, rows: list[tuple[int, int, int]]) -> list[ImportRow]:
    notes: dict[int, Reject] = {}
    for number, outcome, _ in rows:
        if number not in notes and OUTCOMES[outcome & OUTCOME_MASK] in NOTED:
            some = imports.list_rejects(tx, import_id=import_id, first=number, limit=len(rows))
            notes |= {one.number: one for one in some}
    mobiles = _find_mobiles(tx, rows)
    return [_show_row(number, code, contact_id, mobiles.get(contact_id), notes.get(number))
            for number, code, contact_id in rows]  # fmt: skip


def _find_mobiles(tx: Tx, rows: list[tuple[int, int, int]]) -> dict[int, int]:
    ids = sorted({contact_id for _, _, contact_id in rows if contact_id})
    return {contact.id: contact.mobile for contact in contacts.find_contact_numbers(tx, ids=ids)} if ids else {}


class FoundReason(Struct, frozen=True):
    """Why some rows could not be taken, with an example: its row, and what was found there; blank if nothing is."""

    why: str
    count: int
    row: int
    cell: str


def explain_rejects(tx: Tx, *, found: Import) -> list[FoundReason]:
    """Why rows could not be taken, the most frequent reason first."""
    explained = []
    for reason in _show_reasons(found.progress.reasons):
        row = reason.rows[0] if reason.rows else 0
        kept = next(iter(imports.list_rejects(tx, import_id=found.id, first=row, limit=1)), None)
        cell = kept.cell if kept is not None and kept.number == row else ""
        explained.append(FoundReason(reason.why, reason.count, row, cell))
    return explained


class PlannedChange(Struct, frozen=True):
    """A contact that a plan would change, as it is and as it would be."""

    row: int
    now: Card
    then: Card


def list_changes(tx: Tx, *, found: Import) -> list[PlannedChange]:
    """The first contacts that a plan would change."""
    ids = [contact_id for _, contact_id in found.progress.samples]
    then = imports.find_changes(tx, import_id=found.id, ids=ids)
    now = {contact.id: contact.card for contact in contacts.find_contacts(tx, ids=ids)}
    return [
        PlannedChange(row, read_card(now[contact_id]), read_card(then[contact_id][1]))
        for row, contact_id in found.progress.samples
        if contact_id in now and contact_id in then
    ]


def _show_row(number: int, code: int, contact_id: int, mobile: int | None, note: Reject | None) -> ImportRow:
    return ImportRow(
        number,
        OUTCOMES[code & OUTCOME_MASK],
        contact_id or None,
        None if mobile is None else str(mobile),
        suppressed=bool(code & SUPPRESSED),
        joined=bool(code & JOINED),
        kept_out=bool(code & KEPT_OUT),
        why=None if note is None or note.taken else note.why,
        warning=note.why if note is not None and note.taken else None,
    )
