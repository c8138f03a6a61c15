"""Reads the members of a provider's request: forms, JSON, numbers and times, leniently. No signatures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec

from daftari.errors import Malformed
from daftari.model.inbound import InboundEvent, InboundRequest, InboundUnreadable
from daftari.model.limits import MESSAGE_ID_MAX, SENDER_MAX, USER_ID_MAX

FORM_FIELDS_MAX = 1_000
"""Fields in one form."""
_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
_CAPTIONED = ("image", "video", "document", "audio", "sticker")
"""The kinds of WhatsApp messages under which a person may write."""


def read_each(
    items: Iterable[Fields], read: Callable[[Fields], Iterable[InboundEvent | None]]
) -> Iterator[InboundEvent]:
    """The events of several items. One that cannot be read becomes an ``InboundUnreadable`` and hides no other one."""
    for item in items:
        try:
            item.require_object()
            yield from filter(None, read(item))
        except Malformed as error:
            yield InboundUnreadable(said=item.written, why=error.message)


def refuse_unreadable(events: Iterable[InboundEvent]) -> list[InboundEvent]:
    """The events of a request; raises ``Malformed`` when not one of its items could be read."""
    found = list(events)
    unreadable = [event for event in found if isinstance(event, InboundUnreadable)]
    if found and len(unreadable) == len(found):
        raise Malformed(unreadable[0].why)
    return found


class Fields:
    """The members of one JSON object or form, found whatever the case of their names."""

    __slots__ = ("_members", "_path", "_written")

    def __init__(self, members: Mapping[str, object], path: str = "", written: object = None) -> None:
        self._members = {name.lower(): value for name, value in members.items()}
        self._path = path
        self._written = members if written is None else written

    @property
    def written(self) -> str:
        """The whole as it came, as JSON."""
        return msgspec.json.encode(self._written).decode()

    def holds(self, *names: str) -> bool:
        """Whether any of these is there and not null."""
        return any(self._members.get(name.lower()) is not None for name in names)

    def given(self, name: str) -> object:
        """A member as it came, or ``None``."""
        return self._members.get(name.lower())

    def text(self, *names: str) -> str:
        """The first of these that is not blank, trimmed; a number is its digits. Blank if none is."""
        return next((text for name in names if (text := _as_text(self.given(name)))), "")

    def sender(self, *names: str) -> str:
        """A sender or keyword; blank if none is given."""
        return self._short(self.text(*names), names[0], most=SENDER_MAX)

    def message_id(self, *names: str) -> str | None:
        """The provider's id of a message."""
        return self._short(self.text(*names), names[0], most=MESSAGE_ID_MAX) or None

    def user_id(self, *names: str) -> str:
        """A WhatsApp person's id; blank if none is given."""
        return self._short(self.text(*names), names[0], most=USER_ID_MAX)

    def number(self, *names: str) -> str:
        """A number, which must be there."""
        number = self.text(*names)
        if not number:
            raise Malformed(f"{self._path}{names[0]} is missing.")
        return number

    def moment(self, *names: str) -> int | None:
        """A time in microseconds; ``None`` unless it surely has a zone."""
        return read_moment(next((self.given(name) for name in names if self.holds(name)), None))

    def within(self, name: str) -> Fields:
        """The object in a member, without members when it is absent."""
        value = self.given(name)
        return _as_fields({} if value is None else value, f"{self._path}{name}.")

    def part(self, name: str) -> Fields:
        """The object in a member, without members when it is absent or anything else."""
        value = self.given(name)
        return _as_fields(value if isinstance(value, dict) else {}, f"{self._path}{name}.")

    def without(self, name: str) -> str:
        """The whole as JSON, but for a member that is secret."""
        members = self._written if isinstance(self._written, Mapping) else self._members
        return msgspec.json.encode(
            {key: value for key, value in members.items() if key.lower() != name.lower()}
        ).decode()

    def each(self, name: str) -> list[Fields]:
        """The items of a list; none when it is absent. One that is no object has no members."""
        value = self.given(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise Malformed(f"{self._path}{name} must be a list.")
        return [_as_item(item, f"{self._path}{name}[{index}].") for index, item in enumerate(value)]

    def require_object(self) -> None:
        """Raise ``Malformed`` when this is an item of a list and no object."""
        if not isinstance(self._written, Mapping):
            raise Malformed(f"{self._path.rstrip('.')} must be a JSON object.")

    def require(self, name: str) -> None:
        """Raise ``Malformed`` unless the member is there."""
        if not self.holds(name):
            raise Malformed(f"{self._path}{name} is missing.")

    def wrong(self, name: str, wanted: str) -> Malformed:
        """The error of a member that cannot be read."""
        return Malformed(f"{self._path}{name} must be {wanted}.")

    def _short(self, text: str, name: str, *, most: int) -> str:
        if len(text) > most:
            raise self.wrong(name, f"at most {most} characters")
        return text


def read_json(request: InboundRequest) -> Fields:
    """The members of a JSON body."""
    return read_object(request.body)


def read_object(body: bytes) -> Fields:
    """The members of a JSON object. Raises ``Malformed``."""
    try:
        value: object = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed("The body is not JSON.") from None
    return _as_fields(value, "")


def read_fields(request: InboundRequest) -> Fields:
    """The members of a form, of a query, or of JSON where a provider sends that instead."""
    if request.method != "GET" and ("json" in request.media_type.lower() or request.body.lstrip().startswith(b"{")):
        return read_json(request)
    try:
        written = request.query if request.method == "GET" else request.body.decode()
        pairs = parse_qsl(written, keep_blank_values=True, errors="strict", max_num_fields=FORM_FIELDS_MAX)
    except ValueError:
        raise Malformed(f"The body is not a form in UTF-8 of at most {FORM_FIELDS_MAX} fields.") from None
    return Fields(dict(pairs))


def international(number: str) -> str:
    """The number with the ``+`` that its provider leaves off. What begins with 0 was not written internationally."""
    return f"+{number}" if number and number[0] in "123456789" else number


def is_user_id(written: str) -> bool:
    """Whether this is a WhatsApp person's id: ``KE.1349``."""
    return _USER_ID.fullmatch(written) is not None


def read_person(written: str, user_id: str = "") -> tuple[str, str]:
    """A WhatsApp person's number, blank when it is withheld, and id: providers may put the id where the number was."""
    if is_user_id(written):
        return "", written
    return international(written), user_id


class Said(NamedTuple):
    """What a person said in a WhatsApp message. ``payload`` is what a pressed button stands for."""

    text: str
    payload: str
    is_edit: bool


def whatsapp_said(message: Fields) -> Said:
    """What a person wrote in, wrote under a picture or chose from a WhatsApp message; blank for anything else."""
    if message.holds("edit"):
        return whatsapp_said(message.within("edit").within("message"))._replace(is_edit=True)
    button, interactive = message.within("button"), message.within("interactive")
    chosen = [interactive.within("button_reply"), interactive.within("list_reply")]
    captions = [message.within(kind).text("caption") for kind in _CAPTIONED]
    texts = (
        message.within("text").text("body"),
        button.text("text"),
        *(one.text("title") for one in chosen),
        *captions,
    )
    payloads = (button.text("payload"), *(one.text("id") for one in chosen))
    return Said(next(filter(None, texts), ""), next(filter(None, payloads), ""), is_edit=False)


def _as_fields(value: object, path: str) -> Fields:
    if not isinstance(value, dict):
        raise Malformed(f"{path.rstrip('.') or 'The body'} must be a JSON object.")
    return Fields(value, path)


def _as_item(value: object, path: str) -> Fields:
    return Fields(value, path) if isinstance(value, dict) else Fields({}, path, value)


def _as_text(value: object) -> str:
    match value:
        case str():
            # PostgreSQL stores no NUL, and no message needs one.
            return value.replace("\0", "").strip()
        case bool():
            return ""
        case int():
            return str(value)
        case float() if value.is_integer():
            return f"{value:.0f}"
        case _:
            return ""


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]+)?")


def read_moment(value: object) -> int | None:
    """Microseconds since 1970 of unix seconds or an ISO time with its offset; ``None`` otherwise."""
    written = str(value).strip() if isinstance(value, str | int | float) else ""
    try:
        if _SECONDS.fullmatch(written):
            moment = _EPOCH + timedelta(seconds=float(written))
        else:
            moment = datetime.fromisoformat(written)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None or not _EARLIEST <= moment < _LATEST:
        return None
    return (moment - _EPOCH) // timedelta(microseconds=1)
