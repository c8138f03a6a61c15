"""Finds the route of a request from its method and path, before its body is taken. Knows no route of any subject."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from io import BytesIO
from operator import itemgetter
from typing import Any, BinaryIO, Literal

from msgspec import Struct
from msgspec.structs import force_setattr

from daftari.model.limits import BODY_BYTES_MAX, READ_BODY_BYTES_MAX
from daftari.model.projects import KEY_KINDS, KeyKind
from daftari.rules.access.roles import Act
from daftari.web.errors import MethodNotAllowed, RouteNotFound
from daftari.web.responses import JSON, LongPoll, Response
from daftari.web.rsgi import RequestHeaders, RsgiScope

READS = {"GET": "GET", "HEAD": "GET", "QUERY": "GET", "OPTIONS": "OPTIONS"}
"""Methods that only read, and the method that answers each: HEAD is a GET without its body, QUERY a GET with one."""
NO_CONTENT = 204
NO_BODY = BytesIO()

Handler = Callable[..., Response | LongPoll]
"""Called with the ``Request`` and the parameters of the path by name."""
RouteAccess = KeyKind | Act | Literal["open", "token", "visitor", "signed_in"]
"""What the caller needs. In the API: a key of this kind or one that may do more; where it is ``token``, the handler
checks the one in the path. In the console: a role that allows an act in the project of the path; ``signed_in``, a
session; ``visitor``, none. Where it is ``open``, nothing is needed or read."""


class BodyPolicy(Struct, frozen=True):
    """How a body is taken, and its largest size in bytes.

    ``fields``: whole, before the handler is called. ``file``: whole and on disk, once the caller is known to be allowed
    to write. ``lines``: while it is answered, so that the handler sees the head alone.
    """

    bytes_max: int
    kind: Literal["fields", "file", "lines"] = "fields"


SMALL = BodyPolicy(READ_BODY_BYTES_MAX)
LARGE = BodyPolicy(BODY_BYTES_MAX)


class Route(Struct, frozen=True):
    """A method at a path, in which ``{name}`` stands for one segment.

    ``inline``: the handler waits for nothing and is quick, so the event loop may call it. ``media_type``: that of the
    first successful response. ``completes``: the handler adds to a response that was stored under an Idempotency-Key
    what must not be stored, so it is called also when there is one.
    """

    method: str
    path: str
    handler: Handler
    access: RouteAccess
    body: BodyPolicy = SMALL
    inline: bool = False
    media_type: str = JSON
    completes: bool = False

    needed: KeyKind | None = None
    """The kind of key that the caller needs at least; ``None`` where it needs none. It follows from ``access``."""
    is_repeatable: bool = False
    """Whether the route takes an ``Idempotency-Key``; that follows too."""

    def __post_init__(self) -> None:
        needed = next((kind for kind in KEY_KINDS if kind == self.access), None)
        force_setattr(self, "needed", needed)
        force_setattr(self, "is_repeatable", needed in ("write", "manage") and self.body.kind != "lines")


class RouteMatch(Struct, frozen=True):
    """The route of a request. ``path`` is without the optional ``base`` and ``prefix`` and the slash at its end."""

    route: Route
    parameters: dict[str, str]
    prefix: str
    path: str
    base: str = ""


class RawRequest(Struct, frozen=True, gc=False):
    """A request with its route and its whole body, neither decoded nor authenticated.

    ``method`` is that of a route. ``arrived``: the ``time.monotonic`` at which the body was whole.
    """

    id: str
    method: str
    match: RouteMatch
    headers: RequestHeaders
    body: BinaryIO
    scope: RsgiScope
    arrived: float


class _Place(Struct, frozen=True):
    """A path of the table: its routes by method, what refuses other methods, and its parameters by their position."""

    routes: dict[str, Route]
    refuse: Handler
    names: tuple[tuple[str, int], ...]


class Router:
    """A table of routes by path.

    ``prefix`` may stand before every path, and before it ``base``, which some proxies remove and others do not.
    ``spanning``: starts of paths after which one segment may hold slashes, each with the ends that are not part of that
    segment.
    """

    def __init__(
        self, table: Iterable[tuple[str, Route]], *, prefix: str, base: str, spanning: Mapping[str, Sequence[str]]
    ) -> None:
        self._base = base
        self._prefix = f"{prefix}/"
        self._spanning = spanning
        self._spanning_starts = tuple(spanning)
        paths: dict[str, dict[str, Route]] = {}
        for path, route in table:
            paths.setdefault(path.removesuffix("/"), {})[route.method] = route
        self._constant: dict[str, _Place] = {}
        shapes: dict[tuple[bool, ...], dict[object, _Place]] = {}
        for path, routes in paths.items():
            segments = path.split("/")
            shape = tuple(segment.startswith("{") for segment in segments)
            names = tuple((segment[1:-1], at) for at, segment in enumerate(segments) if shape[at])
            place = _new_place(routes, names)
            if names:
                shapes.setdefault(shape, {})[_fixed(shape)(segments)] = place
            else:
                self._constant[path] = place
        # Where several shapes of one length fit a path, the one whose parameters come later does.
        self._shapes: dict[int, list[tuple[itemgetter[Any], dict[object, _Place]]]] = {}
        for shape, places in sorted(shapes.items()):
            self._shapes.setdefault(len(shape), []).append((_fixed(shape), places))

    def match(self, method: str, path: str, *, is_below: bool = False) -> RouteMatch:
        """The route of a request; where there is none, a route that answers with the error.

        ``is_below``: the path is known to have no ``base`` before it.
        """
        whole, prefix = path, ""
        if path.startswith(self._prefix):
            prefix = self._prefix[:-1]
            path = path[len(prefix) :]
        path = path.removesuffix("/")
        parameters: dict[str, str] = {}
        place = self._constant.get(path) or self._find(path, parameters)
        if place is not None:
            route = place.routes.get(READS.get(method, method)) or _refusal(method, place.refuse)
            return RouteMatch(route, parameters, prefix, path)
        if path.startswith("//"):
            # A URL whose base ends with a slash.
            return self.match(method, f"{prefix}/{path.lstrip('/')}", is_below=True)
        if self._base and not is_below and f"{whole}/".startswith(f"{self._base}/"):
            below = self.match(method, whole[len(self._base) :], is_below=True)
            return RouteMatch(below.route, below.parameters, below.prefix, below.path, self._base)
        return RouteMatch(_refusal(method, _refuse_path), parameters, prefix, path)

    def _find(self, path: str, parameters: dict[str, str]) -> _Place | None:
        """The place of a path with parameters, which are put into ``parameters``."""
        segments = self._split_spanning(path) if path.startswith(self._spanning_starts) else path.split("/")
        for fixed, places in self._shapes.get(len(segments), ()):
            place = places.get(fixed(segments))
            if place is not None:
                for name, at in place.names:
                    parameters[name] = segments[at]
                return place
        return None

    def _split_spanning(self, path: str) -> list[str]:
        """The segments of a path, of which one may hold slashes."""
        for start, ends in self._spanning.items():
            if path.startswith(start):
                value = path[len(start) :]
                for end in ends:
                    if value.endswith(end) and value != end:
                        return [*start[:-1].split("/"), value[: -len(end)], *end[1:].split("/")]
                return [*start[:-1].split("/"), value]
        return path.split("/")


def _fixed(shape: Sequence[bool]) -> itemgetter[Any]:
    """Picks the segments that are no parameters."""
    return itemgetter(*[at for at, is_parameter in enumerate(shape) if not is_parameter])


def _new_place(routes: dict[str, Route], names: tuple[tuple[str, int], ...]) -> _Place:
    # The route of GET answers HEAD and QUERY too.
    named = ["GET, HEAD, QUERY, OPTIONS" if method == "GET" else method for method in routes]
    allowed = ", ".join(named if "GET" in routes else ["OPTIONS", *named])

    def show_methods(request: object, **parameters: str) -> Response:
        return Response(NO_CONTENT, b"", media_type=None, headers=(("allow", allowed),))

    def refuse_method(request: object, **parameters: str) -> Response:
        raise MethodNotAllowed(allowed)

    options = Route("OPTIONS", "", show_methods, "open", inline=True)
    return _Place({"OPTIONS": options, **routes}, refuse_method, names)


def _refusal(method: str, handler: Handler) -> Route:
    """A route that refuses a request once its body is here, so that the connection can be used again."""
    return Route(method, "", handler, "open", LARGE if method in ("POST", "PUT", "PATCH") else SMALL, inline=True)


def _refuse_path(request: object) -> Response:
    raise RouteNotFound
