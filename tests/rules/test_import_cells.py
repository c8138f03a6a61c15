"""What stands in a cell other than one number: another one, a name, a label, quotes, or nothing."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.errors import quote
from daftari.files.blanks import is_no_number, is_no_value
from daftari.mobile import UnreadableMobile, reader_for
from daftari.rules.imports.cells import (
    find_numbers,
    may_hold_two,
    messageable,
    number_in,
)
from tests.support.cases import each

READER = reader_for("KE")


def numbers(cell: object) -> list[int | str]:
    """The numbers in a cell, those that cannot be read as they were written."""
    found: list[int | str] = []
    for one in find_numbers(cell, reader=READER):
        try:
            found.append(READER(one.text))
        except UnreadableMobile:
            found.append(one.text)
    return found


TWO = [254722000347, 254733000347]


@each(
    "between",
    [
        *("/", " / ", ", ", ";", " | ", " ::: ", "\n", "\r\n", " or ", " OR ", " au ", " ama ", " na ", " & ", " and "),
        *(" ou ", " ", "  ", "\t", " - ", "\\n", "<br>", ",\n", "\\", "+", " = ", " _ ", "~"),
    ],
)
@pytest.mark.parametrize("first", ["0722000347", "0722 000 347", "+254 722 000347", "254722000347", "0722-000-347"])
def test_two_numbers_in_a_cell_are_two_numbers(first: str, between: str) -> None:
    cell = f"{first}{between}0733000347"
    assert numbers(cell) == TWO
    assert may_hold_two(cell)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("+254722000347+254733000347", TWO),
        ("0722000347 (mobile) / 020 2012345 (office)", [254722000347, 254202012345]),
        ("0722000347 Móvil / 020 2012345 Pager", [254722000347, 254202012345]),
        ("Mobile: 0722000347, Fax 020 2012345", [254722000347, 254202012345]),
        ("SMS: 0722000347 Call: 0733000347", TWO),
        ("Mary 0722000347 / John 0733000347", TWO),
        ("0722000347 or 0733", [254722000347, "0733"]),
        ("0722000347; 0722 000 347", [254722000347]),
        (["0722000347", 254733000347], TWO),
        ([{"value": "0722000347", "label": "mobile"}, {"value": "0733000347"}], TWO),
        ("0722 000 347 0733 000 347 0711 000 347", [*TWO, 254711000347]),
    ],
)
def test_what_else_divides_numbers_divides_them(cell: object, expected: list[int | str]) -> None:
    assert numbers(cell) == expected


@each(
    "cell",
    [
        *("0722 000347", "020/2012345", "+254 (0) 722 000 347", "0722-000-347", "'0722000347", "\u20190722000347"),
        *('="0722000347"', "'+254722000347", "254722000347.0", 254722000347.0, "2.54722000347E+11", "0722000347,,"),
        *("254,722,000,347", "722,000,347", "\u201c0722000347\u201d", "\u00ab0722000347\u00bb"),
        *("Tel: 0722000347", "0722000347 (WhatsApp)", "Simu 0722000347"),
    ],
)
def test_one_number_is_one_number(cell: object) -> None:
    (found,) = find_numbers(cell, reader=READER)
    assert READER(found.text) in (254722000347, 254202012345) and found.name is None


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("254722000801 - MARY NJERI KAMAU", "MARY NJERI KAMAU"),
        ("MARY NJERI - 254722000801", "MARY NJERI"),
        ("0722000801 MARY O'BRIEN", "MARY O'BRIEN"),
        ("Mary (0722000801)", "Mary"),
        ("Customer Transfer from 254722000801 - MARY NJERI", "MARY NJERI"),
        ("0722 000 801: Dr. Otieno", "Dr. Otieno"),
    ],
)
def test_a_number_may_stand_beside_a_name(cell: str, name: str) -> None:
    (found,) = find_numbers(cell, reader=READER)
    assert (READER(found.text), found.name) == (254722000801, name)


@pytest.mark.parametrize(
    "cell",
    [
        *("0722O01107", "O722000347", "07220003l7", "0722000347 x5", "0722000347 ext 5", "0722000347 mary@x.example"),
        *(
            "1-800-FLOWERS",
            "07220003470733000347",
            "0722000347 0733",
            "0722,000,347",
            "2547****802 - JOHN",
            "0722XXX801",
        ),
        *("2.547E+11", "call me", "Mary Njeri", "", [], [None], {"label": "mobile"}, "1" * 3_000),
    ],
)
def test_what_is_no_number_is_not_made_one(cell: object) -> None:
    assert find_numbers(cell, reader=READER) == []


def test_the_label_says_which_number_takes_messages_and_a_fax_never_does() -> None:
    def taken(cell: str) -> list[int]:
        return [READER(one.text) for one in messageable(find_numbers(cell, reader=READER))]

    assert taken("020 2012345 (office) / 0722000347 (mobile)") == [254722000347]
    assert taken("0733000347 Modem / 0722000347 Móvil") == [254722000347]
    assert taken("0722000347 / fax 020 2012345") == [254722000347]
    assert taken("020 2012345 (office) / 0722000347") == [254202012345, 254722000347]
    assert taken("fax 020 2012345") == []


@pytest.mark.parametrize("cell", ["", " ", "-", "N/A", "#N/A", "none", "NULL", "nil", "NaN", "--", "#ERROR!", None])
def test_nothing_is_written_in_many_ways(cell: object) -> None:
    assert is_no_value(cell) and is_no_number(cell)


def test_a_word_is_nothing_only_where_a_number_is_meant() -> None:
    assert is_no_number("x") and is_no_number("hana") and is_no_number(0) is False
    assert not is_no_value("x") and not is_no_value("Na") and not is_no_value(0)


def test_spaces_of_every_kind_are_no_value() -> None:
    spaces = [character for character in map(chr, range(sys.maxunicode + 1)) if character.isspace()]
    assert [
        one for one in spaces if not is_no_value(one) or not is_no_value(f"{one}N/A") or is_no_value(f"{one}A")
    ] == []


def test_a_cell_is_quoted_on_one_line_and_shortened() -> None:
    assert quote("0722\n000 x") == "'0722 000 x'"
    assert quote("a" * 100) == f"'{'a' * 39}…'"
    assert number_in("2547****802 - JOHN OUMA") == "2547****802"


mobiles = st.integers(254_700_000_000, 254_729_999_999)
forms = st.sampled_from(("{}", "+{}", "0{1}", "+{0} ", "{2}"))


def _written(mobile: int, form: str) -> str:
    digits = str(mobile)
    national = digits[3:]
    return form.format(digits, national, f"+254 {national[:3]} {national[3:6]} {national[6:]}").strip()


@given(
    people=st.lists(mobiles, min_size=1, max_size=4, unique=True),
    form=forms,
    between=st.sampled_from(("/", " / ", ", ", "; ", " ::: ", "\n", " or ", " na ", " | ", " & ")),
)
def test_as_many_numbers_are_found_as_were_written(people: list[int], form: str, between: str) -> None:
    assert numbers(between.join(_written(mobile, form) for mobile in people)) == people


@given(st.text(alphabet="0123456789+ /-,;.xX*()abEor\n", max_size=60))
def test_whatever_stands_in_a_cell_each_number_found_is_written_there(cell: str) -> None:
    found = find_numbers(cell, reader=READER)
    digits = "".join(filter(str.isdigit, cell))
    for one in found:
        assert isinstance(one.text, str)
        assert "E" in cell or "".join(filter(str.isdigit, one.text)) in digits
