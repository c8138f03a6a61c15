"""How fields are read: texts, names and times, and the collector of what is wrong with them.

A reader returns the value or raises ``ValueError`` with the end of a sentence that begins "The … field ". No SQL, no
HTTP, and no knowledge of which fields a call has.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import TypeVar

from daftari.errors import ValidationFailed
from daftari.model.limits import CLOCK_AHEAD_SECONDS_MAX, TEXT_MAX
from daftari.model.time import read_rfc_3339

T = TypeVar("T")
V = TypeVar("V")
Errors = dict[str, list[str]]
"""Sentences by the dotted path of the field that they are about."""

NOT_A_TEXT = "must be a text."
WITH_GAPS = ", and is an object, which PHP makes of a list with gaps: send array_values() of it"
NATIONAL_DIGITS_MIN = 7
"""Digits of the shortest number that is looked for in a text, its country code not among them."""
TIME_MIN = -2_208_988_800_000_000
"""1900-01-01 in microseconds: what is earlier is a program's empty date."""
TIME_MAX = 253_370_764_800_000_000
"""9999-01-01 in microseconds: what is later has no date in some zone of the world."""
UNREACHABLE_ENDS = ("/", "/contacts")
"""A slash at the end of a path does not count, and ``/groups/{name}/contacts`` is another call."""

FLAGS = {"true": True, "false": False, "1": True, "0": False, "on": True, "off": False, "yes": True, "no": False}
"""How forms, JSON and Python write yes and no, without regard to case."""
EMPTY_WORDS = frozenset({"nan", "none", "null", "undefined", "<na>", "nat"})
"""What pandas, Python and JavaScript write for an empty value where a text is wanted."""

_SECONDS = re.compile(r"[0-9]{1,12}")
_ZONELESS = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?", re.ASCII | re.IGNORECASE)
_PLUS_LOST = re.compile(r":\d\d(\.\d+)? \d\d:\d\d$", re.ASCII)
_NOT_DIGITS = re.compile(r"\D+")
_NO_DIGITS = bytes(byte for byte in range(128) if not 48 <= byte <= 57)


_JOINERS = "\u034f\u200c\u200d\ufe00-\ufe0f\U000e0020-\U000e007f"
"""Marks without width that join letters of some scripts, or emojis."""
_INVISIBLE = re.compile(
    "[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e001f\U000e0080-\U000e0fff]"
)
"""Characters that are not shown; they come along when a text is copied."""
_LOOSE_JOINERS = re.compile(rf"[\u200c\u200d]+(?=\s|$)|(?<![^\0-\x7f])[{_JOINERS}]+")
"""Joiners where they join nothing: at an end, and after plain letters."""
_ALL_JOINERS = re.compile(f"[{_JOINERS}]")


def read_text(value: object, *, most: int = TEXT_MAX) -> str | None:
    """A text, trimmed; ``None`` for a blank one."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(NOT_A_TEXT)
    text = value.strip()
    if len(text) > most:
        raise ValueError(f"must not be longer than {most} characters.")
    if "\0" in text:
        raise ValueError("must not contain a NUL character.")
    if not text.isascii():
        refuse_surrogates(text)
    return text or None


def digits_in(text: str) -> str:
    """The digits of a text, one after the other, whatever stands between them and whatever script they are of."""
    if text.isascii():
        return text.encode().translate(None, _NO_DIGITS).decode()
    digits = _NOT_DIGITS.sub("", text)
    return digits if digits.isascii() else "".join([str(unicodedata.decimal(digit)) for digit in digits])


def refuse_surrogates(text: str) -> None:
    """Raise ``ValueError`` for a text that no encoding can write: one with half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain half of a surrogate pair.") from None


def read_flag(value: object) -> bool | None:
    """Yes or no; ``None`` for nothing."""
    if value is None:
        return None
    flag = FLAGS.get(str(value).strip().lower())
    if flag is None:
        raise ValueError("must be true or false.")
    return flag


def read_name(value: object) -> str | None:
    """The name of a group or project: trimmed, without invisible characters, in normal form C."""
    text = read_text(value)
    if text is None or (text.isascii() and text.isprintable()):
        return text
    return unicodedata.normalize("NFC", without_invisible(text).strip()) or None


def without_invisible(text: str) -> str:
    """A text without characters that are not shown, direction marks among them; without joiners that join nothing."""
    return _LOOSE_JOINERS.sub("", _INVISIBLE.sub("", text))


