"""A WooCommerce shop as a worker reads it: accounts, guests by their orders, webhooks, opt-outs written back."""

from __future__ import annotations

import pytest

from daftari.errors import Forged, WrongConnectionState
from daftari.model.projects import Project
from daftari.rules.connections.webhook_events import list_events
from daftari.store import Store
from tests.support import calls
from tests.support.connection_steps import mobile
from tests.support.fake_crm import Call
from tests.support.woocommerce_sync import PUBLIC_URL, WooSync

GROUPS = [
    {"from": "all", "to": "customers"},
    {"from": "role:guest", "to": "guests"},
    {"from": "property:city=Kisumu", "to": "kisumu"},
]


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


def phone(number: int) -> str:
    return f"+{mobile(number)}"


def email(number: int) -> str:
    return f"p{number}@shop.example"


def connect(store: Store, project: Project, *, count: int = 3, **given: object) -> tuple[WooSync, list[int]]:
    """A live connection to a shop with some accounts."""
    shop = WooSync(store, project, groups=GROUPS, **given)
    ids = [shop.fake.truth.register(f"F{one}", phone(one), email=email(one)) for one in range(1, count + 1)]
    shop.fake.truth.happened.clear()
    shop.pass_time(60.0)
    shop.start()
    shop.run()
    return shop, ids


def live(shop: WooSync) -> set[str]:
    return {name for name, state in shop.states().items() if state == "live"}


def test_accounts_and_guests_are_contacts_each_once(store: Store, project: Project) -> None:
    shop = WooSync(store, project, groups=GROUPS)
    account = shop.fake.truth.register("Amina", phone(1), email=email(1))
    shop.fake.truth.order(phone(1), email=email(1), customer=account)
    shop.fake.truth.order(phone(1), email="other@shop.example", first_name="Amina again")
    first = shop.fake.truth.order(phone(2), email=email(2), first_name="Juma")
    shop.fake.truth.order("0" + phone(2)[4:], email="j@shop.example", first_name="Juma O")
    shop.fake.truth.order(phone(3), email=email(3), status="failed")
    shop.fake.truth.order("", email=email(4))
    shop.pass_time(60.0)
    shop.start()
    shop.run()
    assert shop.open().stored.state == "live" and shop.open().stored.account == "ziwa.example"
    assert live(shop) == {f"customer:{account}", f"guest:{first}"}
    assert shop.members("customers") == {mobile(1), mobile(2)} and shop.members("guests") == {mobile(2)}
    assert shop.book()[mobile(2)]["fname"] == "Juma O", "the newest order's name"
    assert "shared_number" not in shop.open().progress.counts


def test_an_order_changes_the_account_that_made_it(store: Store, project: Project) -> None:
    shop, ids = connect(store, project, public_url=None)
    shop.pass_time(60.0)
    shop.fake.truth.order(phone(9), first_name="F1", customer=ids[0])
    shop.poll(330.0)
    assert shop.members("customers") == {mobile(9), mobile(2), mobile(3)}


def test_new_accounts_and_guests_come_with_the_next_poll(store: Store, project: Project) -> None:
    shop, _ = connect(store, project, public_url=None)
    shop.pass_time(60.0)
    new = [shop.fake.truth.register(f"N{one}", phone(one), email=email(one)) for one in range(10, 35)]
    guest = shop.fake.truth.order(phone(40), email=email(40))
    shop.poll(330.0)
    assert {f"customer:{one}" for one in new} | {f"guest:{guest}"} <= live(shop)
    assert shop.open().stored.complete_until >= shop.clock.moment - 15_000_000


def test_a_guest_who_makes_an_account_is_that_account(store: Store, project: Project) -> None:
    shop, _ = connect(store, project)
    guest = shop.fake.truth.order(phone(9), email=email(9), first_name="Otieno")
    shop.announce()
    shop.pass_time(3.0)
    shop.run()
    assert f"guest:{guest}" in live(shop)
    account = shop.fake.truth.register("Otieno", phone(9), email=email(9))
    shop.fake.truth.link_orders(account)
    shop.announce()
    shop.pass_time(3.0)
    shop.run()
    shop.compare()
    assert shop.states()[f"guest:{guest}"] == "merged" and f"customer:{account}" in live(shop)
    assert mobile(9) in shop.members("customers") and mobile(9) not in shop.members("guests")


def test_a_guest_whose_only_order_is_cancelled_leaves_the_groups(store: Store, project: Project) -> None:
    shop, _ = connect(store, project)
    guest = shop.fake.truth.order(phone(9), email=email(9))
    shop.announce()
    shop.pass_time(3.0)
    shop.run()
    shop.fake.truth.change(guest, status="cancelled")
    shop.announce()
    shop.pass_time(3.0)
    shop.run()
    assert shop.states()[f"guest:{guest}"] == "gone"
    assert mobile(9) not in shop.members("customers") and mobile(9) in shop.book()


