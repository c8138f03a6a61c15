"""The settings of a project: its name, its country, its time zone, and what else contacts are found by."""

from __future__ import annotations

import re

from daftari.console import settings_words
from daftari.console.languages import gettext as _
from daftari.console.page import Page
from daftari.console.pages.projects import region_options, zone_options
from daftari.model.limits import SEARCHABLE_MAX
from daftari.rules.access.project_settings import change_project
from daftari.web.responses import Response


def show_project(page: Page) -> Response:
    """``GET /p/{project}/settings/project``."""
    project = page.require_project()
    form = page.form(
        name=project.name, region=project.region, zone=project.zone or "", searchable=", ".join(project.searchable)
    )
    return page.show(
        "settings_project.html",
        section="/settings",
        form=form,
        regions=region_options(),
        zones=zone_options(),
        most=SEARCHABLE_MAX,
    )


def update_project(page: Page) -> Response:
    """``POST /p/{project}/settings/project``."""
    changes = page.system_write(
        change_project,
        signed_in=page.signed_in,
        project_id=page.require_project().id,
        name=str(page.params.given("name") or ""),
        region=str(page.params.given("region") or ""),
        zone=page.params.text("zone") or "",
        searchable=re.split(r"[,\n]", str(page.params.given("searchable") or "")),
        request_id=page.request_id,
    )
    if not changes:
        return page.done(page.link("/settings/project"), _("Nothing changed: it was so already."))
    said = _("Saved. %(changes)s", changes=settings_words.changed(changes))
    if any(change.name == "searchable" and change.after for change in changes):
        said += " " + _("The contacts that are there are found so once the index is filled again.")
    return page.done(page.link("/settings/project"), said)
