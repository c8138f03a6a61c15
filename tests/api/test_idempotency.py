"""A write with an Idempotency-Key is done once, however often it is sent, and answered each time as the first time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from daftari.api.routes import ROUTES
from daftari.errors import AnswerErased, IdempotencyKeyReused
from daftari.model.erasures import Person
from daftari.model.limits import IDEMPOTENCY_KEY_MAX
from daftari.model.projects import Actor, Project
from daftari.rules import idempotency
from daftari.rules.access import inbound_tokens, keys, projects
from daftari.rules.erasure import purge
from daftari.rules.idempotency import KEPT_MICROSECONDS, FirstResponse, IdempotentRequest
from daftari.serving.server import build_server
from daftari.settings import Settings
from daftari.store import Store, WriteTx
from daftari.web.routing import Route
from daftari.worker import run_worker
from tests.support.builders import (
    PARTS,
    consent_of,
    create,
    groups,
    may_message,
    mobile,
    page,
    path_of,
    refusal,
    rows,
    rows_of,
)
from tests.support.calls import NOW
from tests.support.clients import Answer, Client, sent
from tests.support.import_files import ready_for
from tests.support.schema import execute
from tests.support.stores import open_store

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
ACTOR = Actor(7, "a request")
UNUSED, UNKNOWN, GONE = mobile(77), mobile(88), "254711223344"
PERSON = Person(int(GONE), None)
PARTS_HERE = PARTS | {"name": "VIP", "reference": "1"}

UNKEPT = {
    ("POST", "/senders/{number}/check"),
    ("POST", "/webhooks/{number}/test"),
    ("POST", "/connections/{number}/check"),
}
"""What asks another server each time."""
KEYED = [route for route in ROUTES if route.is_repeatable and (route.method, route.path) not in UNKEPT]
LOG: dict[str, object] = {"name": "log", "gateway": "log", "channel": "sms"}
OFFER: dict[str, object] = {"name": "Offer", "sender": "log", "text": "Hello", "everyone": True}
CRM: dict[str, object] = {"name": "crm", "kind": "hubspot", "credentials": {"key": "kikapu"}}
ERASED_THERE = (
    "INSERT INTO external_link SELECT project_id, {}, '101', 254722000101, 1, 1, 5, '', 0, 0, 16, '' FROM book"
)
"""A record of a connection that was erased there."""
STATE_BEFORE = {
    "plan": "checked",
    "start": "checked",
    "pause": "live",
    "sync": "live",
    "sweep": "live",
    "confirm": "needs_confirmation",
}
"""The state of a connection before a step."""
HOOK: dict[str, object] = {"url": "https://crm.example/hook"}
WELCOME: dict[str, object] = {
    "name": "Welcome", "sender": "log", "on": {"event": "cart"}, "wait": "1h", "text": "Hello",
}  # fmt: skip
WRITES: dict[tuple[str, str], dict[str, object]] = {
    ("POST", "/contacts"): {"contacts": rows(2, first=10), "group": "New", "results": True},
    ("PUT", "/contacts/{reference}"): {"contact": {"city": "Nakuru"}, "group": "Other"},
    ("PATCH", "/contacts/{reference}"): {"contact": {"mobile": UNUSED}},
    ("DELETE", "/contacts/{reference}"): {},
    ("POST", "/groups"): {"name": "Fresh"},
    ("PUT", "/groups/{name}"): {"name": "Renamed"},
    ("PATCH", "/groups/{name}"): {"name": "Renamed"},
    ("DELETE", "/groups/{name}"): {},
    ("POST", "/groups/{name}/contacts"): {"ids": [3], "mobiles": [UNKNOWN]},
    ("DELETE", "/groups/{name}/contacts"): {"ids": [1]},
    ("POST", "/opt-outs"): {"mobiles": [mobile(1), UNKNOWN], "results": True},
    ("POST", "/opt-ins"): {"mobile": mobile(1), "source": "form", "results": True},
    ("POST", "/erasures"): {"mobile": mobile(2)},
    ("POST", "/audiences"): {"groups": ["VIP"], "channel": "sms"},
    ("POST", "/exports"): {"group": "VIP"},
    ("DELETE", "/exports/{number}"): {},
    ("POST", "/imports"): {"mobile": UNKNOWN},
    ("POST", "/imports/{number}/apply"): {},
    ("POST", "/imports/{number}/pause"): {},
    ("POST", "/imports/{number}/resume"): {},
    ("POST", "/imports/{number}/cancel"): {},
    ("POST", "/imports/{number}/undo"): {},
    ("POST", "/senders"): LOG,
    ("PUT", "/senders/{number}"): {"name": "DUKA"},
    ("PATCH", "/senders/{number}"): {"suffix": "STOP"},
    ("DELETE", "/senders/{number}"): {},
    ("POST", "/senders/{number}/pause"): {},
    ("POST", "/senders/{number}/resume"): {},
    ("POST", "/senders/{number}/rotate"): {"keep_hours": 1},
    ("POST", "/campaigns"): OFFER,
    ("PUT", "/campaigns/{number}"): {"text": "Hello again"},
    ("PATCH", "/campaigns/{number}"): {"name": "Another offer"},
    ("DELETE", "/campaigns/{number}"): {},
    ("POST", "/campaigns/{number}/test"): {"mobiles": [mobile(1)]},
    ("POST", "/campaigns/{number}/start"): {"expected": 3},
    ("POST", "/campaigns/{number}/pause"): {},
    ("POST", "/campaigns/{number}/resume"): {},
    ("POST", "/campaigns/{number}/cancel"): {},
    ("POST", "/campaigns/{number}/retry"): {"states": ["failed"]},
    ("POST", "/triggers"): WELCOME,
    ("PUT", "/triggers/{number}"): {"text": "Hello again"},
    ("PATCH", "/triggers/{number}"): {"wait": "2h"},
    ("DELETE", "/triggers/{number}"): {},
    ("POST", "/triggers/{number}/pause"): {},
    ("POST", "/triggers/{number}/resume"): {},
    ("POST", "/events"): {"name": "cart", "mobile": mobile(1)},
    ("POST", "/messages"): {"sender": "log", "text": "Hello", "mobiles": [mobile(1)]},
    ("POST", "/webhooks"): HOOK,
    ("PUT", "/webhooks/{number}"): {"groups": ["VIP"]},
    ("PATCH", "/webhooks/{number}"): {"types": ["contacts.erased"]},
    ("DELETE", "/webhooks/{number}"): {},
    ("POST", "/webhooks/{number}/pause"): {},
    ("POST", "/webhooks/{number}/replay"): {"after": 1},
    ("POST", "/webhooks/{number}/resume"): {},
    ("POST", "/webhooks/{number}/rotate"): {},
    ("POST", "/connections"): CRM,
    ("PUT", "/connections/{number}"): {"poll_seconds": 300},
    ("PATCH", "/connections/{number}"): {"poll_seconds": 300},
    ("DELETE", "/connections/{number}"): {"leave": True},
    **{("POST", f"/connections/{{number}}/{step}"): {} for step in STATE_BEFORE},
    ("POST", "/connections/{number}/key"): {"credentials": {"key": "ndoo"}},
    ("POST", "/connections/{number}/records/retry"): {"ids": ["101"]},
    ("POST", "/connections/{number}/webhook-events/replay"): {"since": 0},
    ("POST", "/connections/{number}/records/settle"): {"ids": ["101"], "decision": "keep"},
    ("POST", "/inbound/review/{number}"): {"as": "dismiss"},
}
"""What is sent to each route that writes: new routes need a line."""

STEPS_BEFORE = {"pause": ("start",), "resume": ("start", "pause"), "cancel": ("start",), "retry": ("start",)}
"""What is done with a campaign before a step."""


def again(answer: Answer) -> tuple[int, bytes, str, str | None]:
    """What a replay has in common with the first answer."""
    return answer.status, answer.body, answer.headers["content-type"], answer.headers.get("etag")


def was_replayed(answer: Answer) -> bool:
    return answer.headers.get("idempotent-replayed") == "true"


def keyed(key: str = KEY) -> dict[str, str]:
    return {"Idempotency-Key": key}


def state_of(database: str) -> list[Any]:
    """What some of which every write changes: counters, journal, who tried to bring people back, reviews."""
    tables = (
        "SELECT * FROM book ORDER BY 1",
        "SELECT * FROM journal ORDER BY 1, 2",
        "SELECT * FROM near_miss ORDER BY 1, 2",
        "SELECT settled_as FROM review ORDER BY 1",
        "SELECT id, state, phase FROM import ORDER BY 1",
    )
    return [rows_of(database, sql) for sql in tables]


@pytest.fixture
def book(ana: Client, client: Client, store: Store, people: Any) -> Client:
    """Ana's: three contacts, two of them in VIP, and a message that waits for review."""
    create(ana, *rows(2), group="VIP")
    create(ana, *rows(1, first=3))
    token, _ = store.system_write(
        1,
        inbound_tokens.create_token,
        project=people.shopify,
        provider="generic",
        label="",
        signing_secret=None,
        verify_token=None,
    )
    doubt = {"from": mobile(3), "to": "20414", "text": "please stop this", "id": "m1"}
    assert client.post(f"/v1/inbound/generic/{token}", {"messages": [doubt]}).status == 200
    return ana


