"""Requests of providers: verified, then read. No HTTP, no SQL."""

from __future__ import annotations

from daftari.gateways import GATEWAYS, Proof
from daftari.model.inbound import InboundEvent, InboundRequest, StoredToken


def read_request(stored: StoredToken, request: InboundRequest) -> list[InboundEvent]:
    """The events in a request. Raises ``Forged`` unless the provider sent it, and ``Malformed``."""
    gateway = GATEWAYS[stored.token.provider]
    gateway.verify(request, proof=_proof_of(stored))
    return gateway.read(request)


def is_proved(stored: StoredToken) -> bool:
    """Whether a verified request is surely the provider's: by a secret, or by the address if there are no secrets."""
    return bool(stored.signing_secret) or GATEWAYS[stored.token.provider].secret_name is None


def answer_check(stored: StoredToken, request: InboundRequest) -> bytes:
    """The response to a provider that checks the address. Raises ``Forged``."""
    return GATEWAYS[stored.token.provider].check(request, proof=_proof_of(stored))


def _proof_of(stored: StoredToken) -> Proof:
    return Proof(secret=stored.signing_secret, verify_token=stored.verify_token)