def read_group_name(value: object) -> str | None:
    """The name of a group that is created, or that a call creates when there is none."""
    name = read_name(value)
    # By its folded form, which is how a group is found.
    if name is not None and fold_name(name).endswith(UNREACHABLE_ENDS):
        raise ValueError("must not end in '/' or '/contacts', since no path could name the group.")
    return name


def fold_name(name: str) -> str:
    """What two names have in common that differ only in case, spacing and invisible characters."""
    if not (name.isascii() and name.isprintable()):
        name = _ALL_JOINERS.sub("", _INVISIBLE.sub("", name))
    folded = unicodedata.normalize("NFC", name).casefold()
    return " ".join(unicodedata.normalize("NFC", folded).split())


def read_time(value: object, *, now: int | None) -> int | None:
    """A time as RFC 3339 text or in seconds since 1970, in microseconds; at most 5 minutes after ``now`` if given."""
    if value is None or value == "":
        return None
    at = _microseconds(value)
    if now is not None and at > now + CLOCK_AHEAD_SECONDS_MAX * 1_000_000:
        raise ValueError("must not be in the future.")
    return at


def _microseconds(value: object) -> int:
    wanted = "must be a time such as 2024-03-21T07:06:37Z."
    at: int | None = None
    if isinstance(value, str):
        text = value.strip()
        if _ZONELESS.fullmatch(text):
            raise ValueError("must say its time zone, such as 2024-03-21T07:06:37Z.")
        if _PLUS_LOST.search(text):
            raise ValueError(f"{wanted[:-1]}; in a query string, write the plus of its zone as %2B.")
        at = int(text) * 1_000_000 if _SECONDS.fullmatch(text) else read_rfc_3339(text)
    elif isinstance(value, int) and not isinstance(value, bool):
        at = value * 1_000_000
    elif isinstance(value, float) and abs(value) < TIME_MAX:
        at = round(value * 1_000_000)
    if at is None or not TIME_MIN <= at <= TIME_MAX:
        raise ValueError(wanted)
    return at


class Problems:
    """Collects what is wrong with the fields of one request or record, so that one answer names all of it.

    ``path`` stands before each name: with ``contacts.0``, the field ``mobile`` is ``contacts.0.mobile``. Without a path
    or a name, the sentence is about the record.
    """

    __slots__ = ("_path", "errors")

    def __init__(self, path: str = "") -> None:
        self._path = path
        self.errors: Errors = {}

    def __bool__(self) -> bool:
        return bool(self.errors)

    def path(self, name: str) -> str:
        """The whole path of a field."""
        return f"{self._path}.{name}" if self._path and name else self._path or name

    def has(self, name: str) -> bool:
        """Whether anything is wrong with a field so far."""
        return self.path(name) in self.errors

    def add(self, name: str, end: str) -> None:
        """Note the end of a sentence about a field."""
        path = self.path(name)
        self.errors.setdefault(path, []).append(f"The {path} field {end}" if path else f"The record {end}")

    def include(self, errors: Mapping[str, list[str]]) -> None:
        """Note sentences that were collected elsewhere, by whole path."""
        for path, sentences in errors.items():
            self.errors.setdefault(path, []).extend(sentences)

    def read(self, name: str, value: V, reader: Callable[[V], T]) -> T | None:
        """Returns what ``reader`` makes of a field's value; ``None`` when it raises ``ValueError``, which is noted."""
        try:
            return reader(value)
        except ValueError as error:
            self.add(name, str(error))
            return None

    def read_part(self, read: Callable[[], T]) -> T | None:
        """Returns what ``read`` returns; ``None`` when it raises ``ValidationFailed``, whose fields are noted."""
        try:
            return read()
        except ValidationFailed as error:
            self.include(error.errors)
            return None

    def refuse(self) -> None:
        """Raise ``ValidationFailed`` if anything is wrong."""
        if self.errors:
            raise ValidationFailed(self.errors)

    def require(self, value: T | None) -> T:
        """Returns a value that is there unless something is wrong; raises ``ValidationFailed`` then."""
        self.refuse()
        if value is None:
            raise LookupError("a value is missing although nothing is wrong with it")
        return value

    def text(self) -> str:
        """All sentences, one after the other."""
        return " ".join(sentence for sentences in self.errors.values() for sentence in sentences)
