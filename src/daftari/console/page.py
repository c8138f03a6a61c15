"""A request of the console as its pages get it: who asks, in which project, and the ways to answer.

A page reads through a rule and shows a template. A form writes through a rule and redirects. Knows no page.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from functools import cached_property
from hashlib import blake2b
from typing import Concatenate, Literal, ParamSpec, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from msgspec import Struct

from daftari.console.authentication import TOKEN_FIELD, Visit
from daftari.console.forms import Form, Refusal
from daftari.console.languages import switch_language
from daftari.console.templates import render
from daftari.errors import StoreBusy, StoreUnavailable
from daftari.model.projects import Project
from daftari.model.users import Language, User
from daftari.rules.access.roles import Act, UserAccess
from daftari.rules.access.sessions import SignedIn
from daftari.rules.access.sign_in import Begun, Browser
from daftari.rules.access.tokens import write_token
from daftari.rules.idempotency import IdempotentRequest
from daftari.rules.overview import Overview, get_overview
from daftari.rules.undo.acts import note_act
from daftari.store import Store, SystemTx, Tx, WriteTx
from daftari.web.cookies import CookieNames, read_cookie
from daftari.web.params import Params
from daftari.web.requests import Request
from daftari.web.responses import Response
from daftari.web.routing import RawRequest, RouteAccess

HTML = "text/html; charset=utf-8"
CSV = "text/csv; charset=utf-8"
SEE_OTHER = 303
ONCE_FIELD = "once"
"""The field of every form by which a form that is sent twice does once what it does."""
YEAR_SECONDS = 365 * 86_400
VISITOR_SECONDS = 86_400
DONE_SECONDS = 3_600
"""How long a browser keeps what was done, so that a reload still shows it and its undo. It may name a person."""
DONE_ID_LENGTH = 8
DONE_BYTES_MAX = 2_400
"""Bytes of what was done: as a cookie they are 3,200 characters, and browsers keep 4 KB."""
COOKIE_MAX = 4_096
PART = "part="
"""What stands in ``Accept`` where the script asks for a part of a page."""
IN_URLS = "%/:?#[]@!$&'()*+,;=~"
"""Characters that stand for themselves in a URL; others are encoded where one is put into a header."""
THEMES = ("light", "dark")

Tone = Literal["good", "warn", "bad"]
Pages = Mapping[str, RouteAccess]
"""What each page needs, by its path in the table of routes."""
SECTIONS = {
    "": ("",),
    "/contacts": ("/contacts",),
    "/groups": ("/groups",),
    "/imports": ("/imports",),
    "/consent": ("/consent",),
    "/audiences": ("/audiences",),
    "/campaigns": ("/campaigns",),
    "/triggers": ("/triggers",),
    "/connections": ("/connections",),
    "/settings": (
        "/settings/keys",
        "/settings/users",
        "/settings/senders",
        "/settings/inbound",
        "/settings/webhooks",
        "/settings/consent",
        "/settings/project",
        "/settings/log",
    ),
}
"""The sections of the menu, and the pages that each may lead to: the first one that the user may see."""

P = ParamSpec("P")
T = TypeVar("T")


class Done(Struct, frozen=True):
    """What was done, for the top of the next page. ``undo``: the number of the act in the log, if it can be undone."""

    id: str
    text: str
    undo: int | None
    tone: Tone


class Page:
    """One request of a page, or of a form on it."""

    def __init__(
        self, request: Request, visit: Visit, *, path: str, pages: Pages, refusal: Refusal | None = None
    ) -> None:
        self.request = request
        self.visit = visit
        self.path = path
        """The path of the page; of a form, that of the page that it was on."""
        self.refusal = refusal
        self._pages = pages
        self.section = ""
        """The path in the menu that the page belongs to, such as ``/contacts``."""
        self._cookies: list[tuple[str, str]] = []
        self._act: int | None = None
        if visit.is_new:
            self.set_cookie(visit.names.visitor, visit.token, seconds=VISITOR_SECONDS)

    # ---- who asks -------------------------------------------------------------------------------------------

    @property
    def params(self) -> Params:
        """The fields of the form and of the query string."""
        return self.request.params

    @property
    def now(self) -> int:
        """The time of the request in microseconds."""
        return self.request.now

    @property
    def request_id(self) -> str:
        """The id of the request, for the journal."""
        return self.request.raw.id

    @property
    def signed_in(self) -> SignedIn:
        """The session. Raises ``SignedOut``."""
        return self.visit.require()

    @property
    def user(self) -> User | None:
        """The user, if one is signed in."""
        return None if self.visit.signed_in is None else self.visit.signed_in.user

    @property
    def access(self) -> UserAccess | None:
        """The user in the project, on pages of a project."""
        found = self.request.access
        return found if isinstance(found, UserAccess) else None

    @property
    def project(self) -> Project | None:
        """The project, on pages of a project."""
        return None if self.access is None else self.access.project

    def require_project(self) -> Project:
        """The project of a page that belongs to one."""
        return self.request.project

    def may(self, act: str) -> bool:
        """Whether the user may do this in the project: for buttons, which are left out otherwise."""
        return self.access is not None and self.access.may(Act(act))

    def leads_to(self, path: str) -> bool:
        """Whether there is a page at a path within the project, and the user may see it."""
        needed = self._pages.get(f"/p/{{project}}{path}")
        return needed is not None and self.may(needed)

    @property
    def sections(self) -> dict[str, str]:
        """The sections of the menu that the user may see, and where each leads."""
        found = {name: next(filter(self.leads_to, paths), None) for name, paths in SECTIONS.items()}
        return {name: path for name, path in found.items() if path is not None}

    @cached_property
    def overview(self) -> Overview:
        """Figures that several pages of the project show."""
        return self.read_unisolated(get_overview)

    @property
    def to_review(self) -> int:
        """How many messages wait for a person to read them, as far as they are counted: for the menu."""
        if not self.leads_to("/consent/review"):
            return 0
        try:
            return self.overview.to_review
        except (StoreBusy, StoreUnavailable):
            # The page says so itself, or has been read already.
            return 0

    @property
    def once(self) -> str:
        """What makes a form a write of its own."""
        return write_token()[:16]

    def typed(self, field: str) -> str:
        """What was typed into a field, with the spaces around it: a password."""
        return next(iter(self.params.texts(field)), "")

    @property
    def store(self) -> Store:
        """The store, for rules that do more than one transaction, or that belong to no project."""
        return self.request.context.store

    @property
    def browser(self) -> Browser:
        """Where someone signs in."""
        token = self.visit.token if self.visit.signed_in else None
        return Browser(self.visit.caller.address, self.request.raw.headers.get("user-agent") or "", token)

    # ---- reading and writing --------------------------------------------------------------------------------

    def read(self, rule: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """A rule's result, from one snapshot of the project."""
        return self.request.read(rule, *args, **kwargs)

    def read_unisolated(self, rule: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The same from statements that need not agree with one another: parts of a file."""
        return self.request.read_unisolated(rule, *args, **kwargs)

    def write(
        self,
        rule: Callable[Concatenate[WriteTx, P], T],
        respond: Callable[[T], Response],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Response:
        """The response to a rule's result. A form that is sent twice does once what it does.

        If it was an act that can be undone, ``done`` has a button for that.
        """

        def respond_to(noted: tuple[T, int | None]) -> Response:
            self._act = noted[1]
            return respond(noted[0])

        return self.request.write(note_act, respond_to, lambda tx: rule(tx, *args, **kwargs))

    def system_read(self, rule: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """A rule's result that belongs to no project: users, sessions, projects."""
        return self.store.system_read(self.now, rule, *args, **kwargs)

    def system_write(self, rule: Callable[Concatenate[SystemTx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for a write."""
        return self.store.system_write(self.now, rule, *args, **kwargs)

    # ---- addresses ------------------------------------------------------------------------------------------

    @property
    def port(self) -> str:
        """The port on which the service listens."""
        return self.request.raw.scope.server.rpartition(":")[2]

    @property
    def root(self) -> str:
        """What stands before every path of the service in links; blank for most."""
        public_url = self.request.context.public_url
        return "" if public_url is None else urlsplit(public_url).path

    def url(self, path: str, **query: object) -> str:
        """A link to a path of the console, such as ``/you``."""
        given = {name: value for name, value in query.items() if value not in (None, "", ())}
        return self.root + path + (f"?{urlencode(given, doseq=True)}" if given else "")

    def link(self, path: str = "", **query: object) -> str:
        """A link within the project, such as ``/contacts``."""
        assert self.project is not None, "the page belongs to no project"
        return self.url(f"/p/{self.project.id}{path}", **query)

    def is_at(self, path: str) -> bool:
        """Whether this is the page at a path within the project, or one below it."""
        return self.project is not None and f"{self.path}/".startswith(f"/p/{self.project.id}{path}/")

    @property
    def here(self) -> str:
        """The path and the query of this page, without what stands before every path."""
        query = self.request.raw.scope.query_string if self.request.raw.method == "GET" else ""
        return quote(self.path) + (f"?{query}" if query else "")

    # ---- answering ------------------------------------------------------------------------------------------

    def form(self, name: str = "", /, **initial: object) -> Form:
        """A form of this page, with what is in its fields at first; ``name`` where the page has several."""
        is_sent = self.refusal is not None and self.refusal.is_of(name)
        return Form(name, initial, self.refusal if is_sent else None)

    def show(self, template: str, /, *, status: int = 200, section: str = "", **values: object) -> Response:
        """A page. ``section`` is the path in the menu that it belongs to."""
        self.section = section
        accept = self.request.raw.headers.get("accept") or ""
        part = accept.partition(PART)[2].partition(",")[0].strip() if PART in accept else ""
        body = render(template, {**values, "page": self, "status": status}, part=part)
        return Response(status, body, HTML, tuple(self._cookies))

    def redirect(self, path: str) -> Response:
        """The answer to a form: go to another page. ``path`` is a link that ``url`` or ``link`` made."""
        return Response(SEE_OTHER, b"", HTML, (("location", quote(path, safe=IN_URLS)), *self._cookies))

    def done(self, path: str, text: str, *, undo: int | None = None, tone: Tone = "good") -> Response:
        """Go to another page that says what was done, with a button that undoes it.

        ``undo``: the act in the log, where it is not what ``write`` did.
        """
        shown = text.encode(errors="replace")[:DONE_BYTES_MAX].decode(errors="ignore")
        done = Done(write_token()[:DONE_ID_LENGTH], shown, self._act if undo is None else undo, tone)
        mark = "&" if "?" in path else "?"
        location = quote(f"{path}{mark}done={done.id}#done", safe=IN_URLS)
        # It is stored as a body, where an erasure finds it; the browser gets it as a cookie.
        return Response(SEE_OTHER, msgspec.json.encode(done), HTML, (("location", location), *self._cookies))

    @property
    def flash(self) -> Done | None:
        """What was done before this page was shown; a reload still shows it."""
        wanted = self.params.given("done") if self.request.raw.method == "GET" else None
        if wanted is None:
            return None
        kept = read_cookie(self.request.raw.headers, name=done_cookie(self.visit.names), most=COOKIE_MAX) or ""
        try:
            done = msgspec.json.decode(urlsafe_b64decode(kept + "=" * (-len(kept) % 4)), type=Done)
        except (ValueError, msgspec.DecodeError):
            return None
        return done if done.id == wanted else None

    @property
    def undo_from(self) -> str:
        """What the form of an undo says about where it is: the id of a contact, ``log``, or nothing elsewhere."""
        if self.is_at("/settings/log"):
            return "log"
        section, _, last = self.path.rpartition("/")
        return last if section.endswith("/contacts") and last.isdecimal() else ""

    # ---- cookies --------------------------------------------------------------------------------------------

    def set_cookie(self, name: str, value: str, *, seconds: int = YEAR_SECONDS) -> None:
        """Have the browser keep a cookie; with 0 seconds it is deleted."""
        self._cookies.append(self.visit.names.write(name, value, seconds=seconds))

    def sign_in(self, begun: Begun) -> None:
        """Have the browser keep a session that has begun."""
        names = self.visit.names
        self._cookies.clear()
        seconds = (begun.session.expires_at - self.now) // 1_000_000
        self.set_cookie(names.session, begun.token, seconds=seconds)
        self.set_cookie(names.visitor, "", seconds=0)
        self.choose_language(begun.user.language)

    def sign_out(self) -> None:
        """Have the browser forget the session."""
        self.set_cookie(self.visit.names.session, "", seconds=0)

    def choose_language(self, language: Language) -> None:
        """Have the browser keep a language, in which this answer is written too."""
        self.set_cookie("daftari_language", language)
        switch_language(language)

    def choice(self, name: str) -> str:
        """What the browser keeps of a choice: ``language``, ``theme`` or ``keys``; blank for none."""
        return read_cookie(self.request.raw.headers, name=f"daftari_{name}") or ""

    @property
    def theme(self) -> str:
        """``light`` or ``dark``; blank where the system decides."""
        chosen = self.choice("theme")
        return chosen if chosen in THEMES else ""


def done_cookie(names: CookieNames) -> str:
    """The name of the cookie that says what was done."""
    return f"{names.session}_done"


def name_file(name: str) -> tuple[tuple[str, str], ...]:
    """The headers of an answer that a browser saves as a file. ``name`` is ours."""
    return ("content-disposition", f'attachment; filename="{name}"'), ("x-content-type-options", "nosniff")


def read_once(raw: RawRequest, params: Params, *, user_id: int) -> IdempotentRequest | None:
    """A form as a write to do once. A form with other fields is another write, so that one can go back and correct it.

    Of a file only what comes with it counts, since browsers send it with other marks around it each time.
    """
    once = params.given(ONCE_FIELD)
    if not isinstance(once, str):
        return None
    fields = [
        (name, params.texts(name)) for name in sorted(params.names_given) if name not in (TOKEN_FIELD, ONCE_FIELD)
    ]
    written = json.dumps([raw.match.path, raw.scope.query_string, fields]).encode(errors="surrogatepass")
    fingerprint = blake2b(written, digest_size=16).digest()
    return IdempotentRequest(user_id, f"{once[:64]} {fingerprint.hex()}", fingerprint)


def unescape_segment(written: str) -> str:
    """A parameter of a path as it was before the filter ``segment`` wrote it."""
    return written.replace("%2F", "/").replace("%25", "%")
