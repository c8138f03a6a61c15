"""What the inbound addresses of a project brought. No HTTP, no SQL."""

from __future__ import annotations

from msgspec import Struct

from daftari.model.inbound import InboundCount
from daftari.store import Tx, inbound


class InboundSummary(Struct, frozen=True):
    """Requests by token id, and how many refused requests the project keeps."""

    counts: dict[int, InboundCount]
    quarantined: int


def summarize_inbound(tx: Tx) -> InboundSummary:
    """The counts of every address of the project that was called."""
    return InboundSummary(
        counts={count.token_id: count for count in inbound.list_counts(tx)}, quarantined=inbound.count_quarantine(tx)
    )
