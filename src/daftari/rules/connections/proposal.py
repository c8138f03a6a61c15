"""What the fields of a record are used for, as far as their names say it. No store, no network."""

from __future__ import annotations

from collections.abc import Sequence

from daftari.connectors import CONNECTORS
from daftari.connectors.protocol import FieldSource
from daftari.errors import ValidationFailed
from daftari.files.columns import match_columns
from daftari.rules.connections.mapping import CONTACT_TARGETS

PLAIN = {"email": "email", "emails": "email", "city": "city", "company": "company"}
"""Fields that CRMs and shops call what they are."""


def propose_fields(kind: str, offered: Sequence[FieldSource]) -> dict[str, str]:
    """The use of each field that has one, in the order in which numbers are looked for.

    Empty where no field holds a number by its name: a person has to say it.
    """
    names = [one.name for one in offered]
    found = dict(CONNECTORS[kind].fields)
    if found:
        others = ((name, PLAIN[name]) for name in names if name in PLAIN and name not in found)
        return found | {name: target for name, target in others if target not in found.values()}
    try:
        uses = match_columns(names, given={})
    except ValidationFailed:
        return {}
    numbers = sorted((use.field, use.name) for use in uses if use.field and use.field.partition(".")[0] == "mobile")
    others = ((use.name, use.field or "") for use in uses)
    return {name: "mobile" for _, name in numbers} | {
        name: field for name, field in others if field in CONTACT_TARGETS and field != "mobile"
    }
