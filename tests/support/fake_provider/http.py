"""Just enough HTTP/1.1 for a server and a client on loopback, both of which keep connections."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
PHRASES = {status.value: status.phrase for status in HTTPStatus}


class Read(NamedTuple):
    """A message as it came: its first line, its headers in lower case, and its body."""

    first: str
    headers: dict[str, str]
    body: bytes


async def read(reader: asyncio.StreamReader) -> Read | None:
    """The next message of a connection; ``None`` at its end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Read(first, headers, await _read_chunks(reader))
    return Read(first, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


def split_target(first: str) -> tuple[str, str, dict[str, str]]:
    """The method, the path and the query of a request."""
    method, target, _ = first.split(" ", 2)
    place = urlsplit(target)
    return method, place.path, dict(parse_qsl(place.query, keep_blank_values=True))


def write_response(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} {PHRASES.get(status, 'Unknown')}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


class Client:
    """Sends requests over connections that are kept, one after the other on each."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, int], list[Connection]] = {}

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status of the response; 0 if there was none."""
        place = urlsplit(url)
        origin = place.hostname or "", place.port or 80
        target = f"{place.path or '/'}{f'?{place.query}' if place.query else ''}"
        lines = [f"{method} {target} HTTP/1.1", f"host: {place.netloc}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        request = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body
        for is_last in (False, True):
            idle = self._idle.setdefault(origin, [])
            try:
                reader, writer = idle.pop() if idle and not is_last else await asyncio.open_connection(*origin)
                writer.write(request)
                response = await read(reader)
            except OSError:
                response = None
            if response is not None:
                if response.headers.get("connection", "").lower() != "close":
                    self._idle[origin].append((reader, writer))
                return int(response.first.split(" ")[1])
        return 0
