"""The parts of an SMS: GSM 7-bit and UCS-2, greedy fill, and what the provider appends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.rules.messages.parts import BASIC, EXTENSION, count_parts, has_suffix
from tests.oracles import sms

RUNS = st.lists(
    st.tuples(
        st.one_of(
            st.sampled_from(["a", "é", "€", "[", "\r\n", "’", "ũ", "e\u0301", "😀", "👩‍🌾", "ç"]), st.characters()
        ),
        st.sampled_from([1, 1, 1, 2, 3, 33, 65, 67, 69, 70, 76, 77, 152, 153, 159, 160]),
    ),
    max_size=8,
).map(lambda runs: "".join(character * times for character, times in runs))
"""Texts that often end just before, at or after the end of a part."""


def sizes(text: str, suffix: str = "") -> tuple[str, int, int, int]:
    counted = count_parts(text, suffix=suffix)
    return counted.encoding, counted.units, counted.parts, counted.left


# ---- as the standard says -----------------------------------------------------------------------------


def test_the_tables_are_those_of_the_standard() -> None:
    assert len(BASIC) == 127
    assert {*BASIC} == {character for character, cost in sms.SEPTETS.items() if cost == 1}
    assert {*EXTENSION} == {character for character, cost in sms.SEPTETS.items() if cost == 2}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("gsm7", 0, 0, 160)),
        ("a", ("gsm7", 1, 1, 159)),
        ("a" * 160, ("gsm7", 160, 1, 0)),
        ("a" * 161, ("gsm7", 161, 2, 145)),
        ("a" * 306, ("gsm7", 306, 2, 0)),
        ("a" * 307, ("gsm7", 307, 3, 152)),
        ("a" * 1_530, ("gsm7", 1_530, 10, 0)),
        ("a" * 1_531, ("gsm7", 1_531, 11, 152)),
        ("€" * 80, ("gsm7", 160, 1, 0)),
        ("a" * 159 + "€", ("gsm7", 161, 2, 145)),
        # 76 pairs are 152 units: the next one does not fit, and a unit of each part stays empty.
        ("€" * 81, ("gsm7", 162, 2, 143)),
        ("€" * 152, ("gsm7", 304, 2, 1)),
        ("€" * 153, ("gsm7", 306, 3, 151)),
        ("a" * 152 + "{" + "b" * 20, ("gsm7", 174, 2, 131)),
        ("ũ" * 70, ("ucs2", 70, 1, 0)),
        ("ũ" * 71, ("ucs2", 71, 2, 63)),
        ("ũ" * 134, ("ucs2", 134, 2, 0)),
        ("ũ" * 135, ("ucs2", 135, 3, 66)),
        ("😀" * 35, ("ucs2", 70, 1, 0)),
        # 33 pairs are 66 units.
        ("😀" * 36, ("ucs2", 72, 2, 61)),
        ("😀" * 66, ("ucs2", 132, 2, 1)),
        ("😀" * 67, ("ucs2", 134, 3, 65)),
        ("ũ" * 66 + "😀" + "ũ" * 10, ("ucs2", 78, 2, 55)),
    ],
)
def test_a_text_has_the_parts_that_the_standard_gives_it(text: str, expected: tuple[str, int, int, int]) -> None:
    assert sizes(text) == expected


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("Karibu, André! Ärger, Ñandú", ("ú",)),
        ("André", ()),
        ("Zoë", ("ë",)),
        ("Ngũgĩ na Wanjikũ", ("ũ", "ĩ")),
        ("Njeri’s", ("’",)),
        ("façade", ("ç",)),
        ("FAÇADE", ()),
        ("a\u00a0b…", ("\u00a0", "…")),
        ("a\tb`c", ("\t", "`")),
        ("\x1b", ("\x1b",)),
        ("½ 😀 ½", ("½", "😀")),
    ],
)
def test_the_characters_that_force_ucs2_are_named_once_in_their_order(text: str, because: tuple[str, ...]) -> None:
    counted = count_parts(text)
    assert counted.because == because
    assert counted.encoding == ("ucs2" if because else "gsm7")


def test_extension_characters_take_two_units_in_gsm_and_one_in_ucs2() -> None:
    assert sizes("[€]") == ("gsm7", 6, 1, 154)
    assert sizes("[€]ũ") == ("ucs2", 4, 1, 66)


def test_a_line_break_of_two_characters_counts_as_two() -> None:
    assert count_parts("a\nb").units == 3
    assert count_parts("a\r\nb").units == 4


def test_a_letter_and_its_accent_count_as_the_one_letter_that_is_sent() -> None:
    assert sizes("Andre\u0301") == sizes("André") == ("gsm7", 5, 1, 155)
    assert sizes("u\u0303") == sizes("ũ") == ("ucs2", 1, 1, 69)


def test_half_of_a_pair_is_one_unit() -> None:
    assert sizes("a\ud83d") == ("ucs2", 2, 1, 68)


# ---- against the oracle -------------------------------------------------------------------------------


@given(RUNS, st.sampled_from(["", "", " STOP*456*9*5#", "[x]", " Acha: 😀"]))
def test_parts_are_those_of_filling_them_character_by_character(text: str, suffix: str) -> None:
    counted = count_parts(text, suffix=suffix)
    sent = sms.send(text + suffix)
    assert (counted.encoding, counted.because) == (sent.encoding, sent.because)
    assert (counted.units, counted.parts) == (sum(sent.filled), len(sent.filled))
    assert counted.left == (sent.size - sent.filled[-1] if sent.filled else sent.size)


@given(RUNS.filter(bool))
def test_what_is_left_fits_and_one_more_does_not(text: str) -> None:
    before = count_parts(text)
    full = count_parts(text + "." * before.left)
    assert (full.parts, full.left) == (before.parts, 0)
    assert count_parts(text + "." * (before.left + 1)).parts == before.parts + 1


@given(RUNS, RUNS)
def test_a_longer_text_never_has_fewer_parts(text: str, more: str) -> None:
    assert count_parts(f"{text} {more}").parts >= count_parts(text).parts


# ---- what the provider appends ------------------------------------------------------------------------


def test_the_suffix_is_counted() -> None:
    assert sizes("a" * 145, " STOP*456*9*5#") == ("gsm7", 159, 1, 1)
    assert sizes("a" * 147, " STOP*456*9*5#") == ("gsm7", 161, 2, 145)
    assert count_parts("Habari", suffix=" – Duka").because == ("–",)


@pytest.mark.parametrize(
    ("text", "suffix", "has"),
    [
        ("Karibu! STOP*456*9*5#", " STOP*456*9*5#", True),
        ("Karibu! Stop *456*9*5#.", " STOP*456*9*5#", True),
        ("Acha: STOP*456*9*5# Duka la Njeri", " STOP*456*9*5#", True),
        ("Karibu!", " STOP*456*9*5#", False),
        ("Stop by our shop", " STOP", False),
        ("Karibu. STOP", " STOP", True),
        ("Karibu. To leave, reply stop!", " Reply STOP.", True),
        ("Karibu", "", False),
        ("Karibu", "  ", False),
    ],
)
def test_a_suffix_that_is_in_the_text_already_is_found(text: str, suffix: str, has: bool) -> None:
    assert has_suffix(text, suffix) is has
