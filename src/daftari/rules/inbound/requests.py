"""Requests of providers: verified, then read, and their messages understood. No HTTP, no SQL.

All of it is done before the project's lock is taken, since a request may hold a megabyte of messages.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from daftari.errors import Forged
from daftari.gateways import GATEWAYS, Proof
from daftari.model.inbound import InboundEvent, InboundMessage, InboundRequest, StoredToken
from daftari.model.limits import SENDER_MAX
from daftari.model.projects import ConsentSettings
from daftari.rules.consent.keywords import Reading, is_opt_out_payload, read_message
from daftari.store import inbound


class ReadEvent(Struct, frozen=True):
    """An event, and what it says: nothing, where it is no message."""

    event: InboundEvent
    reading: Reading


def read_request(stored: StoredToken, request: InboundRequest) -> list[ReadEvent]:
    """The events in a request. Raises ``Forged`` unless the provider sent it, and ``Malformed``."""
    if inbound.SIGNING_SECRET in stored.broken:
        again = f"'daftari inbound set-secret {stored.token.start}'"
        if stored.token.sender_id is not None:
            again = f"'daftari sender change {stored.token.sender_id}'"
        raise Forged(f"The provider's secret of this address cannot be unsealed; set it again with {again}.")
    gateway = GATEWAYS[stored.token.provider]
    gateway.verify(request, proof=_proof_of(stored))
    return read_events(gateway.read(request), settings=stored.project.consent)


def read_events(events: Iterable[InboundEvent], *, settings: ConsentSettings) -> list[ReadEvent]:
    """Events with what they say."""
    return [
        ReadEvent(event, _read_said(event, settings) if isinstance(event, InboundMessage) else Reading("nothing"))
        for event in events
    ]


def _read_said(event: InboundMessage, settings: ConsentSettings) -> Reading:
    """What a message says; a person should look at an edit and at the payload of a button that may be opt-outs."""
    if event.means is not None:
        # The provider acted on it already: what it took the message for is what the person will meet with.
        return Reading(event.means)
    reading = read_message(event.text, settings=settings)
    if event.is_edit:
        doubtful = reading.meaning in ("opt_out", "review")
        return Reading("review", why="is an edited message that may be an opt-out") if doubtful else Reading("nothing")
    if reading.meaning in ("help", "nothing") and is_opt_out_payload(event.payload, settings=settings):
        return Reading("review", why=f"is a button that stands for {event.payload[:SENDER_MAX]!r}")
    return reading


def is_proved(stored: StoredToken) -> bool:
    """Whether a verified request is surely the provider's: by a secret, or by the address if there are no secrets."""
    return bool(stored.signing_secret) or GATEWAYS[stored.token.provider].secret_name is None


def answer_check(stored: StoredToken, request: InboundRequest) -> bytes:
    """The response to a provider that checks the address. Raises ``Forged``."""
    if inbound.VERIFY_TOKEN in stored.broken:
        raise Forged(
            "The verify token of this address cannot be unsealed; make another one with 'daftari inbound add'."
        )
    return GATEWAYS[stored.token.provider].check(request, proof=_proof_of(stored))


def _proof_of(stored: StoredToken) -> Proof:
    return Proof(secret=stored.signing_secret, verify_token=stored.verify_token)
