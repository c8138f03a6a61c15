"""Records of exports. No rules, no SQL."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

ExportState = Literal["queued", "running", "done", "failed", "removed"]
"""``removed``: deleted for everyone; its file goes in turns."""


class GroupName(Struct, frozen=True):
    """The name of a group as it is written and as it is found."""

    name: str
    folded: str


class StoredExport(Struct, frozen=True):
    """An export: how often it was begun, how many parts its file has so far, and two texts that the rule reads."""

    id: int
    created_at: int
    expires_at: int
    state: ExportState
    attempts: int
    parts: int
    settings: str
    progress: str
