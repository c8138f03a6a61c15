"""An import request: checked against the file's layout; the file's bytes go into the database in parts.

No HTTP, no terminal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any

from msgspec import Struct

from daftari.errors import TooLarge
from daftari.files import CARD_COLUMNS, ColumnUse, Layout, match_columns
from daftari.files.columns import MOBILE
from daftari.model.contacts import TEXT_FIELDS
from daftari.model.limits import FILE_BYTES_MAX, PART_BYTES, PARTS_PER_STEP
from daftari.rules.consent.facts import Kind, read_facts
from daftari.rules.fields import Problems
from daftari.rules.imports.columns import FACT_FIELDS
from daftari.rules.imports.lifecycle import add_parts, begin_import
from daftari.rules.imports.model import ImportKind, ImportSettings

OWN_NAMES = ("id", "mobile", *TEXT_FIELDS, "created_at", "attributes", "groups", "consent")
"""The members of a contact as it is exported."""
EXAMPLE = "+254722000000"
"""A number that can be read: what is wrong is elsewhere."""

Write = Callable[..., Any]
"""``write(rule, **values)``: a rule's result, under the lock of the project that the file is for."""


class ImportRequest(Struct, frozen=True):
    """What a caller asks for.

    ``mapping``: fields by column, over what is found by name. ``attributes``: columns that are nothing else become
    attributes. ``keep_ids``: ids and times of creation are the file's. ``common``: members of facts that the records do
    not name.
    """

    name: str
    media_type: str | None = None
    kind: ImportKind = "contacts"
    group: str | None = None
    mapping: dict[str, str] = {}
    attributes: bool = False
    keep_ids: bool = False
    planned: bool = False
    common: dict[str, Any] = {}


def check_request(request: ImportRequest, *, length: int) -> None:
    """Raises ``TooLarge`` for a file of so many bytes, and ``ValidationFailed`` for fields that exclude each other."""
    if length > FILE_BYTES_MAX:
        raise TooLarge(f"The file is larger than the {FILE_BYTES_MAX} bytes that an import takes.")
    problems = Problems()
    if request.kind == "contacts":
        for name in request.common:
            problems.add(name, "is for lists of opt-outs and opt-ins.")
    else:
        own = {"group": request.group, "attributes": request.attributes, "keep_ids": request.keep_ids}
        for name in filter(own.get, own):
            problems.add(name, "is for contacts.")
    problems.refuse()


def import_settings(request: ImportRequest, *, layout: Layout, length: int, region: str, now: int) -> ImportSettings:
    """What an import of a file with this layout is to do. Raises ``ValidationFailed``."""
    common = {"source": "import", **request.common}
    if request.kind != "contacts":
        kind: Kind = "opt_out" if request.kind == "opt_outs" else "opt_in"
        read_facts([EXAMPLE], common=common, kind=kind, region=region, now=now)
    return ImportSettings(
        name=request.name,
        bytes=length,
        layout=layout,
        uses=column_uses(layout, request=request),
        region=region,
        created_at=now,
        kind=request.kind,
        attributes=request.attributes,
        keep_ids=request.keep_ids,
        common=common,
        group=request.group,
        planned=request.planned,
    )


def column_uses(layout: Layout, *, request: ImportRequest) -> tuple[ColumnUse, ...]:
    """What each column is used for; for nothing, where this kind of import has no use for it."""
    columns = CARD_COLUMNS if layout.format == "vcard" else layout.columns
    uses = match_columns(columns, given=request.mapping)
    if layout.format in ("ndjson", "json"):
        # Objects have columns as they come, and only the first ones were looked at.
        used = {use.name for use in uses} | {use.field for use in uses}
        uses = (*uses, *(ColumnUse(name, name) for name in OWN_NAMES if name not in used))
    are_facts = request.kind != "contacts"

    def is_useful(field: str) -> bool:
        return field.partition(".")[0] == MOBILE or (field in FACT_FIELDS) is are_facts

    return tuple(use if use.field is None or is_useful(use.field) else ColumnUse(use.name, None) for use in uses)


def keep_file(write: Write, file: IO[bytes], *, settings: ImportSettings) -> int:
    """Make the import and keep its file; returns its id. No worker takes it before ``queue_import``."""
    import_id: int = write(begin_import, settings=settings)
    file.seek(0)
    first = 0
    while parts := _some_parts(file):
        write(add_parts, import_id=import_id, first=first, parts=parts)
        first += len(parts)
    return import_id


def _some_parts(file: IO[bytes]) -> list[bytes]:
    return [part for _ in range(PARTS_PER_STEP) if (part := file.read(PART_BYTES))]
