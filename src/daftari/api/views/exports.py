"""What the calls under ``/v1/exports`` answer."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from daftari.model.limits import EXPORTS_MAX
from daftari.rules.exports.lifecycle import ExportView


class ExportList(Struct, frozen=True):
    exports: Annotated[list[ExportView], Meta(max_length=EXPORTS_MAX)]
    next: str | None


class ExportAnswer(Struct, frozen=True):
    export: ExportView


class ExportAsked(Struct, frozen=True, tag_field="message", tag="Export requested successfully"):
    export: ExportView


class ExportDeleted(Struct, frozen=True, tag_field="message", tag="Export deleted successfully"):
    pass
