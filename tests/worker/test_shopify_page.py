"""A shop that is known by the webhooks of its own page, without an app, with one, and before and after it has one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from daftari.errors import Forged, ValidationFailed, WrongConnectionState
from daftari.model.projects import Project
from daftari.rules.connections import lifecycle
from daftari.rules.connections.webhook_events import list_events, replay_events
from daftari.store import Store, carts, connections, triggers
from tests.support import calls
from tests.support.connection_steps import mobile
from tests.support.fake_crm.shopify import CLIENT_ID, CLIENT_SECRET, WEBHOOK_SECRET
from tests.support.fake_crm.shopify_truth import Happening
from tests.support.shopify_sync import ShopifySync

PAGE = {"webhook_secret": WEBHOOK_SECRET}
APP = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
ALL = [{"from": "all", "to": "customers"}]
HOUR = 3_600.0


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


def connect(store: Store, project: Project, credentials: dict[str, str] = PAGE, **given: Any) -> ShopifySync:
    """A live connection to a shop that has no customers yet."""
    shop = ShopifySync(store, project, credentials=credentials, **{"groups": ALL, **given})
    shop.start()
    shop.run()
    return shop


def announce(shop: ShopifySync) -> None:
    """The page's webhooks deliver what has happened, and it is applied."""
    shop.announce_by_page()
    shop.pass_time(3.0)
    shop.run()


def deliver(shop: ShopifySync, happened: Iterable[Happening]) -> None:
    """Deliver it by webhooks of the page, whatever these are for."""
    for one in happened:
        call = shop.fake.deliver(one, secret=WEBHOOK_SECRET)
        shop.receive(shop.url, call.headers, call.body)


def create(shop: ShopifySync, number: int, **more: Any) -> int:
    customer = shop.fake.truth.create(f"F{number}", f"+{mobile(number)}", **more)
    announce(shop)
    return customer


def give(shop: ShopifySync, **credentials: str) -> None:
    shop.write(lifecycle.change_key, connection_id=shop.id, credentials=credentials)


def kept_records(shop: ShopifySync) -> list[str]:
    found = shop.store.read(
        shop.project, shop.now, connections.list_events, connection_id=shop.id, before=(2**62, ""), limit=100
    )
    return [event.record for event in found if event.record]


# ---- without an app -------------------------------------------------------------------------------------


def test_customers_are_known_by_what_the_webhooks_say(store: Store, project: Project) -> None:
    shop = connect(store, project)
    assert shop.open().stored.state == "live" and shop.open().stored.account == "ziwa.myshopify.com"
    amina = create(shop, 1, last_name="Otieno", email="amina@example.co.ke")
    assert shop.members("customers") == {mobile(1)}
    assert (shop.book()[mobile(1)]["fname"], shop.book()[mobile(1)]["lname"]) == ("F1", "Otieno")
    shop.pass_time(60.0)
    shop.fake.truth.edit(amina, first_name="Zawadi", phone=f"+{mobile(2)}")
    announce(shop)
    assert shop.members("customers") == {mobile(2)} and shop.book()[mobile(2)]["fname"] == "Zawadi"
    shop.fake.truth.delete(amina)
    announce(shop)
    assert shop.states() == {str(amina): "gone"} and not shop.members("customers")
    assert not shop.fake.calls, "the shop is never called"


def test_what_a_delivery_said_is_kept_until_it_is_applied(store: Store, project: Project) -> None:
    shop = connect(store, project)
    shop.fake.truth.create("Amina", f"+{mobile(1)}")
    shop.announce_by_page()
    (kept,) = kept_records(shop)
    assert str(mobile(1)) in kept
    shop.pass_time(3.0)
    shop.run()
    assert not kept_records(shop)


def test_an_older_delivery_changes_nothing(store: Store, project: Project) -> None:
    shop = connect(store, project)
    amina = create(shop, 1)
    shop.pass_time(60.0)
    shop.fake.truth.edit(amina, first_name="Old")
    shop.pass_time(60.0)
    shop.fake.truth.edit(amina, first_name="New")
    old, new = shop.take_happened()
    shop.announce_by_page([new])
    shop.pass_time(3.0)
    shop.run()
    shop.announce_by_page([old, new])
    shop.pass_time(3.0)
    shop.run()
    assert shop.book()[mobile(1)]["fname"] == "New"
    shop.fake.truth.delete(amina)
    (gone,) = shop.take_happened()
    shop.pass_time(60.0)
    for one in (gone, new):
        shop.announce_by_page([one])
        shop.pass_time(3.0)
        shop.run()
    assert shop.states() == {str(amina): "gone"}


