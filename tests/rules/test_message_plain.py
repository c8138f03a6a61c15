"""The plain form of a text: what is replaced, what never is, and that it costs no part."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.rules.messages.parts import BASIC, EXTENSION, count_parts
from daftari.rules.messages.plain import REPLACEMENTS, make_plain

TYPOGRAPHIC = "".join(REPLACEMENTS.values())
TEXTS = st.text(
    st.one_of(
        st.sampled_from("aeiu \n[€ũĩé’“”–…•\u00a0\u200b\t\u0301\u0303\u0338😀１＝｛ﬁ𝗦" + TYPOGRAPHIC),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=200,
)
NAMES = (
    "Ngũgĩ wa Thiong’o",
    "Zoë",
    "Mūgambi",
    "Çelik",
    "Łukasz",
    "Ọláyínká",
    "Nguyễn",
    "Kahoʻolawe",
    "Αθηνά",
    "محمد",
    "Жан",
)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Njeri’s “sale” – today…", 'Njeri\'s "sale" - today...'),
        ("Ng\u02bcang\u2019a", "Ng'ang'a"),
        ("don`t, don´t", "don't, don't"),
        ("«Karibu» ‹sana›", "\"Karibu\" 'sana'"),
        ("• Maize\n• Beans", "- Maize\n- Beans"),
        ("5\u202f000\u00a0KSh", "5 000 KSh"),
        ("a\tb\u2028c", "a b\nc"),
        ("co\u00adope\u200brative\ufeff", "cooperative"),
        ("ＳＡＬＥ　２０％！", "SALE 20%!"),
        ("𝗦𝗮𝗹𝗲 𝟮𝟬% oﬃce", "Sale 20% office"),
        ("𝓗𝓪𝓫𝓪𝓻𝓲 ℋ𝒶𝒷𝒶𝓇𝒾", "Habari Habari"),
        ("2 × 50 kg", "2 x 50 kg"),
    ],
)
def test_typographic_characters_become_those_of_gsm(text: str, plain: str) -> None:
    made = make_plain(text)
    assert made.text == plain
    assert made.parts.encoding == "gsm7"


def test_what_was_replaced_is_reported_once_each_in_its_order() -> None:
    assert make_plain("‘a’ – ‘b’… ũ").replaced == {"‘": "'", "’": "'", "–": "-", "…": "..."}
    assert make_plain("zero\u200bwidth").replaced == {"\u200b": ""}
    assert make_plain("a - b").replaced == {}


@pytest.mark.parametrize("name", NAMES)
def test_letters_of_names_stay(name: str) -> None:
    letters = [character for character in unicodedata.normalize("NFC", name) if character.isalpha()]
    assert [character for character in make_plain(name).text if character.isalpha()] == letters


def test_no_letter_is_replaced_but_the_apostrophe_that_counts_as_one() -> None:
    assert [character for character in TYPOGRAPHIC if unicodedata.category(character)[0] in "LM"] == ["\u02bc"]


def test_each_character_is_replaced_by_those_of_gsm_which_does_not_have_it() -> None:
    assert not {*TYPOGRAPHIC} & {*BASIC, *EXTENSION}
    assert {*"".join(REPLACEMENTS)} <= {*BASIC}
    assert len({*TYPOGRAPHIC}) == len(TYPOGRAPHIC)


def test_each_styled_character_becomes_ascii_or_stays() -> None:
    styled = [
        chr(code)
        for first, last in ((0xFB00, 0xFB06), (0xFF01, 0xFF5E), (0x1D400, 0x1D7FF))
        for code in range(first, last + 1)
    ]
    replaced = {character: make_plain(character).text for character in styled}
    assert all(plain.isascii() for character, plain in replaced.items() if plain != character)
    # 298 Greek letters and letters without a dot stay, and 24 codes that have no character.
    assert sum(plain == character for character, plain in replaced.items()) == 298 + 24


def test_a_text_that_would_take_more_parts_stays_as_it_is() -> None:
    made = make_plain("…" * 54)
    assert (made.text, made.replaced, made.parts.parts) == ("…" * 54, {}, 1)
    assert make_plain("…" * 53).text == "." * 159
    # With the suffix it is two parts in place of one.
    assert make_plain("…" * 53, suffix=" STOP").text == "…" * 53


def test_the_suffix_is_the_providers_and_is_not_replaced() -> None:
    made = make_plain("Njeri", suffix=" – Duka")
    assert (made.text, made.replaced, made.parts.because) == ("Njeri", {}, ("–",))


@given(TEXTS, st.sampled_from(["", " STOP*456*9*5#", " – ũ"]))
def test_the_plain_form_never_takes_more_parts(text: str, suffix: str) -> None:
    made = make_plain(text, suffix=suffix)
    assert made.parts == count_parts(made.text, suffix=suffix)
    assert made.parts.parts <= count_parts(text, suffix=suffix).parts


@given(TEXTS, st.sampled_from(["", " STOP*456*9*5#"]))
def test_the_plain_form_of_a_plain_text_is_the_same(text: str, suffix: str) -> None:
    once = make_plain(text, suffix=suffix)
    twice = make_plain(once.text, suffix=suffix)
    assert (twice.text, twice.replaced) == (once.text, {})
    assert unicodedata.is_normalized("NFC", once.text)


@given(TEXTS)
def test_what_is_reported_is_all_that_changed(text: str) -> None:
    made = make_plain(text)
    again = unicodedata.normalize("NFC", text)
    for found, replacement in made.replaced.items():
        assert found in again
        assert found not in made.text
        again = again.replace(found, replacement)
    assert unicodedata.normalize("NFC", again) == made.text
