"""The pace, the budget and the retries of calls, and times."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.connectors.calls import Bucket, Budget, Caller, TryAgain, Usage, require_response
from daftari.connectors.protocol import ConnectorFailed
from daftari.connectors.times import find_zone, next_midnight, read_time, write_time
from daftari.outbound.exchange import NotSent, OutboundRequest, OutboundResponse, OutboundResult, PerhapsSent
from tests.support.fake_crm import Clock
from tests.support.fake_crm.limits import Window

GOOD = OutboundResponse(status=200, headers={}, body=b"{}", incomplete=None, retry_after_seconds=None)
REQUEST = OutboundRequest(method="GET", url="https://crm.example/")


# ---- pace -------------------------------------------------------------------------------------------


@given(
    most=st.integers(1, 500),
    seconds=st.sampled_from([1.0, 2.0, 10.0]),
    pauses=st.lists(st.sampled_from([0.0, 0.001, 0.3, 30.0]), min_size=1, max_size=300),
)
def test_a_bucket_keeps_every_window_within_its_limit(most: int, seconds: float, pauses: list[float]) -> None:
    clock = Clock()
    bucket, window = Bucket(most, seconds), Window(clock, most, seconds)
    for pause in pauses:
        clock.wait(bucket.take(clock.now()))
        assert window.take()
        clock.at += pause


@pytest.mark.parametrize(("most", "seconds"), [(5, 1.0), (20, 2.0), (100, 10.0), (190, 10.0), (250, 10.0)])
def test_a_bucket_leaves_little_of_its_limit_unused(most: int, seconds: float) -> None:
    clock, bucket = Clock(), Bucket(most, seconds)
    started = clock.at
    for _ in range(20 * most):
        clock.wait(bucket.take(clock.now()))
    assert 20 * most / (clock.at - started) > 0.95 * most / seconds


def test_a_bucket_believes_what_the_other_system_counts() -> None:
    bucket = Bucket(100, 10.0)
    assert bucket.take(0.0) == 0.0
    bucket.leave(0)
    assert bucket.take(0.0) > 0.0
    bucket.allow(10, 10.0)
    assert bucket.take(1.0) > 1.0


# ---- the day ----------------------------------------------------------------------------------------


def test_a_budget_begins_again_at_midnight_of_its_zone() -> None:
    usage = Usage(allowed=10)
    budget = Budget(usage, zone="Africa/Nairobi")
    noon = 1_795_168_800.0
    assert [budget.charge(2, now=noon, in_share=True) for _ in range(4)] == [True, True, True, False]
    assert budget.charge(2, now=noon, in_share=False) and usage.used == 8
    midnight = next_midnight(int(noon) * 1_000_000, find_zone("Africa/Nairobi")) / 1_000_000
    assert not budget.charge(1, now=midnight - 1, in_share=True)
    assert budget.charge(1, now=midnight, in_share=True) and usage.used == 1


def test_an_unknown_zone_is_utc() -> None:
    assert find_zone("Mars/Olympus").key == find_zone("").key == "UTC"


# ---- tries ------------------------------------------------------------------------------------------


def call(clock: Clock, results: Sequence[OutboundResult], *, repeats: bool = True) -> OutboundResponse:
    left = list(results)
    return Caller(lambda _: left.pop(0), clock).call(
        REQUEST,
        bucket=Bucket(1_000, 1.0),
        judge=lambda result: require_response(result, title="The CRM"),
        charge=lambda: None,
        repeats=repeats,
    )


LOST = PerhapsSent("closed", "crm.example closed the connection before it answered.")
UNSENT = NotSent("connect", "crm.example could not be connected to.")


def test_a_call_is_tried_three_times() -> None:
    clock = Clock()
    assert call(clock, [LOST, UNSENT, GOOD]) is GOOD
    assert clock.waited == pytest.approx(5.0)
    with pytest.raises(ConnectorFailed, match="closed the connection") as caught:
        call(clock, [LOST] * 3)
    assert (caught.value.kind, caught.value.code) == ("again", "unreachable")


def test_what_may_have_been_obeyed_is_repeated_only_where_that_does_no_harm() -> None:
    assert call(Clock(), [UNSENT, GOOD], repeats=False) is GOOD
    with pytest.raises(ConnectorFailed):
        call(Clock(), [LOST, GOOD], repeats=False)


def test_an_address_that_may_not_be_called_is_broken_at_once() -> None:
    with pytest.raises(ConnectorFailed) as caught:
        call(Clock(), [NotSent("address", '"crm" has an address that may not be called.')])
    assert (caught.value.kind, caught.value.code) == ("broken", "address")


def test_a_long_pause_ends_the_run() -> None:
    clock = Clock()
    failure = ConnectorFailed("limited", "rate_limit", "Wait.", until=1)

    def judge(_: OutboundResult) -> OutboundResponse:
        raise TryAgain(failure, seconds=60.0)

    with pytest.raises(ConnectorFailed) as caught:
        Caller(lambda _: GOOD, clock).call(REQUEST, bucket=Bucket(10, 1.0), judge=judge, charge=lambda: None)
    assert caught.value is failure and clock.waited == 0.0


# ---- times ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-11-20T10:00:00.123Z", 1_795_168_800_123_000),
        ("2026-11-20T13:00:00+03:00", 1_795_168_800_000_000),
        ("2026-11-20 10:00:00", 1_795_168_800_000_000),
        ("1795168800123", 1_795_168_800_123_000),
        (1_795_168_800_123, 1_795_168_800_123_000),
        ("", None),
        (None, None),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("9" * 30, None),
        ("9" * 5_000, None),
        (2**63, None),
    ],
)
def test_times_are_read_as_systems_write_them(written: str | int | None, moment: int | None) -> None:
    assert read_time(written) == moment


@given(st.integers(0, 4_000_000_000_000))
def test_a_written_time_reads_as_itself(milliseconds: int) -> None:
    assert read_time(write_time(milliseconds * 1_000)) == milliseconds * 1_000