def test_an_opt_out_is_one_here_at_the_time_of_its_own_channel(store: Store, project: Project) -> None:
    shop = connect(store, project)
    amina = create(shop, 1, last_name="Otieno", address={"city": "Kisumu"})
    said_at = int(shop.clock.at) - 60
    shop.fake.truth.consent(amina, "sms", "UNSUBSCRIBED", at=said_at)
    announce(shop)
    (fact,) = shop.facts(mobile(1))
    assert (fact.kind, fact.source, fact.scope.channel, fact.at) == ("opt_out", "sync", "sms", said_at * 1_000_000)
    contact = shop.book()[mobile(1)]
    assert (contact["fname"], contact["lname"]) == ("F1", "Otieno"), "what a delivery lacks is not blank"
    shop.pass_time(60.0)
    shop.fake.truth.edit(amina, first_name="Zawadi")
    announce(shop)
    assert len(shop.facts(mobile(1))) == 1
    shop.fake.truth.consent(amina, "sms", "SUBSCRIBED")
    announce(shop)
    assert len(shop.facts(mobile(1))) == 1 and shop.open().progress.counts["crm_says_in"] == 1


def test_consents_and_changes_that_come_together_are_one_customer(store: Store, project: Project) -> None:
    shop = connect(store, project)
    amina = shop.fake.truth.create("Amina", f"+{mobile(1)}", last_name="Otieno")
    shop.pass_time(1.0)
    shop.fake.truth.consent(amina, "sms", "UNSUBSCRIBED")
    happened = shop.take_happened()
    shop.announce_by_page([*reversed(happened)])
    shop.pass_time(3.0)
    shop.run()
    assert shop.book()[mobile(1)]["lname"] == "Otieno"
    assert [fact.scope.channel for fact in shop.facts(mobile(1))] == ["sms"]
    assert not shop.members("customers") or shop.states() == {str(amina): "live"}


@pytest.mark.parametrize("is_late", [False, True], ids=["together", "late"])
@pytest.mark.parametrize("channel", ["sms", "whatsapp"])
def test_an_opt_out_counts_after_a_later_change_that_does_not_know_of_it(
    store: Store, project: Project, channel: str, is_late: bool
) -> None:
    shop = connect(store, project)
    amina = create(shop, 1)
    shop.pass_time(60.0)
    said_at = shop.clock.at
    shop.fake.truth.consent(amina, channel, "UNSUBSCRIBED")
    (said,) = shop.take_happened()
    shop.pass_time(1.0)
    shop.fake.truth.edit(amina, first_name="Zawadi")
    (edited,) = shop.take_happened()
    body = {name: value for name, value in edited.body.items() if "consent" not in name}
    edited = replace(edited, body=body)
    for some in [[edited], [said]] if is_late else [[said, edited]]:
        deliver(shop, some)
        shop.pass_time(3.0)
        shop.run()
    (fact,) = shop.facts(mobile(1))
    assert (fact.kind, fact.scope.channel, fact.at) == ("opt_out", channel, int(said_at) * 1_000_000)
    assert shop.book()[mobile(1)]["fname"] == "Zawadi"


def test_a_late_opt_out_changes_nothing_else(store: Store, project: Project) -> None:
    shop = connect(store, project)
    amina = create(shop, 1)
    shop.pass_time(60.0)
    shop.fake.truth.consent(amina, "sms", "UNSUBSCRIBED")
    (said,) = shop.take_happened()
    shop.pass_time(60.0)
    shop.fake.truth.edit(amina, first_name="Zawadi", phone=f"+{mobile(2)}")
    announce(shop)
    deliver(shop, [said])
    shop.pass_time(3.0)
    shop.run()
    assert shop.members("customers") == {mobile(2)} and not shop.facts(mobile(2))


def test_an_opt_out_of_a_customer_who_was_never_seen_counts(store: Store, project: Project) -> None:
    shop = connect(store, project)
    amina = shop.fake.truth.create("Amina", f"+{mobile(1)}")
    shop.take_happened()
    shop.fake.truth.consent(amina, "sms", "UNSUBSCRIBED")
    announce(shop)
    assert [fact.kind for fact in shop.facts(mobile(1))] == ["opt_out"]
    assert shop.states() == {str(amina): "live"}


