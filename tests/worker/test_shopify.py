"""A shop as a worker reads it: customers, consent, tags and segments, webhooks of its app, opt-outs written back."""

from __future__ import annotations

import pytest

from daftari.errors import Forged
from daftari.model.projects import Project
from daftari.rules.connections.webhook_events import list_events
from daftari.store import Store
from tests.support import calls
from tests.support.connection_steps import mobile
from tests.support.shopify_sync import PUBLIC_URL, ShopifySync

GROUPS = [
    {"from": "all", "to": "customers"},
    {"from": "tag:vip", "to": "vip"},
    {"from": "segment:12", "to": "kisumu"},
]


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


def connect(store: Store, project: Project, *, count: int = 4, **given: object) -> tuple[ShopifySync, list[int]]:
    """A live connection to a shop with some customers; the second is a VIP, the first two are in a segment."""
    shop = ShopifySync(store, project, groups=GROUPS, **given)
    ids = [shop.fake.truth.create(f"F{number}", f"+{mobile(number)}") for number in range(1, count + 1)]
    shop.fake.truth.edit(ids[1], tags=("vip",))
    shop.fake.truth.make_segment(12, "Kisumu", ids[:2])
    shop.fake.truth.happened.clear()
    shop.pass_time(60.0)
    shop.start()
    shop.run()
    return shop, ids


def consent_of(shop: ShopifySync, customer: int, channel: str = "sms") -> tuple[str, float | None]:
    said = shop.fake.truth.customers[customer].consents[channel]
    return said.state, said.at


def test_customers_tags_and_segments_are_groups(store: Store, project: Project) -> None:
    shop, _ = connect(store, project)
    assert shop.open().stored.state == "live" and shop.open().stored.account == "ziwa.myshopify.com"
    assert shop.members("customers") == {mobile(number) for number in range(1, 5)}
    shop.poll()
    assert (shop.members("vip"), shop.members("kisumu")) == ({mobile(2)}, {mobile(1), mobile(2)})


def test_a_tag_that_is_taken_away_takes_out_of_the_group(store: Store, project: Project) -> None:
    shop, ids = connect(store, project)
    shop.fake.truth.edit(ids[1], tags=())
    shop.fake.truth.edit(ids[2], tags=("vip",))
    shop.poll()
    assert shop.members("vip") == {mobile(3)}


def test_an_opt_out_in_the_shop_is_one_here_at_its_own_time(store: Store, project: Project) -> None:
    shop, ids = connect(store, project)
    said_at = int(shop.clock.at) - 3_600
    shop.fake.truth.consent_is_change = True
    shop.fake.truth.consent(ids[0], "sms", "UNSUBSCRIBED", at=said_at)
    shop.fake.truth.consent(ids[1], "sms", "SUBSCRIBED")
    shop.poll()
    (fact,) = shop.facts(mobile(1))
    assert (fact.kind, fact.source, fact.scope.channel, fact.scope.purpose) == ("opt_out", "sync", "sms", "marketing")
    assert fact.at == said_at * 1_000_000
    assert not shop.facts(mobile(2))


def test_what_a_webhook_announces_is_read_two_seconds_later(store: Store, project: Project) -> None:
    shop, ids = connect(store, project)
    assert {url.startswith(f"{PUBLIC_URL}/v1/connections/") for _, url in shop.fake.webhooks.values()} == {True}
    shop.pass_time(10.0)
    shop.fake.truth.consent(ids[0], "whatsapp", "UNSUBSCRIBED")
    shop.fake.truth.create("New", f"+{mobile(9)}")
    began = shop.clock.now()
    assert shop.announce() == 2
    shop.run()
    assert shop.clock.now() - began < 4.0
    assert mobile(9) in shop.members("customers")
    assert [fact.scope.channel for fact in shop.facts(mobile(1))] == ["whatsapp"]


def test_a_delivery_that_comes_twice_is_kept_once_and_a_forged_one_never(store: Store, project: Project) -> None:
    shop, ids = connect(store, project)
    shop.fake.truth.edit(ids[0], first_name="Edited")
    (happening,) = shop.fake.truth.happened
    (url,) = {url for _, url in shop.fake.webhooks.values()}
    call = shop.fake.deliver(happening, secret=shop.fake.client[1])
    assert [shop.receive(url, call.headers, call.body) for _ in range(2)] == [1, 0]
    with pytest.raises(Forged):
        shop.receive(url, call.headers, call.body + b" ")


def test_a_delivery_that_names_no_customer_waits_for_nothing(store: Store, project: Project) -> None:
    shop, _ = connect(store, project)
    shop.fake.truth.start_checkout(shipping_phone="0722 000 001")
    assert shop.announce() == 1
    shop.run()
    page = shop.store.read(shop.project, shop.now, list_events, connection_id=shop.id, after="", limit=10)
    assert [(event.topic, event.state) for event in page.events] == [("checkouts/create", "settled")]


def test_deletions_and_merges_are_known_at_once(store: Store, project: Project) -> None:
    shop, ids = connect(store, project)
    shop.fake.truth.delete(ids[0])
    winner = shop.fake.truth.merge(ids[1], ids[2])
    loser = ids[1] if winner == ids[2] else ids[2]
    shop.announce()
    shop.run()
    states = shop.states()
    assert (states[str(ids[0])], states[str(winner)], states[str(loser)]) == ("gone", "live", "merged")
    assert mobile(1) not in shop.members("customers") and mobile(1) in shop.book()


def test_without_webhooks_a_comparison_finds_deletions(store: Store, project: Project) -> None:
    shop, ids = connect(store, project, public_url=None)
    shop.fake.truth.delete(ids[0])
    shop.poll()
    assert shop.states()[str(ids[0])] == "live"
    shop.compare()
    assert shop.states()[str(ids[0])] == "gone"


def test_a_stop_here_is_written_with_its_own_time(store: Store, project: Project) -> None:
    shop, ids = connect(store, project, write_back=True)
    shop.fake.truth.consent(ids[0], "sms", "SUBSCRIBED", at=shop.clock.at - 7_200.0)
    shop.pass_time(60.0)
    said_at = int(shop.clock.at - 600.0) * 1_000_000
    shop.say(mobile(1), "opt_out", channel="sms", at=said_at)
    shop.poll()
    assert consent_of(shop, ids[0]) == ("UNSUBSCRIBED", said_at / 1_000_000)
    assert consent_of(shop, ids[0], "whatsapp")[0] == "NEVER_SUBSCRIBED"
    shop.poll()
    assert len(shop.facts(mobile(1))) == 1, "its echo is no fact"


def test_personal_data_that_is_hidden_stops_the_connection(store: Store, project: Project) -> None:
    shop, ids = connect(store, project)
    before = shop.book()
    shop.pass_time(700.0)
    shop.fake.truth.edit_all(ids, tags=("vip",))
    shop.fake.hides = True
    shop.poll()
    assert shop.open().stored.state == "broken"
    assert shop.open().stored.reason.startswith("Shopify hides names and phone numbers from this app")
    assert shop.book() == before


def test_a_redacted_customer_waits_to_be_erased(store: Store, project: Project) -> None:
    shop, ids = connect(store, project)
    shop.pass_time(60.0)
    shop.fake.truth.redact(ids[0])
    shop.poll()
    assert shop.open().progress.counts["erasure_pending"] == 1
    assert mobile(1) not in shop.members("customers") and mobile(1) in shop.book()
