"""A shop that cannot be asked: what is not known, or was not read yet, sends nothing."""

from __future__ import annotations

import pytest

from daftari.model.projects import Project
from daftari.rules.connections import lifecycle
from daftari.store import Store
from tests.support import calls
from tests.support.cart_shop import HOUR, MINUTE, CartShop
from tests.support.connection_steps import mobile
from tests.support.fake_crm.shopify import WEBHOOK_SECRET
from tests.support.schema import execute


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


def test_without_an_app_a_cart_from_before_a_restore_is_not_followed_up(
    store: Store, project: Project, database: str
) -> None:
    shop = CartShop(store, project, credentials={"webhook_secret": WEBHOOK_SECRET})
    shop.remind()
    for number in (1, 2):
        cart = shop.truth.start_checkout(phone=f"+{mobile(number)}", accepts=True)
        shop.shop.announce_by_page()
    shop.pass_time(MINUTE)
    shop.shop.run()
    epoch = shop.shop.open().progress.epoch
    execute(database, f"UPDATE connection SET progress = replace(progress, '{epoch}', 'another')")
    shop.pass_time(HOUR)
    assert shop.claim() == [], "nothing goes before the connection was started here"
    shop.shop.run()
    shop.shop.now = shop.now
    shop.shop.write(lifecycle.start_connection, connection_id=shop.shop.id)
    shop.shop.run()
    shop.pass_time(1.0)
    shop.truth.change_checkout(cart)
    shop.shop.announce_by_page()
    shop.run_for(HOUR)
    assert [message.subject_id for message in shop.claim()] == [mobile(2)]
    assert shop.reasons()[0] == ("skipped", "shop_silent")


def test_each_message_waits_for_what_came_before_it_was_due(store: Store, project: Project) -> None:
    shop = CartShop(store, project, credentials={"webhook_secret": WEBHOOK_SECRET})
    first = shop.remind()
    shop.remind(name="Late", wait="2h")
    amina = shop.truth.create("Amina", f"+{mobile(1)}")
    shop.truth.start_checkout(phone=f"+{mobile(1)}", accepts=True)
    shop.shop.announce_by_page()
    shop.run_for(MINUTE + HOUR)
    shop.truth.create("Juma")
    shop.shop.announce_by_page()
    assert shop.claim() == []
    shop.triggers.pause(first)
    shop.run_for(HOUR)
    shop.truth.consent(amina, "sms", "UNSUBSCRIBED")
    shop.shop.announce_by_page()
    assert shop.work() == []
    shop.pass_time(10.0)
    assert shop.work() == []
    assert shop.reasons() == [("waiting", ""), ("skipped", "opted_out")]
