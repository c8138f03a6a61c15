"""Another project's key does not reveal that something of Ana's is there: the bytes are those of nothing at all.

Chao asks the same of two databases, one in which Ana's project is full and one in which it is empty, and the answers
may differ in nothing but the request id, the time and what his own key begins with.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from msgspec import Struct

from daftari.api.routes import ROUTES, Route
from daftari.model.projects import KEY_KINDS, KeyKind, Project
from daftari.rules.access import inbound_tokens, keys
from daftari.rules.inbound.review import SETTLEMENTS
from daftari.serving.server import build_server
from daftari.settings import Settings
from daftari.store import Store
from tests.support.builders import NO_MOBILE, create, groups, may_message, mobile, opt_out, page, path_of, refusal, rows
from tests.support.clients import Answer, Client, in_process
from tests.support.stores import open_store

ID = "2"
MOBILE = mobile(2)
GROUP = "Ana's own"
OWN_MOBILE = mobile(77)
OUT = mobile(3)
"""Whose opt-outs, messages and subscription Ana knows."""
ERASED = mobile(6)
AUDIENCE, REVIEW, EXPORT = "3", "6", "13"
"""The ids of things of Ana's that Chao has none of: what both have at last is his own."""
IMPORT, SENDER, CAMPAIGN, MESSAGE, WEBHOOK, CONNECTION, TRIGGER = "14", "15", "16", "17", "18", "19", "20"
TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
EPOCH = re.compile(rb'"epoch":"[0-9a-f]{16}"')
SECRET = re.compile(rb'"secret":"whsec_[^"]*"')
KEY_START = re.compile(rb'"(start|key)":"[^"]*"')
REQUEST_ID = re.compile(rb'"request_id":"[^"]*"')

Case = tuple[dict[str, str], dict[str, object]]
"""The parts of a path, and the body that is sent to it."""


def cases_of(route: Route) -> list[Case]:
    """What Chao asks of a route: the cases that are written down, else its thing of Ana's without a body."""
    asked = CASES.get((route.method, route.path))
    if asked is None:
        named = re.findall(r"{(\w+)}", route.path)
        thing = THINGS[route.path.split("/")[1]] if named else {}
        asked = about(**{part: thing[part] for part in named})
    return asked


def about(*bodies: dict[str, object], **parts: str) -> list[Case]:
    """One case a body: a request for a thing of Ana's."""
    return [(parts, body) for body in bodies or ({},)]


CONTACT = [*about(reference=ID), *about(reference=MOBILE), *about(reference=f"+{MOBILE}")]
CHANGES: tuple[dict[str, object], ...] = (
    {},
    {"contact": {"city": "Taken"}},
    {"group": GROUP},
    {"contact": {"mobile": MOBILE}},
)

LOG: dict[str, object] = {"name": "log", "gateway": "log", "channel": "sms"}
OFFER: dict[str, object] = {"name": "Offer", "sender": "log", "text": "Hello", "everyone": True}
WELCOME: dict[str, object] = {
    "name": "Welcome", "sender": "log", "on": {"event": "cart"}, "wait": "1h", "text": "Hello",
}  # fmt: skip
CRM: dict[str, object] = {
    "name": "crm",
    "kind": "hubspot",
    "credentials": {"key": "kikapu"},
    "settings": {"base_url": "http://127.0.0.1:9"},
}
"""Its address may not be called."""
THINGS: dict[str, dict[str, str]] = {
    "contacts": {"reference": ID},
    "groups": {"name": GROUP},
    "audiences": {"number": AUDIENCE, "other": "1"},
    "exports": {"number": EXPORT},
    "imports": {"number": IMPORT},
    "senders": {"number": SENDER},
    "campaigns": {"number": CAMPAIGN},
    "triggers": {"number": TRIGGER},
    "messages": {"number": MESSAGE},
    "webhooks": {"number": WEBHOOK},
    "connections": {"number": CONNECTION, "token": "nobody"},
    "inbound": {"number": REVIEW, "provider": "generic", "token": "nobody"},
}
"""What a path names of Ana's, by its first part."""

