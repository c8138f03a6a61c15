"""Which addresses are called: what a project's URL must not reach, and what the operator may open."""

from __future__ import annotations

import threading
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.outbound import network
from daftari.outbound.addresses import may_connect, read_allowed_hosts
from daftari.outbound.client import OutboundClient
from daftari.outbound.exchange import OutboundRequest
from daftari.outbound.network import resolve_name
from daftari.outbound.proof import proof_of
from tests.outbound.calls import NAME, Names, answered, client_of, not_sent, send, url_of
from tests.outbound.server import OK, answers, running
from tests.support.cases import each

PUBLIC = ("1.1.1.1", "8.8.8.8", "100.63.255.255", "172.15.0.1", "172.32.0.1", "192.169.0.1", "223.255.255.255")
PUBLIC_V6 = ("2606:4700:4700::1111", "2a00:1450:4001::200e", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8")
PRIVATE = (
    *("10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "172.16.0.1"),
    *("172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1"),
    *("198.19.255.255", "198.51.100.1", "203.0.113.1"),
    *("::1", "::2", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1", "64:ff9b::10.0.0.1"),
    *("100::1", "2001:1::1", "2001:db8::1", "3fff::1", "5f00::1", "fc00::1"),
    *("fd00::1", "fdff::1"),
)
NEVER = (
    *("0.0.0.0", "0.1.2.3", "100.100.100.200", "168.63.129.16", "169.254.0.1", "169.254.169.254", "192.0.0.192"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::ffff:0.0.0.0", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "64:ff9b::169.254.169.254"),
    *("fd00:ec2::254", "fd20:ce::254", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "ff02::1"),
    *("64:ff9b:1::a9fe:a9fe", "2001::1", "2002:a9fe:a9fe::", "2002:7f00:1::"),
    *("fd00::1%eth0", "", "localhost", "1.2.3", "127.1", "1.2.3.4/32", " 8.8.8.8", "08.8.8.8", "0x8.8.8.8"),
)


@pytest.mark.parametrize("address", PUBLIC + PUBLIC_V6)
def test_a_public_address_may_be_called(address: str) -> None:
    assert may_connect(address, allowed=False) and may_connect(address, allowed=True)


@each("address", PRIVATE)
def test_a_private_address_may_be_called_only_where_the_operator_says_so(address: str) -> None:
    assert not may_connect(address, allowed=False)
    assert may_connect(address, allowed=True)


@each("address", NEVER)
def test_some_addresses_are_never_called(address: str) -> None:
    assert not may_connect(address, allowed=False) and not may_connect(address, allowed=True)


@given(st.ip_addresses())
def test_what_may_be_called_is_public_for_the_standard_library_too(address: IPv4Address | IPv6Address) -> None:
    if may_connect(str(address), allowed=False):
        inside = getattr(address, "ipv4_mapped", None) or address
        assert inside.is_global and not inside.is_multicast and not inside.is_reserved | inside.is_link_local


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_in_every_writing(address: IPv4Address) -> None:
    writings = (str(address), f"::ffff:{address}", f"64:ff9b::{address}", str(ip_address(f"::ffff:{address}").exploded))
    for allowed in (False, True):
        assert len({may_connect(writing, allowed=allowed) for writing in writings}) == 1


# ---- through the client -----------------------------------------------------------------------------


@each("address", PRIVATE + NEVER)
def test_a_name_that_leads_to_such_an_address_is_not_connected_to(address: str) -> None:
    with running(answers(OK)) as server, client_of(server, allowed_hosts=[], resolve=Names([address])) as client:
        result = not_sent(send(client, server))
    assert (result.cause, proof_of(result, trust_503=True)) == ("address", "stop")
    assert NAME in result.message
    assert not address or address not in result.message
    assert server.connections == 0


def test_one_bad_address_among_good_ones_refuses_them_all() -> None:
    for addresses in (["8.8.8.8", "127.0.0.1"], ["8.8.8.8"] * 50 + ["10.0.0.1"], ["127.0.0.1", "169.254.169.254"]):
        with running(answers(OK)) as server:
            allowed = [f"{NAME}:{server.port}"] if "169.254.169.254" in addresses else []
            with client_of(server, allowed_hosts=allowed, resolve=Names(addresses)) as client:
                assert not_sent(send(client, server)).cause == "address"
        assert server.connections == 0


def test_a_name_that_changes_is_asked_once_and_its_judged_address_is_called() -> None:
    """A name that is public when judged and private when connected to is the classic attack."""
    names = Names(["127.0.0.2"], ["127.0.0.1"])
    with running(answers(OK), host="127.0.0.2") as judged, client_of(judged, resolve=names) as client:
        for _ in range(3):
            assert answered(send(client, judged)).body == b"ok"
    assert names.asked == [NAME]
    assert (judged.connections, len(judged.requests)) == (1, 3)


def test_addresses_are_tried_in_turn_until_one_connects() -> None:
    with running(answers(OK)) as server:
        with client_of(server, resolve=Names(["127.0.0.3", "127.0.0.4", "127.0.0.1"])) as client:
            assert answered(send(client, server)).body == b"ok"
        with client_of(server, resolve=Names([f"127.0.0.{last}" for last in (3, 4, 5, 6, 1)])) as client:
            assert not_sent(send(client, server)).cause == "connect"


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "LOCALHOST", "127.1", "2130706433", "0x7f000001", "0177.1", "0x7f.1", "0"),
        *(
            "0.0.0.0",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[0:0:0:0:0:0:0:1]",
            "[::FFFF:127.0.0.1]",
        ),
    ],
)
def test_no_writing_of_this_machine_in_a_url_leads_to_it(host: str) -> None:
    """By the real resolver, which reads many kinds of numbers."""
    with running(answers(OK)) as server, OutboundClient() as client:
        result = not_sent(client.send(OutboundRequest(method="GET", url=f"http://{host}:{server.port}/")))
    assert result.cause == "address"
    assert server.connections == 0


def test_lookups_that_hang_are_limited_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "LOOKUPS_MAX", 2)
    asked: list[str] = []
    answer = threading.Event()

    def hang(host: str, port: int) -> list[str]:
        asked.append(host)
        assert answer.wait(60)
        return ["127.0.0.1"]

    with running(answers(OK)) as server, client_of(server, resolve=hang) as client:
        for _ in range(3):
            assert not_sent(send(client, server, total_seconds=0.1)).cause == "timeout"
        assert len(asked) == 2
        answer.set()
        assert answered(send(client, server)).status == 200


