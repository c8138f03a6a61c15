"""The calls under ``/v1/connections``. Knows no system, and not how a connection is stored."""

from __future__ import annotations

from daftari.api.pagination import read_cursor, write_cursor
from daftari.api.views.connections import (
    ConnectionAnswer,
    ConnectionChecked,
    ConnectionCreated,
    ConnectionDeleted,
    ConnectionList,
    ConnectionUpdated,
    RecordList,
    RunList,
)
from daftari.errors import ConnectionNotFound
from daftari.model.limits import EXTERNAL_ID_MAX, RECORDS_PER_PAGE_MAX
from daftari.rules.access.keys import Access
from daftari.rules.connections import definition, lifecycle, views
from daftari.rules.connections.addresses import ShownWebhookAddress, ensure_addresses, show_address
from daftari.rules.connections.check import ConnectionCheck, ask_account, open_check, write_check
from daftari.rules.connections.model import Opened
from daftari.rules.erasure import foreign
from daftari.rules.fields import read_flag
from daftari.web.params import read_id
from daftari.web.requests import Request
from daftari.web.responses import Response, json_response


def list_connections(request: Request) -> Response:
    """``GET /v1/connections``: all of them, in order of creation."""
    request.params.refuse_wrong()
    return json_response(ConnectionList(request.read(views.show_connections)))


def create_connection(request: Request) -> Response:
    """``POST /v1/connections``."""
    return request.write(
        lifecycle.create_connection,
        lambda opened: json_response(ConnectionCreated(views.show(opened)), status=201),
        values=_read_values(request),
    )


def get_connection(request: Request, number: str) -> Response:
    """``GET /v1/connections/{id}``."""
    request.params.refuse_wrong()
    view = request.read(views.show_connection, connection_id=_read_id(number))
    assert isinstance(request.access, Access), "the route takes a key"
    if request.access.key.kind == "manage" and view.webhook is not None:
        view = views.with_address(view, _find_address(request, view.id, view.kind))
    return json_response(ConnectionAnswer(view))


def _find_address(request: Request, connection_id: int, kind: str) -> ShownWebhookAddress | None:
    """The address that the connection's system is to call, if people give it. Deliveries are taken there by now."""
    found = ensure_addresses(request.context.store, request.project, now=request.now)
    return show_address(found, connection_id=connection_id, kind=kind, public_url=request.context.public_url)


def update_connection(request: Request, number: str) -> Response:
    """``PUT /v1/connections/{id}``: what is left out stays as it is."""
    values = _read_values(request)
    return request.write(lifecycle.update_connection, _write_updated, connection_id=_read_id(number), values=values)


def _write_updated(opened: Opened) -> Response:
    return json_response(ConnectionUpdated(views.show(opened)))


def change_key(request: Request, number: str) -> Response:
    """``POST /v1/connections/{id}/key``: other credentials."""
    values = _read_values(request)
    return request.write(
        lifecycle.change_key,
        _write_updated,
        connection_id=_read_id(number),
        credentials=values.get("credentials"),
    )


def delete_connection(request: Request, number: str) -> Response:
    """``DELETE /v1/connections/{id}``: contacts stay, and so do groups unless ``leave`` says otherwise."""
    leave = request.params.problems.read("leave", request.params.given("leave"), read_flag)
    request.params.refuse_wrong()
    return request.write(
        lifecycle.delete_connection,
        lambda _: json_response(ConnectionDeleted()),
        connection_id=_read_id(number),
        leave=bool(leave),
    )


# ---- steps ----------------------------------------------------------------------------------------------


def check_connection(request: Request, number: str) -> Response:
    """``POST /v1/connections/{id}/check``: asks the system about the account, with no transaction open."""
    request.params.refuse_wrong()
    connection_id = _read_id(number)
    to_check = request.read(open_check, connection_id=connection_id)
    found = ask_account(to_check, allowed_hosts=request.context.outbound_hosts, databases=request.context.databases)
    address = _find_address(request, connection_id, to_check.opened.stored.kind)
    return request.write(write_check, _write_checked, connection_id=connection_id, found=found, address=address)


