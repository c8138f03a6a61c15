"""Files in and out with the Python client, and contacts that are streamed and resumed after a cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari_client import AsyncClient, Client, errors, streams
from daftari_client.api import Api
from daftari_client.errors import ConnectionFailed
from daftari_client.flows import Done, Iteration, ReadChunk, Request, Response, Yield, resume
from daftari_client.import_records import StreamedRow
from tests.support.client_files import StreamService
from tests.support.client_modes import MODES, QUICK, Caller
from tests.support.faulty_server import HANGS_UP, Got, Says, in_turn, rough_server, says

API = Api(base_url="http://localhost/v1", key="k", project=None, retries=QUICK, idempotency_keys=True)
PEOPLE = b"phone,shoe size\n0722000001,41\nO725,42\n0722000003,43\n"


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def caller(mode: str, url: str) -> Caller:
    return Caller(mode, url, {"key": "k", "retries": QUICK})


# ---- files ------------------------------------------------------------------------------------------


def test_what_an_import_is_asked_goes_into_the_query_and_its_file_into_the_body(mode: str) -> None:
    with rough_server(in_turn(says({"import": {"id": 1, "state": "queued"}}, 202))) as rough:
        ask = {"kind": "opt_outs", "columns": {"phone": "mobile", "x": None}, "plan": True, "keep_ids": True}
        ask |= {"channel": "sms", "sender": "DUKA", "purpose": "marketing", "evidence": "their list", "override": True}
        ask |= {"at": datetime(2026, 11, 1, tzinfo=UTC)}
        caller(mode, rough.url)(lambda b: b.imports.create(PEOPLE, **ask))
    assert rough.got[0].body == PEOPLE
    assert rough.got[0].query == {
        "kind": "opt_outs",
        "map": '{"phone":"mobile","x":null}',
        "plan": "true",
        "keep_ids": "true",
        "channel": "sms",
        "sender": "DUKA",
        "purpose": "marketing",
        "at": "2026-11-01T00:00:00+00:00",
        "evidence": "their list",
        "override": "true",
    }


def test_waiting_ends_when_the_time_given_is_over(mode: str) -> None:
    running = says({"import": {"id": 1, "state": "running"}})
    with rough_server(in_turn(running)) as rough, pytest.raises(errors.WaitedTooLong):
        caller(mode, rough.url)(lambda b: b.imports.wait(1, timeout_seconds=0.05))


def test_a_download_that_is_cut_is_an_error(mode: str) -> None:
    cut = Says(200, b"mobile,fname\n2547", cut=True)
    with rough_server(in_turn(cut)) as rough, pytest.raises(errors.ConnectionFailed):
        caller(mode, rough.url)(lambda b: b.exports.download(1))


def test_an_audience_without_its_last_line_is_an_error(mode: str) -> None:
    members = b'{"mobile":"254722000001","id":1}\n{"mobile":"254722'
    for answer in (Says(200, members), Says(200, members[:33]), Says(200, members, cut=True)):
        with rough_server(in_turn(answer)) as rough:
            call = caller(mode, rough.url)
            assert call(lambda b: b.audiences.stream(everyone=True, channel="sms"), first=1)[0].id == 1
            with pytest.raises(errors.ConnectionFailed):
                call(lambda b: b.audiences.stream(everyone=True, channel="sms"))


def test_an_iteration_that_is_left_closes_its_response(mode: str) -> None:
    seen: list[httpx2.Response] = []

    async def note(response: httpx2.Response) -> None:
        seen.append(response)

    async def awaited(url: str) -> None:
        async with httpx2.AsyncClient(event_hooks={"response": [note]}) as http:
            async with aclosing(AsyncClient(url, http=http).exports.download(1)) as pieces:
                await anext(pieces)
            assert [response.is_closed for response in seen] == [True]

    def waited(url: str) -> None:
        with httpx2.Client(event_hooks={"response": [seen.append]}) as http:
            for _ in Client(url, http=http).exports.download(1):
                break
            assert [response.is_closed for response in seen] == [True]

    with rough_server(in_turn(Says(200, bytes(10_000_000)))) as rough:
        waited(rough.url) if mode == "sync" else anyio.run(awaited, rough.url)


# ---- streams ----------------------------------------------------------------------------------------


def _people(count: int) -> Iterator[dict[str, Any]]:
    return ({"mobile": f"07220{number:05}"} for number in range(1, count + 1))


def _without_network(iteration: Iteration[StreamedRow], service: StreamService) -> Iterator[StreamedRow]:
    """Runs an iteration with nothing between it and a service; pauses take no time."""
    left: Iterator[bytes | ConnectionFailed] = iter(())
    step = resume(iteration)
    while not isinstance(step, Done):
        reply: object = None
        match step:
            case Yield():
                yield step.item
            case Request(content=bytes(body)):
                query = {name: str(value) for name, value in step.query}
                answer = service(Got(step.method, urlsplit(step.url).path, query, step.headers, body))
                left = _bytes_of(answer)
                reply = Response(answer.status, answer.headers)
            case ReadChunk():
                reply = next(left)
        step = resume(iteration, reply)


def _bytes_of(answer: Says) -> Iterator[bytes | ConnectionFailed]:
    """A body in pieces that are not lines, and how it ends."""
    yield from (answer.body[place : place + 50] for place in range(0, len(answer.body), 50))
    yield ConnectionFailed("Cut.", retryable=True) if answer.cut else b""


def test_contacts_are_streamed_and_each_is_answered(mode: str) -> None:
    service = StreamService()
    with rough_server(service) as rough:
        rows = [{"mobile": "0722000001", "fname": "أحمد"}, {"mobile": "O725"}]
        found = caller(mode, rough.url)(lambda b: b.contacts.stream(rows, group="VIP"))
    assert [(row.row, row.outcome, row.import_id) for row in found] == [(1, "created", 1), (2, "invalid", 1)]
    assert service.streamed == {1: rows}
    assert rough.got[0].query == {"group": "VIP"}


@given(
    rows=st.integers(0, 12),
    batch_rows=st.integers(1, 6),
    cuts=st.lists(st.none() | st.integers(0, 7), max_size=4),
)
def test_after_a_cut_a_stream_resumes_and_nothing_is_yielded_or_stored_twice(
    rows: int, batch_rows: int, cuts: list[int | None]
) -> None:
    service = StreamService(cuts=tuple(cuts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "BATCH_ROWS_MAX", batch_rows)
        found = list(
            _without_network(streams.stream_rows(API, _people(rows), group=None, fire_triggers=False), service)
        )
    assert [row.row for row in found] == list(range(1, rows + 1))
    last = [service.streamed[number] for number in sorted({row.import_id for row in found})]
    assert [row for kept in last for row in kept] == list(_people(rows))


def test_a_stream_that_makes_no_progress_is_given_up(mode: str) -> None:
    with rough_server(in_turn(HANGS_UP)) as rough:
        with pytest.raises(errors.ConnectionFailed):
            caller(mode, rough.url)(lambda b: b.contacts.stream(_people(3)))
        assert len(rough.got) == QUICK.tries_max


def test_a_stream_without_its_last_line_is_resumed(mode: str) -> None:
    with rough_server(in_turn(Says(200, b'{"import": 1}\n'))) as rough:
        with pytest.raises(errors.CutShort):
            caller(mode, rough.url)(lambda b: b.contacts.stream(_people(3)))
        assert [got.query.get("resume") for got in rough.got] == [None] + ["1"] * (QUICK.tries_max - 1)


def test_a_row_that_is_acknowledged_twice_is_yielded_once(mode: str) -> None:
    cut = Says(200, b'{"import": 1}\n{"row": 1, "outcome": "created"}\n', cut=True)
    rest = Says(200, b'{"row": 1, "outcome": "created"}\n{"row": 2, "outcome": "created"}\n{"end": true}\n')
    with rough_server(in_turn(cut, rest)) as rough:
        found = caller(mode, rough.url)(lambda b: b.contacts.stream(_people(2)))
    assert [row.row for row in found] == [1, 2]


def test_a_stream_may_be_cut_any_number_of_times_while_it_moves(mode: str) -> None:
    cuts = (2,) * (3 * QUICK.tries_max)
    with rough_server(StreamService(cuts=cuts)) as rough:
        found = caller(mode, rough.url)(lambda b: b.contacts.stream(_people(len(cuts) + 1)))
    assert [row.row for row in found] == list(range(1, len(cuts) + 2))
    assert [got.query.get("after") for got in rough.got][:3] == [None, "1", "2"]


def test_an_error_within_a_stream_is_raised_as_itself(mode: str) -> None:
    said = b'{"import": 1}\n{"message": "The key was revoked.", "error_code": "UNAUTHENTICATED", "retryable": false}\n'
    with rough_server(in_turn(Says(200, said))) as rough:
        with pytest.raises(errors.Unauthenticated, match="revoked"):
            caller(mode, rough.url)(lambda b: b.contacts.stream(_people(1)))
        assert len(rough.got) == 1


def test_an_iterator_without_end_is_read_no_further_than_it_is_answered(mode: str) -> None:
    taken = 0

    def people() -> Iterator[dict[str, Any]]:
        nonlocal taken
        while True:
            taken += 1
            yield {"mobile": f"07{taken:08}"}

    with rough_server(StreamService()) as rough:
        assert len(caller(mode, rough.url)(lambda b: b.contacts.stream(people()), first=3)) == 3
    assert taken == streams.BATCH_ROWS_MAX
