"""Who uses the console: the session in a cookie, and the proof that a form was sent by a page of ours.

Knows neither how a password is checked nor what a page does. It never looks at an API key.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from msgspec import Struct

from daftari.errors import StoreBusy
from daftari.model.projects import Project
from daftari.rules.access.errors import FormForged, NotEncrypted, SignedOut
from daftari.rules.access.roles import UserAccess, list_access
from daftari.rules.access.sessions import SignedIn, find_session, save_use
from daftari.rules.access.tokens import is_form_token, write_form_token, write_token
from daftari.store import Store, SystemTx, Tx
from daftari.web.callers import Caller, Network, find_caller, is_same_origin
from daftari.web.cookies import CookieNames, name_cookies, read_cookie
from daftari.web.params import Params
from daftari.web.rsgi import RequestHeaders, RsgiScope

TOKEN_FIELD = "token"
"""The field of every form that proves which page it was on."""
USED_MAX = 10_000
"""Sessions whose use waits to be saved; more are saved with the next use."""

log = logging.getLogger("daftari.web")


class Visit(Struct, frozen=True):
    """A request's sender. ``token``: of the session, or the one that the forms of a visitor are bound to.

    ``places``: the projects in which the user has a role, with the role.
    """

    caller: Caller
    names: CookieNames
    is_insecure: bool
    """Whether cookies and passwords cross a network unencrypted, which the operator allowed."""
    may_give_password: bool
    """Whether a password may be asked for."""
    token: str
    is_new: bool
    """Whether the browser is to keep ``token`` from now on."""
    signed_in: SignedIn | None
    places: Sequence[UserAccess] = ()

    @property
    def form_token(self) -> str:
        """The token of a form, another one each time."""
        return write_form_token(self.token)

    def require(self) -> SignedIn:
        """The session. Raises ``SignedOut``."""
        if self.signed_in is None:
            raise SignedOut
        return self.signed_in

    def find_place(self, project_id: int) -> UserAccess | None:
        """The user in a project; ``None`` where there is no such project, or no role."""
        return next((place for place in self.places if place.project.id == project_id), None)

    def refuse_foreign(self, headers: RequestHeaders) -> None:
        """Raise ``FormForged`` unless the browser says that a page of ours sent this."""
        if not is_same_origin(headers, origin=self.caller.origin):
            raise FormForged

    def refuse_plain(self) -> None:
        """Raise ``NotEncrypted`` where no password may be asked for."""
        if not self.may_give_password:
            raise NotEncrypted

    def refuse_forged(self, headers: RequestHeaders, params: Params) -> None:
        """Raise ``FormForged`` unless the form was on a page that was made for this browser."""
        written = params.given(TOKEN_FIELD)
        if not isinstance(written, str) or not is_form_token(written, token=self.token):
            raise FormForged
        self.refuse_foreign(headers)

    @property
    def projects(self) -> list[Project]:
        """The projects in which the user has a role, in order of creation."""
        return [place.project for place in self.places]


class SessionAuthenticator:
    """Recognises users by their sessions. One per process."""

    def __init__(
        self, store: Store, *, public_url: str | None, insecure_cookies: bool, trusted: Sequence[Network]
    ) -> None:
        self._store = store
        self._public_url = public_url
        self._insecure_cookies = insecure_cookies
        self._trusted = trusted
        self._epoch: str | None = None
        self._used: dict[int, tuple[SignedIn, int | None]] = {}

    def look(self, scope: RsgiScope, *, now: int) -> Visit:
        """Who sends a request. Reads the database where there is the cookie of a session."""
        caller = find_caller(scope, public_url=self._public_url, trusted=self._trusted)
        is_plain = self._insecure_cookies and caller.scheme == "http"
        names = name_cookies(self._find_epoch(now), insecure=is_plain)
        is_insecure = is_plain and not caller.is_local
        may = caller.may_give_password(insecure_cookies=self._insecure_cookies)
        token = read_cookie(scope.headers, name=names.session)
        if token is not None:
            try:
                signed_in, places = self._store.system_read(now, _find_user, token=token)
                return Visit(caller, names, is_insecure, may, token, False, signed_in, places)
            except SignedOut:
                pass
        visitor = read_cookie(scope.headers, name=names.visitor)
        return Visit(caller, names, is_insecure, may, visitor or write_token(), visitor is None, None)

    def note_use(self, visit: Visit, *, project: Project | None, now: int) -> None:
        """Remember that a session is used, to be saved with those of other requests."""
        signed_in = visit.signed_in
        if signed_in is not None and signed_in.is_stale(now=now) and len(self._used) < USED_MAX:
            self._used[signed_in.session.id] = signed_in, None if project is None else project.id

    def save_used(self, now: int) -> None:
        """Save which sessions were used, and look at the epoch again, which a standby that took over does not share."""
        self._epoch = None
        used, self._used = self._used, {}
        if not used:
            return
        try:
            self._store.system_write(now, _save_used, used=list(used.values()))
        except StoreBusy as error:
            log.warning("when sessions were last used is not written yet: %s", error.message)
            self._used = used | self._used

    def _find_epoch(self, now: int) -> str:
        epoch = self._epoch
        if epoch is None:
            epoch = self._epoch = self._store.system_read(now, lambda tx: tx.epoch())
        return epoch


def _save_used(tx: SystemTx, *, used: Sequence[tuple[SignedIn, int | None]]) -> None:
    for signed_in, project_id in used:
        save_use(tx, signed_in=signed_in, project_id=project_id)


def _find_user(tx: Tx, *, token: str) -> tuple[SignedIn, list[UserAccess]]:
    signed_in = find_session(tx, token=token)
    return signed_in, list_access(tx, signed_in=signed_in)
