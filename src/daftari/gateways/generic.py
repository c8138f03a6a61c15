"""JSON of our own, for a provider without a gateway and for programs that send and hear back of opt-outs.

One object with any of four lists::

    {"messages": [{"from", "to", "channel", "text", "id", "at"}],
     "opt_outs": [{"mobile", "channel", "sender", "purpose", "at", "id", "code", "provider"}],
     "opt_ins": [the same],
     "subscriptions": [{"mobile", "sender", "keyword", "active", "at", "id"}]}

or a single one of them with its ``type``: ``message``, ``opt_out``, ``opt_in`` or ``subscription``. A message needs
``from`` and ``text``, the others need ``mobile``, a subscription ``active`` too. A message's ``channel`` is ``sms``
unless it is given; an absent ``channel``, ``sender`` or ``purpose`` elsewhere means any. ``at`` is seconds since
1970 or a time with its zone; anything else counts as absent. ``id`` identifies a repeated event. With ``provider`` the
``code`` must be one of ``SIGNALS``, which then gives channel and purpose: a sending program passes on the code it
got.

With a secret, ``X-Daftari-Signature`` must be ``sha256=`` and the HMAC-SHA256 of the body in hexadecimal.
No consent rules, no database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import MappingProxyType
from typing import Literal

from daftari.errors import Forged, Malformed
from daftari.gateways.fields import Fields, is_user_id, read_each, read_json, refuse_unreadable
from daftari.gateways.protocol import Gateway, Proof
from daftari.gateways.signals import SIGNALS, signal_of
from daftari.gateways.signatures import is_same, sign
from daftari.model.consent import ANY, CHANNELS, PURPOSES, Scope
from daftari.model.inbound import InboundEvent, InboundMessage, InboundRequest, InboundSignal, InboundSubscription

_CHANNELS = MappingProxyType({channel: channel for channel in CHANNELS} | {"": ANY, "any": ANY, ANY: ANY})
_PURPOSES = MappingProxyType(
    {purpose: purpose for purpose in PURPOSES} | {"promotional": "marketing", "": ANY, "any": ANY, ANY: ANY}
)
_FLAGS = MappingProxyType({"true": True, "1": True, "false": False, "0": False})


class Generic(Gateway):
    """The gateway for Daftari's own JSON."""

    name = "generic"
    title = "Generic JSON"
    secret_name = "HMAC secret"
    proof_headers = ("x-daftari-signature",)

    def verify(self, request: InboundRequest, *, proof: Proof) -> None:
        if not proof.secret:
            return
        given = request.headers.get("x-daftari-signature", "").strip()
        if not is_same(given, f"sha256={sign(request.body, secret=proof.secret)}"):
            raise Forged("X-Daftari-Signature is not the body's.")

    def read(self, request: InboundRequest) -> list[InboundEvent]:
        fields = read_json(request)
        if fields.holds(*_LISTS):
            return refuse_unreadable(_read_lists(fields))
        if read_one := _KINDS.get(fields.text("type").lower()):
            return [read_one(fields)]
        raise Malformed(f"The body must have one of {', '.join(_LISTS)}, or a type: {', '.join(_KINDS)}.")


def _read_lists(fields: Fields) -> Iterator[InboundEvent]:
    for name, read in _LISTS.items():
        yield from read_each(fields.each(name), partial(_read_item, read))


def _read_item(read: Callable[[Fields], InboundEvent], item: Fields) -> list[InboundEvent]:
    return [read(item)]


def _read_message(fields: Fields) -> InboundMessage:
    channel = fields.text("channel").lower() or "sms"
    if channel not in CHANNELS:
        raise fields.wrong("channel", f"one of {', '.join(CHANNELS)}")
    fields.require("text")
    number = fields.number("from")
    user_id = number if channel == "whatsapp" and is_user_id(number) else ""
    return InboundMessage(
        number="" if user_id else number,
        channel=channel,
        sender=fields.sender("to"),
        text=fields.text("text"),
        message_id=fields.message_id("id"),
        at=fields.moment("at"),
        user_id=user_id,
    )


def _read_signal(fields: Fields, *, kind: Literal["opt_out", "opt_in"]) -> InboundSignal:
    number, message_id, at = fields.number("mobile"), fields.message_id("id"), fields.moment("at")
    code, provider = fields.sender("code"), fields.text("provider").lower()
    if not provider:
        scope = _read_scope(fields)
        return InboundSignal(number, kind, scope, code=code or kind, message_id=message_id, at=at)
    if (provider, code) not in SIGNALS:
        raise fields.wrong("code", f"a code of {provider} that is about consent")
    sender = _read_sender(fields)
    return signal_of(provider, code, number=number, sender=sender, message_id=message_id, at=at, kind=kind)


def _read_sender(fields: Fields) -> str:
    """Our side; blank for any."""
    sender = fields.sender("sender")
    return "" if sender.casefold() in ("any", ANY) else sender


def _read_scope(fields: Fields) -> Scope:
    channel = _CHANNELS.get(fields.text("channel").lower())
    if channel is None:
        raise fields.wrong("channel", f"one of {', '.join(CHANNELS)}")
    purpose = _PURPOSES.get(fields.text("purpose").lower())
    if purpose is None:
        raise fields.wrong("purpose", f"one of {', '.join(PURPOSES)}")
    return Scope(channel=channel, sender=_read_sender(fields) or ANY, purpose=purpose)


def _read_subscription(fields: Fields) -> InboundSubscription:
    active = _FLAGS.get(str(fields.given("active")).strip().lower())
    if active is None:
        raise fields.wrong("active", "true or false")
    return InboundSubscription(
        number=fields.number("mobile"),
        sender=fields.sender("sender"),
        keyword=fields.sender("keyword"),
        active=active,
        message_id=fields.message_id("id"),
        at=fields.moment("at"),
    )


_KINDS: MappingProxyType[str, Callable[[Fields], InboundEvent]] = MappingProxyType(
    {
        "message": _read_message,
        "opt_out": partial(_read_signal, kind="opt_out"),
        "opt_in": partial(_read_signal, kind="opt_in"),
        "subscription": _read_subscription,
    }
)
_LISTS = MappingProxyType({f"{kind}s": read for kind, read in _KINDS.items()})
