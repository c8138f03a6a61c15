"""A STOP that arrives at an inbound address, written back to a shop, and what other programs there make of it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from daftari.rules.connections import views
from daftari.rules.connections.views import RecordView
from daftari.store import Store
from tests.support.clients import Client
from tests.support.connection_steps import mobile
from tests.support.inbound import send
from tests.support.shopify_sync import ShopifySync

HOUR, DAY = 3_600.0, 24 * 3_600.0


class Shop(ShopifySync):
    """A shop with one customer, who is connected by an app that opt-outs are written back to."""

    def __init__(self, store: Store, project: Any, client: Client, address: str, **given: Any) -> None:
        groups = [{"from": "all", "to": "customers"}]
        super().__init__(store, project, groups=groups, write_back=True, **given)
        self.client, self.address = client, address
        self.clock.at = time.time()
        self.amina = self.fake.truth.create("Amina", f"+{mobile(1)}")
        self.pass_time(60.0)
        self.start()
        self.run()

    def text(self, said: str, *, ago: float = 0.0) -> float:
        """The customer sends a text. Returns when, in seconds since 1970."""
        # The service has a clock of its own.
        at = int(time.time() - ago)
        written = datetime.fromtimestamp(at, UTC).isoformat()
        send(self.client, self.address, {"from": f"+{mobile(1)}", "to": "20414", "text": said, "at": written})
        return float(at)

    @property
    def consent(self) -> tuple[str, float | None]:
        """What the shop has of SMS."""
        said = self.fake.truth.customers[self.amina].consents["sms"]
        return said.state, said.at

    @property
    def writes(self) -> int:
        """How often a consent to SMS was written."""
        return self.fake.calls.count("SmsConsent")

    @property
    def record(self) -> RecordView:
        page = self.store.read(
            self.project, self.now, views.list_records, connection_id=self.id, state="", after="", limit=10
        )
        return page.records[0]

    def mark(self) -> views.RecordMarkView:
        return next(one for one in self.record.marks if one.channel == "sms")


@pytest.fixture
def shop(store: Store, people: Any, client: Client, address: str) -> Shop:
    return Shop(store, people.shopify, client, address)


def test_a_stop_is_written_with_its_own_time_and_is_no_news_when_it_comes_back(shop: Shop) -> None:
    shop.fake.truth.consent(shop.amina, "sms", "SUBSCRIBED", at=time.time() - DAY)
    at = shop.text("STOP", ago=600.0)
    shop.poll()
    assert shop.consent == ("UNSUBSCRIBED", at)
    assert (shop.writes, shop.fake.calls.count("Consents")) == (1, 1), "it is read after it was written"
    shop.announce()
    shop.poll()
    assert [(fact.kind, fact.source, fact.at) for fact in shop.facts(mobile(1))] == [
        ("opt_out", "inbound", int(at) * 1_000_000)
    ]
    assert shop.writes == 1 and not shop.members("customers")


def test_what_another_program_changes_back_at_once_is_written_once_more_and_then_once_a_day(shop: Shop) -> None:
    shop.fake.truth.subscribers = {shop.amina}
    shop.text("STOP")
    shop.poll(5.0)
    assert shop.consent[0] == "SUBSCRIBED" and shop.writes == 1
    assert "another program may have changed it" in (shop.mark().why or "")
    assert not shop.record.problems
    shop.poll(60.0)
    assert shop.writes == 2 and "crm_resubscribes" in shop.record.problems
    for _ in range(23):
        shop.poll(HOUR)
    assert shop.writes == 2
    shop.poll(2 * HOUR)
    assert shop.writes == 3
    shop.fake.truth.subscribers = set()
    shop.poll(DAY + HOUR)
    assert shop.writes == 4 and shop.consent[0] == "UNSUBSCRIBED" and shop.mark().state == "written"


def test_who_subscribes_in_the_shop_after_the_stop_is_listed_and_nothing_is_lifted(shop: Shop) -> None:
    shop.text("STOP", ago=HOUR)
    shop.poll()
    shop.fake.truth.consent_is_change = True
    shop.fake.truth.consent(shop.amina, "sms", "SUBSCRIBED")
    shop.poll()
    shop.poll()
    writes = shop.writes
    shop.poll(2 * HOUR)
    # A refused mark is tried again when its record changes, as by the mark of the other channel.
    assert shop.consent[0] == "SUBSCRIBED" and writes == shop.writes <= 3
    assert "crm_says_in" in shop.record.problems and "write_back_refused" in shop.record.problems
    assert (shop.record.why or "").startswith("Shopify has a later word about SMS: SUBSCRIBED since")
    assert not shop.members("customers")


def test_an_opt_in_is_left_out_and_the_next_stop_is_written(shop: Shop) -> None:
    shop.text("STOP", ago=2 * HOUR)
    shop.poll()
    shop.text("START", ago=HOUR)
    shop.poll()
    assert shop.consent[0] == "UNSUBSCRIBED" and shop.writes == 1
    assert (shop.mark().word, shop.mark().state, shop.record.problems) == ("out", "written", [])
    shop.fake.truth.consent(shop.amina, "sms", "SUBSCRIBED", at=time.time() - HOUR / 2)
    shop.poll()
    at = shop.text("STOP", ago=60.0)
    shop.poll()
    assert shop.consent == ("UNSUBSCRIBED", at) and shop.writes == 2


def test_a_mark_that_is_read_after_an_opt_in_is_no_opt_out_and_a_later_one_is(shop: Shop) -> None:
    shop.fake.truth.consent_is_change = True
    shop.text("STOP", ago=120.0)
    shop.run()
    assert shop.consent[0] == "UNSUBSCRIBED"
    shop.text("START", ago=60.0)
    shop.run()
    shop.poll()
    assert [fact.kind for fact in shop.facts(mobile(1))] == ["opt_out", "opt_in"]
    shop.fake.truth.consent(shop.amina, "sms", "SUBSCRIBED")
    shop.poll()
    shop.fake.truth.consent(shop.amina, "sms", "UNSUBSCRIBED")
    shop.poll()
    assert [(fact.kind, fact.source) for fact in shop.facts(mobile(1))][2:] == [("opt_out", "sync")]


def test_an_opt_in_is_written_where_that_is_wanted_by_then(shop: Shop) -> None:
    shop.text("STOP", ago=2 * HOUR)
    shop.poll()
    at = shop.text("START", ago=HOUR)
    shop.poll()
    shop.change({"write_back_opt_ins": True})
    shop.poll()
    assert shop.consent == ("SUBSCRIBED", at) and shop.mark().word == "in"
