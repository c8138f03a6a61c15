"""The calls under ``/v1/campaigns``. Knows nothing about who is claimed, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Concatenate, ParamSpec

from daftari.api.missing import note_missing
from daftari.api.pagination import cut_page, read_cursor, write_cursor
from daftari.api.views.campaigns import (
    CampaignAnswer,
    CampaignCancelled,
    CampaignCreated,
    CampaignDeleted,
    CampaignList,
    CampaignLog,
    CampaignPaused,
    CampaignPreviewed,
    CampaignResumed,
    CampaignRetried,
    CampaignStarted,
    CampaignTested,
    CampaignUpdated,
)
from daftari.errors import CampaignNotFound
from daftari.model.limits import CAMPAIGNS_PER_PAGE_MAX, PER_PAGE_MAX, TEST_NUMBERS_MAX
from daftari.model.messages import StoredCampaign
from daftari.rules.campaigns import lifecycle, log, preview, testing
from daftari.rules.campaigns.draft import FIELDS
from daftari.rules.campaigns.views import CampaignView, show_campaign
from daftari.rules.numbers import read_number
from daftari.store import Tx, WriteTx
from daftari.web.params import Params, read_id
from daftari.web.requests import Request
from daftari.web.responses import JSON, Response, json_response

NDJSON = "application/x-ndjson"
CSV = "text/csv"
P = ParamSpec("P")


def list_campaigns(request: Request) -> Response:
    """``GET /v1/campaigns``: the newest first, from the cursor ``after`` on."""
    after, limit = read_cursor(request.params, most=CAMPAIGNS_PER_PAGE_MAX)
    request.params.refuse_wrong()
    found = request.read(_list_shown, before=after, limit=limit + 1)
    shown, following = cut_page(found, limit=limit, cursor_of=lambda campaign: campaign.id)
    return json_response(CampaignList(shown, following))


def _list_shown(tx: Tx, *, before: int, limit: int) -> list[CampaignView]:
    return [show_campaign(tx, campaign) for campaign in lifecycle.list_campaigns(tx, before=before, limit=limit)]


def create_campaign(request: Request) -> Response:
    """``POST /v1/campaigns``: a draft."""
    given = _read_given(request.params)
    return request.write(
        _shown(lifecycle.create_campaign), lambda shown: json_response(CampaignCreated(shown), status=201), given=given
    )


def get_campaign(request: Request, number: str) -> Response:
    """``GET /v1/campaigns/{id}``."""
    request.params.refuse_wrong()
    return json_response(CampaignAnswer(request.read(_get_shown, campaign_id=_read_id(number))))


def _get_shown(tx: Tx, *, campaign_id: int) -> CampaignView:
    return show_campaign(tx, lifecycle.get_campaign(tx, campaign_id=campaign_id))


def update_campaign(request: Request, number: str) -> Response:
    """``PUT /v1/campaigns/{id}``: a draft's fields that are given."""
    given = _read_given(request.params)
    return request.write(
        _shown(lifecycle.update_campaign),
        lambda shown: json_response(CampaignUpdated(shown)),
        campaign_id=_read_id(number),
        given=given,
    )


def delete_campaign(request: Request, number: str) -> Response:
    """``DELETE /v1/campaigns/{id}``: a draft."""
    request.params.refuse_wrong()
    return request.write(
        lifecycle.delete_campaign, lambda _: json_response(CampaignDeleted()), campaign_id=_read_id(number)
    )


def preview_campaign(request: Request, number: str) -> Response:
    """``POST /v1/campaigns/{id}/preview``."""
    request.params.refuse_wrong()
    return json_response(CampaignPreviewed(request.read(preview.preview_campaign, campaign_id=_read_id(number))))


def test_campaign(request: Request, number: str) -> Response:
    """``POST /v1/campaigns/{id}/test``: to a few numbers, now."""
    params = request.params
    items = params.items("mobiles")
    if not items and not params.problems:
        note_missing(params, "mobiles", members=("mobile",), example='{"mobiles": ["0722000001"]}')
    elif len(items) > TEST_NUMBERS_MAX:
        params.problems.add("mobiles", f"must not have more than {TEST_NUMBERS_MAX} items.")
    read = partial(read_number, region=request.project.region)
    numbers = [params.problems.read(f"mobiles.{index}", item, read) for index, item in enumerate(items)]
    params.refuse_wrong()
    return request.write(
        testing.send_test,
        lambda results: json_response(CampaignTested(results)),
        campaign_id=_read_id(number),
        numbers=[found for found in numbers if found is not None],
    )


