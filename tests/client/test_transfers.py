"""Files that the Python client uploads from a disk and downloads to one: progress, cuts, lengths, and callbacks that
end a call.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from daftari_client import Retries, errors
from daftari_client.flows import Flow, Pause
from daftari_client.polling import wait_until
from tests.support.client_modes import MODES, QUICK, Caller
from tests.support.faulty_server import HANGS_UP, Behaviour, Got, Says, in_turn, rough_server, says

FILE = b"id,mobile\n" + b"1,254722000001\n" * 40_000
CUT = Says(200, FILE[:300_000], cut=True)
WHOLE = Says(200, FILE)
BUSY = says({"message": "Busy.", "error_code": "BUSY", "retryable": True}, 503, retry_after="0")
IMPORT = says({"import": {"id": 1, "state": "queued"}}, 202)
DONE = says({"export": {"id": 1, "state": "done", "bytes": len(FILE)}})

Save = Callable[[Any, BinaryIO, Any], Any]
SAVES: dict[str, Save] = {
    "exports": lambda book, file, progress: book.exports.save(1, file, progress=progress),
    "imports": lambda book, file, progress: book.imports.save_rejects(1, file, progress=progress),
}


class Stopped(Exception):
    """What a callback raises here."""


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def caller(mode: str, url: str, **options: Any) -> Caller:
    return Caller(mode, url, {"key": "k", "retries": QUICK} | options)


def files(*answers: Says | None) -> Behaviour:
    """Answers for files, one after the other, from a service with one export that is done."""
    file = in_turn(*answers)
    return lambda got: DONE if got.path == "/v1/exports/1" else file(got)


# ---- downloads ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SAVES)
def test_a_download_that_is_cut_is_written_again_from_where_the_file_stood(mode: str, kind: str) -> None:
    file, seen = io.BytesIO(b"kept"), list[tuple[int, int | None]]()
    file.seek(4)
    with rough_server(files(BUSY, CUT, HANGS_UP, WHOLE)) as rough:
        assert caller(mode, rough.url)(lambda b: SAVES[kind](b, file, lambda *given: seen.append(given))) == len(FILE)
    assert file.getvalue() == b"kept" + FILE
    assert seen[-1] == (len(FILE), len(FILE))
    restarts = [one for one, other in pairwise(seen) if other[0] < one[0]]
    assert len(restarts) == 1 and restarts[0][0] <= 300_000


@pytest.mark.parametrize("kind", SAVES)
def test_a_shorter_file_leaves_nothing_of_a_longer_try(mode: str, kind: str) -> None:
    short = Says(200, b"id,mobile\n")
    done = says({"export": {"id": 1, "state": "done", "bytes": 10}})
    later = in_turn(CUT, short)
    file = io.BytesIO()
    with rough_server(lambda got: done if got.path == "/v1/exports/1" else later(got)) as rough:
        assert caller(mode, rough.url)(lambda b: SAVES[kind](b, file, None)) == 10
    assert file.getvalue() == b"id,mobile\n"


def test_an_export_of_another_length_than_the_server_says_is_an_error(mode: str) -> None:
    with rough_server(files(Says(200, FILE[:-1]))) as rough:
        with pytest.raises(errors.CutShort, match=f"{len(FILE)} bytes, and {len(FILE) - 1} arrived"):
            caller(mode, rough.url)(lambda b: b.exports.save(1, io.BytesIO()))
        assert len(rough.got) == 1 + QUICK.tries_max


@pytest.mark.parametrize("answers", [(BUSY, Says(200, b"x" * 100)), (Says(200, b"x" * 100, cut=True),)])
def test_a_download_into_a_pipe_is_not_begun_twice(mode: str, answers: tuple[Says, ...]) -> None:
    reading, writing = os.pipe()
    with rough_server(in_turn(*answers)) as rough, open(reading, "rb") as pipe, open(writing, "wb") as file:
        call = caller(mode, rough.url)
        if answers[-1].cut:
            with pytest.raises(errors.ConnectionFailed):
                call(lambda b: b.imports.save_rejects(1, file))
        else:
            assert call(lambda b: b.imports.save_rejects(1, file)) == 100
        file.close()
        assert pipe.read() == b"x" * 100
    assert len(rough.got) == len(answers)


def test_a_download_gives_up_with_the_error_of_its_last_try(mode: str) -> None:
    failed = says({"message": "It has no file.", "error_code": "EXPORT_FAILED", "retryable": False}, 409)
    with rough_server(files(CUT, failed)) as rough:
        with pytest.raises(errors.ExportFailed, match="no file"):
            caller(mode, rough.url)(lambda b: b.exports.save(1, io.BytesIO()))
        assert len(rough.got) == 3


# ---- uploads ------------------------------------------------------------------------------------------


def test_an_upload_reports_what_was_sent_and_starts_again_with_a_retry(mode: str, tmp_path: Path) -> None:
    path, seen = tmp_path / "people.csv", list[tuple[int, int | None]]()
    path.write_bytes(FILE)
    with rough_server(in_turn(BUSY, IMPORT)) as rough, path.open("rb") as file:
        caller(mode, rough.url)(lambda b: b.imports.create(file, progress=lambda *given: seen.append(given)))
    assert [got.body == FILE for got in rough.got] == [True, True]
    assert {total for _, total in seen} == {len(FILE)}
    sent = [sent for sent, _ in seen]
    assert len(sent) > 4
    assert sent == sorted(sent[: len(sent) // 2]) * 2
    assert sent[-1] == len(FILE)


def test_an_upload_of_unknown_length_reports_what_was_sent(mode: str) -> None:
    seen: list[tuple[int, int | None]] = []
    reading, writing = os.pipe()
    os.write(writing, b"phone\n0722000000\n")
    os.close(writing)
    with rough_server(in_turn(IMPORT)) as rough, open(reading, "rb") as pipe:
        caller(mode, rough.url)(lambda b: b.imports.create(pipe, progress=lambda *given: seen.append(given)))
    assert seen == [(17, None)]


# ---- callbacks ----------------------------------------------------------------------------------------


def _stop(*_: object) -> None:
    raise Stopped


@pytest.mark.parametrize(
    "ask",
    [
        lambda b: b.imports.create(io.BytesIO(FILE), progress=_stop),
        lambda b: b.imports.save_rejects(1, io.BytesIO(), progress=_stop),
        lambda b: b.imports.wait(1, on_poll=_stop),
        lambda b: b.exports.wait(1, on_poll=_stop),
    ],
)
def test_what_a_callback_raises_ends_the_call_and_no_other_try_is_made(mode: str, ask: Any) -> None:
    def answer(got: Got) -> Says:
        record = {"id": 1, "state": "running"}
        return WHOLE if got.path.endswith("rejects") else says({"import": record, "export": record})

    with rough_server(answer) as rough:
        with pytest.raises(Stopped):
            caller(mode, rough.url)(ask)
        assert len(rough.got) <= 1


def test_waiting_shows_each_answer(mode: str) -> None:
    states = ["queued", "running", "running", "paused"]
    seen: list[str] = []
    with rough_server(in_turn(*(says({"import": {"id": 1, "state": state}}) for state in states))) as rough:
        ask = {"on_poll": lambda found: seen.append(found.state), "pause_seconds_max": 0.001}
        assert caller(mode, rough.url)(lambda b: b.imports.wait(1, **ask)).state == "paused"
    assert seen == states


@pytest.mark.parametrize(("most", "pauses"), [(5.0, [0.1, 0.15, 0.225]), (0.12, [0.1, 0.12, 0.12]), (0.05, [0.05] * 3)])
def test_pauses_between_polls_grow_up_to_their_limit(most: float, pauses: list[float]) -> None:
    numbers = iter(range(4))

    def get() -> Flow[int]:
        yield from ()
        return next(numbers)

    waiting = wait_until(
        get, lambda number: number == 3, timeout_seconds=None, pause_seconds_max=most, on_poll=None, clock=lambda: 0.0
    )
    seen = [step.seconds for step in waiting if isinstance(step, Pause)]
    assert seen == pytest.approx(pauses)


def test_files_are_read_and_written_apart_from_the_event_loop() -> None:
    threads: dict[str, set[int]] = {"read": set(), "write": set()}

    class Noting(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            threads["read"].add(threading.get_ident())
            return super().read(size)

        def write(self, data: Any) -> int:
            threads["write"].add(threading.get_ident())
            return super().write(data)

    with rough_server(in_turn(IMPORT)) as rough:
        caller("async", rough.url)(lambda b: b.imports.create(Noting(FILE)))
    with rough_server(in_turn(WHOLE)) as rough:
        caller("async", rough.url)(lambda b: b.imports.save_rejects(1, Noting()))
    assert threads["read"] and threads["write"]
    assert threading.get_ident() not in threads["read"] | threads["write"]


def test_a_pause_between_tries_is_as_long_as_the_server_asks(mode: str) -> None:
    now = [0.0]
    late = says({}, 503, retry_after="7")
    retries = Retries(first_pause_seconds=0, total_seconds_max=6.9, clock=lambda: now[0])
    with rough_server(files(late)) as rough:
        with pytest.raises(errors.StoreBusy) as failed:
            caller(mode, rough.url, retries=retries)(lambda b: b.exports.save(1, io.BytesIO()))
        assert (failed.value.retry_after_seconds, len(rough.got)) == (7.0, 2)
