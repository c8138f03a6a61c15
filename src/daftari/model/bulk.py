"""Records of jobs on many contacts. No rules, no SQL."""

from __future__ import annotations

from typing import Literal

BulkState = Literal["running", "done", "stopped", "undoing", "undone"]
"""``stopped``: it cannot continue, for example since the group was deleted. What was done stays, and can be undone."""
BulkAct = Literal["join", "move", "leave", "remove", "merge"]
