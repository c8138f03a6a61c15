"""What a gateway is, and what all of them share: members read leniently, proofs held strictly, signals as scopes.

A gateway turns what one provider sends into the model's inbound events. It keeps nothing and decides nothing: what
an event leads to is the rules' business. Sending will be one more method here, and the codes that a provider then
answers with already have their meaning in ``SIGNALS``.
This room must not know the store, the rules, or how a request reached us.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from daftari.errors import Forged
from daftari.model.inbound import InboundEvent, InboundRequest

RECEIVED = ("application/json", b'{"message":"Received"}')
"""What most providers are answered: they look at the status alone."""


# ---- the interface ----------------------------------------------------------------------------------


class Proof(msgspec.Struct, frozen=True):
    """What the operator stored to prove where a request comes from. A blank is nothing."""

    secret: str | None
    """What the gateway's ``secret_name`` says."""
    verify_token: str | None = None
    """What the provider's GET check must repeat."""


class Gateway(Protocol):
    """One provider. A new one is a class with ``verify`` and ``read``, and a line in ``GATEWAYS``."""

    name: str
    """As it stands in a URL."""
    title: str
    """As people write it."""
    secret_name: str | None = None
    """What the operator must give, in the provider's words; ``None`` when the provider proves nothing."""
    secret_required: bool = False
    """Whether nothing is accepted without a secret. Otherwise the unguessable path is proof enough."""
    has_check: bool = False
    """Whether the provider checks the address with a GET before it sends anything."""
    signs_url: bool = False
    """Whether the proof is about the address too, so that a refused request is kept with it, the token included."""
    reply: tuple[str, bytes] = RECEIVED
    """The media type and body of the answer to what was read."""

    def verify(self, request: InboundRequest, *, proof: Proof) -> None:
        """Raise ``Forged`` unless the request is the provider's."""
        ...

    def read(self, request: InboundRequest) -> list[InboundEvent]:
        """What the request tells, in its order. Raises ``Malformed``; the same request always gives the same events."""
        ...

    def check(self, request: InboundRequest, *, proof: Proof) -> bytes:
        """What to answer to a GET check. Raises ``Forged``."""
        raise Forged(f"{self.title} checks no address.")


# ---- signals ----------------------------------------------------------------------------------------


# ---- batches ----------------------------------------------------------------------------------------


# ---- what was sent ----------------------------------------------------------------------------------


# ---- time -------------------------------------------------------------------------------------------


# ---- proof ------------------------------------------------------------------------------------------
