"""The calls under ``/v1/senders``. Knows nothing about providers or about how a sender is stored.

Only a key of kind ``manage`` sees the address for a sender's reports and replies, which is proof enough for some. It is
put into an answer after the answer was stored under its Idempotency-Key, so that no copy of the database has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from daftari.api.views.senders import (
    SenderAnswer,
    SenderChecked,
    SenderCreated,
    SenderDeleted,
    SenderList,
    SenderUpdated,
)
from daftari.errors import SenderNotFound
from daftari.model.limits import FORMER_ADDRESS_HOURS, FORMER_ADDRESS_HOURS_MAX
from daftari.rules.access.inbound_tokens import write_token
from daftari.rules.access.keys import Access
from daftari.rules.senders import lifecycle
from daftari.rules.senders.addresses import ensure_addresses, show_address
from daftari.rules.senders.check import check_account, open_account
from daftari.rules.senders.lifecycle import SenderView, name_address
from daftari.web.params import read_id
from daftari.web.requests import Request
from daftari.web.responses import Response, json_response

A = TypeVar("A", SenderCreated, SenderUpdated)


def list_senders(request: Request) -> Response:
    """``GET /v1/senders``: all of them, in order of creation."""
    request.params.refuse_wrong()
    return json_response(SenderList(_name_addresses(request, request.read(lifecycle.list_senders))))


def create_sender(request: Request) -> Response:
    """``POST /v1/senders``."""
    values = _read_values(request)
    given = lifecycle.read_sender(values, before=None)
    response = request.write(lifecycle.create_sender, _write_created, given=given, token=write_token())
    return _with_address(request, response, SenderCreated)


def _write_created(view: SenderView) -> Response:
    return json_response(SenderCreated(view), status=201)


def get_sender(request: Request, number: str) -> Response:
    """``GET /v1/senders/{id}``."""
    request.params.refuse_wrong()
    sender_id = _read_id(number)
    view = request.read(lambda tx: lifecycle.show_sender(tx, lifecycle.get_sender(tx, sender_id=sender_id)))
    return json_response(SenderAnswer(*_name_addresses(request, [view])))


def update_sender(request: Request, number: str) -> Response:
    """``PUT /v1/senders/{id}``: what is left out stays as it is."""
    values = _read_values(request)
    response = request.write(lifecycle.change_sender, _write_updated, sender_id=_read_id(number), values=values)
    return _with_address(request, response, SenderUpdated)


def _write_updated(view: SenderView) -> Response:
    return json_response(SenderUpdated(view))


def delete_sender(request: Request, number: str) -> Response:
    """``DELETE /v1/senders/{id}``: what it sent stays."""
    request.params.refuse_wrong()
    response = request.write(
        lifecycle.delete_sender, lambda _: json_response(SenderDeleted()), sender_id=_read_id(number)
    )
    ensure_addresses(request.context.store, request.project, now=request.now)
    return response


def pause_sender(request: Request, number: str) -> Response:
    """``POST /v1/senders/{id}/pause``."""
    request.params.refuse_wrong()
    response = request.write(lifecycle.pause_sender, _write_updated, sender_id=_read_id(number))
    return _with_address(request, response, SenderUpdated)


def resume_sender(request: Request, number: str) -> Response:
    """``POST /v1/senders/{id}/resume``."""
    request.params.refuse_wrong()
    response = request.write(lifecycle.resume_sender, _write_updated, sender_id=_read_id(number))
    return _with_address(request, response, SenderUpdated)


def rotate_address(request: Request, number: str) -> Response:
    """``POST /v1/senders/{id}/rotate``: another address for reports and replies."""
    keep_hours = request.params.whole(
        "keep_hours", default=FORMER_ADDRESS_HOURS, most=FORMER_ADDRESS_HOURS_MAX, least=0
    )
    request.params.refuse_wrong()
    response = request.write(
        lifecycle.rotate_address,
        _write_updated,
        sender_id=_read_id(number),
        token=write_token(),
        keep_hours=keep_hours,
    )
    return _with_address(request, response, SenderUpdated)


def check_sender(request: Request, number: str) -> Response:
    """``POST /v1/senders/{id}/check``: asks the provider about the account, with no transaction open."""
    request.params.refuse_wrong()
    opened = request.read(open_account, sender_id=_read_id(number))
    ensure_addresses(request.context.store, request.project, now=request.now)
    return json_response(SenderChecked(check_account(opened, allowed_hosts=request.context.outbound_hosts)))


def _read_values(request: Request) -> dict[str, object]:
    """The fields that are given; one that is blank is ``None``."""
    params = request.params
    if params.is_in_query("credentials"):
        params.problems.add("credentials", "must be in the body: URLs are written to logs.")
    values = {name: params.given(name) for name in lifecycle.FIELDS if name in params.names_given}
    params.refuse_wrong()
    return values


def _read_id(number: str) -> int:
    return read_id(number, missing=SenderNotFound)


def _with_address(request: Request, response: Response, kind: type[A]) -> Response:
    """The response to a write with the sender's address; one that was given before is as it was."""
    assert isinstance(response.body, bytes), "a write's response is short"
    answer = msgspec.json.decode(response.body, type=kind)
    (view,) = _name_addresses(request, [answer.sender])
    return msgspec.structs.replace(response, body=msgspec.json.encode(kind(view)))


def _name_addresses(request: Request, shown: Sequence[SenderView]) -> list[SenderView]:
    assert isinstance(request.access, Access), "the route takes a key"
    if request.access.key.kind != "manage":
        return [*shown]
    addresses = ensure_addresses(request.context.store, request.project, now=request.now)
    public_url = request.context.public_url
    return [
        name_address(view, show_address(addresses[view.id], public_url=public_url)) if view.id in addresses else view
        for view in shown
    ]
