"""WhatsApp messages: the name of a template, its language, and its params."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.model.limits import PARAM_TEXT_MAX, PARAMS_MAX
from daftari.rules.fields import Problems
from daftari.rules.messages.template import CONTACT_FIELDS, Missing, Template
from daftari.rules.messages.whatsapp import read_language, read_params, read_template_name, render_params


def read(*values: object) -> tuple[Template, ...]:
    problems = Problems()
    params = read_params(values, fields_allowed=CONTACT_FIELDS, problems=problems)
    assert problems.errors == {}
    return params


def errors(*values: object) -> dict[str, list[str]]:
    problems = Problems()
    read_params(values, fields_allowed=CONTACT_FIELDS, problems=problems)
    return problems.errors


def test_a_template_has_a_name_and_a_language_as_the_provider_writes_them() -> None:
    assert read_template_name(" order_ready_2 ") == "order_ready_2"
    assert [read_language(code) for code in ("sw", "en", "en_US", "fil", "prs_AF")] == [
        "sw",
        "en",
        "en_US",
        "fil",
        "prs_AF",
    ]


@pytest.mark.parametrize("name", ["Order ready", "order-ready", "Order", "order.ready"])
def test_a_name_that_no_template_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"is '{name}'; the name of an approved template has small letters"):
        read_template_name(name)


@pytest.mark.parametrize("code", ["en-US", "english", "EN", "en_us", "e"])
def test_a_language_that_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match=f"is '{code}'; write the code of the approved template"):
        read_language(code)


def test_name_and_language_are_required() -> None:
    for reader in (read_template_name, read_language):
        with pytest.raises(ValueError, match=r"is required\."):
            reader(" ")


def test_params_are_texts_with_fields() -> None:
    params = read("{{ fname | rafiki }}", "KES 500", "{{ attributes.tier }} kwa {{ city }}")
    assert render_params(params, {"city": "Nyeri", "attributes": {"tier": "dhahabu"}}) == (
        *("rafiki", "KES 500"),
        "dhahabu kwa Nyeri",
    )


def test_the_fields_that_any_param_lacks_are_missing_once_each() -> None:
    params = read("{{ city }}", "{{ fname | x }}", "{{ lname }} {{ city }}")
    assert render_params(params, {}) == Missing(("city", "lname"))


def test_a_message_may_have_no_params() -> None:
    assert render_params(read(), {}) == ()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a\nb", "a line break"),
        ("a\r\nb", "a line break"),
        ("a\u2028b", "a line break"),
        ("a\tb", "a tab"),
        ("a\fb", "a form feed"),
        ("a     b", "more than 4 spaces in a row"),
        ("{{ fname }}\n{{ lname }}", "a line break"),
    ],
)
def test_what_whatsapp_refuses_in_a_param_is_refused_when_it_is_saved(text: str, what: str) -> None:
    assert errors("fine", text) == {
        "params.1": [f"The params.1 field has {what}, which WhatsApp refuses in a param; put it into the template."]
    }


def test_four_spaces_and_line_breaks_inside_of_a_field_are_fine() -> None:
    (param,) = read("a    {{ fname\n|\tx }}    b")
    assert render_params([param], {}) == ("a    x    b",)


def test_all_that_is_wrong_with_params_is_named_at_once() -> None:
    assert errors("{{ x1 }}", "ok", None, "a" * (PARAM_TEXT_MAX + 1)).keys() == {"params.0", "params.2", "params.3"}
    assert errors(*["a"] * (PARAMS_MAX + 1)) == {"params": ["The params field must not have more than 50 items."]}


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_value_brings_into_a_param_what_whatsapp_refuses(fname: str, city: str) -> None:
    rendered = render_params(read("a    {{ fname | x }}    {{ city | y }}"), {"fname": fname, "city": city})
    assert not isinstance(rendered, Missing)
    assert not any(refused in rendered[0] for refused in ("\n", "\r", "\t", "     "))
