"""The calls under ``/v1/webhooks``. Knows neither what is delivered nor how a webhook is stored.

A secret is put into an answer after the answer was stored under its Idempotency-Key, so that no copy of the database
has it. What is stored in its place is a fingerprint, by which a repeated answer finds the same secret while it signs.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec.structs import replace

from daftari.api.pagination import read_cursor, write_cursor
from daftari.api.views.webhooks import (
    DeliveryList,
    WebhookAnswer,
    WebhookCreated,
    WebhookDeleted,
    WebhookList,
    WebhookRotated,
    WebhookTested,
    WebhookUpdated,
)
from daftari.errors import WebhookNotFound
from daftari.model.limits import DELIVERIES_PER_PAGE_MAX
from daftari.rules.access.keys import Access
from daftari.rules.webhooks import lifecycle, log
from daftari.rules.webhooks.lifecycle import WebhookView
from daftari.rules.webhooks.model import fingerprint_of, write_secret
from daftari.rules.webhooks.testing import open_test, send_test
from daftari.web.params import read_id, read_whole
from daftari.web.requests import Request
from daftari.web.responses import Response, json_response

A = TypeVar("A", WebhookCreated, WebhookRotated)


def list_webhooks(request: Request) -> Response:
    """``GET /v1/webhooks``: all of them, in order of creation."""
    request.params.refuse_wrong()
    return json_response(WebhookList([_shown(request, view) for view in request.read(lifecycle.list_webhooks)]))


def create_webhook(request: Request) -> Response:
    """``POST /v1/webhooks``."""
    secret, values = write_secret(), _read_values(request)

    def respond(view: WebhookView) -> Response:
        return json_response(WebhookCreated(view, fingerprint_of(secret)), status=201)

    hosts = request.context.outbound_hosts
    response = request.write(lifecycle.create_webhook, respond, values=values, allowed_hosts=hosts, secret=secret)
    return _with_secret(request, response, WebhookCreated)


def get_webhook(request: Request, number: str) -> Response:
    """``GET /v1/webhooks/{id}``."""
    request.params.refuse_wrong()
    webhook_id = _read_id(number)
    view = request.read(lambda tx: lifecycle.show_webhook(tx, lifecycle.get_webhook(tx, webhook_id=webhook_id)))
    return json_response(WebhookAnswer(_shown(request, view)))


def update_webhook(request: Request, number: str) -> Response:
    """``PUT /v1/webhooks/{id}``: what is left out stays as it is."""
    values, hosts = _read_values(request), request.context.outbound_hosts
    return request.write(
        lifecycle.update_webhook, _write_updated, webhook_id=_read_id(number), values=values, allowed_hosts=hosts
    )


def _write_updated(view: WebhookView) -> Response:
    return json_response(WebhookUpdated(view))


def delete_webhook(request: Request, number: str) -> Response:
    """``DELETE /v1/webhooks/{id}``."""
    request.params.refuse_wrong()
    return request.write(
        lifecycle.delete_webhook, lambda _: json_response(WebhookDeleted()), webhook_id=_read_id(number)
    )


def pause_webhook(request: Request, number: str) -> Response:
    """``POST /v1/webhooks/{id}/pause``."""
    request.params.refuse_wrong()
    return request.write(lifecycle.pause_webhook, _write_updated, webhook_id=_read_id(number))


def resume_webhook(request: Request, number: str) -> Response:
    """``POST /v1/webhooks/{id}/resume``."""
    request.params.refuse_wrong()
    return request.write(lifecycle.resume_webhook, _write_updated, webhook_id=_read_id(number))


def replay_webhook(request: Request, number: str) -> Response:
    """``POST /v1/webhooks/{id}/replay``."""
    after = _read_after(request)
    return request.write(lifecycle.replay_webhook, _write_updated, webhook_id=_read_id(number), after=after)


def _read_after(request: Request) -> int:
    params = request.params
    after = read_whole(params.given("after"))
    if after is None or after < 0:
        params.problems.add("after", "is required: the number of a change, after which everything is delivered again.")
    params.refuse_wrong()
    return params.problems.require(after)


def rotate_secret(request: Request, number: str) -> Response:
    """``POST /v1/webhooks/{id}/rotate``."""
    request.params.refuse_wrong()
    secret = write_secret()

    def respond(view: WebhookView) -> Response:
        return json_response(WebhookRotated(view, fingerprint_of(secret)))

    response = request.write(lifecycle.rotate_secret, respond, webhook_id=_read_id(number), secret=secret)
    return _with_secret(request, response, WebhookRotated)


def test_webhook(request: Request, number: str) -> Response:
    """``POST /v1/webhooks/{id}/test``: calls it once, with no transaction open."""
    request.params.refuse_wrong()
    opened = request.read(open_test, webhook_id=_read_id(number))
    return json_response(WebhookTested(send_test(opened, allowed_hosts=request.context.outbound_hosts)))


def list_deliveries(request: Request, number: str) -> Response:
    """``GET /v1/webhooks/{id}/deliveries``: the newest first, from the cursor ``after`` on."""
    after, limit = read_cursor(request.params, most=DELIVERIES_PER_PAGE_MAX)
    request.params.refuse_wrong()
    page = request.read(log.list_deliveries, webhook_id=_read_id(number), before=after or None, limit=limit)
    return json_response(DeliveryList(page.deliveries, write_cursor(page.following)))


def _read_values(request: Request) -> dict[str, object]:
    """The fields that are given; one that is blank is ``None``."""
    params = request.params
    values = {name: params.given(name) for name in lifecycle.FIELDS if name in params.names_given}
    params.refuse_wrong()
    return values


def _shown(request: Request, view: WebhookView) -> WebhookView:
    assert isinstance(request.access, Access), "the route takes a key"
    return view if request.access.key.kind == "manage" else lifecycle.hide_path(view)


def _read_id(number: str) -> int:
    return read_id(number, missing=WebhookNotFound)


def _with_secret(request: Request, response: Response, kind: type[A]) -> Response:
    """The response with the secret whose fingerprint it has; one that was given before is as it was."""
    assert isinstance(response.body, bytes), "a write's response is short"
    answer = msgspec.json.decode(response.body, type=kind)
    assert answer.secret is not None, "it is stored with a fingerprint"
    secret = request.read(lifecycle.find_secret, webhook_id=answer.webhook.id, fingerprint=answer.secret)
    shown = replace(answer, secret=None if secret is None else str(secret))
    return replace(response, body=msgspec.json.encode(shown))
