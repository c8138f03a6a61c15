"""When the Python client tries again, how long it waits, and what it sends the second time."""

from __future__ import annotations

import io
import os
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari_client import Client, Retries, errors
from daftari_client.errors import DaftariError, StoreBusy, read_error
from tests.support.client_modes import MODES, QUICK, Caller
from tests.support.faulty_server import HANGS_UP, Says, in_turn, rough_server, says

CREATED = says({"message": "Contacts created successfully", "created": 1}, 201)
BUSY = says({"message": "Busy.", "error_code": "BUSY", "retryable": True}, 503, retry_after="0")
IMPORT = says({"import": {"id": 1, "state": "queued"}}, 202)


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def caller(mode: str, url: str, **options: Any) -> Caller:
    return Caller(mode, url, {"key": "k", "retries": QUICK} | options)


# ---- what is sent again -----------------------------------------------------------------------------


def test_a_write_goes_through_after_failures_and_all_its_tries_carry_one_key(mode: str) -> None:
    failures = (HANGS_UP, BUSY, Says(502, b"<html>Bad gateway</html>"), says({}, 429))
    with rough_server(in_turn(*failures, CREATED)) as rough:
        call = caller(mode, rough.url)
        assert call(lambda b: b.contacts.create([{"mobile": "0722000000"}])).created == 1
        assert call(lambda b: b.contacts.create([{"mobile": "0722000000"}])).created == 1
    keys = [got.headers["idempotency-key"] for got in rough.got]
    assert len(keys) == 6
    assert len(set(keys[:5])) == 1 and keys[5] != keys[0]
    assert {got.body for got in rough.got} == {b'{"contacts":[{"mobile":"0722000000"}]}'}


def test_a_callers_own_key_is_used(mode: str) -> None:
    with rough_server(in_turn(BUSY, CREATED)) as rough:
        caller(mode, rough.url)(lambda b: b.contacts.create([], idempotency_key="order 17"))
    assert [got.headers["idempotency-key"] for got in rough.got] == ["order 17", "order 17"]


@pytest.mark.parametrize("failure", [BUSY, HANGS_UP])
def test_without_keys_a_write_is_sent_once_and_a_read_again(mode: str, failure: Says | None) -> None:
    with rough_server(in_turn(failure)) as rough:
        call = caller(mode, rough.url, idempotency_keys=False)
        with pytest.raises(DaftariError):
            call(lambda b: b.contacts.delete(1))
        assert len(rough.got) == 1 and "idempotency-key" not in rough.got[0].headers
        with pytest.raises(DaftariError):
            call(lambda b: b.contacts.get(1))
        assert len(rough.got) == 1 + QUICK.tries_max


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 412, 413, 415, 422, 500, 501])
def test_what_would_fail_again_is_not_sent_again(status: int) -> None:
    with rough_server(in_turn(says({}, status))) as rough:
        with pytest.raises(DaftariError) as failed:
            caller("sync", rough.url)(lambda b: b.contacts.list())
        assert (failed.value.status, len(rough.got)) == (status, 1)


def test_retryable_in_the_body_counts_more_than_the_status() -> None:
    stalled = says({"error_code": "BODY_STALLED", "retryable": True}, 400)
    hopeless = says({"error_code": "SCHEMA_MISMATCH", "retryable": False}, 503)
    with rough_server(in_turn(stalled, hopeless)) as rough:
        with pytest.raises(errors.SchemaMismatch):
            caller("sync", rough.url)(lambda b: b.contacts.list())
        assert len(rough.got) == 2


def test_no_server_is_an_error_with_the_address_and_the_cause(mode: str) -> None:
    with rough_server(in_turn(CREATED)) as rough:
        url = rough.url
    with pytest.raises(errors.ConnectionFailed, match=f"No response from {url}: ") as failed:
        caller(mode, url)(lambda b: b.health())
    assert failed.value.status is None and failed.value.__cause__ is not None


def test_that_an_answer_is_a_replay_changes_nothing(mode: str) -> None:
    replay = says({"message": "", "created": 1}, 201, idempotent_replayed="true")
    with rough_server(in_turn(replay)) as rough:
        assert caller(mode, rough.url)(lambda b: b.contacts.create([])).created == 1


# ---- bodies that are files --------------------------------------------------------------------------