CASES: dict[tuple[str, str], list[Case]] = {
    ("GET", "/contacts"): about({}, {"group": GROUP}, {"include": "groups"}, {"project": "Shopify"}, {"page": 2}),
    ("POST", "/contacts"): about(
        {"contact": {"mobile": OWN_MOBILE}, "project": "Shopify"},
        {"contacts": rows(3), "group": GROUP, "results": True},
        {"contact": {"mobile": MOBILE, "city": "Taken"}},
        {"contacts": [{"mobile": MOBILE, "fname": 5}], "on_error": "skip"},
    ),
    ("POST", "/contacts/stream"): about({"mobile": MOBILE, "city": "Taken", "groups": [GROUP]}),
    ("GET", "/contacts/{reference}"): [*CONTACT, *about({"include": "groups"}, reference=MOBILE)],
    ("PUT", "/contacts/{reference}"): [case for one in (ID, MOBILE) for case in about(*CHANGES, reference=one)],
    ("PATCH", "/contacts/{reference}"): [case for one in (ID, MOBILE) for case in about(*CHANGES, reference=one)],
    ("DELETE", "/contacts/{reference}"): [*CONTACT, *about({"reason": "removal"}, reference=MOBILE)],
    ("GET", "/groups"): about({}, {"limit": 1}, {"project": "Shopify"}),
    ("POST", "/groups"): about({"name": GROUP}, {"name": GROUP.upper()}),
    ("PUT", "/groups/{name}"): about({"name": "Mine"}, {"name": GROUP}, name=GROUP),
    ("PATCH", "/groups/{name}"): about({"name": "Mine"}, name=GROUP),
    ("POST", "/groups/{name}/contacts"): about({"ids": [1, 2], "mobiles": [MOBILE]}, name=GROUP),
    ("DELETE", "/groups/{name}/contacts"): about({"ids": [1, 2], "mobiles": [MOBILE]}, name=GROUP),
    ("GET", "/contacts/{reference}/consent"): [*CONTACT, *about(reference=OUT), *about(reference=ERASED)],
    ("GET", "/contacts/{reference}/export"): [*CONTACT, *about(reference=OUT), *about(reference=ERASED)],
    ("GET", "/opt-outs"): about({}, {"limit": 1}, {"channel": "sms", "since": 0}, {"project": "Shopify"}),
    ("POST", "/opt-outs"): about({"mobile": MOBILE, "results": True}, {"mobiles": [OUT, "x"], "channel": "sms"}),
    ("GET", "/opt-outs/near-misses"): about({}, {"limit": 1}),
    ("POST", "/opt-ins"): about(
        {"mobile": OUT, "source": "bulk", "results": True}, {"mobile": ERASED, "source": "form", "results": True}
    ),
    ("POST", "/can-message"): about(
        {"mobiles": [MOBILE, OUT, ERASED], "ids": [1, 2, 4711], "channel": "sms"},
        {"mobiles": [OUT], "channel": "premium_sms", "sender": "84320", "keyword": "PESA"},
    ),
    ("POST", "/erasures"): about({"mobile": MOBILE}, {"mobile": ERASED}, {"mobile": NO_MOBILE}),
    ("GET", "/audience"): about(
        {"everyone": True, "channel": "sms"},
        {"group": GROUP, "channel": "sms"},
        {"everyone": True, "not": [GROUP], "channel": "whatsapp"},
    ),
    ("POST", "/audiences"): about({"everyone": True, "channel": "sms"}, {"groups": [GROUP], "channel": "sms"}),
    ("GET", "/audiences/{number}"): [*about(number=AUDIENCE), *about({"as_frozen": True}, number="1")],
    ("GET", "/audiences/{number}/recheck"): [*about(number=AUDIENCE), *about(number="1")],
    ("GET", "/audiences/{number}/compare/{other}"): [
        *about(number=AUDIENCE, other="1"),
        *about(number="1", other=AUDIENCE),
    ],
    ("POST", "/campaigns"): about(
        OFFER, OFFER | {"sender": "Ana's"}, {"name": "Offer", "sender": SENDER, "groups": [GROUP], "text": "Hello"}
    ),
    ("PUT", "/campaigns/{number}"): about({"text": "Taken"}, {"sender": "Ana's"}, number=CAMPAIGN),
    ("POST", "/campaigns/{number}/test"): about({"mobiles": [MOBILE]}, number=CAMPAIGN),
    ("POST", "/campaigns/{number}/start"): about({"expected": 1}, number=CAMPAIGN),
    ("POST", "/campaigns/{number}/retry"): about({"states": ["failed"]}, number=CAMPAIGN),
    ("POST", "/triggers"): about(
        WELCOME,
        WELCOME | {"sender": "Ana's"},
        WELCOME | {"on": {"joins": GROUP}},
        WELCOME | {"unless": [{"in": GROUP}]},
    ),
    ("PUT", "/triggers/{number}"): about({"text": "Taken"}, {"unless": [{"leaves": GROUP}]}, number=TRIGGER),
    ("POST", "/events"): about({"name": "cart", "mobile": MOBILE, "key": "c1", "results": True}),
    ("POST", "/messages"): about(
        {"sender": "Ana's", "text": "Hello", "mobiles": [MOBILE]}, {"sender": SENDER, "text": "Hello", "mobile": MOBILE}
    ),
    ("GET", "/exports"): about({}, {"limit": 1}, {"after": "1"}),
    ("POST", "/exports"): about({"group": GROUP}, {"consent": True}),
    ("GET", "/imports"): about({}, {"limit": 1}, {"after": "2"}),
    ("POST", "/imports"): about({"mobile": MOBILE, "city": "Taken"}),
    ("GET", "/imports/{number}/rows"): about({}, {"after": "1"}, number=IMPORT),
    ("POST", "/senders"): about(LOG, LOG | {"name": "Ana's"}, {"name": "Ana's", "gateway": "twilio", "channel": "sms"}),
    ("PUT", "/senders/{number}"): about({}, {"name": "Taken"}, {"credentials": {"secret": "x"}}, number=SENDER),
    ("PATCH", "/senders/{number}"): about({"paused": None}, number=SENDER),
    ("POST", "/webhooks"): about({"url": "https://chao.example/"}, {"url": "https://chao.example/", "groups": [GROUP]}),
    ("PUT", "/webhooks/{number}"): about({"url": "https://chao.example/"}, number=WEBHOOK),
    ("POST", "/webhooks/{number}/replay"): about({"after": 0}, number=WEBHOOK),
    ("POST", "/connections"): about(CRM, CRM | {"groups": [{"from": "all", "to": GROUP}]}),
    ("PUT", "/connections/{number}"): about({}, {"name": "Taken"}, number=CONNECTION),
    ("POST", "/connections/{number}/key"): about({"credentials": {"key": "x"}}, number=CONNECTION),
    ("POST", "/connections/{number}/records/retry"): about({"ids": ["1"]}, number=CONNECTION),
    ("POST", "/connections/{number}/records/settle"): about({"ids": ["1"], "decision": "erase"}, number=CONNECTION),
    ("POST", "/connections/{number}/webhook-events/replay"): about({"since": 0}, number=CONNECTION),
    ("GET", "/inbound/review"): about({}, {"limit": 1}, {"after": "1"}),
    ("POST", "/inbound/review/{number}"): [
        *about(*[dict[str, object]([("as", settled_as)]) for settled_as in SETTLEMENTS], number=REVIEW),
        *about({"as": "dismiss"}, number="1"),
    ],
    ("POST", "/inbound/{provider}/{token}"): about({"messages": []}, provider="generic", token="nobody"),
}
"""What Chao asks of a route, in addition to what ``cases_of`` asks of each."""