def test_a_redacted_customer_waits_to_be_erased(store: Store, project: Project) -> None:
    shop = connect(store, project)
    amina = create(shop, 1)
    create(shop, 2)
    shop.pass_time(60.0)
    shop.fake.truth.redact(amina)
    (redacted,) = shop.take_happened()
    call = shop.fake.deliver(redacted)
    shop.receive(shop.url, call.headers, call.body)
    shop.pass_time(3.0)
    shop.run()
    assert shop.open().progress.counts["erasure_pending"] == 1
    assert mobile(1) not in shop.members("customers") and shop.book()[mobile(1)]["fname"] is None
    shop.pass_time(25 * HOUR)
    shop.run()
    assert shop.states()[str(amina)] == "erased" and mobile(1) not in shop.book() and mobile(2) in shop.book()
    shop.fake.truth.edit(amina, phone=f"+{mobile(1)}", first_name="Amina")
    announce(shop)
    assert mobile(1) not in shop.book(), "the shop does not bring them back"


@pytest.mark.parametrize("is_known", [False, True], ids=["unknown", "known"])
def test_a_redacted_customer_is_in_no_cart_and_no_order(store: Store, project: Project, is_known: bool) -> None:
    shop = connect(store, project, carts_group="abandoned-cart")
    amina = shop.fake.truth.create("Amina", f"+{mobile(1)}", email="amina@example.co.ke")
    if not is_known:
        shop.take_happened()
    cart = shop.fake.truth.start_checkout(customer=amina, email="amina@example.co.ke", accepts=True)
    announce(shop)
    shop.fake.truth.order(customer=shop.fake.truth.create("Zawadi", f"+{mobile(2)}"))
    shop.pass_time(1_200.0)
    announce(shop)
    assert shop.members("abandoned-cart") == {mobile(1)}
    shop.fake.truth.redact(amina)
    deliver(shop, shop.take_happened())
    shop.pass_time(3.0)
    shop.run()
    (stored,) = shop.store.read(shop.project, shop.now, carts.find_carts, connection_id=shop.id, keys=[cart.token])
    assert (stored.state, stored.subject_id, stored.email, stored.customer_id) == ("closed", 0, "", "")
    assert not shop.members("abandoned-cart")


def test_what_needs_a_call_is_refused(store: Store, project: Project) -> None:
    shop = connect(store, project)
    for rule, values in (
        (lifecycle.compare_connection, {}),
        (lifecycle.sync_connection, {}),
        (lifecycle.plan_connection, {}),
        (lifecycle.retry_records, {"ids": ["1"]}),
        (replay_events, {"since": 0}),
    ):
        with pytest.raises(WrongConnectionState, match="it has no app"):
            shop.write(rule, connection_id=shop.id, **values)
    for given in ({"write_back": True}, {"groups": [{"from": "tag:vip", "to": "vip"}]}):
        with pytest.raises(
            ValidationFailed, match="needs an app of Shopify: give client_id and client_secret, or token"
        ):
            shop.change(given)


def test_a_night_passes_without_a_comparison(store: Store, project: Project) -> None:
    shop = connect(store, project)
    amina = create(shop, 1)
    for _ in range(40):
        shop.pass_time(HOUR)
        shop.run()
    assert shop.states() == {str(amina): "live"} and shop.open().stored.state == "live"
    assert not shop.fake.calls


def test_silence_is_told_and_ends_with_the_next_webhook(store: Store, project: Project) -> None:
    shop = connect(store, project)
    assert "No webhook has come yet" in " ".join(shop.view().warnings)
    for number in range(1, 5):
        create(shop, number)
    assert not shop.view().warnings
    shop.pass_time(27 * HOUR)
    shop.run()
    assert shop.open().stored.state == "behind"
    assert shop.open().stored.reason == "No webhook for 27 h, 4 a day before: is the address still right?"
    create(shop, 5)
    assert shop.open().stored.state == "live" and not shop.open().stored.reason and not shop.view().warnings


def test_without_a_public_url_it_says_that_nothing_is_known(store: Store, project: Project) -> None:
    shop = connect(store, project, public_url=None)
    (warning,) = shop.view().warnings
    assert "No public_url is set (DAFTARI_PUBLIC_URL)" in warning and "nothing can be known" in warning


