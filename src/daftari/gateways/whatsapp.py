"""The WhatsApp Cloud API of Meta: messages, marketing preferences and failed statuses in one signed JSON body.

A preference is about marketing alone and about one business number alone. Of people with a username the number may be
withheld; then they have an id. Meta checks the address with a GET before it
sends anything.
No consent rules, no database.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Literal
from urllib.parse import parse_qsl

from daftari.errors import Forged
from daftari.gateways.fields import (
    FORM_FIELDS_MAX,
    Fields,
    read_each,
    read_json,
    read_person,
    refuse_unreadable,
    whatsapp_said,
)
from daftari.gateways.protocol import Gateway, Proof
from daftari.gateways.signals import PREFERENCES, signal_of
from daftari.gateways.signatures import is_same, require_secret, sign
from daftari.model.inbound import InboundDoubt, InboundEvent, InboundLink, InboundMessage, InboundRequest
from daftari.model.limits import SENDER_MAX, USER_ID_MAX

_READ = frozenset({"", "messages", PREFERENCES})
"""The kinds of change that are read; others repeat what was said elsewhere, or what we said."""
_PREFERENCES: MappingProxyType[str, Literal["opt_out", "opt_in"]] = MappingProxyType(
    {"stop": "opt_out", "resume": "opt_in", "signup": "opt_in"}
)
_MARKETING = frozenset({"", "marketing", "marketing_messages"})
_STOPPED_MARKETING = "131050"
_PERSONS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "contacts": ("wa_id", "user_id", "parent_user_id"),
        "messages": ("from", "from_user_id", "from_parent_user_id"),
        "user_preferences": ("wa_id", "user_id", "parent_user_id"),
        "statuses": ("recipient_id", "recipient_user_id", "recipient_parent_user_id"),
    }
)
"""Where a person's number is, and the ids that a person has when the number is withheld."""


class WhatsApp(Gateway):
    """The gateway of the WhatsApp Business Platform, in the cloud."""

    name = "whatsapp"
    title = "WhatsApp"
    secret_name = "App Secret"
    proof_headers = ("x-hub-signature-256",)
    secret_required = True
    has_check = True

    def verify(self, request: InboundRequest, *, proof: Proof) -> None:
        secret = require_secret(proof, title=self.title)
        given = request.headers.get("x-hub-signature-256", "").strip()
        if not is_same(given, f"sha256={sign(request.body, secret=secret)}"):
            raise Forged

    def read(self, request: InboundRequest) -> list[InboundEvent]:
        fields = read_json(request)
        fields.require("entry")
        return refuse_unreadable(read_each(fields.each("entry"), _read_entry))

    def check(self, request: InboundRequest, *, proof: Proof) -> bytes:
        try:
            asked = dict(parse_qsl(request.query, errors="replace", max_num_fields=FORM_FIELDS_MAX))
        except ValueError:
            raise Forged from None
        token = proof.verify_token
        if not token or not is_same(asked.get("hub.verify_token", ""), token) or asked.get("hub.mode") != "subscribe":
            raise Forged("The verify token is not the one that is kept for this address.")
        return asked.get("hub.challenge", "").encode()


def _read_entry(entry: Fields) -> Iterator[InboundEvent]:
    yield from read_each(entry.each("changes"), _read_change)


def _read_change(change: Fields) -> Iterator[InboundEvent]:
    """The events of a change; of a kind that is not read only who is who."""
    value = change.within("value")
    yield from _read_links(value)
    if change.text("field") in _READ:
        yield from _read_value(value)


def _read_links(value: Fields) -> Iterator[InboundLink]:
    """The persons whose id and number are both named. What is in no known form is passed over."""
    found: dict[tuple[str, str], None] = {}
    for name, (number_name, *user_names) in _PERSONS.items():
        items = value.each(name) if isinstance(value.given(name), list) else []
        for item in items:
            number, user_id = read_person(item.text(number_name), item.text(*user_names))
            if number and 0 < len(user_id) <= USER_ID_MAX:
                found[number, user_id] = None
    return (InboundLink(number, user_id) for number, user_id in found)


def _read_value(value: Fields) -> Iterator[InboundEvent]:
    metadata = value.within("metadata")
    ours = "".join(filter(str.isdecimal, metadata.sender("display_phone_number"))) or metadata.sender("phone_number_id")
    contacts = value.each("contacts") if isinstance(value.given("contacts"), list) else []
    # A message may leave the person to the only contact.
    contact = contacts[0] if len(contacts) == 1 else None
    yield from read_each(value.each("messages"), lambda item: _read_message(item, contact, sender=ours))
    yield from read_each(value.each("user_preferences"), lambda item: _read_preference(item, contact, sender=ours))
    yield from read_each(value.each("statuses"), lambda item: _read_status(item, sender=ours))


def _read_person(item: Fields, contact: Fields | None, name: str) -> tuple[str, str]:
    """A person's number and id. Raises ``Malformed`` when there is neither."""
    number_name, *user_names = _PERSONS[name]
    number, user_id = read_person(item.text(number_name), item.user_id(*user_names))
    if not number and not user_id and contact is not None:
        number, user_id = read_person(contact.text("wa_id"), contact.user_id("user_id", "parent_user_id"))
    return (number, user_id) if number or user_id else (item.number(number_name), "")


def _read_message(message: Fields, contact: Fields | None, *, sender: str) -> Iterator[InboundEvent]:
    number, user_id = _read_person(message, contact, "messages")
    said = whatsapp_said(message)
    if said.text or said.payload:
        yield InboundMessage(
            number=number,
            channel="whatsapp",
            sender=sender,
            text=said.text,
            message_id=message.message_id("id"),
            at=message.moment("timestamp"),
            payload=said.payload,
            is_edit=said.is_edit,
            user_id=user_id,
        )


def _read_preference(preference: Fields, contact: Fields | None, *, sender: str) -> Iterator[InboundEvent]:
    if preference.text("category").lower() not in _MARKETING:
        return
    number, user_id = _read_person(preference, contact, "user_preferences")
    at = preference.moment("timestamp")
    value = preference.text("value").lower()
    kind = _PREFERENCES.get(value)
    if kind is None:
        why = f"is a preference with the unknown value {value[:SENDER_MAX]!r}"
        said = preference.text("detail", "value")
        yield InboundDoubt(number or None, "whatsapp", sender, said, why, message_id=None, at=at, user_id=user_id)
        return
    # A sign-up has an id of its own, which is part of the proof that the person asked for it.
    signup = preference.message_id("signup_id")
    yield signal_of(
        "whatsapp", PREFERENCES, number=number, sender=sender, message_id=signup, at=at, kind=kind, user_id=user_id
    )


def _read_status(status: Fields, *, sender: str) -> Iterator[InboundEvent]:
    if any(error.text("code") == _STOPPED_MARKETING for error in status.each("errors")):
        number, user_id = read_person(status.text("recipient_id"), status.user_id(*_PERSONS["statuses"][1:]))
        yield signal_of(
            "whatsapp",
            _STOPPED_MARKETING,
            number=number,
            sender=sender,
            message_id=status.message_id("id"),
            at=status.moment("timestamp"),
            user_id=user_id,
        )
