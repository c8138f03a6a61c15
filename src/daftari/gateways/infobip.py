"""Infobip: a list of results as JSON, each a message or a delivery report.

``text`` is what the person wrote; ``cleanText`` lacks the keyword, so that a STOP may be missing from it. Proof is
basic authentication where the operator set it up, and the unguessable path otherwise.
No consent rules, no database.
"""

from __future__ import annotations

import base64
import binascii

from daftari.errors import Forged
from daftari.gateways.fields import Fields, international, read_each, read_json, refuse_unreadable
from daftari.gateways.protocol import Gateway, Proof
from daftari.gateways.signatures import is_same
from daftari.model.inbound import InboundEvent, InboundMessage, InboundRequest


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


def _read_result(result: Fields) -> InboundMessage | None:
    text = _read_text(result)
    if not text:
        return None
    channel = result.text("integrationType", "channel").upper()
    return InboundMessage(
        number=international(result.number("from", "sender")),
        channel="whatsapp" if channel == "WHATSAPP" else "sms",
        sender=result.sender("to", "destination"),
        text=text,
        message_id=result.message_id("messageId"),
        at=result.moment("receivedAt"),
    )


def _read_text(result: Fields) -> str:
    """What was written, in whichever place their formats have it; blank for pictures and reports."""
    message = result.within("message")
    parts = [message.text("text", "title"), *map(_read_part, result.each("content")), _read_part(result)]
    return next(filter(None, parts), "")


def _read_part(part: Fields) -> str:
    return part.text("text") or " ".join(filter(None, (part.text("keyword"), part.text("cleanText"))))