def test_a_group_of_the_shop_is_not_waited_for(store: Store, project: Project) -> None:
    shop = connect(store, project)
    create(shop, 1)
    assert shop.view().complete_until is None and shop.view().state == "live"
    shop.pass_time(30.0)
    shop.run()
    assert not shop.is_due()


def test_the_mass_guard_holds_for_what_is_pushed(store: Store, project: Project) -> None:
    shop = connect(store, project)
    ids = [shop.fake.truth.create(f"F{number}", f"+{mobile(number)}") for number in range(1, 31)]
    announce(shop)
    shop.pass_time(60.0)
    for customer in ids[:15]:
        shop.fake.truth.delete(customer)
    announce(shop)
    assert shop.open().stored.state == "needs_confirmation" and len(shop.members("customers")) == 30
    shop.write(lifecycle.confirm_connection, connection_id=shop.id)
    shop.run()
    assert len(shop.members("customers")) == 15


# ---- the secret and the address -------------------------------------------------------------------------


def test_the_address_is_there_before_the_key_is(store: Store, project: Project) -> None:
    """The shop's page shows its key when it has a webhook, for which the address is needed."""
    shop = ShopifySync(store, project, credentials={}, groups=ALL)
    url = shop.url
    shop.fake.truth.create("Amina", f"+{mobile(1)}")
    with pytest.raises(Forged, match="not known yet"):
        shop.announce_by_page()
    give(shop, **PAGE)
    assert shop.url == url
    shop.start()
    create(shop, 2)
    assert shop.members("customers") == {mobile(2)}


def test_what_comes_before_the_start_waits_for_it(store: Store, project: Project) -> None:
    shop = ShopifySync(store, project, credentials=PAGE, groups=ALL)
    shop.check()
    create(shop, 1)
    assert not shop.book()
    shop.write(lifecycle.start_connection, connection_id=shop.id)
    shop.run()
    assert shop.members("customers") == {mobile(1)}


@pytest.mark.parametrize(
    ("credentials", "says"),
    [
        ({"client_id": "a"}, "credentials.client_secret field is required with client_id"),
        ({"client_secret": "a"}, "credentials.client_id field is required with client_secret"),
        ({"client_id": "a", **PAGE}, "credentials.client_secret field is required with client_id"),
        ({"key": "a"}, "is none of Shopify: it has client_id, client_secret, token, webhook_secret"),
        ({"webhook_secret": "a\nb"}, "must be one line"),
    ],
)
def test_half_a_way_to_connect_is_refused(
    store: Store, project: Project, credentials: dict[str, str], says: str
) -> None:
    with pytest.raises(ValidationFailed, match=says):
        ShopifySync(store, project, credentials=credentials)


def test_the_last_way_to_connect_is_not_forgotten(store: Store, project: Project) -> None:
    shop = connect(store, project)
    with pytest.raises(ValidationFailed, match="client_id and client_secret, or token, or webhook_secret"):
        give(shop, webhook_secret="")


# ---- both ways -----------------------------------------------------------------------------------------


def test_each_secret_proves_while_the_other_one_is_there(store: Store, project: Project) -> None:
    shop = connect(store, project, {**APP, **PAGE})
    assert shop.view().credentials == ["client_id", "client_secret", "webhook_secret"]
    amina = shop.fake.truth.create("Amina", f"+{mobile(1)}")
    happened = shop.take_happened()
    for secret in (WEBHOOK_SECRET, CLIENT_SECRET):
        call = shop.fake.deliver(happened[0], secret=secret)
        assert shop.receive(shop.url, call.headers, call.body) == 1
    for secret in ("", f"{WEBHOOK_SECRET}\n{CLIENT_SECRET}", WEBHOOK_SECRET[:-1], "other"):
        call = shop.fake.deliver(happened[0], secret=secret)
        with pytest.raises(Forged):
            shop.receive(shop.url, call.headers, call.body)
    assert not kept_records(shop), "a record that can be asked for is not kept"
    shop.pass_time(3.0)
    shop.run()
    assert shop.states() == {str(amina): "live"}


def test_an_event_that_comes_by_both_ways_is_read_once(store: Store, project: Project) -> None:
    shop = connect(store, project, {**APP, **PAGE})
    shop.fake.truth.create("Amina", f"+{mobile(1)}")
    happened = shop.take_happened()
    assert shop.announce(happened) == 1 and shop.announce_by_page(happened) == 1
    shop.fake.calls.clear()
    shop.pass_time(3.0)
    shop.run()
    assert shop.fake.calls.count("CustomersById") == 1 and shop.members("customers") == {mobile(1)}
    page = shop.store.read(shop.project, shop.now, list_events, connection_id=shop.id, after="", limit=10)
    assert {event.state for event in page.events} == {"settled"}


