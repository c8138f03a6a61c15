"""The fields of a request: its body and its query string, decoded, merged and read field by field.

Each reader notes what is wrong and continues, so that one response names every wrong field. No fields of a route, no
rules of contacts: nested JSON is passed on as bytes.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Collection, Mapping
from functools import partial
from itertools import islice
from json import JSONDecoder
from typing import TypeVar

import msgspec

from daftari.errors import Malformed, NotFound, UnsupportedMedia
from daftari.model.limits import ID_MAX, JSON_DEPTH_MAX, TEXT_MAX
from daftari.rules.fields import WITH_GAPS, Problems, read_flag, read_group_name, read_name, read_text, read_time
from daftari.web.forms import Fields, fold_fields
from daftari.web.malformed import explain
from daftari.web.multipart import FORM as MULTIPART
from daftari.web.multipart import read_fields

FLAT_FIELDS_MAX = 20_000
"""Fields in one form body or query string, and items in one field: twice what any call takes."""
WHOLE_DIGITS_MAX = 100
"""Digits of a whole number: far more than any call needs, and few enough to read quickly."""
JSON_BRACKETS_MAX = 1_000_000
"""Brackets in a JSON body: many times what 10,000 contacts have, and few enough to count quickly."""
UNQUOTED_BLOCK_BYTES = 16 * 1024
"""Bytes of a form's field that are percent-decoded at a time."""
CHECKED_BLOCK_BYTES = 1024 * 1024
"""Bytes of a body that are split at quotes at a time, so that a malicious body does not fill the memory with pieces."""

FORM = "application/x-www-form-urlencoded"
QUERY_FIRST = frozenset({"page", "after_id"})
"""Fields for which the query string wins, so that a page's URL leads to that page although the body names another."""

T = TypeVar("T", bound=str)
D = TypeVar("D")

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_value = msgspec.json.Decoder().decode
_check_json = msgspec.json.Decoder(msgspec.Raw).decode

_KEPT = b'[]{}"'
_DROPPED = bytes(byte for byte in range(256) if byte not in _KEPT)
_ONE_BRACKET = bytes.maketrans(b"{}", b"[]")

_ESCAPES = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")
_SPACES = re.compile(r"[ \t\r\n]*")
_read_json = JSONDecoder().raw_decode

_NOTHING: Fields = {}