# ---- once ---------------------------------------------------------------------------------------------


def test_every_route_that_writes_is_tried() -> None:
    """All but the stream, which is resumed in its own way."""
    assert {(route.method, route.path) for route in KEYED} == WRITES.keys()


@pytest.mark.parametrize(
    ("engine", "route"),
    [
        *(("sqlite", route) for route in KEYED),
        # The answers of all routes are kept by the same queries.
        *(
            ("postgres", route)
            for route in KEYED
            if route.path in ("/contacts", "/messages", "/erasures", "/audiences")
        ),
    ],
    ids=lambda given: given if isinstance(given, str) else f"{given.method} {given.path}",
    indirect=["engine"],
)
def test_a_write_that_is_sent_twice_is_done_once_and_answered_alike(
    route: Route, book: Client, database: str, store: Store, people: Any
) -> None:
    number = str(book.get("/v1/inbound/review").json()["reviews"][0]["id"])
    if route.path.startswith("/imports/"):
        number = str(ready_for(store, people.shopify, route.path.rpartition("/")[2]))
    if route.path.startswith("/exports"):
        number = str(book.post("/v1/exports", {}).json()["export"]["id"])
    if route.path.startswith("/senders/"):
        number = str(book.post("/v1/senders", LOG).json()["sender"]["id"])
        if route.path.endswith("/resume"):
            assert book.post(f"/v1/senders/{number}/pause").status == 200
    if route.path.startswith("/webhooks/"):
        number = str(book.post("/v1/webhooks", HOOK).json()["webhook"]["id"])
    if route.path.startswith("/connections/"):
        number = str(book.post("/v1/connections", CRM).json()["connection"]["id"])
        state = STATE_BEFORE.get(route.path.rpartition("/")[2], "live")
        execute(database, f"UPDATE connection SET state = '{state}'")
        execute(database, ERASED_THERE.format(number))
    if route.path.startswith(("/campaigns", "/messages", "/triggers")):
        assert book.post("/v1/senders", LOG).status == 201
    if route.path.startswith("/triggers/"):
        number = str(book.post("/v1/triggers", WELCOME).json()["trigger"]["id"])
    if route.path.startswith("/campaigns/"):
        number = str(book.post("/v1/campaigns", OFFER).json()["campaign"]["id"])
        for step in STEPS_BEFORE.get(route.path.rpartition("/")[2], ()):
            assert book.post(f"/v1/campaigns/{number}/{step}").status == 200
    path = path_of(route, **PARTS_HERE | {"number": number})
    body = WRITES[route.method, route.path]
    before = state_of(database)
    first = book.call(route.method, path, json=body, headers=keyed())
    after = state_of(database)
    assert first.status in (200, 201, 202), first.body
    assert not was_replayed(first)
    assert after != before
    for address in (path, f"/api{path}/"):
        second = book.call(route.method, address, json=body, headers=keyed(f'"{KEY}"'))
        assert again(second) == again(first)
        assert was_replayed(second)
        assert second.headers["x-request-id"] != first.headers["x-request-id"]
    assert state_of(database) == after


