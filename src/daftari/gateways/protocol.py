"""The interface of a gateway, which turns one provider's requests into inbound events.

A gateway keeps nothing and decides nothing: the rules do. No database, no rules, no HTTP server.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from daftari.errors import Forged
from daftari.model.inbound import InboundEvent, InboundRequest
from daftari.model.secrets import Secret

RECEIVED = ("application/json", b'{"message":"Received"}')
"""What most providers are answered: they look at the status alone."""


# ---- the interface ----------------------------------------------------------------------------------


class Proof(msgspec.Struct, frozen=True):
    """What the operator stored to prove where a request comes from. A blank is nothing."""

    secret: Secret | None
    """What the gateway's ``secret_name`` says."""
    verify_token: Secret | None = None
    """What the provider's GET check must repeat."""


class Gateway(Protocol):
    """One provider. [Inbound](docs/inbound.md#adding-a-provider) lists what a new one needs."""

    name: str
    """As it stands in a URL."""
    title: str
    """As people write it."""
    secret_name: str | None = None
    """What the operator must give, in the provider's words; ``None`` when the provider proves nothing."""
    proof_headers: tuple[str, ...] = ()
    """The headers that ``verify`` reads, in lower case. No other header reaches a gateway or is stored."""
    secret_required: bool = False
    """Whether nothing is accepted without a secret. Otherwise the unguessable path is proof enough."""
    has_check: bool = False
    """Whether the provider checks the address with a GET before it sends anything."""
    accepts_get: bool = False
    """Whether the provider may be set to send with GET, all fields in the query."""
    signs_url: bool = False
    """Whether the proof is about the address too, so that a refused request is kept with it, the token included."""
    reply: tuple[str, bytes] = RECEIVED
    """The media type and body of the answer to what was read."""

    def verify(self, request: InboundRequest, *, proof: Proof) -> None:
        """Raise ``Forged`` unless the request is the provider's."""
        ...

    def read(self, request: InboundRequest) -> list[InboundEvent]:
        """The events in a request, in its order; the same for the same request. Raises ``Malformed``."""
        ...

    def check(self, request: InboundRequest, *, proof: Proof) -> bytes:
        """What to answer to a GET check. Raises ``Forged``."""
        raise Forged(f"{self.title} checks no address.")
