"""The page on the abandoned cart of a Shopify shop: its commands, one after another, on a service that runs."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Live, Serve
from tests.support.cases import ON_SQLITE
from tests.support.commands import Run, runner_for
from tests.support.fake_crm import FakeShopify
from tests.support.fake_crm import serve as serve_shop
from tests.support.fake_crm.exchange import RealClock
from tests.support.fake_crm.shopify import CLIENT_ID, CLIENT_SECRET, WEBHOOK_SECRET
from tests.support.fake_crm.shopify_truth import Checkout
from tests.support.shopify_sync import PAGE_TOPICS
from tests.support.waiting import wait_for

PAGE = (ROOT / "docs" / "shopify-cart.md").read_text()
EVENTS = {
    "Checkout creation": "checkouts/create",
    "Checkout update": "checkouts/update",
    "Checkout deletion": "checkouts/delete",
    "Order creation": "orders/create",
    "Customer creation": "customers/create",
    "Customer update": "customers/update",
    "Customer deletion": "customers/delete",
    "Customer marketing consent update": "customers_marketing_consent/update",
}
"""The events of Shopify's page, and their topics."""
VARIABLE = "DAFTARI_CONNECTION_"
LONG_AGO = 11 * 60.0
"""So many seconds ago a cart was left for ten minutes, and longer than the first try waits."""


class ShopClock(RealClock):
    """The shop's clock, behind ours by some seconds: what happens there happened so long ago here."""

    age = 0.0

    def now(self) -> float:
        return super().now() - self.age


