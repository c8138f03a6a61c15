"""What the calls about imports, streams and exports return, as ``records``."""

from __future__ import annotations

from datetime import datetime

from msgspec import field

from daftari_client.records import Record


class Column(Record, frozen=True, kw_only=True):
    """A column of a file and the field that it is read as; ``None`` if it is ignored."""

    name: str
    field: str | None = None


class ImportReason(Record, frozen=True, kw_only=True):
    """What is wrong with some rows of an import: how many, and the numbers of the first ones."""

    why: str
    count: int = 0
    rows: list[int] = field(default_factory=list)


class Undone(Record, frozen=True, kw_only=True):
    """The counts of an undo: contacts restored, contacts kept because they changed since, and failures.

    ``retracted`` counts the facts that were taken back.
    """

    reversed: int = 0
    kept: int = 0
    failed: int = 0
    retracted: int = 0


class Import(Record, frozen=True, kw_only=True):
    """An import of a file.

    ``state`` is ``queued``, ``running``, ``paused``, ``done``, ``failed`` or ``cancelled``; ``phase`` is ``plan``,
    ``apply`` or ``undo``. ``counts`` has the rows by outcome and adds up to ``rows``; ``plan`` has what the plan
    counted. ``facts`` counts the opt-outs, opt-ins and other facts that were recorded, ``opt_outs`` those that columns
    such as "SMS Opt Out" of contacts say, and ``unread_opt_outs`` rows that opt out a number that cannot be read.
    ``reasons`` and ``warnings`` say what is wrong, and ``rejects`` counts rows. ``rate`` is in rows a second.
    ``sheet`` was read of a workbook, ``sheets_not_read`` were not; ``header_row`` holds the names of the columns.
    """

    id: int
    state: str
    phase: str | None = None
    kind: str | None = None
    name: str | None = None
    format: str | None = None
    group: str | None = None
    sheet: str | None = None
    sheets_not_read: list[str] | None = None
    header_row: int | None = None
    columns: list[Column] | None = None
    bytes: int | None = None
    bytes_read: int | None = None
    rows: int | None = None
    counts: dict[str, int] | None = None
    suppressed: int | None = None
    joined: int | None = None
    facts: int | None = None
    opt_outs: int | None = None
    unread_opt_outs: int | None = None
    reasons: list[ImportReason] | None = None
    warnings: list[ImportReason] | None = None
    rejects: int | None = None
    rate: float | None = None
    seconds_left: float | None = None
    error: str | None = None
    plan: dict[str, int] | None = None
    undo: Undone | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None


class ImportRow(Record, frozen=True, kw_only=True):
    """The outcome of one row of an import. ``row`` counts from 1; ``why`` says what is wrong with a rejected row,
    ``warning`` what was not understood of a row that was taken.

    ``suppressed`` and ``kept_out``: the number opted out of everything, or left the group itself, and did not join.
    """

    row: int
    outcome: str
    id: int | None = None
    mobile: str | None = None
    suppressed: bool = False
    joined: bool = False
    kept_out: bool = False
    why: str | None = None
    warning: str | None = None


class StreamedRow(ImportRow, frozen=True, kw_only=True):
    """The outcome of one streamed contact. ``row`` is its position in the stream, from 1; ``import_id`` names the
    import that holds it.
    """

    import_id: int | None = None


class Export(Record, frozen=True, kw_only=True):
    """An export to a file. ``state`` is ``queued``, ``running``, ``done`` or ``failed``.

    ``rows`` and ``bytes`` are the size of the file, once it is done. The file is deleted at ``expires_at``.
    """

    id: int
    state: str
    format: str | None = None
    group: str | None = None
    consent: bool = False
    rows: int | None = None
    bytes: int | None = None
    error: str | None = None
    created_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None
