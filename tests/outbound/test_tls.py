"""TLS: the certificate is checked for the URL's name, although the connection goes to an address."""

from __future__ import annotations

import socket
import ssl
import threading

import pytest

from daftari.outbound.proof import proof_of
from tests.outbound.calls import NAME, Names, answered, client_of, not_sent, perhaps_sent, send, within
from tests.outbound.server import (
    OK,
    Behave,
    Server,
    answers,
    read_request,
    reads_and_resets,
    response,
    running,
    says_and_stalls,
)


def test_the_name_goes_to_tls_and_to_host_and_the_connection_to_the_address() -> None:
    with running(answers(OK), tls=True) as server, client_of(server) as client:
        for _ in range(3):
            assert answered(send(client, server, scheme="https")).body == b"ok"
    assert server.names == [NAME]
    assert server.connections == 1
    assert f"Host: {NAME}:{server.port}\r\n".encode() in server.requests[0]


def test_a_certificate_of_another_name_is_refused() -> None:
    with running(answers(OK), tls=True) as server:
        allowed = [f"other.example:{server.port}"]
        with client_of(server, allowed_hosts=allowed) as client:
            result = not_sent(send(client, server, url=f"https://other.example:{server.port}/"))
    assert (result.cause, proof_of(result, trust_503=True)) == ("tls", "again")
    assert "other.example" in result.message and "mismatch" in result.message
    assert server.requests == []


def test_a_certificate_of_an_unknown_authority_is_refused() -> None:
    with running(answers(OK), tls=True) as server, client_of(server, tls=None) as client:
        result = not_sent(send(client, server, scheme="https"))
    assert result.cause == "tls" and "unable to get local issuer certificate" in result.message
    assert server.requests == []


def test_two_names_at_one_address_share_no_connection() -> None:
    """The second name has to prove itself too."""
    with running(answers(OK), tls=True) as server:
        allowed = [f"{name}:{server.port}" for name in (NAME, "other.example")]
        with client_of(server, allowed_hosts=allowed) as client:
            answered(send(client, server, scheme="https"))
            assert not_sent(send(client, server, url=f"https://other.example:{server.port}/")).cause == "tls"


def test_a_server_without_tls() -> None:
    def behave(_server: Server, connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(OK)

    with running(behave) as server, client_of(server) as client:
        assert not_sent(send(client, server, scheme="https")).cause == "tls"


@pytest.mark.parametrize("closes", [True, False])
def test_a_server_that_does_not_agree_on_tls(closes: bool) -> None:
    """Name, connection and TLS share one limit."""
    done = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        done.wait(0 if closes else 0.4)
        return ["127.0.0.1"]

    def behave(server: Server, connection: socket.socket) -> None:
        connection.recv(65_536)
        if not closes:
            server.over.wait()

    with running(behave) as server:
        client = client_of(server, connect_seconds=0.5, resolve=resolve)
        with client, within(0.0 if closes else 0.5):
            result = not_sent(send(client, server, scheme="https"))
    assert (result.cause, proof_of(result, trust_503=True)) == ("tls" if closes else "timeout", "again")


@pytest.mark.parametrize(("behave", "cause"), [(reads_and_resets, "closed"), (says_and_stalls(b"HT"), "timeout")])
def test_a_request_that_was_sent_by_tls_is_not_known_either(behave: Behave, cause: str) -> None:
    with running(behave, tls=True) as server, client_of(server) as client:
        result = perhaps_sent(send(client, server, scheme="https", total_seconds=0.5))
    assert (result.cause, proof_of(result, trust_503=True)) == (cause, "unknown")


@pytest.mark.parametrize(("says_goodbye", "incomplete"), [(True, None), (False, "closed")])
def test_a_body_that_ends_with_the_connection_is_whole_only_if_tls_says_so(
    says_goodbye: bool, incomplete: str | None
) -> None:
    def behave(server: Server, connection: socket.socket) -> None:
        read_request(server, connection)
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nhalf")
        if says_goodbye:
            assert isinstance(connection, ssl.SSLSocket)
            connection.unwrap()

    with running(behave, tls=True) as server, client_of(server) as client:
        result = answered(send(client, server, scheme="https"))
    assert result.incomplete == incomplete


def test_a_large_request_and_response_pass_whole() -> None:
    body = bytes(range(256)) * 3_000
    with running(answers(response(200, body)), tls=True) as server, client_of(server) as client:
        assert answered(send(client, server, scheme="https", body=body)).body == body
    assert server.requests[0].endswith(body)


def test_a_name_is_resolved_once_a_connection() -> None:
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    with running(answers(OK), tls=True) as server, client_of(server, resolve=names) as client:
        for _ in range(3):
            answered(send(client, server, scheme="https"))
    assert names.asked == [NAME]
