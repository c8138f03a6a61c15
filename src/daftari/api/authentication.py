"""Callers of the API: the key in ``Authorization``, or in the field ``apiKey`` of the body, form or query.

Knows neither how a key is checked nor what a route does.
"""

from __future__ import annotations

from daftari.api.key_cache import KeyCache
from daftari.errors import Unauthenticated, WrongProject
from daftari.model.projects import KeyKind, Project
from daftari.rules.access.keys import Access, refuse_lesser_kind
from daftari.rules.fields import fold_name
from daftari.web.params import Params
from daftari.web.rsgi import RequestHeaders

BEARER = "bearer "


class KeyAuthenticator:
    """Recognises a caller by an API key."""

    def __init__(self, cache: KeyCache) -> None:
        self._cache = cache

    def authenticate(self, headers: RequestHeaders, params: Params, *, needed: KeyKind, now: int) -> Access:
        """The key and its project.

        Raises ``Unauthenticated``, ``WrongProject`` when the fields name another project, and ``ReadOnlyKey`` or
        ``ManageKeyRequired`` when it may not do what a key of the ``needed`` kind may.
        """
        access = self.find_in_header(headers, now=now) or self.find_in_fields(params, now=now)
        if access is None:
            raise Unauthenticated
        refuse_beyond(access, params, needed=needed)
        return access

    def find_in_header(self, headers: RequestHeaders, *, now: int) -> Access | None:
        """The key in ``Authorization``; ``None`` where its scheme is another one. Raises ``Unauthenticated``."""
        authorization = headers.get("authorization")
        if authorization is None or authorization[: len(BEARER)].lower() != BEARER:
            return None
        api_key = authorization[len(BEARER) :].strip()
        if not api_key:
            raise Unauthenticated
        return self._cache.find_access(api_key, now=now)

    def find_in_fields(self, params: Params, *, now: int) -> Access | None:
        """The key in ``apiKey``; ``None`` when there is none. Raises ``Unauthenticated``."""
        api_key = params.given("apiKey")
        if api_key is None:
            return None
        if not isinstance(api_key, str):
            raise Unauthenticated
        return self._cache.find_access(api_key, now=now)

    def note_call(self, access: Access, *, now: int) -> None:
        """Note that a call came with a key, for the figures of the console."""
        self._cache.note_call(access, now=now)


def refuse_beyond(access: Access, params: Params, *, needed: KeyKind) -> None:
    """Raise ``WrongProject``, ``ReadOnlyKey`` or ``ManageKeyRequired`` for what the key does not allow."""
    refuse_other_project(params, access.project)
    refuse_lesser_kind(access.key, needed=needed)


def refuse_other_project(params: Params, project: Project) -> None:
    """Raise ``WrongProject`` when the fields name a project, and it is not this one."""
    name = params.text("project")
    if name is not None and fold_name(name) not in project.former_names:
        raise WrongProject
