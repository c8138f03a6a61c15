"""Who left a cart becomes a contact and joins a group, until they come back; as a row of the connection's import."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from msgspec.structs import replace

from daftari.model.connections import ConnectionState
from daftari.model.limits import CART_GROUP_DAYS
from daftari.model.projects import Project
from daftari.rules.connections import abandoned, cart_expiry, lifecycle, sync
from daftari.rules.connections.saving import save_connection
from daftari.rules.connections.views import list_runs
from daftari.rules.contacts import groups as group_rules
from daftari.rules.imports.lifecycle import undo_import
from daftari.rules.imports.undo import undo_chunk
from daftari.rules.imports.views import ImportView
from daftari.store import Store, carts, contacts
from tests.support import calls
from tests.support.connection_steps import HOUR, SECOND, Syncing, mobile, person
from tests.support.message_steps import Sending
from tests.support.shop_carts import Shop
from tests.support.triggers import Triggers

IDLE = 600 * SECOND
DAY = 24 * HOUR


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def shop(store: Store, project: Project) -> Shop:
    return Shop(store, project, carts_group="left")


def fill(shop: Shop, key: str = "c1", *, number: int = 1, fname: str = "Lucy", **given: Any) -> None:
    """Someone fills a cart."""
    fields = f'{{"fname": "{fname}", "url": "https://ziwa.example/c"}}'
    shop.put(key, **{"number": number, "fields": fields, "idle_at": shop.now + IDLE, **given})


def leave(shop: Shop, key: str = "c1", *, number: int = 1, **given: Any) -> None:
    """Someone fills a cart, and nothing comes of it."""
    fill(shop, key, number=number, **given)
    shop.wait(IDLE)
    shop.follow()


def join(shop: Shop, number: int, group: str = "left") -> None:
    """Someone of the team adds a contact to the group."""
    calls.create_contacts(shop.store, shop.project, [{"mobile": mobile(number)}], group=group, now=shop.now)


def runs(shop: Shop) -> list[ImportView]:
    """The imports of the connection, the newest first."""
    return shop.store.read(shop.project, shop.now, list_runs, connection_id=shop.id, before=2**62, limit=10)[0]


def undo(shop: Shop) -> None:
    """The last run is over, and is undone."""
    import_id = runs(shop)[0].id
    shop.wait(2 * HOUR)
    shop.write(sync.claim_task, connection_id=shop.id, fence=shop.fence)
    shop.write(undo_import, import_id=import_id, opt_outs=False, reason=None)
    while shop.write(undo_chunk, import_id=import_id):
        pass


# ---- left -----------------------------------------------------------------------------------------------


def test_who_left_a_cart_for_ten_minutes_is_a_contact_in_the_group(shop: Shop) -> None:
    fill(shop)
    shop.wait(IDLE - 1)
    shop.follow()
    assert shop.cart("c1").state == "open" and shop.book() == {}
    shop.wait(1)
    shop.follow()
    assert shop.members("left") == {mobile(1)}
    assert shop.book()[mobile(1)]["fname"] == "Lucy"
    assert (shop.cart("c1").state, shop.cart("c1").idle_at) == ("abandoned", 0)
    assert shop.figures() == {"abandoned": 1}


def test_a_connection_that_waits_or_asks_follows_its_carts_and_one_that_stopped_does_not(shop: Shop) -> None:
    fill(shop)
    shop.wait(IDLE)
    found = {}
    for state in get_args(ConnectionState):
        opened = shop.open()
        stored = replace(opened.stored, state=state, due_at=shop.now + 10 * HOUR)
        shop.write(save_connection, replace(opened, stored=stored))
        is_listed = str(shop.id) in shop.store.read(shop.project, shop.now, sync.list_open_connections)
        task = shop.write(sync.claim_task, connection_id=shop.id, fence=shop.fence).task
        assert is_listed is (task == "idle_carts")
        found[state] = task
    following = ("importing", "live", "behind", "limited", "needs_confirmation")
    assert {state for state, task in found.items() if task == "idle_carts"} == {*following}


def test_a_worker_that_lost_the_connection_changes_nothing(shop: Shop) -> None:
    fill(shop)
    shop.wait(IDLE)
    shop.write(sync.take_over, connection_id=shop.id)
    assert not shop.write(abandoned.take_idle_carts, connection_id=shop.id, fence=shop.fence)
    assert shop.cart("c1").state == "open" and shop.book() == {}


def test_many_carts_are_followed_in_steps(shop: Shop) -> None:
    many = abandoned.CARTS_PER_STEP + 20
    for number in range(1, many + 1):
        fill(shop, f"c{number}", number=number)
    shop.wait(IDLE)
    shop.follow()
    assert len(shop.members("left")) == many and shop.figures() == {"abandoned": many}


def test_a_cart_without_a_number_or_consent_makes_no_contact(shop: Shop) -> None:
    fill(shop, "c1", number=0)
    leave(shop, "c2", number=2, accepted=0)
    assert {shop.cart(key).state for key in ("c1", "c2")} == {"abandoned"} and shop.book() == {}
    assert shop.figures() == {"abandoned": 2, "no_number": 1, "not_accepted": 1}
    shop.write(lifecycle.update_connection, connection_id=shop.id, values={"carts_need": "number"})
    leave(shop, "c3", number=3, accepted=0)
    assert shop.members("left") == {mobile(3)}


def test_who_opted_out_joins_nothing(shop: Shop) -> None:
    shop.opt_out(mobile(1))
    leave(shop)
    assert shop.members("left") == set() and not shop.cart("c1").group_id
    leave(shop, "c2", number=2)
    shop.opt_out(mobile(2))
    assert shop.members("left") == set()
    shop.come_back("c2", state="bought")


def test_without_a_group_there_is_a_contact_all_the_same(store: Store, project: Project) -> None:
    shop = Shop(store, project)
    leave(shop)
    assert shop.book()[mobile(1)]["groups"] == set() and not shop.cart("c1").group_id


def test_a_name_that_is_there_stays(shop: Shop) -> None:
    calls.create_contacts(shop.store, shop.project, [{"mobile": mobile(1), "fname": "Achieng"}], group=None)
    calls.create_contacts(shop.store, shop.project, [{"mobile": mobile(2)}], group=None)
    fill(shop, "c1", number=1)
    fill(shop, "c2", number=2)
    leave(shop, "c3", number=3, fname="x" * 300)
    assert [shop.book()[mobile(number)].get("fname") for number in (1, 2, 3)] == ["Achieng", "Lucy", None]


def test_the_contacts_are_rows_of_the_connections_import(shop: Shop) -> None:
    fill(shop)
    fill(shop, "c2", number=2)
    shop.wait(IDLE)
    shop.read(person(7))
    shop.follow()
    (run,) = runs(shop)
    assert (run.name.startswith("shop "), run.counts.created, run.joined) == (True, 3, 2)


def test_a_contact_that_was_removed_here_is_not_made_again(shop: Shop) -> None:
    shop.read(person(1))
    shop.remove(mobile(1))
    shop.read(person(1, version=2, firstname="Other"))
    assert shop.states() == {"1": "removed_locally"}
    leave(shop)
    assert mobile(1) not in shop.book() and shop.cart("c1").state == "abandoned"


def test_who_joins_by_a_cart_fires_no_trigger(store: Store, project: Project) -> None:
    calls.create_group(store, project, "left")
    sending = Sending(store, project)
    Triggers(sending).add(on={"joins": "left"}, unless=[], text="Welcome")
    shop = Shop(store, project, carts_group="left", fire_triggers=True)
    leave(shop)
    assert shop.members("left") == {mobile(1)} and not sending.messages()


def test_the_group_follows_its_name_and_is_made_again_when_it_was_deleted(shop: Shop) -> None:
    leave(shop)
    shop.write(group_rules.update_group, name="left", new_name="Kept")
    leave(shop, "c2", number=2)
    assert shop.members("Kept") == {mobile(1), mobile(2)} and shop.view().carts_group == "Kept"
    shop.write(group_rules.delete_group, name="Kept")
    leave(shop, "c3", number=3)
    assert shop.members("Kept") == {mobile(3)}
    shop.come_back("c1", state="bought")


# ---- back -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["open", "bought", "closed"])
def test_who_comes_back_leaves_the_group_and_stays_a_contact(shop: Shop, state: str) -> None:
    leave(shop)
    shop.come_back("c1", state=state)
    assert shop.members("left") == set() and mobile(1) in shop.book()


def test_who_leaves_a_cart_again_joins_again(shop: Shop) -> None:
    leave(shop)
    shop.come_back("c1", state="open", idle_at=shop.now + IDLE)
    shop.wait(IDLE)
    shop.follow()
    assert shop.members("left") == {mobile(1)} and shop.figures() == {"abandoned": 1}


def test_who_was_in_the_group_before_stays_in_it(shop: Shop) -> None:
    join(shop, 1)
    leave(shop)
    assert not shop.cart("c1").group_id
    shop.come_back("c1", state="bought")
    assert shop.members("left") == {mobile(1)}


def test_another_cart_of_the_number_keeps_it_in_the_group(shop: Shop) -> None:
    leave(shop)
    fill(shop, "c2")
    leave(shop, "c3")
    shop.come_back("c1", state="bought")
    shop.come_back("c3", state="closed")
    assert shop.members("left") == {mobile(1)}
    shop.come_back("c2", state="bought")
    assert shop.members("left") == set()


def test_carts_of_two_shops_keep_a_number_in_one_group(store: Store, project: Project, shop: Shop) -> None:
    other = Shop(store, project, name="other", carts_group="LEFT")
    other.now = shop.now
    leave(shop)
    leave(other)
    shop.come_back("c1", state="bought")
    assert shop.members("left") == {mobile(1)}
    other.come_back("c1", state="bought")
    assert shop.members("left") == set()


def test_a_record_that_adds_to_the_group_keeps_its_number_there(store: Store, project: Project, shop: Shop) -> None:
    leave(shop)
    crm = Syncing(store, project, groups=[{"from": "all", "to": "left", "keep": "add_only"}])
    crm.now = shop.now
    crm.read(person(1))
    shop.come_back("c1", state="bought")
    assert shop.members("left") == {mobile(1)}


def test_who_was_taken_out_or_removed_meanwhile_is_no_trouble(shop: Shop) -> None:
    leave(shop)
    leave(shop, "c2", number=2)
    shop.write(group_rules.leave_group, name="left", ids=[_id(shop, 1)], mobiles=[])
    shop.remove(mobile(2))
    shop.come_back("c1", state="bought")
    shop.come_back("c2", state="bought")
    assert shop.members("left") == set() and {*shop.book()} == {mobile(1)}


def _id(shop: Shop, number: int) -> int:
    (found,) = shop.store.read(shop.project, shop.now, contacts.find_contacts_by_mobile, mobiles=[mobile(number)])
    return found.id


# ---- undone, expired, removed -----------------------------------------------------------------------------


def test_an_undo_takes_out_and_removes_whom_carts_made(shop: Shop) -> None:
    calls.create_contacts(shop.store, shop.project, [{"mobile": mobile(2), "fname": "Achieng"}], group=None)
    fill(shop, "c2", number=2)
    leave(shop)
    undo(shop)
    assert shop.members("left") == set() and {*shop.book()} == {mobile(2)}
    shop.follow()
    shop.come_back("c1", state="bought")
    assert shop.members("left") == set() and {*shop.book()} == {mobile(2)}


def test_who_left_a_cart_a_month_ago_leaves_the_group(shop: Shop) -> None:
    leave(shop)
    expire(shop, days=CART_GROUP_DAYS - 1)
    assert shop.members("left") == {mobile(1)} and shop.cart("c1").state == "abandoned"
    expire(shop, days=1)
    assert shop.members("left") == set() and mobile(1) in shop.book()
    assert not shop.list().carts


def test_a_cart_that_holds_no_one_in_a_group_is_kept_as_long_as_events(shop: Shop) -> None:
    leave(shop, number=0)
    expire(shop, days=2)
    assert not shop.list().carts


def expire(shop: Shop, *, days: int) -> None:
    """Days pass, and the worker deletes what is no longer needed."""
    shop.wait(days * DAY)
    while shop.store.read(shop.project, shop.now, cart_expiry.has_expired_cart):
        shop.write(cart_expiry.expire_carts)


@pytest.mark.parametrize("leaves", [True, False])
def test_a_connection_that_is_removed_takes_them_out_if_it_is_asked_to(shop: Shop, leaves: bool) -> None:
    leave(shop)
    join(shop, 2)
    leave(shop, "c2", number=2)
    shop.write(lifecycle.delete_connection, connection_id=shop.id, leave=leaves)
    while shop.write(sync.remove_some, connection_id=shop.id, fence=shop.fence).has_more:
        pass
    assert shop.members("left") == ({mobile(2)} if leaves else {mobile(1), mobile(2)})
    found = shop.store.read(shop.project, shop.now, carts.find_carts_of_numbers, mobiles=[mobile(1), mobile(2)])
    assert not found
