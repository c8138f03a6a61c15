"""The routes, one line each, and how a path on the wire becomes the path of a route.

This room must not know what the handlers do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal
from urllib.parse import quote

from msgspec import Struct

from daftari.api import audiences, consent, contacts, exports, groups, imports, inbound, meta, streams
from daftari.model.limits import BODY_BYTES_MAX, FILE_BYTES_MAX, INBOUND_BODY_BYTES_MAX, READ_BODY_BYTES_MAX
from daftari.web.requests import JSON, Handled, Takes
from daftari.web.rsgi import BodyTerms

NDJSON = "application/x-ndjson"
CSV = "text/csv; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"

Needs = Literal["read", "write", "nothing", "token"]

VERSION = "/v1"
_PREFIX = "/api"
_DOCS = "/docs"
_GROUPS = "/v1/groups/"
_MEMBERS = "/contacts"
_INBOUND = "/v1/inbound/"
_IMPORTS = "/v1/imports"
_STREAM = "/v1/contacts/stream"
_SLOW = ("/v1/audience", "/v1/opt-outs", _IMPORTS, _INBOUND)
_SLOW_ENDS = ("/export", "/consent", "/file")
_FORM_BYTES_MAX = FILE_BYTES_MAX + BODY_BYTES_MAX
"""A file, and what is around it in a form."""
_READS = frozenset({"GET", "HEAD", "QUERY", "OPTIONS"})


class Route(Struct, frozen=True):
    """A method at a path under ``/v1``.

    ``needs`` is what its key must allow; one that needs nothing takes no key, and one that needs a token has it in its
    path.
    """

    method: str
    path: str
    handler: Callable[..., Handled]
    needs: Needs
    media_type: str = JSON
    takes: Takes = "fields"


ROUTES = (
    Route("GET", "/contacts", contacts.list_contacts, "read"),
    Route("POST", "/contacts", contacts.create_contacts, "write"),
    Route("POST", "/contacts/stream", streams.stream_contacts, "write", NDJSON, takes="lines"),
    Route("GET", "/contacts/{reference}", contacts.get_contact, "read"),
    Route("PUT", "/contacts/{reference}", contacts.update_contact, "write"),
    Route("PATCH", "/contacts/{reference}", contacts.update_contact, "write"),
    Route("DELETE", "/contacts/{reference}", contacts.delete_contact, "write"),
    Route("GET", "/groups", groups.list_groups, "read"),
    Route("POST", "/groups", groups.create_group, "write"),
    Route("GET", "/groups/{name}", groups.get_group, "read"),
    Route("PUT", "/groups/{name}", groups.update_group, "write"),
    Route("PATCH", "/groups/{name}", groups.update_group, "write"),
    Route("DELETE", "/groups/{name}", groups.delete_group, "write"),
    Route("POST", "/groups/{name}/contacts", groups.join_group, "write"),
    Route("DELETE", "/groups/{name}/contacts", groups.leave_group, "write"),
    Route("GET", "/contacts/{reference}/consent", consent.show_consent, "read"),
    Route("GET", "/contacts/{reference}/export", consent.export_number, "read"),
    Route("GET", "/opt-outs", consent.list_opt_outs, "read"),
    Route("POST", "/opt-outs", consent.create_opt_outs, "write"),
    Route("GET", "/opt-outs/near-misses", consent.list_near_misses, "read"),
    Route("POST", "/opt-ins", consent.create_opt_ins, "write"),
    Route("POST", "/can-message", consent.may_message, "read"),
    Route("POST", "/erasures", consent.erase_number, "write"),
    Route("GET", "/audience", audiences.stream_audience, "read", NDJSON),
    Route("POST", "/audiences", audiences.freeze_audience, "write"),
    Route("GET", "/audiences/{number}", audiences.get_audience, "read"),
    Route("GET", "/audiences/{number}/recheck", audiences.recheck_audience, "read"),
    Route("GET", "/audiences/{number}/compare/{other}", audiences.compare_audiences, "read"),
    Route("GET", "/exports", exports.list_exports, "read"),
    Route("POST", "/exports", exports.create_export, "write"),
    Route("GET", "/exports/{number}", exports.get_export, "read"),
    Route("DELETE", "/exports/{number}", exports.delete_export, "write"),
    Route("GET", "/exports/{number}/file", exports.fetch_export, "read", CSV),
    Route("GET", "/imports", imports.list_imports, "read"),
    Route("POST", "/imports", imports.create_import, "write", takes="file"),
    Route("GET", "/imports/{number}", imports.get_import, "read"),
    Route("GET", "/imports/{number}/rows", imports.list_rows, "read"),
    Route("GET", "/imports/{number}/rejects", imports.fetch_rejects, "read", imports.CSV),
    Route("POST", "/imports/{number}/apply", imports.apply_import, "write"),
    Route("POST", "/imports/{number}/pause", imports.pause_import, "write"),
    Route("POST", "/imports/{number}/resume", imports.resume_import, "write"),
    Route("POST", "/imports/{number}/cancel", imports.cancel_import, "write"),
    Route("POST", "/imports/{number}/undo", imports.undo_import, "write"),
    Route("GET", "/inbound/review", inbound.list_reviews, "read"),
    Route("POST", "/inbound/review/{number}", inbound.settle_review, "write"),
    Route("GET", "/inbound/{provider}/{token}", inbound.check_address, "token", TEXT),
    Route("POST", "/inbound/{provider}/{token}", inbound.receive_request, "token"),
    Route("GET", "/health", meta.show_health, "nothing"),
    Route("GET", "/openapi.json", meta.show_openapi, "nothing"),
    Route("GET", "/docs", meta.show_docs, "nothing", HTML),
)


def address(path: str) -> tuple[str, str]:
    """The prefix of a path, ``/api`` or nothing, and the path of a route. ``/docs`` is ``/v1/docs`` too.

    The server has percent-decoded the path, and a group's name may hold slashes: it is what stands between
    ``/groups/`` and the end, or ``/contacts`` at the end, and is encoded again so that a route sees one part.
    """
    prefix = ""
    if path.startswith("/api/"):
        prefix, path = _PREFIX, path[len(_PREFIX) :]
    if path.startswith(_GROUPS):
        name = path[len(_GROUPS) :].removesuffix("/")
        members = name.endswith(_MEMBERS) and name != _MEMBERS
        path = _GROUPS + quote(name.removesuffix(_MEMBERS) if members else name, safe="") + _MEMBERS * members
    path = path.removesuffix("/")
    return prefix, VERSION + _DOCS if path == _DOCS else path


def body_terms(method: str, path: str) -> BodyTerms:
    """How a body is taken. Deletes have small ones, but a leave may name 10,000 contacts."""
    path = path.removeprefix(_PREFIX).removesuffix("/")
    if path.startswith(_INBOUND):
        return BodyTerms(INBOUND_BODY_BYTES_MAX)
    if path == _IMPORTS and method == "POST":
        return BodyTerms(_FORM_BYTES_MAX, "file")
    if path == _STREAM and method == "POST":
        return BodyTerms(FILE_BYTES_MAX, "lines")
    if method in ("POST", "PUT", "PATCH") or (method == "DELETE" and path.endswith(_MEMBERS)):
        return BodyTerms(BODY_BYTES_MAX)
    return BodyTerms(READ_BODY_BYTES_MAX)


def is_quick(method: str, path: str) -> bool:
    """Whether a route only reads, and so little that it may be answered on the event loop."""
    return method in _READS and not path.startswith(_SLOW) and not path.endswith(_SLOW_ENDS)
