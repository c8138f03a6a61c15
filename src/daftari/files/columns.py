"""Maps the columns of a file to fields of contacts and opt-outs, by their names and by what stands in them.

Names are compared without case, accents, spaces and punctuation, so the exports of Google Contacts, Outlook, HubSpot,
Shopify and Mailchimp need no mapping. No cell values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from daftari.errors import ValidationFailed
from daftari.files.consent_columns import CONSENT_KINDS, answer_field, consent_field, names_consent, read_consent_field
from daftari.files.contents import ColumnContents
from daftari.files.mobiles import Column, find_mobiles, names_mobile
from daftari.files.record import has_name
from daftari.files.spellings import WHOLE_NAMES, beginnings, endings, find_field
from daftari.files.words import LATER_WORDS, OTHER_KINDS, OTHER_PERSONS, OWN_WORDS, PERSON_WORDS, key_of, words_of

MOBILE = "mobile"
LABEL = "label"
"""What kind of number stands in a mobile's column: ``label.2`` is the label of ``mobile.2``."""
ATTRIBUTES = "attributes."
"""Before the name of a custom attribute."""
FIELDS = (
    *("mobile", "fname", "mname", "lname", "name", "email", "city", "company", "group", "groups", "attributes"),
    *("id", "created_at", "consent", "channel", "sender", "purpose", "at", "note", *CONSENT_KINDS),
)
"""What a column may be mapped to, apart from ``attributes.<name>``; ``name`` is a whole name that is split later."""

_UNUSED = ("", "-")
_REASON = "why"
"""The column that a file of rejects has more; it is never a field."""
_LABEL_WORDS = frozenset(("label", "type"))
_VALUE_WORDS = frozenset(("value", "number"))
_EXACT, _ENDING, _CONTENT = range(3)
"""How a field was found, the surest way first."""


class ColumnUse(Struct, frozen=True):
    """What a column is used for. ``field`` is ``None`` when it is not used, ``mobile.2`` for the second to try."""

    name: str
    field: str | None


def match_columns(
    columns: Sequence[str],
    *,
    given: Mapping[str, str],
    contents: Sequence[ColumnContents] = (),
    advice: str = "",
) -> tuple[ColumnUse, ...]:
    """What each column is used for; ``given`` maps columns to fields and wins, a blank or ``-`` means unused.

    ``contents`` is what a sample of rows holds, where that is known. Raises ``ValidationFailed`` on ``map`` for unknown
    columns and fields, and when no column is the mobile; ``advice`` is added to that.
    """
    fields = _given_fields(columns, given)
    taken = {field for field in fields.values() if field is not None}
    for place, name in enumerate(columns):
        is_other = place < len(contents) and (contents[place].are_telephones or contents[place].are_emails)
        if place in fields or is_other:
            continue
        if names_consent(name) and not find_field(name):
            fields[place] = consent_field(name)
        elif place < len(contents) and contents[place].are_answers:
            found = answer_field(name)
            if found is not None or (find_field(name) or ("",))[0] == "email":
                # Whether the person takes messages there; an address is none.
                fields[place] = found
    free = [
        Column(place, name, contents[place] if place < len(contents) else None)
        for place, name in enumerate(columns)
        if place not in fields and name != _REASON
    ]
    if MOBILE not in taken:
        for tried, column in enumerate(find_mobiles(free), 1):
            fields[column.place] = numbered(MOBILE, tried)
    if MOBILE not in fields.values():
        raise ValidationFailed({"map": [f"No column is the mobile. {_listed(columns)} {advice or _MAP_ADVICE}"]})
    fields |= find_labels(columns, fields)
    for place, field in _find_others([column for column in free if column.place not in fields], taken).items():
        fields[place] = field
    return tuple(ColumnUse(name, fields.get(place)) for place, name in enumerate(columns))


_MAP_ADVICE = "Map one, as in Phone=mobile."


def has_mobile(columns: Sequence[str], *, contents: Sequence[ColumnContents]) -> bool:
    """Whether one of the columns holds the person's number."""
    return bool(find_mobiles(Column(place, name, contents[place]) for place, name in enumerate(columns)))


def names_field(name: str) -> bool:
    """Whether a name is one of a field, whatever stands in its column."""
    return bool(name) and (names_mobile(name) or _field_of(Column(0, name))[0] is not None)


def numbered(field: str, tried: int) -> str:
    """The name of a field's further column: ``mobile``, ``mobile.2``, ``mobile.3``."""
    return field if tried == 1 else f"{field}.{tried}"


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
                fields[place] = numbered(MOBILE, tried)
        elif read_consent_field(field) is not None:
            fields.update(dict.fromkeys(places, field))
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
    return exact or [place for place, column in enumerate(columns) if key_of(column) == key_of(name) != ""]


