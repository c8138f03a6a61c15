"""What the label of a telephone number says: which of several is the mobile, and which takes no messages.

Google Contacts, Outlook and address books write labels in many languages: Mobile, Work Fax, Simu, CELL. No numbers.
"""

from __future__ import annotations

from daftari.files.letters import word_set
from daftari.files.words import LATER_WORDS, MESSENGER_NOUNS, MOBILE_NOUNS, all_words_of, is_one_of

MOBILE_LABELS = MOBILE_NOUNS | MESSENGER_NOUNS | {"iphone", "textphone", "text"}
FAX_LABELS = word_set("fax telefax facsimile faksi pager beeper modem telex isdn tty")
"""Labels of what takes no messages."""
_ELSEWHERE = LATER_WORDS | {"landline", "assistant", "car", "radio", "voice", "video", "callback", "dom", "kantoor"}
_MOBILE, _MOBILE_ELSEWHERE, NEUTRAL_LABEL, _LINE = range(4)
"""Places of labels: those of mobiles come before one that says nothing, those of other lines after it."""

_SYSTEM_LABELS = frozenset((
    *("myContacts", "My Contacts", "System Group: My Contacts", "starred", "Starred", "starredInAndroid"),
    *("Starred in Android", "allContacts", "otherContacts", "Other Contacts"),
))  # fmt: skip


def is_system_label(group: str) -> bool:
    """Whether a group is one of Google's own, as Google writes them, with or without its star: ``* myContacts``."""
    return group.strip().removeprefix("* ") in _SYSTEM_LABELS


def label_rank(label: object) -> int | None:
    """The place of a number with this label among a person's numbers, the mobile first; ``None`` for a fax or pager."""
    words = all_words_of(label) if isinstance(label, str) else frozenset()
    if words & FAX_LABELS:
        return None
    is_elsewhere = bool(words & _ELSEWHERE)
    if any(is_one_of(word, MOBILE_LABELS) for word in words):
        return _MOBILE_ELSEWHERE if is_elsewhere else _MOBILE
    return _LINE if is_elsewhere else NEUTRAL_LABEL
