"""A server that a command works on over the API: its client, and its errors as messages. No calls of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from daftari.cli.terminal.output import WRONG_USAGE, fail, strip_controls
from daftari_client import Client, DaftariError, Retries

TIMEOUT = httpx2.Timeout(120.0, connect=10.0)
"""Seconds without an answer; a server is silent while it stores a large file."""
RETRIES = Retries(tries_max=20, total_seconds_max=120.0, first_pause_seconds=1.0, pause_seconds_max=30.0)
"""A command tries a busy server for two minutes, unless the server asks for a longer pause."""
MESSAGE_MAX = 500
"""Characters of a server's message that are printed."""


@contextmanager
def open_client(url: str, key: str, *, project: str | None) -> Iterator[Client]:
    """A client of the server, until the block ends.

    Raises ``typer.Exit`` after its message for an error of the server and for a wrong URL.
    """
    base = url.strip().rstrip("/").removesuffix("/v1")
    if not base.startswith(("http://", "https://")):
        raise fail(f"The URL {url!r} does not begin with https:// or http://.", code=WRONG_USAGE)
    with httpx2.Client(timeout=TIMEOUT) as http:
        try:
            client = Client(f"{base}/v1", key, project=project, retries=RETRIES, http=http)
        except ValueError as error:
            raise fail(str(error), code=WRONG_USAGE) from None
        try:
            yield client
        except DaftariError as error:
            raise fail(_describe(base, error)) from error


def _describe(url: str, error: DaftariError) -> str:
    sentences = [sentence for sentences in error.errors.values() for sentence in sentences] or [error.message]
    said = strip_controls(" ".join(sentences))[:MESSAGE_MAX]
    return said if error.status is None else f"{url} answered {error.status}: {said}"
