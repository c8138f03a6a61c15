"""Keys and projects: which keys are accepted, for how long, and of which project."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from daftari.api.routes import ROUTES
from daftari.errors import ProjectTaken
from daftari.model.limits import FORM_BYTES_MAX, FORM_WITHOUT_KEY_BYTES_MAX
from daftari.model.projects import Key
from daftari.rules.access import keys, projects
from daftari.store import Store
from daftari.web.spool import RequestSpool
from tests.support.builders import (
    PARTS,
    create,
    get,
    groups,
    mobile,
    page,
    path_of,
    refusal,
    rows,
    rows_of,
    wrong_fields,
)
from tests.support.clients import Answer, Client
from tests.support.stores import NOW

UNAUTHENTICATED = (401, "UNAUTHENTICATED")
WRONG_PROJECT = (403, "WRONG_PROJECT")
REVOKED_SECONDS_MAX = 1.0
"""How long a revoked key may still work."""

NewKey = Callable[..., tuple[str, Key]]


def microseconds() -> int:
    return time.time_ns() // 1000


@pytest.fixture
def new_key(store: Store, people: Any) -> NewKey:
    """Makes another key of the project Shopify; its secret, and the key."""

    def new_key(*, expires_at: int | None = None) -> tuple[str, Key]:
        return store.system_write(
            microseconds(),
            keys.create_key,
            project=people.shopify,
            label="another",
            kind="write",
            expires_at=expires_at,
        )

    return new_key


def refused(answer: Answer) -> None:
    assert refusal(answer) == UNAUTHENTICATED
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["message"] == "Unauthenticated."


# ---- where the key is -------------------------------------------------------------------------------


def test_the_key_may_be_in_the_header_the_body_the_form_or_the_query(client: Client, people: Any) -> None:
    answers = [
        client.get("/v1/contacts", headers={"Authorization": f"Bearer {people.ana}"}),
        client.get("/v1/contacts", headers={"Authorization": f"bearer   {people.ana} "}),
        client.get("/v1/contacts", headers={"authorization": f"BEARER {people.ana}"}),
        client.get("/v1/contacts", json={"apiKey": people.ana}),
        client.get("/v1/contacts", json={"apiKey": f" {people.ana} "}),
        client.get("/v1/contacts", form={"apiKey": people.ana}),
        client.get("/v1/contacts", query={"apiKey": people.ana}),
        client.call("QUERY", "/v1/contacts", json={"apiKey": people.ana}),
    ]
    assert {(answer.status, answer.body) for answer in answers} == {(200, answers[0].body)}
    written = client.post("/v1/contacts", {"apiKey": people.ana, "contacts": rows(1)})
    assert written.status == 201
    assert client.delete("/v1/contacts/1", form={"apiKey": people.ana}).status == 200


def test_the_header_wins(client: Client, people: Any) -> None:
    create(client.with_key(people.ana), *rows(1))
    chao = client.with_key(people.chao).get("/v1/contacts", json={"apiKey": people.ana})
    assert chao.json()["contacts"]["total"] == 0
    refused(client.with_key("nonsense").get("/v1/contacts", json={"apiKey": people.ana}))
    # A header of another scheme is no key of ours, and hides none.
    basic = client.get("/v1/contacts", headers={"Authorization": "Basic YTpi"}, json={"apiKey": people.ana})
    assert basic.json()["contacts"]["total"] == 1
    body_first = client.get("/v1/contacts", json={"apiKey": people.ana}, query={"apiKey": people.chao})
    assert body_first.json()["contacts"]["total"] == 1


def test_what_is_no_key_is_401_and_says_how_to_come_back(client: Client, people: Any) -> None:
    secret = people.ana
    swapped = secret[:-1] + ("a" if secret[-1] != "a" else "b")
    for wrong in (secret[:-1], secret + "x", swapped, secret.upper(), "daf_", "x", "ключ", secret[4:], f"{secret}\0"):
        refused(client.get("/v1/contacts", query={"apiKey": wrong}))
    for header in (f"Basic {secret}", secret, "Bearer", "Bearer ", f"Token {secret}", f"Bearer{secret}", ""):
        refused(client.get("/v1/contacts", headers={"Authorization": header}))
    for value in (None, "", 5, True, [secret], {"key": secret}):
        refused(client.get("/v1/contacts", json={"apiKey": value}))
    refused(client.get("/v1/contacts"))


def test_every_route_that_needs_a_key_refuses_who_has_none(client: Client, people: Any) -> None:
    for route in ROUTES:
        answer = client.call(route.method, path_of(route, **PARTS))
        if route.access == "open":
            assert answer.status == 200
        elif route.access == "token":
            assert refusal(answer) == (401, "FORGED")
        else:
            refused(answer)


def test_the_key_is_asked_for_before_anything_is_said_of_the_fields(client: Client) -> None:
    refused(client.post("/v1/contacts", {"contacts": "wrong"}))
    refused(client.get("/v1/contacts", query="page=x"))
    refused(client.get("/v1/contacts/1"))


# ---- bodies of unknown clients --------------------------------------------------------------------------


def long_body(members: int = 3_000) -> dict[str, Any]:
    return {"contacts": [{"mobile": mobile(number), "fname": "F" * 50} for number in range(members)]}


@pytest.mark.parametrize("where", ["header", "query", "beginning"])
def test_a_long_body_is_taken_when_its_key_is_known_from_the_beginning(client: Client, people: Any, where: str) -> None:
    given: dict[str, Any] = {"json": {"apiKey": people.ana, **long_body()} if where == "beginning" else long_body()}
    if where == "header":
        given["headers"] = {"Authorization": f"Bearer {people.ana}"}
    if where == "query":
        given["query"] = {"apiKey": people.ana}
    assert client.call("POST", "/v1/contacts", **given).json()["created"] == 3_000


def test_without_a_key_no_more_than_the_beginning_of_a_body_is_kept(
    client: Client, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []
    append = RequestSpool.append

    def note(spool: RequestSpool, chunk: bytes) -> None:
        append(spool, chunk)
        kept.append(spool.length)

    monkeypatch.setattr(RequestSpool, "append", note)
    wrong = f"{people.ana[:-1]}x"
    late = msgspec.json.encode({**long_body(), "apiKey": people.ana})
    for body in (
        late,
        b"x" * 1_000_000,
        msgspec.json.encode({"apiKey": wrong, **long_body()}),
        msgspec.json.encode({"apiKey": 5, **long_body()}),
    ):
        refused(client.post("/v1/contacts", body=[body[at : at + 16_384] for at in range(0, len(body), 16_384)]))
    assert max(kept) <= FORM_WITHOUT_KEY_BYTES_MAX + 16_384
    kept.clear()
    refused(client.with_key(wrong).post("/v1/contacts", body=late))
    assert refusal(client.post("/v1/inbound/sozuri/nonsense", body=b"x" * 1_000_000)) == (401, "FORGED")
    assert client.post("/v1/no/such/path", body=b"x" * 1_000_000).status == 404
    assert kept == []


def test_a_form_has_a_limit_of_its_own_which_is_higher_with_a_key_in_the_header(client: Client, people: Any) -> None:
    def form_of(length: int, **fields: str) -> dict[str, str]:
        empty = urlencode({"reason": "", **fields})
        return {"reason": "x" * (length - len(empty)), **fields}

    ana = client.with_key(people.ana)
    for sender, form, limit in (
        (ana, {}, FORM_BYTES_MAX),
        (client, {"apiKey": people.ana}, FORM_WITHOUT_KEY_BYTES_MAX),
    ):
        assert wrong_fields(sender.post("/v1/groups", form=form_of(limit, **form))) == ["name"]
        answer = sender.post("/v1/groups", form=form_of(limit + 1, **form))
        assert refusal(answer) == (413, "TOO_LARGE")
        assert str(limit) in answer.json()["message"]
    # Some tools call JSON a form.
    called_a_form = {"content-type": "application/x-www-form-urlencoded"}
    answer = ana.post("/v1/contacts", body=msgspec.json.encode(long_body(20_000)), headers=called_a_form)
    assert answer.status == 422


# ---- how long it works ------------------------------------------------------------------------------


def test_an_expired_key_stops_at_its_time(client: Client, new_key: NewKey) -> None:
    refused(client.with_key(new_key(expires_at=microseconds())[0]).get("/v1/contacts"))
    secret, key = new_key(expires_at=microseconds() + 400_000)
    ends = client.with_key(secret)
    assert ends.get("/v1/contacts").status == 200
    assert key.expires_at is not None
    time.sleep(max(0.0, (key.expires_at - microseconds()) / 1_000_000))
    refused(ends.get("/v1/contacts"))
    refused(ends.post("/v1/contacts", {"contacts": rows(1)}))


def test_a_revoked_key_stops_within_a_second(client: Client, store: Store, new_key: NewKey) -> None:
    (secret, key), (unused, other) = new_key(), new_key()
    revoked = client.with_key(secret)
    assert revoked.get("/v1/contacts").status == 200
    for one in (key, other):
        store.system_write(microseconds(), keys.revoke_key, start=one.start)
    end = time.monotonic() + REVOKED_SECONDS_MAX
    refused(client.with_key(unused).get("/v1/contacts"))
    while revoked.get("/v1/contacts").status == 200:
        assert time.monotonic() < end, "a revoked key still works"
        time.sleep(0.05)
    refused(revoked.get("/v1/contacts"))


def test_the_keys_of_a_deleted_project_stop_within_a_second_and_write_nothing(
    ana: Client, chao: Client, store: Store, people: Any
) -> None:
    create(ana, *rows(1))
    store.system_write(microseconds(), projects.delete_project, name="Shopify")
    # The project's book is closed at once, whatever a process still remembers of the key.
    refused(ana.post("/v1/contacts", {"contacts": rows(1, first=2)}))
    end = time.monotonic() + REVOKED_SECONDS_MAX
    while ana.get("/v1/contacts").status == 200:
        assert time.monotonic() < end, "the key of a deleted project still works"
        time.sleep(0.05)
    refused(ana.get("/v1/contacts"))
    assert chao.get("/v1/contacts").status == 200


def test_when_a_key_was_last_used_is_noted_without_a_write_a_request(
    ana: Client, server: Any, database: str, people: Any
) -> None:
    before = microseconds()
    for _ in range(3):
        ana.get("/v1/contacts")
    last_used = "SELECT last_used_at FROM key WHERE label = 'Ana'"
    assert rows_of(database, last_used) == [(None,)]
    server.close()
    assert before <= rows_of(database, last_used)[0][0] <= microseconds()


def test_no_secret_is_kept_in_the_database(ana: Client, people: Any, database: str) -> None:
    create(ana, *rows(1), apiKey=people.ana)
    kept = rows_of(database, "SELECT start, hash FROM key ORDER BY id") + rows_of(database, "SELECT card FROM contact")
    assert kept[0][0] == people.ana[:12]
    assert not any(people.ana[12:].encode() in str(value).encode() for row in kept for value in row)


# ---- the project ------------------------------------------------------------------------------------


def test_the_project_may_be_named_in_any_case_and_spacing_or_left_out(ana: Client) -> None:
    for name in ("Shopify", "shopify", " SHOPIFY\t", "", "  ", None):
        assert ana.get("/v1/contacts", json={"project": name}).status == 200
        assert ana.get("/v1/contacts", query={"project": name or ""}).status == 200
    assert ana.get("/v1/contacts", form={"project": "shopify"}).status == 200


def test_another_projects_name_is_403_and_nothing_happens(ana: Client) -> None:
    create(ana, *rows(1))
    for name in ("Kalro", "Nobody", "Shop ify", "Shopify2", "x" * 255):
        assert refusal(ana.get("/v1/contacts", json={"project": name})) == WRONG_PROJECT
        assert refusal(ana.get("/v1/contacts", query={"project": name})) == WRONG_PROJECT
        assert refusal(ana.post("/v1/contacts", {"project": name, "contacts": rows(1, first=2)})) == WRONG_PROJECT
        assert refusal(ana.put("/v1/contacts/1", {"project": name, "group": "New"})) == WRONG_PROJECT
        assert refusal(ana.delete("/v1/contacts/1", {"project": name})) == WRONG_PROJECT
        assert refusal(ana.delete("/v1/contacts/2", {"project": name})) == WRONG_PROJECT
    # The body comes first, and what it says is all that counts.
    assert refusal(ana.get("/v1/contacts", json={"project": "Kalro"}, query="project=Shopify")) == WRONG_PROJECT
    assert (page(ana)["total"], groups(ana), get(ana, 1)["city"]) == (1, {}, None)


def test_a_project_that_is_no_text_is_named_on_every_route(ana: Client) -> None:
    create(ana, *rows(1), group="VIP")
    for route in ROUTES:
        path = path_of(route, **PARTS)
        if route.body.kind != "fields":
            assert wrong_fields(ana.call(route.method, path, query={"project": "x" * 256}, body=b"x")) == ["project"]
            continue
        for wrong in (5, True, ["Shopify"], {"name": "Shopify"}, "x" * 256, "a\0b"):
            if route.needed:
                assert "project" in wrong_fields(ana.call(route.method, path, json={"project": wrong})), path
    assert (page(ana)["total"], groups(ana)) == (1, {"VIP": 1})


def test_a_renamed_projects_former_names_still_match(ana: Client, chao: Client, store: Store) -> None:
    ana.get("/v1/contacts")
    store.system_write(NOW, projects.rename_project, name="Shopify", new_name="Duka")
    store.system_write(NOW, projects.rename_project, name="duka", new_name="Duka  Kubwa")
    time.sleep(REVOKED_SECONDS_MAX)
    for name in ("Shopify", "duka", "DUKA KUBWA", "Duka  Kubwa"):
        assert ana.get("/v1/contacts", json={"project": name}).status == 200
        assert refusal(chao.get("/v1/contacts", json={"project": name})) == WRONG_PROJECT
    assert refusal(ana.get("/v1/contacts", json={"project": "Kalro"})) == WRONG_PROJECT
    with pytest.raises(ProjectTaken):
        store.system_write(NOW, projects.rename_project, name="Kalro", new_name="DUKA kubwa")
