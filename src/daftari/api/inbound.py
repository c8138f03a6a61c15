"""The calls that providers make, and what of them waits for a person's eye.

A request is verified, read and taken in; what is refused is kept, to be read again when a secret is mended. This room
must not know how any provider writes, nor what a message means.
"""

from __future__ import annotations

import logging

import msgspec

from daftari.errors import DaftariError, Forged, Malformed, ReviewNotFound
from daftari.gateways import GATEWAYS
from daftari.model.inbound import InboundRequest, StoredToken
from daftari.model.limits import ID_MAX, OPT_OUTS_PER_PAGE_MAX
from daftari.model.projects import Actor
from daftari.model.time import current_time
from daftari.rules.access import inbound_tokens
from daftari.rules.inbound import quarantine, receive
from daftari.rules.inbound import review as reviews
from daftari.rules.inbound.receive import Receipt
from daftari.rules.inbound.requests import answer_check, read_request
from daftari.rules.inbound.review import SETTLEMENTS, show_review
from daftari.web.errors import MethodNotAllowed
from daftari.web.params import read_whole
from daftari.web.requests import Call, Desk, Handled, Reply
from daftari.web.rsgi import Request

PROOF_HEADERS = (
    *("authorization", "authkey", "x-auth-key", "x-sozuri-signature", "x-twilio-signature", "x-hub-signature-256"),
    "x-daftari-signature",
)
"""The headers that a proof of origin may be in; no other one is looked at or kept."""

_encode = msgspec.json.encode

log = logging.getLogger("daftari.web")


def check_address(desk: Desk, request: Request, provider: str, token: str) -> Reply:
    """``GET /v1/inbound/{provider}/{token}``: a provider asks whether the address is really ours."""
    stored = _find_token(desk, provider, token)
    if not GATEWAYS[provider].has_check:
        raise MethodNotAllowed("OPTIONS, POST")
    return Reply(200, "text/plain; charset=utf-8", answer_check(stored, _read_inbound(desk, request)))


def receive_request(desk: Desk, request: Request, provider: str, token: str) -> Reply:
    """``POST /v1/inbound/{provider}/{token}``: 200 once it is durable."""
    stored = _find_token(desk, provider, token)
    given, now = _read_inbound(desk, request), desk.now()
    actor = Actor(None, request.id)
    try:
        events = read_request(stored, given)
    except (Forged, Malformed) as error:
        _quarantine(desk, stored, given, error, actor, now)
        raise
    receipt = Receipt(provider, stored.token.id, now)
    desk.store.write(stored.project, actor, now, receive.receive_events, events=events, receipt=receipt)
    media_type, body = GATEWAYS[provider].reply
    return Reply(200, media_type, body)


def _quarantine(
    desk: Desk, stored: StoredToken, given: InboundRequest, error: DaftariError, actor: Actor, now: int
) -> None:
    kept = desk.store.write(
        stored.project,
        actor,
        now,
        quarantine.quarantine_request,
        request=given,
        stored=stored,
        reason=error.message,
    )
    what = "kept in quarantine" if kept else "not kept: the quarantine is full"
    log.warning("an inbound request of %s was refused and is %s: %s", stored.token.provider, what, error.message)


def _find_token(desk: Desk, provider: str, token: str) -> StoredToken:
    """The token in an address. Raises ``Forged``, the same for anything that is wrong with it."""
    return desk.store.system_read(current_time(), inbound_tokens.find_token, provider=provider, written=token)


def _read_inbound(desk: Desk, request: Request) -> InboundRequest:
    headers = {name: value for name in PROOF_HEADERS if (value := request.headers.get(name)) is not None}
    media_type = request.headers.get("content-type") or ""
    url = desk.called_url(request)
    return InboundRequest(request.method, url, request.scope.query_string, media_type, headers, request.body.read())


# ---- review ---------------------------------------------------------------------------------------------


def list_reviews(call: Call) -> tuple[int, bytes]:
    """``GET /v1/inbound/review``: from the cursor ``after`` on."""
    after = call.params.cursor("after")
    limit = call.params.whole("limit", default=OPT_OUTS_PER_PAGE_MAX, most=OPT_OUTS_PER_PAGE_MAX)
    call.params.refuse_wrong()
    # One more than asked for tells whether there is a next page.
    found = call.read(reviews.list_reviews, after=after, limit=limit + 1)
    shown = found[:limit]
    answer = {
        "reviews": [show_review(review) for review in shown],
        "next": str(shown[-1].id) if len(found) > limit else None,
        "quarantined": call.read(quarantine.count_quarantine),
    }
    return 200, _encode(answer)


def settle_review(call: Call, number: str) -> Handled:
    """``POST /v1/inbound/review/{id}``."""
    params = call.params
    settled_as = params.choice("as", SETTLEMENTS, default=None)
    if settled_as is None and not params.problems.has("as"):
        params.problems.add("as", f"is required, and must be one of: {', '.join(SETTLEMENTS)}.")
    params.refuse_wrong()
    review_id = read_whole(number)
    if review_id is None or review_id > ID_MAX or settled_as is None:
        raise ReviewNotFound
    return call.write(
        reviews.settle_review,
        lambda review: (
            200,
            _encode({"message": "Review settled successfully", "review": show_review(review)}),
        ),
        review_id=review_id,
        settled_as=settled_as,
    )