def test_webhooks_that_are_silently_not_made_are_named_until_the_page_has_them(store: Store, project: Project) -> None:
    shop = ShopifySync(store, project, groups=ALL)
    shop.fake.silent_topics = {"CHECKOUTS_UPDATE"}
    shop.start()
    shop.run()
    (warning,) = shop.view().warnings
    assert warning.startswith("Shopify made no webhook for CHECKOUTS_UPDATE: the app may not see that data.")
    assert "give the signing key of that page as webhook_secret" in warning
    give(shop, **PAGE)
    shop.run()
    assert not shop.view().warnings


def test_a_check_says_what_a_plan_without_personal_data_hides(store: Store, project: Project) -> None:
    shop = ShopifySync(store, project, groups=ALL)
    shop.fake.truth.create("Amina", f"+{mobile(1)}")
    shop.pass_time(60.0)
    shop.fake.hides = True
    with pytest.raises(Exception, match="Shopify hides names and phone numbers from this app: the shop's plan must be"):
        shop.check()
    give(shop, client_id="", client_secret="", **PAGE)
    shop.take_happened()
    shop.start()
    shop.run()
    create(shop, 2)
    assert shop.members("customers") == {mobile(2)}


# ---- an app later, and no longer ------------------------------------------------------------------


def test_an_app_that_comes_later_reads_everything_and_fires_nothing(store: Store, project: Project) -> None:
    shop = connect(store, project, fire_triggers=True)
    there = shop.fake.truth.create("There", f"+{mobile(1)}", tags=("vip",))
    shop.take_happened()
    pushed = shop.fake.truth.create("Pushed", f"+{mobile(2)}", tags=("vip",))
    announce(shop)
    assert shop.open().progress.fired == 1
    shop.pass_time(HOUR)
    give(shop, **APP)
    assert shop.open().stored.state == "importing"
    shop.change({"groups": [*ALL, {"from": "tag:vip", "to": "vip"}], "write_back": True})
    shop.run()
    shop.poll()
    assert shop.states() == {str(there): "live", str(pushed): "live"}
    assert shop.members("customers") == shop.members("vip") == {mobile(1), mobile(2)}
    assert shop.open().stored.state == "live" and shop.view().complete_until is not None
    assert shop.open().progress.fired == 0, "of the hour in which everything was read"
    assert {uri for _, uri in shop.fake.webhooks.values()} == {shop.url}
    assert not shop.view().warnings, "those of the app were not there before"
    shop.fake.truth.edit(pushed, tags=())
    shop.poll()
    assert shop.members("vip") == {mobile(1)}


def test_an_app_that_is_gone_leaves_what_it_read_and_webhooks_go_on(store: Store, project: Project) -> None:
    shop = ShopifySync(store, project, groups=ALL, credentials={**APP, **PAGE})
    amina = shop.fake.truth.create("Amina", f"+{mobile(1)}")
    shop.pass_time(60.0)
    shop.start()
    shop.run()
    shop.take_happened()
    until = shop.view().complete_until
    give(shop, client_id="", client_secret="")
    shop.fake.calls.clear()
    shop.pass_time(60.0)
    shop.fake.truth.edit(amina, first_name="Zawadi")
    announce(shop)
    assert shop.book()[mobile(1)]["fname"] == "Zawadi" and shop.view().complete_until == until
    shop.pass_time(27 * HOUR)
    shop.run()
    assert shop.states() == {str(amina): "live"} and not shop.fake.calls
    give(shop, **APP)
    shop.fake.truth.edit(amina, first_name="Wanjiku")
    shop.poll()
    assert shop.book()[mobile(1)]["fname"] == "Wanjiku" and shop.open().stored.state == "live"


def test_an_app_is_not_given_up_while_something_needs_it(store: Store, project: Project) -> None:
    shop = connect(store, project, {**APP, **PAGE}, write_back=True)
    with pytest.raises(ValidationFailed, match="write_back field needs an app of Shopify"):
        give(shop, client_id="", client_secret="")
    assert shop.view().credentials == ["client_id", "client_secret", "webhook_secret"]


