"""The calls about audiences: streamed from one snapshot, frozen, read by page, rechecked and compared.

Knows nothing about which contacts may be messaged.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import asdict

from daftari.api.consent import read_question
from daftari.api.pagination import PAGE_MAX, read_cursor, write_cursor, write_page
from daftari.api.views.audiences import AudienceFrozen, AudienceRechecked, AudiencesCompared
from daftari.errors import AudienceNotFound
from daftari.model.audiences import MATCHES, FrozenAudience
from daftari.model.limits import AUDIENCE_GROUPS_MAX, OPT_OUTS_PER_PAGE_MAX, PER_PAGE_MAX
from daftari.rules import audiences
from daftari.rules.audiences import Definition
from daftari.rules.connections.freshness import Freshness, show_freshness
from daftari.store import Tx
from daftari.web.params import Params, read_id
from daftari.web.requests import Request
from daftari.web.responses import Response, json_response

FILTERS = ("per_page", "as_frozen")
NDJSON = "application/x-ndjson"
CSV = "text/csv"


def stream_audience(request: Request) -> Response:
    """``GET /v1/audience``."""
    definition = _read_definition(request.params, groups="group")
    request.params.refuse_wrong()
    as_csv = request.choose_type(NDJSON, CSV) == CSV
    spool, _ = request.spool(
        lambda tx, spool: audiences.write_audience(tx, definition=definition, write=spool.write, as_csv=as_csv)
    )
    return Response(200, spool, f"{CSV}; charset=utf-8" if as_csv else NDJSON)


def freeze_audience(request: Request) -> Response:
    """``POST /v1/audiences``: found in one snapshot, then stored."""
    definition = _read_definition(request.params, groups="groups")
    request.params.refuse_wrong()
    found, freshness = request.read(_find_numbers, definition=definition)

    def respond(frozen: FrozenAudience) -> Response:
        shown = AudienceFrozen(**asdict(audiences.show_audience(frozen)), freshness=freshness)
        return json_response(shown, status=201)

    return request.write(audiences.freeze_audience, respond, definition=definition, found=found)


def _find_numbers(tx: Tx, *, definition: Definition) -> tuple[audiences.Found, Freshness | None]:
    names = [*definition.groups, *definition.without]
    return audiences.find_numbers(tx, definition=definition), show_freshness(tx, names=names)


def get_audience(request: Request, number: str) -> Response:
    """``GET /v1/audiences/{id}``: its definition and one page of its numbers."""
    params = request.params
    page_number = params.whole("page", default=1)
    per_page = params.whole("per_page", default=PER_PAGE_MAX, most=PER_PAGE_MAX)
    as_frozen = params.flag("as_frozen")
    params.refuse_wrong()
    frozen, page = request.read(
        audiences.list_audience,
        audience_id=read_id(number, missing=AudienceNotFound),
        skip=(min(page_number, PAGE_MAX) - 1) * per_page,
        limit=per_page,
        as_frozen=as_frozen,
    )
    filters = [(field, str(params.given(field))) for field in FILTERS if params.given(field) is not None]
    paginator = write_page(page, number=page_number, per_page=per_page, url=request.url, filters=filters)
    shown = msgspec.json.encode(audiences.show_audience(frozen))
    return Response(200, b"".join((b'{"audience":', shown, b',"mobiles":', *paginator, b"}")))


def recheck_audience(request: Request, number: str) -> Response:
    """``GET /v1/audiences/{id}/recheck``: from the cursor ``after`` on."""
    after, limit = read_cursor(request.params, most=OPT_OUTS_PER_PAGE_MAX)
    request.params.refuse_wrong()
    rechecked = request.read(
        audiences.recheck_audience,
        audience_id=read_id(number, missing=AudienceNotFound),
        after=after,
        limit=limit,
    )
    return json_response(AudienceRechecked(rechecked.blocked, write_cursor(rechecked.following)))


def compare_audiences(request: Request, number: str, other: str) -> Response:
    """``GET /v1/audiences/{id}/compare/{other}``."""
    request.params.refuse_wrong()
    audience_id, other_id = (read_id(written, missing=AudienceNotFound) for written in (number, other))
    compared = request.read(audiences.compare_audiences, audience_id=audience_id, other_id=other_id)
    return json_response(AudiencesCompared(compared))


def _read_definition(params: Params, *, groups: str) -> Definition:
    question = read_question(params)
    named, without = params.names(groups), params.names("not")
    if len(named) + len(without) > AUDIENCE_GROUPS_MAX:
        params.problems.add(groups, f"must not have more than {AUDIENCE_GROUPS_MAX} items, those of not included.")
    match = params.choice("match", MATCHES, default=MATCHES[0])
    return Definition(question, params.flag("everyone"), named, match, without)
