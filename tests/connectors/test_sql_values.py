"""What columns of every type become in a record, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from daftari.connectors.sql.values import Column, Unreadable, id_text, id_value, is_set, read_value

NAIROBI = ZoneInfo("Africa/Nairobi")
NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "stored", "value"),
    [
        ("integer", 722000001, 722000001),
        ("double", 722000001.0, 722000001),
        ("double", 0.5, 0.5),
        ("decimal", Decimal("722000001.00"), 722000001),
        ("decimal", Decimal("10.50"), "10.50"),
        ("decimal", Decimal("254722000001.123456789"), "254722000001.123456789"),
        ("text", " 0722 000 001", " 0722 000 001"),
        ("text", "7.22E+08", "7.22E+08"),
        ("char", "0722000001     ", "0722000001"),
        ("text", "   ", None),
        ("text", "0000-00-00", None),
        ("naive", "0000-00-00 00:00:00", None),
        ("boolean", 1, True),
        ("boolean", b"\x00", False),
        ("boolean", True, True),
        ("integer", b"\x02", 2),
        ("naive", NOON.replace(tzinfo=None), "2026-11-27T12:00:00+03:00"),
        ("utc", NOON.replace(tzinfo=None), "2026-11-27T12:00:00+00:00"),
        ("aware", NOON, "2026-11-27T12:00:00+00:00"),
        ("date", date(1990, 5, 1), "1990-05-01"),
        ("uuid", UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("bytes", b"\x01\xff", "01ff"),
        ("list", ["vip", None, " ", "new"], ["vip", "new"]),
        ("json", '["vip", 7]', ["vip", 7]),
        ("json", {"city": "Kisumu"}, '{"city":"Kisumu"}'),
        ("set", "vip,new", ["vip", "new"]),
    ],
)
def test_a_value_is_taken_as_it_is_meant(kind: str, stored: object, value: object) -> None:
    taken = read_value(stored, Column("column", kind), zone=NAIROBI)
    assert taken == value and type(taken) is type(value)


@pytest.mark.parametrize(
    ("kind", "stored", "says"),
    [
        ("single", 722000000.0, "has lost the last digits; make it a text"),
        ("double", 1e300, "has lost the last digits"),
        ("double", float("nan"), "which is no number"),
        ("decimal", Decimal("NaN"), "which is no number"),
        ("text", "07\x0022", "has a NUL character"),
        ("text", "x" * 4_001, "is longer than 4,000 characters"),
        ("list", ["x" * 3_000, "y" * 3_000], "is longer than 4,000 characters"),
        ("bytes", b"x" * 3_000, "is longer than 2,000 bytes"),
        ("list", [["a"]], "is a list of lists"),
        ("json", "{", "is not JSON"),
    ],
)
def test_a_value_that_is_ruined_or_too_long_is_refused_with_the_reason(kind: str, stored: object, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        read_value(stored, Column("column", kind), zone=NAIROBI)


@pytest.mark.parametrize(
    ("kind", "stored", "text"),
    [
        ("integer", 17, "17"),
        ("decimal", Decimal("17"), "17"),
        ("uuid", UUID(int=17), str(UUID(int=17))),
        ("bytes", b"\x00\x17", "0017"),
        ("char", "A17   ", "A17"),
        ("text", "A17", "A17"),
    ],
)
def test_an_id_is_a_text_from_which_the_row_is_found_again(kind: str, stored: object, text: str) -> None:
    column = Column("id", kind)
    assert id_text(stored, column) == text
    assert id_text(id_value(text, column), column) == text


@pytest.mark.parametrize("stored", [1.5, True, date(2026, 1, 1)])
def test_what_names_no_row_is_no_id(stored: object) -> None:
    with pytest.raises(Unreadable, match="which is no id"):
        id_text(stored, Column("id", "double"))


@pytest.mark.parametrize("stored", ["Y", "t", "TRUE", "1", 1, True, "2026-11-27T12:00:00+00:00"])
def test_a_flag_or_a_time_sets_it(stored: object) -> None:
    assert is_set(stored)


@pytest.mark.parametrize("stored", ["N", "f", "0", "no", 0, False, None])
def test_no_flag_and_no_time_do_not(stored: object) -> None:
    assert not is_set(stored)


def test_another_word_is_no_flag() -> None:
    with pytest.raises(Unreadable, match="write true or false"):
        is_set("maybe")
