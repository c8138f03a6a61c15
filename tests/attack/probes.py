"""Requests without number: one project's key asks for another's things, and anything is sent to every call."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from tests.attack.service import FIRST_ID, GROUP, NAME, Answer, Found, Service

GENERATED = 3_000
SECRETS = (NAME.encode(), GROUP.encode())
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 2**63, 2**64, 1.5, 1e308, "", " ", "a", "\0", "😀", "\ud83d", "é" * 300, "x" * 70_000),
    *(
        "0722000001",
        "+254722000001",
        "254722000432.0",
        "2.54722E+11",
        "٠٧٢٢٠٠٠٠٠١",
        "2024-02-30",
        "1970-01-01T00:00:00Z",
    ),
    *("sms", "any", "marketing", "' OR 1=1 --", "%00", "../../etc/passwd", "<script>", "{{7*7}}", "\u2028", "\r\nX: 1"),
    *([], {}, [None], [[[]]], {"a": {"b": []}}, [1, "a", None], ["0722000001"] * 200),
)
THINGS = ((str(FIRST_ID + 1), "999999"), ("254700000001", "254799999999"), (quote(GROUP, safe=""), "no-such-group"))
"""Values for the parts of a path: what Ana has, and what is nowhere."""


def document_of(service: Service) -> dict[str, Any]:
    """The service's own OpenAPI document."""
    document: dict[str, Any] = msgspec.json.decode(service.call("GET", "/v1/openapi.json").body)
    return document


def isolation(service: Service) -> Found:
    """Chao's key asks every call for what only Ana has, and for what is nowhere: the answers may not differ."""
    asked = leaks = 0
    differences: list[str] = []
    for method, path in _calls_of(document_of(service)):
        for there, nowhere in THINGS:
            answers = []
            for part in (there, nowhere):
                asked += 1
                answers.append(_ask(service, method, re.sub(r"{\w+}", part, path), own_group=f"Own {asked}"))
            leaks += sum(secret in answer.body for secret in SECRETS for answer in answers)
            if len({answer.status for answer in answers}) > 1:
                differences.append(f"; {method} {path} of {there}")
    measured = f"{asked} asked, {leaks} leaks, {len(differences)} differences{''.join(differences)}"
    return Found("one project's key for another's things", measured, not leaks and not differences)


def _ask(service: Service, method: str, path: str, *, own_group: str) -> Answer:
    """One call with everything of Ana's in its body."""
    if method in ("GET", "QUERY"):
        return service.call(method, path, key=service.chao)
    body = {"mobile": "254700000001", "ids": [FIRST_ID + 1], "mobiles": ["254700000001"], "channel": "sms"}
    return service.call(method, path, key=service.chao, json=body | {"name": own_group, "group": own_group})


def generated_requests(service: Service) -> Found:
    """Random values in every place of every call: no answer may be a failure of the server."""
    chance = random.Random(2)
    document = document_of(service)
    calls = _calls_of(document)
    names = sorted(_names_in(document))
    statuses: Counter[int] = Counter()
    failed: list[str] = []
    for _ in range(GENERATED):
        method, path = chance.choice(calls)
        path = re.sub(r"{\w+}", lambda _: quote(_as_text(chance.choice(VALUES))[:200], safe="", errors="replace"), path)
        fields = {chance.choice(names): chance.choice(VALUES) for _ in range(chance.randrange(5))}
        query = urlencode({name: _as_text(value)[:500] for name, value in fields.items()}, errors="replace")
        given: dict[str, Any] = {}
        if chance.random() < 0.7:
            fields = {chance.choice(names): chance.choice(VALUES) for _ in range(chance.randrange(6))}
            given["body"] = json.dumps(fields).encode()
        elif chance.random() < 0.5:
            given["body"] = chance.randbytes(chance.randrange(200))
        answer = service.call(method, f"{path}?{query}", key=service.ana, **given)
        statuses[answer.status] += 1
        if answer.status >= 500:
            failed.append(f"{method} {path}: {answer.status}")
    counts = ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items()))
    held = not failed and "Traceback" not in service.log.read_text(errors="replace")
    return Found("generated requests", f"{GENERATED} sent: {counts}{''.join(f'; {one}' for one in failed[:3])}", held)


def _calls_of(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Methods and paths of the document, as they are called."""
    methods = ("get", "post", "put", "patch", "delete", "query")
    return [
        (method.upper(), path if path.startswith(("/v1", "/docs")) else f"/v1{path}")
        for path, node in document["paths"].items()
        for method in methods
        if method in node
    ]


def _names_in(node: object) -> set[str]:
    """Names of parameters and members anywhere in the document."""
    found: set[str] = set()
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            found.update(node["properties"])
        if "in" in node and isinstance(node.get("name"), str):
            found.add(node["name"])
        for part in node.values():
            found |= _names_in(part)
    elif isinstance(node, list):
        for part in node:
            found |= _names_in(part)
    return found


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