def test_where_no_thread_is_left_nothing_is_sent_and_the_next_call_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "LOOKUPS_MAX", 1)

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with running(answers(OK)) as server, client_of(server) as client:
        with monkeypatch.context() as exhausted:
            exhausted.setattr(threading.Thread, "start", start)
            assert not_sent(send(client, server)).cause == "resolve"
        assert answered(send(client, server)).status == 200


def test_the_real_resolver_gives_each_address_once() -> None:
    assert resolve_name("127.0.0.1", 80) == ["127.0.0.1"]
    assert len(set(resolve_name("localhost", 80))) == len(resolve_name("localhost", 80)) > 0


# ---- what the operator allows -----------------------------------------------------------------------


def test_the_operator_allows_a_host_with_its_port() -> None:
    with running(answers(OK)) as server, running(answers(OK)) as other:
        for allowed in (f"127.0.0.1:{server.port}", f"LocalHost:{server.port}"):
            host = allowed.partition(":")[0]
            with OutboundClient(allowed_hosts=[allowed]) as client:
                answered(client.send(OutboundRequest(method="GET", url=f"http://{host.upper()}:{server.port}/")))
                refused = client.send(OutboundRequest(method="GET", url=f"http://{host}:{other.port}/"))
                assert not_sent(refused).cause == "address"
    assert (server.connections, other.connections) == (2, 0)


def test_another_name_for_an_allowed_address_is_not_allowed() -> None:
    with running(answers(OK)) as server, client_of(server, allowed_hosts=[f"127.0.0.1:{server.port}"]) as client:
        assert not_sent(client.send(OutboundRequest(method="GET", url=url_of(server)))).cause == "address"
    assert server.connections == 0


def test_allowed_hosts_are_read_as_a_url_is() -> None:
    read = read_allowed_hosts(["Kannel.Intra:13013", "[FD12::7]:8080", "10.0.0.7:80", "a.example:443"])
    assert read == {("kannel.intra", 13013), ("fd12::7", 8080), ("10.0.0.7", 80), ("a.example", 443)}


@pytest.mark.parametrize(
    "written",
    ["", "kannel", "kannel:", ":80", "http://kannel:80", "kannel:80/x", "a@kannel:80", "kannel:80?x", "::1:80", "k:x"],
)
def test_an_allowed_host_that_cannot_be_read_is_quoted(written: str) -> None:
    with pytest.raises(ValueError, match="write it as in") as refused:
        OutboundClient(allowed_hosts=["fine.example:80", written])
    assert f'"{written}"' in str(refused.value)
