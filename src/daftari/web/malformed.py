"""What is wrong with a body that is no JSON object, in a sentence that names what programs do to write it so.

It looks at a body that was refused already, and decides nothing.
"""

from __future__ import annotations

import re

import msgspec

GZIP = b"\x1f\x8b"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")

_WORDS = {
    b"nan": "JSON has no NaN, which pandas and numpy write for an empty value; send null, or leave the field out",
    b"infinity": "JSON has no Infinity; send null, or leave the field out",
    b"none": "None is Python; in JSON it is null, as json.dumps writes it",
    b"true": "True is Python; in JSON it is true, as json.dumps writes it",
    b"false": "False is Python; in JSON it is false, as json.dumps writes it",
    b"undefined": "undefined is JavaScript; send null, or leave the field out, as JSON.stringify does",
}
_SINGLE_QUOTES = "JSON has double quotes, not single ones, as json.dumps and JSON.stringify write them"
_CURLED_QUOTES = "JSON has straight double quotes, not typographic ones"
_SIGNS = (
    (b"'", _SINGLE_QUOTES),
    ("“".encode(), _CURLED_QUOTES),
    ("”".encode(), _CURLED_QUOTES),
    ("‘".encode(), _CURLED_QUOTES),
    ("’".encode(), _CURLED_QUOTES),
    (b"//", "JSON has no comments"),
    (b"/*", "JSON has no comments"),
    (b"#", "JSON has no comments"),
    (b"<", "it looks like XML or HTML"),
)
_WORD = re.compile(rb"[A-Za-z]+")
_WORD_BEFORE = re.compile(rb"[A-Za-z]{0,12}\Z")
_PLACE = re.compile(r" \(byte (\d+)\)$")
_HALF_A_PAIR = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F][0-9a-fA-F]{2}", re.DOTALL
)
_FORM = re.compile(rb"\s*[\w.-]+(\[[^\]\s]*\])*=")


def explain(body: bytes, error: Exception) -> str:
    """The sentence about a body, and the error that its decoder raised."""
    match error:
        case UnicodeDecodeError():
            return _explain_bytes(body, error)
        case msgspec.ValidationError():
            return _explain_kind(body)
        case msgspec.DecodeError():
            return _explain_place(body, error)
        case _:
            return "The body is not JSON: it is nested too deep."


def _explain_bytes(body: bytes, error: UnicodeDecodeError) -> str:
    if body.startswith(GZIP):
        return "The body is not JSON: it is compressed with gzip; send it as it is."
    if body.startswith(UTF_16):
        return "The body is not JSON: it is UTF-16; send UTF-8."
    return f"The body is not JSON: it is not UTF-8 at byte {error.start}."


def _explain_kind(body: bytes) -> str:
    """What is JSON, but no object."""
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        return _explain_place(body, error)
    match value:
        case list():
            return 'The body must be a JSON object, and is a list: put the items into a field, as in {"contacts": […]}.'
        case str() if value.lstrip().startswith(("{", "[")):
            return "The body must be a JSON object, and is a text that holds JSON: it was encoded twice."
        case _:
            return f"The body must be a JSON object, and is {msgspec.json.encode(value).decode()[:40]}."


def _explain_place(body: bytes, error: msgspec.DecodeError) -> str:
    said = str(error).removeprefix("JSON is malformed: ")
    hint = _hint(body, said)
    return f"The body is not JSON: {said}{f'; {hint}' if hint else ''}."


def _hint(body: bytes, said: str) -> str:
    """What the place of an error shows about the program that wrote the body; blank when it shows nothing."""
    place = _PLACE.search(said)
    at = int(place[1]) if place else len(body)
    if _HALF_A_PAIR.search(body) and (place is None or "utf-16" in said or "escape" in said):
        return "it has half of a character, which is left of an emoji when a text is cut in its middle"
    if at == 0 and _FORM.match(body[:200]):
        return "it looks like a form; send it with Content-Type: application/x-www-form-urlencoded"
    if said.startswith("trailing comma"):
        return "leave out the comma before the closing bracket"
    if said.startswith("trailing characters"):
        # Here the place is the one after the first of them.
        more = body[at - 1 : at] == b"{"
        return "a body is one object; many lines of contacts go to POST /v1/contacts/stream" if more else ""
    rest = body[at : at + 20]
    word = _WORD.match(rest)
    if word and said.startswith("object keys"):
        return "the names of fields stand in double quotes"
    if word:
        begun = _WORD_BEFORE.search(body[max(0, at - 12) : at])
        return _WORDS.get(((begun[0] if begun else b"") + word[0]).lower(), "")
    return next((hint for sign, hint in _SIGNS if rest.startswith(sign)), "")
