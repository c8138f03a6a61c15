"""An import request: checked against the file's layout; the file's bytes go into the database in parts.

No HTTP, no terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import IO, Any

from msgspec import Struct
from msgspec.structs import replace

from daftari.errors import TooLarge, ValidationFailed
from daftari.files import CARD_COLUMNS, LABEL, ColumnUse, Format, Layout, TableOptions, match_columns
from daftari.files.columns import MOBILE
from daftari.files.consent_columns import consent_field, names_time, read_consent_field
from daftari.model.contacts import TEXT_FIELDS
from daftari.model.limits import FILE_BYTES_MAX, ID_MAX, PART_BYTES, PARTS_PER_STEP
from daftari.rules.consent.facts import Kind, read_facts
from daftari.rules.fields import Problems
from daftari.rules.imports.lifecycle import add_parts, begin_import
from daftari.rules.imports.model import FACT_FIELDS, ImportKind, ImportSettings
from daftari.store import list_parts

OWN_NAMES = ("id", "mobile", *TEXT_FIELDS, "created_at", "attributes", "groups", "consent")
"""The members of a contact as it is exported."""
WORKBOOKS = ("xlsx", "ods")
FORMAT_NAMES: dict[Format, str] = {
    "csv": "CSV",
    "xlsx": "XLSX",
    "ods": "ODS",
    "vcard": "vCard",
    "ndjson": "NDJSON",
    "json": "JSON",
}
EXAMPLE = "+254722000000"
"""A number that can be read: what is wrong is elsewhere."""

Write = Callable[..., Any]
"""``write(rule, **values)``: a rule's result, under the lock of the project that the file is for."""
Read = Callable[..., Any]
"""The same without the lock."""


class ImportRequest(Struct, frozen=True):
    """What a caller asks for.

    ``mapping``: fields by column, over what is found by name. ``attributes``: columns that are nothing else become
    attributes. ``keep_ids``: ids and times of creation are the file's. ``fire_triggers``: contacts that join a group
    fire triggers. ``sheet``: which one of a workbook is read. ``header_row``: which row holds the names of the columns,
    0 if none does. ``mapped_later``: what its columns are may be said once it is here. ``common``: members of facts
    that the records do not name.
    """

    name: str
    media_type: str | None = None
    kind: ImportKind = "contacts"
    group: str | None = None
    mapping: dict[str, str] = {}
    attributes: bool = False
    keep_ids: bool = False
    fire_triggers: bool = False
    sheet: str | None = None
    header_row: int | None = None
    planned: bool = False
    mapped_later: bool = False
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
        own["fire_triggers"] = request.fire_triggers
        for name in filter(own.get, own):
            problems.add(name, "is for contacts.")
    problems.refuse()


def table_options(request: ImportRequest) -> TableOptions:
    """What the request knows of where the table is."""
    return TableOptions(request.sheet, request.header_row, tuple(request.mapping))


def import_settings(request: ImportRequest, *, layout: Layout, length: int, region: str, now: int) -> ImportSettings:
    """What an import of a file with this layout is to do. Raises ``ValidationFailed``."""
    _refuse_options(request, layout)
    common = read_common(request.common, kind=request.kind, region=region, now=now)
    return ImportSettings(
        name=request.name,
        bytes=length,
        layout=replace(layout, contents=()),
        uses=column_uses(layout, request=request),
        region=region,
        created_at=now,
        kind=request.kind,
        attributes=request.attributes,
        keep_ids=request.keep_ids,
        fire_triggers=request.fire_triggers,
        common=common,
        group=request.group,
        planned=request.planned,
    )


def read_common(given: dict[str, Any], *, kind: ImportKind, region: str, now: int) -> dict[str, Any]:
    """Members of facts that the records do not name. Raises ``ValidationFailed``."""
    common = {"source": "import", **given}
    if kind != "contacts":
        facts: Kind = "opt_out" if kind == "opt_outs" else "opt_in"
        read_facts([EXAMPLE], common=common, kind=facts, writer="import", region=region, now=now)
    return common


def _refuse_options(request: ImportRequest, layout: Layout) -> None:
    """Raise ``ValidationFailed`` for a sheet or a header of a file that has none."""
    problems = Problems()
    if request.sheet is not None and layout.format not in WORKBOOKS:
        problems.add("sheet", f"is for workbooks, and this file is {FORMAT_NAMES[layout.format]}.")
    if request.header_row is not None and layout.format not in (*WORKBOOKS, "csv"):
        problems.add("header_row", f"is for tables, and this file is {FORMAT_NAMES[layout.format]}.")
    problems.refuse()