def read_step(number: int) -> str:
    found = re.search(rf"^## {number}\. .*?(?=^## )", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[0]


def read_commands(number: int) -> list[list[str]]:
    """The words of the commands of a step, without ``daftari``."""
    blocks = re.findall(r"```sh\n(.*?)```", read_step(number), re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [words[1:] for line in lines if (words := shlex.split(line)) and words[0] == "daftari"]


class Owner:
    """Who follows the page, with a shop."""

    def __init__(self, run: Run, live: Live, fake: FakeShopify, clock: ShopClock, *, log: Path, shop_url: str) -> None:
        self.run, self.client, self.fake, self.clock = run, live.client, fake, clock
        self.log, self.shop_url = log, shop_url
        self.path = self.trigger = ""

    def follow(self, number: int, *, only: slice = slice(None)) -> list[str]:
        """Run the commands of a step. Returns what each printed."""
        return [self.type(words) for words in read_commands(number)[only]]

    def type(self, words: list[str]) -> str:
        if words[:2] == ["trigger", "change"]:
            words = [*words[:2], self.trigger, *words[3:]]
        if words[:2] == ["connection", "add"]:
            words = [*words, "--setting", f"base_url={self.shop_url}"]
        return self.run(*words).output

    def connect(self) -> None:
        """The steps up to the trigger, of which the key is in the environment."""
        (printed,) = self.follow(2)
        found = re.search(r"https://book\.example(/\S+)", printed)
        assert found is not None
        self.path = found[1]
        self.follow(4, only=slice(3))

    def add_trigger(self) -> None:
        (self.trigger,) = self.run(*read_commands(5)[0]).stdout.split()

    def deliver(self, *, secret: str = WEBHOOK_SECRET, **more: str) -> list[int]:
        """The webhooks of the shop's page deliver what happened. Returns what was answered."""
        happened, self.fake.truth.happened = self.fake.truth.happened, []
        calls = [self.fake.deliver(one, secret=secret) for one in happened if one.topic in PAGE_TOPICS]
        return [
            self.client.call("POST", self.path, body=call.body, headers={**call.headers, **more}).status
            for call in calls
        ]

    def leave_cart(self, mobile: str, *, accepts: bool = True) -> Checkout:
        """A cart that was left eleven minutes ago."""
        self.clock.age = LONG_AGO
        cart = self.fake.truth.start_checkout(shipping_phone=mobile, accepts=accepts)
        self.clock.age = 0.0
        return cart

    def show(self) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(self.run("connection", "show", "shop").stdout)
        return shown

    def ends(self, mobile: str) -> list[tuple[str, str]]:
        """How the messages to a number ended: their states and reasons."""
        found = json.loads(self.run("message", "list", "--mobile", mobile, "--json").stdout)
        return [(one["state"], one["reason"] or "") for one in found]

    def why(self, mobile: str | None) -> str | None:
        """Why no message follows the cart of a number."""
        carts = json.loads(self.run("connection", "carts", "shop", "--json").stdout)
        (found,) = (cart["why"] for cart in carts if cart["mobile"] == mobile)
        assert found is None or isinstance(found, str)
        return found

    def members(self, group: str) -> int:
        count: int = json.loads(self.run("group", "show", group).stdout)["contacts"]
        return count


@pytest.fixture
def owner(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Serve) -> Iterator[Owner]:
    """An owner who has done the first step, in a folder with the file that it shows."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("DAFTARI_") and "TEST" not in name and name != "DAFTARI_SECRET":
            monkeypatch.delenv(name)
    (settings,) = re.findall(r"```toml\n(.*?)```", read_step(1), re.DOTALL)
    clock = ShopClock()
    fake = FakeShopify(1, clock, lag_seconds=0.0)
    with serve_shop(fake) as shop_url:
        hosts = f'outbound_hosts = ["{shop_url.removeprefix("http://")}"]\n'
        Path("daftari.toml").write_text(settings + hosts)
        live = serve(database, "--demo")
        (log,) = tmp_path.glob("serve-*.log")
        wait_for(lambda: "Project Demo is created" in log.read_text())
        monkeypatch.setenv(f"{VARIABLE}WEBHOOK_SECRET", WEBHOOK_SECRET)
        yield Owner(runner_for(database), live, fake, clock, log=log, shop_url=shop_url)


def test_the_page_names_every_event_that_is_read() -> None:
    named = re.findall(r"^- (.+)$", read_step(3), re.MULTILINE)
    assert {EVENTS[name] for name in named} == {*PAGE_TOPICS}


def test_who_follows_the_page_gets_the_message(owner: Owner) -> None:
    owner.connect()
    owner.fake.truth.start_checkout(accepts=True)
    assert owner.deliver(**{"x-shopify-test": "true"}) == [200]
    (events,) = owner.follow(4, only=slice(3, None))
    assert "checkouts/create (test)" in events
    owner.add_trigger()
    owner.leave_cart("0722000001")
    assert owner.deliver() == [200]
    text = "Hello Amina, your cart is waiting: https://ziwa.myshopify.com/checkouts/"
    wait_for(lambda: text in owner.log.read_text())
    wait_for(lambda: owner.ends("0722000001") == [("accepted", "")])
    wait_for(lambda: owner.members("abandoned-cart") == 1)
    carts, messages, groups, abandoned = owner.follow(6)
    assert "254722000001" in carts and "254722000001" in abandoned
    assert "accepted" in messages and "abandoned-cart" in groups


def test_an_order_and_a_stop_stop_it(owner: Owner) -> None:
    owner.connect()
    owner.add_trigger()
    owner.run("trigger", "pause", owner.trigger)
    cart = owner.leave_cart("0722000001")
    owner.deliver()
    owner.fake.truth.complete(cart)
    owner.deliver()
    owner.follow(7)
    owner.leave_cart("0722000003")
    owner.deliver()
    owner.run("trigger", "resume", owner.trigger)
    wait_for(lambda: owner.ends("0722000001") == [("skipped", "ordered")])
    wait_for(lambda: owner.ends("0722000003") == [("skipped", "opted_out")])
    assert (owner.why("254722000001"), owner.why("254722000003")) == ("ordered", "opted_out")
    owner.follow(8)
    assert json.loads(owner.run("trigger", "show", owner.trigger).stdout)["wait"] == "1h"


def test_with_an_app_the_shop_is_asked_before_each_message(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    owner.connect()
    owner.add_trigger()
    before = owner.fake.truth.create("Zawadi", "+254722000009")
    owner.fake.truth.happened.clear()
    monkeypatch.setenv(f"{VARIABLE}CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv(f"{VARIABLE}CLIENT_SECRET", CLIENT_SECRET)
    owner.follow(9)
    wait_for(lambda: owner.members("customers") == 1)
    owner.run("opt-out", "0722000009")
    wait_for(lambda: owner.fake.truth.customers[before].consents["sms"].state == "UNSUBSCRIBED")
    owner.run("trigger", "pause", owner.trigger)
    owner.leave_cart("0722000001")
    bought = owner.leave_cart("0722000002")
    owner.deliver()
    owner.fake.truth.complete(bought)
    owner.fake.truth.happened.clear()
    owner.run("trigger", "resume", owner.trigger)
    wait_for(lambda: owner.ends("0722000001") == [("accepted", "")])
    wait_for(lambda: owner.ends("0722000002") == [("skipped", "ordered")])


def test_a_real_sender_takes_the_place_of_the_log(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    owner.add_trigger()
    monkeypatch.setenv("DAFTARI_SENDER_API_KEY", "atsk")
    owner.follow(10)
    shown = json.loads(owner.run("trigger", "show", owner.trigger).stdout)
    assert (shown["sender"], shown["purpose"], shown["late"]) == ("DUKA", "marketing", "16h")


# ---- what may go wrong ----------------------------------------------------------------------------------


@ON_SQLITE
def test_a_wrong_key_is_said_and_nothing_is_lost(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{VARIABLE}WEBHOOK_SECRET", "another")
    owner.connect()
    owner.add_trigger()
    owner.leave_cart("0722000001")
    assert owner.deliver() == [401]
    (warning,) = owner.show()["warnings"]
    assert "The signature is not that of" in warning and "daftari inbound replay" in warning
    assert "signature" in owner.run("inbound", "quarantine").output
    monkeypatch.setenv(f"{VARIABLE}WEBHOOK_SECRET", WEBHOOK_SECRET)
    owner.follow(4, only=slice(1))
    owner.run("inbound", "replay")
    wait_for(lambda: owner.ends("0722000001") == [("accepted", "")])
    wait_for(lambda: not owner.show()["warnings"])


@ON_SQLITE
def test_the_list_of_carts_says_why_no_message_follows(owner: Owner) -> None:
    owner.connect()
    owner.leave_cart("0722000004")
    owner.deliver()
    added = owner.run(
        "trigger", "add", "Joins", "--joins", "abandoned-cart", "--wait", "0s", "--sender", "log", "--text", "Hi"
    )
    assert "add one on the event 'checkout'" in added.stderr
    wait_for(lambda: owner.members("abandoned-cart") == 1)
    assert owner.why("254722000004") == "no_trigger"
    owner.add_trigger()
    owner.leave_cart("")
    owner.leave_cart("0722000002", accepts=False)
    owner.leave_cart("0722000005")
    assert owner.deliver() == [200, 200, 200]
    wait_for(lambda: owner.ends("0722000005") == [("accepted", "")])
    assert (owner.why(None), owner.why("254722000002")) == ("no_number", "not_accepted")
    assert not owner.ends("0722000002") and not owner.ends("0722000004")