def _write_checked(check: ConnectionCheck) -> Response:
    return json_response(ConnectionChecked(check))


def plan_connection(request: Request, number: str) -> Response:
    """``POST /v1/connections/{id}/plan``."""
    request.params.refuse_wrong()
    return request.write(lifecycle.plan_connection, _write_updated, connection_id=_read_id(number))


def start_connection(request: Request, number: str) -> Response:
    """``POST /v1/connections/{id}/start``."""
    request.params.refuse_wrong()
    return request.write(lifecycle.start_connection, _write_updated, connection_id=_read_id(number))


def pause_connection(request: Request, number: str) -> Response:
    """``POST /v1/connections/{id}/pause``."""
    request.params.refuse_wrong()
    return request.write(lifecycle.pause_connection, _write_updated, connection_id=_read_id(number))


def sync_connection(request: Request, number: str) -> Response:
    """``POST /v1/connections/{id}/sync``."""
    request.params.refuse_wrong()
    return request.write(lifecycle.sync_connection, _write_updated, connection_id=_read_id(number))


def compare_connection(request: Request, number: str) -> Response:
    """``POST /v1/connections/{id}/sweep``."""
    request.params.refuse_wrong()
    return request.write(lifecycle.compare_connection, _write_updated, connection_id=_read_id(number))


def confirm_connection(request: Request, number: str) -> Response:
    """``POST /v1/connections/{id}/confirm``."""
    request.params.refuse_wrong()
    return request.write(lifecycle.confirm_connection, _write_updated, connection_id=_read_id(number))


# ---- records and runs -----------------------------------------------------------------------------------


def list_records(request: Request, number: str) -> Response:
    """``GET /v1/connections/{id}/records``: in the order of their ids, from the one after ``after`` on."""
    params = request.params
    state, after = str(params.given("state") or ""), str(params.given("after") or "")
    limit = params.whole("limit", default=RECORDS_PER_PAGE_MAX, most=RECORDS_PER_PAGE_MAX)
    if len(after) > EXTERNAL_ID_MAX:
        params.problems.add("after", "must be a cursor that an answer gave as next.")
    params.refuse_wrong()
    page = request.read(views.list_records, connection_id=_read_id(number), state=state, after=after, limit=limit)
    return json_response(RecordList(page.records, page.following))


def retry_records(request: Request, number: str) -> Response:
    """``POST /v1/connections/{id}/records/retry``: read again and applied, whatever is known of them."""
    ids = _read_ids(request)
    request.params.refuse_wrong()
    return request.write(lifecycle.retry_records, _write_updated, connection_id=_read_id(number), ids=ids)


def settle_records(request: Request, number: str) -> Response:
    """``POST /v1/connections/{id}/records/settle``: those that were erased there, erased here or kept."""
    params = request.params
    ids = _read_ids(request)
    decision = str(params.given("decision") or "")
    params.refuse_wrong()
    return request.write(
        foreign.settle_erasures, _write_updated, connection_id=_read_id(number), ids=ids, decision=decision
    )


def _read_ids(request: Request) -> list[str]:
    given = request.params.given("ids")
    return [str(one) for one in given] if isinstance(given, list) else [str(given)] if given else []


def list_runs(request: Request, number: str) -> Response:
    """``GET /v1/connections/{id}/runs``: the imports of the connection, the newest first."""
    after, limit = read_cursor(request.params, most=RECORDS_PER_PAGE_MAX)
    request.params.refuse_wrong()
    runs, following = request.read(views.list_runs, connection_id=_read_id(number), before=after, limit=limit)
    return json_response(RunList(runs, write_cursor(following)))


def _read_values(request: Request) -> dict[str, object]:
    """The fields that are given; one that is blank is ``None``."""
    params = request.params
    if params.is_in_query("credentials"):
        params.problems.add("credentials", "must be in the body: URLs are written to logs.")
    values = {name: params.given(name) for name in definition.FIELDS if name in params.names_given}
    params.refuse_wrong()
    return values


def _read_id(number: str) -> int:
    return read_id(number, missing=ConnectionNotFound)
