"""The pages of the console and what their forms do, one line each. Knows nothing about what they show.

A form is shown by the page at its own path, or by the one above it, which shows it again when it is refused.
"""

from __future__ import annotations

from daftari.console.assets import show_asset
from daftari.console.pages import home, links, log, projects, settings, sign_in, you
from daftari.model.limits import FORM_BYTES_MAX
from daftari.rules.access.roles import Act
from daftari.web.routing import BodyPolicy, Route

FORM = BodyPolicy(FORM_BYTES_MAX)

ROUTES = (
    Route("GET", "/static/{name}", show_asset, "open", inline=True),
    Route("GET", "/sign-in", sign_in.show, "visitor"),
    Route("POST", "/sign-in", sign_in.sign_in, "visitor"),
    Route("GET", "/link/{token}", links.show, "visitor"),
    Route("POST", "/link/{token}", links.use, "visitor"),
    Route("GET", "/you", you.show, "signed_in"),
    Route("POST", "/you/name", you.rename, "signed_in"),
    Route("POST", "/you/look", you.choose_look, "signed_in"),
    Route("POST", "/you/keys", you.choose_keys, "signed_in"),
    Route("POST", "/you/password", you.change_password, "signed_in"),
    Route("POST", "/you/sign-out", you.sign_out, "signed_in"),
    Route("POST", "/you/sign-out-elsewhere", you.sign_out_elsewhere, "signed_in"),
    Route("GET", "/", projects.list_projects, "signed_in"),
    Route("GET", "/p/new", projects.show_new, "signed_in"),
    Route("POST", "/p/new", projects.create, "signed_in"),
    Route("POST", "/p/new/claim", projects.claim, "signed_in"),
    Route("GET", "/p/{project}", home.show, Act.LOOK),
    Route("POST", "/p/{project}/log/{seq}/undo", log.undo, Act.LOOK),
    Route("GET", "/p/{project}/settings/project", settings.show_project, Act.PROJECT),
    Route("POST", "/p/{project}/settings/project", settings.update_project, Act.PROJECT, body=FORM),
)
