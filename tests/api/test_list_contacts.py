"""``GET /v1/contacts``: everyone or one group, by page, with exact totals and URLs that lead on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daftari.model.limits import PER_PAGE_MAX
from daftari.serving.server import build_server
from daftari.settings import Settings
from tests.support.builders import (
    CONTACT_MEMBERS,
    PAGINATOR_MEMBERS,
    Json,
    create,
    get,
    ids_on,
    mobile,
    opt_out,
    page,
    rows,
    wrong_fields,
)
from tests.support.cases import each
from tests.support.clients import Client, in_process

BASE = "http://127.0.0.1:8000/v1/contacts"


def query_of(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query, keep_blank_values=True)


def walk(client: Client, **query: object) -> list[Json]:
    """Every page from the first on, each found by the URL in the one before."""
    pages = [page(client, **query)]
    while (following := pages[-1]["next_page_url"]) is not None:
        answer = client.get(following.removeprefix("http://127.0.0.1:8000"))
        assert answer.status == 200
        pages.append(answer.json()["contacts"])
    return pages


@pytest.fixture
def public(database: str, people: Any, settings_for: Callable[..., Settings], client: Client) -> Any:
    """A second service on the same database, which knows the URL that people reach it at."""
    built = build_server(settings_for(database, public_url="https://book.example.com/phone/"))
    yield built
    built.close()


# ---- what a page is ---------------------------------------------------------------------------------


def test_an_empty_book_is_one_page_without_contacts(ana: Client) -> None:
    answer = ana.get("/v1/contacts").json()
    assert list(answer) == ["group", "contacts"]
    assert list(answer["contacts"]) == PAGINATOR_MEMBERS
    assert answer == {
        "group": "",
        "contacts": {
            "current_page": 1,
            "data": [],
            "first_page_url": f"{BASE}?page=1",
            "from": None,
            "last_page": 1,
            "last_page_url": f"{BASE}?page=1",
            "next_page_url": None,
            "path": BASE,
            "per_page": 1000,
            "prev_page_url": None,
            "to": None,
            "total": 0,
        },
    }


def test_contacts_come_in_order_of_id_with_exactly_the_members_of_the_contract(ana: Client) -> None:
    ids = create(ana, *rows(3), {"mobile": mobile(4), "attributes": {"plan": "gold"}})
    listed = page(ana)
    assert ids_on(listed) == ids == sorted(ids)
    assert [list(contact) for contact in listed["data"]] == [CONTACT_MEMBERS] * 3 + [[*CONTACT_MEMBERS, "attributes"]]
    assert listed["data"] == [get(ana, number) for number in ids]


def test_the_middle_page_says_where_it_is_and_names_its_neighbours(ana: Client) -> None:
    ids = create(ana, *rows(7))
    middle = page(ana, per_page=3, page=2)
    assert ids_on(middle) == ids[3:6]
    assert [middle[name] for name in PAGINATOR_MEMBERS if name not in ("data", "path")] == [
        2,
        f"{BASE}?per_page=3&page=1",
        4,
        3,
        f"{BASE}?per_page=3&page=3",
        f"{BASE}?per_page=3&page=3",
        3,
        f"{BASE}?per_page=3&page=1",
        6,
        7,
    ]


def test_a_page_past_the_end_is_empty_and_not_an_error(ana: Client) -> None:
    create(ana, *rows(3))
    for number in (2, 5, 10**6, 2**63, 10**30):
        past = page(ana, page=number)
        assert (past["data"], past["from"], past["to"], past["total"]) == ([], None, None, 3)
        assert (past["current_page"], past["last_page"], past["next_page_url"]) == (number, 1, None)
        assert past["prev_page_url"] == f"{BASE}?page={number - 1}"


def test_per_page_is_a_thousand_unless_fewer_are_asked_for(ana: Client) -> None:
    ids = create(ana, *rows(1_001))
    first = page(ana)
    assert (first["per_page"], first["last_page"], first["total"]) == (1000, 2, 1001)
    assert ids_on(first) == ids[:1000]
    assert ids_on(page(ana, page=2)) == ids[1000:]
    assert ids_on(page(ana, per_page=2)) == ids[:2]
    assert page(ana, per_page=1)["last_page"] == 1001
    for wrong in ("0", "1001", "-1", "abc", "2.5", 10**30):
        assert wrong_fields(ana.get("/v1/contacts", query={"per_page": wrong})) == ["per_page"]


# ---- groups -----------------------------------------------------------------------------------------


def test_a_group_is_listed_whatever_its_case_and_spacing_and_echoed_as_it_was_asked_for(ana: Client) -> None:
    inside = create(ana, *rows(3), group="Mama  Mboga")
    create(ana, *rows(2, first=10))
    for written in ("Mama  Mboga", "mama mboga", "MAMA \t MBOGA"):
        answer = ana.get("/v1/contacts", query={"group": written}).json()
        assert answer["group"] == written
        assert ids_on(answer["contacts"]) == inside
        assert answer["contacts"]["total"] == 3
    assert ana.get("/v1/contacts", query={"group": "  mama mboga "}).json()["group"] == "mama mboga"


def test_an_unknown_group_is_an_empty_list_and_a_blank_one_is_no_filter(ana: Client) -> None:
    create(ana, *rows(2))
    unknown = ana.get("/v1/contacts", json={"group": "Nobody"}).json()
    assert unknown["group"] == "Nobody"
    assert (unknown["contacts"]["data"], unknown["contacts"]["total"], unknown["contacts"]["last_page"]) == ([], 0, 1)
    for blank in ("", "   ", None):
        answer = ana.get("/v1/contacts", json={"group": blank}).json()
        assert (answer["group"], answer["contacts"]["total"]) == ("", 2)


def test_a_group_with_members_here_and_there_has_whole_pages(ana: Client) -> None:
    ids = create(ana, *rows(300))
    inside = ids[7::13]
    create(ana, *(row for number, row in zip(ids, rows(300), strict=True) if number in inside), group="Some")
    pages = walk(ana, group="some", per_page=5)
    assert [number for one in pages for number in ids_on(one)] == inside
    assert {one["total"] for one in pages} == {len(inside)}


# ---- where parameters come from ---------------------------------------------------------------------


def test_the_body_the_form_the_query_string_and_the_query_method_ask_the_same(ana: Client) -> None:
    create(ana, *rows(4), group="VIP")
    asked = {"project": "Shopify", "group": "VIP", "per_page": 3, "page": 2}
    answers = [
        ana.get("/v1/contacts", query=asked),
        ana.get("/v1/contacts", json=asked),
        ana.get("/v1/contacts", json={name: str(value) for name, value in asked.items()}),
        ana.get("/v1/contacts", form=asked),
        ana.call("QUERY", "/v1/contacts", json=asked),
        ana.call("QUERY", "/v1/contacts/", query={"page": 2}, form={"group": "VIP", "per_page": 3}),
        ana.get("/v1/contacts/", query={"group": "VIP"}, json={"per_page": 3, "page": 2}),
    ]
    # Which of the filters were given is repeated in the URLs; their order is always the same.
    assert {answer.body for answer in answers} == {answers[0].body}
    assert ids_on(answers[0].json()["contacts"]) == [4]
    head = ana.call("HEAD", "/v1/contacts", query=asked)
    assert (head.status, head.body) == (200, b"")


def test_the_body_comes_before_the_query_string_but_for_the_page(ana: Client) -> None:
    create(ana, *rows(5), group="Five")
    create(ana, *rows(2, first=50), group="Two")
    answer = ana.get(
        "/v1/contacts", json={"group": "Five", "per_page": 2, "page": 1}, query="group=Two&per_page=1&page=3"
    )
    assert answer.json()["group"] == "Five"
    assert (answer.json()["contacts"]["current_page"], ids_on(answer.json()["contacts"])) == (3, [5])
    # What is blank in the body is not there.
    assert ana.get("/v1/contacts", json={"group": ""}, query="group=Two").json()["group"] == "Two"


def test_page_urls_carry_every_filter_that_came_so_that_following_them_just_works(ana: Client) -> None:
    create(ana, *rows(5), group="A & B / ç")
    first = ana.get("/v1/contacts", json={"group": "A & B / ç", "per_page": "2"}, query="include=groups,updated_at")
    following = first.json()["contacts"]["next_page_url"]
    assert query_of(following) == {
        "group": ["A & B / ç"],
        "per_page": ["2"],
        "include": ["groups,updated_at"],
        "page": ["2"],
    }
    second = ana.get(following.removeprefix("http://127.0.0.1:8000")).json()
    assert (second["group"], ids_on(second["contacts"])) == ("A & B / ç", [3, 4])
    assert second["contacts"]["data"][0]["groups"] == ["A & B / ç"]
    assert second["contacts"]["next_page_url"].endswith("page=3")
    commas = page(ana, group="a,  b ,c", per_page=1)["first_page_url"]
    assert query_of(commas)["group"] == ["a,  b ,c"]
    twice = ana.get("/v1/contacts", query="include=groups&include=updated_at").json()["contacts"]["first_page_url"]
    assert query_of(twice)["include"] == ["groups,updated_at"]
    kept = page(ana, suppressed="include", per_page=4)
    assert query_of(kept["next_page_url"]) == {"suppressed": ["include"], "per_page": ["4"], "page": ["2"]}


def test_page_urls_never_carry_the_key_or_the_project(client: Client, people: Any) -> None:
    create(client.with_key(people.ana), *rows(2))
    answer = client.get("/v1/contacts", query={"apiKey": people.ana, "project": "shopify", "per_page": 1})
    assert answer.status == 200
    assert query_of(answer.json()["contacts"]["next_page_url"]) == {"per_page": ["1"], "page": ["2"]}
    assert people.ana.encode() not in answer.body


def test_page_urls_are_at_the_host_and_prefix_that_the_caller_used(ana: Client) -> None:
    there = ana.get("/api/v1/contacts/", headers={"Host": "phone.example.org:8080"}).json()["contacts"]
    assert there["path"] == "http://phone.example.org:8080/api/v1/contacts"
    assert there["first_page_url"] == "http://phone.example.org:8080/api/v1/contacts?page=1"
    hostile = ana.get("/v1/contacts", headers={"Host": 'evil"><script>'}).json()["contacts"]
    assert hostile["path"] == BASE


def test_page_urls_are_at_the_public_url_when_one_is_set(public: Any, ana: Client, people: Any) -> None:
    with asyncio.Runner() as runner:
        there = Client(in_process(public.rsgi, runner.get_loop()), secret=people.ana)
        assert page(there)["path"] == "https://book.example.com/phone/v1/contacts"


# ---- what else may be asked for ---------------------------------------------------------------------


def test_include_adds_groups_and_the_time_of_the_last_change(ana: Client) -> None:
    create(ana, *rows(3), group="B")
    create(ana, *rows(2), group="A")
    listed = page(ana, include="groups")
    assert [contact["groups"] for contact in listed["data"]] == [["B", "A"], ["B", "A"], ["B"]]
    assert list(listed["data"][0]) == [*CONTACT_MEMBERS, "groups"]
    asked = [{"include": "groups, updated_at"}, {"include": ["updated_at", "groups"]}]
    for body in asked:
        both = ana.get("/v1/contacts", json=body).json()["contacts"]["data"]
        assert [list(contact) for contact in both] == [[*CONTACT_MEMBERS, "groups", "updated_at"]] * 3
    untouched = page(ana, include="updated_at")["data"][0]
    assert untouched["updated_at"] == untouched["created_at"]
    ana.put("/v1/contacts/1", {"contact": {"city": "Kitui"}})
    assert page(ana, include="updated_at")["data"][0]["updated_at"] > untouched["updated_at"]


def test_what_cannot_be_asked_for_is_named_all_at_once(ana: Client) -> None:
    asked = {"page": 0, "per_page": 0, "include": "groups,secrets", "suppressed": "only", "group": ["x"]}
    assert sorted(wrong_fields(ana.get("/v1/contacts", json=asked))) == sorted(asked)
    for wrong in ("0", "-1", "abc", "1.5", "1e3", "٣", True, [1], {"a": 1}, 1.0):
        assert wrong_fields(ana.get("/v1/contacts", json={"page": wrong})) == ["page"]
    assert wrong_fields(ana.get("/v1/contacts", query="include=consents")) == ["include"]


def test_a_contact_that_moved_or_left_is_counted_at_once(ana: Client) -> None:
    ids = create(ana, *rows(4), group="Old")
    ana.delete(f"/v1/contacts/{ids[0]}")
    ana.put(f"/v1/contacts/{ids[1]}", {"group": "New"})
    assert ids_on(page(ana)) == ids[1:]
    assert ids_on(page(ana, group="old")) == ids[2:]
    assert ids_on(page(ana, group="new")) == [ids[1]]
    assert [page(ana, **asked)["total"] for asked in ({}, {"group": "old"}, {"group": "new"})] == [3, 2, 1]


def test_walking_the_pages_gives_the_whole_list_whatever_their_size(ana: Client) -> None:
    ids = create(ana, *rows(700))
    gone = ids[100:180] + ids[3:650:7]
    for number in dict.fromkeys(gone):
        assert ana.delete(f"/v1/contacts/{number}").status == 200
    left = [number for number in ids if number not in set(gone)]
    create(ana, *({"mobile": get(ana, number)["mobile"]} for number in left[::3]), group="Third")

    @settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(per_page=st.integers(30, 1000), group=st.sampled_from([None, "third"]))
    def walk_it(per_page: int, group: str | None) -> None:
        wanted = left if group is None else left[::3]
        pages = walk(ana, per_page=per_page, **({"group": group} if group else {}))
        assert [number for one in pages for number in ids_on(one)] == wanted
        assert {(one["total"], one["last_page"]) for one in pages} == {(len(wanted), len(pages))}
        assert [one["from"] for one in pages] == list(range(1, len(wanted) + 1, per_page))
        assert pages[-1]["to"] == len(wanted)

    walk_it()


# ---- from an id on ----------------------------------------------------------------------------------


def walk_after(client: Client, **query: object) -> list[Any]:
    """Every page from the first one on, each by the URL that the one before it gave."""
    pages = [page(client, after_id=0, **query)]
    while (url := pages[-1]["next_page_url"]) is not None:
        assert query_of(url)["after_id"] == [str(ids_on(pages[-1])[-1])]
        pages.append(client.get(url.removeprefix("http://127.0.0.1:8000")).json()["contacts"])
    return pages


def test_a_walk_from_an_id_on_has_the_keys_and_the_numbers_of_pages(ana: Client) -> None:
    create(ana, *rows(5), group="VIP")
    filters = {"group": ["VIP"], "per_page": ["2"], "include": ["groups"]}
    first, second, third = walk_after(ana, per_page=2, group="VIP", include="groups")
    assert list(first) == PAGINATOR_MEMBERS
    for number, (one, span) in enumerate(zip((first, second, third), ((1, 2), (3, 4), (5, 5)), strict=True), start=1):
        assert (one["current_page"], one["last_page"], one["total"], one["per_page"]) == (number, 3, 5, 2)
        assert (one["from"], one["to"], one["prev_page_url"], one["path"]) == (*span, None, BASE)
        assert query_of(one["first_page_url"]) == filters | {"after_id": ["0"]}
        assert query_of(one["last_page_url"]) == filters | {"page": ["3"]}
    assert query_of(first["next_page_url"]) == filters | {"after_id": ["2"]}
    assert third["next_page_url"] is None
    assert third["data"][0]["groups"] == ["VIP"]


@pytest.mark.parametrize("group", [None, "VIP"])
def test_deleting_what_a_walk_shows_loses_no_contact(ana: Client, group: str | None) -> None:
    ids = create(ana, *rows(10), group="VIP")
    query = {"per_page": 3} | ({"group": group} if group else {})
    seen = []
    url = f"/v1/contacts?{urlencode(query)}&after_id=0"
    while url:
        shown = ana.get(url.removeprefix("http://127.0.0.1:8000")).json()["contacts"]
        assert (shown["current_page"] < shown["last_page"]) == (shown["next_page_url"] is not None)
        for number in ids_on(shown):
            seen.append(number)
            assert ana.delete(f"/v1/contacts/{number}?reason=removal").status == 200
        url = shown["next_page_url"]
    assert seen == ids
    assert page(ana)["total"] == 0


def test_a_page_after_an_id_says_how_many_come_before_it(ana: Client) -> None:
    """At the edges of the blocks of ids too, in which contacts are counted."""
    ids = create(ana, *rows(300), group="All")
    create(ana, *({"mobile": get(ana, number)["mobile"]} for number in ids[::3]), group="Third")
    opt_out(ana, *(get(ana, number)["mobile"] for number in ids[10:80]))
    left = [number for number in ids if not 10 <= number - ids[0] < 80]
    for after_id in (
        0,
        *range(1, 12),
        *range(62, 67),
        80,
        81,
        *range(126, 131),
        299,
        300,
        301,
        4_096,
        2**40,
        2**63 - 1,
    ):
        for query, listed in (({}, left), ({"suppressed": "include"}, ids), ({"group": "third"}, left_in(left, ids))):
            shown = page(ana, after_id=after_id, per_page=7, **query)
            wanted = [number for number in listed if number > after_id]
            before = len(listed) - len(wanted)
            assert (ids_on(shown), shown["total"]) == (wanted[:7], len(listed))
            assert (shown["from"], shown["to"]) == ((before + 1, before + len(wanted[:7])) if wanted else (None, None))
            pages_left = shown["last_page"] - shown["current_page"] + 1
            assert (shown["current_page"], pages_left) == (before // 7 + 1, max(1, -(-len(wanted) // 7)))


def left_in(left: list[int], ids: list[int]) -> list[int]:
    return [number for number in left if (number - ids[0]) % 3 == 0]


def test_an_unknown_group_and_an_id_beyond_the_end_are_empty(ana: Client) -> None:
    create(ana, *rows(2))
    for shown in (page(ana, after_id=2), page(ana, after_id=0, group="None")):
        assert (shown["data"], shown["from"], shown["next_page_url"]) == ([], None, None)
    assert page(ana, after_id=2)["total"] == 2


def test_a_page_and_an_id_exclude_each_other_and_a_page_url_wins_over_the_body(ana: Client) -> None:
    create(ana, *rows(4))
    both = ana.get("/v1/contacts", json={"page": 2, "after_id": 0})
    assert wrong_fields(both) == ["after_id"]
    assert wrong_fields(ana.get("/v1/contacts", query="page=2&after_id=0")) == ["after_id"]
    assert ids_on(page(ana, page=1, after_id=2)) == [3, 4]
    body = {"after_id": 0, "per_page": 2}
    url = ana.get("/v1/contacts", json=body).json()["contacts"]
    for link, ids in ((url["next_page_url"], [3, 4]), (url["last_page_url"], [3, 4]), (url["first_page_url"], [1, 2])):
        for again in (body, {"page": 1, "per_page": 2}):
            shown = ana.get(link.removeprefix("http://127.0.0.1:8000"), json=again).json()["contacts"]
            assert ids_on(shown) == ids


@each("wrong", ["-1", "abc", "1.5", "1e3", 2**63, True, {"a": 1}, "9" * 200])
def test_what_is_no_id_is_named(ana: Client, wrong: object) -> None:
    assert wrong_fields(ana.get("/v1/contacts", json={"after_id": wrong})) == ["after_id"]


# ---- some contacts, by their ids --------------------------------------------------------------------


def by_ids(client: Client, ids: object, **query: object) -> Json:
    answer = client.get("/v1/contacts", query={"ids": ids, **query})
    assert answer.status == 200, answer.body
    found: Json = answer.json()
    return found


def test_contacts_are_found_by_their_ids(ana: Client) -> None:
    create(ana, *rows(5), group="VIP")
    found = by_ids(ana, "4,2,99,2,77")
    assert ids_on(found["contacts"]) == [2, 4]
    assert found["missing"] == [77, 99]
    assert (found["group"], found["contacts"]["total"], found["contacts"]["last_page"]) == ("", 2, 1)
    assert by_ids(ana, 2, include="groups")["contacts"]["data"][0]["groups"] == ["VIP"]


def test_those_who_opted_out_are_found_too_and_marked(ana: Client) -> None:
    create(ana, *rows(2))
    opt_out(ana, mobile(2))
    shown = by_ids(ana, "1,2")["contacts"]["data"]
    assert [(contact["id"], contact.get("suppressed")) for contact in shown] == [(1, None), (2, True)]


def test_ids_come_in_a_body_as_well_and_only_so_many(ana: Client) -> None:
    create(ana, *rows(3))
    found = ana.call("QUERY", "/v1/contacts", json={"ids": [3, "1"]}).json()
    assert ids_on(found["contacts"]) == [1, 3]
    assert found["missing"] == []
    most = ana.call("QUERY", "/v1/contacts", json={"ids": list(range(1, PER_PAGE_MAX + 1))}).json()
    assert (most["contacts"]["total"], len(most["missing"])) == (3, PER_PAGE_MAX - 3)
    too_many = ana.call("QUERY", "/v1/contacts", json={"ids": list(range(1, PER_PAGE_MAX + 2))})
    assert wrong_fields(too_many) == ["ids"]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"ids": ""}, ["ids"]),
        ({"ids": "1,x"}, ["ids.1"]),
        ({"ids": "0"}, ["ids.0"]),
        ({"ids": "1", "group": "VIP"}, ["group"]),
        ({"ids": "1", "after_id": "0"}, ["after_id"]),
    ],
)
def test_wrong_ids_are_named(ana: Client, query: dict[str, object], fields: list[str]) -> None:
    assert wrong_fields(ana.get("/v1/contacts", query=query)) == fields


def test_another_project_has_none_of_the_ids(ana: Client, chao: Client) -> None:
    create(ana, *rows(2))
    assert by_ids(chao, "1,2")["missing"] == [1, 2]


# ---- the feed ---------------------------------------------------------------------------------------


def test_a_page_after_an_id_says_how_far_the_feed_was(ana: Client) -> None:
    create(ana, *rows(3))
    answer = ana.get("/v1/contacts", query={"after_id": 0, "per_page": 2})
    assert answer.headers["x-daftari-seq"] == "1"
    create(ana, *rows(1, first=9))
    assert ana.get("/v1/contacts", query={"after_id": 2}).headers["x-daftari-seq"] == "2"
    same = ana.get("/v1/contacts", query={"after_id": 0}, headers={"if-none-match": "*"})
    assert (same.status, same.headers["x-daftari-seq"]) == (304, "2")
    for query in ({"after_id": 99}, {"after_id": 0, "group": "Nobody"}):
        assert ana.get("/v1/contacts", query=query).headers["x-daftari-seq"] == "2"


def test_a_numbered_page_promises_nothing_about_the_feed(ana: Client) -> None:
    create(ana, *rows(3))
    assert "x-daftari-seq" not in ana.get("/v1/contacts").headers
