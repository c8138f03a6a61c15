"""All kinds of page: the numbered page of the contract, the same after an id, and the page that follows a cursor.

Knows nothing about what is on a page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from daftari.model.contacts import Page
from daftari.model.limits import ID_MAX, PER_PAGE_MAX
from daftari.web.params import Params

AFTER_ID = "after_id"
"""The field for the id after which a page begins."""
PAGE_MAX = ID_MAX // PER_PAGE_MAX
"""A page beyond this one is beyond the end of any list, and beyond what the databases can count."""

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


# ---- numbered, or after an id --------------------------------------------------------------------------


def write_page(
    page: Page, *, number: int, per_page: int, url: str, filters: Sequence[tuple[str, str]]
) -> tuple[bytes, ...]:
    """The JSON of one numbered page, in pieces, so that its cards are copied once.

    It has the twelve keys of the contract in their order. ``filters`` are the fields of the request except ``page``;
    the URLs of other pages repeat them.
    """
    last = max(1, -(-page.total // per_page))
    links = _Links(
        first=("page", 1),
        last=("page", last),
        following=("page", number + 1) if number < last else None,
        previous=("page", number - 1) if number > 1 else None,
    )
    numbers = _Numbers(number, last, (number - 1) * per_page, per_page)
    return _write_paginator(page, numbers, links, url=url, filters=filters)


def write_page_after(page: Page, *, per_page: int, url: str, filters: Sequence[tuple[str, str]]) -> tuple[bytes, ...]:
    """As ``write_page``, a page that begins after an id, and leads to the one that begins after its last id."""
    left = page.total - page.before
    number = page.before // per_page + 1
    links = _Links(
        first=(AFTER_ID, 0),
        last=("page", max(1, -(-page.total // per_page))),
        following=(AFTER_ID, page.last_id) if page.last_id is not None and left > page.count else None,
        previous=None,
    )
    numbers = _Numbers(number, number + max(0, -(-left // per_page) - 1), page.before, per_page)
    return _write_paginator(page, numbers, links, url=url, filters=filters)


class _Links(Struct, frozen=True):
    """Where other pages are: the field that names each, and its value."""

    first: tuple[str, int]
    last: tuple[str, int]
    following: tuple[str, int] | None
    previous: tuple[str, int] | None


class _Numbers(Struct, frozen=True):
    """The numbers of a page: its own and the last one's, and how many rows come before it."""

    current: int
    last: int
    before: int
    per_page: int


def _write_paginator(
    page: Page, numbers: _Numbers, links: _Links, *, url: str, filters: Sequence[tuple[str, str]]
) -> tuple[bytes, ...]:
    query = f"{urlencode(filters)}&" if filters else ""

    def link(to: tuple[str, int] | None) -> bytes:
        return b"null" if to is None else _encode(f"{url}?{query}{to[0]}={to[1]}")

    return (
        b'{"current_page":%d,"data":[' % numbers.current,
        page.cards,
        b'],"first_page_url":',
        link(links.first),
        b',"from":%d' % (numbers.before + 1) if page.count else b',"from":null',
        b',"last_page":%d,"last_page_url":' % numbers.last,
        link(links.last),
        b',"next_page_url":',
        link(links.following),
        b',"path":',
        _encode(url),
        b',"per_page":%d,"prev_page_url":' % numbers.per_page,
        link(links.previous),
        b',"to":%d' % (numbers.before + page.count) if page.count else b',"to":null',
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