OPEN_ROUTES = {("GET", "/health"), ("GET", "/openapi.json"), ("GET", "/docs")}
"""Routes without a key, which know no project."""


class World(Struct, frozen=True):
    """A service with a database of its own, and those who use it."""

    store: Store
    shopify: Project
    ana: Client
    chao: Client
    chao_with: Mapping[KeyKind, Client]
    """Clients with a key of Chao's of each kind."""


@pytest.fixture
def new_world(
    engine: str, new_database: Callable[[str], str], settings_for: Callable[..., Settings], introduce: Any
) -> Iterator[Callable[[], World]]:
    """Makes worlds that know nothing of each other."""
    closing: list[Callable[[], None]] = []
    with asyncio.Runner() as runner:

        def new_world() -> World:
            database = new_database(engine)
            store, server = open_store(database, threads=1), build_server(settings_for(database))
            closing.extend((store.close, server.rsgi.close))
            people = introduce(store)
            client = Client(in_process(server.rsgi, runner.get_loop()))
            chao_with = {kind: client.with_key(new_key(store, people.kalro, kind)) for kind in KEY_KINDS}
            return World(store, people.shopify, client.with_key(people.ana), client.with_key(people.chao), chao_with)

        yield new_world
        for close in closing:
            close()


def fill(ana: Client) -> None:
    """Much that others could find."""
    create(ana, *({"mobile": mobile(number), "city": "Ana's"} for number in range(1, 6)), group=GROUP)
    create(ana, *rows(2), group="Mine")
    assert ana.delete("/v1/contacts/5").status == 200