class Params:
    """The fields of one request. Read what the route knows, then ``refuse_wrong``."""

    __slots__ = ("_body", "_query", "problems")

    def __init__(self, body: Fields, query: Fields) -> None:
        self._body = body
        self._query = query
        self.problems = Problems()

    def after(self, fields: Fields) -> Params:
        """The same query string with these fields of the body, which win."""
        return Params(fields, self._query)

    def unread(self) -> Params:
        """The same fields, of which none is found wrong yet."""
        return Params(self._body, self._query)

    def refuse_wrong(self, *more: Mapping[str, list[str]]) -> None:
        """Raise ``ValidationFailed`` if any field was wrong, here or in ``more``."""
        for errors in more:
            self.problems.include(errors)
        self.problems.refuse()

    def given(self, field: str) -> object:
        """A field's value, text trimmed; ``None`` when it is absent, null or blank."""
        return self._find(field)[0]

    @property
    def names_given(self) -> tuple[str, ...]:
        """The names of all fields, known or not, those of the body first."""
        return tuple({**self._body, **self._query})

    def nested(self, field: str) -> bytes | None:
        """The bytes of a field's JSON, which in a form or query is nested in brackets or a text; ``None`` without."""
        for place in (self._body, self._query):
            source = place.get(field)
            if isinstance(source, list):
                written = _last_given(source)
                raw = None if written is None else self._read_json(field, written)
            else:
                raw = None if source is None else bytes(source)
            if raw is not None and raw != b"null":
                return raw
        return None

    def _read_json(self, field: str, written: str) -> bytes | None:
        """The JSON in a text of a form or query."""
        raw = written.strip().encode()
        try:
            if raw[:1] in (b"[", b"{") and _is_shallow(raw):
                _check_json(raw)
                return raw
        except msgspec.DecodeError:
            pass
        self.problems.add(field, f"must be JSON, or have brackets as in {field}[0][mobile].")
        return None

    def text(self, field: str, *, most: int = TEXT_MAX) -> str | None:
        """A text."""
        value = self.given(field)
        return None if value is None else self.problems.read(field, value, partial(read_text, most=most))

    def texts(self, field: str) -> list[str]:
        """The texts of a form or query field that may be repeated; for JSON, the one value as text."""
        value, source = self._find(field)
        return list(source) if isinstance(source, list) else [] if value is None else [str(value)]

    def name(self, field: str) -> str | None:
        """The name of a group."""
        value = self.given(field)
        return None if value is None else self.problems.read(field, value, read_name)

    def group_name(self, field: str) -> str | None:
        """The name of a group that the call creates when there is none."""
        return self.problems.read(field, self.given(field), read_group_name)

    def names(self, field: str) -> tuple[str, ...]:
        """The names of groups, from a list or a repeated field. A name may hold commas."""
        value, source = self._find(field)
        if isinstance(value, str):
            given: list[object] = list(source) if isinstance(source, list) else [value]
        else:
            given = self.items(field)
        names = []
        for one in given:
            name = self.problems.read(field, one, read_name)
            if name is not None:
                names.append(name)
        return tuple(names)

    def any_moment(self, field: str) -> int | None:
        """Any time, in microseconds."""
        return self.problems.read(field, self.given(field), partial(read_time, now=None))

    def moment(self, field: str, *, now: int) -> int | None:
        """A time in microseconds, at most a little ahead of ``now``."""
        return self.problems.read(field, self.given(field), partial(read_time, now=now))

    def choice(self, field: str, options: Collection[T], *, default: D) -> T | D:
        """One of a few words, in any case."""
        value = self.given(field)
        if value is None:
            return default
        written = value.strip().casefold() if isinstance(value, str) else value
        for option in options:
            if written == option:
                return option
        self.problems.add(field, f"must be one of: {', '.join(options)}.")
        return default

    def choices(self, field: str, options: Collection[str]) -> frozenset[str]:
        """Any of a few words, separated by commas or in a list."""
        chosen = frozenset([str(item).strip() for item in self.items(field)])
        if not chosen.issubset(options):
            self.problems.add(field, f"may name: {', '.join(options)}.")
        return chosen

    def whole(self, field: str, *, default: int, most: int | None = None, least: int = 1) -> int:
        """A whole number of at least ``least``: a JSON integer or digits."""
        value = self.given(field)
        if value is None:
            return default
        number = read_whole(value)
        if number is None or number < least:
            self.problems.add(field, f"must be an integer of at least {least}.")
        elif most is not None and number > most:
            self.problems.add(field, f"must not be greater than {most}.")
        else:
            return number
        return default

    def cursor(self, field: str) -> int:
        """The position at which a list continues, which a response gave as ``next``; 0 for the beginning."""
        value = self.given(field)
        number = 0 if value is None else read_whole(value)
        if number is None or not 0 <= number <= ID_MAX:
            self.problems.add(field, "must be a cursor that an answer gave as next.")
            return 0
        return number

    def position(self, field: str) -> int | None:
        """An id after which a list is read, 0 for its beginning; ``None`` when it is not given."""
        value = self.given(field)
        if value is None:
            return None
        number = read_whole(value)
        if number is None or not 0 <= number <= ID_MAX:
            self.problems.add(field, "must be an id, or 0 for the beginning.")
            return None
        return number

    def is_in_query(self, field: str) -> bool:
        """Whether the query string gives a field."""
        source = self._query.get(field)
        return source is not None and self._read(field, source) is not None

    def ids(self, field: str) -> list[int]:
        """The ids of contacts, as ``items`` reads them."""
        ids: list[int] = []
        for index, item in enumerate(self.items(field)):
            number = read_listed_id(item)
            if not number:
                self.problems.add(f"{field}.{index}", "must be the id of a contact.")
            else:
                ids.append(number)
        return ids

    def flag(self, field: str, *, default: bool = False) -> bool:
        """Yes or no."""
        flag = self.problems.read(field, self.given(field), read_flag)
        return default if flag is None else flag

    def items(self, field: str) -> list[object]:
        """A JSON list, or the items of a form or query field that is repeated or has commas."""
        value, source = self._find(field)
        if value is None:
            return []
        if isinstance(value, list):
            return value
        if isinstance(value, str) and value.startswith("["):
            return self._items_within(field, value, is_json=not isinstance(source, list))
        if isinstance(value, str):
            texts = source if isinstance(source, list) else [value]
            pieces = (piece.strip() for text in texts for piece in text.split(",", FLAT_FIELDS_MAX))
            return list(islice(filter(None, pieces), FLAT_FIELDS_MAX))
        numbered = isinstance(value, dict) and all(name.isdecimal() for name in value)
        self.problems.add(field, f"must be a list{WITH_GAPS if numbered else ''}.")
        return []

    def _items_within(self, field: str, text: str, *, is_json: bool) -> list[object]:
        """The list that a text holds as JSON, as a form has it. In JSON itself it was encoded twice."""
        if is_json:
            self.problems.add(field, "must be a list, and is a text that holds one: it was encoded twice.")
            return []
        raw = self._read_json(field, text)
        try:
            items = [] if raw is None else _decode_value(raw)
        except msgspec.DecodeError:
            self.problems.add(field, "cannot be read.")
            return []
        return items if isinstance(items, list) else []

    def _find(self, field: str) -> tuple[object, msgspec.Raw | list[str] | None]:
        """A field's value and its source: the first of body and query in which it is not blank."""
        if field not in self._query and field not in self._body:
            return None, None
        places = (self._query, self._body) if field in QUERY_FIRST else (self._body, self._query)
        for place in places:
            source = place.get(field)
            if source is not None:
                value = self._read(field, source)
                if value is not None:
                    return value, source
        return None, None

    def _read(self, field: str, source: msgspec.Raw | list[str]) -> object:
        value: object = None
        try:
            value = _last_given(source) if isinstance(source, list) else _decode_value(source)
        except msgspec.DecodeError:
            self.problems.add(field, "cannot be read.")
        if isinstance(value, str):
            return value.strip() or None
        # An empty list is what PHP makes of any empty array.
        return None if value == [] else value


