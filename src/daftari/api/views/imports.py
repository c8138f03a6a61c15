"""What the calls under ``/v1/imports`` and the stream of contacts answer."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from daftari.model.limits import IMPORT_ROWS_PER_PAGE_MAX, IMPORTS_PER_PAGE_MAX
from daftari.model.members import Count, Number, Text
from daftari.rules.imports.views import ImportCounts, ImportRow, ImportView


class ImportAnswer(Struct, frozen=True):
    """The import."""

    import_: ImportView = field(name="import")


class ImportList(Struct, frozen=True):
    """Some imports."""

    imports: Annotated[list[ImportView], Meta(max_length=IMPORTS_PER_PAGE_MAX)]
    """The imports, the newest first."""
    next: str | None
    """Send it as `after` for those that follow; `null` at the end."""


class ImportRows(Struct, frozen=True):
    """Some rows."""

    rows: Annotated[list[ImportRow], Meta(max_length=IMPORT_ROWS_PER_PAGE_MAX)]
    """The rows, in the order of the file."""
    next: str | None
    """Send it as `after` for those that follow; `null` when there are no more yet."""


class StreamBegun(Struct, frozen=True):
    """The first line."""

    import_: Number = field(name="import")
    """The id of the stream's import, by which to resume it."""


class StreamEnd(Struct, frozen=True):
    """The last line."""

    end: Annotated[bool, Meta(extra_json_schema={"const": True})]
    """Every line was accepted. A stream without it can be resumed."""
    rows: Count
    """How many rows the stream has."""
    counts: ImportCounts
    suppressed: Count
    """How many of the rows belong to people who opted out of everything."""
    joined: Count
    """How many contacts joined a group by it."""


class StreamCut(Struct, frozen=True, omit_defaults=True):
    """The last line of a call whose stream can be resumed."""

    end: Annotated[bool, Meta(extra_json_schema={"const": False})]
    """The stream is not done."""
    resume: Number
    """Send it as `resume`, with the lines that follow."""
    after: Count
    """Send it as `after`: the last row whose outcome was sent."""
    message: Text | None = None
    """Why, in a sentence for people; without it there were as many rows as one call takes."""
    error_code: Annotated[str, Meta(extra_json_schema={"$ref": "ErrorCode"})] | None = None
    retryable: bool | None = None
    """Whether resuming may help."""
    request_id: Text | None = None
    """This request's name in the server's log."""
