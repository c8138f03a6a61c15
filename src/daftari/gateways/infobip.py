"""Infobip: a list of results as JSON, each a message or a delivery report.

``text`` is what the person wrote; ``cleanText`` lacks the keyword, so that a STOP may be missing from it. Proof is
basic authentication where the operator set it up, and the unguessable path otherwise.
No consent rules, no database.
"""

from __future__ import annotations

import base64
import binascii
from types import MappingProxyType

from daftari.errors import Forged
from daftari.gateways.fields import Fields, read_each, read_json, read_person, refuse_unreadable
from daftari.gateways.protocol import Gateway, Proof
from daftari.gateways.signals import CONTENT_BLOCKED, MARKETING_STOPPED, signal_of
from daftari.gateways.signatures import is_same
from daftari.model.inbound import InboundDoubt, InboundEvent, InboundMessage, InboundRequest
from daftari.model.limits import SENDER_MAX

_STOPPED = MappingProxyType(
    {
        MARKETING_STOPPED: MARKETING_STOPPED,
        "ec_marketing_opt_out": MARKETING_STOPPED,
        CONTENT_BLOCKED: CONTENT_BLOCKED,
        "ec_content_blocked": CONTENT_BLOCKED,
    }
)
"""Codes of errors that are opt-outs, by id and by name."""
_BLACKLISTED = frozenset({"2050", "ec_dest_address_blacklisted", "2052", "ec_blacklisted_destinationaddress"})
"""Codes of errors that say that a number is on a list of numbers not to send to."""
_REJECTED = frozenset(
    {"14", "rejected_destination_blocklisted", "rejected_destination_blacklisted", "10", "rejected_dnd"}
)
"""Codes of statuses that say the same."""


class Infobip(Gateway):
    """The gateway of infobip.com."""

    name = "infobip"
    title = "Infobip"
    secret_name = "user:password"
    proof_headers = ("authorization",)

    def verify(self, request: InboundRequest, *, proof: Proof) -> None:
        if not proof.secret:
            return
        scheme, _, given = request.headers.get("authorization", "").strip().partition(" ")
        shown = {"basic": _decode(given), "app": given.strip().encode()}.get(scheme.lower(), b"")
        if not is_same(shown, proof.secret):
            raise Forged("The user, password or key is not the one that Infobip was given.")

    def read(self, request: InboundRequest) -> list[InboundEvent]:
        fields = read_json(request)
        fields.require("results")
        return refuse_unreadable(read_each(fields.each("results"), lambda result: [_read_result(result)]))


def _decode(given: str) -> bytes:
    try:
        return base64.b64decode(given.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _read_result(result: Fields) -> InboundEvent | None:
    if result.holds("error", "status") and not result.holds("receivedAt"):
        return _read_report(result)
    message, parts = result.within("message"), result.each("content")
    text = next(filter(None, [_read_part(message), *map(_read_part, parts), _read_part(result)]), "")
    payload = next(filter(None, [part.text("payload", "id") for part in (message, *parts)]), "")
    if not text and not payload:
        return None
    number, user_id = read_person(result.number("from", "sender"))
    return InboundMessage(
        number=number,
        channel=_read_channel(result),
        sender=result.sender("to", "destination"),
        text=text,
        message_id=result.message_id("messageId"),
        at=result.moment("receivedAt"),
        payload=payload,
        user_id=user_id,
    )


def _read_part(part: Fields) -> str:
    """What was written in a part, or under its picture, or chosen in it; blank for anything else."""
    return part.text("text", "title", "caption") or " ".join(
        filter(None, (part.text("keyword"), part.text("cleanText")))
    )


def _read_channel(result: Fields) -> str:
    return "whatsapp" if result.text("integrationType", "channel").upper() == "WHATSAPP" else "sms"


def _read_report(result: Fields) -> InboundEvent | None:
    """A delivery report; ``None`` for one that is not about consent."""
    error, status = result.part("error"), result.part("status")
    codes = [error.text("id").lower(), error.text("name").lower()]
    number, user_id = read_person(result.text("to", "destination"))
    sender, message_id = result.sender("from", "sender"), result.message_id("messageId")
    at = result.moment("doneAt", "receivedAt")
    stopped = next((_STOPPED[code] for code in codes if code in _STOPPED), None)
    if stopped is not None:
        return signal_of(
            "infobip", stopped, number=number, sender=sender, message_id=message_id, at=at, user_id=user_id
        )
    rejected = {status.text("id").lower(), status.text("name").lower()} & _REJECTED
    if not rejected and _BLACKLISTED.isdisjoint(codes):
        return None
    found = error if error.text("name", "id") and not _BLACKLISTED.isdisjoint(codes) else status
    why = f"is the code {found.text('name', 'id')[:SENDER_MAX]} of the provider, which blocks the number"
    said = found.text("description")
    channel = _read_channel(result)
    return InboundDoubt(number or None, channel, sender, said, why, message_id=message_id, at=at, user_id=user_id)
