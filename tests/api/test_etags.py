"""ETags: an answer that a client has is not sent again, and no client overwrites what it has not seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from daftari.model.projects import Actor
from daftari.rules.integrity.check import repair_project
from daftari.serving.server import Server
from daftari.store import Store, WriteTx, contacts
from daftari.store.contacts import NewCard
from tests.conftest import People
from tests.support import calls
from tests.support.builders import consent_of, create, get, may_message, mobile, opt_in, opt_out, refusal, rows
from tests.support.clients import Answer, Client, sent
from tests.support.stores import NOW, open_store

HALF = 32
OTHER = f'"{"0" * HALF}"'
INCLUDED = {"include": "groups,updated_at"}


@pytest.fixture
def book(ana: Client) -> Client:
    """Ana's, with three contacts, two of them in VIP."""
    create(ana, *rows(2), group="VIP")
    create(ana, *rows(1, first=3))
    return ana


def tag_of(client: Client, reference: object = 1, **query: object) -> str:
    return client.get(f"/v1/contacts/{reference}", query=query).headers["etag"]


def page_tag(client: Client, **query: object) -> str:
    return client.get("/v1/contacts", query=query).headers["etag"]


def etag(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.headers["etag"]


# ---- If-None-Match ------------------------------------------------------------------------------------

PATHS = [
    "/v1/contacts/1",
    "/v1/contacts/1?include=groups",
    "/v1/contacts",
    "/v1/contacts?include=consent",
    "/v1/contacts?page=9",
]


def test_what_a_caller_has_already_is_not_sent_again(book: Client) -> None:
    written = ("{}", "W/{}", f'{OTHER}, W/{{}} , "x,y"', "*", " * ")
    for path, tag in [(path, book.get(path).headers["etag"]) for path in PATHS]:
        for method in ("GET", "HEAD", "QUERY"):
            for one in (*(each.format(tag) for each in written), f'{tag[:-1]}-gzip"'):
                assert_not_sent(book.call(method, path, headers={"If-None-Match": one}), tag)


def assert_not_sent(answer: Answer, tag: str) -> None:
    assert etag(answer) == (304, tag)
    assert answer.body == b""
    assert not {"content-type", "content-length"} & answer.headers.keys()
    assert answer.headers["cache-control"] == "private, no-store"


def test_what_a_caller_has_not_is_sent(book: Client) -> None:
    for path, whole in [(path, book.get(path)) for path in PATHS]:
        for written in ("", OTHER, whole.headers["etag"].strip('"'), "W/", '"'):
            asking = {"If-None-Match": written}
            answer, head = book.get(path, headers=asking), book.call("HEAD", path, headers=asking)
            assert answer.body == whole.body
            assert etag(answer) == etag(head) == etag(whole)
            assert head.headers["content-length"] == str(len(whole.body))


def test_an_etag_reveals_nothing_that_a_key_may_not_read(book: Client, chao: Client, client: Client) -> None:
    asking = {"If-None-Match": "*"}
    assert refusal(chao.get("/v1/contacts/1", headers=asking)) == (404, "CONTACT_NOT_FOUND")
    assert refusal(client.get("/v1/contacts/1", headers=asking))[0] == 401


# ---- what the tags stand for ----------------------------------------------------------------------------

CHANGES: dict[str, Callable[[Client], Any]] = {
    "a create": lambda ana: create(ana, *rows(1, first=9)),
    "a merge": lambda ana: create(ana, {"mobile": mobile(1), "city": "Nakuru"}),
    "an update": lambda ana: ana.put(f"/v1/contacts/{mobile(1)}", {"contact": {"city": "Kisii"}}),
    "a move": lambda ana: ana.put(f"/v1/contacts/{mobile(1)}", {"group": "Other"}),
    "a removal": lambda ana: ana.delete(f"/v1/contacts/{mobile(1)}", {"reason": "removal"}),
    "a delete": lambda ana: ana.delete(f"/v1/contacts/{mobile(1)}"),
    "a join": lambda ana: ana.post("/v1/groups/VIP/contacts", {"mobiles": [mobile(5)]}),
    "a leave": lambda ana: ana.delete("/v1/groups/VIP/contacts", {"mobiles": [mobile(1)]}),
    "a group's end": lambda ana: ana.delete("/v1/groups/VIP"),
    "a group's other name": lambda ana: ana.put("/v1/groups/VIP", {"name": "Best"}),
    "an opt-out": lambda ana: opt_out(ana, mobile(1)),
    "an erasure": lambda ana: ana.post("/v1/erasures", {"mobile": mobile(1)}),
}
PAGES: list[dict[str, object]] = [
    {},
    {"per_page": 2},
    {"per_page": 2, "page": 2},
    {"group": "VIP"},
    {"group": "vip"},
    {"suppressed": "include"},
    {"include": "groups"},
    {"include": "consent,updated_at"},
]


def test_the_etag_of_a_page_changes_with_every_change_of_the_page(ana: Client) -> None:
    """That no ETag ever stands for other bytes is seen by the client itself, in this test and in all others."""
    for change in CHANGES.values():
        create(ana, *rows(4), group="VIP")
        create(ana, *rows(1, first=5))
        before = [ana.get("/v1/contacts", query=query) for query in PAGES]
        change(ana)
        after = [ana.get("/v1/contacts", query=query) for query in PAGES]
        assert any(one.body != other.body for one, other in zip(before, after, strict=True))
        for one, other in zip(before, after, strict=True):
            assert (one.body == other.body) or (one.headers["etag"] != other.headers["etag"])
        opt_in(ana, mobile(1))


def test_every_page_and_every_address_has_an_etag_of_its_own(book: Client) -> None:
    tags = [page_tag(book, **query) for query in PAGES]
    tags.append(book.get("/api/v1/contacts").headers["etag"])
    tags.append(book.get("/v1/contacts", headers={"Host": "other.example"}).headers["etag"])
    assert len(set(tags)) == len(tags)
    assert [page_tag(book, **query) for query in PAGES] == tags[: len(PAGES)]


def test_a_book_that_was_restored_and_written_to_again_has_other_etags(
    new_database: Callable[[str], str], engine: str, introduce: Callable[[Store], People]
) -> None:
    """Both books have the same counters, and other contacts."""
    states = []
    for city in ("Nakuru", "Kisumu"):
        store = open_store(new_database(engine), threads=1)
        project = introduce(store).shopify
        given = [{"mobile": mobile(1), "city": city}]
        calls.create_contacts(store, project, given, actor=Actor(1, f"request of {city}"))
        states.append(calls.list_contacts(store, project).state)
        store.close()
    assert states[0] is not None
    assert states[0] != states[1]


def test_a_repaired_book_has_other_etags(book: Client, store: Store, people: Any) -> None:
    def spoil(tx: WriteTx) -> None:
        card = msgspec.json.encode(get(book, 1) | {"id": 9}).decode()
        contacts.update_contacts(tx, cards=[NewCard(1, int(mobile(1)), card)])

    store.write(people.shopify, Actor(None, "check"), NOW, spoil)
    before = book.get("/v1/contacts")
    store.write(people.shopify, Actor(None, "check"), calls.NOW, repair_project)
    after = book.get("/v1/contacts")
    assert after.body != before.body
    assert after.headers["etag"] != before.headers["etag"]


def test_a_contact_has_one_etag_however_it_is_reached_and_a_second_part_for_what_is_included(book: Client) -> None:
    tag = tag_of(book)
    assert tag == tag_of(book, mobile(1)) == book.get("/api/v1/contacts/1/").headers["etag"]
    parts = [tag_of(book, **INCLUDED).strip('"').split("."), tag_of(book, include="groups").strip('"').split(".")]
    assert [len(part) for part in parts[0]] == [HALF, HALF]
    assert parts[0][0] == parts[1][0] == tag.strip('"')
    assert parts[0][1] != parts[1][1]
    assert len({tag_of(book, reference) for reference in (1, 2, 3)}) == 3


# ---- If-Match -----------------------------------------------------------------------------------------

WRITES = [("PUT", {"contact": {"city": "Nakuru"}}), ("PATCH", {"group": "Other"}), ("DELETE", {})]


def test_a_contact_is_written_over_only_by_who_saw_it_as_it_is(book: Client) -> None:
    for method, body in WRITES:
        overwrite(book, method, body)


def overwrite(book: Client, method: str, body: Any) -> None:
    stale = tag_of(book)
    assert book.put("/v1/contacts/1", {"contact": {"fname": f"Suzan {method}"}}).status == 200
    before = get(book, 1, **INCLUDED)
    current = tag_of(book)
    for written in (stale, f"{OTHER}, W/{stale}", f'{stale[:-1]}-gzip"', "", "é", current.strip('"')):
        refused = book.call(method, "/v1/contacts/1", json=body, headers={"If-Match": written})
        assert refusal(refused) == (412, "PRECONDITION_FAILED")
    assert get(book, 1, **INCLUDED) == before
    assert consent_of(book, 1)["facts"] == []
    done = book.call(method, "/v1/contacts/1", json=body, headers={"If-Match": f"{stale}, {current}"})
    assert done.status == 200


@pytest.mark.parametrize("written", ["W/{}", "{}"])
@pytest.mark.parametrize("end", ["", "-gzip", "-zstd"])
def test_an_etag_that_a_proxy_changed_is_the_contacts(ana: Client, written: str, end: str) -> None:
    """Nginx marks it as weak when it compresses, and others add the name of the compression."""
    create(ana, *rows(1))
    for include in ({}, INCLUDED):
        tag = written.format(f'{tag_of(ana, 1, **include)[:-1]}{end}"')
        body = {"contact": {"city": f"Nakuru {len(include)}"}}
        assert ana.put("/v1/contacts/1", body, headers={"If-Match": tag}).status == 200
        assert ana.put("/v1/contacts/1", body, headers={"If-Match": tag}).status == 412


def test_a_star_matches_any_contact_and_the_part_for_what_is_included_is_ignored(book: Client) -> None:
    for method, body in WRITES:
        for reference in (1, 2, 3):
            tag = tag_of(book, reference, **INCLUDED)
            written = ("*", tag, f'{tag[:HALF]}{tag[HALF]}.another"')[reference - 1]
            done = book.call(method, f"/v1/contacts/{reference}", json=body, headers={"If-Match": written})
            assert done.status == 200


def test_an_absent_contact_is_404_whatever_was_to_match(book: Client) -> None:
    for number, asked in enumerate([{"If-Match": "*"}, {"If-Match": OTHER}], start=77):
        assert refusal(book.put("/v1/contacts/4711", {"group": "VIP"}, headers=asked)) == (404, "CONTACT_NOT_FOUND")
        deleted = book.delete(f"/v1/contacts/{mobile(number)}", headers=asked)
        assert (deleted.status, deleted.json()["opt_out"]) == (404, "recorded")
        assert may_message(book, mobile(number)) == [False]


def test_an_update_answers_with_the_etag_that_the_contact_has_now(book: Client) -> None:
    tag = tag_of(book)
    for city in ("Nakuru", "Nakuru", "Kisumu"):
        done = book.put("/v1/contacts/1", {"contact": {"city": city}}, headers={"If-Match": tag})
        tag = done.headers["etag"]
        assert etag(done) == (200, tag_of(book))


def test_a_write_that_was_done_is_answered_again_though_its_etag_is_old(book: Client) -> None:
    headers = {"If-Match": tag_of(book), "Idempotency-Key": "once"}
    body = {"contact": {"city": "Nakuru"}}
    first = book.put("/v1/contacts/1", body, headers=headers)
    assert book.delete("/v1/contacts/1").status == 200
    second = book.put("/v1/contacts/1", body, headers=headers)
    assert (etag(second), second.body) == (etag(first), first.body)
    refused = book.put("/v1/contacts/2", body, headers=headers | {"Idempotency-Key": "twice"})
    assert refusal(refused)[0] == 412


def test_of_many_who_saw_the_same_contact_one_writes(
    book: Client, server: Server, people: People, loop: asyncio.AbstractEventLoop
) -> None:
    headers = [("authorization", f"Bearer {people.ana}"), ("if-match", tag_of(book))]

    async def write(number: int) -> Answer:
        body = msgspec.json.encode({"contact": {"city": f"City {number}"}})
        while (answer := await sent(server.rsgi, "PUT", "/v1/contacts/1", headers, body)).status == 503:
            assert answer.json()["error_code"] == "BUSY"
        return answer

    async def write_all() -> list[Answer]:
        return await asyncio.gather(*map(write, range(6)))

    answers = loop.run_until_complete(write_all())
    assert sorted(answer.status for answer in answers) == [200, *[412] * 5]
    (done,) = [number for number, answer in enumerate(answers) if answer.status == 200]
    assert get(book, 1)["city"] == f"City {done}"
