"""The API as the server calls it: a request is decoded and authenticated, and its route's handler answers it.

Checks come in this order: a key in the header, what cannot be read, a key elsewhere, the project, what the key may do.
The handler checks the fields. Knows no handler.
"""

from __future__ import annotations

from daftari.api.authentication import KeyAuthenticator, refuse_beyond, refuse_other_project
from daftari.errors import Unauthenticated, ValidationFailed
from daftari.model.time import current_time
from daftari.rules.access import inbound_tokens
from daftari.store import Store
from daftari.web.idempotency import read_idempotency_key
from daftari.web.multipart import read_upload
from daftari.web.params import Params, decode, find_member
from daftari.web.requests import AppContext, Request
from daftari.web.responses import LongPoll, Response
from daftari.web.routing import NO_BODY, RawRequest, RouteMatch
from daftari.web.rsgi import RsgiScope
from daftari.web.server import Application, Authorizer

METHOD_FIELD = "_method"
METHOD_HEADER = "X-HTTP-Method-Override"
METHOD_SHOWN_MAX = 20
"""Characters of a method that an error quotes."""


def build_app(context: AppContext, authenticator: KeyAuthenticator) -> Application:
    """The function that answers a request. It raises ``DaftariError``, which the server renders."""

    def application(raw: RawRequest) -> Response | LongPoll:
        match = raw.match
        if match.route.needed is None:
            request = Request(context, raw, params=decode("", None, b""), now=current_time())
            return match.route.handler(request, **match.parameters)
        request = _open_request(context, authenticator, raw)
        first = None if match.route.completes else request.find_first_response()
        return first or match.route.handler(request, **match.parameters)

    return application


def build_authorizer(store: Store, authenticator: KeyAuthenticator) -> Authorizer:
    """The function that looks for the caller's key, or token, before more than the beginning of a body is taken."""

    def authorize(scope: RsgiScope, match: RouteMatch, beginning: bytes) -> bool:
        route = match.route
        if route.access == "token":
            provider, token = match.parameters.get("provider"), match.parameters["token"]
            if provider is None:
                store.system_read(current_time(), inbound_tokens.find_connection_token, written=token)
            else:
                store.system_read(current_time(), inbound_tokens.find_token, provider=provider, written=token)
            return True
        params = decode(scope.query_string, None, b"")
        api_key = find_member(beginning, "apiKey") if beginning else None
        if isinstance(api_key, str):
            params = params.after({"apiKey": [api_key]})
        now = current_time()
        access = authenticator.find_in_header(scope.headers, now=now) or authenticator.find_in_fields(params, now=now)
        if access is not None:
            assert route.needed is not None, "an open route asks for no key"
            refuse_beyond(access, params, needed=route.needed)
        return access is not None

    return authorize


def _refuse_other_method(raw: RawRequest, params: Params) -> None:
    """Raise ``ValidationFailed`` where a POST asks to be taken for another method, as Laravel's forms do."""
    for name, given in (
        (METHOD_FIELD, params.given(METHOD_FIELD)),
        (METHOD_HEADER, raw.headers.get(METHOD_HEADER.lower())),
    ):
        if given is not None and str(given).upper() != raw.scope.method:
            sentence = (
                f"asks for {str(given)[:METHOD_SHOWN_MAX]}, and this is {raw.scope.method}: send that method itself."
            )
            raise ValidationFailed({name: [f"The {name} field {sentence}"]})


def _open_request(context: AppContext, authenticator: KeyAuthenticator, raw: RawRequest) -> Request:
    """Decode and authenticate a request; where the header has a key, in the other order."""
    route, headers = raw.match.route, raw.headers
    now = current_time()
    access = authenticator.find_in_header(headers, now=now)
    if raw.body is NO_BODY or route.body.kind != "fields":
        params = decode(raw.scope.query_string, None, b"")
    else:
        params = decode(raw.scope.query_string, headers.get("content-type"), raw.body.read())
    access = access or authenticator.find_in_fields(params, now=now)
    if access is None:
        raise Unauthenticated
    authenticator.note_call(access, now=now)
    needed = route.needed
    assert needed is not None, "an open route is answered before"
    refuse_beyond(access, params, needed=needed)
    if raw.method == "POST":
        _refuse_other_method(raw, params)
    idempotent = None
    if route.is_repeatable:
        idempotent = read_idempotency_key(raw, key_id=access.key.id)
    upload = None
    if route.body.kind == "file":
        # Reading the form changes the body, so the request's digest is made before.
        upload, fields = read_upload(raw)
        params = params.after(fields)
        refuse_other_project(params, access.project)
    return Request(
        context,
        raw,
        params=params,
        now=now,
        access=access,
        authenticator=authenticator,
        idempotent=idempotent,
        upload=upload,
    )
