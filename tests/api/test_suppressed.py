"""What the five calls and the groups do with numbers that opted out: of everything, in part, or of one group."""

from __future__ import annotations

from typing import Any

import pytest

from daftari.store import Store
from tests.support.builders import (
    assert_sound,
    consent_of,
    counts,
    create,
    get,
    groups,
    ids_on,
    may_message,
    mobile,
    opt_in,
    opt_out,
    page,
    rows,
)
from tests.support.clients import Client

UPDATED = {"message": "Contact updated successfully"}


@pytest.fixture
def book(ana: Client) -> Client:
    """Ana, with contacts 1 to 4 in VIP, of whom 2 opted out of everything and 3 of SMS."""
    create(ana, *rows(4), group="VIP")
    opt_out(ana, mobile(2))
    opt_out(ana, mobile(3), channel="sms")
    return ana


@pytest.fixture(autouse=True)
def sound(store: Store, people: Any) -> Any:
    yield
    assert_sound(store, people.shopify)


# ---- lists ------------------------------------------------------------------------------------------


def test_the_default_list_and_its_total_leave_them_out_and_suppressed_include_shows_them(book: Client) -> None:
    assert (ids_on(page(book)), page(book)["total"]) == ([1, 3, 4], 3)
    assert (ids_on(page(book, suppressed="include")), page(book, suppressed="include")["total"]) == ([1, 2, 3, 4], 4)
    first = page(book, suppressed="include", per_page=1)
    assert "suppressed=include" in first["next_page_url"]
    assert (first["last_page"], page(book, per_page=1)["last_page"]) == (4, 3)
    assert ids_on(page(book, suppressed="include", per_page=1, page=2)) == [2]
    assert ids_on(page(book, per_page=1, page=2)) == [3]


def test_a_suppressed_number_is_in_no_group_whatever_is_included(book: Client) -> None:
    assert groups(book) == {"VIP": 3}
    assert ids_on(page(book, group="VIP")) == ids_on(page(book, group="VIP", suppressed="include")) == [1, 3, 4]
    assert get(book, 2, include="groups")["groups"] == []


def test_one_contact_can_be_read_although_it_is_suppressed(book: Client) -> None:
    assert get(book, 2)["mobile"] == get(book, f"+{mobile(2)}")["mobile"] == mobile(2)


def test_include_consent_shows_what_is_blocked(book: Client) -> None:
    listed = page(book, include="consent,groups,updated_at", suppressed="include")["data"]
    assert [list(contact)[-3:] for contact in listed] == [["groups", "consent", "updated_at"]] * 4
    assert [contact["consent"]["suppressed"] for contact in listed] == [False, True, False, False]
    blocked = [contact["consent"]["blocked"] for contact in listed]
    anything = {"channel": None, "purpose": None}
    assert blocked == [[], [anything], [{"channel": "sms", "purpose": None}], []]
    assert get(book, 3, include="consent")["consent"] == listed[2]["consent"]


def test_an_opt_in_brings_a_number_back_to_the_list_and_to_no_group(book: Client) -> None:
    opt_in(book, mobile(2))
    assert (ids_on(page(book)), groups(book)) == ([1, 2, 3, 4], {"VIP": 3})


# ---- create -----------------------------------------------------------------------------------------


def test_a_create_completes_the_book_counts_them_and_joins_nothing(book: Client) -> None:
    opt_out(book, mobile(9))
    contacts = [{"mobile": mobile(2), "city": "Kitui"}, {"mobile": mobile(9)}, *rows(1), {"mobile": mobile(9)}]
    answer = book.post("/v1/contacts", {"contacts": contacts, "group": "VIP", "results": True})
    assert counts(answer) == {"created": 1, "updated": 1, "unchanged": 1, "duplicate": 1, "suppressed": 3}
    results = [(row["outcome"], row["id"], row.get("suppressed")) for row in answer.json()["results"]]
    assert results == [("updated", 2, True), ("created", 5, True), ("unchanged", 1, None), ("duplicate", 5, True)]
    assert (get(book, 2)["city"], get(book, 5, include="groups")["groups"]) == ("Kitui", [])
    assert (groups(book), ids_on(page(book))) == ({"VIP": 3}, [1, 3, 4])


def test_rows_that_are_skipped_count_nothing_as_suppressed(book: Client) -> None:
    contacts = [{"mobile": mobile(2)}, {"mobile": "CALL-ME"}, {"mobile": mobile(2), "fname": 5}]
    answer = book.post("/v1/contacts", {"contacts": contacts, "on_error": "skip"})
    assert counts(answer) == {"unchanged": 1, "invalid": 2, "suppressed": 1}


def test_a_number_that_is_blocked_in_part_joins_like_any(book: Client) -> None:
    create(book, *rows(1, first=3), group="New")
    assert get(book, 3, include="groups")["groups"] == ["VIP", "New"]


# ---- update -----------------------------------------------------------------------------------------


