"""The console as the server calls it: who asks is looked up, a form is proven, a role checked, and the page answers.

Checks of a form come in this order: the session, the project, the role, what cannot be read, the proof that it is from
a page of ours, whether it was sent before. The page checks the fields. Knows no page but those that show errors.
"""

from __future__ import annotations

import gzip
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from functools import partial
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from daftari.console.assets import accepts_gzip
from daftari.console.authentication import SessionAuthenticator, Visit
from daftari.console.errors import show_bare_error, show_error
from daftari.console.forms import Refusal
from daftari.console.languages import Reader, choose_language, written_for
from daftari.console.page import (
    DONE_SECONDS,
    HTML,
    SEE_OTHER,
    Page,
    Pages,
    done_cookie,
    read_once,
    unescape_segment,
)
from daftari.errors import Conflict, DaftariError, IdempotencyInProgress, TooLarge, ValidationFailed
from daftari.model.time import current_time
from daftari.model.users import LANGUAGES
from daftari.rules.access.errors import ProjectNotYours, TooManyAttempts
from daftari.rules.access.roles import Act, UserAccess
from daftari.rules.access.zones import zone_of
from daftari.web.cookies import read_cookie
from daftari.web.errors import headers_of, status_of
from daftari.web.multipart import FILE, Upload, read_upload
from daftari.web.params import Params, decode
from daftari.web.requests import AppContext, Request
from daftari.web.responses import LongPoll, Response
from daftari.web.routing import NO_BODY, RawRequest, Route, RouteMatch, Router
from daftari.web.rsgi import RequestHeaders, RsgiScope
from daftari.web.server import EntryPoint

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = (
    ("content-security-policy", POLICY),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("x-content-type-options", "nosniff"),
)
REFERRERS = ("referrer-policy", "same-origin")
UTC = "UTC"
PROJECT = "project"
"""The parameter of a path that names a project by its id."""
COMPRESSED_BYTES_MIN = 1_000
"""A shorter page fits into a packet."""
COMPRESSION = 5
SHOWN_AGAIN: tuple[type[DaftariError], ...] = (ValidationFailed, Conflict, TooManyAttempts)
"""Errors of a form that are shown on the form's own page."""

_PROJECT = re.compile(r"/p/([0-9]{1,18})(?:/|$)")
_NOTHING = Params({}, {})


class Sent(Struct, frozen=True):
    """A request whose sender is known. ``place``: the user in the project of the path, whatever the role allows."""

    raw: RawRequest
    visit: Visit
    reader: Reader
    place: UserAccess | None
    page: RouteMatch | None
    """The page that a form was on."""
    params: Params
    upload: Upload | None = None


def build_console(context: AppContext, authenticator: SessionAuthenticator, routes: Iterable[Route]) -> EntryPoint:
    """What answers at the paths of the console."""
    table = tuple(routes)
    pages = {route.path: route.access for route in table if route.method == "GET"}
    every = (*table, *_lead_to_forms(table, pages))
    router = Router(((route.path, route) for route in every), prefix="", base=context.base, spanning={})

    def application(raw: RawRequest) -> Response | LongPoll:
        route, now = raw.match.route, current_time()
        failed: DaftariError | None = None
        if route.access == "open":
            try:
                return route.handler(Request(context, raw, params=_NOTHING, now=now), **raw.match.parameters)
            except DaftariError as error:
                failed = error
        visit = authenticator.look(raw.scope, now=now)
        sent = _find_reader(raw, visit, _find_page(router, pages, raw), now)
        with written_for(sent.reader):
            try:
                if failed is not None:
                    raise failed
                sent = _read(sent)
                authenticator.note_use(visit, project=None if sent.place is None else sent.place.project, now=now)
                response = _answer(context, pages, sent)
            except DaftariError as error:
                response = show_error(_open(context, pages, sent), error)
        return _finish(raw.headers, _keep_done(visit, response))

    def authorize(scope: RsgiScope, match: RouteMatch, beginning: bytes) -> bool:
        visit = authenticator.look(scope, now=current_time())
        _refuse_role(visit, _find_place(visit, match.path), match.route)
        visit.refuse_foreign(scope.headers)
        return True

    def render_error(error: DaftariError, scope: RsgiScope, request_id: str) -> Response:
        language = choose_language(scope.headers.get("accept-language"))
        with written_for(Reader(language, UTC, current_time())):
            return _finish(scope.headers, show_bare_error(context, error, scope, request_id))

    def refuse(raw: RawRequest, error: DaftariError) -> Response:
        visit = authenticator.look(raw.scope, now=current_time())
        sent = _find_reader(raw, visit, _find_page(router, pages, raw), current_time())
        with written_for(sent.reader):
            try:
                response = _refuse_body(context, pages, sent, error)
            except DaftariError as cause:
                response = show_error(_open(context, pages, sent), cause)
        return _finish(raw.headers, response)

    return EntryPoint(router, application, authorize, render_error, refuse)


