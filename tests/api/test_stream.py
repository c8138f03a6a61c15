"""Contacts that are streamed in: answered while they come, taken once whatever breaks off, an import like others."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daftari.api import imports
from daftari.api.key_cache import REMEMBERED_MICROSECONDS
from daftari.errors import BodyStalled, DaftariError, Malformed, StoreBusy, WrongImportState
from daftari.model.projects import Actor
from daftari.rules.access import keys
from daftari.rules.imports import lifecycle
from daftari.rules.imports.stream import (
    FIELDS,
    LineReader,
    begin_stream,
    end_stream,
    pause_stream,
    resume_stream,
    write_chunk,
)
from daftari.store import Store
from daftari.web import streaming
from daftari.web.streaming import LINE_BYTES_MAX, LineCutter, StreamingSession
from tests.conftest import Live, People
from tests.support.builders import (
    assert_sound,
    create,
    get,
    groups,
    mobile,
    opt_out,
    page,
    refusal,
    rows_of,
    wrong_fields,
)
from tests.support.clients import Client
from tests.support.import_files import queued, show, work
from tests.support.stores import NOW
from tests.support.waiting import wait_for

Lines = Sequence[dict[str, Any] | bytes]
BROKEN_OFF = {"Content-Length": "1000000"}
"""More than comes: as if the connection were cut."""


def written(lines: Lines) -> bytes:
    return b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)


def stream(client: Client, lines: Lines, *, headers: dict[str, str] | None = None, **query: Any) -> list[Any]:
    """What is said to some lines, line by line."""
    answer = client.call("POST", "/v1/contacts/stream", query=query, body=written(lines), headers=headers)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.body.splitlines()]


# ---- rows -----------------------------------------------------------------------------------------------


def test_every_row_has_its_outcome_and_bad_ones_stop_none(ana: Client, store: Store, people: People) -> None:
    opt_out(ana, mobile(7))
    lines: Lines = [
        {"mobile": mobile(1), "fname": "Wanjiru", "groups": ["VIP"], "attributes": {"size": 41}},
        b"{broken",
        b"   ",
        {"mobile": f"+{mobile(1)}", "city": "Nairobi"},
        {"mobile": "O725", "fname": "Ben"},
        b"\xff\xfe",
        b"[1]",
        {"mobile": mobile(7)},
    ]
    begun, *rows, end = stream(ana, lines, group="Streamed")
    assert [row["outcome"] for row in rows] == [*("created", "invalid", "duplicate"), *("invalid",) * 3, "created"]
    assert [row["row"] for row in rows] == list(range(1, 8))
    assert rows[0] == {"row": 1, "outcome": "created", "id": 1, "mobile": mobile(1), "joined": True}
    assert rows[6] == {"row": 7, "outcome": "created", "id": 2, "mobile": mobile(7), "suppressed": True}
    assert end["counts"] == {"created": 2, "updated": 0, "unchanged": 0, "duplicate": 1, "invalid": 4}
    assert (end["end"], end["rows"], end["suppressed"], end["joined"]) == (True, 7, 1, 1)
    assert (get(ana, 1)["city"], groups(ana)) == ("Nairobi", {"Streamed": 1, "VIP": 1})
    number = begun["import"]
    assert ana.get(f"/v1/imports/{number}/rows").json()["rows"] == rows
    shown = show(ana, number)
    assert (shown["state"], shown["name"], shown["format"], shown["rows"]) == ("done", "stream", "ndjson", 7)
    assert [column["field"] for column in shown["columns"]] == list(FIELDS)
    assert ana.get("/v1/imports").json()["imports"] == [shown]
    assert b'{"mobile":"O725","fname":"Ben","why":' in ana.get(f"/v1/imports/{number}/rejects").body
    ana.post(f"/v1/imports/{number}/undo")
    work(store, people.shopify)
    assert show(ana, number)["undo"] == {"reversed": 2, "kept": 0, "failed": 0, "retracted": 0}
    assert page(ana, suppressed="include")["total"] == 0
    assert_sound(store, people.shopify)


def test_a_stream_of_nothing_is_done_at_once(ana: Client) -> None:
    begun, end = stream(ana, [])
    assert end == {"end": True, "rows": 0, "counts": end["counts"], "suppressed": 0, "joined": 0}
    assert show(ana, begun["import"])["state"] == "done"


def test_a_line_that_is_too_long_is_reported_and_the_next_one_is_taken(ana: Client) -> None:
    long = {"mobile": mobile(1), "fname": "x" * LINE_BYTES_MAX}
    _, first, second, _ = stream(ana, [long, {"mobile": mobile(2)}])
    assert (first["outcome"], second["outcome"]) == ("invalid", "created")
    assert "longer than" in first["why"]


def test_what_is_asked_wrongly_is_refused_before_anything_is_said(
    ana: Client, ben: Client, chao: Client, store: Store, people: People
) -> None:
    def ask(client: Client, **query: Any) -> Any:
        return client.call("POST", "/v1/contacts/stream", query=query, body=b"{}\n")

    begun, _ = stream(ana, [])
    assert wrong_fields(ask(ana, group="x" * 256, resume="x", after=-1)) == ["group", "resume", "after"]
    assert wrong_fields(ask(ana, after=3)) == ["after"]
    assert wrong_fields(ask(ana, resume=begun["import"], after=3)) == ["after"]
    assert refusal(ask(ben)) == (403, "READ_ONLY_KEY")
    assert refusal(ask(ana.with_key(None))) == (401, "UNAUTHENTICATED")
    assert refusal(ask(chao, resume=begun["import"])) == (404, "IMPORT_NOT_FOUND")
    assert refusal(ask(ana, resume=queued(store, people.shopify))) == (404, "IMPORT_NOT_FOUND")


# ---- cut and resumed ------------------------------------------------------------------------------------


def test_a_stream_that_breaks_off_says_where_to_resume_and_resumes_there(ana: Client) -> None:
    lines: Lines = [{"mobile": mobile(number)} for number in range(1, 6)]
    begun, *rows, cut = stream(ana, lines[:2], headers=BROKEN_OFF)
    # The lines that lingered when it broke off were not taken.
    assert (rows, cut["end"], cut["error_code"]) == ([], False, "MALFORMED")
    number = begun["import"]
    assert (cut["resume"], cut["after"], show(ana, number)["state"]) == (number, 0, "paused")
    assert refusal(ana.post(f"/v1/imports/{number}/resume")) == (409, "IMPORT_STATE")
    again, *rows, end = stream(ana, lines, resume=number, after=0)
    assert (again, len(rows), end["rows"]) == (begun, 5, 5)
    assert stream(ana, lines[3:], resume=number, after=3) == [begun, *rows[3:], end]
    assert stream(ana, [], resume=number, after=5) == [begun, end]
    _, last = stream(ana, [{"mobile": mobile(6)}], resume=number, after=5)
    assert (last["error_code"], last["resume"], last["after"]) == ("IMPORT_STATE", number, 5)
    assert page(ana)["total"] == 5


def test_a_call_takes_so_many_rows_and_the_next_one_continues(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "STREAM_ROWS_MAX", 2)
    lines: Lines = [{"mobile": mobile(number)} for number in range(1, 6)]
    begun, *rows, cut = stream(ana, lines)
    assert (len(rows), cut) == (2, {"end": False, "resume": begun["import"], "after": 2})
    _, *rows, cut = stream(ana, lines[2:], resume=cut["resume"], after=2)
    assert ([row["row"] for row in rows], cut["after"]) == ([3, 4], 4)
    assert stream(ana, lines[4:], resume=cut["resume"], after=4)[-1]["rows"] == 5


_turn = itertools.count(1)
ROW = st.tuples(st.integers(0, 4), st.sampled_from(["", "Ana", "Ben"]), st.sampled_from([None, "A", "b"])) | st.none()
CUT = st.tuples(st.integers(0, 5), st.integers(0, 5))
"""How many lines are handed on together and written before a cut, and how many of their results were read."""


def test_a_stream_that_is_cut_anywhere_ends_as_one_that_is_not(ana: Client, chao: Client) -> None:
    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(rows=st.lists(ROW, max_size=9), cuts=st.lists(CUT, max_size=3))
    def check(rows: list[Any], cuts: list[tuple[int, int]]) -> None:
        first = next(_turn) * 10
        lines: list[dict[str, Any]] = [
            {"mobile": "x"} if row is None else {"mobile": mobile(first + row[0]), "fname": row[1], "groups": [row[2]]}
            for row in rows
        ]
        _, *whole, end = stream(chao, lines)
        seen: list[Any] = []
        query: dict[str, Any] = {}
        for many, heard in cuts:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(streaming, "LINES_TOGETHER_MAX", max(many, 1))
                begun, *results, last = stream(ana, lines[len(seen) :], headers=BROKEN_OFF, **query)
            assert last["after"] == len(seen) + len(results)
            seen += results[:heard]
            query = {"resume": begun["import"], "after": len(seen)}
        _, *rest, last = stream(ana, lines[len(seen) :], **query)
        assert outcomes([*seen, *rest]) == outcomes(whole)
        assert last == end

    check()
    assert contacts_of(ana) == contacts_of(chao)
    assert groups(ana) == groups(chao)


def outcomes(rows: list[Any]) -> list[Any]:
    """The outcomes of rows, without the time in a reason and without ids, which follow from all that came before."""
    return [{name: value for name, value in row.items() if name != "id"} for row in rows]


def contacts_of(client: Client) -> list[Any]:
    return [(found["mobile"], found["fname"]) for found in page(client)["data"]]


# ---- a line to a running server -------------------------------------------------------------------------


class Wire:
    """A connection on which lines are sent and answers are read at the same time."""

    def __init__(self, live: Live, secret: str, **query: Any) -> None:
        port = int(live.url.rpartition(":")[2])
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._said = b""
        self._lines: list[Any] = []
        head = f"POST /v1/contacts/stream?{urlencode(query)} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        self._socket.sendall(f"{head}Authorization: Bearer {secret}\r\n\r\n".encode())

    def say(self, *lines: dict[str, Any]) -> None:
        body = written(lines)
        self._socket.sendall(b"%x\r\n%b\r\n" % (len(body), body))

    def end(self) -> None:
        self._socket.sendall(b"0\r\n\r\n")

    def hear(self) -> Any:
        """The next line, when it comes."""
        while not self._lines:
            piece = self._socket.recv(65_536)
            assert piece, "nothing more is said"
            self._said += piece
            *whole, self._said = self._said.split(b"\n")
            self._lines += [json.loads(line) for line in whole if line.startswith(b"{")]
        return self._lines.pop(0)

    def close(self) -> None:
        self._socket.close()


def test_rows_are_answered_before_the_next_ones_are_sent_and_what_came_stays(live: Live, people: People) -> None:
    ana = live.client.with_key(people.ana)
    wire = Wire(live, people.ana)
    number = wire.hear()["import"]
    for row in range(1, 4):
        wire.say({"mobile": mobile(row)})
        assert wire.hear() == {"row": row, "outcome": "created", "id": row, "mobile": mobile(row)}
    assert (show(ana, number)["state"], show(ana, number)["rows"]) == ("running", 3)
    wire.close()
    wait_for(lambda: show(ana, number)["state"] == "paused")
    wire = Wire(live, people.ana, resume=number, after=3)
    wire.hear()
    wire.say({"mobile": mobile(4)})
    assert wire.hear()["row"] == 4
    wire.end()
    assert wire.hear()["counts"]["created"] == 4
    wire.close()


# ---- who streams ----------------------------------------------------------------------------------------


def test_who_takes_a_stream_up_has_it_and_who_stops_one_stops_it(store: Store, people: People) -> None:
    def write(actor: Actor, rule: Any, **values: Any) -> Any:
        return store.write(people.shopify, actor, NOW, rule, **values)

    first, second = Actor(1, "first"), Actor(1, "second")
    begun = write(first, begin_stream, group=None)
    lines = [b'{"mobile":"%s"}' % mobile(number).encode() for number in range(1, 4)]
    early, late = LineReader(begun), LineReader(begun)
    some: Any = {"import_id": begun.id, "seconds": 0.0}
    assert len(write(first, write_chunk, chunk=early.read_chunk(lines[:1]), **some)) == 1
    taken_up = write(second, resume_stream, import_id=begun.id, after=0)
    late = LineReader(taken_up)
    with pytest.raises(StoreBusy):
        write(first, write_chunk, chunk=early.read_chunk(lines[1:2]), **some)
    for rule in (pause_stream, end_stream):
        with pytest.raises(StoreBusy):
            write(first, rule, import_id=begun.id)
    assert len(write(second, write_chunk, chunk=late.read_chunk(lines[1:]), **some)) == 2
    write(first, lifecycle.pause_import, import_id=begun.id)
    with pytest.raises(WrongImportState):
        write(second, end_stream, import_id=begun.id)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("daftari.rules.imports.stream.IMPORT_ROWS_MAX", 3)
        resumed = write(second, resume_stream, import_id=begun.id, after=3)
        more = LineReader(resumed).read_chunk(lines[:1])
        with pytest.raises(WrongImportState, match="has the 3 rows"):
            write(second, write_chunk, chunk=more, **some)
        write(second, pause_stream, import_id=begun.id)
    write(first, lifecycle.cancel_import, import_id=begun.id)
    with pytest.raises(WrongImportState):
        write(second, resume_stream, import_id=begun.id, after=3)


def test_a_key_that_is_revoked_writes_no_more_lines(ana: Client, store: Store, people: People) -> None:
    def lines() -> Iterator[bytes]:
        store.system_write(time.time_ns() // 1000, keys.revoke_key, start=people.ana[:12])
        time.sleep(REMEMBERED_MICROSECONDS / 1_000_000)
        yield written([{"mobile": mobile(1)}])

    body: Any = lines()
    answer = ana.call("POST", "/v1/contacts/stream", body=body)
    last = json.loads(answer.body.splitlines()[-1])
    assert (last["end"], last["after"], last["error_code"]) == (False, 0, "UNAUTHENTICATED")
    assert page(ana.with_key(people.ben))["total"] == 0


# ---- sessions -------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from([b"a", b"bc", b"\n", b" ", b"\r\n", b"d\ne\nf"]), max_size=12))
def test_lines_are_the_same_however_they_come_in_pieces(pieces: list[bytes]) -> None:
    cutter = LineCutter()
    for piece in pieces:
        cutter.add(piece)
    cutter.end_line()
    wanted = [line.strip() for line in b"".join(pieces).split(b"\n") if line.strip()]
    assert cutter.waiting_bytes == sum(map(len, wanted))
    assert (cutter.take(), cutter.waiting_bytes) == (wanted, 0)


def test_of_a_line_without_end_little_is_kept() -> None:
    cutter = LineCutter()
    for _ in range(5):
        cutter.add(b"x" * (LINE_BYTES_MAX // 2))
    cutter.add(b"\nnext")
    cutter.end_line()
    assert [len(line) for line in cutter.take()] == [LINE_BYTES_MAX + 1, 4]


class Echo:
    """Says how many lines it took each time; takes so many altogether."""

    def __init__(self, *, left: int = 100, fails: DaftariError | None = None) -> None:
        self.taken: list[list[bytes]] = []
        self._left = left
        self._fails = fails

    def begin(self) -> bytes:
        return b"begun "

    def take(self, lines: Sequence[bytes]) -> tuple[bytes, bool]:
        if self._fails is not None:
            raise self._fails
        self.taken.append(list(lines))
        self._left -= len(lines)
        return b"%d " % len(lines), self._left >= 0

    def end(self, *, whole: bool, error: DaftariError | None) -> bytes:
        return b"whole" if whole else b"cut"


class OpenResponse:
    """Keeps what is sent, until the client is gone."""

    def __init__(self) -> None:
        self.sent = b""
        self.is_gone = False

    async def send_bytes(self, data: bytes) -> None:
        if self.is_gone:
            raise RuntimeError("gone")
        self.sent += data


def run_session(
    pieces: Sequence[bytes | float], handler: Echo, *, length: int | None = None, seconds_max: float = 5
) -> tuple[str, bytes]:
    """Send pieces, with pauses in seconds between them. Returns how it ended, and what was sent."""

    async def incoming() -> AsyncIterator[bytes]:
        for piece in pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                await asyncio.sleep(piece)
        yield b""

    async def in_pool(work: Callable[[], Any]) -> Any:
        return await asyncio.to_thread(work)

    async def run() -> tuple[str, bytes]:
        response = OpenResponse()
        session = StreamingSession(
            incoming(), response, handler, in_pool=in_pool, length=length, stall_seconds=0.3, seconds_max=seconds_max
        )
        try:
            whole = await session.run()
        except DaftariError as error:
            await session.end(whole=False, error=error)
            return type(error).__name__, response.sent
        await session.end(whole=whole, error=None)
        response.is_gone = True
        await session.end(whole=whole, error=None)
        return str(whole), response.sent

    with asyncio.Runner() as runner:
        return runner.run(run())


@pytest.mark.parametrize(
    ("pieces", "given", "said"),
    [
        ([b"a\nb\nc"], {}, ("True", b"begun 3 whole")),
        ([b"a\nb", 0.25, b"b\nc\n"], {}, ("True", b"begun 1 2 whole")),
        ([b"a\n", 0.4, b"b\n"], {}, ("BodyStalled", b"begun 1 cut")),
        ([b"a\n", 0.25, b"", b""], {}, ("Malformed", b"begun 1 cut")),
        ([b"a\n"], {"length": 3}, ("Malformed", b"begun cut")),
        ([b"a\n"], {"length": 2}, ("True", b"begun 1 whole")),
        ([b"a\n", 0.25, b"b\n", 0.25, b"c\n"], {"seconds_max": 0.3}, ("False", b"begun 1 1 cut")),
    ],
    ids=["at once", "in two goes", "stalled", "broken off", "too short", "as long as said", "for too long"],
)
def test_what_comes_is_handed_on_soon_and_every_end_is_reported(
    pieces: list[bytes | float], given: dict[str, Any], said: tuple[str, bytes]
) -> None:
    assert run_session(pieces, Echo(), **given) == said


def test_many_lines_are_handed_on_in_parts_and_no_more_than_are_taken() -> None:
    handler = Echo(left=2_000)
    assert run_session([b"x\n" * 700] * 4, handler) == ("False", b"begun 1000 1000 800 cut")
    long = b"y" * 600_000 + b"\n"
    assert run_session([long] * 3, Echo()) == ("True", b"begun 2 1 whole")


def test_what_fails_in_the_pool_ends_the_session_with_its_final_line() -> None:
    assert run_session([b"a\n"], Echo(fails=BodyStalled("x"))) == ("BodyStalled", b"begun cut")
    assert issubclass(Malformed, DaftariError)


def test_nothing_of_a_stream_is_kept_but_what_an_import_keeps(ana: Client, database: str) -> None:
    create(ana, {"mobile": mobile(1)})
    stream(ana, [{"mobile": mobile(1), "fname": "A"}, {"mobile": mobile(2)}])
    assert rows_of(database, "SELECT * FROM file_part") == []
    assert rows_of(database, "SELECT chunk, first_row FROM import_chunk") == [(0, 1)]
    # So that no worker looks for a file of it.
    assert rows_of(database, "SELECT clearing FROM import") == [(0,)]
