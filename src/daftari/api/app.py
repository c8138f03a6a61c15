"""The application: from a request to its route's handler, and from what that returns to an answer.

Falcon's router finds the route; a request and an answer are the door's own records. This room must not know what any
handler does, nor how an error is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any, cast

from falcon.routing import CompiledRouter
from msgspec import Struct

from daftari.api.routes import ROUTES, VERSION, Route
from daftari.web.errors import Headers, MethodNotAllowed, RouteNotFound
from daftari.web.requests import Desk, Reply
from daftari.web.rsgi import Request
from daftari.web.server import Answer, Application

NO_CONTENT = 204


class Place(Struct, frozen=True):
    """A path: its routes by method, and the methods that it answers to, as ``Allow`` says them."""

    routes: dict[str, Route]
    allowed: str


def build_app(desk: Desk) -> Application:
    """What the door calls. Raises ``DaftariError``, which the door answers."""
    find = _router().find

    def application(request: Request) -> Answer:
        found = find(request.path)
        if found is None:
            raise RouteNotFound
        place = cast(Place, found[0])
        route = place.routes.get(request.method)
        if route is None:
            return _answer_without_route(place, request.method)
        if route.needs == "nothing":
            handled = route.handler(desk)
        elif route.needs == "token":
            handled = route.handler(desk, request, **found[2])
        else:
            call = desk.receive(request, writes=route.needs == "write", takes=route.takes)
            handled = call.find_answer() or route.handler(call, **found[2])
        if isinstance(handled, Reply):
            return handled.status, _headers(handled), handled.body
        status, body = handled
        return status, [("content-type", route.media_type)], body

    return application


def _headers(reply: Reply) -> Headers:
    media = [] if reply.media_type is None else [("content-type", reply.media_type)]
    return [*media, *reply.headers]


class _Router(CompiledRouter):
    """Finds places. Which methods a place has is looked up there, so that its default responders are not wanted."""

    def map_http_methods(self, resource: object, **kwargs: Any) -> dict[str, Any]:
        return {}


def _router() -> CompiledRouter:
    router = _Router()
    for path, routes in groupby(ROUTES, key=lambda route: route.path):
        by_method = {route.method: route for route in routes}
        router.add_route(VERSION + path, Place(by_method, _allowed(by_method)))
    return router


def _allowed(methods: Iterable[str]) -> str:
    """The door turns HEAD and QUERY into GET, so they are allowed where it is."""
    named = ["GET, HEAD, QUERY, OPTIONS" if method == "GET" else method for method in methods]
    return ", ".join(named if "GET" in methods else ["OPTIONS", *named])


def _answer_without_route(place: Place, method: str) -> Answer:
    if method != "OPTIONS":
        raise MethodNotAllowed(place.allowed)
    return NO_CONTENT, [("allow", place.allowed)], b""
