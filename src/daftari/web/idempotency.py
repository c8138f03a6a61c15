"""The ``Idempotency-Key`` header of a request, and the digest by which the same request is recognised.

The header is that of draft-ietf-httpapi-idempotency-key-header, a text in quotes; without quotes, as most clients send
it, it means the same. Knows neither what a write does nor how its response is stored.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from daftari.errors import Malformed
from daftari.model.limits import IDEMPOTENCY_KEY_MAX
from daftari.rules.idempotency import IdempotentRequest
from daftari.web.routing import NO_BODY, RawRequest

READ_BYTES = 1024 * 1024
"""Bytes of a body that are read at a time."""

_BARE = re.compile(r"[!#-~][!-~]*")
_QUOTED = re.compile(r'"((?:[!#-\[\]-~]|\\["\\])+)"')


def read_idempotency_key(request: RawRequest, *, key_id: int) -> IdempotentRequest | None:
    """The request as one to do once; ``None`` without the header. Raises ``Malformed``."""
    if "idempotency-key" not in request.headers:
        return None
    return IdempotentRequest(key_id, _read_name(request.headers.get_all("idempotency-key")), _fingerprint(request))


def _read_name(given: list[str]) -> str:
    written = given[0].strip() if len(given) == 1 else ""
    quoted = _QUOTED.fullmatch(written)
    name = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else written
    if len(name) > IDEMPOTENCY_KEY_MAX or not (quoted or _BARE.fullmatch(written)):
        raise Malformed(f"The Idempotency-Key must be 1 to {IDEMPOTENCY_KEY_MAX} visible characters, once.")
    return name


def _fingerprint(request: RawRequest) -> bytes:
    """A digest of method, path, query, media type and body; it is the same with the prefix ``/api``."""
    hashed = blake2b(digest_size=32)
    media_type = request.headers.get("content-type") or ""
    for part in (request.method, request.match.path, request.scope.query_string, media_type):
        written = part.encode(errors="surrogatepass")
        hashed.update(b"%d:" % len(written) + written)
    if request.body is not NO_BODY:
        request.body.seek(0)
        while piece := request.body.read(READ_BYTES):
            hashed.update(piece)
        request.body.seek(0)
    return hashed.digest()
