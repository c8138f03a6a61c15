"""``/v1/search``: what callers send and get. What is found is tested with the rules."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

import pytest

from daftari.model.time import current_time
from daftari.store import Store, Tx
from daftari.store.search import list_entries
from daftari.worker import run_worker
from tests.conftest import People
from tests.support.builders import assert_sound, create, mobile, opt_out, rows, wrong_fields
from tests.support.clients import Answer, Client

WANJIKU = {"fname": "Wanjiku", "city": "Nairobi"}


@pytest.fixture
def book(ana: Client) -> Client:
    """Ana, with contacts 1 to 4 in VIP, all called Wanjiku, and 5 to 8 without a name."""
    create(ana, *[{**row, **WANJIKU} for row in rows(4)], group="VIP")
    create(ana, *rows(4, first=5))
    return ana


def ids(answer: Answer) -> list[int]:
    assert answer.status == 200, answer.body
    return [contact["id"] for contact in answer.json()["contacts"]]


def test_a_page_has_contacts_as_the_list_has_them_and_a_cursor(book: Client) -> None:
    first = book.get("/v1/search", query={"q": "nai wanj", "limit": 3}).json()
    assert [*first] == ["contacts", "next"]
    assert first["contacts"] == book.get("/v1/contacts", query={"per_page": 3}).json()["contacts"]["data"]
    assert first["next"] == "3"
    rest = book.get("/v1/search", query={"q": "nai wanj", "limit": 3, "after": first["next"]}).json()
    assert ([contact["id"] for contact in rest["contacts"]], rest["next"]) == ([4], None)


def test_it_is_asked_in_the_query_string_or_with_a_body_or_by_QUERY(book: Client) -> None:
    asked: dict[str, Any] = {"q": "wanjiku", "group": "vip", "limit": 2, "include": "groups"}
    answers = [
        book.get("/v1/search", query=asked),
        book.call("GET", "/v1/search", json=asked),
        book.call("QUERY", "/v1/search", json=asked),
        book.get("/api/v1/search/", query=asked),
    ]
    assert len({answer.body for answer in answers}) == 1
    assert answers[0].json()["contacts"][0]["groups"] == ["VIP"]


def test_digits_may_be_a_json_number(book: Client) -> None:
    assert ids(book.call("QUERY", "/v1/search", json={"q": int(mobile(7))})) == [7]


def test_whoever_opted_out_is_left_out_unless_asked_for(book: Client) -> None:
    opt_out(book, mobile(2))
    assert ids(book.get("/v1/search", query={"q": "wanj"})) == [1, 3, 4]
    assert ids(book.get("/v1/search", query={"q": "wanj", "suppressed": "include"})) == [1, 2, 3, 4]


def test_an_unknown_group_has_no_one(book: Client) -> None:
    assert ids(book.get("/v1/search", query={"q": "wanj", "group": "none"})) == []


def test_every_wrong_field_is_named(book: Client) -> None:
    asked = {"q": "---", "limit": 1001, "after": "x", "include": "all", "suppressed": "yes"}
    assert wrong_fields(book.get("/v1/search", query=asked)) == ["q", "after", "limit", "include", "suppressed"]
    assert wrong_fields(book.get("/v1/search")) == ["q"]


def test_a_key_that_reads_may_search_its_own_project_only(book: Client, ben: Client, chao: Client) -> None:
    assert ids(ben.get("/v1/search", query={"q": "wanj"})) == [1, 2, 3, 4]
    assert ids(chao.get("/v1/search", query={"q": "wanj"})) == []


def test_the_worker_writes_the_index(book: Client, store: Store, people: People, monkeypatch: Any) -> None:
    ends_at = time.monotonic() + 30
    minutes = count()

    def moments() -> int:
        # Each look is a minute later, so that the index does not wait for a pause.
        return current_time() + next(minutes) * 60_000_000

    monkeypatch.setattr("daftari.worker.search.current_time", moments)
    monkeypatch.setattr("daftari.worker.look.current_time", moments)

    def is_written(pause_seconds: float) -> bool:
        state = store.read(people.shopify, 0, _indexed)
        assert time.monotonic() < ends_at
        return state == 8

    run_worker(is_written, store=store)
    assert ids(book.get("/v1/search", query={"q": "wanj"})) == [1, 2, 3, 4]
    assert_sound(store, people.shopify)


def _indexed(tx: Tx) -> int:
    return len(list_entries(tx, first=0, last=100))
