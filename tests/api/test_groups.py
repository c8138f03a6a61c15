"""The calls under ``/v1/groups``: names in any spelling, exact counts, joining and leaving."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daftari.rules.fields import fold_name
from daftari.store import Store
from tests.support.builders import (
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
from tests.support.cases import each
from tests.support.clients import Answer, Client


def at(name: str) -> str:
    return f"/v1/groups/{quote(name, safe='')}"


def make(client: Client, *names: str) -> None:
    for name in names:
        assert client.post("/v1/groups", {"name": name}).status == 201


def said(answer: Answer) -> dict[str, Any]:
    """What a join or leave counted, without the zeros and the message."""
    assert answer.status == 200, answer.body
    return {name: value for name, value in answer.json().items() if name != "message" and value}


# ---- list -------------------------------------------------------------------------------------------


def test_groups_come_in_order_of_creation_with_exact_counts_zero_included(ana: Client) -> None:
    assert ana.get("/v1/groups").json() == {"groups": [], "next": None}
    make(ana, "Zebra")
    create(ana, *rows(3), group="Ant")
    answer = ana.get("/v1/groups").json()
    assert [list(group) for group in answer["groups"]] == [["name", "contacts", "created_at"]] * 2
    assert [(group["name"], group["contacts"]) for group in answer["groups"]] == [("Zebra", 0), ("Ant", 3)]
    assert datetime.fromisoformat(answer["groups"][0]["created_at"]) <= datetime.now(UTC)


def test_the_cursor_leads_through_all_groups(ana: Client) -> None:
    names = [f"Group {number}" for number in range(7)]
    make(ana, *names)
    found: list[str] = []
    after: str | None = ""
    steps = []
    while after is not None:
        answer = ana.get("/v1/groups", query={"limit": 3, "after": after}).json()
        steps.append(len(answer["groups"]))
        found += [group["name"] for group in answer["groups"]]
        after = answer["next"]
    assert (found, steps) == (names, [3, 3, 1])
    assert ana.get("/v1/groups", json={"limit": "7"}).json()["next"] is None
    assert ana.call("QUERY", "/v1/groups", json={"limit": 6}).json()["next"] is not None
    for wrong in ("0", "1001", "x"):
        assert wrong_fields(ana.get("/v1/groups", query={"limit": wrong})) == ["limit"]
    assert sorted(wrong_fields(ana.get("/v1/groups", query={"after": "x", "limit": -1}))) == ["after", "limit"]


# ---- create, get, rename, delete --------------------------------------------------------------------


def test_a_new_group_is_201_and_shown(ana: Client) -> None:
    answer = ana.post("/v1/groups", {"name": "  Mama  Mboga "})
    assert answer.status == 201
    assert list(answer.json()) == ["message", "group"]
    assert answer.json()["message"] == "Group created successfully"
    assert (answer.json()["group"]["name"], answer.json()["group"]["contacts"]) == ("Mama  Mboga", 0)
    assert ana.get(at("mama mboga")).json() == {"group": answer.json()["group"]}


def test_a_name_that_is_there_in_any_spelling_is_409(ana: Client) -> None:
    make(ana, "Café Élan")
    for same in ("Café Élan", "CAFÉ   ÉLAN", " café\télan ", unicodedata.normalize("NFD", "café élan")):
        answer = ana.post("/v1/groups", {"name": same})
        assert refusal(answer) == (409, "GROUP_TAKEN")
        assert "Café Élan" in answer.json()["message"]
    assert ana.post("/v1/groups", {"name": "Cafe Elan"}).status == 201
    assert groups(ana) == {"Café Élan": 0, "Cafe Elan": 0}


def test_a_group_has_to_have_a_name_that_is_a_text(ana: Client) -> None:
    make(ana, "There")
    for wrong in (None, "", "  ", 5, ["x"], {"a": 1}, "x" * 256, "a\0b"):
        assert wrong_fields(ana.post("/v1/groups", {"name": wrong})) == ["name"]
        assert wrong_fields(ana.put(at("There"), {"name": wrong})) == ["name"]
    assert wrong_fields(ana.post("/v1/groups")) == ["name"]
    make(ana, "x" * 255)
    assert ana.get(at("X" * 255)).status == 200


def test_a_name_may_hold_anything_that_a_path_can_carry(ana: Client) -> None:
    names = ["a/b", "contacts", "50%", "a%2Fb", "?x=1#y", "ç 😀", "..", "+ +", "a\\b", "'\"<>"]
    make(ana, *names)
    create(ana, *rows(1))
    for name in names:
        assert ana.get(at(name)).json()["group"]["name"] == name
        assert ana.get(f"/api{at(name)}/").json()["group"]["name"] == name
        assert said(ana.post(f"{at(name)}/contacts", {"ids": [1]})) == {"joined": 1}
        assert get(ana, 1, include="groups")["groups"] == [name]
        assert said(ana.delete(f"{at(name)}/contacts/", {"ids": [1]})) == {"left": 1}
        assert ana.delete(at(name)).json() == {"message": "Group deleted successfully"}
    assert groups(ana) == {}


def test_a_rename_keeps_the_members_and_frees_the_old_name(ana: Client, database: str) -> None:
    create(ana, *rows(2), group="Old")
    answer = ana.put(at("OLD"), {"name": " New "})
    assert answer.status == 200
    assert list(answer.json()) == ["message", "group"]
    assert answer.json()["message"] == "Group updated successfully"
    assert (answer.json()["group"]["name"], answer.json()["group"]["contacts"]) == ("New", 2)
    assert refusal(ana.get(at("old"))) == (404, "GROUP_NOT_FOUND")
    make(ana, "Old")
    assert get(ana, 1, include="groups")["groups"] == ["New"]
    # Another spelling of its own name is a rename too, and the same name is none.
    assert ana.patch(at("New"), {"name": "NEW"}).json()["group"]["name"] == "NEW"
    assert ana.patch(at("New"), {"name": "NEW"}).status == 200
    assert groups(ana) == {"NEW": 2, "Old": 0}
    actions = [row[0] for row in rows_of(database, "SELECT action FROM journal ORDER BY seq")]
    assert actions == ["create_contacts", "update_group", "create_group", "update_group"]


def test_a_rename_to_the_name_of_another_group_is_409(ana: Client) -> None:
    make(ana, "One", "Two")
    assert refusal(ana.put(at("One"), {"name": " two"})) == (409, "GROUP_TAKEN")
    assert groups(ana) == {"One": 0, "Two": 0}


def test_a_deleted_group_is_gone_at_once_and_its_members_stay_contacts(ana: Client, store: Store, people: Any) -> None:
    create(ana, *rows(3), group="Gone")
    create(ana, *rows(1), group="Stays")
    assert ana.delete(at("gone")).json() == {"message": "Group deleted successfully"}
    assert refusal(ana.get(at("Gone"))) == (404, "GROUP_NOT_FOUND")
    assert refusal(ana.delete(at("Gone"))) == (404, "GROUP_NOT_FOUND")
    assert groups(ana) == {"Stays": 1}
    assert (page(ana)["total"], page(ana, group="Gone")["total"]) == (3, 0)
    assert get(ana, 1, include="groups")["groups"] == ["Stays"]
    assert_sound(store, people.shopify)
    # The name begins again, whatever is left of the old group's members; those may still be moved and deleted.
    create(ana, *rows(1, first=3), group="Gone")
    assert ids_on(page(ana, group="gone")) == [3]
    assert ana.put("/v1/contacts/2", {"group": "Stays"}).status == 200
    assert ana.delete("/v1/contacts/3").status == 200
    assert groups(ana) == {"Stays": 2, "Gone": 0}
    assert_sound(store, people.shopify)


def test_an_unknown_group_is_404_on_every_call(ana: Client) -> None:
    create(ana, *rows(1))
    answers = [
        ana.get(at("Nobody")),
        ana.put(at("Nobody"), {"name": "Somebody"}),
        ana.patch(at("Nobody"), {"name": "Somebody"}),
        ana.delete(at("Nobody")),
        ana.post(at("Nobody") + "/contacts", {"ids": [1]}),
        ana.delete(at("Nobody") + "/contacts", {"ids": [1]}),
        ana.get(at("x" * 300)),
        ana.get(at("a\0b")),
        ana.get("/v1/groups/%FF%FE"),
    ]
    assert {refusal(answer) for answer in answers} == {(404, "GROUP_NOT_FOUND")}


# ---- join and leave ---------------------------------------------------------------------------------


def test_contacts_join_by_id_and_by_mobile_and_each_is_counted_once(ana: Client, store: Store, people: Any) -> None:
    create(ana, *rows(5))
    make(ana, "VIP")
    answer = ana.post(
        at("vip") + "/contacts",
        {"ids": [1, 2, "3", 1, 99], "mobiles": [mobile(3), f"+{mobile(4)}", int(mobile(4)), NO_MOBILE]},
    )
    assert answer.status == 200
    assert list(answer.json()) == ["message", "joined", "already", "unknown", "suppressed", "kept_out"]
    assert answer.json()["message"] == "Contacts added to group successfully"
    assert said(answer) == {"joined": 4, "unknown": 2}
    assert said(ana.post(at("vip") + "/contacts", {"ids": [4, 5]})) == {"joined": 1, "already": 1}
    assert ids_on(page(ana, group="VIP")) == [1, 2, 3, 4, 5]
    assert_sound(store, people.shopify)


def test_contacts_leave_and_stay_contacts(ana: Client, store: Store, people: Any) -> None:
    create(ana, *rows(4), group="VIP")
    create(ana, *rows(1), group="Other")
    answer = ana.delete(at("VIP") + "/contacts", {"ids": [1, 77], "mobiles": [mobile(2), NO_MOBILE]})
    assert list(answer.json()) == ["message", "left", "already", "unknown"]
    assert answer.json()["message"] == "Contacts removed from group successfully"
    assert said(answer) == {"left": 2, "unknown": 2}
    assert said(ana.delete(at("VIP") + "/contacts", query="ids=1,2&ids=3")) == {"left": 1, "already": 2}
    assert groups(ana) == {"VIP": 1, "Other": 1}
    assert page(ana)["total"] == 4
    assert_sound(store, people.shopify)


def test_query_and_form_name_contacts_too(ana: Client) -> None:
    create(ana, *rows(6))
    make(ana, "VIP")
    there = at("VIP") + "/contacts"
    assert said(ana.post(there, query={"ids": "1, 2,", "mobiles": mobile(3)})) == {"joined": 3}
    assert said(ana.post(there, form={"ids[]": [4, 5], "mobiles": f"+{mobile(6)}"})) == {"joined": 3}


def test_whom_to_join_must_be_said_soundly_and_all_wrong_ones_are_named(ana: Client) -> None:
    create(ana, *rows(2))
    make(ana, "VIP")
    there = at("VIP") + "/contacts"
    for empty in ({}, {"ids": []}, {"ids": None, "mobiles": []}):
        assert wrong_fields(ana.post(there, empty)) == ["ids"]
        assert wrong_fields(ana.delete(there, empty)) == ["ids"]
    wrong = {"ids": [1, 0, "x", 2**70, True, None], "mobiles": [mobile(2), "CALL-ME", 5.5, "", None]}
    named = [f"ids.{index}" for index in range(1, 6)] + [f"mobiles.{index}" for index in range(1, 5)]
    assert wrong_fields(ana.post(there, wrong)) == named
    assert wrong_fields(ana.delete(there, wrong)) == named
    assert wrong_fields(ana.post(there, {"ids": {"a": 1}, "mobiles": 5.5}))[:2] == ["ids", "mobiles"]
    assert groups(ana) == {"VIP": 0}


def test_ten_thousand_may_be_named_and_not_one_more(ana: Client) -> None:
    make(ana, "VIP")
    there = at("VIP") + "/contacts"
    ids = list(range(1, 5_001))
    mobiles = [mobile(number) for number in range(5_001)]
    assert said(ana.post(there, {"ids": ids, "mobiles": mobiles[1:]})) == {"unknown": 10_000}
    assert said(ana.delete(there, {"ids": ids, "mobiles": mobiles[1:]})) == {"unknown": 10_000}
    assert wrong_fields(ana.post(there, {"ids": ids, "mobiles": mobiles})) == ["ids"]
    assert wrong_fields(ana.delete(there, {"mobiles": mobiles * 2})) == ["mobiles"]


def test_membership_changes_are_journalled_only_when_there_are_any(ana: Client, database: str) -> None:
    create(ana, *rows(3))
    make(ana, "VIP")
    joined = ana.post(at("VIP") + "/contacts", {"ids": [1, 3]})
    ana.post(at("VIP") + "/contacts", {"ids": [1]})
    left = ana.delete(at("VIP") + "/contacts", {"ids": [3]})
    ana.delete(at("VIP") + "/contacts", {"ids": [3]})
    journal = "SELECT request_id, action, group_id, contacts FROM journal WHERE seq > 2 ORDER BY seq"
    assert rows_of(database, journal) == [
        (joined.headers["x-request-id"], "join_group", 1, "1,3"),
        (left.headers["x-request-id"], "leave_group", 1, "3"),
    ]


INVISIBLE = "\u200b\ufeff\u00ad\u2060\u200e\u202a\u200d\x02"


@each("mark", INVISIBLE)
def test_a_name_with_marks_that_are_not_shown_is_that_of_the_same_group(ana: Client, mark: str) -> None:
    for written in (f"Chama{mark}", "Chama", f"{mark}Cha{mark}ma {mark}"):
        body = {"group": written, "contacts": [{"mobile": "0725164293"}, {"mobile": "0722503129"}]}
        assert ana.post("/v1/contacts", body).status in (200, 201)
        assert ana.get(at(written)).json()["group"]["contacts"] == 2
        assert ana.get("/v1/contacts", query={"group": written}).json()["contacts"]["total"] == 2
        moved = ana.put("/v1/contacts/254725164293", {"contact": {"fname": "Ana"}, "group": written})
        assert moved.status == 200
        assert ana.post(at(written) + "/contacts", {"mobiles": ["0725164293"]}).status == 200
    assert groups(ana) == {"Chama": 2}
    assert refusal(ana.post("/v1/groups", {"name": f"cha{mark}ma"})) == (409, "GROUP_TAKEN")
    assert wrong_fields(ana.post("/v1/groups", {"name": f" {mark}"})) == ["name"]


@pytest.mark.parametrize("name", ["👩\u200d👩\u200d👧 Watu", "❤\ufe0f", "کتاب\u200cها", "क्\u200dष"])
def test_joiners_that_a_name_needs_are_kept(ana: Client, name: str) -> None:
    assert ana.post("/v1/groups", {"name": f"\ufeff{name}\u200d"}).json()["group"]["name"] == name
    assert ana.get(at(name.translate(dict.fromkeys((0x200C, 0x200D, 0xFE0F))))).json()["group"]["name"] == name


NAMES = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=12).filter(
    lambda name: name.strip() and fold_name(name)
)


def test_any_name_is_found_again_in_any_case_and_spacing(ana: Client) -> None:
    """All examples share a book; each group is removed after it was found."""

    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(name=NAMES)
    def find(name: str) -> None:
        kept = ana.post("/v1/groups", {"name": name}).json()["group"]["name"]
        assert kept == unicodedata.normalize("NFC", kept.strip()) and fold_name(kept) == fold_name(name)
        for written in (name, kept, f"  {kept}\t", kept.casefold(), unicodedata.normalize("NFD", kept)):
            assert ana.get(at(written)).json()["group"]["name"] == kept
            assert ana.get("/v1/contacts", query={"group": written}).status == 200
        assert ana.delete(at(kept)).status == 200

    find()
