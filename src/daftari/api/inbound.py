"""The calls of providers, and the review of their messages by a person.

A request is verified, read and recorded; one that is refused is stored, to be read again when the secret is right.
Knows neither how any provider writes nor what a message means.
"""

from __future__ import annotations

import logging

from daftari.api.pagination import cut_page, read_cursor
from daftari.api.views.inbound import ReviewList, ReviewSettled
from daftari.errors import DaftariError, Forged, Malformed, ReviewNotFound
from daftari.gateways import GATEWAYS, PROOF_HEADERS
from daftari.model.inbound import InboundRequest, StoredToken
from daftari.model.limits import OPT_OUTS_PER_PAGE_MAX
from daftari.model.projects import Actor
from daftari.rules.access import inbound_tokens
from daftari.rules.inbound import quarantine
from daftari.rules.inbound import review as reviews
from daftari.rules.inbound.requests import answer_check, is_proved, read_request
from daftari.rules.inbound.review import SETTLEMENTS, show_review
from daftari.web.errors import MethodNotAllowed
from daftari.web.params import read_id
from daftari.web.requests import Request
from daftari.web.responses import Response, json_response

TEXT = "text/plain; charset=utf-8"

log = logging.getLogger("daftari.web")


def check_address(request: Request, provider: str, token: str) -> Response:
    """``GET /v1/inbound/{provider}/{token}``: a provider checks that the address is ours, or sends with GET."""
    stored = _find_token(request, provider, token)
    if GATEWAYS[provider].accepts_get:
        return receive_request(request, provider, token)
    if not GATEWAYS[provider].has_check:
        raise MethodNotAllowed("OPTIONS, POST")
    return Response(200, answer_check(stored, _read_inbound(request)), TEXT)


def receive_request(request: Request, provider: str, token: str) -> Response:
    """``POST /v1/inbound/{provider}/{token}``: 200 once the events are durable.

    What is surely the provider's and cannot be read is durable in the quarantine; to have it sent again helps no one.
    """
    stored, given = _find_token(request, provider, token), _read_inbound(request)
    media_type, body = GATEWAYS[provider].reply
    try:
        events = read_request(stored, given)
    except Forged as error:
        _quarantine(request, stored, given, error, is_proved=False)
        raise
    except Malformed as error:
        _quarantine(request, stored, given, error, is_proved=is_proved(stored))
        if not is_proved(stored):
            raise
        return Response(200, body, media_type)
    actor = Actor(None, request.raw.id)
    request.context.store.write(
        stored.project, actor, request.now, quarantine.receive_request, request=given, stored=stored, events=events
    )
    return Response(200, body, media_type)


def _quarantine(
    request: Request, stored: StoredToken, given: InboundRequest, error: DaftariError, *, is_proved: bool
) -> None:
    has_dropped = request.context.store.write(
        stored.project,
        Actor(None, request.raw.id),
        request.now,
        quarantine.quarantine_request,
        request=given,
        stored=stored,
        reason=error.message,
        is_proved=is_proved,
    )
    dropped = "; the quarantine is full, and an older one was dropped" if has_dropped else ""
    log.warning("an inbound request of %s is in quarantine%s: %s", stored.token.provider, dropped, error.message)


def _find_token(request: Request, provider: str, token: str) -> StoredToken:
    """The token in an address. Raises ``Forged``, the same for anything that is wrong with it."""
    return request.context.store.system_read(request.now, inbound_tokens.find_token, provider=provider, written=token)


def _read_inbound(request: Request) -> InboundRequest:
    raw = request.raw
    headers = {name: value for name in PROOF_HEADERS if (value := raw.headers.get(name)) is not None}
    media_type = raw.headers.get("content-type") or ""
    return InboundRequest(raw.method, request.signed_url, raw.scope.query_string, media_type, headers, raw.body.read())


# ---- review ---------------------------------------------------------------------------------------------


def list_reviews(request: Request) -> Response:
    """``GET /v1/inbound/review``: from the cursor ``after`` on."""
    after, limit = read_cursor(request.params, most=OPT_OUTS_PER_PAGE_MAX)
    request.params.refuse_wrong()
    found = request.read(reviews.list_reviews, after=after, limit=limit + 1)
    shown, following = cut_page(found, limit=limit, cursor_of=lambda review: review.id)
    quarantined = request.read(quarantine.count_quarantine)
    return json_response(ReviewList([show_review(review) for review in shown], following, quarantined))


def settle_review(request: Request, number: str) -> Response:
    """``POST /v1/inbound/review/{id}``."""
    params = request.params
    settled_as = params.choice("as", SETTLEMENTS, default=None)
    if settled_as is None and not params.problems.has("as"):
        params.problems.add("as", f"is required, and must be one of: {', '.join(SETTLEMENTS)}.")
    params.refuse_wrong()
    assert settled_as is not None
    return request.write(
        reviews.settle_review,
        lambda review: json_response(ReviewSettled(show_review(review))),
        review_id=read_id(number, missing=ReviewNotFound),
        settled_as=settled_as,
        mobile=params.given("mobile"),
    )
