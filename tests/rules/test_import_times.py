"""Times in lists of opt-outs: what has one meaning is read, whatever its form, and nothing is guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.rules.imports.times import ORDERS, DateOrder, OrderFinder, Span, read_span

NOW = round(datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp() * 1_000_000)
DAY = 86_400_000_000
HOUR = 3_600_000_000


def read(cell: object, *others: object) -> Span | None:
    """A cell as it is read in a column with some others."""
    finder = OrderFinder(NOW)
    for one in (cell, *others):
        finder.add(one)
    return read_span(cell, orders=finder.orders, now=NOW)


def exactly(written: str) -> Span:
    at = round(datetime.fromisoformat(written).timestamp() * 1_000_000)
    return Span(at, at)


def anywhere(written: str, *, lasting: int = 0) -> Span:
    """A local time, or a span that begins with it, in no known zone."""
    at = exactly(f"{written}+00:00").first
    return Span(at - 14 * HOUR, at + 12 * HOUR + lasting)


MOMENTS = (
    "2024-05-06T07:08:09Z", "2024-05-06t07:08:09z", "2024-05-06 07:08:09 UTC", "2024-05-06 07:08:09.000000+00:00",
    "2024-05-06T10:08:09+0300", "2024-05-06T10:08:09+03", "2024-05-06 10:08:09 EAT", "2024-05-06 09:08:09 CAT",
    "2024-05-06 08:08:09 WAT", "2024-05-06 07:08:09 +0000 UTC", "20240506T070809Z", "2024/05/06 07:08:09 GMT",
    "Mon, 06 May 2024 10:08:09 +0300", "Mon May 06 2024 10:08:09 GMT+0300 (East Africa Time)",
    "Mon May  6 07:08:09 UTC 2024", "May 6, 2024 7:08:09 AM UTC", "6 May 2024 at 07:08:09 am GMT",
    "2024-05-06 10:08:09 Africa/Nairobi", "2024-05-06T10:08:09+03:00[Africa/Nairobi]", "'2024-05-06T07:08:09Z",
    "1714979289", "1714979289000", "1714979289000000", "1.714979289000E+12", 1714979289, 1714979289000, 1714979289.0,
)  # fmt: skip


@pytest.mark.parametrize("cell", MOMENTS)
def test_a_moment_is_read_in_every_form(cell: object) -> None:
    assert read(cell) == exactly("2024-05-06T07:08:09+00:00")


@pytest.mark.parametrize(
    "cell",
    [
        *("2024-05-06", "2024/05/06", "2024.05.06", "2024-5-6", "20240506", "May 6 2024", "6 May 2024", "6-May-24"),
        *("6th of May, 2024", "Monday 6 May 2024", "06 mai 2024", "le 6 mai 2024", "6 de mayo de 2024", "6 Mei 2024"),
        *("6 de maio de 2024", "2024-W19-1", "2024-127", "\u200e2024\u2060-05-06", 45418, "45418", 45418.0),
    ],
)
def test_a_day_is_read_as_all_of_it_wherever_it_was(cell: object) -> None:
    assert read(cell) == anywhere("2024-05-06T00:00:00", lasting=DAY - 1)


@pytest.mark.parametrize(
    "cell",
    [
        *("2024-05-06 07:08", "2024-05-06T07:08:00", "May 6 2024 7:08 am", "7:08 AM 6 May 2024", "6 May 2024 07h08"),
        *("202405060708", "20240506070800", "2024-05-06 07:08 IST"),
    ],
)
def test_a_local_time_is_read_as_it_may_be_anywhere(cell: object) -> None:
    assert read(cell) == anywhere("2024-05-06T07:08:00")


@pytest.mark.parametrize(
    ("cell", "other", "day"),
    [
        ("06/05/2024", "13/05/2024", "2024-05-06"),
        ("06/05/2024", "05/13/2024 4:05 PM", "2024-06-05"),
        ("06.05.2024", "31.12.2023 07:08", "2024-05-06"),
        ("06-05-24", "31-12-23", "2024-05-06"),
        ("24/05/06", "23/12/31", "2024-05-06"),
        # An opt-out cannot be ahead: the other one is 12 November, since 11 December is still to come.
        ("06/05/2024", "12/11/2026", "2024-05-06"),
    ],
)
def test_another_cell_of_the_column_decides_between_day_and_month(cell: str, other: str, day: str) -> None:
    assert read(cell) is None
    assert read(cell, other) == anywhere(f"{day}T00:00:00", lasting=DAY - 1)


@pytest.mark.parametrize(("said", "day"), [("day_first", "2024-05-06"), ("month_first", "2024-06-05")])
def test_what_the_owner_says_of_the_dates_of_a_file_decides(said: DateOrder, day: str) -> None:
    for others in ((), ("2024-12-31",), ("31/12/2023",), ("12/31/2023",), ("31/12/2023", "12/31/2023")):
        finder = OrderFinder(NOW, said=said)
        for one in ("06/05/2024", *others):
            finder.add(one)
        found = read_span("06/05/2024", orders=finder.orders, now=NOW)
        assert found == anywhere(f"{day}T00:00:00", lasting=DAY - 1), others


@pytest.mark.parametrize("cell", ["05/05/2024", "13/05/2024", "05/13/2024"])
def test_a_date_with_one_meaning_needs_no_other_cell_and_none_can_spoil_it(cell: str) -> None:
    assert read(cell) == read(cell, "14/05/2024", "05/14/2024") is not None
    assert read("06/05/2024", "14/05/2024", "05/14/2024") is None


@pytest.mark.parametrize(
    "cell",
    [
        *("06/05/2024 07:08", "soon", "", "May 6", "6/2024/5", "2024-13-45", "2024-02-30", "0000-00-00 00:00:00"),
        *("1970-01-01", "1900-01-00", "2035-01-01", "0722000342", "254722000342", "1.71498E+12", "25:00 6 May 2024"),
        *("6 May 2024 saa 2 asubuhi", "13 pm 6 May 2024", "yes", True, None, 0, 1, 12345, float("nan"), "9" * 500),
    ],
)
def test_what_has_no_meaning_or_two_is_not_read(cell: object) -> None:
    assert read(cell) is None


days = st.dates(date(2000, 1, 2), date(2026, 11, 25))
FORMS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y", "%Y-%m-%d", "%d %B %Y", "%b %d, %Y", "%Y%m%d")


@given(written=st.lists(days, min_size=1, max_size=6), form=st.sampled_from(FORMS))
def test_no_day_of_a_column_is_read_as_another_day(written: list[date], form: str) -> None:
    cells = [day.strftime(form) for day in written]
    finder = OrderFinder(NOW)
    for cell in cells:
        finder.add(cell)
    for day, cell in zip(written, cells, strict=True):
        span = read_span(cell, orders=finder.orders, now=NOW)
        expected = anywhere(f"{day}T00:00:00", lasting=DAY - 1)
        is_open = form in ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y")
        assert span == expected or (span is None and is_open)
        if form.endswith("%Y") and is_open and any(one.day > 12 for one in written):
            assert span == expected


@given(
    seconds=st.integers(exactly("2000-01-02T00:00:00Z").first // 1_000_000, NOW // 1_000_000 - 86_400),
    minutes=st.integers(-12 * 60, 14 * 60),
    form=st.sampled_from(
        ("%Y-%m-%dT%H:%M:%S%z", "%a, %d %b %Y %H:%M:%S %z", "%B %d %Y %I:%M:%S %p %z", "%d/%b/%Y %H:%M:%S %z")
    ),
)
def test_every_moment_with_a_zone_is_read_as_itself(seconds: int, minutes: int, form: str) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    there = moment + timedelta(minutes=minutes)
    sign, ahead = "-" if minutes < 0 else "+", abs(minutes)
    cell = there.strftime(form.replace("%z", f"{sign}{ahead // 60:02}{ahead % 60:02}"))
    assert read(cell) == exactly(moment.isoformat())


@given(st.text(max_size=40) | st.from_regex(r"[\d/.: -]{0,25}(am|pm|EAT|Z|T)?", fullmatch=True))
def test_any_text_is_read_or_not_and_never_as_a_time_to_come(cell: str) -> None:
    span = read_span(cell, orders=ORDERS, now=NOW)
    assert span is None or span.first <= min(span.last, NOW)
