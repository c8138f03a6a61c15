"""Bodies that are made to cost memory, time or disk, most of them without a key."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.attack.service import Answer, Found, Service

MEGABYTE = 1024 * 1024
AT_ONCE = 4
GROWTH_MEGABYTES_MAX = 40
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


def big_bodies_without_a_key(service: Service) -> Found:
    """16 MB of JSON, of a form and of a file, four at a time, with no key or a wrong one."""
    json = b'{"contacts":[' + b'{"mobile":"0722000001"},' * (16 * MEGABYTE // 24)
    form = b"a=" + b"%31" * (16 * MEGABYTE // 3 - 1)
    asked = [
        ("/v1/contacts", json, JSON),
        ("/v1/contacts", form, FORM),
        ("/v1/contacts?apiKey=daf_wrong", json, JSON),
        ("/v1/contacts", json, {**JSON, "Authorization": "Bearer daf_wrong"}),
        ("/v1/imports", json, {"Content-Type": "text/csv"}),
        ("/v1/inbound/generic/wrong", b"x" * MEGABYTE, JSON),
        ("/v1/no/such/path", json, JSON),
    ]
    return _send_all(service, "16 MB without a good key", asked, expected={401, 404, 413})


def forms_with_a_key(service: Service) -> Found:
    """Forms that a decoder may take long for, up to their limit."""
    header = {**FORM, "Authorization": f"Bearer {service.ana}"}
    patterns = (b"%31", b"%31a", b"%", b"&a", b"+", b"a[]=1&", b"a[b][c]=1&")
    asked = [("/v1/groups", b"x=" + (pattern * MEGABYTE)[: MEGABYTE - 2], header) for pattern in patterns]
    return _send_all(service, "1 MB forms with a key", asked, expected={400, 422})


def nested_and_encoded(service: Service) -> Found:
    """Deep JSON, many brackets, and bodies that are compressed, from a caller with a key."""
    header = {**JSON, "Authorization": f"Bearer {service.ana}"}
    asked = [
        ("/v1/contacts", b'{"contacts":' + b"[" * 4 * MEGABYTE, header),
        ("/v1/contacts", b'{"a":' * MEGABYTE, header),
        ("/v1/contacts", b'{"contacts":["' + b'\\"' * 4 * MEGABYTE + b'"]}', header),
        ("/v1/contacts", b"\x1f\x8b" + bytes(MEGABYTE), {**header, "Content-Encoding": "gzip"}),
    ]
    return _send_all(service, "deep and compressed bodies", asked, expected={400, 415, 422}, growth_max=250)


def _send_all(
    service: Service,
    what: str,
    asked: list[tuple[str, bytes, dict[str, str]]],
    *,
    expected: set[int],
    growth_max: int = GROWTH_MEGABYTES_MAX,
) -> Found:
    """Each body several times at once: the answers, the slowest, and how far the memory rose."""
    service.forget_peaks()
    before = service.peak_megabytes()
    statuses: set[int] = set()
    slowest = 0.0

    def send(path: str, body: bytes, headers: dict[str, str]) -> tuple[Answer, float]:
        began = time.monotonic()
        return service.call("POST", path, body=body, headers=headers), time.monotonic() - began

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for path, body, headers in asked:
            for answer, seconds in pool.map(send, *zip(*[(path, body, headers)] * AT_ONCE, strict=True)):
                statuses.add(answer.status)
                slowest = max(slowest, seconds)
    growth = service.peak_megabytes() - before
    measured = f"{len(asked) * AT_ONCE} sent, {_written(statuses)}; slowest {slowest:.2f} s; memory +{growth} MB"
    return Found(what, measured, statuses <= expected and growth <= growth_max)


def early_answers(service: Service) -> Found:
    """20 MB to calls that answer before they have them: every client must get the answer, and no reset."""
    body = b"x" * 20_000_000
    got: list[str] = []
    for path, headers in (
        ("/v1/contacts", {}),
        ("/v1/contacts", {"Authorization": f"Bearer {service.ana}"}),
        ("/v1/no/such/path", {}),
        ("/v1/imports", {}),
    ):
        for _ in range(3):
            try:
                got.append(str(service.call("POST", path, body=body, headers=headers).status))
            except OSError as error:
                got.append(type(error).__name__)
    lost = [one for one in got if not one.isdigit()]
    return Found("answers before the end of 20 MB", f"{len(got)} sent, {len(lost)} not answered", not lost)


def files_are_private(service: Service) -> Found:
    """The mode of every file that the service made."""
    exposed = [
        path.name for path in Path(service.folder).iterdir() if path != service.log and os.stat(path).st_mode & 0o77
    ]
    return Found("files that others may read", ", ".join(exposed) or "none", not exposed)


def _written(statuses: set[int]) -> str:
    return ", ".join(map(str, sorted(statuses)))
