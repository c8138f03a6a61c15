"""What a gateway is, and what all of them share: members read leniently, proofs held strictly, signals as scopes.

A gateway turns what one provider sends into the model's inbound events. It keeps nothing and decides nothing: what
an event leads to is the rules' business. Sending will be one more method here, and the codes that a provider then
answers with already have their meaning in ``SIGNALS``.
This room must not know the store, the rules, or how a request reached us.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Literal, Protocol
from urllib.parse import parse_qsl

import msgspec

from daftari.errors import Forged, Malformed
from daftari.model import (
    ANY,
    MESSAGE_ID_MAX,
    SENDER_MAX,
    InboundEvent,
    InboundRequest,
    InboundSignal,
    InboundUnreadable,
    Scope,
)

FORM_FIELDS_MAX = 1_000
"""Fields in one form."""

RECEIVED = ("application/json", b'{"message":"Received"}')
"""What most providers are answered: they look at the status alone."""


# ---- the interface ----------------------------------------------------------------------------------


class Proof(msgspec.Struct, frozen=True):
    """What the operator stored to prove where a request comes from. A blank is nothing."""

    secret: str | None
    """What the gateway's ``secret_name`` says."""
    verify_token: str | None = None
    """What the provider's GET check must repeat."""


class Gateway(Protocol):
    """One provider. A new one is a class with ``verify`` and ``read``, and a line in ``GATEWAYS``."""

    name: str
    """As it stands in a URL."""
    title: str
    """As people write it."""
    secret_name: str | None = None
    """What the operator must give, in the provider's words; ``None`` when the provider proves nothing."""
    secret_required: bool = False
    """Whether nothing is accepted without a secret. Otherwise the unguessable path is proof enough."""
    has_check: bool = False
    """Whether the provider checks the address with a GET before it sends anything."""
    signs_url: bool = False
    """Whether the proof is about the address too, so that a refused request is kept with it, the token included."""
    reply: tuple[str, bytes] = RECEIVED
    """The media type and body of the answer to what was read."""

    def verify(self, request: InboundRequest, *, proof: Proof) -> None:
        """Raise ``Forged`` unless the request is the provider's."""
        ...

    def read(self, request: InboundRequest) -> list[InboundEvent]:
        """What the request tells, in its order. Raises ``Malformed``; the same request always gives the same events."""
        ...

    def check(self, request: InboundRequest, *, proof: Proof) -> bytes:
        """What to answer to a GET check. Raises ``Forged``."""
        raise Forged(f"{self.title} checks no address.")


# ---- signals ----------------------------------------------------------------------------------------

OPTED_OUT = "optout"
"""In the provider's own menu, which tells no code."""
PREFERENCES = "user_preferences"
"""In the settings of a conversation."""


def _sms_from_sender(sender: str) -> Scope:
    return Scope(channel="sms", sender=sender or ANY)


def _sms(_sender: str) -> Scope:
    return Scope(channel="sms")


def _whatsapp_marketing(sender: str) -> Scope:
    return Scope(channel="whatsapp", sender=sender or ANY, purpose="marketing")


SIGNALS: Mapping[tuple[str, str], Callable[[str], Scope]] = MappingProxyType(
    {
        ("africas_talking", "406"): _sms_from_sender,
        ("africas_talking", OPTED_OUT): _sms_from_sender,
        ("sozuri", "18"): _sms_from_sender,
        ("sozuri", "19"): _sms,
        ("twilio", "21610"): _sms_from_sender,
        ("whatsapp", "131050"): _whatsapp_marketing,
        ("whatsapp", PREFERENCES): _whatsapp_marketing,
    }
)
"""What a provider's code about consent is about, by provider and code, for a sender or the blank of an unknown one."""