def test_a_write_without_the_header_is_done_each_time(book: Client, database: str) -> None:
    for _ in range(2):
        assert not was_replayed(book.post("/v1/audiences", {"everyone": True, "channel": "sms"}))
    assert rows_of(database, "SELECT COUNT(*) FROM audience") == [(2,)]
    assert rows_of(database, "SELECT COUNT(*) FROM idempotency") == [(0,)]


def test_a_write_that_changes_nothing_is_answered_alike_even_when_it_would_change_something_now(book: Client) -> None:
    body = {"ids": [1]}
    first = book.post("/v1/groups/VIP/contacts", body, headers=keyed())
    assert first.json()["already"] == 1
    assert book.delete("/v1/groups/VIP/contacts", body).json()["left"] == 1
    assert again(book.post("/v1/groups/VIP/contacts", body, headers=keyed())) == again(first)
    assert groups(book) == {"VIP": 1}


def test_what_was_done_is_answered_again_even_where_it_could_not_be_done_now(book: Client) -> None:
    frozen = book.post("/v1/audiences", WRITES["POST", "/audiences"], headers=keyed())
    deleted = book.delete("/v1/groups/VIP", headers=keyed("another"))
    assert refusal(book.post("/v1/audiences", WRITES["POST", "/audiences"]))[0] == 422
    assert again(book.post("/v1/audiences", WRITES["POST", "/audiences"], headers=keyed())) == again(frozen)
    assert again(book.delete("/v1/groups/VIP", headers=keyed("another"))) == again(deleted)


