"""Figures that several pages of a project show: how much there is, what waits, and what is being done. No SQL."""

from __future__ import annotations

from msgspec import Struct

from daftari.rules.bulk.jobs import Bulk, show_bulk
from daftari.store import Tx, overview

TO_REVIEW_MAX = 1_000
"""Messages that wait, as far as they are counted; one more stands for all others."""


class Overview(Struct, frozen=True):
    """How many contacts there are, how many messages wait for review, and the first job that has work."""

    contacts: int
    to_review: int
    running: Bulk | None


def get_overview(tx: Tx) -> Overview:
    """The overview, of one moment."""
    found = overview.get_overview(tx, reviews_max=TO_REVIEW_MAX + 1)
    return Overview(found.contacts, found.reviews, None if found.bulk is None else show_bulk(found.bulk))
