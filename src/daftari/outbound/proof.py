"""What the end of a request proves, and so whether it may be repeated: one table for all. No network."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from daftari.outbound.exchange import NotSent, OutboundResponse, OutboundResult, PerhapsSent

Proof = Literal["again", "slow", "stop", "refused", "body", "unknown"]
"""What may be done.

- ``again``: nothing was taken; the same request may be sent at once.
- ``slow``: nothing was taken; the same request may be sent after a pause.
- ``stop``: nothing was taken, and nothing will be until a person has changed a key, an account or a URL.
- ``refused``: nothing was taken of this request; another one may pass.
- ``body``: the status proves nothing alone; the provider's own code in the body does.
- ``unknown``: it may have been taken; nothing may repeat it by itself.
"""

STATUSES: Mapping[int, Proof] = MappingProxyType(
    {
        **dict.fromkeys((401, 402, 403, 404, 405), "stop"),
        **dict.fromkeys((413, 415, 422), "refused"),
        429: "slow",
    }
)
"""Statuses that prove that nothing was taken. Every other one below 200 or above 299, but 400, proves nothing."""


def proof_of(result: OutboundResult, *, trust_503: bool) -> Proof:
    """Returns what a result allows.

    ``trust_503``: whether this server's 503 with ``Retry-After`` means that nothing was taken. Some servers answer so
    from behind a gateway that had already passed the request on.
    """
    match result:
        case NotSent(cause="request" | "address"):
            return "stop"
        case NotSent():
            return "again"
        case PerhapsSent():
            return "unknown"
        case OutboundResponse(status=503, retry_after_seconds=float()) if trust_503:
            return "slow"
        case OutboundResponse(status=status) if status in STATUSES:
            return STATUSES[status]
        case OutboundResponse(status=status, incomplete=None) if status == 400 or 200 <= status <= 299:
            return "body"
        case OutboundResponse():
            return "unknown"
