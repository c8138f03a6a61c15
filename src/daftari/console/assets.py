"""The files that pages load, in memory: each under a name with a digest in it, so that browsers keep it for a year.

Knows no page.
"""

from __future__ import annotations

import gzip
from functools import cache
from hashlib import sha256
from importlib.resources import files

from msgspec import Struct

from daftari.web.accept import names_type
from daftari.web.errors import RouteNotFound
from daftari.web.requests import Request
from daftari.web.responses import Response

CACHED = "public, max-age=31536000, immutable"
DIGEST_LENGTH = 10
MEDIA_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


class Asset(Struct, frozen=True):
    """A file, and the same compressed. ``name`` has the digest in it."""

    name: str
    body: bytes
    compressed: bytes
    media_type: str


def show_asset(request: Request, name: str) -> Response:
    """``GET /static/{name}``."""
    asset = next((each for each in load_assets().values() if each.name == name), None)
    if asset is None:
        raise RouteNotFound
    headers = (("vary", "accept-encoding"), ("x-content-type-options", "nosniff"))
    if accepts_gzip(request.raw.headers.get("accept-encoding")):
        return Response(200, asset.compressed, asset.media_type, (("content-encoding", "gzip"), *headers), CACHED)
    return Response(200, asset.body, asset.media_type, headers, CACHED)


@cache
def load_assets() -> dict[str, Asset]:
    """All files by their name without the digest."""
    found = {}
    for source in files("daftari.console.static").iterdir():
        stem, _, suffix = source.name.rpartition(".")
        if suffix in MEDIA_TYPES:
            body = source.read_bytes()
            name = f"{stem}.{sha256(body).hexdigest()[:DIGEST_LENGTH]}.{suffix}"
            found[source.name] = Asset(name, body, gzip.compress(body, mtime=0), MEDIA_TYPES[suffix])
    return found


def accepts_gzip(accepted: str | None) -> bool:
    """Whether a browser takes a compressed body."""
    return names_type(accepted, "gzip")
