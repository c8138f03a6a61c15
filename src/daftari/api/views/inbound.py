"""What the calls under ``/v1/inbound`` answer, but for what each provider wants to hear."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from daftari.model.limits import OPT_OUTS_PER_PAGE_MAX
from daftari.model.members import Count, Cursor
from daftari.rules.inbound.review import ReviewView


class Received(Struct, frozen=True, tag_field="message", tag="Received"):
    pass


class ReviewList(Struct, frozen=True):
    reviews: Annotated[list[ReviewView], Meta(max_length=OPT_OUTS_PER_PAGE_MAX)]
    """What waits, in the order of arrival."""
    next: Cursor | None
    """What to send as `after` for the ones that follow; `null` when these are the last."""
    quarantined: Count
    """How many refused requests are kept, to be read again when a secret is corrected."""


class ReviewSettled(Struct, frozen=True, tag_field="message", tag="Review settled successfully"):
    review: ReviewView
