"""The paginator of the contract: its twelve keys in their order, and page URLs that carry the request's filters.

Written as bytes around the cards, which are never decoded. This room must not know what is on a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

import msgspec

from daftari.model.contacts import Page

_encode = msgspec.json.Encoder().encode


def write_page(
    page: Page, *, number: int, per_page: int, url: str, filters: Sequence[tuple[str, str]]
) -> tuple[bytes, ...]:
    """The JSON of one numbered page, in pieces, so that its cards are copied once.

    ``filters`` are the fields that came with the request, but for ``page``.
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
