"""Requests that an operator describes: templates of a URL, of headers and of a body, filled in safely.

A place is written ``{{name}}``. What fills it is escaped for where it stands, and is never read as a template itself.
No provider, no network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape
from types import MappingProxyType
from urllib.parse import quote, quote_plus

import msgspec

PLACE = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
_BRACES = re.compile(r"\{\{[^{}]*\}\}")
_ORIGIN = re.compile(r"https?://[^/?#{}\s]+(?=[/?#]|$)", re.IGNORECASE)


def _escape_json(value: str) -> str:
    return msgspec.json.encode(value).decode()[1:-1]


def _escape_xml(value: str) -> str:
    return escape(value, quote=True)


JSON = "application/json"
JSON_NAMES = frozenset({"params"})
"""Values that are JSON themselves, and stand in a JSON body as they are."""

ESCAPES: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        JSON: _escape_json,
        "application/x-www-form-urlencoded": quote_plus,
        "application/xml": _escape_xml,
        "text/xml": _escape_xml,
        "text/plain": str,
    }
)
"""How a value is written in a body, by its content type."""


def fill(
    template: str, values: Mapping[str, str], *, write: Callable[[str], str], as_is: frozenset[str] = frozenset()
) -> str:
    """The template with its places filled in, but for those that are unknown. ``as_is``: what is written already."""

    def write_place(place: re.Match[str]) -> str:
        name = place[1]
        return place[0] if name not in values else values[name] if name in as_is else write(values[name])

    return PLACE.sub(write_place, template)


def fill_body(template: str, values: Mapping[str, str], *, content_type: str) -> str:
    """A body of this content type."""
    as_is = JSON_NAMES if content_type == JSON else frozenset()
    return fill(template, values, write=ESCAPES[content_type], as_is=as_is)


def fill_url(template: str, values: Mapping[str, str]) -> str:
    """A URL: everything that fills a place is percent-encoded."""
    return fill(template, values, write=lambda value: quote(value, safe=""))


def split_headers(written: str) -> dict[str, str]:
    """Headers, one a line: ``Name: value``. Raises ``ValueError`` with a sentence that quotes no value."""
    headers: dict[str, str] = {}
    for number, line in enumerate(written.splitlines(), 1):
        name, colon, value = line.partition(":")
        if line.strip() and not (colon and name.strip()):
            raise ValueError(f'Line {number} is no header; write "Name: value".')
        if line.strip():
            headers[name.strip()] = value.strip()
    return headers


# ---- mistakes ---------------------------------------------------------------------------------------


def find_url_mistake(template: str, *, in_path: frozenset[str], in_query: frozenset[str]) -> str:
    """What is wrong with the template of a URL; blank if nothing is. Its host stands in it as it is."""
    if not _ORIGIN.match(template):
        return f'"{template[:60]}" is no URL with a host of its own; write "https://api.example.com/send".'
    path, _, query = template.partition("?")
    return find_place_mistake(path, in_path) or find_place_mistake(query, in_query)


def find_place_mistake(template: str, known: frozenset[str]) -> str:
    """The first place that cannot be filled in here, as a sentence; blank if there is none."""
    for found in _BRACES.finditer(template):
        place = PLACE.fullmatch(found[0])
        if place is None or place[1] not in known:
            return f"{found[0]} cannot be filled in here; there are {', '.join(sorted(known))}."
    return ""


def find_json_mistake(template: str, values: Mapping[str, str]) -> str:
    """Whether a JSON template stays JSON when it is filled with these values; a sentence if not."""
    try:
        msgspec.json.decode(fill_body(template, values, content_type=JSON))
    except msgspec.DecodeError:
        return 'The body is no JSON once it is filled in; texts stand in quotation marks: {"text": "{{text}}"}.'
    return ""


# ---- answers ----------------------------------------------------------------------------------------


def contains(text: str, pattern: str) -> bool:
    """Whether a text contains a pattern, in which ``*`` stands for anything. The case does not matter."""
    place, folded = 0, text.casefold()
    for piece in pattern.casefold().split("*"):
        place = folded.find(piece, place)
        if place < 0:
            return False
        place += len(piece)
    return True


def find_by_pointer(value: object, pointer: str) -> object:
    """What a JSON pointer (RFC 6901) leads to; ``None`` if it leads nowhere."""
    for written in pointer.split("/")[1:]:
        name = written.replace("~1", "/").replace("~0", "~")
        match value:
            case dict():
                value = value.get(name)
            case list() if name.isascii() and name.isdecimal() and int(name[:6]) < len(value):
                value = value[int(name[:6])]
            case _:
                return None
    return value
