"""Callers of the API: the key in ``Authorization``, or in the field ``apiKey`` of the body, form or query.

Knows neither how a key is checked nor what a route does.
"""

from __future__ import annotations

from daftari.api.key_cache import KeyCache
from daftari.errors import ReadOnlyKey, Unauthenticated, WrongProject
from daftari.model.projects import Project
from daftari.rules.access.keys import Access
from daftari.rules.fields import fold_name
from daftari.web.params import Params
from daftari.web.rsgi import RequestHeaders

BEARER = "bearer "


class KeyAuthenticator:
    """Recognises a caller by an API key."""

    def __init__(self, cache: KeyCache) -> None:
        self._cache = cache

    def authenticate(self, headers: RequestHeaders, params: Params, *, writes: bool, now: int) -> Access:
        """The key and its project.

        Raises ``Unauthenticated``, ``WrongProject`` when the fields name another project, and ``ReadOnlyKey``.
        """
        access = self._cache.find_access(_read_api_key(headers, params), now=now)
        refuse_other_project(params, access.project)
        if writes and access.key.read_only:
            raise ReadOnlyKey
        return access


def refuse_other_project(params: Params, project: Project) -> None:
    """Raise ``WrongProject`` when the fields name a project, and it is not this one."""
    name = params.text("project")
    if name is not None and fold_name(name) not in project.former_names:
        raise WrongProject


def _read_api_key(headers: RequestHeaders, params: Params) -> str:
    """The header wins; one of another scheme does not count. Raises ``Unauthenticated`` when there is no key."""
    authorization = headers.get("authorization")
    if authorization is not None and authorization[: len(BEARER)].lower() == BEARER:
        api_key: object = authorization[len(BEARER) :].strip()
    else:
        api_key = params.given("apiKey")
    if not isinstance(api_key, str) or not api_key:
        raise Unauthenticated
    return api_key
