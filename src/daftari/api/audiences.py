"""The calls about audiences: streamed from one snapshot, frozen, read by page, rechecked and compared.

This room must not know who may be messaged.
"""

from __future__ import annotations

from contextlib import ExitStack

import msgspec

from daftari.api.consent import read_question
from daftari.api.pagination import write_page
from daftari.errors import AudienceNotFound
from daftari.model.limits import AUDIENCE_GROUPS_MAX, ID_MAX, OPT_OUTS_PER_PAGE_MAX, PER_PAGE_MAX
from daftari.rules import audiences
from daftari.rules.audiences import Definition, Match
from daftari.web.params import Params, read_whole
from daftari.web.requests import Call, Handled, Reply
from daftari.web.spool import SpooledAnswer

MATCHES: tuple[Match, ...] = ("any", "all")
PAGE_MAX = ID_MAX // PER_PAGE_MAX
FILTERS = ("per_page", "as_frozen")
NDJSON = "application/x-ndjson"
CSV = "text/csv"

_encode = msgspec.json.encode


def stream_audience(call: Call) -> Reply:
    """``GET /v1/audience``: spooled within one snapshot, so that no transaction is open while it is sent."""
    definition = _read_definition(call.params, groups="group")
    call.params.refuse_wrong()
    as_csv = CSV in call.accept
    with ExitStack() as on_failure:
        spool = SpooledAnswer()
        on_failure.callback(spool.close)
        call.read(audiences.write_audience, definition=definition, write=spool.write, as_csv=as_csv)
        on_failure.pop_all()
    return Reply(200, f"{CSV}; charset=utf-8" if as_csv else NDJSON, spool)


def freeze_audience(call: Call) -> Handled:
    """``POST /v1/audiences``: found in one snapshot, then kept."""
    definition = _read_definition(call.params, groups="groups")
    call.params.refuse_wrong()
    found = call.read(audiences.find_numbers, definition=definition)
    return call.write(
        audiences.freeze_audience,
        lambda frozen: (
            201,
            _encode({"message": "Audience frozen successfully", **audiences.show_audience(frozen)}),
        ),
        definition=definition,
        found=found,
    )


def get_audience(call: Call, number: str) -> tuple[int, bytes]:
    """``GET /v1/audiences/{id}``: what it is, and one page of its numbers."""
    params = call.params
    page_number = params.whole("page", default=1)
    per_page = params.whole("per_page", default=PER_PAGE_MAX, most=PER_PAGE_MAX)
    as_frozen = params.flag("as_frozen")
    params.refuse_wrong()
    frozen, page = call.read(
        audiences.list_audience,
        audience_id=_read_id(number),
        skip=(min(page_number, PAGE_MAX) - 1) * per_page,
        limit=per_page,
        as_frozen=as_frozen,
    )
    filters = [(field, str(params.given(field))) for field in FILTERS if params.given(field) is not None]
    paginator = write_page(page, number=page_number, per_page=per_page, url=call.url, filters=filters)
    shown = _encode(audiences.show_audience(frozen))
    return 200, b"".join((b'{"audience":', shown, b',"mobiles":', *paginator, b"}"))


def recheck_audience(call: Call, number: str) -> tuple[int, bytes]:
    """``GET /v1/audiences/{id}/recheck``: from the cursor ``after`` on."""
    after = call.params.cursor("after")
    limit = call.params.whole("limit", default=OPT_OUTS_PER_PAGE_MAX, most=OPT_OUTS_PER_PAGE_MAX)
    call.params.refuse_wrong()
    rechecked = call.read(
        audiences.recheck_audience,
        audience_id=_read_id(number),
        after=after,
        limit=limit,
    )
    following = None if rechecked.following is None else str(rechecked.following)
    return 200, _encode({"blocked": rechecked.blocked, "next": following})


def compare_audiences(call: Call, number: str, other: str) -> tuple[int, bytes]:
    """``GET /v1/audiences/{id}/compare/{other}``."""
    call.params.refuse_wrong()
    compared = call.read(audiences.compare_audiences, audience_id=_read_id(number), other_id=_read_id(other))
    return 200, _encode({"comparison": compared})


def _read_definition(params: Params, *, groups: str) -> Definition:
    question = read_question(params)
    named, without = params.names(groups), params.names("not")
    if len(named) + len(without) > AUDIENCE_GROUPS_MAX:
        params.problems.add(groups, f"must not have more than {AUDIENCE_GROUPS_MAX} items, those of not included.")
    match = params.choice("match", MATCHES, default=MATCHES[0])
    return Definition(question, params.flag("everyone"), named, match, without)


def _read_id(written: str) -> int:
    number = read_whole(written)
    if number is None or number > ID_MAX:
        raise AudienceNotFound
    return number
