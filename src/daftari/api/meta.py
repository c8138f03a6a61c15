"""The calls about the service itself, which need no key: its state and its documentation. Knows no project."""

from __future__ import annotations

from daftari.api.reference import document, page
from daftari.api.views.meta import Health
from daftari.web.requests import Request
from daftari.web.responses import Response, json_response

HTML = "text/html; charset=utf-8"


def show_health(request: Request) -> Response:
    """``GET /v1/health``: ready only when the store answers."""
    request.context.store.answers()
    return json_response(Health(request.context.version))


def show_openapi(request: Request) -> Response:
    """``GET /v1/openapi.json``."""
    return Response(200, document.document())


def show_docs(request: Request) -> Response:
    """``GET /docs``."""
    return Response(200, page.page(), HTML)