def fill_ledger(ana: Client, store: Store, project: Project) -> None:
    """Facts, near misses, frozen audiences, an erasure, and what a provider brought: much that only Ana has."""
    create(ana, {"mobile": ERASED}, group=GROUP)
    opt_out(ana, OUT, channel="sms")
    opt_out(ana, mobile(4))
    create(ana, {"mobile": mobile(4)}, group=GROUP)
    for _ in range(5):
        assert ana.post("/v1/audiences", {"everyone": True, "channel": "sms"}).status == 201
    token, _ = store.system_write(
        1,
        inbound_tokens.create_token,
        project=project,
        provider="generic",
        label="",
        signing_secret=None,
        verify_token=None,
    )
    doubts = [{"from": OUT, "to": "20414", "text": f"please stop {number}", "id": f"m{number}"} for number in range(5)]
    began = {"mobile": OUT, "sender": "84320", "keyword": "PESA", "active": True}
    address = f"/v1/inbound/generic/{token}"
    assert ana.post(address, {"messages": doubts, "subscriptions": [began]}).status == 200
    assert ana.call("POST", address, body=b"{").status == 400
    assert ana.post("/v1/erasures", {"mobile": ERASED}).status == 201
    assert ana.post("/v1/exports", {}).json()["export"]["id"] == int(EXPORT)
    assert ana.call("POST", "/v1/imports", body=f"mobile\n{MOBILE}\n".encode()).json()["import"]["id"] == int(IMPORT)
    own = {"name": "Ana's", "gateway": "twilio", "channel": "sms", "settings": {"account_sid": "AC1"}}
    added = ana.post("/v1/senders", {**own, "credentials": {"secret": "kikapu"}})
    assert added.json()["sender"]["id"] == int(SENDER)
    offer = {"name": "Ana's offer", "sender": "Ana's", "text": "Ana's text", "groups": [GROUP]}
    assert ana.post("/v1/campaigns", offer).json()["campaign"]["id"] == int(CAMPAIGN)
    asked = {"sender": "Ana's", "text": "Ana's text", "mobiles": [MOBILE]}
    assert ana.post("/v1/messages", asked).json()["ids"] == [int(MESSAGE)]
    hook = {"url": "https://ana.example/hook", "groups": [GROUP]}
    assert ana.post("/v1/webhooks", hook).json()["webhook"]["id"] == int(WEBHOOK)
    crm = CRM | {"name": "Ana's crm", "groups": [{"from": "all", "to": GROUP}]}
    assert ana.post("/v1/connections", crm).json()["connection"]["id"] == int(CONNECTION)
    added = ana.post("/v1/triggers", WELCOME | {"name": "Ana's trigger", "sender": "Ana's", "text": "Ana's text"})
    assert added.json()["trigger"]["id"] == int(TRIGGER)
    assert len(ana.post("/v1/events", {"name": "cart", "mobile": MOBILE, "key": "c1"}).json()["messages"]) == 1