def test_an_opt_out_without_a_contact_is_a_404_that_is_kept_with_its_bytes(book: Client, database: str) -> None:
    first = book.delete(f"/v1/contacts/{UNKNOWN}", headers=keyed())
    assert (first.status, first.json()["opt_out"]) == (404, "recorded")
    second = book.delete(f"/v1/contacts/{UNKNOWN}", headers=keyed())
    assert again(second) == again(first)
    assert was_replayed(second)
    assert len(consent_of(book, UNKNOWN)["facts"]) == 1


def test_an_error_without_an_effect_is_not_kept(book: Client) -> None:
    body = {"contact": {"mobile": mobile(2)}}
    assert refusal(book.put("/v1/contacts/1", body, headers=keyed())) == (409, "MOBILE_TAKEN")
    assert refusal(book.put("/v1/contacts/1", {"contact": 5}, headers=keyed()))[0] == 422
    assert book.delete("/v1/contacts/2").status == 200
    assert book.put("/v1/contacts/1", body, headers=keyed()).status == 200


# ---- the header ---------------------------------------------------------------------------------------


GOOD_KEYS = ("x", '"y"', '"a\\"b\\\\c"', 'a"b', "!~", "7" * IDEMPOTENCY_KEY_MAX)
BAD_KEYS = ("", " ", '""', "a b", '"a b"', '"open', '"a"b"', "é", "x" * (IDEMPOTENCY_KEY_MAX + 1))


def test_a_key_may_be_any_visible_characters_with_quotes_or_without_and_nothing_else(book: Client) -> None:
    for number, name in enumerate(GOOD_KEYS):
        body = {"name": f"Fresh {number}"}
        first = book.post("/v1/groups", body, headers=keyed(name))
        assert first.status == 201
        assert again(book.post("/v1/groups", body, headers=keyed(f" {name} "))) == again(first)
    for name in BAD_KEYS:
        assert refusal(book.post("/v1/groups", {"name": "Other"}, headers=keyed(name))) == (400, "MALFORMED")
    assert len(groups(book)) == 1 + len(GOOD_KEYS)