def signal_of(
    provider: str,
    code: str,
    *,
    number: str,
    sender: str,
    message_id: str | None,
    at: int | None,
    kind: Literal["opt_out", "opt_in"] = "opt_out",
) -> InboundSignal:
    """The signal that a code of ``SIGNALS`` stands for."""
    scope = SIGNALS[provider, code](sender)
    return InboundSignal(number=number or None, kind=kind, scope=scope, code=code, message_id=message_id, at=at)


# ---- batches ----------------------------------------------------------------------------------------


def read_each(
    items: Iterable[Fields], read: Callable[[Fields], Iterable[InboundEvent | None]]
) -> Iterator[InboundEvent]:
    """The events of several items. One that cannot be read is told as such, and hides no other one."""
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


# ---- what was sent ----------------------------------------------------------------------------------


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
        """A sender or keyword; blank if none is told."""
        return self._short(self.text(*names), names[0], most=SENDER_MAX)

    def message_id(self, *names: str) -> str | None:
        """The provider's id of a message."""
        return self._short(self.text(*names), names[0], most=MESSAGE_ID_MAX) or None

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
    try:
        value: object = msgspec.json.decode(request.body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed("The body is not JSON.") from None
    return _as_fields(value, "")


def read_fields(request: InboundRequest) -> Fields:
    """The members of a form, or of JSON where a provider sends that instead."""
    if "json" in request.media_type.lower() or request.body.lstrip().startswith(b"{"):
        return read_json(request)
    try:
        pairs = parse_qsl(
            request.body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FORM_FIELDS_MAX
        )
    except ValueError:
        raise Malformed(f"The body is not a form in UTF-8 of at most {FORM_FIELDS_MAX} fields.") from None
    return Fields(dict(pairs))


def international(number: str) -> str:
    """The number with the ``+`` that its provider leaves off. What begins with 0 was not written internationally."""
    return f"+{number}" if number and number[0] in "123456789" else number


def whatsapp_text(message: Fields) -> str:
    """What a person wrote in, or chose from, a WhatsApp message; blank for pictures and the like."""
    interactive = message.within("interactive")
    return (
        message.within("text").text("body")
        or message.within("button").text("text")
        or interactive.within("button_reply").text("title")
        or interactive.within("list_reply").text("title")
    )


def _as_fields(value: object, path: str) -> Fields:
    if not isinstance(value, dict):
        raise Malformed(f"{path.rstrip('.') or 'The body'} must be a JSON object.")
    return Fields(value, path)


def _as_item(value: object, path: str) -> Fields:
    return Fields(value, path) if isinstance(value, dict) else Fields({}, path, value)


def _as_text(value: object) -> str:
    match value:
        case str():
            # PostgreSQL keeps no NUL, and nobody writes one.
            return value.replace("\0", "").strip()
        case bool():
            return ""
        case int():
            return str(value)
        case float() if value.is_integer():
            return f"{value:.0f}"
        case _:
            return ""


# ---- time -------------------------------------------------------------------------------------------

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]+)?")


def read_moment(value: object) -> int | None:
    """Microseconds since 1970 of unix seconds or an ISO time with its offset; ``None`` for all else and the absurd."""
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


# ---- proof ------------------------------------------------------------------------------------------


def is_same(given: str | bytes, wanted: str | bytes) -> bool:
    """Whether two secrets are the same, in a time that tells nothing about where they differ."""
    return hmac.compare_digest(_as_bytes(given), _as_bytes(wanted))


def sign(body: bytes, *, secret: str) -> str:
    """HMAC-SHA256 in hexadecimal."""
    return hmac.new(_as_bytes(secret), body, hashlib.sha256).hexdigest()


def require_secret(proof: Proof, *, title: str) -> str:
    """The secret; raises ``Forged`` without one, since then nobody can prove anything."""
    if not proof.secret:
        raise Forged(f"No secret is kept for {title}, so nothing can prove that a request is theirs.")
    return proof.secret


def _as_bytes(text: str | bytes) -> bytes:
    return text.encode(errors="surrogatepass") if isinstance(text, str) else text
