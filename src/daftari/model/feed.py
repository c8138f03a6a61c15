"""The words of the feed. No rules, no SQL, no HTTP."""

from __future__ import annotations

from typing import Literal, get_args

ChangeType = Literal[
    "contacts.created",
    "contacts.updated",
    "contacts.deleted",
    "contacts.erased",
    "group.created",
    "group.renamed",
    "group.deleted",
    "group.joined",
    "group.left",
    "consent.changed",
    "import.finished",
    "import.undone",
    "campaign.started",
    "campaign.finished",
    "messages.settled",
    "connection.changed",
]
"""What a change says. Callers follow these words: never change one."""

CHANGE_TYPES: tuple[ChangeType, ...] = get_args(ChangeType)
