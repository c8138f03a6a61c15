"""Who tried to bring back people who opted out, and how often. No one came back."""

from __future__ import annotations

from daftari.console.page import Page
from daftari.rules.people.near_misses import list_near_misses
from daftari.web.responses import Response


def show(page: Page) -> Response:
    """``GET /p/{project}/consent/near-misses``."""
    found = page.read(list_near_misses)
    return page.show(
        "consent_near_misses.html",
        section="/consent",
        found=found,
        most=max((miss.attempts for miss in found.misses), default=0),
        since=min((miss.first_at for miss in found.misses), default=None),
    )
