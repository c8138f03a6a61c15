"""How a call becomes a request: base URL, key, project, query and body.

No calls of the API here, and no HTTP library.
"""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, BinaryIO, TypedDict
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari_client.errors import CutShort
from daftari_client.flows import Flow, Progress, Read, ReadChunk, Request, Response, RunBlocking, T
from daftari_client.retries import NO_RETRIES, Retries, retry, send

VERSION = "0.1.0"
_JSON = "application/json"
NDJSON = "application/x-ndjson"
_BYTES = "application/octet-stream"

Content = bytes | BinaryIO


class WriteOptions(TypedDict, total=False):
    """What every write takes: an ``idempotency_key`` of the caller, instead of one made for the call."""

    idempotency_key: str


class Api(Struct, frozen=True, kw_only=True):
    """Where the service is, and how calls are made there."""

    base_url: str
    key: str | None
    project: str | None
    retries: Retries
    idempotency_keys: bool

    def read(
        self, path: str, answer: Read[T], *, query: Mapping[str, object] | None = None, body: object = None
    ) -> Flow[T]:
        """A call that changes nothing: GET, or POST if it has a body."""
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
        progress: Progress | None = None,
        idempotency_key: str | None = None,
        if_match: str | None = None,
    ) -> Flow[T]:
        """A call that changes something. All its tries carry one idempotency key; without a key it is tried once."""
        key = idempotency_key or (str(uuid.uuid4()) if self.idempotency_keys else None)
        headers = {"idempotency-key": key, "if-match": if_match}
        request = self._request(method, path, query=query, body=body, content=content, headers=headers)
        retries = NO_RETRIES if key is None else self.retries
        return answer((yield from send(replace(request, progress=progress), retries)))

    def open(
        self,
        path: str,
        *,
        accept: str = "*/*",
        query: Mapping[str, object] | None = None,
        ndjson: bytes | None = None,
        retries: Retries | None = None,
    ) -> Flow[Response]:
        """Opens a streamed response: of a GET, or of a POST if lines are sent.

        A POST of lines carries no idempotency key, because it has its own way to resume.
        """
        request = self._request(
            "GET" if ndjson is None else "POST", path, query=query, content=ndjson, media_type=NDJSON, accept=accept
        )
        return (yield from send(replace(request, streamed=True), retries or self.retries))

    def save(
        self, path: str, file: BinaryIO, *, length: int | None = None, progress: Progress | None = None
    ) -> Flow[int]:
        """Writes a response into a file, and returns its length in bytes.

        After a cut the file is written again from where it stood, if it is seekable. Raises ``CutShort`` if the bytes
        are not ``length`` in number.
        """
        start = file.tell() if file.seekable() else None

        def attempt() -> Flow[int]:
            if start is not None:
                yield RunBlocking(partial(_cut_off, file, start))
            response = yield from self.open(path, retries=self.retries if start is None else NO_RETRIES)
            total = length if length is not None else _read_length(response)
            written = 0
            while chunk := (yield ReadChunk()):
                yield RunBlocking(partial(file.write, chunk))
                written += len(chunk)
                if progress is not None:
                    progress(written, total)
            if length is not None and written != length:
                raise CutShort(f"The file has {length} bytes, and {written} arrived.", retryable=True)
            return written

        return (yield from retry(attempt, NO_RETRIES if start is None else self.retries))

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
    """The URL under which the calls are. One without a path gets ``/v1``."""
    parts = urlsplit(written)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"{written!r} is not a base URL; write it like https://phonebook.example/v1.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/v1'}"


def path_part(name: object) -> str:
    """One segment of a path, percent-encoded."""
    return quote(str(name), safe="")


def read_content(source: Content) -> Content:
    """Bytes, or a file that is open for bytes. Raises ``TypeError`` for a file of text."""
    found: object = source
    if isinstance(found, io.TextIOBase):
        raise TypeError("The file is open for text; open it for bytes: open(name, 'rb').")
    return source


def file_name(source: Content) -> str | None:
    """The name of a file, if it has one."""
    name = getattr(source, "name", None)
    return os.path.basename(name) if isinstance(name, str) else None


def _to_builtin(value: object) -> Any:
    """Other mappings and iterables as JSON has them."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON.")


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
    """The header with the length of a body, if it can be known before the body is sent."""
    if isinstance(content, bytes):
        return {"content-length": str(len(content))}
    if not content.seekable():
        return {}
    start = content.tell()
    end = content.seek(0, os.SEEK_END)
    content.seek(start)
    return {"content-length": str(end - start)}


def _read_length(response: Response) -> int | None:
    """The length of a body that is sent as it is, not compressed."""
    written = response.headers.get("content-length", "")
    return int(written) if written.isdecimal() and "content-encoding" not in response.headers else None


def _cut_off(file: BinaryIO, start: int) -> None:
    file.seek(start)
    file.truncate()
