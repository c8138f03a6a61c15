"""What commands know of an import: the same records, whether it is in a database or on a server."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

UNDER_WAY = ("queued", "running")
"""The states in which an import is worked on, or will be."""


class Column(Struct, frozen=True):
    """A column of the file, and the field that it is read as."""

    name: str
    field: str | None


class Reason(Struct, frozen=True):
    """What is wrong with some rows: how many, and the first of them."""

    why: str
    count: int
    rows: list[int]


class ImportRow(Struct, frozen=True, omit_defaults=True):
    """The outcome of one row."""

    row: int
    outcome: str
    id: int | None
    mobile: str | None
    suppressed: bool = False
    joined: bool = False
    kept_out: bool = False
    why: str | None = None
    warning: str | None = None


class ImportStatus(Struct, frozen=True, kw_only=True):
    """An import as the API shows it, and how its file is read. A server does not say the latter in full."""

    id: int
    state: str
    phase: str = "apply"
    kind: str = "contacts"
    name: str = ""
    format: str = ""
    group: str | None = None
    sheet: str | None = None
    sheets_not_read: list[str] = []
    header_row: int | None = None
    columns: list[Column] = []
    bytes: int = 0
    bytes_read: int = 0
    rows: int = 0
    counts: dict[str, int] = {}
    suppressed: int = 0
    joined: int = 0
    facts: int = 0
    opt_outs: int = 0
    unread_opt_outs: int = 0
    reasons: list[Reason] = []
    warnings: list[Reason] = []
    rejects: int = 0
    rate: float | None = None
    seconds_left: float | None = None
    error: str | None = None
    plan: dict[str, int] | None = None
    undo: dict[str, int] | None = None
    created_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    expires_at: str | None = None
    encoding: str | UnsetType | None = UNSET
    delimiter: str | UnsetType | None = UNSET
    header: bool | UnsetType = UNSET
    attributes: bool | UnsetType = UNSET
    keep_ids: bool | UnsetType = UNSET
    rejects_file: str | UnsetType = UNSET
    """The file to which the command has written the rejected rows."""
    rows_shown: list[ImportRow] | UnsetType = UNSET
    """The first rows of a plan."""


class FailedFile(Struct, frozen=True):
    """A file that did not become an import."""

    name: str
    error: str
    state: str = "failed"
