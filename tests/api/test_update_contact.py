"""``PUT`` and ``PATCH /v1/contacts/{id}``: what is given changes, ``null`` clears, a group moves."""

from __future__ import annotations

import time
from typing import Any

from daftari.model.limits import ATTRIBUTES_MAX
from daftari.rules.access import keys, projects
from daftari.store import Store
from tests.support.builders import (
    CONTACT_MEMBERS,
    NO_MOBILE,
    assert_sound,
    create,
    get,
    groups,
    ids_on,
    mobile,
    page,
    refusal,
    rows,
    rows_of,
    wrong_fields,
)
from tests.support.clients import Answer, Client

FULL = {
    "mobile": mobile(1),
    "fname": "Suzan",
    "mname": "Joy",
    "lname": "Wanjiku",
    "email": "lawren66@gmail.com",
    "city": "Nairobi",
    "company": "Sozu PLC",
    "attributes": {"a": 1, "b": "x"},
}


def updated(answer: Answer) -> None:
    assert answer.status == 200
    assert answer.json() == {"message": "Contact updated successfully"}


# ---- fields -----------------------------------------------------------------------------------------


def test_only_the_fields_given_change_and_null_or_blank_clears(ana: Client) -> None:
    create(ana, FULL)
    before = get(ana, 1)
    updated(ana.put("/v1/contacts/1", {"contact": {"fname": " Susan ", "mname": "", "lname": None, "city": "  "}}))
    assert get(ana, 1) == before | {"fname": "Susan", "mname": None, "lname": None, "city": None}
    assert list(get(ana, 1)) == [*CONTACT_MEMBERS, "attributes"]


def test_patch_is_the_same_call_and_any_reference_will_do(ana: Client) -> None:
    create(ana, FULL)
    for call, reference in ((ana.patch, "1"), (ana.put, mobile(1)), (ana.patch, f"+{mobile(1)}"), (ana.put, "1/")):
        updated(call(f"/v1/contacts/{reference}", {"contact": {"city": reference}}))
        assert get(ana, 1)["city"] == reference


def test_attributes_merge_by_name_and_null_removes(ana: Client) -> None:
    create(ana, FULL)
    for given, left in (
        ({"b": "y", "c": True}, {"a": 1, "b": "y", "c": True}),
        ({"a": None, "nobody": None}, {"b": "y", "c": True}),
        ({"b": ""}, {"c": True}),
        ({}, {"c": True}),
    ):
        updated(ana.put("/v1/contacts/1", {"contact": {"attributes": given}}))
        assert get(ana, 1)["attributes"] == left
    updated(ana.put("/v1/contacts/1", {"contact": {"attributes": {"c": None}}}))
    assert list(get(ana, 1)) == CONTACT_MEMBERS
    updated(ana.put("/v1/contacts/1", {"contact": {"attributes": {"d": 1}}}))
    updated(ana.put("/v1/contacts/1", {"contact": {"attributes": None}}))
    assert "attributes" not in get(ana, 1)


def test_attributes_have_a_limit_and_removing_one_allows_another(ana: Client) -> None:
    create(ana, FULL | {"attributes": {f"a{number}": number for number in range(ATTRIBUTES_MAX)}})
    answer = ana.put("/v1/contacts/1", {"contact": {"attributes": {"more": 1}, "city": "Nowhere"}})
    assert wrong_fields(answer) == ["contact.attributes"]
    assert get(ana, 1)["city"] == "Nairobi"
    updated(ana.put("/v1/contacts/1", {"contact": {"attributes": {"more": 1, "a0": None}}}))
    assert len(get(ana, 1)["attributes"]) == ATTRIBUTES_MAX


def test_what_a_read_returned_may_be_sent_back(ana: Client) -> None:
    create(ana, FULL, group="VIP")
    read = get(ana, 1, include="groups,updated_at")
    updated(ana.put("/v1/contacts/1", {"contact": read | {"id": 9, "created_at": "then", "unknown": [1]}}))
    assert get(ana, 1, include="groups,updated_at") == read


