"""The paginator of numbered pages, which ``api/pagination`` writes as bytes around what is on the page."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, field

from daftari.model.limits import PER_PAGE_MAX
from daftari.model.members import Count, Number


class NumberedPage(Struct, frozen=True, kw_only=True):
    """One page of a list, and the way to the others."""

    current_page: Number
    """The page returned."""
    data: list[Any]
    first_page_url: str
    """The address of the first page."""
    from_: Number | None = field(name="from")
    last_page: Number
    """The last page's number; 1 when the list is empty."""
    last_page_url: str
    """The address of the last page."""
    next_page_url: str | None
    """The address of the next page, with every filter of this request in it; `null` on the last page."""
    path: str
    """The address of the list, without page and filters."""
    per_page: Annotated[int, Meta(ge=1, le=PER_PAGE_MAX)]
    prev_page_url: str | None
    """The address of the page before; `null` on the first."""
    to: Number | None
    total: Count
