"""The text of a message with its fields, such as ``Hello {{ fname | there }}``: a field and its fallback, nothing else.

No parts, no plain form: those are of the rendered text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any

from msgspec import Struct

from daftari.errors import quote
from daftari.files.spellings import find_field, joined, mobile_ranks
from daftari.model.contacts import TEXT_FIELDS
from daftari.model.limits import MESSAGE_TEXT_MAX
from daftari.rules.fields import read_text, without_invisible
from daftari.rules.messages.values import clean_value

Values = Mapping[str, Any]
"""What a card is decoded to: ``{"fname": …, "attributes": {…}}``. The text of a trigger also has ``{"event": {…}}``."""

ATTRIBUTE = "attributes."
EVENT = "event."
CONTACT_FIELDS = (*TEXT_FIELDS[:3], "mobile", *TEXT_FIELDS[3:], ATTRIBUTE)
"""The fields of a text. A name that ends in a dot stands for all that begin with it."""
TRIGGER_FIELDS = (*CONTACT_FIELDS, EVENT)
"""The fields of a trigger's text."""

FILTERS = frozenset(
    [
        *("capitalize", "capitalise", "default", "downcase", "escape", "lower"),
        *("safe", "strip", "title", "trim", "upcase", "upper"),
    ]
)
"""What other systems have after the |; here it would be sent to everyone whose field is blank."""

_LINE_BREAK = re.compile("\r\n|[\r\v\x85\u2028\u2029]")
_CONTROL = re.compile("[\0-\x08\x0e-\x1f\x7f-\x9f]")
_FIELD = re.compile(r"\{\{([^{}]*)\}\}")
_OPENING = "{\uff5b\ufe5b"
_BRACE = re.compile("[{}\uff5b\uff5d\ufe5b\ufe5c]")
"""A brace; one in full width too, since the plain form of a text has it in half width."""
_FILTER = re.compile(r"default\w*\s*[:(].*", re.DOTALL)
_QUOTED = re.compile("[\"'\u2018\u201c\u00ab].*[\"'\u2019\u201d\u00bb]", re.DOTALL)
_SHOWN = 20
"""Characters of a text that are shown around what is wrong."""
_EXAMPLE = "{{ fname | there }}"


class Missing(Struct, frozen=True):
    """The fields that are blank and have no fallback, in the order of the text: it cannot be rendered."""

    fields: tuple[str, ...]


class Place(Struct, frozen=True, gc=False):
    """Where a value is filled in."""

    field: str
    """As it is written, such as ``attributes.tier``."""
    member: str
    """The member of the values that has it: ``attributes``."""
    key: str
    """Its key in that member: ``tier``; empty where the member is the value."""
    fallback: str
    """Empty for none."""
    literal: str
    """The text from here to the next place."""


class Template(Struct, frozen=True):
    """A text that was read and found good."""

    text: str
    """As it is kept: trimmed, in normal form C, each line break one LF."""
    beginning: str
    """The text before the first place."""
    places: tuple[Place, ...]

    @property
    def literals(self) -> tuple[str, ...]:
        """The text before, between and after the places: what everyone receives."""
        return self.beginning, *(place.literal for place in self.places)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields, each once."""
        return tuple(dict.fromkeys(place.field for place in self.places))

    @property
    def required(self) -> tuple[str, ...]:
        """The fields that somewhere have no fallback."""
        return tuple(dict.fromkeys(place.field for place in self.places if not place.fallback))

    def render(self, values: Values) -> str | Missing:
        """The text for one person, in normal form C. Braces in a value are characters like others."""
        written = [self.beginning]
        missing = []
        for place in self.places:
            value = values.get(place.member)
            if place.key:
                value = value.get(place.key) if isinstance(value, dict) else None
            text = clean_value(value, keeps_links=place.key != "") or place.fallback
            if not text:
                missing.append(place.field)
            written += text, place.literal
        if missing:
            return Missing(tuple(dict.fromkeys(missing)))
        return unicodedata.normalize("NFC", "".join(written))


def read_template(value: object, *, fields_allowed: Sequence[str], most: int = MESSAGE_TEXT_MAX) -> Template:
    """A text with its fields. Raises ``ValueError`` with the end of a sentence that begins "The … field "."""
    given = read_text(value, most=most)
    if given is None or not without_invisible(given).strip():
        raise ValueError("is required.")
    text = unicodedata.normalize("NFC", _LINE_BREAK.sub("\n", given))
    if control := _CONTROL.search(text):
        raise ValueError(f"must not contain the control character U+{ord(control[0]):04X}.")
    beginning, *pieces = _FIELD.split(text)
    for literal in (beginning, *pieces[1::2]):
        _refuse_braces(literal)
    read = partial(_read_place, fields_allowed=fields_allowed)
    return Template(text, beginning, tuple(map(read, pieces[::2], pieces[1::2])))


def _refuse_braces(literal: str) -> None:
    if found := _BRACE.search(literal):
        place = found.start()
        around = literal[place:][:_SHOWN] if found[0] in _OPENING else literal[: place + 1][-_SHOWN:]
        raise ValueError(
            f"has a brace left over at {quote(around)}; a field is written {_EXAMPLE}, and other braces cannot be sent."
        )


def _read_place(inner: str, literal: str, *, fields_allowed: Sequence[str]) -> Place:
    written = quote(f"{{{{{inner}}}}}")
    name, line, after = inner.partition("|")
    field = name.strip()
    if not field:
        raise ValueError(f"has {written}, which names no field; write one, such as {_EXAMPLE}.")
    member, key = _find_member(field, fields_allowed)
    fallback = " ".join(without_invisible(after).split())
    if line and not fallback:
        raise ValueError(f"has {written} without a fallback; write one, such as {_EXAMPLE}, or leave out the |.")
    if "|" in fallback or fallback.lower() in FILTERS or _FILTER.fullmatch(fallback) or _QUOTED.fullmatch(fallback):
        raise ValueError(
            f"has {written}; there are no filters and no quotation marks: what is after the | is sent as it is where "
            f"the field is blank, as in {_EXAMPLE}."
        )
    return Place(field, member, key, fallback, literal)


def _find_member(field: str, fields_allowed: Sequence[str]) -> tuple[str, str]:
    """The member and the key of a field. Raises ``ValueError`` for an unknown one."""
    member, dot, key = field.partition(".")
    if key.strip() and member + dot in fields_allowed:
        return member, key.strip()
    if not dot and field in fields_allowed:
        return field, ""
    *known, last = [f"{allowed}NAME" if allowed.endswith(".") else allowed for allowed in fields_allowed]
    nearest = _find_nearest(field, fields_allowed)
    raise ValueError(
        f"names the field {quote(field)}, which is not known{f'; write {{{{ {nearest} }}}}' if nearest else ''}. "
        f"Known are {', '.join(known)} and {last}."
    )


def _find_nearest(field: str, fields_allowed: Sequence[str]) -> str | None:
    """The field that was probably meant, by what other systems call it or by its letters."""
    member, _, key = field.partition(".")
    members = [allowed for allowed in fields_allowed if allowed.endswith(".")]
    if key and (near := get_close_matches(f"{member}.", members, n=1)):
        return near[0] + key
    name = field.rpartition(".")[2]
    found = "mobile" if joined(name) in mobile_ranks() else (find_field(name) or ("",))[0]
    meant = "fname" if found == "name" else found
    plain = [allowed for allowed in fields_allowed if allowed not in members]
    return meant if meant in plain else next(iter(get_close_matches(name.lower(), plain, n=1)), None)
