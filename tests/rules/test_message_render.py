"""The text of an SMS for one person after the other: the same as its steps one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.model.limits import PARTS_MAX
from daftari.rules.messages.parts import count_parts
from daftari.rules.messages.plain import make_plain
from daftari.rules.messages.render import Renderer
from daftari.rules.messages.template import CONTACT_FIELDS, Missing, read_template

SUFFIX = " STOP*456*9*5#"
LITERALS = st.text(st.sampled_from("aeé \n’…–•\u00a0\u200b\u0301ũ€😀ＡＢ"), max_size=60)
TIMES = st.sampled_from([1, 1, 2, 5, 20])
VALUES = st.one_of(st.none(), st.text(st.sampled_from("aé ’…–\u200b\u0301ũ{}|😀"), max_size=60), st.text(max_size=60))


def renderer(text: str, *, plain: bool = False, suffix: str = "") -> Renderer:
    return Renderer(read_template(text, fields_allowed=CONTACT_FIELDS), plain=plain, suffix=suffix)


def test_the_text_of_a_person_comes_with_its_parts() -> None:
    rendered = renderer("Habari {{ fname | rafiki }}!", suffix=SUFFIX).render({"fname": "Ngũgĩ"})
    assert not isinstance(rendered, Missing)
    assert rendered.text == "Habari Ngũgĩ!"
    assert (rendered.parts.encoding, rendered.parts.units, rendered.parts.because) == ("ucs2", 27, ("ũ", "ĩ"))


def test_the_plain_form_is_of_the_text_its_fallbacks_and_its_values() -> None:
    plain = renderer("‘{{ fname | rafiki’s }}’ – karibu…", plain=True)
    texts = [plain.render({"fname": name}) for name in (None, "Njeri", "Ng’ang’a", "Ngũgĩ")]
    assert [text.text for text in texts if not isinstance(text, Missing)] == [
        "'rafiki's' - karibu...",
        "'Njeri' - karibu...",
        "'Ng'ang'a' - karibu...",
        "'Ngũgĩ' - karibu...",
    ]


@pytest.mark.parametrize(("name", "dots"), [("ũ", 30), ("a", 54)])
def test_a_text_stays_as_it_is_for_someone_whose_plain_form_takes_more_parts(name: str, dots: int) -> None:
    text = renderer("{{ fname }}" + "…" * dots, plain=True).render({"fname": name})
    assert not isinstance(text, Missing)
    assert (text.text, text.parts.parts) == (name + "…" * dots, 1)


def test_missing_fields_are_named_with_plain_and_without() -> None:
    for plain in (False, True):
        assert renderer("’{{ city }} {{ fname }}", plain=plain).render({"fname": "Ann"}) == Missing(("city",))


@pytest.mark.parametrize(("length", "is_too_long"), [(153 * PARTS_MAX, False), (153 * PARTS_MAX + 1, True)])
def test_a_text_of_more_than_the_most_parts_is_too_long(length: int, is_too_long: bool) -> None:
    rendered = renderer("a" * length).render({})
    assert not isinstance(rendered, Missing)
    assert rendered.parts.is_too_long is is_too_long


@given(LITERALS, LITERALS, TIMES, VALUES, st.booleans(), st.sampled_from(["", SUFFIX, " – Duka"]))
def test_a_text_is_rendered_as_by_its_steps(
    before: str, after: str, times: int, value: object, plain: bool, suffix: str
) -> None:
    text = f"x{before}{{{{ fname | rafiki’s }}}}{after * times}"
    template = read_template(text, fields_allowed=CONTACT_FIELDS)
    rendered = Renderer(template, plain=plain, suffix=suffix).render({"fname": value})
    expected = template.render({"fname": value})
    assert isinstance(expected, str)
    assert not isinstance(rendered, Missing)
    assert rendered.text == (make_plain(expected, suffix=suffix).text if plain else expected)
    assert rendered.parts == count_parts(rendered.text, suffix=suffix)
