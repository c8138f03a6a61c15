"""The calls about the service itself, which need no key: its state and its documentation. Knows no project."""

from __future__ import annotations

from daftari.api.reference import document, page
from daftari.api.views.meta import Health
from daftari.web.params import decode
from daftari.web.requests import Request
from daftari.web.responses import Response, json_response

HTML = "text/html; charset=utf-8"


def show_health(request: Request) -> Response:
    """``GET /v1/health``: ready only when the store answers."""
    request.context.store.answers()
    return json_response(Health(request.context.version))


def show_openapi(request: Request) -> Response:
    """``GET /v1/openapi.json``: in OpenAPI 3.2, or with ``version=3.0`` in that."""
    params = decode(request.raw.scope.query_string, None, b"")
    version = params.choice("version", document.VERSIONS, default=document.VERSIONS[0])
    params.refuse_wrong()
    return Response(200, document.document_at(request.context.public_url, version))


def show_docs(request: Request) -> Response:
    """``GET /docs``."""
    return Response(200, page.page(request.context.public_url or ""), HTML)
