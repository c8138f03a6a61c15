"""A shop that is connected by the webhooks of its own page, over HTTP: its address, and what proves a delivery."""

from __future__ import annotations

import time
from base64 import b64encode
from random import Random
from typing import Any

import pytest
from hypothesis import settings

from daftari.model.projects import Project
from daftari.rules.connections import lifecycle
from daftari.store import Store, inbound
from tests.support.builders import refusal, wrong_fields
from tests.support.clients import Answer, Client
from tests.support.connection_steps import mobile
from tests.support.fake_crm.shopify import CLIENT_ID, CLIENT_SECRET, WEBHOOK_SECRET
from tests.support.shopify_sync import ShopifySync

MUTATIONS = 10_000 if settings().max_examples > 1_000 else 400
PAGE = {"webhook_secret": WEBHOOK_SECRET}
APP = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}

Hook = tuple[str, dict[str, str], bytes]


@pytest.fixture
def shop(store: Store, people: Any) -> ShopifySync:
    """A connection by both ways that was started."""
    shop = ShopifySync(store, people.shopify, credentials={**APP, **PAGE}, groups=[{"from": "all", "to": "customers"}])
    shop.start()
    shop.run()
    return shop


def hook(shop: ShopifySync, secret: str = WEBHOOK_SECRET) -> Hook:
    """A delivery of a new customer."""
    shop.fake.truth.create("Amina", f"+{mobile(1)}")
    (happening,) = shop.take_happened()
    call = shop.fake.deliver(happening, secret=secret)
    return shop.url.removeprefix("https://book.example"), dict(call.headers), call.body


def send(client: Client, given: Hook) -> Answer:
    path, headers, body = given
    return client.call("POST", path, body=body, headers=headers)


def count_events(client: Client, shop: ShopifySync) -> int:
    return len(client.get(f"/v1/connections/{shop.id}/webhook-events").json()["events"])


# ---- the address ----------------------------------------------------------------------------------------


def test_the_address_is_shown_by_get_and_check_to_who_may_manage(client: Client, ana: Client, ben: Client) -> None:
    given = {"name": "shop", "kind": "shopify", "settings": {"shop": "ziwa"}}
    number = ana.post("/v1/connections", given).json()["connection"]["id"]
    webhook = ana.get(f"/v1/connections/{number}").json()["connection"]["webhook"]
    assert webhook["url"] is None and "no public_url is set (DAFTARI_PUBLIC_URL)" in webhook["note"]
    path = webhook["note"].rpartition(" ")[2]
    assert path.startswith(f"/v1/connections/{number}/hook/")
    hidden = ben.get(f"/v1/connections/{number}", form={"project": "shopify"}).json()["connection"]["webhook"]
    assert (hidden["url"], hidden["note"]) == (None, None)
    check = ana.post(f"/v1/connections/{number}/check", {}).json()["check"]
    assert not check["works"] and check["state"] == "new" and "The connection has no credentials yet" in check["says"]
    assert check["webhook_note"] == webhook["note"]
    assert ana.post(f"/v1/connections/{number}/key", {"credentials": PAGE}).json()["connection"]["credentials"] == [
        "webhook_secret"
    ]
    check = ana.post(f"/v1/connections/{number}/check", {}).json()["check"]
    assert check["works"] and check["state"] == "checked" and "There is no app" in check["warnings"][0]


def test_what_an_app_is_needed_for_is_refused_by_its_field(ana: Client) -> None:
    given = {"name": "shop", "kind": "shopify", "settings": {"shop": "ziwa"}, "credentials": PAGE}
    groups = [{"from": "all", "to": "customers"}, {"from": "segment:12", "to": "vip"}]
    answer = ana.post("/v1/connections", {**given, "groups": groups, "write_back": True})
    assert sorted(wrong_fields(answer)) == ["groups.1.from", "write_back"]
    assert (
        ana.post("/v1/connections", {**given, "groups": groups, "write_back": True, "credentials": APP}).status == 201
    )


def test_calls_that_need_an_app_say_so(ana: Client, store: Store, people: Any) -> None:
    shop = ShopifySync(store, people.shopify, credentials=PAGE)
    shop.start()
    for what in ("plan", "sync"):
        answer = ana.post(f"/v1/connections/{shop.id}/{what}", {})
        assert refusal(answer) == (409, "CONNECTION_STATE") and "it has no app" in answer.json()["message"]


# ---- deliveries -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [WEBHOOK_SECRET, CLIENT_SECRET])
def test_a_delivery_of_either_way_is_one_event_however_often_it_comes(
    client: Client, ana: Client, shop: ShopifySync, secret: str
) -> None:
    given = hook(shop, secret)
    for _ in range(3):
        answer = send(client, given)
        assert (answer.status, answer.json()) == (200, {"message": "Received"})
    assert count_events(ana, shop) == 1


