"""What the call ``/v1/changes`` answers."""

from __future__ import annotations

from daftari.rules.feed import ChangeView, FeedPage

__all__ = ["ChangeView", "FeedPage"]
