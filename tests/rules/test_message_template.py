"""The text of a message: its fields and fallbacks, what is refused, and what is filled in."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.model.limits import FIELD_VALUE_MAX, MESSAGE_TEXT_MAX
from daftari.rules.messages.template import (
    CONTACT_FIELDS,
    FILTERS,
    TRIGGER_FIELDS,
    Missing,
    Template,
    read_template,
)

KNOWN = "Known are fname, mname, lname, mobile, email, city, company and attributes.NAME."
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=120)
)


def read(text: object) -> Template:
    return read_template(text, fields_allowed=CONTACT_FIELDS)


def refusal(text: object) -> str:
    with pytest.raises(ValueError, match=r"\.$") as refused:
        read(text)
    return str(refused.value)


def filled(value: object) -> str | Missing:
    """What is between the brackets for a contact with this first name."""
    rendered = read("<{{ fname }}>").render({"fname": value})
    return rendered[1:-1] if isinstance(rendered, str) else rendered


# ---- fields and fallbacks -----------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["fname", "mname", "lname", "mobile", "email", "city", "company"])
def test_each_field_of_a_contact_is_filled_in(field: str) -> None:
    assert read(f"Hello {{{{ {field} }}}}!").render({field: "x"}) == "Hello x!"


@pytest.mark.parametrize(
    "text",
    ["Hi {{ fname | there }}.", "Hi {{fname|there}}.", "Hi {{\u00a0fname  |  there  }}.", "Hi {{ fname\n| there }}."],
)
def test_spaces_inside_of_a_field_do_not_count(text: str) -> None:
    assert read(text).render({"fname": "Ann"}) == "Hi Ann."
    assert read(text).render({"fname": None}) == "Hi there."


def test_a_text_without_fields_is_the_same_for_everyone() -> None:
    template = read("Karibu 100%, [a] <b> %fname% $fname | (c)")
    assert template.fields == ()
    assert template.render({}) == template.text == "Karibu 100%, [a] <b> %fname% $fname | (c)"


def test_attributes_are_found_by_their_name_whatever_is_in_it() -> None:
    card = {"attributes": {"tier": "gold", "Loyalty tier": "silver", "a.b": 7, "ũ": "x"}}
    text = "{{ attributes.tier }} {{ attributes.Loyalty tier }} {{ attributes.a.b }} {{ attributes.ũ }}"
    assert read(text).render(card) == "gold silver 7 x"


@pytest.mark.parametrize("attributes", [None, [], {}, {"tier": None}, {"tier": " "}])
def test_a_contact_without_the_attribute_gets_the_fallback(attributes: object) -> None:
    assert read("{{ attributes.tier | basic }}").render({"attributes": attributes}) == "basic"
    assert read("{{ attributes.tier | basic }}").render({}) == "basic"


def test_the_fields_of_an_event_are_for_triggers_alone() -> None:
    text = "Your cart: {{ event.url }}"
    template = read_template(text, fields_allowed=TRIGGER_FIELDS)
    assert template.render({"event": {"url": "https://duka.example/c/1"}}) == "Your cart: https://duka.example/c/1"
    assert refusal(text) == f"names the field 'event.url', which is not known. {KNOWN}"


def test_the_fields_and_those_without_a_fallback_are_listed_once_each() -> None:
    template = read("{{ fname | x }} {{ city }} {{ fname }} {{ lname | y }} {{ city }}")
    assert template.fields == ("fname", "city", "lname")
    assert template.required == ("city", "fname")


def test_all_fields_that_are_missing_are_named_in_the_order_of_the_text() -> None:
    template = read("{{ city }} {{ fname | x }} {{ attributes.tier }} {{ lname }} {{ city }}")
    assert template.render({"lname": "Wambui"}) == Missing(("city", "attributes.tier"))


def test_the_text_between_the_fields_is_at_hand() -> None:
    assert read("Hi {{ fname | there }}, {{ city }}!").literals == ("Hi ", ", ", "!")


# ---- what is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("first_name", "fname"),
        ("FirstName", "fname"),
        ("FNAME", "fname"),
        ("fnmae", "fname"),
        ("name", "fname"),
        ("contact.name", "fname"),
        ("customer.last_name", "lname"),
        ("jina", "fname"),
        ("phone", "mobile"),
        ("msisdn", "mobile"),
        ("town", "city"),
        ("organisation", "company"),
        ("e-mail", "email"),
        ("attribute.tier", "attributes.tier"),
        ("Attributes.tier", "attributes.tier"),
    ],
)
def test_an_unknown_field_is_quoted_with_the_one_that_was_meant(written: str, meant: str) -> None:
    expected = f"names the field '{written}', which is not known; write {{{{ {meant} }}}}. {KNOWN}"
    assert refusal(f"Hi {{{{ {written} | there }}}}") == expected


@pytest.mark.parametrize("written", ["tier", "attributes", "attributes.", "unsubscribe_link", "1 + 1"])
def test_an_unknown_field_that_is_like_none_is_quoted(written: str) -> None:
    assert refusal(f"Hi {{{{ {written} }}}}") == f"names the field '{written}', which is not known. {KNOWN}"


def test_fields_of_an_event_are_among_the_known_ones_where_they_are_allowed() -> None:
    with pytest.raises(
        ValueError, match=r"write \{\{ event\.url \}\}\. Known are .*, attributes\.NAME and event\.NAME"
    ):
        read_template("{{ events.url }}", fields_allowed=TRIGGER_FIELDS)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("Hi {fname}, karibu", "{fname}, karibu"),
        ("Hi {{ fname", "{{ fname"),
        ("Hi {{ fname }", "{{ fname }"),
        ("Hi fname }}", "Hi fname }"),
        ("{{{ fname }}}", "{"),
        ("{{ fname | {{ lname }} }}", "{{ fname |"),
        ("{{ fname }} :-}", ":-}"),
        ("{% if fname %}", "{% if fname %}"),
        ("Hi ｛｛ fname ｝｝", "｛｛ fname ｝｝"),
        ("Hi ﹛fname﹜", "﹛fname﹜"),
    ],
)
def test_a_brace_left_over_is_refused_with_what_stands_around_it(text: str, quoted: str) -> None:
    assert refusal(text).startswith(f"has a brace left over at '{quoted}'; a field is written {{{{ fname | there }}}}")


@pytest.mark.parametrize("text", ["{{ fname | }}", "{{fname|}}", "{{ fname | \u200b }}", "{{ fname |\u00a0}}"])
def test_an_empty_fallback_is_refused(text: str) -> None:
    assert "without a fallback; write one, such as {{ fname | there }}, or leave out the |." in refusal(f"Hi {text},")


@pytest.mark.parametrize("text", ["{{}}", "{{ }}", "{{ | there }}"])
def test_a_field_without_a_name_is_refused(text: str) -> None:
    assert refusal(text) == f"has '{text}', which names no field; write one, such as {{{{ fname | there }}}}."


@pytest.mark.parametrize(
    "fallback",
    [
        *sorted(FILTERS),
        *("Capitalize", "default: there", "default('there')", 'default:"there"', "default_if_none('x')"),
        *('"there"', "'there'", "“there”", "upper | there", "there | upper"),
    ],
)
def test_what_other_systems_write_after_the_line_is_refused(fallback: str) -> None:
    assert "there are no filters and no quotation marks" in refusal(f"Hi {{{{ fname | {fallback} }}}}")


@pytest.mark.parametrize(
    "fallback", ["there", "rafiki yetu", "Ng'ang'a", "you & yours", "defaulter", "the “boss” here"]
)
def test_any_other_fallback_is_sent_as_it_is(fallback: str) -> None:
    assert read(f"Hi {{{{ fname | {fallback} }}}},").render({}) == f"Hi {fallback},"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "is required."),
        ("", "is required."),
        (" \n ", "is required."),
        ("\u200b\ufeff", "is required."),
        (7, "must be a text."),
        (["a"], "must be a text."),
        ("a" * (MESSAGE_TEXT_MAX + 1), "must not be longer than 2000 characters."),
        ("a\0b", "must not contain a NUL character."),
        ("a\x07b", "must not contain the control character U+0007."),
        ("a\x1bb", "must not contain the control character U+001B."),
        ("a\x9fb", "must not contain the control character U+009F."),
        ("a\ud83d", "must not contain half of a surrogate pair."),
    ],
)
def test_a_text_that_cannot_be_sent_is_refused(text: object, why: str) -> None:
    assert refusal(text) == why


def test_a_text_is_kept_trimmed_in_normal_form_c_with_plain_line_breaks() -> None:
    assert read("  Cafe\u0301\r\nb\rc\u2028d\v{{ fname }}\n ").text == "Café\nb\nc\nd\n{{ fname }}"


# ---- values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("  Ann  ", "Ann"),
        ("Ann\r\nMary", "Ann Mary"),
        ("Ann\t \u00a0 Mary\u2028Jo", "Ann Mary Jo"),
        ("A\0n\x07n\x1b", "Ann"),
        ("Njeri\u200b\ufeff\u00ad", "Njeri"),
        # Direction marks and overrides would turn the rest of the text around.
        ("\u202eAnn\u2066\u200f", "Ann"),
        ("محمد علي", "محمد علي"),
        ("Andre\u0301", "André"),
        ("👩\u200d🌾 Ann", "👩\u200d🌾 Ann"),
        ("نمی\u200cدانم", "نمی\u200cدانم"),
        ("a\ud83db", "ab"),
        (7, "7"),
        (0, "0"),
        (12.0, "12"),
        (-0.5, "-0.5"),
        (1e300, "1e+300"),
        (True, "true"),
        (False, "false"),
    ],
)
def test_a_value_is_filled_in_on_one_line_without_what_is_not_shown(value: object, expected: str) -> None:
    assert filled(value) == expected


@pytest.mark.parametrize(
    "value", [None, "", "  ", "\n", "\u00a0", "\u200b", "\0", "\u2800", "\u3164", "\u202e\u202c", "\ud83d"]
)
def test_a_value_without_anything_to_see_is_missing(value: object) -> None:
    assert filled(value) == Missing(("fname",))


def test_braces_in_a_value_are_characters_and_no_field() -> None:
    card = {"fname": "{{ lname }}", "lname": "{{ fname }}"}
    assert read("Hi {{ fname }} {{ lname }}").render(card) == "Hi {{ lname }} {{ fname }}"


def test_a_rendered_text_is_in_normal_form_c_across_its_fields() -> None:
    assert read("Cafe{{ fname }}").render({"fname": "\u0301x"}) == "Caféx"
    assert read("{{ fname }}\u0301!").render({"fname": "Cafe"}) == "Café!"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a" * 50, "a" * 50),
        ("a" * 51, "a" * 50),
        ("a" * 300, "a" * 50),
        ("a" * 49 + " bc", "a" * 49),
        ("e\u0301" * 60, "é" * 50),
        ("😀" * 60, "😀" * 50),
        ("ـمحمد" * 20, ("ـمحمد" * 20)[:50]),
        # The 50th character would leave its mark, its skin, its partner or half of a flag behind.
        ("a" * 49 + "x\u0323\u0307" + "b", "a" * 49),
        ("a" * 49 + "👍🏿" + "b", "a" * 49),
        ("a" * 48 + "👩\u200d🌾" + "b", "a" * 48),
        ("a" * 47 + "👩\u200d🌾" + "b", "a" * 47 + "👩\u200d🌾"),
        ("a" * 49 + "🇰🇪" + "b", "a" * 49),
        ("a" * 48 + "🇰🇪" + "🇹🇿", "a" * 48 + "🇰🇪"),
        ("a" + "🇰🇪" * 30, "a" + "🇰🇪" * 24),
        ("a" * 49 + "क्ष" + "b", "a" * 49),
        ("a" * 49 + "❤\ufe0f", "a" * 49),
        ("a" * 49 + "🏴\U000e0067\U000e007f", "a" * 49),
        # One that is longer than 50 by itself is cut somewhere.
        ("a" + "\u0316" * 60, "a" + "\u0316" * 49),
    ],
)
def test_a_long_value_is_cut_between_two_characters_as_they_are_seen(value: str, expected: str) -> None:
    assert filled(value) == expected


def test_a_link_of_an_attribute_or_event_is_never_cut() -> None:
    link = "https://duka.example/carts/" + "x" * 200
    template = read_template("{{ attributes.pay }} {{ event.url }}", fields_allowed=TRIGGER_FIELDS)
    assert template.render({"attributes": {"pay": link}, "event": {"url": f" {link} "}}) == f"{link} {link}"
    cut = template.render({"attributes": {"pay": f"see {link}"}, "event": {"url": "javascript:" + "x" * 60}})
    assert cut == f"{f'see {link}'[:50]} {('javascript:' + 'x' * 60)[:50]}"
    assert filled(link) == link[:50]


@given(VALUES)
def test_whatever_the_value_it_is_short_on_one_line_and_can_be_encoded(value: object) -> None:
    text = filled(value)
    if isinstance(text, Missing):
        return
    assert 0 < len(text) <= FIELD_VALUE_MAX
    assert text == " ".join(text.split())
    assert "\0" not in text
    assert text.encode().decode() == text
    assert unicodedata.is_normalized("NFC", f"<{text}>")


@given(st.text(st.one_of(st.sampled_from("{{}}| fname.\n\u200b"), st.characters()), max_size=40))
def test_no_text_that_is_taken_sends_a_brace(text: str) -> None:
    try:
        template = read(text)
    except ValueError:
        return
    rendered = template.render({"fname": "Ann", "attributes": {"name": "x"}})
    assert isinstance(rendered, Missing) or not {*rendered} & {*"{}"}
