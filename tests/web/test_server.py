"""The RSGI server, served by Granian in a process: bodies are whole or refused, and no client delays the others."""

from __future__ import annotations

import json
import os
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import psutil
import pytest
from msgspec import Struct

from daftari.web.bodies import DRAINED_BYTES_MAX
from tests.support.clients import Answer, Body, Send, over_the_wire
from tests.support.server_app import (
    BODY_BYTES_MAX,
    BODY_STALL_SECONDS,
    BODY_WINDOW_BYTES_MIN,
    BODY_WINDOW_SECONDS,
    FILE_BYTES,
    FILE_OPEN_SECONDS,
    FILES_SENT_MAX,
    PIECE,
    SLOW_SECONDS,
)
from tests.support.waiting import wait_for

ROOT = Path(__file__).parent.parent.parent
START_SECONDS_MAX = 30.0
SOON_SECONDS = 0.4
"""Far more than an answer takes, and less than any deadline or slow call of the application."""
IN_MEMORY = b"a short body"
IN_A_FILE = bytes(range(256)) * 1_000
CLOSED_SECONDS_MAX = 15.0
"""Less than Granian allows a head to take."""
EARLY_BYTES = 20_000_000
NO_KEEP_ALIVE = "Host: server\r\nConnection: close\r\n"


class Served(Struct, frozen=True):
    """A server that runs: a way to call it, its port, and what it wrote."""

    send: Send
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    notes: Path
    spools: Path
    """Where it may make files."""

    def call(self, method: str, path: str, body: Body = None, **headers: str) -> Answer:
        return self.send(method, path, list(headers.items()), body)

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def raw(self, text: str, body: bytes = b"") -> Answer:
        """Send bytes as they are, and wait until the other end has said all it will."""
        with self.connect(text, body) as wire:
            return read_answer(wire)

    def connect(self, text: str, body: bytes = b"") -> socket.socket:
        wire = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        wire.sendall(text.encode() + body)
        return wire


def read_head(wire: socket.socket) -> bytes:
    """The beginning of an answer, from a connection that stays open."""
    said = b""
    while b"\r\n\r\n" not in said:
        piece = wire.recv(65_536)
        assert piece, "the connection was closed without an answer"
        said += piece
    return said


def read_slowly(wires: list[socket.socket], *, seconds: float) -> int:
    """Read a little from each now and then for so long. Returns how much was read."""
    read, end = 0, time.monotonic() + seconds
    while True:
        read += sum(len(wire.recv(65_536)) for wire in wires)
        if time.monotonic() >= end:
            return read
        time.sleep(BODY_STALL_SECONDS / 10)


def is_closed(wire: socket.socket, *, seconds: float = CLOSED_SECONDS_MAX) -> bool:
    """Whether the other end closes a connection within so long, while nothing is read from it."""
    poll = select.poll()
    poll.register(wire, select.POLLHUP | select.POLLERR | select.POLLRDHUP)
    return bool(poll.poll(seconds * 1000))


def read_answer(wire: socket.socket) -> Answer:
    said = b""
    while piece := wire.recv(65_536):
        said += piece
    head, _, body = said.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return Answer(int(status.split()[1]), headers, body)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = int(taken.getsockname()[1])
    log, notes, spools = folder / "server.log", folder / "notes", folder / "spools"
    notes.touch()
    spools.mkdir()
    command = [sys.executable, "-m", "granian", "--interface", "rsgi", "--no-ws", "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--factory", "tests.support.server_app:server"],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
                "SERVER_NOTES": str(notes),
                "TMPDIR": str(spools),
            },
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    running = Served(over_the_wire(f"http://127.0.0.1:{port}"), port, process, log, notes, spools)
    try:
        wait_until_answering(running)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(START_SECONDS_MAX)


def wait_until_answering(served: Served) -> None:
    end = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < end and served.process.poll() is None:
        try:
            served.get("/")
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"Granian did not serve; it said:\n{served.log.read_text()}")


def worker_of(served: Served) -> psutil.Process:
    """The process that answers."""
    (worker,) = psutil.Process(served.process.pid).children()
    return worker


