"""The first page of a project: what is in the book, or how to begin."""

from __future__ import annotations

from daftari.console.page import Page
from daftari.rules.contacts.contacts import list_contacts
from daftari.web.responses import Response


def show(page: Page) -> Response:
    """``GET /p/{project}``."""
    listed = page.read(list_contacts, page=1, per_page=1, group=None, suppressed=True, include=frozenset())
    return page.show("home.html", contacts=listed.total)
