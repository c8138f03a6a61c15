"""The request that every handler gets: its fields, its caller, the store opened on the caller's project.

Knows neither routes nor how a caller is authenticated.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from msgspec import Struct, field

from daftari.connectors import Allowed
from daftari.errors import DaftariError, IdempotencyInProgress, StoreBusy, StoreUnavailable
from daftari.model.projects import Actor, KeyKind, Project
from daftari.model.time import current_time
from daftari.rules.idempotency import FirstResponse, IdempotentRequest, find_response, save_response
from daftari.store import Store, Tx, WriteTx
from daftari.web.accept import choose_type
from daftari.web.batches import Batches
from daftari.web.callers import is_host
from daftari.web.errors import ErrorRenderer
from daftari.web.etags import is_known, read_versions
from daftari.web.multipart import Upload
from daftari.web.params import Params
from daftari.web.remembered import Remembered
from daftari.web.responses import Response
from daftari.web.routing import RawRequest
from daftari.web.rsgi import RequestHeaders, RsgiScope
from daftari.web.spool import ResponseSpool

NOT_MODIFIED = 304

P = ParamSpec("P")
T = TypeVar("T")


class AppContext(Struct, frozen=True):
    """What all requests of a process share. ``public_url`` has no slash at its end."""

    store: Store
    render_error: ErrorRenderer
    public_url: str | None
    version: str
    outbound_hosts: tuple[str, ...] = ()
    """Hosts that may be called although they have private addresses, each as ``host:port``."""
    databases: Allowed = Allowed()
    """Databases that connections may read."""
    batches: Batches[Any] = field(default_factory=Batches)
    """Writes that need not be each a transaction of its own."""
    addresses: Remembered[Any] = field(default_factory=Remembered)
    """The addresses at which many deliveries arrive."""

    @property
    def base(self) -> str:
        """The path of the public URL, decoded and without a slash at its end: empty for most."""
        return "" if self.public_url is None else unquote(urlsplit(self.public_url).path)


class Access(Protocol):
    """A caller who may use a project now: a key, or a user who is signed in."""

    @property
    def project(self) -> Project:
        """The project."""

    def actor(self, request_id: str) -> Actor:
        """Who writes, for the journal."""


class Authenticator(Protocol):
    """Recognises the caller of a request, by whatever proof it looks for."""

    def authenticate(self, headers: RequestHeaders, params: Params, *, needed: KeyKind, now: int) -> Access:
        """Who calls, and the project. Raises ``Unauthenticated``, ``WrongProject``, and when it is a lesser key."""


class Request:
    """A request as handlers get it.

    ``access`` is ``None`` on a route of the API that needs no key, where there are no ``params`` either and the handler
    reads ``raw``, and on a page of the console that belongs to no project. ``now`` is the time in microseconds at which
    the request is handled.
    """

    __slots__ = ("_authenticator", "_idempotent", "_upload", "access", "context", "now", "params", "raw")

    def __init__(
        self,
        context: AppContext,
        raw: RawRequest,
        *,
        params: Params,
        now: int,
        access: Access | None = None,
        authenticator: Authenticator | None = None,
        idempotent: IdempotentRequest | None = None,
        upload: Upload | None = None,
    ) -> None:
        self.context = context
        self.raw = raw
        self.params = params
        self.now = now
        self.access = access
        self._authenticator = authenticator
        self._idempotent = idempotent
        self._upload = upload

    @property
    def project(self) -> Project:
        """The project of the caller."""
        assert self.access is not None, "the route belongs to no project"
        return self.access.project

    def read(self, rule: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """A rule's result, from one snapshot of the project."""
        return self.context.store.read(self.project, self.now, rule, *args, **kwargs)

    def read_unisolated(self, rule: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """A rule's result, from statements that need not agree with one another."""
        return self.context.store.read_unisolated(self.project, self.now, rule, *args, **kwargs)

    def spool(self, rule: Callable[[Tx, ResponseSpool], T]) -> tuple[ResponseSpool, T]:
        """A body that a rule writes from one snapshot, so that no transaction is open while it is sent."""
        spool = ResponseSpool()

        def write_again(tx: Tx) -> T:
            # The store repeats a rule whose snapshot was lost.
            spool.clear()
            return rule(tx, spool)

        try:
            return spool, self.read(write_again)
        except BaseException:
            spool.close()
            raise

    def write(
        self,
        rule: Callable[Concatenate[WriteTx, P], T],
        respond: Callable[[T], Response],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Response:
        """The response to a rule's result, under the project's lock and durable. A handler writes once.

        With an Idempotency-Key the response is made and stored within the transaction, so ``respond`` may be called
        more than once and must have no effect. A request that was answered before gets the same response, and nothing
        is done. Raises ``IdempotencyInProgress`` when it waited too long, since the first request may be why.
        """
        # A file is stored in many steps before, each of which may have waited.
        began = time.monotonic() if self._upload else self.raw.arrived
        with self.context.store.waiting_since(began):
            return self._write_once(lambda tx: rule(tx, *args, **kwargs), respond)

    def _write_once(self, rule: Callable[[WriteTx], T], respond: Callable[[T], Response]) -> Response:
        idempotent = self._idempotent
        if idempotent is None:
            return respond(self.write_step(rule))

        def write_once(tx: WriteTx) -> Response:
            stored = find_response(tx, request=idempotent)
            if stored is not None:
                return _repeated(stored)
            response = respond(rule(tx))
            save_response(tx, request=idempotent, response=_first(response))
            return response

        try:
            return self.write_step(write_once)
        except StoreUnavailable:
            raise
        except StoreBusy as busy:
            raise IdempotencyInProgress from busy

    def write_step(self, rule: Callable[Concatenate[WriteTx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """A rule's result, durable, without regard to the Idempotency-Key: one write of a call that takes several."""
        assert self.access is not None, "the route belongs to no project"
        return self.context.store.write(self.project, self.access.actor(self.raw.id), self.now, rule, *args, **kwargs)

    def find_first_response(self) -> Response | None:
        """The response to an earlier request with this Idempotency-Key, to be sent before anything else is checked."""
        if self._idempotent is None:
            return None
        stored = self.read_unisolated(find_response, request=self._idempotent)
        return None if stored is None else _repeated(stored)

    def recheck_key(self) -> None:
        """Authenticate again and move ``now`` on, in a call that takes long. Raises ``Unauthenticated``."""
        needed = self.raw.match.route.needed
        assert self._authenticator is not None and needed is not None, "the route takes no key"
        self.now = current_time()
        self.access = self._authenticator.authenticate(self.raw.headers, self.params, needed=needed, now=self.now)

    def refuse(self, error: DaftariError) -> Response:
        """An error as a response that is stored like any other, for a write that had an effect all the same."""
        return self.context.render_error(error, self.raw.scope, self.raw.id)

    def show(self, body: bytes, *, tag: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
        """A JSON response with its ETag; 304 without a body for a caller that has it already."""
        etag = f'"{tag}"'
        if is_known(etag, self.raw.headers.get("if-none-match")):
            return Response(NOT_MODIFIED, b"", None, (("etag", etag), *headers))
        return Response(200, body, headers=(("etag", etag), *headers))

    @property
    def upload(self) -> Upload:
        """The file in the body."""
        assert self._upload is not None, "the route takes no file"
        return self._upload

    @property
    def versions(self) -> frozenset[str] | None:
        """The versions of a contact that may be overwritten; ``None`` when any may."""
        headers = self.raw.headers
        return read_versions(headers.get_all("if-match")) if "if-match" in headers else None

    def choose_type(self, *offered: str) -> str:
        """The media type that the caller prefers, the first one on a tie."""
        return choose_type(self.raw.headers.get("accept"), offered)

    @property
    def url(self) -> str:
        """The URL of the resource without a query: at the public URL, or at the host that the caller used."""
        match = self.raw.match
        return _origin(self.raw.scope, self.context.public_url) + match.prefix + match.path

    @property
    def signed_url(self) -> str:
        """The URL as the caller wrote it, as far as it is known, with its query: providers sign it."""
        scope = self.raw.scope
        query = f"?{scope.query_string}" if scope.query_string else ""
        return _origin(scope, self.context.public_url) + scope.path[len(self.raw.match.base) :] + query


def _origin(scope: RsgiScope, public_url: str | None) -> str:
    """Where callers reach the service: the public URL, or the host that the caller used."""
    if public_url is not None:
        return public_url
    host = scope.authority or scope.headers.get("host") or ""
    if not is_host(host):
        host = scope.server
    return f"{scope.scheme}://{host}"


def _first(response: Response) -> FirstResponse:
    assert isinstance(response.body, bytes) and response.media_type is not None, "a write's response is short"
    return FirstResponse(response.status, (("content-type", response.media_type), *response.headers), response.body)


def _repeated(stored: FirstResponse) -> Response:
    (_, media_type), *headers = stored.headers
    return Response(stored.status, stored.body, media_type, (*headers, ("idempotent-replayed", "true")))