def test_a_contact_without_news_changes_nothing_and_writes_no_journal(ana: Client, database: str) -> None:
    create(ana, FULL)
    before = get(ana, 1, include="updated_at")
    for body in ({"contact": {}}, {"contact": []}, {"contact": {"city": "Nairobi"}, "group": " "}):
        updated(ana.put("/v1/contacts/1", body))
    assert get(ana, 1, include="updated_at") == before
    assert rows_of(database, "SELECT COUNT(*) FROM journal") == [(1,)]


def test_every_wrong_field_is_named_and_nothing_changes(ana: Client) -> None:
    create(ana, FULL)
    before = get(ana, 1, include="groups,updated_at")
    contact = {"fname": 7, "city": "x" * 256, "mobile": "CALL-ME", "email": "ok", "attributes": {"a": [1]}}
    answer = ana.put("/v1/contacts/1", {"contact": contact, "group": ["x"], "group_mode": "stay"})
    assert sorted(wrong_fields(answer)) == [
        "contact.attributes.a",
        "contact.city",
        "contact.fname",
        "contact.mobile",
        "group",
        "group_mode",
    ]
    for wrong in ("text", 5, [FULL]):
        assert wrong_fields(ana.put("/v1/contacts/1", {"contact": wrong})) == ["contact"]
    assert get(ana, 1, include="groups,updated_at") == before


# ---- the mobile -------------------------------------------------------------------------------------


def test_a_new_mobile_keeps_the_id_and_frees_the_old_one(ana: Client, store: Store, people: Any) -> None:
    create(ana, FULL)
    updated(ana.put("/v1/contacts/1", {"contact": {"mobile": "0722 503 129"}}))
    assert get(ana, "+254722503129")["id"] == 1
    assert refusal(ana.get(f"/v1/contacts/{mobile(1)}")) == (404, "CONTACT_NOT_FOUND")
    assert create(ana, {"mobile": mobile(1)}) == [2]
    assert_sound(store, people.shopify)


def test_the_same_mobile_in_another_spelling_is_no_change(ana: Client) -> None:
    create(ana, FULL)
    before = get(ana, 1, include="updated_at")
    updated(ana.put("/v1/contacts/1", {"contact": {"mobile": f"+{mobile(1)}"}}))
    assert get(ana, 1, include="updated_at") == before


def test_a_mobile_that_another_contact_has_is_409_and_nothing_changes(ana: Client, database: str) -> None:
    create(ana, *rows(2), group="Old")
    before = page(ana, include="groups,updated_at")
    body = {"contact": {"mobile": mobile(2), "city": "Nowhere"}, "group": "New"}
    answer = ana.put("/v1/contacts/1", body)
    assert refusal(answer) == (409, "MOBILE_TAKEN")
    assert answer.json()["retryable"] is False
    assert page(ana, include="groups,updated_at") == before
    assert groups(ana) == {"Old": 2}
    assert rows_of(database, "SELECT COUNT(*) FROM journal") == [(1,)]


def test_a_mobile_cannot_be_cleared(ana: Client) -> None:
    create(ana, FULL)
    for blank in (None, "", "  "):
        assert wrong_fields(ana.put("/v1/contacts/1", {"contact": {"mobile": blank}})) == ["contact.mobile"]
    assert get(ana, 1)["mobile"] == mobile(1)


# ---- groups -----------------------------------------------------------------------------------------


def test_a_group_moves_the_contact_and_is_made_if_new(ana: Client, store: Store, people: Any) -> None:
    create(ana, *rows(2), group="One")
    create(ana, *rows(2), group="Two")
    updated(ana.put("/v1/contacts/1", {"group": " Three "}))
    assert get(ana, 1, include="groups")["groups"] == ["Three"]
    assert groups(ana) == {"One": 1, "Two": 1, "Three": 1}
    updated(ana.put("/v1/contacts/1", {"group": "ONE", "group_mode": "move", "contact": {"city": "Kitui"}}))
    assert (get(ana, 1, include="groups")["groups"], get(ana, 1)["city"]) == (["One"], "Kitui")
    assert groups(ana) == {"One": 2, "Two": 1, "Three": 0}
    assert_sound(store, people.shopify)