def seen(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """All of an answer but what no two answers have in common; an ETag stands for times and request ids too."""
    request_id = answer.headers["x-request-id"]
    headers = {name: value for name, value in answer.headers.items() if name not in ("x-request-id", "etag")}
    body = REQUEST_ID.sub(b"<request>", KEY_START.sub(b"<key>", TIME.sub(b"<time>", answer.body)))
    body = SECRET.sub(b"<secret>", EPOCH.sub(b"<epoch>", body))
    return answer.status, headers, body.replace(request_id.encode(), b"<id>")


def everything(ana: Client) -> list[bytes]:
    return [
        ana.get("/v1/contacts", query="include=groups,consent,updated_at&suppressed=include").body,
        *(ana.get(f"/v1/{list_}").body for list_ in ("groups", "opt-outs", "opt-outs/near-misses", "inbound/review")),
        ana.get("/v1/audiences/1").body,
        ana.get("/v1/exports").body,
        ana.get("/v1/imports").body,
        *(ana.get(f"/v1/{list_}").body for list_ in ("senders", "campaigns", "triggers", "messages", "webhooks")),
        ana.get("/v1/connections").body,
    ]


def new_key(store: Store, project: Project, kind: KeyKind) -> str:
    return store.system_write(1, keys.create_key, project=project, label=kind, kind=kind, expires_at=None)[0]


def test_every_route_with_a_key_is_asked_about_a_thing_of_anas() -> None:
    needy = [route for route in ROUTES if route.access != "open"]
    assert all(cases_of(route) for route in needy)
    assert CASES.keys() <= {(route.method, route.path) for route in needy}
    assert {(route.method, route.path) for route in ROUTES if route not in needy} == OPEN_ROUTES
    # Without a case such a call would be asked nothing but an empty body.
    creating = {(route.method, route.path) for route in needy if route.method == "POST" and "{" not in route.path}
    assert creating <= CASES.keys()


def test_what_chao_is_asked_about_is_there_for_ana(ana: Client, store: Store, people: Any) -> None:
    fill(ana)
    fill_ledger(ana, store, people.shopify)
    for route in ROUTES:
        if route.method == "GET" and "{" in route.path and route.needed:
            parts, body = cases_of(route)[0]
            assert ana.get(path_of(route, **parts), json=body).status != 404, route.path


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_another_project_is_the_same_bytes_whether_or_not_it_holds_anything(
    new_world: Callable[[], World], kind: KeyKind
) -> None:
    full, empty = new_world(), new_world()
    fill(full.ana)
    fill_ledger(full.ana, full.store, full.shopify)
    before = everything(full.ana)
    # Writes come in the order of the routes, so that Chao's own book grows and shrinks on the way.
    for own in ((), rows(1, first=77)):
        for world in (full, empty):
            if own:
                create(world.chao, *own, group="Chao's")
        for route in ROUTES:
            for parts, body in cases_of(route) if route.access != "open" else ():
                path = path_of(route, **parts)
                answers = [seen(world.chao_with[kind].call(route.method, path, json=body)) for world in (full, empty)]
                assert answers[0] == answers[1], f"{route.method} {path} {body}"
    assert everything(full.ana) == before
    assert everything(full.chao) != before


def test_what_a_token_of_anas_brings_is_in_her_project_alone(
    ana: Client, chao: Client, store: Store, people: Any
) -> None:
    create(chao, *rows(5))
    fill(ana)
    fill_ledger(ana, store, people.shopify)
    assert page(chao)["total"] == 5
    assert chao.get("/v1/opt-outs").json()["opt_outs"] == []
    assert chao.get("/v1/inbound/review").json() == {"reviews": [], "next": None, "quarantined": 0}
    assert may_message(chao, OUT, mobile(4), ERASED) == [True] * 3
    assert may_message(ana, OUT, mobile(4), ERASED) == [False] * 3
    for call in ("audiences/1", "audiences/1/recheck", "audiences/1/compare/2"):
        assert refusal(chao.get(f"/v1/{call}")) == (404, "AUDIENCE_NOT_FOUND")


def test_what_is_anas_is_to_chao_what_does_not_exist(ana: Client, chao: Client) -> None:
    fill(ana)
    pairs = [
        (f"/v1/contacts/{ID}", "/v1/contacts/4711"),
        (f"/v1/contacts/{MOBILE}", f"/v1/contacts/{mobile(4711)}"),
        (f"/v1/groups/{GROUP}".replace(" ", "%20"), "/v1/groups/Nobody"),
    ]
    for theirs, absent in pairs:
        for method, body in (("GET", {}), ("PUT", {"name": "New", "group": "New"}), ("DELETE", {})):
            answers = [seen(chao.call(method, path, json=body)) for path in (theirs, absent)]
            assert answers[0] == answers[1], f"{method} {theirs}"
            assert answers[0][0] == 404
    assert seen(chao.get("/v1/contacts", json={"project": "Shopify"})) == seen(
        chao.get("/v1/contacts", json={"project": "Nobody's"})
    )


def test_both_projects_may_have_the_same_number_group_and_id(ana: Client, chao: Client) -> None:
    create(ana, {"mobile": mobile(1), "fname": "Ana's"}, group="VIP")
    assert create(chao, {"mobile": mobile(1), "fname": "Chao's"}, {"mobile": mobile(2)}, group="vip") == [1, 2]
    assert ana.delete(f"/v1/contacts/{mobile(1)}").status == 200
    assert ana.delete("/v1/groups/VIP").status == 200
    assert [contact["fname"] for contact in page(chao, group="VIP")["data"]] == ["Chao's", None]
    assert (groups(ana), groups(chao)) == ({}, {"vip": 2})
