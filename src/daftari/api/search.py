"""``/v1/search``: contacts by words and numbers. Knows neither how one is found nor how its JSON is made."""

from __future__ import annotations

from functools import partial

import msgspec

from daftari.api.contacts import INCLUDES
from daftari.api.pagination import write_cursor
from daftari.model.limits import FOUND_PER_PAGE, FOUND_PER_PAGE_MAX
from daftari.rules.search.find import search_contacts
from daftari.rules.search.query import read_query
from daftari.web.requests import Request
from daftari.web.responses import Response

_encode = msgspec.json.encode


def search(request: Request) -> Response:
    """``GET /v1/search``."""
    params = request.params
    given = params.given("q")
    # What is all digits is easily sent as a number.
    text = str(given) if type(given) is int else given
    query = params.problems.read("q", text, partial(read_query, region=request.project.region))
    group = params.name("group")
    after = params.cursor("after")
    limit = params.whole("limit", default=FOUND_PER_PAGE, most=FOUND_PER_PAGE_MAX)
    include = params.choices("include", INCLUDES)
    suppressed = params.choice("suppressed", ("include",), default="") == "include"
    params.refuse_wrong()
    found = request.read(
        search_contacts,
        query=params.problems.require(query),
        group=group,
        after=after,
        limit=limit,
        include=include,
        suppressed=suppressed,
    )
    rest: dict[str, str | None] = {"next": write_cursor(found.next)}
    if found.indexed_until is not None:
        rest["indexed_until"] = found.indexed_until
    return Response(200, b"".join((b'{"contacts":[', found.cards, b"],", _encode(rest)[1:])))
