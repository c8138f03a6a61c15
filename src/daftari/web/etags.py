"""ETags: what names the bytes of an answer, and what a caller says of the ones that it has.

A contact's has two parts when it shows more than its card; ``If-Match`` asks for the card's alone. This room must not
know what an answer shows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


def hashed(*pieces: bytes) -> str:
    """What names these bytes and no others; between quotes it is an ETag."""
    tag = blake2b(digest_size=16)
    for piece in pieces:
        tag.update(piece)
    return tag.hexdigest()


def is_known(tag: str, if_none_match: str | None) -> bool:
    """Whether a caller has the answer with this ETag, by its ``If-None-Match``."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or any(f'"{found[1]}"' == tag for found in _TAG.findall(if_none_match))


def read_versions(if_match: Sequence[str]) -> frozenset[str] | None:
    """The versions of a contact that ``If-Match`` headers name; ``None`` when any will do."""
    written = ",".join(if_match)
    if written.strip() == "*":
        return None
    return frozenset(tag.partition(".")[0] for weak, tag in _TAG.findall(written) if not weak)
