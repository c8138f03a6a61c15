"""Refused requests of providers: kept, listed, released. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from daftari.model.inbound import (
    InboundEvent,
    InboundRequest,
    InboundToken,
    Quarantined,
)
from daftari.model.limits import (
    QUARANTINE_MAX,
)
from daftari.rules.inbound.receive import Receipt, Taken, receive_events
from daftari.store import Tx, WriteTx, inbound

QUARANTINED_A_TURN = 100


def walk_quarantine(tx: Tx) -> Iterator[Quarantined]:
    """Every refused request that is kept."""
    after = 0
    while found := inbound.list_quarantine(tx, after=after, limit=QUARANTINED_A_TURN):
        yield from found
        after = found[-1].id


def quarantine_request(tx: WriteTx, *, request: InboundRequest, token_id: int, reason: str) -> bool:
    """Keep a refused request, to be read again once the secret is corrected. Returns whether there was space."""
    inbound.count_refused(tx, token_id=token_id)
    if inbound.count_quarantine(tx) >= QUARANTINE_MAX:
        return False
    inbound.insert_quarantine(tx, token_id=token_id, reason=reason, request=request)
    return True


def list_quarantine(tx: Tx, *, after: int, limit: int) -> list[Quarantined]:
    """Refused requests in the order of arrival."""
    return inbound.list_quarantine(tx, after=after, limit=limit)


def release_request(
    tx: WriteTx,
    *,
    quarantined_id: int,
    events: Sequence[InboundEvent],
    token: InboundToken,
    receipt: Receipt,
) -> Taken:
    """Take in a request that was refused and proves to be good after all."""
    inbound.delete_quarantined(tx, quarantined_id=quarantined_id)
    return receive_events(tx, events=events, token=token, receipt=receipt)


def count_quarantine(tx: Tx) -> int:
    """How many refused requests are kept."""
    return inbound.count_quarantine(tx)