def _find_reader(raw: RawRequest, visit: Visit, page: RouteMatch | None, now: int) -> Sent:
    """For whom to write: in the language that the browser keeps, that of the user, or one that the browser accepts."""
    kept = read_cookie(raw.headers, name="daftari_language")
    language = next((language for language in LANGUAGES if language == kept), None)
    if language is None:
        accepted = choose_language(raw.headers.get("accept-language"))
        language = visit.signed_in.user.language if visit.signed_in else accepted
    place = _find_place(visit, raw.match.path)
    first = place or next(iter(visit.places), None)
    zone, region = (UTC, "") if first is None else (zone_of(first.project), first.project.region)
    return Sent(raw, visit, Reader(language, zone, now, region), place, page, _NOTHING)


def _find_place(visit: Visit, path: str) -> UserAccess | None:
    """The user in the project of a path, if it names one and the user has a role there."""
    found = _PROJECT.match(path)
    return None if found is None else visit.find_place(int(found[1]))


def _read(sent: Sent) -> Sent:
    """Check who may send this, and read its fields. What it raises is shown as a page."""
    raw, visit = sent.raw, sent.visit
    route = raw.match.route
    _refuse_role(visit, sent.place, route)
    query, media_type = raw.scope.query_string, raw.headers.get("content-type")
    is_form = raw.body is not NO_BODY and route.body.kind == "fields"
    params = decode(query, media_type, raw.body.read()) if is_form else decode(query, None, b"")
    upload = None
    if raw.method == "POST":
        if route.body.kind == "file":
            upload, fields = read_upload(raw)
            params = params.after(fields)
        visit.refuse_forged(raw.headers, params)
    return replace(sent, params=params, upload=upload)


def _refuse_role(visit: Visit, place: UserAccess | None, route: Route) -> None:
    """Raise ``SignedOut``, ``ProjectNotYours`` or ``RoleRequired`` where a page is not for this user."""
    if route.access != "visitor":
        visit.require()
    if isinstance(route.access, Act):
        if place is None:
            raise ProjectNotYours
        place.require(route.access)


def _answer(context: AppContext, pages: Pages, sent: Sent) -> Response:
    raw = sent.raw
    page = _open(context, pages, sent)
    if raw.method != "POST":
        return _call(page, raw.match)
    try:
        return page.request.find_first_response() or _call(page, raw.match)
    except IdempotencyInProgress:
        raise
    except SHOWN_AGAIN as error:
        return _show_again(context, pages, sent, error)


def _show_again(context: AppContext, pages: Pages, sent: Sent, error: DaftariError) -> Response:
    """The page that a form was on, with what was typed and what is wrong. Raises the error where there is none."""
    if sent.page is None:
        raise error
    _refuse_role(sent.visit, sent.place, sent.page.route)
    again = _open(context, pages, sent, refusal=Refusal(sent.params, error))
    shown = _call(again, sent.page)
    if shown.status == SEE_OTHER:
        # There is nothing left to show.
        return shown
    return replace(shown, status=status_of(type(error)) or 422, headers=(*shown.headers, *headers_of(error)))


