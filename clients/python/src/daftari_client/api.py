"""How a call becomes a request: the address, the key, the project, the query and the body.

This module must not know what any call is for, nor how a request is sent.
"""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, BinaryIO, TypedDict
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Struct

from daftari_client.flows import Flow, Read, Request, T
from daftari_client.retries import NO_RETRIES, Retries, send

VERSION = "0.1.0"
_JSON = "application/json"
NDJSON = "application/x-ndjson"
_BYTES = "application/octet-stream"

Content = bytes | BinaryIO


class WriteOptions(TypedDict, total=False):
    """What every write takes: ``idempotency_key``, in place of one made up for the call."""

    idempotency_key: str


class Api(Struct, frozen=True, kw_only=True):
    """A service, and how to speak to it."""

    base_url: str
    key: str | None
    project: str | None
    retries: Retries
    idempotency_keys: bool

    def read(
        self, path: str, answer: Read[T], *, query: Mapping[str, object] | None = None, body: object = None
    ) -> Flow[T]:
        """A call that changes nothing: GET, or POST when it has a body."""
        request = self._request("GET" if body is None else "POST", path, query=query, body=body)
        return answer((yield from send(request, self.retries)))

    def write(
        self,
        path: str,
        answer: Read[T],
        *,
        method: str = "POST",
        query: Mapping[str, object] | None = None,
        body: object = None,
        content: Content | None = None,
        idempotency_key: str | None = None,
        if_match: str | None = None,
    ) -> Flow[T]:
        """A call that changes something. All its tries carry one key; without one it is tried once."""
        key = idempotency_key or (str(uuid.uuid4()) if self.idempotency_keys else None)
        request = self._request(
            method,
            path,
            query=query,
            body=body,
            content=content,
            headers={"idempotency-key": key, "if-match": if_match},
        )
        return answer((yield from send(request, self.retries if _is_repeatable(request) else NO_RETRIES)))

    def open(
        self,
        path: str,
        *,
        accept: str = "*/*",
        query: Mapping[str, object] | None = None,
        ndjson: bytes | None = None,
        retries: Retries | None = None,
    ) -> Flow[None]:
        """Opens a streamed answer, of a GET, or of a POST when lines are sent. Those have a way of their own to be
        taken up again, and so carry no key.
        """
        request = self._request(
            "GET" if ndjson is None else "POST", path, query=query, content=ndjson, media_type=NDJSON, accept=accept
        )
        yield from send(msgspec.structs.replace(request, streamed=True), retries or self.retries)

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None,
        body: object = None,
        content: Content | None = None,
        media_type: str = _BYTES,
        accept: str = _JSON,
        headers: Mapping[str, str | None] | None = None,
    ) -> Request:
        """The project goes into a JSON body if there is one, otherwise into the query."""
        sent = {"accept": accept, "user-agent": f"daftari-client/{VERSION}"}
        parameters: dict[str, object] = {**(query or {})}
        if self.key is not None:
            sent["authorization"] = f"Bearer {self.key}"
        sent |= {name: value for name, value in (headers or {}).items() if value is not None}
        if isinstance(body, Mapping):
            members = {name: value for name, value in {**body, "project": self.project}.items() if value is not None}
            media_type, content = _JSON, msgspec.json.encode(members, enc_hook=_to_builtin)
        else:
            parameters["project"] = self.project
        if content is not None:
            sent["content-type"] = media_type
            sent |= _content_length(content)
        return Request(
            method=method,
            url=self.base_url + path,
            headers=sent,
            query=tuple(_query_pairs(parameters)),
            content=content,
        )


def read_base_url(written: str) -> str:
    """The address under which the calls are. One without a path gets ``/v1``, as Daftari has it."""
    parts = urlsplit(written)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"{written!r} is not a base URL; write it like https://phonebook.example/v1.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/v1'}"


def path_part(name: object) -> str:
    """One segment of a path, percent-encoded."""
    return quote(str(name), safe="")


def read_content(source: Content) -> Content:
    """A file that is open for bytes, or bytes."""
    found: object = source
    if isinstance(found, io.TextIOBase):
        raise TypeError("Open the file for bytes: open(name, 'rb').")
    return source


def file_name(source: Content) -> str | None:
    """The name of a file that has one."""
    name = getattr(source, "name", None)
    return os.path.basename(name) if isinstance(name, str) else None


def _is_repeatable(request: Request) -> bool:
    return "idempotency-key" in request.headers


def _to_builtin(value: object) -> Any:
    """Other mappings and iterables as JSON has them."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"{type(value).__name__} cannot be sent.")


def _query_pairs(query: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    for name, value in query.items():
        if isinstance(value, bool):
            if value:
                yield name, "true"
        elif isinstance(value, datetime):
            yield name, value.isoformat()
        elif isinstance(value, (list, tuple)):
            yield from ((name, str(each)) for each in value)
        elif value is not None:
            yield name, str(value)


def _content_length(content: Content) -> dict[str, str]:
    """The length of a body, when it can be known before it is sent."""
    if isinstance(content, bytes):
        return {"content-length": str(len(content))}
    if not content.seekable():
        return {}
    start = content.tell()
    end = content.seek(0, os.SEEK_END)
    content.seek(start)
    return {"content-length": str(end - start)}