def test_a_file_is_sent_in_pieces_with_its_length_and_from_where_it_stood_each_time(mode: str) -> None:
    content = b"not this;" + os.urandom(300_000)
    with rough_server(in_turn(BUSY, HANGS_UP, IMPORT)) as rough:
        file = io.BytesIO(content)
        file.seek(9)
        assert caller(mode, rough.url)(lambda b: b.imports.create(file, name="people.csv")).state == "queued"
    assert [got.body for got in rough.got] == [content[9:]] * 3
    assert {got.headers["content-length"] for got in rough.got} == {"300000"}
    assert rough.got[0].query == {"name": "people.csv"}


@pytest.mark.parametrize("answer", [IMPORT, BUSY])
def test_a_pipe_is_sent_once_because_it_cannot_be_read_again(mode: str, answer: Says) -> None:
    reading, writing = os.pipe()
    with rough_server(in_turn(answer)) as rough, open(reading, "rb") as pipe:
        os.write(writing, b"phone\n0722000000\n")
        os.close(writing)
        call = caller(mode, rough.url)
        if answer is IMPORT:
            call(lambda b: b.imports.create(pipe))
        else:
            with pytest.raises(StoreBusy):
                call(lambda b: b.imports.create(pipe))
    assert [got.body for got in rough.got] == [b"phone\n0722000000\n"]


def test_a_file_of_text_is_refused_before_anything_is_sent(mode: str) -> None:
    with rough_server(in_turn(IMPORT)) as rough:
        with pytest.raises(TypeError, match="rb"):
            caller(mode, rough.url)(lambda b: b.imports.create(io.StringIO("phone\n")))
        assert rough.got == []


# ---- how long it waits ------------------------------------------------------------------------------


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def _pauses(retries: Retries, clock: Clock, error: DaftariError) -> list[float]:
    budget, pauses = retries.begin(), []
    while (pause := budget.seconds_before_next(error)) is not None:
        pauses.append(pause)
        clock.now += pause
    return pauses


@given(
    tries=st.integers(1, 12),
    total=st.floats(0.1, 100),
    first=st.floats(0.01, 5),
    most=st.floats(0.01, 30),
    asked=st.none() | st.floats(0, 20),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_pauses_stay_within_the_tries_the_time_and_the_back_off(
    tries: int, total: float, first: float, most: float, asked: float | None, chance: float
) -> None:
    clock = Clock()
    retries = Retries(
        tries_max=tries,
        total_seconds_max=total,
        first_pause_seconds=first,
        pause_seconds_max=most,
        clock=clock,
        chance=lambda: chance,
    )
    pauses = _pauses(retries, clock, StoreBusy("", retryable=True, retry_after_seconds=asked))
    assert len(pauses) < tries
    assert sum(pauses) <= total * 1.000001
    for number, pause in enumerate(pauses):
        wanted = (asked or 0) + chance * min(first * 2**number, most)
        assert pause <= wanted + 1e-6
        assert pause >= (asked or 0) - 1e-6
        if number < len(pauses) - 1:
            assert pause == pytest.approx(wanted)


def test_the_pause_is_random_up_to_a_limit_that_doubles() -> None:
    clock = Clock()
    most = Retries(tries_max=6, first_pause_seconds=1, pause_seconds_max=4, clock=clock, chance=lambda: 0.5)
    assert _pauses(most, clock, StoreBusy("", retryable=True)) == [0.5, 1.0, 2.0, 2.0, 2.0]


def test_a_server_that_asks_for_more_time_than_there_is_is_not_asked_again() -> None:
    clock = Clock()
    retries = Retries(total_seconds_max=30, clock=clock)
    assert _pauses(retries, clock, StoreBusy("", retryable=True, retry_after_seconds=31)) == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:09 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 9.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT", "date": "Wed, 21 Oct 2015 07:29:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "²"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_as_seconds_and_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert read_error(503, headers, b"").retry_after_seconds == seconds


def test_a_call_waits_as_long_as_the_server_asks(mode: str) -> None:
    clock = Clock()
    soon = says({}, 503, retry_after="0")
    late = says({}, 503, retry_after="100")
    with rough_server(in_turn(soon, late)) as rough:
        retries = Retries(first_pause_seconds=0, clock=clock)
        with pytest.raises(StoreBusy) as failed:
            caller(mode, rough.url, retries=retries)(lambda b: b.contacts.list())
        assert (failed.value.retry_after_seconds, len(rough.got)) == (100.0, 2)


def test_one_client_serves_many_threads() -> None:
    with rough_server(lambda got: says({"contact": {"id": int(got.path.rsplit("/")[-1]), "mobile": "254"}})) as rough:
        found: list[int] = []
        with Client(rough.url, "k") as book:
            threads = [threading.Thread(target=lambda n=n: found.append(book.contacts.get(n).id)) for n in range(1, 9)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert sorted(found) == list(range(1, 9))
