"""The groups of an address book that are cards of their own, as iCloud and Apple Contacts write them.

Such a card names its members by the ids of their cards, before or after them. No people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from daftari.files.encoding import LongLine

MEMBERS_MAX = 500_000
"""Memberships that one file may list in this way; later ones are ignored."""
_KIND = re.compile(
    r"^(?:[\w-]+\.)?(?:X-ADDRESSBOOKSERVER-)?KIND[ \t]*(?:;[^:\r\n]*)?:[ \t]*group[ \t]*\r?$",
    re.IGNORECASE | re.MULTILINE,
)
_MEMBER = re.compile(
    r"^(?:[\w-]+\.)?(?:X-ADDRESSBOOKSERVER-)?MEMBER[ \t]*(?:;[^:\r\n]*)?:[ \t]*(\S+)[ \t]*\r?$",
    re.IGNORECASE | re.MULTILINE,
)
_FOLD = re.compile(r"\r?\n[ \t]")
_URN = "urn:uuid:"


def has_group_cards(pieces: Iterable[str | LongLine]) -> bool:
    """Whether a file holds such a card."""
    return any(isinstance(piece, str) and _KIND.search(piece) for piece in pieces)


def is_group_card(card: str) -> bool:
    """Whether a card is that of a group, and of no person."""
    return _KIND.search(card) is not None


def members_of(card: str) -> list[str]:
    """The ids that a group's card names."""
    return [uid_of(found) for found in _MEMBER.findall(_FOLD.sub("", card))]


def uid_of(written: str) -> str:
    """An id as it is compared."""
    return written.strip().lower().removeprefix(_URN)
