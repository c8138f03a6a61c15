"""A client of the tests: the name ``sms.example`` leads to a server on loopback, and may."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from daftari.outbound.client import OutboundClient
from daftari.outbound.exchange import NotSent, OutboundRequest, OutboundResponse, OutboundResult, PerhapsSent
from tests.outbound.server import CERTIFICATES, Server

NAME = "sms.example"
"""A name that no name server knows: who reaches something by it was led by the test's resolver."""
SLACK_SECONDS = 2.0
"""How much later than its limit a call may end on a busy machine."""


class Names:
    """A resolver that gives one list of addresses after the other, the last one forever, and counts."""

    def __init__(self, *lists: Sequence[str]) -> None:
        self._left = list(lists)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self._left.pop(0) if len(self._left) > 1 else self._left[0]


def client_of(server: Server, **options: Any) -> OutboundClient:
    """A client for one server, which the operator allows although it is on loopback. It trusts the tests' authority."""
    given = {
        "allowed_hosts": [f"{NAME}:{server.port}"],
        "resolve": Names([server.host]),
        "tls": ssl.create_default_context(cafile=str(CERTIFICATES / "authority.pem")),
    }
    return OutboundClient(**(given | options))


def url_of(server: Server, path: str = "/", *, scheme: str = "http") -> str:
    return f"{scheme}://{NAME}:{server.port}{path}"


def send(
    client: OutboundClient, server: Server, path: str = "/", *, scheme: str = "http", **request: Any
) -> OutboundResult:
    """A POST of three bytes, unless ``request`` says otherwise."""
    given = {"method": "POST", "url": url_of(server, path, scheme=scheme), "body": b"msg"}
    return client.send(OutboundRequest(**(given | request)))


def answered(result: OutboundResult) -> OutboundResponse:
    assert isinstance(result, OutboundResponse), result
    return result


def not_sent(result: OutboundResult) -> NotSent:
    assert isinstance(result, NotSent), result
    return result


def perhaps_sent(result: OutboundResult) -> PerhapsSent:
    assert isinstance(result, PerhapsSent), result
    return result


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """The block ends after ``seconds`` at the earliest, and hardly later."""
    begun = time.monotonic()
    yield
    assert seconds - 0.05 <= time.monotonic() - begun <= seconds + SLACK_SECONDS
