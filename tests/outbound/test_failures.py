"""Everything that goes wrong on the way: whether the request was sent, and whether it may be sent again.

A wrong answer here is a message that a person gets twice.
"""

from __future__ import annotations

import gzip
import select
import socket
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from daftari.outbound.exchange import RESPONSE_BYTES_MAX
from daftari.outbound.proof import proof_of
from tests.outbound.calls import NAME, SLACK_SECONDS, answered, client_of, not_sent, perhaps_sent, send, within
from tests.outbound.server import (
    OK,
    Behave,
    Server,
    answers,
    answers_and_closes,
    drips,
    read_request,
    reads_and_resets,
    reset,
    response,
    running,
    says_and_stalls,
    stalls,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"


# ---- nothing was sent -------------------------------------------------------------------------------


def test_a_refused_connection() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = Server(bound)
        with client_of(server) as client:
            result = not_sent(send(client, server))
    assert (result.cause, proof_of(result, trust_503=True)) == ("connect", "again")
    assert result.message == f"{NAME}:{server.port} could not be connected to: Connection refused."


def test_a_connection_that_is_not_accepted() -> None:
    with ExitStack() as open_ones:
        full = open_ones.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            waiting = open_ones.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        server = Server(full)
        with client_of(server, connect_seconds=0.3) as client, within(0.3):
            result = not_sent(send(client, server))
    assert (result.cause, proof_of(result, trust_503=True)) == ("timeout", "again")


@pytest.mark.parametrize("error", [socket.gaierror(socket.EAI_NONAME, "no"), UnicodeError("label too long"), None])
def test_a_name_without_an_address(error: Exception | None) -> None:
    def resolve(host: str, port: int) -> list[str]:
        if error:
            raise error
        return []

    with running(answers(OK)) as server, client_of(server, resolve=resolve) as client:
        result = not_sent(send(client, server))
    assert (result.cause, proof_of(result, trust_503=True)) == ("resolve", "again")
    assert NAME in result.message


def test_a_name_server_that_does_not_answer() -> None:
    over = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        over.wait()
        return []

    with running(answers(OK)) as server, client_of(server, resolve=resolve, connect_seconds=0.3) as client:
        with within(0.3):
            result = not_sent(send(client, server))
        over.set()
    assert (result.cause, proof_of(result, trust_503=True)) == ("timeout", "again")


def test_no_free_connection() -> None:
    release = threading.Event()

    def behave(server: Server, connection: socket.socket) -> None:
        read_request(server, connection)
        release.wait()
        connection.sendall(OK)

    with running(behave) as server:
        client = client_of(server, connections_max=1, connect_seconds=0.3)
        with client, ThreadPoolExecutor(1) as thread:
            first = thread.submit(send, client, server)
            server.arrived.acquire()
            with within(0.3):
                result = not_sent(send(client, server))
            release.set()
            assert answered(first.result()).status == 200
    assert (result.cause, proof_of(result, trust_503=True)) == ("busy", "again")


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Released once a connection, which is then handed out only when the server has reset it."""
    released = threading.Semaphore(0)
    connect = socket.create_connection

    def connect_and_wait(address: tuple[str, int], timeout: float) -> socket.socket:
        connection = connect(address, timeout=timeout)
        released.release()
        poll = select.poll()
        poll.register(connection, 0)  # Errors and resets are reported without being asked for.
        assert poll.poll(30_000)
        return connection

    monkeypatch.setattr(socket, "create_connection", connect_and_wait)
    return released


@pytest.mark.parametrize("size", [3, 1_000_000])
@pytest.mark.parametrize("said", [b"", response(408)], ids=["no word", "an answer before the request"])
def test_a_connection_that_was_reset_before_the_request(connected: threading.Semaphore, said: bytes, size: int) -> None:
    """A response may be there to be read, and is none: nothing was sent that it could answer."""

    def behave(_server: Server, connection: socket.socket) -> None:
        connected.acquire()
        connection.sendall(said)
        reset(connection)

    with running(behave) as server, client_of(server) as client:
        result = not_sent(send(client, server, body=bytes(size)))
    assert result.cause in ("closed", "malformed")
    assert proof_of(result, trust_503=True) == "again"


def test_a_call_without_time_sends_nothing() -> None:
    with running(answers(OK)) as server, client_of(server) as client:
        result = not_sent(send(client, server, total_seconds=0.0))
        assert (result.cause, proof_of(result, trust_503=True)) == ("timeout", "again")
        answered(send(client, server))
        assert not_sent(send(client, server, total_seconds=0.0)).cause in ("timeout", "closed")
    assert len(server.requests) == 1


# ---- perhaps it was sent ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behave", "cause"),
    [
        (reads_and_resets, "closed"),
        (answers_and_closes(b""), "closed"),
        (answers_and_closes(b"HTTP/1.1 2"), "closed"),
        (answers_and_closes(b"HTTP/1.1 200 OK\r\nContent-Le"), "closed"),
        (answers_and_closes(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "malformed"),
        (answers_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"), "malformed"),
        (answers_and_closes(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000), "malformed"),
        (answers_and_closes(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n"), "malformed"),
        (stalls, "timeout"),
        (says_and_stalls(b""), "timeout"),
        (says_and_stalls(b"HTTP/1.1 200 OK\r\n"), "timeout"),
        (drips(HEAD, each_seconds=0.02), "timeout"),
        (drips(b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000, each_seconds=0.0005), "timeout"),
    ],
    ids=[
        *("reset", "closed", "closed in the status", "closed in a header", "another protocol", "a wrong length"),
        *("a header without end", "another protocol agreed", "nothing read", "no word", "a status alone"),
        *("headers byte by byte", "one 100 after the other"),
    ],
)
def test_whether_it_was_received_is_not_known(behave: Behave, cause: str) -> None:
    with running(behave) as server, client_of(server) as client:
        begun = time.monotonic()
        result = perhaps_sent(send(client, server, total_seconds=0.5))
        assert time.monotonic() - begun <= 0.5 + SLACK_SECONDS
    assert (result.cause, proof_of(result, trust_503=True)) == (cause, "unknown")
    assert f"{NAME}:{server.port}" in result.message


def test_a_long_body_that_is_not_read() -> None:
    with running(stalls) as server, client_of(server) as client, within(1.0):
        result = perhaps_sent(send(client, server, body=bytes(16 * 1024 * 1024), total_seconds=1.0))
    assert (result.cause, proof_of(result, trust_503=True)) == ("timeout", "unknown")


def test_a_request_that_is_refused_before_it_was_read() -> None:
    def behave(_server: Server, connection: socket.socket) -> None:
        connection.recv(1_000)
        connection.sendall(response(413))
        reset(connection)

    with running(behave) as server, client_of(server) as client:
        result = answered(send(client, server, body=bytes(16 * 1024 * 1024)))
    assert (result.status, proof_of(result, trust_503=True)) == (413, "refused")


def test_silence_is_limited_also_where_the_call_is_not() -> None:
    with running(says_and_stalls(b"HTTP")) as server, client_of(server, read_seconds=0.3) as client, within(0.3):
        assert perhaps_sent(send(client, server, total_seconds=60.0)).cause == "timeout"


# ---- answered, but not to the end -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behave", "why"),
    [
        (says_and_stalls(HEAD + b'{"a":'), "timeout"),
        (drips(HEAD.replace(b"1000", b"1000000") + b"x", each_seconds=0.0005), "timeout"),
        (answers_and_closes(HEAD + b'{"a":'), "closed"),
        (answers_and_closes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"), "closed"),
        (answers_and_closes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\n"), "malformed"),
        (answers_and_closes(response(200, b"no gzip", content_encoding="gzip")), "encoding"),
        (answers_and_closes(response(200, bytes(RESPONSE_BYTES_MAX + 1))), "too_large"),
    ],
    ids=["stalled", "byte by byte", "closed", "closed in a chunk", "no chunks", "not packed", "too large"],
)
def test_a_status_without_its_body(behave: Behave, why: str) -> None:
    with running(behave) as server, client_of(server) as client:
        begun = time.monotonic()
        result = answered(send(client, server, total_seconds=1.0))
        assert time.monotonic() - begun <= 1.0 + SLACK_SECONDS
    assert (result.status, result.body, result.incomplete) == (200, b"", why)
    assert proof_of(result, trust_503=True) == "unknown"


def test_a_status_that_refuses_needs_no_body() -> None:
    cut = b"HTTP/1.1 429 X\r\nRetry-After: 3\r\nContent-Length: 9\r\n\r\n{"
    with running(answers_and_closes(cut)) as server, client_of(server) as client:
        result = answered(send(client, server))
    assert (result.incomplete, result.retry_after_seconds, proof_of(result, trust_503=False)) == ("closed", 3.0, "slow")


def test_a_body_of_exactly_the_limit_is_whole() -> None:
    with running(answers(response(200, b"12345"), response(200, b"123456"))) as server, client_of(server) as client:
        assert answered(send(client, server, response_bytes_max=5)).body == b"12345"
        assert answered(send(client, server, response_bytes_max=5)).incomplete == "too_large"


def test_a_body_without_end_is_left_after_the_limit() -> None:
    sent = 0

    def behave(server: Server, connection: socket.socket) -> None:
        nonlocal sent
        read_request(server, connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not server.over.is_set():
            connection.sendall(b"10000\r\n" + bytes(65_536) + b"\r\n")
            sent += 65_536

    with running(behave) as server, client_of(server) as client:
        assert answered(send(client, server)).incomplete == "too_large"
        assert answered(send(client, server)).incomplete == "too_large"
    assert server.connections == 2
    assert sent < 2 * 32 * 1024 * 1024


def test_a_packed_body_that_unpacks_to_nothing_is_measured_too() -> None:
    nothing = gzip.compress(b"")[:10] + b"\x00\x00\x00\xff\xff" * (RESPONSE_BYTES_MAX // 5 + 1)
    with running(answers(response(200, nothing, content_encoding="gzip"))) as server, client_of(server) as client:
        assert answered(send(client, server)).incomplete == "too_large"


@pytest.mark.parametrize("layers", [1, 2])
def test_a_packed_body_is_measured_unpacked(layers: int) -> None:
    bomb = bytes(200 * 1024 * 1024)
    for _ in range(layers):
        bomb = gzip.compress(bomb, 1)
    said = response(200, bomb, content_encoding=", ".join(["gzip"] * layers))
    with running(answers(said)) as server, client_of(server) as client:
        send(client, server, response_bytes_max=1)
        tracemalloc.start()
        result = answered(send(client, server))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert result.incomplete == "too_large"
    assert peak < 16 * 1024 * 1024
