"""The API keys of a project: what there is, a new one, which is shown once, and the end of one."""

from __future__ import annotations

from daftari.console.languages import gettext as _
from daftari.console.languages import isolated
from daftari.console.page import Page
from daftari.model.projects import KEY_KINDS, Key, KeyKind
from daftari.model.time import DAY_MICROSECONDS
from daftari.rules.access.keys import key_state
from daftari.rules.access.project_keys import (
    create_project_key,
    get_project_key,
    list_project_keys,
    revoke_project_key,
)
from daftari.rules.access.zones import read_day, zone_of
from daftari.web.responses import Response

SOON_DAYS = 7
"""So many days before its end a key is marked."""


def show(page: Page) -> Response:
    """``GET /p/{project}/settings/keys``."""
    return _show(page)


def create(page: Page) -> Response:
    """``POST /p/{project}/settings/keys``. The answer alone has the key, so it is no redirect."""
    kind: KeyKind = page.params.choice("kind", KEY_KINDS, default="write")
    zone = zone_of(page.require_project())
    day = page.params.problems.read("ends", page.params.given("ends"), lambda given: read_day(given, zone=zone))
    if day is not None and day[1] <= page.now:
        page.params.problems.add("ends", "must not be in the past.")
    page.params.refuse_wrong()
    made = page.system_write(
        create_project_key,
        signed_in=page.signed_in,
        project_id=page.require_project().id,
        label=str(page.params.given("label") or ""),
        kind=kind,
        expires_at=None if day is None else day[1],
        request_id=page.request_id,
    )
    return _show(page, made)


def show_revoke(page: Page, start: str) -> Response:
    """``GET /p/{project}/settings/keys/{start}/revoke``."""
    key = page.system_read(get_project_key, signed_in=page.signed_in, project_id=page.require_project().id, start=start)
    return page.show("settings_key_revoke.html", section="/settings", key=key, form=page.form())


def revoke(page: Page, start: str) -> Response:
    """``POST /p/{project}/settings/keys/{start}/revoke``."""
    key = page.system_write(
        revoke_project_key,
        signed_in=page.signed_in,
        project_id=page.require_project().id,
        start=start,
        request_id=page.request_id,
    )
    said = _("The key %(name)s is revoked. It stops working within a second.", name=isolated(key.label or key.start))
    return page.done(page.link("/settings/keys"), said)


def _show(page: Page, made: tuple[str, Key] | None = None) -> Response:
    found = page.system_read(list_project_keys, signed_in=page.signed_in, project_id=page.require_project().id)
    states = {key.id: key_state(key, now=page.now) for key in found}
    return page.show(
        "settings_keys.html",
        section="/settings",
        form=page.form(label="", kind="write", ends=""),
        keys=sorted(found, key=lambda key: (states[key.id] != "active", key.id)),
        states=states,
        soon=page.now + SOON_DAYS * DAY_MICROSECONDS,
        made=made,
    )
