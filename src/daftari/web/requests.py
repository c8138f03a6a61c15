"""A call: one request by one key, decoded and let in, with the store opened on its project.

The order is the contract's: what cannot be read, then the key, then the project and what the key may do; which
fields are wrong is for the handler to say. This room must not know any route.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from msgspec import Struct

from daftari.errors import (
    DaftariError,
    IdempotencyInProgress,
    ReadOnlyKey,
    StoreBusy,
    StoreUnavailable,
    Unauthenticated,
    WrongProject,
)
from daftari.model.projects import Actor, Project
from daftari.rules.access.keys import Access
from daftari.rules.fields import fold_name
from daftari.rules.idempotency import Once, Replay, find_replay, keep_replay
from daftari.store import Store, Tx, WriteTx
from daftari.web.errors import answer as written_error
from daftari.web.etags import is_known, read_versions
from daftari.web.idempotency import AtWork, read_once
from daftari.web.key_cache import Keyring
from daftari.web.multipart import Upload, read_upload
from daftari.web.params import Params, decode
from daftari.web.rsgi import NO_BODY, Request, RequestHeaders, Scope
from daftari.web.spool import SpooledAnswer
from daftari.web.streaming import Exchange

BEARER = "bearer "
JSON = "application/json"
NOT_MODIFIED = 304
HOST_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:-[]_")
"""What a Host may be made of; it is repeated in page URLs."""

P = ParamSpec("P")
T = TypeVar("T")


class Reply(Struct, frozen=True):
    """What a handler returns that is not simply JSON, or is too long for the memory, or has headers of its own.

    Without a media type it has no body either.
    """

    status: int
    media_type: str | None
    body: bytes | SpooledAnswer | Exchange
    headers: tuple[tuple[str, str], ...] = ()


Takes = Literal["fields", "file", "lines"]
"""What the body of a request is: its fields; or a file or lines, and then the key is in the header or the query."""

Handled = tuple[int, bytes] | Reply
"""What a handler returns: a status and a body, of the route's media type or of its own."""