def test_a_customer_whom_the_shop_says_to_redact_is_erased_with_an_app_too(store: Store, project: Project) -> None:
    """The shop may have deleted the customer by then, which alone would be no erasure."""
    shop = connect(store, project, {**APP, **PAGE})
    amina, zawadi = create(shop, 1), create(shop, 2)
    shop.pass_time(60.0)
    shop.fake.truth.redact(amina)
    shop.fake.truth.delete(amina)
    shop.fake.truth.delete(zawadi)
    for happening in shop.take_happened():
        call = shop.fake.deliver(happening)
        shop.receive(shop.url, call.headers, call.body)
    shop.pass_time(3.0)
    shop.run()
    assert shop.states() == {str(amina): "gone", str(zawadi): "gone"}
    assert shop.open().progress.counts["erasure_pending"] == 1 and [*shop.open().progress.erasures] == [str(amina)]
    assert not kept_records(shop)


# ---- lists ----------------------------------------------------------------------------------------------


def test_a_segment_is_walked_half_a_minute_after_someone_joined(store: Store, project: Project) -> None:
    groups = [*ALL, {"from": "segment:12", "to": "kisumu"}]
    shop = ShopifySync(store, project, groups=groups)
    ids = [shop.fake.truth.create(f"F{number}", f"+{mobile(number)}") for number in range(1, 4)]
    shop.fake.truth.make_segment(12, "Kisumu", ids[:1])
    shop.pass_time(60.0)
    shop.start()
    shop.run()
    shop.poll()
    assert shop.members("kisumu") == {mobile(1)}
    calls_of_walk = shop.fake.calls.count("Members")
    shop.take_happened()
    shop.fake.calls.clear()
    for customer in ids[1:]:
        shop.fake.truth.join_segment(12, customer)
        assert shop.announce() == 1
        shop.pass_time(10.0)
        shop.run()
    assert shop.members("kisumu") == {mobile(1)}
    shop.pass_time(31.0)
    shop.run()
    assert shop.members("kisumu") == {mobile(1), mobile(2), mobile(3)}
    assert shop.fake.calls.count("Members") == calls_of_walk, "one walk for both"
    shop.fake.truth.leave_segment(12, ids[0])
    shop.announce()
    for seconds in (3.0, 31.0):
        shop.pass_time(seconds)
        shop.run()
    assert shop.members("kisumu") == {mobile(2), mobile(3)}
    calls_before = shop.fake.calls.count("Members")
    shop.poll()
    shop.poll()
    assert shop.fake.calls.count("Members") == calls_before, "nothing is left to be walked"


# ---- carts ----------------------------------------------------------------------------------------------


def test_a_cart_that_comes_by_both_ways_keeps_the_number_that_one_may_not_see(store: Store, project: Project) -> None:
    shop = connect(store, project, {**APP, **PAGE})
    for first, second in ((WEBHOOK_SECRET, CLIENT_SECRET), (CLIENT_SECRET, WEBHOOK_SECRET)):
        checkout = shop.fake.truth.start_checkout(phone=f"+{mobile(1)}", accepts=True)
        (full,) = shop.take_happened()
        hidden = {"phone": None, "shipping_address": [], "email": None, "line_items": []}
        bare = replace(full, body={**full.body, **hidden})
        for secret in (first, second):
            call = shop.fake.deliver(full if secret == WEBHOOK_SECRET else bare, secret=secret)
            shop.receive(shop.url, call.headers, call.body)
        (cart,) = store.read(project, shop.now, carts.find_carts, connection_id=shop.id, keys=[checkout.token])
        assert (cart.state, cart.subject_id, cart.accepted) == ("open", mobile(1), 1)
        assert "Kikoy" in cart.fields
        events = store.read(project, shop.now, triggers.list_events_of, mobile=mobile(1), after=0, limit=10)
        assert [event.key for event in events].count(checkout.token) == 1


def test_a_cart_of_a_shop_without_an_app_is_an_event(store: Store, project: Project) -> None:
    shop = connect(store, project)
    checkout = shop.fake.truth.start_checkout(shipping_phone=f"+{mobile(1)}", accepts=True)
    announce(shop)
    shop.pass_time(60.0)
    shop.fake.truth.complete(checkout)
    announce(shop)
    (cart,) = store.read(project, shop.now, carts.find_carts, connection_id=shop.id, keys=[checkout.token])
    assert cart.state == "bought"
