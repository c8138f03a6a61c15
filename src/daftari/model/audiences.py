"""Records of frozen audiences. No rules, no SQL."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Match = Literal["any", "all"]
"""Of several groups: members of any of them, or of all."""
MATCHES: tuple[Match, ...] = ("any", "all")


class FrozenAudience(Struct, frozen=True):
    """A frozen audience without its numbers. ``definition`` and ``excluded`` are JSON."""

    id: int
    created_at: int
    expires_at: int
    definition: str
    count: int
    erased: int
    digest: str
    excluded: str