def is_form(media_type: str | None, beginning: bytes) -> bool:
    """Whether a body that begins so is a form. A form never begins with a bracket, but some tools call JSON a form."""
    media = _bare(media_type)
    return media == MULTIPART or (media == FORM and not beginning.lstrip().startswith((b"{", b"[")))


def find_member(beginning: bytes, name: str) -> object:
    """A member of a JSON object of which only the beginning is here; ``None`` when it is not in it."""
    text = beginning.decode(errors="ignore").lstrip("\ufeff \t\r\n")
    at, mark = 0, "{"
    try:
        while text[at : at + 1] == mark:
            found, at = _read_json(text, _next_mark(text, at + 1))
            at = _next_mark(text, at)
            if text[at : at + 1] != ":":
                return None
            value, at = _read_json(text, _next_mark(text, at + 1))
            if found == name:
                return value
            at, mark = _next_mark(text, at), ","
    except (ValueError, RecursionError):
        # Here the beginning ends, or it is not JSON.
        return None
    return None


def decode(query: str, media_type: str | None, body: bytes) -> Params:
    """A request's fields. Raises ``Malformed`` or ``UnsupportedMedia``."""
    flat = _decode_flat(query.encode(errors="surrogatepass")) if query else _NOTHING
    if not body or body.isspace():
        return Params(_NOTHING, flat)
    return Params(_decode_body(media_type, body), flat)


def _last_given(texts: list[str]) -> str | None:
    """The last text that is not blank: a blank one does not take back what an earlier one said."""
    return next((text for text in reversed(texts) if text and not text.isspace()), None)


