"""The calls of connected systems, and what they announced. Knows no system.

A delivery is verified, and its events are kept; one that is refused is stored, to be verified again. A worker reads the
records that the events name.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from daftari.api.views.connections import DeliveryReceived, WebhookEventList, WebhookEventsReplayed
from daftari.connectors import WebhookEvent
from daftari.errors import ConnectionNotFound, DaftariError, Forged, Malformed
from daftari.model.inbound import InboundRequest, StoredToken
from daftari.model.limits import RECORDS_PER_PAGE_MAX
from daftari.model.projects import Actor
from daftari.rules.access import inbound_tokens
from daftari.rules.connections import addresses, webhook_events
from daftari.rules.connections.refused import refuse_delivery
from daftari.rules.fields import read_time
from daftari.web.params import read_id
from daftari.web.requests import Request
from daftari.web.responses import Response, json_response

CURSOR_MAX = 250

log = logging.getLogger("daftari.web")


def receive_delivery(request: Request, number: str, token: str) -> Response:
    """``POST /v1/connections/{id}/hook/{token}``: 200 once the events are durable.

    What is surely the system's and cannot be read is durable in the quarantine; to have it sent again helps no one.
    """
    context = request.context
    stored, account = context.addresses.find(token, lambda: _find_address(request, token), now=request.now)
    given = _read_inbound(request, addresses.list_kept_headers(stored))
    connection_id = stored.token.connection_id
    assert connection_id is not None, "the token is a connection's"
    try:
        if number != str(connection_id):
            raise Forged(addresses.WRONG_CONNECTION)
        events = addresses.read_delivery(stored, given, account=account)
    except Forged as error:
        _quarantine(request, stored, given, error, is_proved=False)
        raise
    except Malformed as error:
        _quarantine(request, stored, given, error, is_proved=True)
        return json_response(DeliveryReceived())

    def write(batch: Sequence[Sequence[WebhookEvent]]) -> None:
        context.store.write(
            stored.project,
            Actor(None, request.raw.id),
            request.now,
            webhook_events.receive_events,
            connection_id=connection_id,
            token_id=stored.token.id,
            deliveries=batch,
        )

    context.batches.write((stored.project.id, connection_id), events, write)
    return json_response(DeliveryReceived())


def _find_address(request: Request, token: str) -> tuple[StoredToken, str]:
    """The token of an address, and the account whose deliveries it takes. Raises ``Forged``."""
    store = request.context.store
    stored = store.system_read(request.now, inbound_tokens.find_connection_token, written=token)
    connection_id = stored.token.connection_id
    assert connection_id is not None, "the token is a connection's"
    account = store.read(stored.project, request.now, addresses.read_account, connection_id=connection_id)
    return stored, account


def _quarantine(
    request: Request, stored: StoredToken, given: InboundRequest, error: DaftariError, *, is_proved: bool
) -> None:
    request.context.store.write(
        stored.project,
        Actor(None, request.raw.id),
        request.now,
        refuse_delivery,
        request=given,
        stored=stored,
        reason=error.message,
        is_proved=is_proved,
    )
    log.warning("a delivery to connection %s is in quarantine: %s", stored.token.connection_id, error.message)


def _read_inbound(request: Request, kept: tuple[str, ...]) -> InboundRequest:
    raw = request.raw
    headers = {name: value for name in kept if (value := raw.headers.get(name)) is not None}
    media_type = raw.headers.get("content-type") or ""
    return InboundRequest(raw.method, request.signed_url, raw.scope.query_string, media_type, headers, raw.body.read())


# ---- events ---------------------------------------------------------------------------------------------


def list_events(request: Request, number: str) -> Response:
    """``GET /v1/connections/{id}/webhook-events``: the newest first, from the one before ``after`` on."""
    params = request.params
    after = str(params.given("after") or "")
    limit = params.whole("limit", default=RECORDS_PER_PAGE_MAX, most=RECORDS_PER_PAGE_MAX)
    if len(after) > CURSOR_MAX:
        params.problems.add("after", "must be a cursor that an answer gave as next.")
    params.refuse_wrong()
    page = request.read(webhook_events.list_events, connection_id=_read_id(number), after=after, limit=limit)
    return json_response(WebhookEventList(page.events, page.following))


def replay_events(request: Request, number: str) -> Response:
    """``POST /v1/connections/{id}/webhook-events/replay``: the records of events ``since`` a time are read again."""
    params = request.params
    since = params.problems.read("since", params.given("since"), lambda value: read_time(value, now=request.now))
    if since is None and not params.problems.has("since"):
        params.problems.add("since", "is required: from when on events are read again, such as 2026-11-20T07:00:00Z.")
    params.refuse_wrong()
    return request.write(
        webhook_events.replay_events,
        lambda count: json_response(WebhookEventsReplayed(count)),
        connection_id=_read_id(number),
        since=params.problems.require(since),
    )


def _read_id(number: str) -> int:
    return read_id(number, missing=ConnectionNotFound)