def files_of_bodies(served: Served) -> list[str]:
    """Files of bodies and responses that the server has open, and those that have a name."""
    held = []
    for found in Path(f"/proc/{worker_of(served).pid}/fd").iterdir():
        try:
            held.append(os.readlink(found))
        except FileNotFoundError:
            # Closed meanwhile.
            continue
    assert held
    named = [str(found) for found in served.spools.iterdir()]
    return [name for name in held if "daftari-body" in name] + named


def wait_until_no_file_is_left(served: Served) -> None:
    wait_for(lambda: files_of_bodies(served) == [])


def assert_error(answer: Answer, status: int, code: str) -> None:
    seen = json.loads(answer.body)
    assert (answer.status, seen["error_code"]) == (status, code)
    assert list(seen) == ["message", "error_code", "retryable", "request_id"]
    assert seen["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "private, no-store"


# ---- bodies, whole ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "QUERY", "POST", "DELETE"])
@pytest.mark.parametrize("given", [b"", IN_MEMORY, IN_A_FILE], ids=["empty", "in memory", "in a file"])
def test_a_body_reaches_the_application_whole(served: Served, method: str, given: bytes) -> None:
    seen = json.loads(served.call(method, "/", given).body)
    assert (seen["length"], seen["sha256"]) == (len(given), sha256(given).hexdigest())


@pytest.mark.parametrize("given", [IN_MEMORY, IN_A_FILE], ids=["in memory", "in a file"])
def test_a_body_in_chunks_is_the_same_body(served: Served, given: bytes) -> None:
    chunks = [chunk for chunk in (given[:7], given[7:5_000], given[5_000:]) if chunk]
    seen = json.loads(served.call("POST", "/", chunks, **{"Transfer-Encoding": "chunked"}).body)
    assert (seen["length"], seen["sha256"]) == (len(given), sha256(given).hexdigest())


def test_no_file_of_a_body_is_left(served: Served) -> None:
    served.call("POST", "/", IN_A_FILE)
    assert files_of_bodies(served) == []


# ---- bodies that are too large, too slow or cut off -------------------------------------------------


def test_a_body_that_is_announced_too_large_is_refused_before_it_is_sent(served: Served) -> None:
    answer = served.raw(f"POST / HTTP/1.1\r\n{NO_KEEP_ALIVE}Content-Length: {BODY_BYTES_MAX + 1}\r\n\r\n")
    assert_error(answer, 413, "TOO_LARGE")


def test_a_body_in_chunks_is_refused_when_it_passes_the_limit(served: Served) -> None:
    chunk = b"%x\r\n%b\r\n" % (50_000, b"x" * 50_000)
    wire = served.connect(f"POST / HTTP/1.1\r\n{NO_KEEP_ALIVE}Transfer-Encoding: chunked\r\n\r\n")
    with wire:
        for _ in range(BODY_BYTES_MAX // 50_000 + 1):
            wire.sendall(chunk)
        assert_error(read_answer(wire), 413, "TOO_LARGE")


def test_a_body_as_large_as_the_limit_is_taken(served: Served) -> None:
    assert json.loads(served.call("POST", "/", b"x" * BODY_BYTES_MAX).body)["length"] == BODY_BYTES_MAX


@pytest.mark.parametrize("length", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_body_that_stalls_is_cut_off(served: Served, length: str) -> None:
    begun = time.monotonic()
    answer = served.raw(f"POST / HTTP/1.1\r\n{NO_KEEP_ALIVE}{length}\r\n\r\n", b"5\r\nabcde\r\n")
    assert_error(answer, 400, "BODY_STALLED")
    assert json.loads(answer.body)["retryable"] is True
    assert BODY_STALL_SECONDS <= time.monotonic() - begun < BODY_STALL_SECONDS + SOON_SECONDS * 2


def test_a_body_that_drips_is_cut_off_as_well(served: Served) -> None:
    begun = time.monotonic()
    with served.connect(f"POST / HTTP/1.1\r\n{NO_KEEP_ALIVE}Content-Length: 1000\r\n\r\n") as wire:
        while time.monotonic() < begun + BODY_WINDOW_SECONDS - BODY_STALL_SECONDS / 2:
            wire.sendall(b"x")
            time.sleep(BODY_STALL_SECONDS / 5)
        assert_error(read_answer(wire), 400, "BODY_STALLED")
    assert time.monotonic() - begun < BODY_WINDOW_SECONDS + SOON_SECONDS * 2


def test_a_slow_body_that_goes_on_may_take_as_long_as_it_needs(served: Served) -> None:
    pieces, piece = 30, b"x" * (BODY_WINDOW_BYTES_MIN // 5)
    begun = time.monotonic()
    with served.connect(f"POST / HTTP/1.1\r\n{NO_KEEP_ALIVE}Content-Length: {pieces * len(piece)}\r\n\r\n") as wire:
        for _ in range(pieces):
            wire.sendall(piece)
            time.sleep(BODY_WINDOW_SECONDS / 10)
        assert read_answer(wire).status == 200
    assert time.monotonic() - begun > 2 * BODY_WINDOW_SECONDS


# ---- answers before the end of the body ---------------------------------------------------------------


@pytest.mark.parametrize("asks_first", [False, True], ids=["at once", "100-continue"])
@pytest.mark.parametrize(("path", "status"), [("/", b"413"), ("/no/such/path", b"200")])
def test_a_client_that_sends_all_before_it_reads_gets_an_early_answer(
    served: Served, path: str, status: bytes, asks_first: bool
) -> None:
    expect = "Expect: 100-continue\r\n" if asks_first else ""
    head = f"POST {path} HTTP/1.1\r\nHost: server\r\n{expect}Content-Length: {EARLY_BYTES}\r\n\r\n"
    with served.connect(head, b"" if asks_first else b"x" * EARLY_BYTES) as wire:
        assert read_head(wire).split()[1] == status
        if not asks_first:
            # The rest of the body was taken, so the connection can be used again.
            wire.sendall(f"GET / HTTP/1.1\r\n{NO_KEEP_ALIVE}\r\n".encode())
            assert read_answer(wire).status == 200


def test_an_endless_body_is_cut_off_after_the_early_answer(served: Served) -> None:
    with served.connect("POST /no/such/path HTTP/1.1\r\nHost: server\r\nTransfer-Encoding: chunked\r\n\r\n") as wire:
        assert read_head(wire).startswith(b"HTTP/1.1 200 ")
        chunk = b"%x\r\n%b\r\n" % (1_000_000, b"x" * 1_000_000)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            wire.sendall(chunk * (10 * DRAINED_BYTES_MAX // 1_000_000))


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "GZIP"])
def test_an_encoded_body_is_refused_with_the_name_of_its_encoding(served: Served, encoding: str) -> None:
    answer = served.call("POST", "/", b"\x1f\x8b\x08", **{"Content-Encoding": encoding})
    assert_error(answer, 415, "UNSUPPORTED_MEDIA")
    assert f"encoded as {encoding}; send it plain" in json.loads(answer.body)["message"]


def test_a_body_that_is_encoded_as_it_is_is_plain(served: Served) -> None:
    assert json.loads(served.call("POST", "/", b"plain", **{"Content-Encoding": "identity"}).body)["length"] == 5


@pytest.mark.parametrize(
    "sent",
    [
        "Content-Length: 100\r\n\r\n{}",
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nno length\r\n",
    ],
    ids=["client gone", "client gone between chunks", "broken chunk"],
)
def test_a_body_that_breaks_off_never_reaches_the_application(served: Served, sent: str) -> None:
    before = json.loads(served.get("/").body)["call"]
    served.connect(f"POST / HTTP/1.1\r\n{NO_KEEP_ALIVE}{sent}").close()
    time.sleep(SOON_SECONDS / 2)
    assert json.loads(served.get("/").body)["call"] == before + 1
    assert "broke off" not in served.log.read_text()


# ---- no client delays the others ---------------------------------------------------------------------


def test_stalled_bodies_delay_no_other_request(served: Served) -> None:
    request = f"POST / HTTP/1.1\r\n{NO_KEEP_ALIVE}Content-Length: 100\r\n\r\n"
    stalled = [served.connect(request) for _ in range(64)]
    begun = time.monotonic()
    assert served.get("/").status == 200
    assert time.monotonic() - begun < SOON_SECONDS
    for wire in stalled:
        wire.close()


def test_reads_are_answered_while_every_thread_writes(served: Served) -> None:
    with ThreadPoolExecutor(1) as clients:
        slow = clients.submit(served.call, "POST", "/slow")
        time.sleep(SLOW_SECONDS / 5)
        begun = time.monotonic()
        assert served.get("/").status == 200
        assert time.monotonic() - begun < SOON_SECONDS
        assert slow.result().status == 200


def test_when_every_place_is_taken_the_next_request_is_answered_503(served: Served) -> None:
    with ThreadPoolExecutor(2) as clients:
        waiting = [clients.submit(served.call, "POST", "/slow") for _ in range(2)]
        time.sleep(SLOW_SECONDS / 3)
        answer = served.call("POST", "/")
        assert_error(answer, 503, "BUSY")
        assert answer.headers["retry-after"] == "1"
        assert [one.result().status for one in waiting] == [200, 200]
    assert served.call("POST", "/").status == 200


def test_a_read_that_may_wait_keeps_no_other_read_waiting(served: Served) -> None:
    with ThreadPoolExecutor(1) as clients:
        slow = clients.submit(served.get, "/slow")
        time.sleep(SLOW_SECONDS / 5)
        begun = time.monotonic()
        assert served.get("/").status == 200
        assert time.monotonic() - begun < SOON_SECONDS
        assert slow.result().status == 200


# ---- clients that are too slow ----------------------------------------------------------------------


@pytest.mark.parametrize("begun", ["", "GE", "GET / HTTP/1.1\r\nHost: server\r\nX-Long: "])
def test_a_head_that_stalls_is_cut_off(served: Served, begun: str) -> None:
    with served.connect(begun) as wire:
        assert is_closed(wire)


def test_a_head_that_stalls_after_another_request_is_cut_off(served: Served) -> None:
    with served.connect("GET / HTTP/1.1\r\nHost: server\r\n\r\n") as wire:
        assert read_head(wire)
        time.sleep(SOON_SECONDS)
        wire.sendall(b"GET / HTTP/1.1\r\nX-Long: ")
        assert is_closed(wire)


def test_a_head_that_drips_is_cut_off(served: Served) -> None:
    with served.connect("GET / HTTP/1.1\r\nX-Long: ") as wire:
        end = time.monotonic() + CLOSED_SECONDS_MAX
        while not is_closed(wire, seconds=BODY_STALL_SECONDS / 5):
            assert time.monotonic() < end
            wire.sendall(b"x")


def test_a_connection_that_is_kept_may_be_idle(served: Served) -> None:
    request = b"GET / HTTP/1.1\r\nHost: server\r\n\r\n"
    with served.connect(request.decode()) as wire:
        assert read_head(wire)
        time.sleep(4 * BODY_STALL_SECONDS)
        wire.sendall(request)
        assert read_head(wire).startswith(b"HTTP/1.1 200 ")


def test_an_answer_that_is_never_read_is_cut_off_and_its_file_is_gone(served: Served) -> None:
    with served.connect(f"GET /file HTTP/1.1\r\n{NO_KEEP_ALIVE}\r\n") as wire:
        assert is_closed(wire)
        wait_until_no_file_is_left(served)


def test_an_answer_that_is_read_in_drips_is_cut_off(served: Served) -> None:
    with served.connect(f"GET /file HTTP/1.1\r\n{NO_KEEP_ALIVE}\r\n") as wire:
        end = time.monotonic() + CLOSED_SECONDS_MAX
        while not is_closed(wire, seconds=BODY_STALL_SECONDS / 5):
            assert time.monotonic() < end
            assert len(wire.recv(10)) == 10


# ---- answers that are too long for the memory -------------------------------------------------------


def test_an_answer_in_a_file_is_sent_whole(served: Served) -> None:
    answer = served.get("/file")
    assert (answer.status, answer.headers["content-length"]) == (200, str(FILE_BYTES))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["cache-control"] == "private, no-store"
    assert re.fullmatch(r"[0-9a-f]{20}", answer.headers["x-request-id"])
    assert len(answer.body) == FILE_BYTES
    assert sha256(answer.body).digest() == sha256(PIECE * (FILE_BYTES // len(PIECE))).digest()


def test_several_answers_in_files_at_once_are_each_whole(served: Served) -> None:
    with ThreadPoolExecutor(2) as clients:
        answers = list(clients.map(served.get, ["/file"] * 2))
    assert [len(answer.body) for answer in answers] == [FILE_BYTES] * 2


def test_head_of_an_answer_in_a_file_says_its_length_and_sends_none_of_it(served: Served) -> None:
    answer = served.raw(f"HEAD /file HTTP/1.1\r\n{NO_KEEP_ALIVE}\r\n")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == str(FILE_BYTES)


def test_a_slow_reader_of_an_answer_in_a_file_holds_no_memory_and_gets_it_whole(served: Served) -> None:
    served.get("/file")
    worker = worker_of(served)
    before = worker.memory_info().rss
    with served.connect(f"GET /file HTTP/1.1\r\n{NO_KEEP_ALIVE}\r\n") as wire:
        begun = wire.recv(65_536)
        length = len(begun) + read_slowly([wire], seconds=FILE_OPEN_SECONDS + SOON_SECONDS)
        assert worker.memory_info().rss - before < FILE_BYTES // 5
        assert served.get("/").status == 200
        # Granian has the file open, and so has the server, which counts it until it is sent.
        assert len(files_of_bodies(served)) == 2
        length += sum(map(len, iter(lambda: wire.recv(1_048_576), b"")))
    head = begun.partition(b"\r\n\r\n")[0]
    assert length == len(head) + 4 + FILE_BYTES


def test_no_file_of_an_answer_is_left_even_if_it_is_never_read(served: Served) -> None:
    served.get("/file")
    served.call("HEAD", "/file")
    served.connect(f"GET /file HTTP/1.1\r\n{NO_KEEP_ALIVE}\r\n").close()
    wait_until_no_file_is_left(served)


def test_long_answers_that_are_asked_for_again_and_again_do_not_fill_the_disk(served: Served) -> None:
    with ExitStack() as connections:
        wires: list[socket.socket] = []
        for _ in range(FILES_SENT_MAX):
            wire = connections.enter_context(served.connect(f"GET /file HTTP/1.1\r\n{NO_KEEP_ALIVE}\r\n"))
            # All but its beginning stays unread, so that the files follow one another quickly.
            assert wire.recv(12) == b"HTTP/1.1 200"
            wires.append(wire)
            read_slowly(wires, seconds=0)
        refused = served.get("/file")
        # The server and Granian have each file open.
        assert len(set(files_of_bodies(served))) <= FILES_SENT_MAX
    assert_error(refused, 503, "BUSY")
    time.sleep(FILE_OPEN_SECONDS)
    assert len(served.get("/file").body) == FILE_BYTES


def test_an_answer_that_the_disk_cannot_hold_is_a_503(served: Served) -> None:
    worker = worker_of(served)
    unlimited = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (FILE_BYTES // 2, unlimited[1]))
    try:
        answer = served.get("/file")
    finally:
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, unlimited)
    assert_error(answer, 503, "STORE_UNAVAILABLE")
    assert json.loads(answer.body)["retryable"] is True
    assert len(served.get("/file").body) == FILE_BYTES


# ---- methods, answers and ids -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "seen"),
    [("HEAD", ""), ("GET", "GET"), ("QUERY", "GET"), ("OPTIONS", "OPTIONS"), ("PATCH", "PATCH"), ("BREW", "BREW")],
)
def test_methods_reach_the_application_in_its_own_words(served: Served, sent: str, seen: str) -> None:
    answer = served.call(sent, "/")
    assert answer.status == 200
    assert (json.loads(answer.body)["method"] if answer.body else "") == seen


def test_head_is_get_without_the_body(served: Served) -> None:
    assert served.call("HEAD", "/long").body == b""
    assert int(served.call("HEAD", "/long").headers["content-length"]) > 300_000


def test_a_path_beyond_ascii_arrives_decoded_once(served: Served) -> None:
    assert json.loads(served.get("/Caf%C3%A9%2525").body)["path"] == "/Café%25"


def test_a_crash_is_an_answer_and_reveals_nothing(served: Served) -> None:
    answer = served.get("/crash")
    assert_error(answer, 500, "INTERNAL")
    assert b"secret" not in answer.body
    assert answer.headers["x-request-id"] in served.log.read_text()


def test_every_answer_has_an_id_of_its_own(served: Served) -> None:
    ids = {served.get("/").headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20
    assert all(re.fullmatch(r"[0-9a-f]{20}", found) for found in ids)


def test_periodic_work_is_done_again_and_again(served: Served) -> None:
    wait_for(lambda: "periodic\nperiodic" in served.notes.read_text())
