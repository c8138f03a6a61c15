"""The calls about messages: one text to one number, or to a thousand. Knows neither who is claimed nor how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Any

from daftari.api.missing import note_missing
from daftari.api.pagination import read_cursor, write_cursor
from daftari.api.views.messages import MessageAnswer, MessageList, MessagesCreated
from daftari.errors import MessageNotFound
from daftari.model.limits import ERRORS_MAX, ID_MAX, MESSAGES_PER_CALL_MAX
from daftari.rules.consent.questions import find_mobile
from daftari.rules.messages import create, views
from daftari.rules.numbers import Reference
from daftari.web.params import read_id
from daftari.web.requests import Request
from daftari.web.responses import Response, json_response

COMMON_FIELDS = (
    *("sender", "channel", "text", "plain", "template", "language", "params", "purpose", "key", "at", "until"),
)
"""Fields that apply to all numbers of a call."""
EXAMPLE = '{"sender": "log", "text": "Hello", "mobiles": ["0722000001"]}'


def create_messages(request: Request) -> Response:
    """``POST /v1/messages``: the worker sends them."""
    params = request.params
    results = params.flag("results")
    one = params.given("mobile")
    items = params.items("mobile") if isinstance(one, str | list) else [] if one is None else [one]
    items += params.items("mobiles") + params.items("items")
    if not items and not params.problems:
        note_missing(params, "mobiles", members=("mobile", "contacts", "contact"), example=EXAMPLE)
    params.refuse_wrong()
    common = {field: given for field in COMMON_FIELDS if (given := params.given(field)) is not None}
    region, now = request.project.region, request.now
    read = params.problems.read_part(lambda: create.read_messages(items, common=common, region=region, now=now))
    given = params.problems.require(read)
    return request.write(create.create_messages, lambda outcomes: _write_outcomes(outcomes, results), given=given)


def _write_outcomes(outcomes: Sequence[create.MessageOutcome], results: bool) -> Response:
    counts = Counter(one.outcome for one in outcomes)
    wrong = ((f"items.{one.index}.{name}", said) for one in outcomes for name, said in (one.errors or {}).items())
    shown = MessagesCreated(
        waiting=counts["waiting"],
        duplicate=counts["duplicate"],
        invalid=counts["invalid"],
        ids=[one.id for one in outcomes if one.id is not None],
        results=[*outcomes] if results else None,
        errors=dict(islice(wrong, ERRORS_MAX)) if counts["invalid"] and not results else None,
    )
    return json_response(shown, status=202)


def list_messages(request: Request) -> Response:
    """``GET /v1/messages``: from the cursor ``after`` on, in order of id."""
    params = request.params
    written = params.given("mobile")
    trigger_id = params.whole("trigger", default=0, most=ID_MAX) or None
    return _list(request, None if written is None else str(written), trigger_id=trigger_id)


def list_contact_messages(request: Request, reference: str) -> Response:
    """``GET /v1/contacts/{id or mobile}/messages``: what a number was sent."""
    return _list(request, reference)


def _list(request: Request, reference: str | None, *, trigger_id: int | None = None) -> Response:
    params = request.params
    state = params.choice("state", views.STATES, default=None)
    after, limit = read_cursor(params, most=MESSAGES_PER_CALL_MAX)
    params.refuse_wrong()
    mobile = None
    if reference is not None:
        mobile, _ = request.read(find_mobile, reference=Reference(reference, request.project.region))
    wanted: dict[str, Any] = {"mobile": mobile, "state": state, "trigger_id": trigger_id}
    page = request.read(views.list_messages, **wanted, after=after, limit=limit)
    return json_response(MessageList(page.messages, write_cursor(page.following)))


def get_message(request: Request, number: str) -> Response:
    """``GET /v1/messages/{id}``."""
    request.params.refuse_wrong()
    shown = request.read(views.get_message, message_id=read_id(number, missing=MessageNotFound))
    return json_response(MessageAnswer(shown))
