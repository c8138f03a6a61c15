"""Comparison and computation of signatures in constant time. No parsing of requests."""

from __future__ import annotations

import hashlib
import hmac

from daftari.errors import Forged
from daftari.gateways.protocol import Proof


def is_same(given: str | bytes, wanted: str | bytes) -> bool:
    """Whether two secrets are equal, compared in constant time."""
    return hmac.compare_digest(_as_bytes(given), _as_bytes(wanted))


def sign(body: bytes, *, secret: str) -> str:
    """HMAC-SHA256 in hexadecimal."""
    return hmac.new(_as_bytes(secret), body, hashlib.sha256).hexdigest()


def require_secret(proof: Proof, *, title: str) -> str:
    """The secret. Raises ``Forged`` without one, since then nothing can be proved."""
    if not proof.secret:
        raise Forged(f"No secret is kept for {title}, so nothing can prove that a request is theirs.")
    return proof.secret


def _as_bytes(text: str | bytes) -> bytes:
    return text.encode(errors="surrogatepass") if isinstance(text, str) else text
