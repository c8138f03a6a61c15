"""The API as the server calls it: a request is decoded and authenticated, and its route's handler answers it.

Checks come in the order of the contract: what cannot be read, the key, the project, what the key may do. The handler
checks the fields. Knows no handler.
"""

from __future__ import annotations

from daftari.api.authentication import KeyAuthenticator, refuse_other_project
from daftari.model.time import current_time
from daftari.web.idempotency import read_idempotency_key
from daftari.web.multipart import read_upload
from daftari.web.params import decode
from daftari.web.requests import AppContext, Request
from daftari.web.responses import Response
from daftari.web.routing import NO_BODY, RawRequest, Route
from daftari.web.rsgi import RsgiScope
from daftari.web.server import Application, UploadAuthorizer


def build_app(context: AppContext, authenticator: KeyAuthenticator) -> Application:
    """The function that answers a request. It raises ``DaftariError``, which the server renders."""

    def application(raw: RawRequest) -> Response:
        match = raw.match
        if match.route.access in ("open", "token"):
            request = Request(context, raw, params=decode("", None, b""), now=current_time())
            return match.route.handler(request, **match.parameters)
        request = _open_request(context, authenticator, raw)
        return request.find_first_response() or match.route.handler(request, **match.parameters)

    return application


def build_upload_authorizer(authenticator: KeyAuthenticator) -> UploadAuthorizer:
    """The function that refuses a caller before its file is taken, by the head of the request."""

    def authorize_upload(scope: RsgiScope, route: Route) -> None:
        params = decode(scope.query_string, None, b"")
        authenticator.authenticate(scope.headers, params, writes=route.access == "write", now=current_time())

    return authorize_upload


def _open_request(context: AppContext, authenticator: KeyAuthenticator, raw: RawRequest) -> Request:
    """Decode and authenticate a request."""
    route, headers = raw.match.route, raw.headers
    if raw.body is NO_BODY or route.body.kind != "fields":
        params = decode(raw.scope.query_string, None, b"")
    else:
        params = decode(raw.scope.query_string, headers.get("content-type"), raw.body.read())
    now, writes = current_time(), route.access == "write"
    access = authenticator.authenticate(headers, params, writes=writes, now=now)
    idempotent = None
    if writes and route.body.kind != "lines":
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