def find_labels(columns: Sequence[str], fields: Mapping[int, str | None]) -> dict[int, str]:
    """The columns that say which kind of number a column of the mobile holds: ``Phone 1 - Type`` of ``Phone 1``."""
    labels: dict[tuple[str, ...], int] = {}
    for place, name in enumerate(columns):
        words = words_of(name)
        if place not in fields and _LABEL_WORDS & {*words[-1:]}:
            labels.setdefault(words[:-1], place)
    found: dict[int, str] = {}
    for place, field in fields.items():
        if field is not None and field.partition(".")[0] == MOBILE:
            words = words_of(columns[place])
            label = labels.get(words, labels.get(words[:-1]) if _VALUE_WORDS & {*words[-1:]} else None)
            if label is not None:
                found[label] = LABEL + field.removeprefix(MOBILE)
    return found


# ---- fields other than the mobile -----------------------------------------------------------------------


def _find_others(columns: Sequence[Column], taken: Iterable[str]) -> dict[int, str]:
    """The fields of these columns by place, each field once, but for those that are taken."""
    ranked: dict[str, list[tuple[tuple[int, int, int, int], Column]]] = {}
    for column in columns:
        field, way, rank = _field_of(column)
        if field is not None:
            unlike = field == "email" and not column.is_blank and not (column.contents and column.contents.are_emails)
            ranked.setdefault(field, []).append(((way + 2 * unlike, rank, column.number, column.place), column))
    found = {field: min(some, key=lambda one: one[0])[1] for field, some in ranked.items() if field not in {*taken}}
    _settle_names(found, {*taken})
    return {column.place: field for field, column in found.items()}


def _field_of(column: Column) -> tuple[str | None, int, int]:
    """The field that a column is, how that was found, and its place among the names of this field."""
    name = column.name
    if name.startswith(ATTRIBUTES) and name != ATTRIBUTES:
        return name, _EXACT, 0
    if found := find_field(name):
        return found[0], _EXACT, found[1]
    words = tuple(word for word in words_of(name) if not word.isdecimal())
    if not {*words} & (OTHER_KINDS - {"email", "mail", "name"}):
        for length in range(len(words) - 1, 0, -1):
            field = endings().get(words[-length:]) or beginnings().get(words[:length])
            if field is not None:
                # That of another person is better than none: in a list of pupils it is the parent's.
                return field, _CONTENT if {*words} & OTHER_PERSONS else _ENDING, -length
        if "email" in words and {*words} <= OWN_WORDS | LATER_WORDS | {"email"}:
            return "email", _ENDING, 0
        if _names_person(words):
            return "name", _ENDING, 0
    return _field_by_contents(column, words), _CONTENT, column.place


def _names_person(words: tuple[str, ...]) -> bool:
    """Whether a name ends with that of a person, ``farmer name``, or begins with it: ``jina la mkulima``."""
    pairs = {words[-2:], tuple(reversed(words[:2]))}
    return any(len(pair) == 2 and pair[0] in PERSON_WORDS and pair[1] in WHOLE_NAMES for pair in pairs)


def _field_by_contents(column: Column, words: Sequence[str]) -> str | None:
    """The field of a column whose name says little or nothing."""
    contents = column.contents
    is_named = has_name(column.name)
    is_person = is_named and bool(words) and {*words} <= PERSON_WORDS
    if contents is None or not contents.filled:
        return "name" if is_person else None
    if contents.are_names and (is_person or (not is_named and contents.are_full_names)):
        return "name"
    return "email" if contents.are_emails and contents.filled and not is_named else None


def _settle_names(found: dict[str, Column], taken: set[str]) -> None:
    """Whole names are used only without their parts; a word such as nom is the part that no other column is."""
    whole, first, last = found.get("name"), found.get("fname"), found.get("lname")
    has_first, has_last = first is not None or "fname" in taken, last is not None or "lname" in taken
    if first is not None and not has_last and whole is None and _is_whole(first):
        found["name"] = found.pop("fname")
        return
    if whole is None or not (has_first or has_last or "mname" in {*found, *taken}):
        return
    del found["name"]
    is_open = {*words_of(whole.name)} <= WHOLE_NAMES | {"other"}
    if is_open and not has_first:
        found["fname"] = whole
    elif is_open and has_first and not has_last and not (whole.contents and whole.contents.are_full_names):
        found["lname"] = whole
    elif "other" in words_of(whole.name) and "mname" not in found and "mname" not in taken:
        found["mname"] = whole


def _is_whole(column: Column) -> bool:
    """Whether a column that may be of first names holds whole ones."""
    return {*words_of(column.name)} <= WHOLE_NAMES and column.contents is not None and column.contents.are_full_names


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
