"""A call: one request by one key, decoded and let in, with the store opened on its project.

The order is the contract's: what cannot be read, then the key, then the project and what the key may do; which
fields are wrong is for the handler to say. This room must not know any route.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from msgspec import Struct

from daftari.errors import ReadOnlyKey, Unauthenticated, WrongProject
from daftari.model import Actor, Project
from daftari.rules.keys import Access
from daftari.rules.texts import fold_name
from daftari.store import Store, Tx, WriteTx
from daftari.web.door import NO_BODY, Request, RequestHeaders, Scope, SpooledAnswer
from daftari.web.keys import Keyring
from daftari.web.params import Params, decode

BEARER = "bearer "
HOST_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:-[]_")
"""What a Host may be made of; it is repeated in page URLs."""

P = ParamSpec("P")
T = TypeVar("T")


class Reply(Struct, frozen=True):
    """What a handler returns that is not simply JSON, or is too long for the memory."""

    status: int
    media_type: str
    body: bytes | SpooledAnswer


class Call:
    """What a handler gets."""

    __slots__ = ("_access", "_public_url", "_request", "_store", "now", "params", "project")

    def __init__(
        self, store: Store, access: Access, params: Params, *, request: Request, now: int, public_url: str | None
    ) -> None:
        self._store = store
        self._access = access
        self._request = request
        self._public_url = public_url
        self.params = params
        self.now = now
        self.project: Project = access.project

    def read(self, rule: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """A rule's result, from one snapshot of the project."""
        return self._store.read(self.project.id, rule, *args, **kwargs)

    def look(self, rule: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """A rule's result, from statements that need not agree with one another."""
        return self._store.look(self.project.id, rule, *args, **kwargs)

    def write(self, rule: Callable[Concatenate[WriteTx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """A rule's result, under the project's lock and durable."""
        actor = Actor(self._access.key.id, self._request.id)
        return self._store.write(self.project.id, actor, rule, *args, **kwargs)

    @property
    def accept(self) -> str:
        """The media types that the caller prefers."""
        return (self._request.headers.get("accept") or "").lower()

    @property
    def url(self) -> str:
        """The URL that was called, without its query: at the public URL, or at the host the caller used."""
        return origin_of(self._request.scope, self._public_url) + self._request.prefix + self._request.path


class Desk:
    """Where requests become calls. One per process; ``clock`` tells the time in microseconds."""

    def __init__(
        self, store: Store, *, keyring: Keyring, clock: Callable[[], int], public_url: str | None, version: str
    ) -> None:
        self.store = store
        self.version = version
        self._keyring = keyring
        self._clock = clock
        self._public_url = None if public_url is None else public_url.rstrip("/")

    def now(self) -> int:
        """The time in microseconds."""
        return self._clock()

    def called_url(self, request: Request) -> str:
        """The whole URL that a caller used, as far as it is known: providers sign it."""
        scope = request.scope
        query = f"?{scope.query_string}" if scope.query_string else ""
        return origin_of(scope, self._public_url) + scope.path + query

    def receive(self, request: Request, *, writes: bool) -> Call:
        """Decode a request and let it in, or raise what answers it."""
        headers = request.headers
        if request.body is NO_BODY:
            params = decode(request.scope.query_string, None, b"")
        else:
            params = decode(request.scope.query_string, headers.get("content-type"), request.body.read())
        now = self._clock()
        access = self._keyring.find_access(_find_secret(headers, params), now=now)
        _check_project(params, access.project)
        if writes and access.key.read_only:
            raise ReadOnlyKey
        return Call(self.store, access, params, request=request, now=now, public_url=self._public_url)


def origin_of(scope: Scope, public_url: str | None) -> str:
    """Where callers reach the service: the public URL, or the host that the caller used."""
    if public_url is not None:
        return public_url
    host = scope.authority or scope.headers.get("host") or ""
    if not host or not HOST_CHARACTERS.issuperset(host):
        host = scope.server
    return f"{scope.scheme}://{host}"


def _find_secret(headers: RequestHeaders, params: Params) -> str:
    authorization = headers.get("authorization")
    if authorization is not None and authorization[:7].lower() == BEARER:
        secret: Any = authorization[7:].strip()
    else:
        secret = params.given("apiKey")
    if not isinstance(secret, str) or not secret:
        raise Unauthenticated
    return secret


def _check_project(params: Params, project: Project) -> None:
    name = params.text("project")
    if name is not None and fold_name(name) not in project.former_names:
        raise WrongProject
