"""What the service says of itself: whether it is ready, and how to use it. None of it needs a key.

This room must not know any project.
"""

from __future__ import annotations

import msgspec

from daftari.api.reference import document, page
from daftari.web.requests import Desk


def show_health(desk: Desk) -> tuple[int, bytes]:
    """``GET /v1/health``: ready only when the store answers."""
    desk.store.answers()
    return 200, msgspec.json.encode({"status": "ready", "version": desk.version})


def show_openapi(desk: Desk) -> tuple[int, bytes]:
    """``GET /v1/openapi.json``."""
    return 200, document.document()


def show_docs(desk: Desk) -> tuple[int, bytes]:
    """``GET /docs``."""
    return 200, page.page()