def test_what_a_webhook_announces_is_read_two_seconds_later(store: Store, project: Project) -> None:
    shop, ids = connect(store, project)
    assert {one.delivery_url.startswith(f"{PUBLIC_URL}/v1/connections/") for one in shop.fake.webhooks.values()} == {
        True
    }
    shop.pass_time(10.0)
    shop.fake.truth.edit(ids[0], city="Kisumu")
    shop.fake.truth.delete_user(ids[1])
    began = shop.clock.now()
    assert shop.announce() == 2
    shop.run()
    assert shop.clock.now() - began < 4.0
    assert shop.members("kisumu") == {mobile(1)} and shop.members("customers") == {mobile(1), mobile(3)}


def test_the_ping_of_a_new_webhook_is_nothing(store: Store, project: Project) -> None:
    shop, _ = connect(store, project)
    assert len(shop.fake.pings) == 7
    assert [shop.receive(ping) for ping in shop.fake.pings] == [0] * 7
    page = shop.store.read(shop.project, shop.now, list_events, connection_id=shop.id, after="", limit=10)
    assert not page.events


def test_a_delivery_that_comes_twice_is_kept_once_and_a_forged_one_never(store: Store, project: Project) -> None:
    shop, ids = connect(store, project)
    shop.fake.truth.edit(ids[0], city="Kisumu")
    ((_, call),) = shop.fake.deliver(shop.fake.truth.happened.pop())
    assert [shop.receive(call) for _ in range(2)] == [1, 0]
    with pytest.raises(Forged):
        shop.receive(Call(call.method, call.path, {}, call.headers, call.body + b" "))


def test_webhooks_that_were_switched_off_are_made_again(store: Store, project: Project) -> None:
    shop, _ = connect(store, project)
    before = {*shop.fake.webhooks}
    for webhook in shop.fake.webhooks.values():
        for _ in range(7):
            shop.fake.note_answer(webhook, 502)
    assert {one.status for one in shop.fake.webhooks.values()} == {"disabled"}
    shop.poll(3_700.0)
    assert not before & {*shop.fake.webhooks} and len(shop.fake.webhooks) == 7
    assert {one.status for one in shop.fake.webhooks.values()} == {"active"}
    assert shop.open().progress.webhook.note.startswith("The webhook was missing in WooCommerce, and was made again")


def test_orders_of_guests_who_have_not_bought_are_events_alone(store: Store, project: Project) -> None:
    shop, _ = connect(store, project)
    shop.fake.truth.order(phone(9), email=email(9), status="failed")
    assert shop.announce() == 1
    shop.pass_time(3.0)
    shop.run()
    page = shop.store.read(shop.project, shop.now, list_events, connection_id=shop.id, after="", limit=10)
    assert [(event.topic, event.state, event.records) for event in page.events] == [("order.created", "settled", [])]
    assert mobile(9) not in shop.book()


def test_without_webhooks_a_comparison_finds_what_no_time_shows(store: Store, project: Project) -> None:
    fields = {"phones": "mobile", "meta.sms_opt_in": "accepts"}
    shop, ids = connect(store, project, public_url=None, fields=fields)
    shop.fake.truth.delete_user(ids[0])
    shop.fake.truth.set_meta(shop.fake.truth.users[ids[1]], "sms_opt_in", "no")
    shop.compare()
    assert shop.states()[f"customer:{ids[0]}"] == "gone"
    (fact,) = shop.facts(mobile(2))
    assert (fact.kind, fact.source, fact.scope.channel, fact.scope.purpose) == ("opt_out", "sync", "sms", "marketing")


def test_a_stop_here_is_a_mark_there_and_no_fact_again(store: Store, project: Project) -> None:
    shop, ids = connect(store, project, write_back=True)
    guest = shop.fake.truth.order(phone(9), email=email(9))
    shop.announce()
    shop.pass_time(3.0)
    shop.run()
    for number in (1, 9):
        shop.say(mobile(number), "opt_out", channel="sms")
    shop.run()
    metas = {key: value for key, (_, value) in shop.fake.truth.users[ids[0]].meta.items()}
    assert metas["daftari_sms"] == "out" and metas["daftari_sms_at"].startswith("2026-11-20T")
    assert "daftari_whatsapp" not in metas and not shop.fake.truth.orders[guest].meta
    shop.say(mobile(1), "opt_in", channel="sms")
    shop.run()
    shop.announce()
    shop.poll(330.0)
    assert shop.fake.truth.users[ids[0]].meta["daftari_sms"][1] == "in"
    assert len(shop.facts(mobile(1))) == 2, "its echo is no fact"
    (sms,) = [one for one in shop.view().written_back if one.channel == "sms"]
    assert (sms.refused, sms.gone) == (0, 1)


def test_a_key_that_may_only_read_cannot_write_back(store: Store, project: Project) -> None:
    shop = WooSync(store, project, write_back=True)
    shop.fake.permissions = "read"
    with pytest.raises(WrongConnectionState, match="cannot be started before it was checked"):
        shop.start()
    shop.fake.permissions = "read_write"
    shop.start()


def test_a_key_that_is_refused_stops_the_connection(store: Store, project: Project) -> None:
    shop, _ = connect(store, project)
    before = shop.book()
    shop.fake.key = ("ck_other", "cs_other")
    shop.poll(330.0)
    opened = shop.open()
    assert opened.stored.state == "broken" and opened.stored.reason.startswith("WooCommerce does not know the key")
    assert shop.book() == before
