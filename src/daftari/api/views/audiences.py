"""What the calls about audiences answer. Lines and pages of numbers are written as bytes, and only described here."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from daftari.api.views.pagination import NumberedPage
from daftari.model.limits import OPT_OUTS_PER_PAGE_MAX, PER_PAGE_MAX
from daftari.model.members import ContactId, Count, Cursor, Mobile, Number
from daftari.rules.audiences import AudienceEnd, AudienceView, BlockedNumber, Comparison
from daftari.rules.connections.freshness import Freshness


class AudienceMember(Struct, frozen=True):
    """A contact that may be messaged."""

    mobile: Mobile
    id: ContactId


AudienceLine = AudienceMember | AudienceEnd


class AudienceFrozen(
    AudienceView, frozen=True, kw_only=True, omit_defaults=True, tag_field="message", tag="Audience frozen successfully"
):
    """What was frozen."""

    freshness: Freshness | None = None
    """The oldest of its groups that connections fill. There where one does."""


class NumberPage(NumberedPage, frozen=True, kw_only=True):
    """One page of a frozen audience, and the way to the others."""

    data: Annotated[list[Mobile], Meta(max_length=PER_PAGE_MAX, extra_json_schema={"uniqueItems": True})]
    """The numbers on this page, ascending. Those blocked or erased since are left out, so that a page may be shorter
    than `per_page`."""
    from_: Number | None = field(name="from")
    """The place in the audience of the first number of this page, counted from 1; `null` past the end."""
    last_page: Number
    """The last page's number; 1 when the audience is empty."""
    per_page: Annotated[int, Meta(ge=1, le=PER_PAGE_MAX)]
    """How many places a page has."""
    to: Number | None
    """The place in the audience of the last number of this page; `null` past the end."""
    total: Count
    """How many numbers were frozen."""


class AudienceAnswer(Struct, frozen=True):
    audience: AudienceView
    mobiles: NumberPage


class AudienceRechecked(Struct, frozen=True):
    blocked: Annotated[list[BlockedNumber], Meta(max_length=OPT_OUTS_PER_PAGE_MAX)]
    """Numbers of the audience that may no longer be messaged, ascending."""
    next: Cursor | None
    """What to send as `after` for the ones that follow; `null` when these are the last."""


class AudiencesCompared(Struct, frozen=True):
    comparison: Comparison
