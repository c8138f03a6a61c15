"""Requests that are answered: what goes out, what comes back, which connections carry it, and who may share them."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

import daftari
from daftari.outbound.client import HEADERS_SET_HERE, OutboundClient
from daftari.outbound.exchange import OutboundRequest
from tests.outbound.calls import NAME, answered, client_of, not_sent, perhaps_sent, send
from tests.outbound.server import OK, Server, answers, answers_and_closes, read_request, response, running


def test_method_target_headers_and_body_arrive_as_they_were_given() -> None:
    with running(answers(OK)) as server, client_of(server) as client:
        sent = {"Authorization": "Bearer k", "X-Note": "a b\tc"}
        result = send(client, server, "/v1/messages?to=%2B254&x=ä", method="PUT", headers=sent, body=b"\x00\xff")
    assert answered(result).body == b"ok"
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first == "PUT /v1/messages?to=%2B254&x=%C3%A4 HTTP/1.1"
    assert {line.lower() for line in lines} == {
        f"host: {NAME}:{server.port}",
        f"user-agent: daftari/{daftari.__version__}",
        "accept-encoding: gzip",
        "authorization: bearer k",
        "x-note: a b\tc",
        "content-length: 2",
    }
    assert body == b"\x00\xff"


def test_a_request_may_name_its_own_user_agent_and_needs_no_body() -> None:
    with running(answers(OK)) as server, client_of(server) as client:
        send(client, server, method="GET", headers={"user-agent": "Shop/2"}, body=b"")
    assert server.requests[0].lower().count(b"user-agent") == 1
    assert b"Shop/2" in server.requests[0] and b"ontent-" not in server.requests[0]


def test_status_headers_and_body_are_given_back() -> None:
    said = response(422, b'{"a":1}', X_Two="b", Content_Type="application/json")
    with running(answers(said)) as server, client_of(server) as client:
        result = answered(send(client, server))
    assert (result.status, result.body, result.incomplete) == (422, b'{"a":1}', None)
    assert result.headers == {"content-length": "7", "x-two": "b", "content-type": "application/json"}
    assert result.retry_after_seconds is None


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde",
        b"HTTP/1.0 200 OK\r\n\r\nabcde",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
        response(200, gzip.compress(b"abcde"), content_encoding="gzip"),
    ],
    ids=["chunked", "closing", "until the end", "after a 100", "packed"],
)
def test_a_body_is_whole_however_it_is_framed(said: bytes) -> None:
    with running(answers_and_closes(said)) as server, client_of(server) as client:
        result = answered(send(client, server))
    assert (result.status, result.body, result.incomplete) == (200, b"abcde", None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(status: int) -> None:
    with running(answers(OK)) as other:
        place = f"http://127.0.0.1:{other.port}/"
        with running(answers(response(status, location=place))) as server, client_of(server) as client:
            result = answered(send(client, server))
    assert (result.status, result.headers["location"]) == (status, place)
    assert (len(server.requests), other.connections) == (1, 0)


def test_a_cookie_is_not_sent_back() -> None:
    with running(answers(response(200, set_cookie="session=1; Path=/"))) as server, client_of(server) as client:
        assert answered(send(client, server)).headers["set-cookie"].startswith("session")
        send(client, server)
    assert b"ookie" not in server.requests[1]


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(answers(OK)) as proxy, running(answers(OK)) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        with client_of(server) as client:
            answered(send(client, server))
    assert (server.connections, proxy.connections) == (1, 0)


# ---- connections ------------------------------------------------------------------------------------


def test_one_connection_serves_one_request_after_the_other() -> None:
    with running(answers(OK)) as server, client_of(server) as client:
        for _ in range(5):
            assert answered(send(client, server)).status == 200
    assert (server.connections, len(server.requests)) == (1, 5)


CLOSING = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@pytest.mark.parametrize("said", [OK, CLOSING], ids=["without a word", "announced"])
def test_a_connection_that_the_server_closed_is_not_used_again(said: bytes) -> None:
    closed = threading.Semaphore(0)

    def behave(server: Server, connection: socket.socket) -> None:
        answers_and_closes(said)(server, connection)
        connection.close()
        closed.release()

    with running(behave) as server, client_of(server) as client:
        for _ in range(3):
            assert answered(send(client, server)).status == 200
            closed.acquire()
    assert (server.connections, len(server.requests)) == (3, 3)


def test_an_idle_connection_is_closed_before_a_server_would_close_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daftari.outbound.client.IDLE_SECONDS", 0.0)
    with running(answers(OK)) as server, client_of(server) as client:
        answered(send(client, server))
        answered(send(client, server))
    assert server.connections == 2


@pytest.mark.parametrize("size", [3, 1_000_000])
def test_a_response_that_came_before_its_request_answers_nothing(size: int) -> None:
    """A server that answers twice would shift every later answer of the connection to the request after it."""
    stray = response(201, b"stray")
    with running(answers(OK + stray, OK)) as server, client_of(server) as client:
        assert answered(send(client, server)).body == b"ok"
        result = send(client, server, body=bytes(size))
        assert (not_sent(result) if size == 3 else perhaps_sent(result)).cause == "malformed"
        assert answered(send(client, server)).body == b"ok"
    assert server.connections == 2


def test_threads_share_a_client_and_each_gets_its_own_answer() -> None:
    def echo(server: Server, connection: socket.socket) -> None:
        while request := read_request(server, connection):
            connection.sendall(response(200, request.split(b" ")[1]))

    def call(number: int) -> bytes:
        return answered(send(client, server, f"/{number}")).body

    with running(echo) as server, client_of(server) as client, ThreadPoolExecutor(8) as threads:
        assert list(threads.map(call, range(400))) == [b"/%d" % number for number in range(400)]
    assert server.connections <= 8


def test_the_time_limit_of_one_thread_is_not_that_of_another() -> None:
    slow = threading.Event()

    def behave(server: Server, connection: socket.socket) -> None:
        read_request(server, connection)
        slow.wait()
        connection.sendall(OK)

    with running(behave) as server, client_of(server) as client, ThreadPoolExecutor(1) as thread:
        patient = thread.submit(send, client, server, total_seconds=20.0)
        assert perhaps_sent(send(client, server, total_seconds=0.2)).cause == "timeout"
        slow.set()
        assert answered(patient.result()).status == 200


# ---- requests that cannot be sent -------------------------------------------------------------------


@pytest.fixture(scope="module")
def unreaching() -> Iterator[OutboundClient]:
    """A client for which no name has an address."""

    def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with OutboundClient(resolve=resolve) as client:
        yield client


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("", "must begin"),
        ("sms.example/v1", "must begin"),
        ("ftp://sms.example/", "must begin"),
        ("file:///etc/passwd", "must begin"),
        ("https:///v1", "no host"),
        ("https://", "no host"),
        ("https://.example/", "no host"),
        ("https://a..example/", "no host"),
        ("https://[fe80::1%25eth0]/", "no host"),
        ("https://sms.example%2Fx/", "no host"),
        ("https://k:secret@sms.example/", "header Authorization"),
        ("https://sms.example:0/", "port 0"),
        ("https://sms.example:65536/", "65536"),
        ("https://sms.example:http/", "cannot be read"),
        ("https://[::/", "cannot be read"),
        ("https://sms.example/\r\nX: y", "cannot be read"),
        ("https://sms.example/\ud800", "cannot be read"),
        ("https://" + "a" * 70_000, "cannot be read"),
    ],
)
def test_a_url_that_cannot_be_called_is_refused_with_a_reason(unreaching: OutboundClient, url: str, wrong: str) -> None:
    result = not_sent(unreaching.send(OutboundRequest(method="GET", url=url)))
    assert result.cause == "request" and wrong in result.message
    assert "secret" not in result.message


@pytest.mark.parametrize("name", sorted(HEADERS_SET_HERE))
def test_a_header_that_decides_where_a_request_ends_or_goes_is_refused(unreaching: OutboundClient, name: str) -> None:
    for written in (name, name.title()):
        request = OutboundRequest(method="GET", url="https://sms.example/", headers={written: "x"})
        result = not_sent(unreaching.send(request))
        assert result.cause == "request" and written in result.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X", "a\r\nHost: b"),
        ("X", "a\nb"),
        ("X", "a\x00"),
        ("X", "é"),
        ("X", " a"),
        ("X", "a\t"),
        ("X\n", "a"),
        ("", "a"),
    ],
)
def test_a_header_that_is_none_is_refused_without_its_value(unreaching: OutboundClient, name: str, value: str) -> None:
    request = OutboundRequest(method="GET", url="https://sms.example/", headers={name: value})
    result = not_sent(unreaching.send(request))
    assert result.cause == "request" and repr(name) in result.message and repr(value) not in result.message


@pytest.mark.parametrize("method", ["CONNECT", "get", "", "GET /x HTTP/1.1"])
def test_a_method_that_is_none_of_ours_is_refused(unreaching: OutboundClient, method: str) -> None:
    assert not_sent(unreaching.send(OutboundRequest(method=method, url="https://sms.example/"))).cause == "request"


@given(url=st.text() | st.text().map("http://{}".format), name=st.text(), value=st.text(), body=st.binary())
def test_whatever_is_asked_the_answer_is_a_result(
    unreaching: OutboundClient, url: str, name: str, value: str, body: bytes
) -> None:
    request = OutboundRequest(method="POST", url=url, headers={name: value}, body=body)
    bare = OutboundRequest(method="POST", url=url, body=body)
    for asked in (request, bare):
        assert not_sent(unreaching.send(asked)).cause in ("request", "resolve")
