"""Records of every kind are read as they are with care, though nearly all take a shorter way. No database."""

from __future__ import annotations

import unicodedata
from typing import Any, Literal

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from daftari.files import ColumnUse, Layout, Record
from daftari.files.blanks import NO_VALUES, is_no_value
from daftari.mobile import reader_for
from daftari.model.contacts import TEXT_FIELDS
from daftari.rules.fields import digits_in
from daftari.rules.imports.columns import Columns, value_taker
from daftari.rules.imports.model import ImportSettings
from daftari.rules.imports.parse import OWN_COLUMNS, RowReader
from tests.support.calls import NOW

FIELDS = ("mobile", "fname", "lname", "email", "city", "company")
"""Without a middle name, so that a field is absent."""
OWN_FIELDS = (None, "mobile", None, *TEXT_FIELDS)
"""Of our own columns those that make a contact, without its id and time."""
texts = st.sampled_from((
    *("", " ", "Mary", " Mary ", "Ma\u200bry", "Ma\nry", "a" * 300, "N/A", " n/a\u00a0", "None", "UNDEFINED"),
    *("-", "\u2014", "#DIV/0!", '="Mary"', ' = "Mary" ', '="n/a"', "=1+1", "a=b", 'a"=b', "a ::: b", ":::"),
    *("n/a ::: b", "a:b::c"),
)) | st.text(alphabet='aN/-=:" \u00e9\u0663', max_size=8)  # fmt: skip
mobiles = st.sampled_from((
    *("0722000347", "+254 722 000347", "254722000347", "722000347", "07220", "n/a", "", " ", '="0722000347"'),
    *("'0722000347", "0722000347 / 0733000347", "0722000347 0733000347", "0722000347 - MARY NJERI"),
    *("2.547E+11", "254722000347.0", "07220003470733000347", "+254722000347254733000347"),
    *("\u0660\u0667\u0662\u0662\u0660\u0660\u0660\u0663\u0664\u0667"),
    *("07220003470733000347 MARY", "07x22000347", "a" * 3000),
))  # fmt: skip
rows = st.tuples(mobiles, *[texts for _ in FIELDS[1:]]).map(list)


def settings(
    form: Literal["csv", "xlsx"], fields: tuple[str | None, ...] = FIELDS, *, header: bool = True
) -> ImportSettings:
    names = OWN_COLUMNS if fields == OWN_FIELDS else tuple(map(str, range(len(fields))))
    return ImportSettings(
        name=f"people.{form}",
        bytes=1,
        layout=Layout(form, names, header=header),
        uses=tuple(map(ColumnUse, names, fields)),
        region="KE",
        created_at=NOW,
    )


def read(form: Literal["csv", "xlsx"], cells: list[list[str]], fields: tuple[str | None, ...] = FIELDS) -> Any:
    """What comes of rows, divided and read at once."""
    reader = RowReader(settings(form, fields))
    records = reader.divide([Record(number, [*row]) for number, row in enumerate(cells, 1)])
    return msgspec.msgpack.decode(msgspec.msgpack.encode(reader.read_chunk(records, number=0, bytes_read=0)))


@given(st.lists(rows, min_size=1, max_size=5))
@example([["0722000347", "Mary", "", "", "", ""], ["0722000348", '="John"', "a ::: b", "n/a", "", "x=y"]])
def test_a_row_of_text_is_read_as_the_same_row_of_a_workbook(cells: list[list[str]]) -> None:
    # Of a workbook each row is read with care.
    assert read("csv", cells) == read("xlsx", cells)


@given(st.lists(rows, min_size=1, max_size=5))
@example([["0722000347", "None", "n/a", "a ::: b", '="Mary"', "-"]])
def test_a_row_of_our_own_is_read_as_it_stands(cells: list[list[str]]) -> None:
    own = [["7", row[0], "2026-03-02", row[1], "", *row[2:]] for row in cells]
    assert read("csv", own, OWN_FIELDS) == read("xlsx", own, OWN_FIELDS)


@given(st.lists(st.tuples(mobiles, mobiles), min_size=1, max_size=5), st.booleans())
def test_no_row_with_several_numbers_is_passed_over(cells: list[tuple[str, str]], header: bool) -> None:
    given = settings("csv", ("mobile", "mobile.2"), header=header)
    columns, take = Columns(given), value_taker(given)
    records = [Record(number, [*row]) for number, row in enumerate(cells, 1)]
    several = {
        place for place, record in enumerate(records)
        if record.values is not None and columns.divide(record.values, take, reader_for("KE"))
    }  # fmt: skip
    assert several <= {*columns.find_divisible(records, take)}


def test_rows_are_numbered_on_after_each_with_several_numbers() -> None:
    reader = RowReader(settings("csv", ("mobile", "fname")))
    written = ["0722000341", "0722000342 / 0722000343", "0722000344", "x", "0722000345,0722000346", "y"]
    records = [Record(number, [cell, "Mary"]) for number, cell in enumerate(written, 1)]
    divided = [*reader.divide(records[:3]), *reader.divide(records[3:])]
    numbers = ["0722000341", "0722000342", "0722000343", "0722000344", "x", "0722000345", "0722000346", "y"]
    assert divided == [Record(number, [cell, "Mary"]) for number, cell in enumerate(numbers, 1)]


@given(st.sampled_from(sorted(NO_VALUES)), st.randoms(use_true_random=False))
def test_no_value_is_known_in_any_mixture_of_capitals(word: str, draw: Any) -> None:
    assert is_no_value(f" {''.join(draw.choice((letter.upper(), letter.lower())) for letter in word)} ")


@given(st.text())
@example("0722 \u0660\u0667 \u0967 \u00b2 x7")
def test_the_digits_in_a_text_are_those_of_every_script(text: str) -> None:
    decimals = (unicodedata.decimal(character, None) for character in text)
    assert digits_in(text) == "".join(str(digit) for digit in decimals if digit is not None)
