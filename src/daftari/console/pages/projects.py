"""The projects of a user, and how an operator makes one or takes one that has no user."""

from __future__ import annotations

from daftari.console.languages import choose_region, current_language, isolated, region_names
from daftari.console.languages import gettext as _
from daftari.console.page import Page
from daftari.mobile import regions
from daftari.model.users import LANGUAGES
from daftari.rules.access import members, users
from daftari.rules.access.errors import OperatorRequired, ProjectNotYours
from daftari.rules.access.zones import list_zones
from daftari.web.params import read_id
from daftari.web.responses import Response


def list_projects(page: Page) -> Response:
    """``GET /``: the only project of a user, or all of them. With ``all`` also a single one is listed."""
    places, is_operator = page.visit.places, page.signed_in.user.is_operator
    if len(places) == 1 and page.params.given("all") is None:
        return page.redirect(page.url(f"/p/{places[0].project.id}"))
    if not places and is_operator:
        return page.redirect(page.url("/p/new"))
    return page.show("projects.html", is_operator=is_operator)


def show_new(page: Page) -> Response:
    """``GET /p/new``: make a project, or take one that has no user. Raises ``OperatorRequired``."""
    signed_in = page.signed_in
    unclaimed = page.system_read(members.list_unclaimed_projects, signed_in=signed_in)
    accepted = page.request.raw.headers.get("accept-language")
    return page.show(
        "project_new.html",
        form=page.form(region=choose_region(accepted), language=current_language()),
        regions=region_options(),
        zones=zone_options(),
        unclaimed=unclaimed,
        is_first=not page.visit.places,
    )


def create(page: Page) -> Response:
    """``POST /p/new``."""
    signed_in, params = page.signed_in, page.params
    if not signed_in.user.is_operator:
        raise OperatorRequired
    language = params.choice("language", LANGUAGES, default=current_language())
    project = page.system_write(
        members.create_project,
        signed_in=signed_in,
        name=str(params.given("name") or ""),
        region=str(params.given("region") or ""),
        zone=params.text("zone"),
        on_error="refuse",
        request_id=page.request_id,
    )
    if language != signed_in.user.language:
        page.system_write(users.update_user, user_id=signed_in.user.id, name=None, language=language)
        page.choose_language(language)
    return page.redirect(page.url(f"/p/{project.id}"))


def claim(page: Page) -> Response:
    """``POST /p/new/claim``: own a project that has no user."""
    project_id = read_id(str(page.params.given("project") or ""), missing=ProjectNotYours)
    project = page.system_write(
        members.claim_project, signed_in=page.signed_in, project_id=project_id, request_id=page.request_id
    )
    text = _("You own %(project)s now.", project=isolated(project.name))
    return page.done(page.url(f"/p/{project.id}"), text)


def region_options() -> list[tuple[str, str]]:
    """The countries to choose from, by their names in the reader's language."""
    names = region_names()
    return sorted(((code, names.get(code, code)) for code in regions()), key=lambda each: each[1])


def zone_options() -> list[tuple[str, str]]:
    """The time zones to choose from."""
    return [("", _("That of the country")), *((zone, zone.replace("_", " ")) for zone in list_zones())]
