"""What a status proves, in a table of its own; how long to wait; and that no secret shows."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from daftari.outbound.exchange import NotSent, OutboundRequest, OutboundResponse, PerhapsSent
from daftari.outbound.proof import proof_of
from daftari.outbound.retry_after import RETRY_AFTER_SECONDS_MAX, read_retry_after
from tests.outbound.calls import answered, client_of, not_sent, perhaps_sent, send
from tests.outbound.server import answers, answers_and_closes, response, running
from tests.support.cases import each

NOW = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC).timestamp()

EXPECTED = {
    "body": {*range(200, 300), 400},
    "stop": {401, 402, 403, 404, 405},
    "refused": {413, 415, 422},
    "slow": {429},
}


def _responded(status: int, *, retry_after: float | None = None, whole: bool = True) -> OutboundResponse:
    return OutboundResponse(
        status=status,
        headers={},
        body=b"",
        incomplete=None if whole else "closed",
        retry_after_seconds=retry_after,
    )


@each("status", range(100, 600))
def test_a_status_proves_what_the_table_says_and_every_other_one_nothing(status: int) -> None:
    expected = next((proof for proof, statuses in EXPECTED.items() if status in statuses), "unknown")
    assert proof_of(_responded(status), trust_503=True) == expected
    cut = "unknown" if expected == "body" else expected
    assert proof_of(_responded(status, whole=False), trust_503=True) == cut


def test_a_503_proves_something_only_with_a_time_and_where_it_is_trusted() -> None:
    assert proof_of(_responded(503, retry_after=0.0), trust_503=True) == "slow"
    assert proof_of(_responded(503, retry_after=0.0), trust_503=False) == "unknown"
    assert proof_of(_responded(503), trust_503=True) == "unknown"
    assert proof_of(_responded(500, retry_after=5.0), trust_503=True) == "unknown"


def test_without_a_response_only_the_bytes_count() -> None:
    for cause in ("resolve", "connect", "tls", "busy", "timeout", "closed", "malformed"):
        assert proof_of(NotSent(cause, ""), trust_503=False) == "again"
        assert proof_of(PerhapsSent(cause, ""), trust_503=False) == "unknown"
    assert proof_of(NotSent("request", ""), trust_503=False) == "stop"
    assert proof_of(NotSent("address", ""), trust_503=False) == "stop"


# ---- Retry-After ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("2.0", 2.0),
        ("0.25", 0.25),
        ("86401", RETRY_AFTER_SECONDS_MAX),
        ("999999999999", RETRY_AFTER_SECONDS_MAX),
        ("Thu, 26 Nov 2026 12:00:30 GMT", 30.0),
        ("Thursday, 26-Nov-26 12:00:30 GMT", 30.0),
        ("Thu Nov 26 12:00:30 2026", 30.0),
        ("Thu, 26 Nov 2026 11:00:00 GMT", 0.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", RETRY_AFTER_SECONDS_MAX),
        ("-1", None),
        ("+1", None),
        ("1e9", None),
        ("1_000", None),
        ("٣", None),
        ("soon", None),
        ("Thu, 99 Nov 2026 12:00:30 GMT", None),
        ("1" * 5_000, None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms(written: str, seconds: float | None) -> None:
    assert read_retry_after({"retry-after": written}, now=NOW) == seconds
    assert read_retry_after({}, now=NOW) is None


def test_a_date_is_counted_from_the_clock_of_the_server_that_wrote_it() -> None:
    an_hour_ahead = {"date": formatdate(NOW + 3_600, usegmt=True), "retry-after": formatdate(NOW + 3_610, usegmt=True)}
    assert read_retry_after(an_hour_ahead, now=NOW) == 10.0
    assert read_retry_after(an_hour_ahead | {"date": "never"}, now=NOW) == 3_610.0


@given(st.text(), st.text(), st.floats(0, 4e9))
def test_whatever_is_written_a_wait_is_bounded(written: str, date: str, now: float) -> None:
    seconds = read_retry_after({"retry-after": written, "date": date}, now=now)
    assert seconds is None or 0 <= seconds <= RETRY_AFTER_SECONDS_MAX


@pytest.mark.parametrize("written", ["17", formatdate(NOW + 17, usegmt=True)])
def test_a_response_says_how_long_to_wait(written: str) -> None:
    said = response(429, retry_after=written)
    with running(answers(said)) as server, client_of(server, clock=lambda: NOW) as client:
        result = answered(send(client, server))
    assert result.retry_after_seconds == 17.0
    assert proof_of(result, trust_503=False) == "slow"


# ---- secrets ----------------------------------------------------------------------------------------

SECRET = "s3cr3t"
SECRETS = {
    "path": f"/{SECRET}/send?key={SECRET}",
    "headers": {"Authorization": f"Bearer {SECRET}", "X-Key": SECRET},
    "body": SECRET.encode(),
}


def test_no_record_shows_what_it_carries() -> None:
    request = OutboundRequest(method="POST", url=f"https://a.example{SECRETS['path']}", headers={"X": SECRET}, body=b"")
    came = OutboundResponse(
        status=200, headers={"x": SECRET}, body=SECRET.encode(), incomplete=None, retry_after_seconds=None
    )
    for record in (request, came):
        for shown in (repr(record), str(record), f"{record}", pretty_repr(record), pretty_repr([record])):
            assert SECRET not in shown
            assert type(record).__name__ in shown


def test_no_log_and_no_message_shows_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with running(answers(response(401))) as server, client_of(server) as client:
        answered(send(client, server, **SECRETS))
        nowhere = not_sent(send(client, server, **SECRETS | {"url": f"https://{SECRET}:x@h.example/"}))
        bad = not_sent(send(client, server, headers={"X": f"{SECRET}\r\n"}))
    with running(answers_and_closes(b"")) as server, client_of(server) as client:
        lost = perhaps_sent(send(client, server, **SECRETS))
    assert caplog.records
    assert SECRET not in caplog.text
    for message in (nowhere.message, bad.message, lost.message):
        assert SECRET not in message