def _advice(layout: Layout) -> str:
    """What can be done about a file in which no column was found to be the mobile."""
    advice = "Map one, as in Phone=mobile (map, --map)."
    if layout.format in (*WORKBOOKS, "csv"):
        advice = f"{advice} If their names are in another row, give its number (header_row, --header-row)."
    if layout.other_sheets:
        sheets = ", ".join(map(repr, layout.other_sheets))
        advice = f"{advice} This is sheet {layout.sheet!r}; to read another one, name it (sheet, --sheet): {sheets}."
    return advice


def column_uses(layout: Layout, *, request: ImportRequest) -> tuple[ColumnUse, ...]:
    """What each column is used for; for nothing, where this kind of import has no use for it."""
    columns = CARD_COLUMNS if layout.format == "vcard" else layout.columns
    try:
        uses = match_columns(columns, given=request.mapping, contents=layout.contents, advice=_advice(layout))
    except ValidationFailed:
        if not request.mapped_later:
            raise
        uses = tuple(ColumnUse(name, None) for name in columns)
    if layout.format in ("ndjson", "json"):
        # Objects have columns as they come, and only the first ones were looked at.
        used = {use.name for use in uses} | {use.field for use in uses}
        uses = (*uses, *(ColumnUse(name, name) for name in OWN_NAMES if name not in used))
    are_facts = request.kind != "contacts"
    if request.kind != "opt_outs":
        _refuse_opted_out(uses, request)
    uses = tuple(_useful(use, are_facts=are_facts) for use in uses)
    return _with_times(uses) if are_facts else uses


def _refuse_opted_out(uses: Sequence[ColumnUse], request: ImportRequest) -> None:
    """Raise ``ValidationFailed`` where the column of the numbers is called after those that opted out."""
    for use in uses:
        is_number = (use.field or "").partition(".")[0] == MOBILE and use.name not in request.mapping
        if is_number and (consent_field(use.name) or "").startswith("opt_out"):
            why = f"The column {use.name!r} holds the numbers of people who opted out."
            how = "Import the file as a list of opt-outs (kind, --opt-outs), or map the column."
            raise ValidationFailed({"kind": [f"{why} {how}"]})


def _useful(use: ColumnUse, *, are_facts: bool) -> ColumnUse:
    """What a column is used for in this kind of import. Of contacts a column with times of opt-outs is opt-outs."""
    field = use.field
    if field is None or field.partition(".")[0] in (MOBILE, LABEL) or read_consent_field(field) is not None:
        return use
    if (field in FACT_FIELDS) is are_facts:
        return use
    if field == "consent":
        return ColumnUse(use.name, consent_field(use.name))
    return ColumnUse(use.name, consent_field(use.name) if field == "at" else None)


def _with_times(uses: tuple[ColumnUse, ...]) -> tuple[ColumnUse, ...]:
    """Where no column says so by its name, the first that is called after a time says when the people opted."""
    if any(use.field == "at" for use in uses):
        return uses
    for place, use in enumerate(uses):
        if (use.field is None or use.field.startswith("opt_out")) and names_time(use.name):
            return (*uses[:place], ColumnUse(use.name, "at"), *uses[place + 1 :])
    return uses


def keep_file(write: Write, file: IO[bytes], *, settings: ImportSettings) -> int:
    """Make the import and keep its file; returns its id. No worker takes it before ``queue_import``."""
    import_id: int = write(begin_import, settings=settings)
    file.seek(0)
    first = 0
    while parts := _some_parts(file):
        write(add_parts, import_id=import_id, first=first, parts=parts)
        first += len(parts)
    return import_id


def fetch_file(read: Read, file: IO[bytes], *, import_id: int, parts_max: int = ID_MAX) -> None:
    """Write the file of an import, or its first parts, into another file."""
    first = 0
    while parts := read(list_parts, file_id=import_id, first=first, limit=min(PARTS_PER_STEP, parts_max - first)):
        file.writelines(parts)
        first += len(parts)
    file.flush()


def _some_parts(file: IO[bytes]) -> list[bytes]:
    return [part for _ in range(PARTS_PER_STEP) if (part := file.read(PART_BYTES))]
