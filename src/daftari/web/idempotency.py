"""The Idempotency-Key of a request: how it is written, what was asked with it, and who is at work under it now.

The header is that of draft-ietf-httpapi-idempotency-key-header: a text in quotes; without them, as most clients send
it, it means the same. This room must not know what a write does, nor how its answer is kept.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

from daftari.errors import Malformed
from daftari.model.limits import IDEMPOTENCY_KEY_MAX
from daftari.rules.idempotency import Once
from daftari.web.rsgi import NO_BODY, Request

READ_BYTES = 1024 * 1024
"""How much of a body is read at once."""

_BARE = re.compile(r"[!#-~][!-~]*")
_QUOTED = re.compile(r'"((?:[!#-\[\]-~]|\\["\\])+)"')


def read_once(request: Request, *, key_id: int) -> Once | None:
    """What is to be done once; ``None`` for a request without the header. Raises ``Malformed``."""
    if "idempotency-key" not in request.headers:
        return None
    return Once(key_id, _read_name(request.headers.get_all("idempotency-key")), _fingerprint(request))


def _read_name(given: list[str]) -> str:
    written = given[0].strip() if len(given) == 1 else ""
    quoted = _QUOTED.fullmatch(written)
    name = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else written
    if len(name) > IDEMPOTENCY_KEY_MAX or not (quoted or _BARE.fullmatch(written)):
        raise Malformed(f"The Idempotency-Key must be 1 to {IDEMPOTENCY_KEY_MAX} visible characters, once.")
    return name


def _fingerprint(request: Request) -> bytes:
    """Method, path, query and body as they came; the same call under ``/api`` is the same."""
    hashed = blake2b(digest_size=32)
    media_type = request.headers.get("content-type") or ""
    for part in (request.method, request.path, request.scope.query_string, media_type):
        written = part.encode(errors="surrogatepass")
        hashed.update(b"%d:" % len(written) + written)
    if request.body is not NO_BODY:
        request.body.seek(0)
        while piece := request.body.read(READ_BYTES):
            hashed.update(piece)
        request.body.seek(0)
    return hashed.digest()


class AtWork:
    """Which writes under an Idempotency-Key this process is at, so that one that waited in vain is told for whom."""

    def __init__(self) -> None:
        self._inside: Counter[tuple[int, str]] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def place(self, once: Once) -> Iterator[None]:
        """Be at work."""
        name = once.key_id, once.name
        with self._lock:
            self._inside[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside[name] -= 1
                if not self._inside[name]:
                    del self._inside[name]

    def is_shared(self, once: Once) -> bool:
        """Whether another request is at the same write."""
        return self._inside[once.key_id, once.name] > 1