def test_a_secret_that_was_replaced_proves_nothing_more(client: Client, ana: Client, shop: ShopifySync) -> None:
    given = hook(shop)
    shop.write(lifecycle.change_key, connection_id=shop.id, credentials={"webhook_secret": ""})
    assert shop.url
    assert refusal(send(client, given)) == (401, "FORGED")
    assert send(client, hook(shop, CLIENT_SECRET)).status == 200
    assert count_events(ana, shop) == 1


def test_what_is_refused_is_said_until_something_is_taken(client: Client, ana: Client, shop: ShopifySync) -> None:
    def warnings() -> list[str]:
        found: list[str] = ana.get(f"/v1/connections/{shop.id}").json()["connection"]["warnings"]
        return found

    assert not warnings()
    assert refusal(send(client, hook(shop, "another"))) == (401, "FORGED")
    (warning,) = warnings()
    assert "was refused: The signature is not that of the signing key" in warning and "inbound replay" in warning
    shop.clock.at = time.time() + 60.0
    shop.fake.truth.create("Amina", f"+{mobile(2)}")
    shop.announce_by_page()
    shop.pass_time(3.0)
    shop.run()
    assert not warnings()


def test_an_erasure_forgets_what_waits(client: Client, ana: Client, store: Store, people: Any) -> None:
    shop = ShopifySync(store, people.shopify, credentials=PAGE, groups=[{"from": "all", "to": "customers"}])
    shop.check()
    assert send(client, hook(shop)).status == 200
    export = ana.get(f"/v1/contacts/{mobile(1)}/export").json()["export"]
    assert export["announced_records"][0]["fields"]["first_name"] == "Amina"
    assert ana.post("/v1/erasures", {"mobile": str(mobile(1))}).json()["removed"]["announced_records"] == 1
    assert ana.get(f"/v1/contacts/{mobile(1)}/export").json()["export"]["announced_records"] == []
    shop.write(lifecycle.start_connection, connection_id=shop.id)
    shop.pass_time(3.0)
    shop.run()
    assert not shop.book() and count_events(ana, shop) == 1


# ---- mutations ------------------------------------------------------------------------------------------


def mutate(given: Hook, random: Random) -> Hook:
    """A delivery with another signature, body, shop or address."""
    path, headers, body = given
    signature = headers["x-shopify-hmac-sha256"]
    match random.randrange(6):
        case 0:
            return path, {**headers, "x-shopify-hmac-sha256": _change(signature.encode(), random).decode()}, body
        case 1:
            return path, headers, _change(body, random)
        case 2:
            other = b64encode(random.randbytes(random.choice([0, 16, 31, 32, 33]))).decode()
            return path, {**headers, "x-shopify-hmac-sha256": other}, body
        case 3:
            spelt = [f"{signature}=", signature.swapcase(), signature[:-1], f"sha256={signature}", ""]
            return path, {**headers, "x-shopify-hmac-sha256": random.choice(spelt)}, body
        case 4:
            domain = random.choice(["kikapu.myshopify.com", "ziwa.myshopify.com.example", "ziwa", "", "myshopify.com"])
            return path, {**headers, "x-shopify-shop-domain": domain}, body
        case _:
            base, _, token = path.rpartition("/")
            return f"{base}/{_change(token.encode(), random).decode()}", headers, body


def _change(given: bytes, random: Random) -> bytes:
    """The same with one character more, less or other, none of which means anything in a URL."""
    place = random.randrange(len(given))
    others = [one for one in b"ABCDEabcde01234_-" if one != given[place]]
    other = bytes([random.choice(others)])
    return random.choice(
        [
            given[:place] + other + given[place + 1 :],
            given[:place] + other + given[place:],
            given[:place] + given[place + 1 :],
        ]
    )


def quarantined(store: Store, project: Project) -> int:
    return len(store.read(project, 1, inbound.list_quarantine, after=0, limit=20_000))


def test_of_all_mutations_of_a_delivery_not_one_is_taken(
    client: Client, ana: Client, shop: ShopifySync, store: Store, people: Any
) -> None:
    given, random = hook(shop), Random(13)
    by_app = (
        given[0],
        {**given[1], "x-shopify-hmac-sha256": hook(shop, CLIENT_SECRET)[1]["x-shopify-hmac-sha256"]},
        given[2],
    )
    refused = sum(send(client, mutate(given, random)).status in (401, 404) for _ in range(MUTATIONS))
    assert refused == MUTATIONS and count_events(ana, shop) == 0
    assert refusal(send(client, by_app)) == (401, "FORGED"), "the signature of another body"
    assert quarantined(store, people.shopify) > 0
    assert send(client, given).status == 200 and count_events(ana, shop) == 1