def read_whole(value: object) -> int | None:
    """The whole number in a JSON integer or in digits; ``None`` if it is neither."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= WHOLE_DIGITS_MAX:
        return int(value)
    return None


def read_listed_id(value: object) -> int | None:
    """The id in an item of a list, where a table of pandas has 457 as 457.0; ``None`` for what no contact can have."""
    number = int(value) if isinstance(value, float) and value.is_integer() else read_whole(value)
    return number if number is not None and 0 <= number <= ID_MAX else None


def read_id(written: str, *, missing: type[NotFound]) -> int:
    """The id in a path. Raises ``missing`` for one that nothing can have."""
    number = read_whole(written)
    if number is None or number > ID_MAX:
        raise missing
    return number


def _bare(media_type: str | None) -> str:
    return "" if media_type is None else media_type.partition(";")[0].strip().lower()


def _next_mark(text: str, at: int) -> int:
    """The place of the next character that is no white space."""
    found = _SPACES.match(text, at)
    return at if found is None else found.end()


def _decode_body(content_type: str | None, body: bytes) -> Fields:
    media = _bare(content_type)
    if media == MULTIPART:
        return read_fields(content_type or "", body, fields_max=FLAT_FIELDS_MAX)
    if is_form(media, body):
        return _decode_flat(body)
    if media in ("", "application/json", FORM) or (media.startswith("application/") and media.endswith("+json")):
        return _decode_json(body)
    if media == "text/plain":
        raise UnsupportedMedia(
            "The body is text/plain, which fetch and others call every text; send Content-Type: application/json."
        )
    raise UnsupportedMedia(f"The body is {media}; send application/json.")


def _decode_flat(written: bytes) -> Fields:
    """The fields of a form, in time and memory that grow with its length and with nothing else."""
    if written.count(b"&") >= FLAT_FIELDS_MAX:
        raise Malformed(f"The form or query string has more than {FLAT_FIELDS_MAX} fields.")
    try:
        return fold_fields(map(_decode_pair, filter(None, written.split(b"&"))))
    except UnicodeDecodeError:
        raise Malformed("The form or query string is not UTF-8.") from None


def _decode_pair(pair: bytes) -> tuple[str, str]:
    field, _, value = pair.partition(b"=")
    return _unquote(field), _unquote(value)


def _unquote(written: bytes) -> str:
    """A field or value, percent-decoded block by block: the pieces of a whole one would take 100 times its memory."""
    plain = written.replace(b"+", b" ")
    if b"%" not in plain:
        return plain.decode()
    decoded, start = bytearray(), 0
    while start < len(plain):
        end = start + UNQUOTED_BLOCK_BYTES
        # No block ends within an escape.
        escape = plain.find(b"%", end - 2, end)
        end = end if escape < 0 else escape
        decoded += _ESCAPES.sub(_decode_run, plain[start:end])
        start = end
    return decoded.decode()


def _decode_run(run: re.Match[bytes]) -> bytes:
    return unhexlify(run[0].replace(b"%", b""))


def _decode_json(body: bytes) -> Fields:
    try:
        if not body.isascii():
            # msgspec does not check the bytes that it does not decode yet.
            body.decode()
            body = body.removeprefix(b"\xef\xbb\xbf")
        if not _is_shallow(body):
            raise Malformed(f"The body is not JSON, or is nested deeper than {JSON_DEPTH_MAX}.")
        fields = _decode_object(body)
    except msgspec.ValidationError as error:
        if _is_empty_list(body):
            return _NOTHING
        raise Malformed(explain(body, error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(explain(body, error)) from None
    for name in [name for name in fields if name.endswith("[]")]:
        fields.setdefault(name.removesuffix("[]"), fields[name])
    return fields


def _is_empty_list(body: bytes) -> bool:
    """Whether the body is ``[]``, which PHP makes of an empty array of parameters."""
    body = body.strip()
    return body[:1] == b"[" and body[-1:] == b"]" and not body[1:-1].strip()


def _is_shallow(body: bytes) -> bool:
    """Whether the brackets of a JSON text close, and stand at most ``JSON_DEPTH_MAX`` within each other.

    Exact for JSON and linear for any bytes: both kinds of bracket become one, other bytes are dropped, and each pass
    removes the innermost level.
    """
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = body.translate(_ONE_BRACKET, _DROPPED)
    # Two quotes in a row can be dropped whichever they are: what is in a string stays in a string.
    marks = marks.replace(b'""', b"")
    if b'"' in marks:
        marks = _outside_strings(marks)
    if len(marks) > JSON_BRACKETS_MAX:
        raise Malformed(f"The body has more than {JSON_BRACKETS_MAX} brackets.")
    for _ in range(JSON_DEPTH_MAX):
        if not marks:
            return True
        shorter = marks.replace(b"[]", b"")
        if len(shorter) == len(marks):
            return False
        marks = shorter
    return not marks


def _outside_strings(marks: bytes) -> bytes:
    """The marks that are not in strings."""
    outside: list[bytes] = []
    within = 0
    for start in range(0, len(marks), CHECKED_BLOCK_BYTES):
        pieces = marks[start : start + CHECKED_BLOCK_BYTES].split(b'"')
        outside.append(b"".join(pieces[within::2]))
        within = (within + len(pieces) - 1) % 2
    return b"".join(outside)