def start_campaign(request: Request, number: str) -> Response:
    """``POST /v1/campaigns/{id}/start``: found in one snapshot, then frozen."""
    params = request.params
    at = params.any_moment("at")
    expected = None if params.given("expected") is None else params.cursor("expected")
    fresh = params.flag("fresh", default=True)
    params.refuse_wrong()
    first = request.find_first_response()
    if first is not None:
        return first
    start = request.read(lifecycle.find_start, campaign_id=_read_id(number), at=at, fresh=fresh)
    return request.write(
        _shown(lifecycle.start_campaign),
        lambda shown: json_response(CampaignStarted(shown), status=202 if shown.reason == "refreshing" else 200),
        start=start,
        expected=expected,
    )


def pause_campaign(request: Request, number: str) -> Response:
    """``POST /v1/campaigns/{id}/pause``."""
    return _change(request, lifecycle.pause_campaign, lambda shown: json_response(CampaignPaused(shown)), number)


def resume_campaign(request: Request, number: str) -> Response:
    """``POST /v1/campaigns/{id}/resume``."""
    params = request.params
    fresh = None if params.given("fresh") is None else params.flag("fresh")
    params.refuse_wrong()
    return request.write(
        _shown(lifecycle.resume_campaign),
        lambda shown: json_response(CampaignResumed(shown)),
        campaign_id=_read_id(number),
        fresh=fresh,
    )


def cancel_campaign(request: Request, number: str) -> Response:
    """``POST /v1/campaigns/{id}/cancel``."""
    return _change(request, lifecycle.cancel_campaign, lambda shown: json_response(CampaignCancelled(shown)), number)


def retry_campaign(request: Request, number: str) -> Response:
    """``POST /v1/campaigns/{id}/retry``: the worker makes the new attempts."""
    params = request.params
    states = [str(state).strip() for state in params.items("states")]
    may_repeat = params.flag("may_repeat")
    params.refuse_wrong()
    return request.write(
        _shown(lifecycle.retry_campaign),
        lambda shown: json_response(CampaignRetried(shown), status=202),
        campaign_id=_read_id(number),
        states=states,
        may_repeat=may_repeat,
    )


def list_messages(request: Request, number: str) -> Response:
    """``GET /v1/campaigns/{id}/messages``: a page as JSON, or every line as NDJSON or CSV."""
    params = request.params
    wanted = log.Wanted(params.text("state") or "", params.text("reason") or "")
    after = params.problems.read("after", params.given("after"), log.read_log_cursor) or log.Cursor()
    limit = params.whole("limit", default=PER_PAGE_MAX, most=PER_PAGE_MAX)
    params.problems.read_part(partial(log.refuse_unknown_state, wanted.state))
    params.refuse_wrong()
    campaign_id = _read_id(number)
    media_type = request.choose_type(JSON, NDJSON, CSV)
    if media_type == JSON:
        lines, following = request.read(
            log.list_lines, campaign_id=campaign_id, wanted=wanted, after=after, limit=limit
        )
        return json_response(CampaignLog(lines, write_cursor(following)))
    as_csv = media_type == CSV
    spool, _ = request.spool(
        lambda tx, spool: log.write_log(
            tx, campaign_id=campaign_id, wanted=wanted, after=after, write=spool.write, as_csv=as_csv
        )
    )
    return Response(200, spool, f"{CSV}; charset=utf-8" if as_csv else NDJSON)


def _change(
    request: Request,
    rule: Callable[..., StoredCampaign],
    respond: Callable[[CampaignView], Response],
    number: str,
) -> Response:
    request.params.refuse_wrong()
    return request.write(_shown(rule), respond, campaign_id=_read_id(number))


def _shown(
    rule: Callable[Concatenate[WriteTx, P], StoredCampaign],
) -> Callable[Concatenate[WriteTx, P], CampaignView]:
    """The rule, whose result is the campaign as callers see it."""

    def show(tx: WriteTx, /, *args: P.args, **kwargs: P.kwargs) -> CampaignView:
        return show_campaign(tx, rule(tx, *args, **kwargs))

    return show


def _read_id(number: str) -> int:
    return read_id(number, missing=CampaignNotFound)


def _read_given(params: Params) -> Mapping[str, object]:
    """The fields of a campaign that are given; ``None`` for one that is null or blank."""
    given: dict[str, object] = {}
    for field in FIELDS:
        if field in params.names_given:
            given[field] = params.given(field)
    for field in ("groups", "not"):
        if given.get(field) is not None:
            given[field] = params.names(field)
    if isinstance(given.get("params"), str):
        given["params"] = params.texts("params")
    params.refuse_wrong()
    return given