def test_an_update_says_suppressed_and_joins_nothing(book: Client) -> None:
    for mode in ("move", "add"):
        body = {"group": "New", "group_mode": mode, "contact": {"city": mode}}
        assert book.put("/v1/contacts/2", body).json() == UPDATED | {"suppressed": True}
        assert (get(book, 2)["city"], groups(book)) == (mode, {"VIP": 3})
    assert book.patch(f"/v1/contacts/+{mobile(2)}", {"contact": {"city": "X"}}).json() == UPDATED | {"suppressed": True}


def test_a_new_number_leaves_the_facts_with_the_old_one(book: Client) -> None:
    assert book.put("/v1/contacts/2", {"contact": {"mobile": mobile(7)}}).json() == UPDATED
    assert ids_on(page(book)) == [1, 2, 3, 4]
    assert may_message(book, mobile(7), mobile(2)) == [True, False]
    assert consent_of(book, f"+{mobile(2)}")["contact_id"] is None
    create(book, {"mobile": mobile(2)}, group="VIP")
    assert ids_on(page(book)) == [1, 2, 3, 4]


def test_a_new_number_takes_what_is_known_of_it_at_once(book: Client) -> None:
    opt_out(book, mobile(8))
    answer = book.put("/v1/contacts/1", {"contact": {"mobile": mobile(8)}, "group": "New"})
    assert answer.json() == UPDATED | {"suppressed": True}
    assert (ids_on(page(book)), groups(book)) == ([3, 4], {"VIP": 2})
    assert get(book, 1, include="groups,consent")["consent"]["suppressed"] is True
    assert book.put("/v1/contacts/1", {"contact": {"mobile": mobile(1)}}).json() == UPDATED
    assert (ids_on(page(book)), groups(book)) == ([1, 3, 4], {"VIP": 2}), "it is back in the list, and in no group"


def test_a_number_that_is_known_in_part_moves_from_state_to_state(book: Client) -> None:
    opt_out(book, mobile(8), channel="whatsapp")
    assert book.put("/v1/contacts/3", {"contact": {"mobile": mobile(8)}}).json() == UPDATED
    assert get(book, 3, include="consent")["consent"]["blocked"] == [{"channel": "whatsapp", "purpose": None}]
    assert may_message(book, mobile(8)) == [True]
    assert may_message(book, mobile(8), channel="whatsapp") == [False]


# ---- groups -----------------------------------------------------------------------------------------


def test_a_join_counts_them_and_they_stay_out(book: Client) -> None:
    opt_out(book, mobile(4))
    book.post("/v1/groups", {"name": "New"})
    answer = book.post("/v1/groups/New/contacts", {"ids": [1, 2], "mobiles": [mobile(3), mobile(4), mobile(99)]})
    assert answer.json() == {
        "message": "Contacts added to group successfully",
        "joined": 2,
        "already": 0,
        "unknown": 1,
        "suppressed": 2,
        "kept_out": 0,
    }
    assert groups(book) == {"VIP": 2, "New": 2}


# ---- delete -----------------------------------------------------------------------------------------


def test_a_number_that_was_deleted_stays_suppressed_when_it_comes_back(book: Client) -> None:
    assert book.delete("/v1/contacts/1").status == 200
    answer = book.post("/v1/contacts", {"contacts": rows(1), "group": "VIP"})
    assert counts(answer) == {"created": 1, "suppressed": 1}
    assert (ids_on(page(book)), groups(book)) == ([3, 4], {"VIP": 2})
    assert get(book, 5, include="consent")["consent"]["suppressed"] is True


def test_a_removal_is_no_opt_out(book: Client) -> None:
    assert book.delete("/v1/contacts/1", {"reason": "removal"}).status == 200
    create(book, *rows(1), group="VIP")
    assert (ids_on(page(book)), groups(book)) == ([3, 4, 5], {"VIP": 3})


def test_a_delete_for_one_purpose_blocks_that_purpose_alone(book: Client) -> None:
    assert book.delete("/v1/contacts/1", {"purpose": "promotional"}).status == 200
    create(book, *rows(1), group="VIP")
    assert ids_on(page(book)) == [3, 4, 5]
    assert may_message(book, mobile(1), purpose="marketing") == [False]
    assert may_message(book, mobile(1), purpose="transactional") == [True]


def test_a_suppressed_contact_can_be_deleted_and_is_gone_from_every_list(book: Client) -> None:
    assert book.delete("/v1/contacts/2").status == 200
    assert (page(book)["total"], page(book, suppressed="include")["total"]) == (3, 3)


# ---- opt-outs ---------------------------------------------------------------------------------------


def test_an_opt_out_names_the_groups_that_were_left_and_only_those(book: Client) -> None:
    create(book, *rows(1), group="New")
    assert opt_out(book, mobile(1), mobile(3))["left_groups"] == ["VIP", "New"]
    assert opt_out(book, mobile(1), channel="sms")["left_groups"] == []
    assert groups(book) == {"VIP": 1, "New": 0}


def test_parts_that_add_up_to_everything_suppress(book: Client) -> None:
    opt_out(book, mobile(3), channel="whatsapp")
    assert ids_on(page(book)) == [1, 3, 4]
    assert opt_out(book, mobile(3), channel="premium_sms")["left_groups"] == ["VIP"]
    assert ids_on(page(book)) == [1, 4]
