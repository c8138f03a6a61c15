"""Pipedrive's webhooks: their proof, and which persons they announce. A person's data in them is not read."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Sequence

import msgspec

from daftari.connectors.pipedrive.answers import Delivery
from daftari.connectors.protocol import DeliveryProof, WebhookEvent
from daftari.connectors.times import read_time
from daftari.errors import Forged, Malformed
from daftari.model.inbound import InboundRequest

USER = "daftari"
"""The user name of the webhooks that are made there."""
PROOF_HEADERS = ("authorization",)
"""The headers that prove where a delivery comes from; no other one needs to be kept."""


def read_delivery(request: InboundRequest, proof: DeliveryProof) -> Sequence[WebhookEvent]:
    """The event of a delivery; none when it is about no person. The same for the same delivery.

    Raises ``Forged`` unless it has the user and password that the webhook was made with and is from this account, and
    ``Malformed`` when it cannot be read.
    """
    wanted = f"Basic {b64encode(f'{USER}:{proof.secret}'.encode()).decode()}"
    if not proof.secret or not hmac.compare_digest(request.headers.get("authorization", "").encode(), wanted.encode()):
        raise Forged("The user and password are not those of the webhook.")
    try:
        meta = msgspec.json.decode(request.body, type=Delivery).meta
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed("The body is no delivery of Pipedrive's webhooks of version 2.0.") from None
    if str(meta.company_id or proof.account) != proof.account:
        raise Forged(f"The delivery is from Pipedrive company {meta.company_id}, the connection to {proof.account}.")
    if not meta.version.startswith("2"):
        raise Malformed(f'The webhook has version "{meta.version}"; make it with version "2.0".')
    if meta.entity != "person":
        return ()
    if not str(meta.entity_id).isdecimal():
        raise Malformed(f'The person\'s id is "{meta.entity_id}"; it must be a number.')
    merged = dict(meta.merged())
    ids = dict.fromkeys((str(meta.entity_id), *merged, *merged.values()))
    event = WebhookEvent(
        key=str(meta.id) or f"{meta.action}:{meta.entity_id}:{meta.timestamp}",
        topic=f"person.{meta.action}",
        ids=[*ids],
        at=read_time(meta.timestamp),
        merged=merged,
    )
    return (event,)
