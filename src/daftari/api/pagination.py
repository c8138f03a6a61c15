"""Both kinds of page: the numbered page of the contract, and the page that continues from a cursor.

Knows nothing about what is on a page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from daftari.model.contacts import Page
from daftari.model.limits import ID_MAX, PER_PAGE_MAX
from daftari.web.params import Params

PAGE_MAX = ID_MAX // PER_PAGE_MAX
"""A page beyond this one is beyond the end of any list, and beyond what the databases can count."""

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


# ---- numbered -------------------------------------------------------------------------------------------


def write_page(
    page: Page, *, number: int, per_page: int, url: str, filters: Sequence[tuple[str, str]]
) -> tuple[bytes, ...]:
    """The JSON of one numbered page, in pieces, so that its cards are copied once.

    It has the twelve keys of the contract in their order. ``filters`` are the fields of the request except ``page``;
    the URLs of other pages repeat them.
    """
    query = f"{urlencode(filters)}&page=" if filters else "page="
    last = max(1, -(-page.total // per_page))
    first_row = (number - 1) * per_page + 1

    def link(to: int) -> bytes:
        return _encode(f"{url}?{query}{to}")

    return (
        b'{"current_page":%d,"data":[' % number,
        page.cards,
        b'],"first_page_url":',
        link(1),
        b',"from":%d' % first_row if page.count else b',"from":null',
        b',"last_page":%d,"last_page_url":' % last,
        link(last),
        b',"next_page_url":',
        link(number + 1) if number < last else b"null",
        b',"path":',
        _encode(url),
        b',"per_page":%d,"prev_page_url":' % per_page,
        link(number - 1) if number > 1 else b"null",
        b',"to":%d' % (first_row + page.count - 1) if page.count else b',"to":null',
        b',"total":%d}' % page.total,
    )


# ---- from a cursor --------------------------------------------------------------------------------------


def read_cursor(params: Params, *, most: int) -> tuple[int, int]:
    """The fields ``after`` and ``limit``. What is wrong with them is noted in ``params``."""
    return params.cursor("after"), params.whole("limit", default=most, most=most)


def cut_page(found: list[T], *, limit: int, cursor_of: Callable[[T], object]) -> tuple[list[T], str | None]:
    """A page of at most ``limit`` items, and the cursor of the next page if there is one.

    ``found`` is one item longer than the page when more follow, so ask for ``limit + 1``.
    """
    shown = found[:limit]
    return shown, write_cursor(cursor_of(shown[-1]) if len(found) > limit else None)


def write_cursor(cursor: object) -> str | None:
    """A cursor as responses have it, ``None`` at the end of a list."""
    return None if cursor is None else str(cursor)
