"""The carts of connected shops. Knows no shop."""

from __future__ import annotations

from daftari.api.views.connections import ConnectionCartList
from daftari.errors import ConnectionNotFound
from daftari.model.limits import RECORDS_PER_PAGE_MAX
from daftari.rules.connections import cart_views
from daftari.web.params import read_id
from daftari.web.requests import Request
from daftari.web.responses import Response, json_response

CURSOR_MAX = 250


def list_carts(request: Request, number: str) -> Response:
    """``GET /v1/connections/{id}/carts``: those first that were heard of last, from the one before ``after`` on."""
    params = request.params
    state, after = str(params.given("state") or ""), str(params.given("after") or "")
    limit = params.whole("limit", default=RECORDS_PER_PAGE_MAX, most=RECORDS_PER_PAGE_MAX)
    if len(after) > CURSOR_MAX:
        params.problems.add("after", "must be a cursor that an answer gave as next.")
    params.refuse_wrong()
    connection_id = read_id(number, missing=ConnectionNotFound)
    page = request.read(cart_views.list_carts, connection_id=connection_id, state=state, after=after, limit=limit)
    return json_response(ConnectionCartList(page.carts, page.following))
