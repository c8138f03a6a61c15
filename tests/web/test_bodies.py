"""Bodies of callers who are not known yet, and of all callers together, have limits."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from daftari.web.errors import render_json
from daftari.web.responses import Response, json_response
from daftari.web.routing import LARGE, BodyPolicy, RawRequest, Route, RouteMatch, Router
from daftari.web.server import BODY_IN_MEMORY_BYTES_MAX, EntryPoint, Limits, RsgiServer
from tests.support.clients import Answer, sent

KEY = [("authorization", "Bearer x")]


def server_with(limits: Limits, *, may_read: threading.Event | None = None) -> RsgiServer:
    """A server that answers with the length of the body, and takes any key. Files are read once ``may_read`` is set."""

    def application(request: RawRequest) -> Response:
        if may_read is not None and request.match.path == "/files":
            may_read.wait()
        return json_response({"length": len(request.body.read())})

    def authorize(scope: Any, match: RouteMatch, beginning: bytes) -> bool:
        return "authorization" in scope.headers

    router = Router(
        [
            ("/", Route("POST", "/", application, "write", LARGE)),
            ("/files", Route("POST", "/files", application, "write", BodyPolicy(100, "file"))),
        ],
        prefix="/api",
        base="",
        spanning={},
    )
    entry = EntryPoint(router, application, authorize, render_json)
    return RsgiServer(
        lambda path: entry,
        inline=True,
        threads=1,
        periodic=lambda: None,
        close=lambda: None,
        limits=limits,
    )


def post(limits: Limits, *requests: tuple[list[tuple[str, str]], int]) -> list[Answer]:
    """The answers to bodies of so many bytes each, with these headers, one after the other."""
    server = server_with(limits)
    with asyncio.Runner() as runner:
        answers = [runner.run(sent(server, "POST", "/", headers, b"x" * length)) for headers, length in requests]
    server.close()
    return answers


def refused(answer: Answer) -> tuple[int, str, str | None]:
    return answer.status, json.loads(answer.body)["error_code"], answer.headers.get("retry-after")


def test_bodies_without_a_known_key_have_a_limit_together_and_keep_out_no_one_who_has_one() -> None:
    unknown, known, short = post(Limits(unknown_bytes_max=10), ([], 100), (KEY, 100), ([], 10))
    assert refused(unknown) == (503, "BUSY", "1")
    assert [json.loads(answer.body)["length"] for answer in (known, short)] == [100, 10]


def test_bodies_in_files_have_a_limit_together_and_give_their_share_back() -> None:
    long = BODY_IN_MEMORY_BYTES_MAX + 1
    answers = post(Limits(spooled_bytes_max=long), (KEY, long), (KEY, long + 1), (KEY, 10), (KEY, long))
    assert [answer.status for answer in answers] == [200, 503, 200, 200]
    assert refused(answers[1]) == (503, "BUSY", "5")


@pytest.mark.parametrize("headers", [[], [("content-encoding", "gzip")]])
def test_an_unknown_client_is_refused_at_the_first_byte_too_many(headers: list[tuple[str, str]]) -> None:
    (answer,) = post(Limits(), (headers, BODY_IN_MEMORY_BYTES_MAX + 1))
    assert answer.status == (415 if headers else 401)


def test_a_length_that_is_no_number_is_refused() -> None:
    (answer,) = post(Limits(), ([("content-length", "+5")], 5))
    assert refused(answer) == (400, "MALFORMED", None)


def test_files_that_are_read_for_long_delay_no_other_request() -> None:
    may_read = threading.Event()
    server = server_with(Limits(files_read_max=2, files_arriving_max=2), may_read=may_read)

    async def send_all() -> list[Answer]:
        files = [asyncio.create_task(sent(server, "POST", "/files", KEY, b"file")) for _ in range(5)]
        # One file is too many, and is refused while the others wait.
        await asyncio.wait(files, return_when="FIRST_COMPLETED")
        other = await sent(server, "POST", "/", KEY, b"other")
        may_read.set()
        return [other, *await asyncio.gather(*files)]

    with asyncio.Runner() as runner:
        other, *files = runner.run(send_all())
    server.close()
    assert other.status == 200
    assert sorted(answer.status for answer in files) == [200] * 4 + [503]