def test_a_group_it_is_in_already_becomes_its_only_one(ana: Client) -> None:
    create(ana, *rows(1), group="One")
    create(ana, *rows(1), group="Two")
    updated(ana.put("/v1/contacts/1", {"group": "two"}))
    assert get(ana, 1, include="groups")["groups"] == ["Two"]
    assert groups(ana) == {"One": 0, "Two": 1}


def test_group_mode_add_joins_without_leaving(ana: Client, store: Store, people: Any) -> None:
    create(ana, *rows(1), group="One")
    for _ in range(2):
        updated(ana.put("/v1/contacts/1", {"group": "Two", "group_mode": "add"}))
        assert get(ana, 1, include="groups")["groups"] == ["One", "Two"]
    assert wrong_fields(ana.put("/v1/contacts/1", {"group_mode": "add"})) == ["contact"]
    assert groups(ana) == {"One": 1, "Two": 1}
    assert_sound(store, people.shopify)


def test_a_blank_group_leaves_the_contact_where_it_is(ana: Client) -> None:
    create(ana, *rows(1), group="One")
    for blank in (None, "", "   "):
        updated(ana.put("/v1/contacts/1", {"group": blank, "contact": {"city": "Kitui"}}))
    assert groups(ana) == {"One": 1}


def test_a_move_may_come_by_query_or_form(ana: Client) -> None:
    create(ana, *rows(1), group="One")
    updated(ana.put("/v1/contacts/1", query={"group": "Two", "group_mode": "add", "project": "shopify"}))
    updated(ana.put("/v1/contacts/1", form={"group": "Three", "group_mode": "add"}))
    assert get(ana, 1, include="groups")["groups"] == ["One", "Two", "Three"]
    updated(ana.put("/v1/contacts/1", {"group": "Four"}, query={"group": "Five"}))
    assert get(ana, 1, include="groups")["groups"] == ["Four"]


# ---- who ---------------------------------------------------------------------------------------------


def test_an_absent_contact_is_404_and_makes_no_group(ana: Client) -> None:
    for reference in ("1", NO_MOBILE, "nobody", str(2**70)):
        assert refusal(ana.put(f"/v1/contacts/{reference}", {"group": "Ghost"})) == (404, "CONTACT_NOT_FOUND")
    assert groups(ana) == {}


def test_digits_that_are_one_id_and_another_mobile_are_409(client: Client, store: Store) -> None:
    now = time.time_ns() // 1000
    project = store.system_write(
        now, projects.create_project, name="Moved in", region="KE", on_error="refuse", first_id=725164290
    )
    secret, _ = store.system_write(now, keys.create_key, project=project, label="", kind="write", expires_at=None)
    moved_in = client.with_key(secret)
    assert create(moved_in, {"mobile": mobile(1)}, {"mobile": "725164290"}) == [725164290, 725164291]
    answer = moved_in.put("/v1/contacts/725164290", {"contact": {"city": "Kitui"}})
    assert refusal(answer) == (409, "AMBIGUOUS_CONTACT")
    assert "+254725164290" in answer.json()["message"]
    assert [contact["city"] for contact in page(moved_in)["data"]] == [None, None]
    updated(moved_in.put("/v1/contacts/+254725164290", {"contact": {"city": "Kitui"}}))
    assert get(moved_in, 725164291)["city"] == "Kitui"


def test_the_call_is_journalled_with_who_did_it(ana: Client, database: str) -> None:
    create(ana, *rows(2))
    answer = ana.put("/v1/contacts/2", {"group": "VIP", "contact": {"city": "Kitui"}})
    last = rows_of(database, "SELECT request_id, action, group_id, contacts FROM journal WHERE seq = 2")
    assert last == [(answer.headers["x-request-id"], "update_contact", 1, "2")]
    assert ids_on(page(ana, group="vip")) == [2]
