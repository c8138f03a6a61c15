"""Times of requests: all of RFC 3339 and nothing else, cut to microseconds; or seconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.model.time import format_time
from daftari.rules.fields import read_time

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.integers(-2_177_452_800, 253_338_000_000).map(lambda seconds: EPOCH + timedelta(seconds=seconds))
zones = st.sampled_from(["Z", "z", "-00:00", "+00:00"]) | st.builds(
    "{}{:02}:{:02}".format, st.sampled_from("+-"), st.integers(0, 23), st.integers(0, 59)
)
fractions = st.just("") | st.text(st.sampled_from("0123456789"), min_size=1, max_size=40)


def offset_of(zone: str) -> timedelta:
    if zone in ("Z", "z"):
        return timedelta()
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    return -offset if zone[0] == "-" else offset


def read(written: object) -> int | None:
    return read_time(written, now=None)


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


@given(moment=moments, mark=st.sampled_from("Tt "), fraction=fractions, zone=zones)
def test_every_time_of_rfc_3339_is_read(moment: datetime, mark: str, fraction: str, zone: str) -> None:
    written = f"{moment:%Y-%m-%d}{mark}{moment:%H:%M:%S}{f'.{fraction}' if fraction else ''}{zone}"
    at = read(written)
    assert at == microseconds(moment - offset_of(zone)) + int(fraction[:6].ljust(6, "0"))
    assert read(format_time(at)) == at


GRAMMAR = re.compile(
    r"(19|[2-9]\d)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt ]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?"
    r"([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)


@given(
    base=st.sampled_from(["2024-03-21T07:06:37Z", "2024-12-31T23:59:60.5+00:00", "2024-02-29 00:00:00.123456-23:59"]),
    at=st.integers(0, 30),
    length=st.integers(0, 2),
    put=st.text(st.sampled_from("0123456789-+:.TZtzW ,٣\u2212"), max_size=2),
)
def test_nothing_else_is_read_as_a_time(base: str, at: int, length: int, put: str) -> None:
    written = base[:at] + put + base[at + length :]
    try:
        read(written)
    except ValueError:
        return
    text = written.strip()
    assert GRAMMAR.fullmatch(text) or re.fullmatch("[0-9]*", text), written


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50.520000Z"),
        ("1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57.000000Z"),
        ("1990-12-31T23:59:60Z", "1991-01-01T00:00:00.000000Z"),
        ("1990-12-31T15:59:60-08:00", "1991-01-01T00:00:00.000000Z"),
        ("2016-12-31T23:59:60.999999999Z", "2017-01-01T00:00:00.999999Z"),
        ("2017-01-01T02:59:60+03:00", "2017-01-01T00:00:00.000000Z"),
        ("1937-01-01T12:00:27.87+00:20", "1937-01-01T11:40:27.870000Z"),
        ("2024-03-21t07:06:37.1234567z", "2024-03-21T07:06:37.123456Z"),
        (" 2024-03-21 07:06:37-00:00 ", "2024-03-21T07:06:37.000000Z"),
        ("2024-03-21T00:00:00+23:59", "2024-03-20T00:01:00.000000Z"),
        (1_711_004_797, "2024-03-21T07:06:37.000000Z"),
        ("1711004797", "2024-03-21T07:06:37.000000Z"),
        (1_711_004_797.25, "2024-03-21T07:06:37.250000Z"),
        (-1, "1969-12-31T23:59:59.000000Z"),
    ],
)
def test_times(written: object, same: str) -> None:
    assert read(written) == read(same)


@pytest.mark.parametrize(
    "written",
    [
        *("2024-W12-4T07:06:37Z", "2024-W12", "20240321T070637Z", "2024-081T07:06:37Z", "2024-03-21T07Z"),
        *("2024-03-21T07:06Z", "2024-03-21T070637Z", "2024-03-21T07:06:37+03", "2024-03-21T07:06:37+0300"),
        *("2024-03-21T07:06:37+03:00:00", "2024-03-21T07:06:37+24:00", "2024-03-21T07:06:37+03:60"),
        *("2024-03-21T07:06:37,5Z", "2024-03-21T07:06:37.Z", "2024-03-21T24:00:00Z", "2024-03-21T07:06:60Z"),
        *("2024-03-31T22:59:60Z", "2024-03-21T07:06:61Z", "2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z"),
        *("2024-03-21_07:06:37Z", "2024-03-21  07:06:37Z", "2024-03-21T07:06:37 Z", "+2024-03-21T07:06:37Z"),
        *("２０２４-03-21T07:06:37Z", "٢٠٢٤", "1711004797.5", "-1", "1e9", "9" * 5_000, "now", "0000-01-01T00:00:00Z"),
        *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:60Z", 10**400, 1e300, float("inf"), True, [], {}),
    ],
)
def test_what_is_no_time_is_refused_with_one_that_is(written: object) -> None:
    with pytest.raises(ValueError, match=r"must be a time such as 2024-03-21T07:06:37Z\."):
        read(written)


@pytest.mark.parametrize("written", ["2024-03-21T07:06:37", "2024-03-21 07:06:37.5", "2024-03-21T07:06", "2024-03-21"])
def test_a_time_without_a_zone_is_refused_for_that(written: str) -> None:
    with pytest.raises(ValueError, match="must say its time zone"):
        read(written)


def test_a_plus_that_a_query_string_lost_is_named() -> None:
    with pytest.raises(ValueError, match="in a query string, write the plus of its zone as %2B"):
        read("2024-03-21T07:06:37 03:00")
