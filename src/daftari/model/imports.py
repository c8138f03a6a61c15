"""States and phases of imports. No rules, no SQL."""

from __future__ import annotations

from typing import Literal

ImportState = Literal["receiving", "streaming", "queued", "running", "paused", "done", "failed", "cancelled"]
"""``receiving``: its file is still arriving, and it is not listed. ``streaming``: one request sends its rows."""
ImportPhase = Literal["plan", "apply", "undo"]
