"""Requests of providers: taken as of when they first came, or refused, stored, listed, and read again once secret and
URL are right. No HTTP, no SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from daftari.errors import Forged
from daftari.gateways import GATEWAYS
from daftari.model.inbound import InboundRequest, Quarantined, StoredToken
from daftari.model.limits import QUARANTINE_MAX
from daftari.rules.inbound.receive import Receipt, Taken, receive_events
from daftari.rules.inbound.requests import ReadEvent, read_request
from daftari.store import Tx, WriteTx, consent, inbound

QUARANTINED_PER_STEP = 100
"""Requests that are read at a time."""
_PATH = re.compile(r"(/api)?/v1/inbound/.*", re.DOTALL)


def walk_quarantine(tx: Tx) -> Iterator[Quarantined]:
    """Every refused request."""
    after = 0
    while found := inbound.list_quarantine(tx, after=after, limit=QUARANTINED_PER_STEP):
        yield from found
        after = found[-1].id


def quarantine_request(
    tx: WriteTx, *, request: InboundRequest, stored: StoredToken, reason: str, is_proved: bool
) -> bool:
    """Store a request to be read again later. Returns whether an older one was dropped for it.

    When the quarantine is full, the kind with the most requests gives up its oldest one, so that no kind displaces
    another. A kind is an address, whether its proof was right, and the reason.
    """
    inbound.count_refused(tx, token_id=stored.token.id)
    gateway = None if stored.token.connection_id is not None else GATEWAYS[stored.token.provider]
    if gateway is None or not gateway.signs_url:
        # The URL has the token in it, and is stored only where the proof is about it.
        request = replace(request, url="")
    inbound.insert_quarantine(
        tx,
        token_id=stored.token.id,
        reason=reason,
        is_proved=is_proved,
        request=request,
        receipt=consent.next_receipt(tx),
    )
    oldest = inbound.find_commonest_quarantined(tx) if inbound.count_quarantine(tx) > QUARANTINE_MAX else None
    if oldest is not None:
        inbound.delete_quarantined(tx, quarantined_id=oldest)
    return oldest is not None


def receive_request(tx: WriteTx, *, request: InboundRequest, stored: StoredToken, events: Sequence[ReadEvent]) -> Taken:
    """Receive the events of a verified request as of when it first came: it may have been refused before."""
    known = inbound.find_receipt(tx, token_id=stored.token.id, request=request)
    order, received_at = known or (consent.next_receipt(tx), tx.now)
    token = stored.token
    receipt = Receipt(token.provider, token.id, received_at, order, is_first=known is None, sender_id=token.sender_id)
    return receive_events(tx, events=events, receipt=receipt)


def list_quarantine(tx: Tx, *, after: int, limit: int) -> list[Quarantined]:
    """Refused requests in the order of arrival."""
    return inbound.list_quarantine(tx, after=after, limit=limit)


def read_again(kept: Quarantined, stored: StoredToken, *, public_url: str | None) -> list[ReadEvent]:
    """The events in a refused request, verified with the secret of now. Raises ``Forged`` and ``Malformed``.

    A provider that signs the URL was refused for a wrong ``public_url`` too, so the URL with the one of now is tried.
    """
    request = kept.request
    if request is None:
        raise Forged("It cannot be unsealed: it was sealed with another secret, or changed since.")
    try:
        return read_request(stored, request)
    except Forged:
        path = _PATH.search(request.url)
        if public_url is None or path is None:
            raise
        return read_request(stored, replace(request, url=public_url + path[0]))


def release_request(
    tx: WriteTx, *, kept: Quarantined, stored: StoredToken, events: Sequence[ReadEvent]
) -> Taken | None:
    """Receive the events of a refused request as of the time at which it came.

    ``None`` where it is no longer kept: it was received meanwhile, or its number was erased.
    """
    if not inbound.delete_quarantined(tx, quarantined_id=kept.id):
        return None
    return receive_events(
        tx, events=events, receipt=receipt_of(kept, provider=stored.token.provider, sender_id=stored.token.sender_id)
    )


def receipt_of(kept: Quarantined, *, provider: str, sender_id: int | None = None) -> Receipt:
    """How and when a refused request came."""
    return Receipt(provider, kept.token_id, kept.received_at, kept.receipt, is_first=False, sender_id=sender_id)


def count_quarantine(tx: Tx) -> int:
    """The number of refused requests."""
    return inbound.count_quarantine(tx)
