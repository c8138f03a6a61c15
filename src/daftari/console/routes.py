"""The pages of the console and what their forms do, one line each. Knows nothing about what they show.

A form is shown by the page at its own path, or by the one above it, which shows it again when it is refused.
"""

from __future__ import annotations

from daftari.console.assets import show_asset
from daftari.console.pages import (
    contact,
    contact_form,
    contact_remove,
    contacts,
    contacts_many,
    groups,
    home,
    links,
    log,
    projects,
    settings,
    sign_in,
    you,
)
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
    Route("GET", "/p/{project}/contacts", contacts.show, Act.LOOK),
    Route("GET", "/p/{project}/contacts/new", contact_form.show_new, Act.CHANGE_CONTACTS),
    Route("POST", "/p/{project}/contacts/new", contact_form.create, Act.CHANGE_CONTACTS, body=FORM),
    Route("GET", "/p/{project}/contacts/many", contacts_many.show, Act.CHANGE_CONTACTS),
    Route("POST", "/p/{project}/contacts/many/join", contacts_many.join, Act.CHANGE_GROUPS, body=FORM),
    Route("POST", "/p/{project}/contacts/many/move", contacts_many.move, Act.CHANGE_GROUPS, body=FORM),
    Route("POST", "/p/{project}/contacts/many/leave", contacts_many.leave, Act.CHANGE_GROUPS, body=FORM),
    Route("POST", "/p/{project}/contacts/many/remove", contacts_many.remove, Act.CHANGE_CONTACTS, body=FORM),
    Route("GET", "/p/{project}/contacts/{contact}", contact.show, Act.LOOK),
    Route("POST", "/p/{project}/contacts/{contact}/join", contact.join, Act.CHANGE_GROUPS, body=FORM),
    Route("POST", "/p/{project}/contacts/{contact}/leave", contact.leave, Act.CHANGE_GROUPS, body=FORM),
    Route("GET", "/p/{project}/contacts/{contact}/consent", contact.show_consent, Act.LOOK),
    Route("GET", "/p/{project}/contacts/{contact}/everything", contact.show_everything, Act.DOWNLOAD),
    Route("GET", "/p/{project}/contacts/{contact}/edit", contact_form.show, Act.CHANGE_CONTACTS),
    Route("POST", "/p/{project}/contacts/{contact}/edit", contact_form.update, Act.CHANGE_CONTACTS, body=FORM),
    Route("GET", "/p/{project}/contacts/{contact}/remove", contact_remove.show, Act.CHANGE_CONTACTS),
    Route("POST", "/p/{project}/contacts/{contact}/remove", contact_remove.remove, Act.CHANGE_CONTACTS, body=FORM),
    Route("POST", "/p/{project}/contacts/{contact}/remove/stop", contact_remove.stop, Act.RECORD_CONSENT, body=FORM),
    Route("GET", "/p/{project}/contacts/{contact}/agreed", contact_remove.show_agreed, Act.RECORD_CONSENT),
    Route("POST", "/p/{project}/contacts/{contact}/agreed", contact_remove.agree, Act.RECORD_CONSENT, body=FORM),
    Route("GET", "/p/{project}/contacts/{contact}/erase", contact_remove.show_erase, Act.ERASE),
    Route("POST", "/p/{project}/contacts/{contact}/erase", contact_remove.erase_contact, Act.ERASE, body=FORM),
    Route("GET", "/p/{project}/groups", groups.show, Act.LOOK),
    Route("POST", "/p/{project}/groups/new", groups.create, Act.CHANGE_GROUPS, body=FORM),
    Route("GET", "/p/{project}/groups/{name}", groups.show_group, Act.LOOK),
    Route("GET", "/p/{project}/groups/{name}/rename", groups.show_rename, Act.CHANGE_GROUPS),
    Route("POST", "/p/{project}/groups/{name}/rename", groups.rename, Act.CHANGE_GROUPS, body=FORM),
    Route("GET", "/p/{project}/groups/{name}/merge", groups.show_merge, Act.CHANGE_GROUPS),
    Route("POST", "/p/{project}/groups/{name}/merge", groups.merge, Act.CHANGE_GROUPS, body=FORM),
    Route("GET", "/p/{project}/groups/{name}/delete", groups.show_delete, Act.CHANGE_GROUPS),
    Route("POST", "/p/{project}/groups/{name}/delete", groups.delete, Act.CHANGE_GROUPS, body=FORM),
    Route("GET", "/p/{project}/settings/project", settings.show_project, Act.PROJECT),
    Route("POST", "/p/{project}/settings/project", settings.update_project, Act.PROJECT, body=FORM),
)
