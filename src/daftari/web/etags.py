"""ETags: the name of a response's bytes, and the conditions in ``If-None-Match`` and ``If-Match``.

A contact's ETag has a second part when more than its card is shown; ``If-Match`` compares the first part alone. A proxy
that compresses marks an ETag as weak, or adds the name of the compression: it is taken for ours all the same, since it
came from a response of ours. Knows nothing about the content of a response.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*?)(?:-(?:gzip|br|zstd|deflate))?"')


def hashed(*pieces: bytes) -> str:
    """A digest of these bytes; between quotes it is an ETag."""
    tag = blake2b(digest_size=16)
    for piece in pieces:
        tag.update(piece)
    return tag.hexdigest()


def is_known(tag: str, if_none_match: str | None) -> bool:
    """Whether ``If-None-Match`` names this ETag."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or any(f'"{found}"' == tag for found in _TAG.findall(if_none_match))


def read_versions(if_match: Sequence[str]) -> frozenset[str] | None:
    """The versions of a contact that ``If-Match`` headers name; ``None`` when any version matches."""
    written = ",".join(if_match)
    if written.strip() == "*":
        return None
    return frozenset(tag.partition(".")[0] for tag in _TAG.findall(written))