def test_a_key_that_came_with_another_request_is_refused(book: Client) -> None:
    assert book.call("POST", "/v1/groups", body=b'{"name":"Fresh"}', headers=keyed()).status == 201
    for method, path, body in (
        ("POST", "/v1/groups", b'{"name":"Other"}'),
        ("POST", "/v1/groups", b'{"name": "Fresh"}'),
        ("POST", "/v1/groups?name=Fresh", b'{"name":"Fresh"}'),
        ("POST", "/v1/contacts", b'{"name":"Fresh"}'),
        ("PUT", "/v1/groups/VIP", b'{"name":"Fresh"}'),
        ("DELETE", "/v1/groups/VIP", b""),
    ):
        refused = book.call(method, path, body=body, headers=keyed())
        assert refusal(refused) == (422, "IDEMPOTENCY_KEY_REUSED")
        assert list(refused.json()["errors"]) == ["Idempotency-Key"]
    assert groups(book) == {"VIP": 2, "Fresh": 0}


def test_bodies_in_a_file_are_compared_to_their_last_byte(book: Client) -> None:
    given = msgspec.json.encode({"contacts": rows(4_000, first=100)})
    assert len(given) > 64 * 1024
    first = book.call("POST", "/v1/contacts", body=given, headers=keyed())
    assert first.json()["created"] == 4_000
    assert again(book.call("POST", "/v1/contacts", body=given, headers=keyed())) == again(first)
    assert refusal(book.call("POST", "/v1/contacts", body=given + b" ", headers=keyed()))[0] == 422


def test_calls_that_only_read_ignore_the_header(book: Client) -> None:
    for name in ("x", "not a key"):
        asked = book.post("/v1/can-message", {"mobiles": [mobile(1)], "channel": "sms"}, headers=keyed(name))
        assert asked.status == 200
        assert book.get("/v1/contacts/1", headers=keyed(name)).status == 200
    assert refusal(book.post("/v1/groups", {"name": 5}, headers=keyed("x"))) == (422, "VALIDATION_FAILED")


# ---- whose --------------------------------------------------------------------------------------------


def test_a_key_of_the_same_name_is_another_one_for_every_other_key_and_project(
    book: Client, chao: Client, ben: Client, store: Store, people: Any
) -> None:
    secret, _ = store.system_write(
        NOW, keys.create_key, project=people.shopify, label="Dee", kind="write", expires_at=None
    )
    body = {"contact": {"mobile": UNUSED}}
    answers = [one.post("/v1/contacts", body, headers=keyed()) for one in (book, book.with_key(secret), chao)]
    assert [(answer.status, was_replayed(answer)) for answer in answers] == [(201, False), (200, False), (201, False)]
    assert refusal(ben.post("/v1/contacts", body, headers=keyed())) == (403, "READ_ONLY_KEY")
    assert page(chao)["total"] == 1
    assert refusal(chao.post("/v1/contacts", {"project": "Shopify", **body}, headers=keyed()))[1] == "WRONG_PROJECT"


# ---- together with its effect ---------------------------------------------------------------------------


def test_an_answer_is_kept_with_its_effect_or_not_at_all(book: Client, store: Store, people: Any) -> None:
    request, response = IdempotentRequest(7, KEY, b"asked"), FirstResponse(201, (("content-type", "x"),), b"done")

    def break_off(tx: WriteTx) -> None:
        idempotency.save_response(tx, request=request, response=response)
        assert idempotency.find_response(tx, request=request) == response
        tx.book.next_id += 1
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        store.write(people.shopify, ACTOR, NOW, break_off)
    assert store.read(people.shopify, NOW, idempotency.find_response, request=request) is None
    assert create(book, {"mobile": UNUSED}) == [4]


@pytest.fixture
def two_servers(database: str, settings_for: Callable[..., Settings]) -> Iterator[list[Any]]:
    """Two servers; on PostgreSQL each lets one write of a project in at a time."""
    servers = [build_server(settings_for(database, threads=2)).rsgi for _ in range(2)]
    yield servers
    for server in servers:
        server.close()


