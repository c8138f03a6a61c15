"""The words in which providers report what happened to a message. No requests, no provider's format."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from daftari.model.inbound import ReportState

_WORDS: Mapping[ReportState, tuple[str, ...]] = {
    "accepted": (
        *("accepted", "buffered", "queued", "scheduled", "sending", "sent", "submitted", "processed", "pending"),
        *("acceptd", "enroute", "esme_rok", "held_for_quality_assessment"),
    ),
    "delivered": ("delivered", "delivrd", "played", "read", "success", "device_ack"),
    "failed": (
        *("absentsubscriber", "canceled", "cancelled", "delivery_failure", "error", "failed", "failure", "rejected"),
        *("undelivered", "undeliverable", "deleted", "rejectd", "undeliv"),
    ),
    "expired": ("expired",),
}
STATES: Mapping[str, ReportState] = MappingProxyType({word: state for state, words in _WORDS.items() for word in words})
"""What a word means, in lower case. Words of SMPP are among them."""
