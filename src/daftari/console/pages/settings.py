"""The settings of a project: its name, its country and its time zone."""

from __future__ import annotations

from daftari.console.languages import gettext as _
from daftari.console.page import Page
from daftari.console.pages.projects import region_options, zone_options
from daftari.rules.access import projects
from daftari.web.responses import Response


def show_project(page: Page) -> Response:
    """``GET /p/{project}/settings/project``."""
    project = page.require_project()
    form = page.form(name=project.name, region=project.region, zone=project.zone or "")
    return page.show(
        "settings_project.html", section="/settings", form=form, regions=region_options(), zones=zone_options()
    )


def update_project(page: Page) -> Response:
    """``POST /p/{project}/settings/project``."""
    project = page.require_project()
    page.system_write(
        projects.change_project,
        project_id=project.id,
        name=str(page.params.given("name") or ""),
        region=str(page.params.given("region") or ""),
        zone=page.params.text("zone") or "",
    )
    return page.done(page.link("/settings/project"), _("Saved."))
