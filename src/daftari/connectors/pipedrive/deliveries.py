"""Pipedrive's webhooks: their proof, and which persons they announce. A person's data in them is not read."""

from __future__ import annotations

import hmac
from base64 import b64encode

import msgspec

from daftari.connectors.pipedrive.answers import Delivery
from daftari.connectors.protocol import WebhookEvent
from daftari.connectors.times import read_time
from daftari.errors import Forged, Malformed
from daftari.model.inbound import InboundRequest
from daftari.model.secrets import Secret

PROOF_HEADERS = ("authorization",)
"""The headers that prove where a delivery comes from; no other one needs to be kept."""


def read_delivery(request: InboundRequest, *, user: str, password: Secret, account: str) -> WebhookEvent | None:
    """The event of a delivery; ``None`` when it is about no person. The same for the same delivery.

    Raises ``Forged`` unless it has the user and password that the webhook was made with and is from this account, and
    ``Malformed`` when it cannot be read.
    """
    wanted = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
    if not password or not hmac.compare_digest(request.headers.get("authorization", "").encode(), wanted.encode()):
        raise Forged("The user and password are not those of the webhook.")
    try:
        meta = msgspec.json.decode(request.body, type=Delivery).meta
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed("The body is no delivery of Pipedrive's webhooks of version 2.0.") from None
    if str(meta.company_id or account) != account:
        raise Forged(f"The delivery is from Pipedrive company {meta.company_id}, the connection to {account}.")
    if not meta.version.startswith("2"):
        raise Malformed(f'The webhook has version "{meta.version}"; make it with version "2.0".')
    if meta.entity != "person":
        return None
    if not str(meta.entity_id).isdecimal():
        raise Malformed(f'The person\'s id is "{meta.entity_id}"; it must be a number.')
    merged = dict(meta.merged())
    ids = dict.fromkeys((str(meta.entity_id), *merged, *merged.values()))
    return WebhookEvent(
        key=str(meta.id) or f"{meta.action}:{meta.entity_id}:{meta.timestamp}",
        topic=f"person.{meta.action}",
        ids=[*ids],
        at=read_time(meta.timestamp),
        merged=merged,
    )