def headers_of(secret: str) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {secret}"), ("idempotency-key", KEY)]


def test_the_same_write_at_two_servers_at_once_is_done_once_and_both_get_its_bytes(
    two_servers: list[Any], book: Client, people: Any, loop: asyncio.AbstractEventLoop, database: str
) -> None:
    async def send_both(body: bytes) -> list[Answer]:
        calls = [sent(server, "POST", "/v1/audiences", headers_of(people.ana), body) for server in two_servers]
        return await asyncio.gather(*calls)

    answers = loop.run_until_complete(send_both(b'{"everyone":true,"channel":"sms"}'))
    assert again(answers[0]) == again(answers[1])
    assert answers[0].status == 201
    assert sorted(map(was_replayed, answers)) == [False, True]
    assert rows_of(database, "SELECT COUNT(*) FROM audience") == [(1,)]


def test_duplicates_that_wait_too_long_are_409_at_any_server_and_may_be_sent_again(
    new_database: Callable[[str], str], settings_for: Callable[..., Settings], introduce: Any
) -> None:
    """Only PostgreSQL limits the wait. The book is locked until both requests have given up."""
    database = new_database("postgres")
    store = open_store(database, threads=2)
    people = introduce(store)
    locked, may_go = threading.Event(), threading.Event()

    def hold(tx: WriteTx) -> None:
        locked.set()
        assert may_go.wait(30)

    holder = threading.Thread(target=store.write, args=(people.shopify, ACTOR, NOW, hold))
    holder.start()
    assert locked.wait(30)
    servers = [build_server(settings_for(database, threads=2)).rsgi for _ in range(2)]

    async def send_both() -> list[Answer]:
        calls = [sent(server, "POST", "/v1/groups", headers_of(people.ana), b'{"name":"Fresh"}') for server in servers]
        return await asyncio.gather(*calls)

    with asyncio.Runner() as runner:
        refused = runner.run(send_both())
        may_go.set()
        holder.join()
        answers = runner.run(send_both())
    for server in servers:
        server.close()
    store.close()
    for answer in refused:
        assert refusal(answer) == (409, "IDEMPOTENCY_IN_PROGRESS")
        assert (answer.json()["retryable"], answer.headers["retry-after"]) == (True, "1")
    assert again(answers[0]) == again(answers[1])
    assert sorted((answer.status, was_replayed(answer)) for answer in answers) == [(201, False), (201, True)]


# ---- for a day ----------------------------------------------------------------------------------------


def keep(store: Store, project: Project, *, name: str, now: int, body: bytes = b"{}") -> IdempotentRequest:
    request = IdempotentRequest(7, name, name.encode())
    response = FirstResponse(201, (("content-type", "application/json"),), body)
    store.write(project, ACTOR, now, idempotency.save_response, request=request, response=response)
    return request


def test_an_answer_counts_for_a_day_and_then_its_place_is_free(store: Store, people: Any) -> None:
    project = people.shopify
    request = keep(store, project, name=KEY, now=NOW)
    other = IdempotentRequest(7, KEY, b"something else")
    last = NOW + KEPT_MICROSECONDS - 1
    found = store.read(project, last, idempotency.find_response, request=request)
    assert found is not None
    assert found.body == b"{}"
    with pytest.raises(IdempotencyKeyReused):
        store.read(project, last, idempotency.find_response, request=other)
    for asked in (request, other):
        assert store.read(project, last + 1, idempotency.find_response, request=asked) is None
    keep(store, project, name=KEY, now=last + 1, body=b"[]")
    found = store.read(project, last + 2, idempotency.find_response, request=request)
    assert found is not None
    assert found.body == b"[]"


