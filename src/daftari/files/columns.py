"""Maps the columns of a file to fields of contacts and opt-outs by their names.

Names are compared without case, accents, spaces and punctuation, so the exports of Google Contacts, Outlook, HubSpot,
Shopify and Mailchimp need no mapping. No cell values.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from daftari.errors import ValidationFailed

MOBILE = "mobile"
ATTRIBUTES = "attributes."
"""Before the name of a custom attribute."""
FIELDS = (
    *("mobile", "fname", "mname", "lname", "name", "email", "city", "company", "group", "groups", "attributes"),
    *("id", "created_at", "consent", "channel", "sender", "purpose", "at", "note"),
)
"""What a column may be mapped to, apart from ``attributes.<name>``; ``name`` is a whole name that is split later."""

_UNUSED = ("", "-")
_SPELLINGS: Mapping[str, str] = {
    "mobile": """mobile, mobile phone, mobile phone number, mobile number, mobile no, mobile tel, mobile telephone,
        msisdn, cell, cell phone, cell phone number, cell number, whatsapp, whatsapp number, whatsapp phone number,
        rununu, simu ya mkononi, sms phone number, simu, namba ya simu, nambari ya simu,
        phone, phone number, phone no, phone value, tel, tel no, telephone, telephone number, number, no,
        namba, nambari, contact number, phone contact, primary phone, default address phone, main phone,
        home phone, home telephone, business phone, work phone, office phone, company phone, company main phone,
        other phone""",
    "fname": "fname, first name, given name, forename, first, jina la kwanza, jina, prenom, vorname, nombre",
    "mname": "mname, middle name, additional name, second name, middle, jina la kati",
    "lname": """lname, last name, surname, family name, last, jina la ukoo, jina la mwisho, jina la familia, nachname,
        apellido, apellidos""",
    "name": "name, full name, contact name, customer name, display name, person, jina kamili, majina, file as",
    "email": "email, e-mail, email address, e-mail address, email value, mail, barua pepe",
    "city": """city, town, address city, mailing city, home city, business city, default address city, other city,
        mji, jiji""",
    "company": """company, company name, organization, organisation, organization name, organisation name, employer,
        business, associated company, default address company, kampuni""",
    "group": "group, group name, kundi",
    "groups": "groups, group names, group membership, labels, tags, categories, makundi, lists",
    "attributes": "attributes",
    "id": "id",
    "created_at": "created at",
    "consent": "consent",
    "channel": "channel",
    "sender": "sender, sender id, sender name, short code",
    "purpose": "purpose",
    "at": """at, opted out at, opt out at, opt out date, opt out time, unsubscribed at, unsubscribe date,
        unsubscribe time, unsub time""",
    "note": "note, notes, reason, comment, comments, remark, remarks, maelezo",
}
"""How each field is called, the preferred names first. A number within a name (``Phone 2 - Value``) counts after."""


class ColumnUse(Struct, frozen=True):
    """What a column is used for. ``field`` is ``None`` when it is not used, ``mobile.2`` for the second to try."""

    name: str
    field: str | None


def match_columns(columns: Sequence[str], *, given: Mapping[str, str]) -> tuple[ColumnUse, ...]:
    """What each column is used for; ``given`` maps columns to fields and wins, a blank or ``-`` means unused.

    Raises ``ValidationFailed`` on ``map`` for unknown columns and fields, and when no column is the mobile.
    """
    fields = _given_fields(columns, given)
    taken = {field for field in fields.values() if field is not None}
    found: dict[str, list[tuple[tuple[int, int, int], int]]] = {}
    spellings = _ranked_spellings()
    for place, name in enumerate(columns):
        field, rank = _field_of(name, spellings)
        if place not in fields and field is not None and field not in taken:
            found.setdefault(field, []).append(((*rank, place), place))
    if "name" in found and (taken | found.keys()) & {"fname", "lname"}:
        del found["name"]
    for field, ranked in found.items():
        places = [place for _, place in sorted(ranked)]
        for tried, place in enumerate(places if field == MOBILE else places[:1], 1):
            fields[place] = field if tried == 1 else f"{field}.{tried}"
    if MOBILE not in fields.values():
        raise ValidationFailed({"map": [f"No column is the mobile. {_listed(columns)} Map one, as in Phone=mobile."]})
    return tuple(ColumnUse(name, fields.get(place)) for place, name in enumerate(columns))


def _given_fields(columns: Sequence[str], given: Mapping[str, str]) -> dict[int, str | None]:
    """The field of each column that was mapped, by its place; raises ``ValidationFailed`` with all that is wrong."""
    fields: dict[int, str | None] = {}
    wrong: list[str] = []
    tried = 0
    for name, written in given.items():
        field = written.strip()
        places = _places(columns, name)
        if not places:
            wrong.append(f"There is no column {name!r}. {_listed(columns)}")
        elif field in _UNUSED:
            fields.update(dict.fromkeys(places))
        elif field == MOBILE:
            for place in places:
                tried += 1
                fields[place] = MOBILE if tried == 1 else f"{MOBILE}.{tried}"
        elif field not in FIELDS and not (field.startswith(ATTRIBUTES) and field != ATTRIBUTES):
            wrong.append(f"There is no field {field!r}; there are {', '.join(FIELDS)} and {ATTRIBUTES}NAME.")
        elif field in fields.values():
            wrong.append(f"Two columns are mapped to {field!r}.")
        else:
            fields[places[0]] = field
    if wrong:
        raise ValidationFailed({"map": wrong})
    return fields


def _places(columns: Sequence[str], name: str) -> list[int]:
    """Where the columns of this name are; when none is written exactly so, those written alike."""
    exact = [place for place, column in enumerate(columns) if column == name]
    return exact or [place for place, column in enumerate(columns) if _fold(column) == _fold(name) != ""]


def _field_of(name: str, spellings: Mapping[str, tuple[str, int]]) -> tuple[str | None, tuple[int, int]]:
    """The field that a column's name means, and its rank among the names of this field: less is better."""
    if name.startswith(ATTRIBUTES) and name != ATTRIBUTES:
        return name, (0, 0)
    folded = _fold(name)
    number = re.search(r"\d+", folded)
    field, rank = spellings.get(folded) or spellings.get(re.sub(r"\d+", "", folded, count=1)) or (None, 0)
    return field, (rank, int(number[0][:9]) if number else 0)


def _ranked_spellings() -> dict[str, tuple[str, int]]:
    return {
        _fold(spelling): (field, rank)
        for field, spellings in _SPELLINGS.items()
        for rank, spelling in enumerate(spellings.split(","))
    }


def _fold(name: str) -> str:
    """The name without case, accents, spaces and punctuation."""
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in decomposed if letter.isalnum())


def _listed(columns: Iterable[str]) -> str:
    names = [*columns]
    more = f" and {len(names) - 50} more" if len(names) > 50 else ""
    return (
        f"The columns are {', '.join(repr(name) for name in names[:50])}{more}." if names else "There are no columns."
    )


def split_name(name: str) -> tuple[str | None, str | None, str | None]:
    """First, middle and last name: the first word, the last one, and all between. ``Last, First`` is reversed."""
    last, comma, rest = name.partition(",")
    if comma and last.strip() and rest.strip():
        first, *middle = rest.split()
        return first, " ".join(middle) or None, " ".join(last.split())
    words = name.split()
    if len(words) < 2:
        return (words[0] if words else None), None, None
    return words[0], " ".join(words[1:-1]) or None, words[-1]
