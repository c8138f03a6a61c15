"""What the service answers about itself."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Health(Struct, frozen=True, tag_field="status", tag="ready"):
    version: Annotated[str, Meta(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+")]
    """Daftari's version."""
