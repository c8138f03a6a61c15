"""A server elsewhere, over its API: calls that are tried again while it is busy, and whose errors are sentences.

This room must not know what any call is for.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

import httpx2
import msgspec

from daftari.cli.terminal.output import WRONG_USAGE, fail

URL_VARIABLE, KEY_VARIABLE = "DAFTARI_URL", "DAFTARI_KEY"
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 120.0
"""How long a server may be silent."""
TRY_SECONDS_MAX = 120.0
"""How long a call is tried again before its error is final."""
PAUSE_SECONDS = 1.0
PAUSE_SECONDS_MAX = 30.0
BUSY = frozenset({429, 502, 503, 504})
"""Statuses after which the same call may go through later."""
IMPORT_STATE = "IMPORT_STATE"
"""What the server calls it when an import cannot be told something, as it has ended."""
SENTENCE_MAX = 500
"""Characters that are shown of an answer that is not ours."""

T = TypeVar("T")


class Remote:
    """A server at a base URL, and the key that is used there. Every method raises ``typer.Exit`` after its sentence.

    ``pause`` waits so many seconds.
    """

    def __init__(self, url: str, key: str, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._url = _base(url)
        self._pause = pause
        self._client = httpx2.Client(
            headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
            timeout=httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def call(self, method: str, path: str, **members: object) -> dict[str, Any]:
        """The JSON that a call answers. A write that is tried again has its effect once."""
        ask = self._asking(method, path, members)

        def attempt() -> dict[str, Any]:
            answer = ask()
            self._refuse(answer)
            return _read(answer.content)

        return self._tried(attempt)

    def call_if_possible(self, method: str, path: str, **members: object) -> dict[str, Any] | None:
        """As ``call``; ``None`` when the server says that the import's state has no place for it."""
        ask = self._asking(method, path, members)

        def attempt() -> dict[str, Any] | None:
            answer = ask()
            if answer.status_code == httpx2.codes.CONFLICT and _said_by(answer).get("error_code") == IMPORT_STATE:
                return None
            self._refuse(answer)
            return _read(answer.content)

        return self._tried(attempt)

    def _asking(self, method: str, path: str, members: Mapping[str, object]) -> Callable[[], httpx2.Response]:
        """A call that can be made again and again, and is one."""
        given: dict[str, Any] = {"params": _written(members)} if method == "GET" else {"json": members}
        headers = {} if method == "GET" else {"Idempotency-Key": f'"{uuid.uuid4()}"'}
        return lambda: self._client.request(method, self._url + path, headers=headers, **given)

    def download(self, path: str, file: BinaryIO, **members: object) -> int:
        """Write a whole answer into a file, from the file's beginning; how many bytes it has."""

        def attempt() -> int:
            file.seek(0)
            file.truncate()
            with self._client.stream("GET", self._url + path, params=_written(members)) as answer:
                if answer.status_code != httpx2.codes.OK:
                    answer.read()
                    self._refuse(answer)
                for piece in answer.iter_bytes():
                    file.write(piece)
            return file.tell()

        return self._tried(attempt)

    def _tried(self, attempt: Callable[[], T]) -> T:
        """What an attempt returns that went through."""
        until = time.monotonic() + TRY_SECONDS_MAX
        pause_seconds = PAUSE_SECONDS
        while True:
            try:
                return attempt()
            except _Busy as busy:
                wait_seconds = min(busy.seconds or pause_seconds, PAUSE_SECONDS_MAX)
                sentence = busy.sentence
            except httpx2.TransportError as error:
                wait_seconds = pause_seconds
                sentence = f"{self._url} does not answer: {_said(error)}"
            if time.monotonic() + wait_seconds > until:
                raise fail(sentence)
            self._pause(wait_seconds)
            pause_seconds = min(2 * pause_seconds, PAUSE_SECONDS_MAX)

    def _refuse(self, answer: httpx2.Response) -> None:
        """Raise for an answer that is an error."""
        if answer.is_success:
            return
        sentence = f"{self._url} answered {answer.status_code}: {_sentence(answer)}"
        if answer.status_code in BUSY:
            raise _Busy(sentence, _seconds(answer.headers.get("retry-after")))
        raise fail(sentence)


class _Busy(Exception):
    """The same call may go through later; in so many seconds if the server said."""

    def __init__(self, sentence: str, seconds: float | None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.seconds = seconds


def _base(url: str) -> str:
    """Where the paths begin: with or without the version, and as the server's own addresses are written."""
    base = url.strip().rstrip("/").removesuffix("/v1")
    if not base.startswith(("http://", "https://")):
        raise fail(f"The URL {url!r} does not begin with https:// or http://.", code=WRONG_USAGE)
    return base


def _written(members: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in members.items() if value is not None}


def _read(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        raise fail("The server's answer is not JSON; is this the URL of a Daftari?") from None


def _sentence(answer: httpx2.Response) -> str:
    """What an error says: each wrong field of ours, or how a stranger's answer begins."""
    said = _said_by(answer)
    if not said:
        return " ".join(answer.text.split())[:SENTENCE_MAX] or answer.reason_phrase
    errors = said.get("errors")
    if isinstance(errors, dict) and errors:
        return " ".join(str(sentence) for sentences in errors.values() for sentence in sentences)[:SENTENCE_MAX]
    return str(said.get("message", answer.reason_phrase))[:SENTENCE_MAX]


def _said_by(answer: httpx2.Response) -> dict[str, Any]:
    """The members of an answer; none of a stranger's."""
    try:
        return msgspec.json.decode(answer.content, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}


def _seconds(written: str | None) -> float | None:
    return float(written) if written is not None and written.isascii() and written.isdigit() else None


def _said(error: httpx2.TransportError) -> str:
    return f"{str(error) or type(error).__name__}."


def chosen_remote(url: str | None, key: str | None, *, database: str | None) -> Remote | None:
    """The server that the options or the variables name, ``None`` when they name none."""
    chosen = chosen_server(url, key, database=database)
    return None if chosen is None else Remote(*chosen)


def chosen_server(url: str | None, key: str | None, *, database: str | None) -> tuple[str, str] | None:
    """URL and key of that server. Ends the command when the options contradict, or there is no key.

    A database that is named counts for more than the variable.
    """
    if url is not None and database is not None:
        raise fail("Say either --url or --database.", code=WRONG_USAGE)
    server = url or (os.environ.get(URL_VARIABLE) if database is None else None)
    if not server:
        return None
    secret = key or os.environ.get(KEY_VARIABLE)
    if not secret:
        raise fail(f"A server needs a key: --key KEY, or the variable {KEY_VARIABLE}.", code=WRONG_USAGE)
    return server, secret
