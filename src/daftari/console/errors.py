"""Errors as pages: which of them, with which status, and what to do then.

Nothing that is there and belongs to others looks different from what is not there. Words stand in the template.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from urllib.parse import quote

from msgspec.structs import replace

from daftari.console.authentication import TOKEN_FIELD, Visit
from daftari.console.forms import NEVER_REPEATED, SECRETS
from daftari.console.page import ONCE_FIELD, Page
from daftari.console.wording import explain
from daftari.errors import (
    DaftariError,
    IdempotencyInProgress,
    NotFound,
    SchemaMismatch,
    StoreBusy,
    StoreUnavailable,
)
from daftari.model.time import current_time
from daftari.rules.access.errors import FormForged, LinkSpent, OperatorRequired, RoleRequired, SignedOut
from daftari.rules.access.roles import list_owner_names
from daftari.web.callers import find_caller
from daftari.web.cookies import CookieNames
from daftari.web.errors import Crashed, RouteNotFound, headers_of, status_of
from daftari.web.params import decode
from daftari.web.requests import AppContext, Request
from daftari.web.responses import Response
from daftari.web.routing import NO_BODY, READS, RawRequest, Route, RouteMatch
from daftari.web.rsgi import RsgiScope

KINDS: tuple[tuple[type[DaftariError], str], ...] = (
    (LinkSpent, "spent"),
    (NotFound, "missing"),
    (RouteNotFound, "missing"),
    (RoleRequired, "refused"),
    (OperatorRequired, "refused"),
    (FormForged, "forged"),
    (StoreUnavailable, "away"),
    (SchemaMismatch, "away"),
    (StoreBusy, "busy"),
    (IdempotencyInProgress, "busy"),
    (SignedOut, "signed_out"),
    (Crashed, "crashed"),
)
"""Which page an error has; any other has one with its sentence."""
REPEATED = ("busy", "away")
"""Pages that let the same be sent again."""
PASSWORDS = NEVER_REPEATED - {TOKEN_FIELD, ONCE_FIELD}


def show_error(page: Page, error: DaftariError) -> Response:
    """The page of an error. A page that needs a session is left for the one to sign in, and found again after it."""
    raw = page.request.raw
    if isinstance(error, SignedOut) and raw.method == "GET":
        return page.redirect(page.url("/sign-in", next=page.here if page.here != "/" else ""))
    kind = next((kind for cause, kind in KINDS if isinstance(error, cause)), "other")
    status = status_of(type(error)) or 500
    form = quote(raw.match.path or "/")
    response = page.show(
        "error.html",
        status=status,
        layout="alone.html" if page.project is None else "project.html",
        kind=kind,
        message=explain(error),
        owners=_find_owners(page) if kind == "refused" else (),
        back=page.url(quote(page.path)),
        back_path=quote(page.path),
        expected=_find_expected(page) if kind == "forged" else "",
        again=_find_again(page, form) if kind in REPEATED else "",
        repeated=_list_fields(page) if kind in REPEATED and raw.method == "POST" else (),
    )
    return replace(response, headers=(*response.headers, *headers_of(error)))


def show_bare_error(context: AppContext, error: DaftariError, scope: RsgiScope, request_id: str) -> Response:
    """The page of an error that came before anything was looked up, or of a crash."""
    caller = find_caller(scope, public_url=context.public_url, trusted=())
    visit = Visit(caller, CookieNames("daftari", "daftari_visitor", True), False, False, "", False, None)
    match = RouteMatch(Route(scope.method, "", show_error, "open"), {}, "", scope.path)
    method = READS.get(scope.method, scope.method)
    raw = RawRequest(request_id, method, match, scope.headers, NO_BODY, scope, arrived=time.monotonic())
    request = Request(context, raw, params=decode("", None, b""), now=current_time())
    return show_error(Page(request, visit, path=scope.path, pages={}), error)


def _find_owners(page: Page) -> list[str]:
    project = page.project
    return [] if project is None else page.system_read(list_owner_names, project_id=project.id)


def _find_expected(page: Page) -> str:
    """The origin of the console, where a form came from another one; blank otherwise."""
    sent = page.request.raw.headers.get("origin") or "null"
    return "" if sent in ("null", page.visit.caller.origin) else page.visit.caller.origin


def _find_again(page: Page, path: str) -> str:
    """Where the same is tried again; blank where the browser has to go back: no page repeats passwords and files."""
    raw = page.request.raw
    names = page.params.names_given
    if raw.method == "POST" and (not names or _has_secret(names)):
        return ""
    query = f"?{raw.scope.query_string}" if raw.scope.query_string else ""
    return page.url(path) + query


def _list_fields(page: Page) -> list[tuple[str, str]]:
    """The fields of a form that is to be sent again, as they came."""
    names = page.params.names_given
    if _has_secret(names):
        return []
    return [(name, text) for name in names for text in page.params.texts(name)]


def _has_secret(names: Iterable[str]) -> bool:
    return any(name in PASSWORDS or name.startswith(SECRETS) for name in names)