class Call:
    """What a handler gets. ``once`` is what the request's Idempotency-Key asks for, if it has one.

    ``upload`` is the file that came, where a route takes one.
    """

    __slots__ = (
        *("_access", "_again", "_at_work", "_once", "_public_url", "_request", "_store", "_upload"),
        *("now", "params", "project"),
    )

    def __init__(
        self,
        store: Store,
        access: Access,
        params: Params,
        *,
        request: Request,
        now: int,
        public_url: str | None,
        once: Once | None,
        at_work: AtWork,
        again: Callable[[], int],
        upload: Upload | None = None,
    ) -> None:
        self._store = store
        self._access = access
        self._request = request
        self._public_url = public_url
        self._once = once
        self._at_work = at_work
        self._again = again
        self._upload = upload
        self.params = params
        self.now = now
        self.project: Project = access.project

    def read(self, rule: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """A rule's result, from one snapshot of the project."""
        return self._store.read(self.project, self.now, rule, *args, **kwargs)

    def read_unisolated(self, rule: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """A rule's result, from statements that need not agree with one another."""
        return self._store.read_unisolated(self.project, self.now, rule, *args, **kwargs)

    def write(
        self,
        rule: Callable[Concatenate[WriteTx, P], T],
        answer: Callable[[T], Handled],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Handled:
        """What ``answer`` makes of a rule's result, under the project's lock and durable; a call's one write.

        With an Idempotency-Key the answer is made within the transaction and kept in it, so ``answer`` may be called
        more than once and must do nothing else; what was answered before is answered again, and nothing is done.
        """
        actor = Actor(self._access.key.id, self._request.id)
        once = self._once
        if once is None:
            return answer(self._store.write(self.project, actor, self.now, rule, *args, **kwargs))

        def write_once(tx: WriteTx) -> Handled:
            kept = find_replay(tx, once=once)
            if kept is not None:
                return _replayed(kept)
            handled = answer(rule(tx, *args, **kwargs))
            keep_replay(tx, once=once, replay=_kept(handled))
            return handled

        with self._at_work.place(once):
            try:
                return self._store.write(self.project, actor, self.now, write_once)
            except StoreUnavailable:
                raise
            except StoreBusy as busy:
                if self._at_work.is_shared(once):
                    raise IdempotencyInProgress from busy
                raise

    def write_step(self, rule: Callable[Concatenate[WriteTx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """A rule's result, durable, whatever the Idempotency-Key: one step of a call that takes several."""
        actor = Actor(self._access.key.id, self._request.id)
        return self._store.write(self.project, actor, self.now, rule, *args, **kwargs)

    def recheck_key(self) -> None:
        """Move ``now`` on, in a call that takes long. Raises ``Unauthenticated`` when its key was revoked."""
        self.now = self._again()

    @property
    def upload(self) -> Upload:
        """The file that came."""
        assert self._upload is not None, "the route takes no file"
        return self._upload

    def find_answer(self) -> Reply | None:
        """What a write under this Idempotency-Key answered before: looked for before anything else is judged."""
        if self._once is None:
            return None
        kept = self.read_unisolated(find_replay, once=self._once)
        return None if kept is None else _replayed(kept)

    def refuse(self, error: DaftariError) -> Reply:
        """An error as an answer: to a write that had an effect all the same it is kept as any other."""
        status, headers, body = written_error(
            error, request_id=self._request.id, accept=self._request.headers.get("accept")
        )
        (_, media_type), *more = headers
        return Reply(status, media_type, body, tuple(more))

    def show(self, body: bytes, *, tag: str) -> Reply:
        """A JSON answer with its ETag; without its body for a caller who has it already."""
        etag = f'"{tag}"'
        if is_known(etag, self._request.headers.get("if-none-match")):
            return Reply(NOT_MODIFIED, None, b"", (("etag", etag),))
        return Reply(200, JSON, body, (("etag", etag),))

    @property
    def versions(self) -> frozenset[str] | None:
        """The versions of a contact that may be written over; ``None`` when any may."""
        headers = self._request.headers
        return read_versions(headers.get_all("if-match")) if "if-match" in headers else None

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
        self._at_work = AtWork()
        self._public_url = None if public_url is None else public_url.rstrip("/")

    def now(self) -> int:
        """The time in microseconds."""
        return self._clock()

    def called_url(self, request: Request) -> str:
        """The whole URL that a caller used, as far as it is known: providers sign it."""
        scope = request.scope
        query = f"?{scope.query_string}" if scope.query_string else ""
        return origin_of(scope, self._public_url) + scope.path + query

    def receive(self, request: Request, *, writes: bool, takes: Takes) -> Call:
        """Decode a request and let it in, or raise what answers it."""
        headers = request.headers
        if request.body is NO_BODY or takes != "fields":
            params = decode(request.scope.query_string, None, b"")
        else:
            params = decode(request.scope.query_string, headers.get("content-type"), request.body.read())
        now = self._clock()
        secret = _find_secret(headers, params)
        access = self._let_in(secret, params, writes=writes, now=now)
        once = read_once(request, key_id=access.key.id) if writes and takes != "lines" else None
        upload = None
        if takes == "file":
            # The form is taken apart in its own file, so what was asked is known by then.
            upload, fields = read_upload(request)
            params = params.after(fields)
            _check_project(params, access.project)
        return Call(
            self.store,
            access,
            params,
            request=request,
            now=now,
            public_url=self._public_url,
            once=once,
            at_work=self._at_work,
            again=lambda: self._tell_time(secret),
            upload=upload,
        )

    def admit(self, scope: Scope) -> None:
        """Refuse, by a request's head alone, who may not write."""
        params = decode(scope.query_string, None, b"")
        self._let_in(_find_secret(scope.headers, params), params, writes=True, now=self._clock())

    def _tell_time(self, secret: str) -> int:
        now = self._clock()
        self._keyring.find_access(secret, now=now)
        return now

    def _let_in(self, secret: str, params: Params, *, writes: bool, now: int) -> Access:
        access = self._keyring.find_access(secret, now=now)
        _check_project(params, access.project)
        if writes and access.key.read_only:
            raise ReadOnlyKey
        return access


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


def _kept(handled: Handled) -> Replay:
    reply = handled if isinstance(handled, Reply) else Reply(handled[0], JSON, handled[1])
    assert isinstance(reply.body, bytes) and reply.media_type is not None, "a write's answer is short"
    return Replay(reply.status, (("content-type", reply.media_type), *reply.headers), reply.body)


def _replayed(kept: Replay) -> Reply:
    (_, media_type), *headers = kept.headers
    return Reply(kept.status, media_type, kept.body, (*headers, ("idempotent-replayed", "true")))
