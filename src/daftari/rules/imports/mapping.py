"""What the columns of a file that is here may become, and what someone chose. No HTTP, no SQL.

A choice is made by place, since several columns may have one name. What an address book holds is not chosen.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from daftari.errors import ValidationFailed
from daftari.files import ColumnUse
from daftari.files.columns import ATTRIBUTES, LABEL, MOBILE, find_labels, numbered
from daftari.files.consent_columns import read_consent_field
from daftari.rules.imports.lifecycle import list_imports
from daftari.rules.imports.model import FACT_FIELDS, Import, ImportKind, ImportSettings
from daftari.rules.imports.request import OWN_NAMES
from daftari.store import Tx

REMEMBERED_MAX = 100
"""Imports whose header rows are compared with that of a new file, the last ones first."""
CONTACT_FIELDS = ("name", "fname", "mname", "lname", "email", "city", "company", "group", "groups")
CONSENT_FIELDS = ("opt_out", "accepts", "status")
NOTHING = "-"
"""What a column that is not used becomes."""


class Column(Struct, frozen=True):
    """A column of a file: what it becomes, and all that it may become."""

    name: str
    field: str
    choices: tuple[str, ...]


def list_columns(settings: ImportSettings) -> list[Column]:
    """The columns of a file that are chosen; none of an address book."""
    seen = len(settings.layout.columns)
    return [Column(use.name, found := _chosen(use, settings), _choices(use.name, found, settings.kind))
            for use in settings.uses[:seen]]  # fmt: skip


def _chosen(use: ColumnUse, settings: ImportSettings) -> str:
    if use.field is None:
        kept = attribute_of(use.name)
        return kept if settings.attributes and settings.kind == "contacts" and kept else NOTHING
    bare = use.field.partition(".")[0]
    return bare if bare in (MOBILE, LABEL) else use.field


def _choices(name: str, found: str, kind: ImportKind) -> tuple[str, ...]:
    fields = [MOBILE, *(CONTACT_FIELDS if kind == "contacts" else FACT_FIELDS)]
    if kind == "contacts":
        fields += CONSENT_FIELDS
        if kept := attribute_of(name):
            fields.append(kept)
    return (*fields, *([found] if found not in (*fields, NOTHING) else ()), NOTHING)


def attribute_of(name: str) -> str:
    """The attribute that a column is kept as; blank for one without a name."""
    plain = " ".join(name.replace(":", " ").split())
    return f"{ATTRIBUTES}{plain}" if plain else ""


def choose_columns(settings: ImportSettings, *, fields: Sequence[str]) -> ImportSettings:
    """The same with other uses of the columns, one for each in their order. Raises ``ValidationFailed`` on ``map``."""
    columns = list_columns(settings)
    if not columns:
        return settings
    errors: dict[str, list[str]] = {}
    if len(fields) != len(columns):
        errors["map"] = [f"The map field must name {len(columns)} fields, one for each column."]
    chosen: dict[int, str | None] = {}
    mobiles = 0
    for place, (column, field) in enumerate(zip(columns, fields, strict=False)):
        if field not in column.choices:
            errors[f"map.{place}"] = [f"The map field must be one of: {', '.join(column.choices)}."]
        elif field == MOBILE:
            mobiles += 1
            chosen[place] = numbered(MOBILE, mobiles)
        elif field in chosen.values() and read_consent_field(field) is None:
            errors[f"map.{place}"] = [f"Two columns are mapped to {field!r}."]
        elif field not in (NOTHING, LABEL):
            chosen[place] = field
    if not mobiles:
        errors.setdefault("map", ["The map field names no column that is the mobile."])
    if errors:
        raise ValidationFailed(errors)
    names = settings.layout.columns
    labels = {place: field for place, field in find_labels(names, chosen).items() if fields[place] == LABEL}
    uses = [ColumnUse(name, {**chosen, **labels}.get(place)) for place, name in enumerate(names)]
    if settings.layout.format in ("ndjson", "json"):
        used = {use.name for use in uses} | {use.field for use in uses}
        uses += [ColumnUse(name, name) for name in OWN_NAMES if name not in used]
    return replace(settings, uses=tuple(uses), attributes=False)


def find_remembered(tx: Tx, *, settings: ImportSettings, before: int = 0) -> Import | None:
    """The last import, before an id, of a file with the same header row; 0 for all. What its columns became is known.

    Only the last ones are looked at.
    """
    if not settings.layout.header or not settings.layout.columns:
        return None
    for found in list_imports(tx, before=before, limit=REMEMBERED_MAX):
        other = found.settings
        is_used = found.progress.rows > 0 or found.progress.plan is not None
        is_like = other.layout.columns == settings.layout.columns and other.layout.format == settings.layout.format
        if is_used and is_like and other.kind == settings.kind and not other.streamed:
            return found
    return None


def recall_columns(settings: ImportSettings, remembered: Import) -> ImportSettings:
    """The same with the columns of an earlier file that had the same header row."""
    return replace(settings, uses=remembered.settings.uses, attributes=remembered.settings.attributes)