def _refuse_body(context: AppContext, pages: Pages, sent: Sent, error: DaftariError) -> Response:
    """The page of a body that was not taken: for a file that is too large, the page that its form was on."""
    _refuse_role(sent.visit, sent.place, sent.raw.match.route)
    if isinstance(error, TooLarge) and sent.raw.match.route.body.kind == "file":
        return _show_again(context, pages, sent, ValidationFailed({FILE: [error.message]}))
    raise error


def _call(page: Page, match: RouteMatch) -> Response:
    parameters = {name: unescape_segment(value) for name, value in match.parameters.items() if name != PROJECT}
    response = match.route.handler(page, **parameters)
    assert isinstance(response, Response), "no page of the console is held"
    return response


def _open(context: AppContext, pages: Pages, sent: Sent, *, refusal: Refusal | None = None) -> Page:
    """The request as pages get it."""
    once = None
    if sent.place is not None and sent.raw.method == "POST" and refusal is None:
        once = read_once(sent.raw, sent.params, user_id=sent.place.user.id)
    request = Request(
        context,
        sent.raw,
        # What is wrong with a form is shown by the page, which reads fields of its own.
        params=sent.params if refusal is None else sent.params.unread(),
        now=sent.reader.now,
        access=sent.place,
        idempotent=once,
        upload=sent.upload,
    )
    path = sent.raw.match.path if sent.page is None else sent.page.path
    return Page(request, sent.visit, path=path or "/", pages=pages, refusal=refusal)


def _find_page(router: Router, pages: Pages, raw: RawRequest) -> RouteMatch | None:
    """The page that a form was on: the one at the form's own path, or the one above it."""
    if raw.method != "POST":
        return None
    for path in (raw.match.path, raw.match.path.rpartition("/")[0]):
        match = router.match("GET", path)
        if match.route.path in pages:
            return match
    return None


def _lead_to_forms(table: Iterable[Route], pages: Pages) -> Iterator[Route]:
    """A GET for each path that takes a form alone, as after a reload: it leads to the nearest page above."""
    for path in dict.fromkeys(route.path for route in table if route.path not in pages):
        segments = path.split("/")
        above = next((end for end in range(len(segments) - 1, 1, -1) if "/".join(segments[:end]) in pages), None)
        if above is not None:
            yield Route("GET", path, partial(_lead_above, above), pages["/".join(segments[:above])])


def _lead_above(segments: int, page: Page, **parameters: str) -> Response:
    return page.redirect(page.url(quote("/".join(page.path.split("/")[:segments]))))


def _keep_done(visit: Visit, response: Response) -> Response:
    """A redirect that says what was done, in a cookie for the next page."""
    if response.status != SEE_OTHER or not isinstance(response.body, bytes) or not response.body:
        return response
    kept = urlsafe_b64encode(response.body).decode().rstrip("=")
    cookie = visit.names.write(done_cookie(visit.names), kept, seconds=DONE_SECONDS)
    return replace(response, body=b"", headers=(*response.headers, cookie))


def _finish(headers: RequestHeaders, response: Response) -> Response:
    """A page with the headers that every page has, compressed for browsers that take it so."""
    if response.media_type != HTML or not isinstance(response.body, bytes):
        return response
    names = {name for name, _ in response.headers}
    more = [header for header in (REFERRERS, *HEADERS) if header[0] not in names]
    body = response.body
    if len(body) >= COMPRESSED_BYTES_MIN and accepts_gzip(headers.get("accept-encoding")):
        body = gzip.compress(body, COMPRESSION, mtime=0)
        more.append(("content-encoding", "gzip"))
    return replace(response, body=body, headers=(*response.headers, *more, ("vary", "accept-encoding, cookie")))
