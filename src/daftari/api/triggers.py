"""The calls under ``/v1/triggers``. Knows nothing about what fires, and what is claimed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Concatenate, ParamSpec

from daftari.api.views.triggers import (
    TriggerAnswer,
    TriggerCreated,
    TriggerDeleted,
    TriggerList,
    TriggerPaused,
    TriggerResumed,
    TriggerUpdated,
)
from daftari.errors import TriggerNotFound
from daftari.model.triggers import StoredTrigger
from daftari.rules.triggers import lifecycle
from daftari.rules.triggers.draft import FIELDS
from daftari.rules.triggers.views import TriggerView, show_trigger
from daftari.store import Tx, WriteTx
from daftari.web.params import Params, read_id
from daftari.web.requests import Request
from daftari.web.responses import Response, json_response

P = ParamSpec("P")


def list_triggers(request: Request) -> Response:
    """``GET /v1/triggers``: all of them."""
    request.params.refuse_wrong()
    return json_response(TriggerList(request.read(_list_shown)))


def _list_shown(tx: Tx) -> list[TriggerView]:
    return [show_trigger(tx, trigger) for trigger in lifecycle.list_triggers(tx)]


def create_trigger(request: Request) -> Response:
    """``POST /v1/triggers``: it is on at once."""
    given = _read_given(request.params)
    return request.write(
        _shown(lifecycle.create_trigger),
        lambda shown: json_response(TriggerCreated(shown), status=201),
        given=given,
        is_on=True,
    )


def get_trigger(request: Request, number: str) -> Response:
    """``GET /v1/triggers/{id}``."""
    request.params.refuse_wrong()
    return json_response(TriggerAnswer(request.read(_get_shown, trigger_id=_read_id(number))))


def _get_shown(tx: Tx, *, trigger_id: int) -> TriggerView:
    return show_trigger(tx, lifecycle.get_trigger(tx, trigger_id=trigger_id))


def update_trigger(request: Request, number: str) -> Response:
    """``PUT /v1/triggers/{id}``: the fields that are given."""
    given = _read_given(request.params)
    return request.write(
        _shown(lifecycle.update_trigger),
        lambda shown: json_response(TriggerUpdated(shown)),
        trigger_id=_read_id(number),
        given=given,
    )


def delete_trigger(request: Request, number: str) -> Response:
    """``DELETE /v1/triggers/{id}``: what waits is cancelled."""
    request.params.refuse_wrong()
    return request.write(
        lifecycle.delete_trigger, lambda _: json_response(TriggerDeleted()), trigger_id=_read_id(number)
    )


def pause_trigger(request: Request, number: str) -> Response:
    """``POST /v1/triggers/{id}/pause``."""
    request.params.refuse_wrong()
    return request.write(
        _shown(lifecycle.pause_trigger), lambda shown: json_response(TriggerPaused(shown)), trigger_id=_read_id(number)
    )


def resume_trigger(request: Request, number: str) -> Response:
    """``POST /v1/triggers/{id}/resume``."""
    request.params.refuse_wrong()
    return request.write(
        _shown(lifecycle.resume_trigger),
        lambda shown: json_response(TriggerResumed(shown)),
        trigger_id=_read_id(number),
    )


def _shown(rule: Callable[Concatenate[WriteTx, P], StoredTrigger]) -> Callable[Concatenate[WriteTx, P], TriggerView]:
    """The rule, whose result is the trigger as callers see it."""

    def show(tx: WriteTx, /, *args: P.args, **kwargs: P.kwargs) -> TriggerView:
        return show_trigger(tx, rule(tx, *args, **kwargs))

    return show


def _read_id(number: str) -> int:
    return read_id(number, missing=TriggerNotFound)


def _read_given(params: Params) -> Mapping[str, object]:
    """The fields of a trigger that are given; ``None`` for one that is null or blank."""
    given: dict[str, object] = {field: params.given(field) for field in FIELDS if field in params.names_given}
    if isinstance(given.get("params"), str):
        given["params"] = params.texts("params")
    params.refuse_wrong()
    return given
