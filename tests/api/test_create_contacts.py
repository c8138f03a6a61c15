"""``POST /v1/contacts``: one number, one contact; what is given merges, what is blank never erases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daftari.model.limits import ATTRIBUTES_MAX
from daftari.model.projects import Project
from daftari.rules.access import projects
from daftari.store import Store
from tests.support.builders import (
    CONTACT_MEMBERS,
    Json,
    assert_sound,
    counts,
    create,
    get,
    groups,
    ids_on,
    mobile,
    page,
    rows,
    rows_of,
    wrong_fields,
)
from tests.support.clients import Client
from tests.support.stores import NOW

FULL = {
    "fname": "Lawrence",
    "mname": "Joel",
    "lname": "Otieno",
    "email": "lawl@example.com",
    "city": "Nairobi",
    "company": "Sozu PLC",
}


@pytest.fixture
def skipping(store: Store, people: Any) -> Callable[[], Project]:
    """Sets the project Shopify to skip bad rows."""
    return lambda: store.system_write(
        NOW, projects.set_project, name="Shopify", region=None, on_error="skip", consent={}
    )


# ---- new ones ---------------------------------------------------------------------------------------


def test_new_contacts_are_201_with_every_count_in_the_order_of_the_contract(ana: Client) -> None:
    answer = ana.post("/v1/contacts", {"contacts": [{"mobile": "0725164290", **FULL}, *rows(2)]})
    assert answer.status == 201
    assert list(answer.json().items()) == [
        ("message", "Contacts created successfully"),
        ("created", 3),
        ("updated", 0),
        ("unchanged", 0),
        ("duplicate", 0),
        ("invalid", 0),
        ("suppressed", 0),
    ]
    contact = get(ana, "0725164290")
    assert {name: contact[name] for name in FULL} == FULL


def test_one_contact_may_be_sent_alone_and_not_with_a_list(ana: Client) -> None:
    assert counts(ana.post("/v1/contacts", {"contact": {"mobile": mobile(1)}, "results": True})) == {"created": 1}
    assert counts(ana.post("/v1/contacts", {"contact": {"mobile": mobile(1)}})) == {"unchanged": 1}
    both = {"contact": {"mobile": mobile(2)}, "contacts": rows(1, first=3)}
    assert wrong_fields(ana.post("/v1/contacts", both)) == ["contact"]
    assert wrong_fields(ana.post("/v1/contacts", {"contact": {"fname": "Ana"}})) == ["contact.mobile"]
    assert wrong_fields(ana.post("/v1/contacts", {"contact": rows(1)})) == ["contact"]
    assert page(ana)["total"] == 1


def test_texts_are_trimmed_and_blank_ones_are_null(ana: Client) -> None:
    create(ana, {"mobile": " 0725164290\t", "fname": "  Zoë  M. ", "mname": "", "lname": "  ", "city": None})
    contact = get(ana, 1)
    assert [contact[name] for name in ("fname", "mname", "lname", "city")] == ["Zoë  M.", None, None, None]


def test_texts_of_every_script_and_length_come_back_as_they_were(ana: Client) -> None:
    texts = [
        "x" * 255,
        "ł" * 255,
        "😀" * 255,
        "\u202eabc",
        'a"b\\c/d',
        "a\tb\nc",
        "سلام",
        "Ω\u0301",
        "\x01\x7f",
        "{}[]",
    ]
    create(ana, *({"mobile": mobile(number), "fname": text} for number, text in enumerate(texts)))
    assert [contact["fname"] for contact in page(ana)["data"]] == texts


def test_what_a_read_returned_may_be_sent_back(ana: Client) -> None:
    create(ana, {"mobile": mobile(1), **FULL, "attributes": {"a": 1}}, group="VIP")
    read = get(ana, 1, include="groups,updated_at")
    changed = read | {"id": 77, "created_at": "1999-01-01T00:00:00.000000Z", "unknown": {"deep": [1]}}
    assert counts(ana.post("/v1/contacts", {"contacts": [read, changed]})) == {"unchanged": 1, "duplicate": 1}
    assert get(ana, 1, include="groups,updated_at") == read


def test_a_mobile_may_be_a_json_integer(ana: Client) -> None:
    create(ana, {"mobile": 254725164293}, {"mobile": 725164294})
    assert [contact["mobile"] for contact in page(ana)["data"]] == ["254725164293", "254725164294"]


def test_ids_grow_by_one_and_are_never_used_again(ana: Client, store: Store, people: Any) -> None:
    assert create(ana, *rows(3)) == [1, 2, 3]
    for number in (2, 3):
        assert ana.delete(f"/v1/contacts/{number}").status == 200
    assert create(ana, {"mobile": mobile(3)}, {"mobile": mobile(1)}, {"mobile": mobile(9)}) == [4, 1, 5]
    assert_sound(store, people.shopify)


# ---- merging ----------------------------------------------------------------------------------------


def test_given_fields_overwrite_and_blank_or_absent_ones_never_erase(ana: Client) -> None:
    create(ana, {"mobile": "0725164290", **FULL, "attributes": {"a": 1, "b": "x"}})
    before = get(ana, 1, include="updated_at")
    blank = {"mobile": "+254 725 164 290", "fname": "", "mname": None, "lname": "   ", "attributes": None}
    assert counts(ana.post("/v1/contacts", {"contacts": [blank]})) == {"unchanged": 1}
    assert get(ana, 1, include="updated_at") == before
    given_some = {"mobile": 254725164290, "fname": "Larry", "city": " Kisumu", "attributes": {"b": "y", "c": False}}
    assert counts(ana.post("/v1/contacts", {"contacts": [given_some]})) == {"updated": 1}
    after = get(ana, 1)
    assert after == {
        **{name: value for name, value in before.items() if name != "updated_at"},
        "fname": "Larry",
        "city": "Kisumu",
        "attributes": {"a": 1, "b": "y", "c": False},
    }


def test_a_merge_that_changes_nothing_is_unchanged_and_writes_no_journal(ana: Client, database: str) -> None:
    same = {"mobile": "0725164290", **FULL}
    create(ana, same)
    assert counts(ana.post("/v1/contacts", {"contacts": [same]})) == {"unchanged": 1}
    assert rows_of(database, "SELECT seq, action, contacts FROM journal") == [(1, "create_contacts", "1")]


def test_the_same_number_in_three_spellings_is_one_contact_and_two_duplicates(ana: Client) -> None:
    three = [
        {"mobile": "0725164293", "fname": "First", "city": "Nairobi", "attributes": {"a": 1, "b": 1}},
        {"mobile": "+254 725-164-293", "fname": "Second", "lname": "Only here"},
        {"mobile": 254725164293, "fname": "", "city": None, "attributes": {"b": 2}},
    ]
    answer = ana.post("/v1/contacts", {"contacts": three, "results": True})
    assert counts(answer) == {"created": 1, "duplicate": 2}
    assert answer.json()["results"] == [
        {"index": 0, "outcome": "created", "id": 1, "mobile": "254725164293"},
        {"index": 1, "outcome": "duplicate", "id": 1, "mobile": "254725164293"},
        {"index": 2, "outcome": "duplicate", "id": 1, "mobile": "254725164293"},
    ]
    contact = get(ana, 1)
    assert (contact["fname"], contact["lname"], contact["city"]) == ("Second", "Only here", "Nairobi")
    assert contact["attributes"] == {"a": 1, "b": 2}
    assert page(ana)["total"] == 1


def test_results_name_every_row_in_order(ana: Client) -> None:
    create(ana, {"mobile": mobile(1), "city": "Kitui"}, {"mobile": mobile(2)})
    given_rows = [
        {"mobile": mobile(3)},
        {"mobile": mobile(1), "city": "Kitui"},
        {"mobile": mobile(2), "city": "Kitui"},
        {"mobile": mobile(3), "city": "Kitui"},
    ]
    answer = ana.post("/v1/contacts", {"contacts": given_rows, "results": True})
    assert counts(answer) == {"created": 1, "unchanged": 1, "updated": 1, "duplicate": 1}
    assert list(answer.json())[-1] == "results"
    assert [list(row.values()) for row in answer.json()["results"]] == [
        [0, "created", 3, mobile(3)],
        [1, "unchanged", 1, mobile(1)],
        [2, "updated", 2, mobile(2)],
        [3, "duplicate", 3, mobile(3)],
    ]
    for no in (False, "false", "0", None, ""):
        assert "results" not in ana.post("/v1/contacts", {"contacts": given_rows, "results": no}).json()
    assert wrong_fields(ana.post("/v1/contacts", {"contacts": given_rows, "results": "maybe"})) == ["results"]


# ---- groups -----------------------------------------------------------------------------------------


def test_a_group_is_made_on_first_use_and_keeps_its_first_spelling(ana: Client) -> None:
    create(ana, *rows(2), group="  Mama  Mboga ")
    create(ana, *rows(2, first=3), group="MAMA mboga")
    assert groups(ana) == {"Mama  Mboga": 4}


def test_joining_alone_counts_as_updated_and_leaves_other_groups_alone(ana: Client) -> None:
    ids = create(ana, *rows(3), group="One")
    answer = ana.post("/v1/contacts", {"contacts": rows(4), "group": "Two", "results": True})
    assert counts(answer) == {"created": 1, "updated": 3}
    again = ana.post("/v1/contacts", {"contacts": rows(4), "group": "two"})
    assert counts(again) == {"unchanged": 4}
    assert groups(ana) == {"One": 3, "Two": 4}
    assert get(ana, ids[0], include="groups")["groups"] == ["One", "Two"]


def test_a_blank_group_is_an_absent_one(ana: Client) -> None:
    for number, blank in enumerate(("", "   ", None)):
        create(ana, {"mobile": mobile(number)}, group=blank)
    assert groups(ana) == {}


def test_a_call_that_is_refused_makes_no_group(ana: Client) -> None:
    assert wrong_fields(ana.post("/v1/contacts", {"contacts": [{}], "group": "Ghost"})) == ["contacts.0.mobile"]
    skipped = ana.post("/v1/contacts", {"contacts": [{}], "group": "Ghost", "on_error": "skip"})
    assert (skipped.status, counts(skipped)) == (200, {"invalid": 1})
    assert groups(ana) == {}


# ---- bad rows ---------------------------------------------------------------------------------------

MIXED: list[Any] = [
    {"mobile": mobile(1)},
    {"mobile": "CALL-ME", "fname": 7},
    "0725164293",
    {"mobile": mobile(2), "email": "not judged, only its length"},
    {"fname": "x" * 256},
    {"mobile": "0722 000 000 ext. 5", "attributes": {"a": [1], "b": 1}},
]
WRONG = [
    "contacts.1.fname",
    "contacts.1.mobile",
    "contacts.2",
    "contacts.4.fname",
    "contacts.4.mobile",
    "contacts.5.attributes.a",
    "contacts.5.mobile",
]


def test_any_bad_row_refuses_the_call_and_every_wrong_field_is_named(ana: Client, database: str) -> None:
    answer = ana.post("/v1/contacts", {"contacts": MIXED, "group": 5, "results": "?"})
    assert sorted(wrong_fields(answer)) == [*WRONG, "group", "results"]
    assert "(and 8 more errors)" in answer.json()["message"]
    assert answer.json()["errors"]["contacts.4.mobile"] == ["The contacts.4.mobile field is required."]
    assert page(ana)["total"] == 0
    assert rows_of(database, "SELECT COUNT(*) FROM journal") == [(0,)]


def test_skip_writes_the_good_rows_and_reports_the_bad_ones(ana: Client) -> None:
    answer = ana.post("/v1/contacts", {"contacts": MIXED, "on_error": "skip", "results": True, "group": "Good"})
    assert (answer.status, counts(answer)) == (201, {"created": 2, "invalid": 4})
    said = answer.json()
    assert list(said)[-2:] == ["results", "errors"]
    assert sorted(said["errors"]) == WRONG
    assert [row["outcome"] for row in said["results"]] == ["created", *["invalid"] * 2, "created", *["invalid"] * 2]
    errors = [field for row in said["results"] for field in row.get("errors", {})]
    assert sorted(errors) == WRONG
    assert groups(ana) == {"Good": 2}
    without = ana.post("/v1/contacts", {"contacts": MIXED, "on_error": "skip"}).json()
    assert "results" not in without
    assert without["errors"] == said["errors"]


def test_a_project_may_skip_by_itself_and_a_call_may_still_refuse(
    ana: Client, people: Any, skipping: Callable[[], Project]
) -> None:
    skipping()
    assert counts(ana.post("/v1/contacts", {"contacts": MIXED})) == {"created": 2, "invalid": 4}
    assert sorted(wrong_fields(ana.post("/v1/contacts", {"contacts": MIXED, "on_error": "refuse"}))) == WRONG
    assert wrong_fields(ana.post("/v1/contacts", {"contacts": rows(1), "on_error": "ignore"})) == ["on_error"]


def test_a_duplicate_of_a_bad_row_is_judged_by_itself(ana: Client) -> None:
    two = [{"mobile": mobile(1), "fname": 5}, {"mobile": mobile(1), "lname": "Good"}]
    answer = ana.post("/v1/contacts", {"contacts": two, "on_error": "skip", "results": True})
    assert counts(answer) == {"created": 1, "invalid": 1}
    assert (get(ana, 1)["fname"], get(ana, 1)["lname"]) == (None, "Good")


def test_a_contact_never_has_more_attributes_than_it_may(ana: Client, store: Store, people: Any) -> None:
    most = {f"a{number}": number for number in range(ATTRIBUTES_MAX)}
    create(ana, {"mobile": mobile(1), "attributes": most})
    one_more = {"mobile": mobile(1), "attributes": {"more": 1}, "fname": "Not written"}
    answer = ana.post("/v1/contacts", {"contacts": [*rows(1, first=2), one_more]})
    assert wrong_fields(answer) == ["contacts.1.attributes"]
    skipped = ana.post(
        "/v1/contacts", {"contacts": [one_more, *rows(1, first=2)], "on_error": "skip", "group": "G", "results": True}
    )
    assert counts(skipped) == {"created": 1, "invalid": 1}
    assert list(skipped.json()["errors"]) == ["contacts.0.attributes"]
    assert (get(ana, 1)["attributes"], get(ana, 1)["fname"]) == (most, None)
    assert groups(ana) == {"G": 1}
    assert_sound(store, people.shopify)


def test_too_many_attributes_of_one_contact_are_named_by_its_own_field(ana: Client) -> None:
    create(ana, {"mobile": mobile(1), "attributes": {f"a{number}": number for number in range(ATTRIBUTES_MAX)}})
    one_more = {"mobile": mobile(1), "attributes": {"more": 1}}
    assert wrong_fields(ana.post("/v1/contacts", {"contact": one_more})) == ["contact.attributes"]


def test_rows_of_one_number_that_have_too_many_attributes_together_are_refused(ana: Client) -> None:
    halves = [
        {"mobile": mobile(1), "attributes": {f"{half}{number}": number for number in range(ATTRIBUTES_MAX)}}
        for half in "ab"
    ]
    assert wrong_fields(ana.post("/v1/contacts", {"contacts": halves})) == ["contacts.1.attributes"]
    assert page(ana)["total"] == 0
    skipped = ana.post("/v1/contacts", {"contacts": halves, "on_error": "skip", "results": True})
    assert counts(skipped) == {"created": 1, "invalid": 1}
    assert get(ana, 1)["attributes"] == halves[0]["attributes"]


# ---- the whole --------------------------------------------------------------------------------------


def test_ten_thousand_contacts_fit_in_one_call(ana: Client, store: Store, people: Any) -> None:
    answer = ana.post("/v1/contacts", {"contacts": rows(10_000), "group": "All"})
    assert counts(answer) == {"created": 10_000}
    assert (page(ana, page=10)["total"], page(ana, group="all", page=10)["to"]) == (10_000, 10_000)
    assert_sound(store, people.shopify)


def test_the_call_is_journalled_with_who_did_it(ana: Client, people: Any, database: str) -> None:
    first = ana.post("/v1/contacts", {"contacts": rows(3), "group": "VIP"})
    second = ana.post("/v1/contacts", {"contacts": [*rows(1, first=2), *rows(1, first=9)], "group": "Other"})
    key = rows_of(database, "SELECT id FROM key WHERE label = 'Ana'")[0][0]
    journal = rows_of(database, "SELECT seq, key_id, request_id, action, group_id, contacts FROM journal ORDER BY seq")
    assert journal == [
        (1, key, first.headers["x-request-id"], "create_contacts", 1, "1-3"),
        (2, key, second.headers["x-request-id"], "create_contacts", 2, "2,4"),
    ]


def merged(book: dict[str, Json], row: Json) -> None:
    """What a row means, in the plainest way."""
    contact = book.setdefault(row["mobile"], dict.fromkeys(FULL))
    contact.update({name: value.strip() for name, value in row.items() if name in FULL and value and value.strip()})


CALLS = st.lists(
    st.lists(
        st.fixed_dictionaries(
            {"mobile": st.integers(1, 6).map(mobile)},
            optional={name: st.sampled_from([None, "", " ", "Ana", " Ben ", "Chao"]) for name in ("fname", "city")},
        ),
        min_size=1,
        max_size=8,
    ),
    min_size=1,
    max_size=3,
)


def test_random_calls_leave_what_a_dictionary_says(ana: Client, store: Store, people: Any) -> None:
    """All examples write to one book, as calls do."""
    book: dict[str, Json] = {}

    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(calls=CALLS)
    def play(calls: list[list[Json]]) -> None:
        for call in calls:
            new = {row["mobile"] for row in call} - book.keys()
            said = counts(ana.post("/v1/contacts", {"contacts": call, "results": True}))
            assert said.get("created", 0) == len(new)
            assert said.get("duplicate", 0) == len(call) - len({row["mobile"] for row in call})
            for row in call:
                merged(book, row)
        listed = page(ana)
        assert {contact["mobile"]: {name: contact[name] for name in FULL} for contact in listed["data"]} == book
        assert ids_on(listed) == list(range(1, len(book) + 1))
        assert all(list(contact) == CONTACT_MEMBERS for contact in listed["data"])

    play()
    assert_sound(store, people.shopify)