def test_the_worker_deletes_what_no_longer_counts_in_turns(
    store: Store, people: Any, ana: Client, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "ROWS_PER_STEP", 2)
    for number in range(5):
        keep(store, people.shopify, name=f"old {number}", now=NOW + number)
    keep(store, people.kalro, name="old", now=NOW)
    assert ana.post("/v1/groups", {"name": "Fresh"}, headers=keyed()).status == 201
    later = NOW + KEPT_MICROSECONDS + 3
    assert store.write(people.shopify, ACTOR, later, idempotency.expire_replays)
    assert rows_of(database, "SELECT COUNT(*) FROM idempotency") == [(5,)]
    run_worker(lambda pause_seconds: pause_seconds > 0, store=store)
    assert rows_of(database, "SELECT at > 1700000000000009 FROM idempotency") in ([(1,)], [(True,)])
    assert was_replayed(ana.post("/v1/groups", {"name": "Fresh"}, headers=keyed()))


def test_a_deleted_project_takes_its_answers_with_it_in_turns(
    store: Store, people: Any, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge, "ROWS_PER_STEP", 2)
    for number in range(5):
        keep(store, people.shopify, name=str(number), now=NOW + number)
    keep(store, people.kalro, name="stays", now=time.time_ns() // 1000)
    store.system_write(NOW, projects.delete_project, name="Shopify")
    run_worker(lambda pause_seconds: pause_seconds > 0, store=store)
    assert rows_of(database, "SELECT project_id FROM idempotency") == [(people.kalro.id,)]


# ---- and an erasure -----------------------------------------------------------------------------------


def test_an_erasure_takes_the_answers_that_name_the_number_and_nothing_is_done_again(
    book: Client, database: str
) -> None:
    named = {"contacts": [{"mobile": GONE}, *rows(1)], "results": True}
    others = {"contacts": rows(2), "results": True}
    assert book.post("/v1/contacts", named, headers=keyed(f"for-{GONE}")).status == 201
    kept = book.post("/v1/contacts", others, headers=keyed("others"))
    assert book.post("/v1/erasures", {"mobile": GONE}).json()["removed"]["kept_answers"] == 1
    total = page(book)["total"]
    refused = book.post("/v1/contacts", named, headers=keyed(f"for-{GONE}"))
    assert refusal(refused) == (409, "ANSWER_ERASED")
    assert "201" in refused.json()["message"]
    assert page(book, suppressed="include")["total"] == total
    assert may_message(book, GONE) == [False]
    assert again(book.post("/v1/contacts", others, headers=keyed("others"))) == again(kept)
    assert refusal(book.post("/v1/contacts", others, headers=keyed(f"for-{GONE}"))) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert GONE[-9:] not in str(rows_of(database, "SELECT name_digest, fingerprint, headers, body FROM idempotency"))


def test_a_number_is_found_in_any_spelling(store: Store, people: Any) -> None:
    project = people.shopify
    spellings = (GONE, f"+{GONE}", "0711 223 344", "0711-223344", "٠٧١١٢٢٣٣٤٤", "call 0711,22,33 44 now")
    named = [
        keep(store, project, name=str(place), now=NOW, body=msgspec.json.encode({"text": spelling}))
        for place, spelling in enumerate(spellings)
    ]
    other = keep(store, project, name="other", now=NOW, body=msgspec.json.encode({"text": mobile(5)}))
    assert store.write(project, ACTOR, NOW, idempotency.erase_person, PERSON) == {"kept_answers": len(spellings)}
    for request in named:
        with pytest.raises(AnswerErased):
            store.read(project, NOW, idempotency.find_response, request=request)
    assert store.read(project, NOW, idempotency.find_response, request=other) is not None
    assert store.write(project, ACTOR, NOW, idempotency.erase_person, PERSON) == {"kept_answers": 0}


def test_all_answers_are_looked_through_however_many_there_are(
    store: Store, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daftari.store.idempotency.NAMING_PER_STEP", 2)
    for number in range(7):
        keep(store, people.shopify, name=str(number), now=NOW, body=GONE.encode() if number % 2 else b"{}")
    assert store.write(people.shopify, ACTOR, NOW, idempotency.erase_person, PERSON) == {"kept_answers": 3}
