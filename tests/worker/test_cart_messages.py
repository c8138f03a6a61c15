"""A cart that was left is followed by one message, and none goes to someone of whose order the shop knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from daftari.model.projects import Project
from daftari.outbound.exchange import OutboundRequest, OutboundResult
from daftari.rules.connections import cart_questions, lifecycle, sync
from daftari.rules.connections.model import get_connection
from daftari.rules.connections.saving import save_connection
from daftari.rules.connections.webhook_events import replay_events
from daftari.rules.erasure.erase import erase_number
from daftari.store import Store, WriteTx, list_jobs
from tests.support import calls
from tests.support.cart_shop import HOUR, MINUTE, CartShop
from tests.support.connection_steps import SECOND, mobile
from tests.support.fake_crm.shopify_truth import Checkout
from tests.support.schema import execute

Begin = Callable[..., CartShop]


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def begin(store: Store, project: Project) -> Begin:
    def begin(**given: Any) -> CartShop:
        shop = CartShop(store, project, **given)
        shop.remind()
        return shop

    return begin


def answer(shop: CartShop, cart: Checkout, said: Any) -> None:
    """The shop says something of a cart, as a worker writes it."""
    fence = shop.shop.write(sync.take_over, connection_id=shop.shop.id)
    said = cart_questions.Answered(cart.token, shop.now, said)
    usage = shop.shop.work()._usage
    shop.shop.now = shop.now
    named: dict[str, Any] = {"connection_id": shop.shop.id, "fence": fence}
    assert shop.shop.write(cart_questions.take_answers, answers=[said], usage=usage, **named)


# ---- sent -------------------------------------------------------------------------------------------------


def test_a_cart_is_followed_by_one_message_an_hour_after_it_changed_last(begin: Begin) -> None:
    shop = begin()
    cart = shop.leave()
    shop.pass_time(30 * MINUTE)
    shop.truth.change_checkout(cart, total="99.00")
    shop.shop.announce()
    shop.pass_time(59 * MINUTE)
    assert shop.work() == []
    shop.pass_time(MINUTE)
    assert shop.work() == [f"Your cart waits: https://ziwa.myshopify.com/checkouts/ac/{cart.token}/recover"]
    shop.pass_time(24 * HOUR)
    assert shop.work() == []
    assert (shop.reasons(), shop.asked()) == ([("accepted", "")], 1)
    stored = shop.cart(cart)
    assert stored.sent_at and stored.message_id and not stored.waits_from


def test_a_message_that_the_provider_did_not_take_is_sent_again(begin: Begin) -> None:
    shop = begin()
    shop.leave()
    shop.pass_time(HOUR)
    shop.claim()
    shop.shop.run()
    shop.triggers.sending.now = shop.now
    (message,) = shop.triggers.sending.claimed()
    shop.triggers.sending.answer([message], "again")
    shop.pass_time(MINUTE)
    assert len(shop.work()) == 1
    assert shop.reasons() == [("accepted", "")]


def test_a_number_that_is_enough_is_so_only_where_that_was_said(begin: Begin) -> None:
    shop = begin(carts_need="number")
    shop.leave(accepts=False)
    shop.pass_time(HOUR)
    assert len(shop.work()) == 1


# ---- never to a buyer -------------------------------------------------------------------------------------


def test_an_order_of_the_cart_stops_its_message_and_the_shop_is_not_asked(begin: Begin) -> None:
    shop = begin()
    cart = shop.leave()
    shop.truth.complete(cart)
    shop.shop.announce()
    shop.pass_time(HOUR)
    assert shop.work() == []
    assert (shop.reasons(), shop.asked()) == ([("skipped", "ordered")], 0)


def test_an_order_that_comes_before_its_cart_makes_it_bought_from_the_beginning(begin: Begin) -> None:
    shop = begin()
    cart = shop.truth.start_checkout(phone=f"+{mobile(1)}", accepts=True)
    shop.truth.complete(cart)
    started, ordered, _ = shop.truth.happened
    shop.truth.happened = [ordered, started]
    shop.shop.announce()
    assert shop.cart(cart).state == "bought"
    shop.pass_time(HOUR)
    assert (shop.work(), shop.reasons()) == ([], [])
    assert [event.name for event in shop.events()] == ["order"]


def test_an_order_of_which_no_delivery_came_is_known_by_asking(begin: Begin) -> None:
    shop = begin()
    cart = shop.leave()
    shop.truth.complete(cart)
    shop.truth.happened.clear()
    shop.pass_time(HOUR)
    assert shop.work() == []
    assert (shop.reasons(), shop.asked()) == ([("skipped", "ordered")], 1)
    assert shop.cart(cart).state == "bought"


@pytest.mark.parametrize("is_delivered", [True, False], ids=["delivered", "asked"])
@pytest.mark.parametrize("same", ["customer", "email", "phone"])
def test_an_order_from_another_device_is_known_by_the_person(begin: Begin, same: str, is_delivered: bool) -> None:
    shop = begin()
    customer = shop.truth.create("Amina", email="amina@mail.example")
    person = {"customer": customer, "email": "Amina@Mail.example", "phone": f"+{mobile(1)}"}
    cart = shop.leave(**{same: person[same]})
    shop.pass_time(10 * MINUTE)
    shop.truth.order(**{same: "amina@mail.example" if same == "email" else person[same]})
    if not is_delivered:
        shop.truth.happened.clear()
    shop.shop.announce()
    shop.pass_time(50 * MINUTE)
    sent = shop.work()
    if same == "phone" and not is_delivered:
        # Shopify finds no order by a number alone.
        assert len(sent) == 1
    else:
        assert (sent, shop.reasons()) == ([], [("skipped", "ordered")])
        assert shop.cart(cart).state == "bought"


def test_an_order_of_the_person_from_before_the_cart_stops_nothing(begin: Begin) -> None:
    shop = begin()
    customer = shop.truth.create("Amina")
    shop.truth.order(customer=customer, phone=f"+{mobile(1)}")
    shop.shop.announce()
    shop.pass_time(6 * MINUTE)
    shop.leave(customer=customer)
    shop.pass_time(HOUR)
    assert len(shop.work()) == 1


def test_an_order_between_the_answer_and_a_retry_stops_the_message(begin: Begin) -> None:
    shop = begin()
    cart = shop.leave()
    shop.pass_time(HOUR)
    shop.claim()
    shop.shop.run()
    assert shop.cart(cart).answer == "open"
    shop.truth.complete(cart)
    shop.shop.announce()
    assert shop.work() == []
    assert shop.reasons() == [("skipped", "ordered")]


# ---- not the right cart -----------------------------------------------------------------------------------


def test_a_cart_that_was_deleted_is_not_followed_up(begin: Begin) -> None:
    shop = begin()
    cart = shop.leave()
    shop.pass_time(MINUTE)
    shop.truth.delete_checkout(cart)
    shop.shop.announce()
    shop.pass_time(HOUR)
    assert (shop.work(), shop.reasons()) == ([], [("skipped", "cart_closed")])


def test_of_two_carts_of_a_number_the_newest_alone_is_followed_up(begin: Begin) -> None:
    shop = begin()
    shop.leave()
    shop.pass_time(10 * MINUTE)
    newer = shop.leave()
    shop.pass_time(HOUR)
    assert shop.work() == [f"Your cart waits: https://ziwa.myshopify.com/checkouts/ac/{newer.token}/recover"]
    assert shop.reasons() == [("skipped", "superseded"), ("accepted", "")]


def test_an_order_of_another_cart_of_the_number_stops_the_message_whatever_it_says_of_the_person(begin: Begin) -> None:
    shop = begin()
    first = shop.leave()
    shop.pass_time(30 * MINUTE)
    shop.leave()
    shop.pass_time(10 * MINUTE)
    shop.truth.complete(first, phone=None, email=None, customer=None)
    shop.shop.announce([one for one in shop.shop.take_happened() if one.topic == "orders/create"])
    shop.pass_time(HOUR)
    assert shop.work() == []
    assert shop.reasons() == [("skipped", "ordered"), ("skipped", "ordered")]


def test_a_cart_with_another_number_by_now_is_followed_up_there(begin: Begin) -> None:
    shop = begin()
    cart = shop.leave()
    shop.pass_time(MINUTE)
    shop.truth.change_checkout(cart, phone=f"+{mobile(2)}")
    shop.shop.announce()
    shop.pass_time(HOUR)
    assert len(shop.work()) == 1
    assert shop.reasons() == [("skipped", "superseded"), ("accepted", "")]
    assert [message.subject_id for message in shop.triggers.sending.messages()] == [mobile(1), mobile(2)]


def test_who_no_longer_agrees_to_messages_gets_none(begin: Begin) -> None:
    shop = begin()
    cart = shop.leave()
    shop.pass_time(MINUTE)
    shop.truth.change_checkout(cart, accepts=False)
    shop.shop.announce()
    shop.pass_time(HOUR)
    assert (shop.work(), shop.reasons()) == ([], [("skipped", "not_accepted")])


def test_who_opted_out_is_not_asked_about(begin: Begin) -> None:
    shop = begin()
    shop.leave()
    shop.shop.opt_out(mobile(1))
    shop.pass_time(HOUR)
    assert (shop.work(), shop.reasons(), shop.asked()) == ([], [("skipped", "opted_out")], 0)


# ---- one message a person a day ---------------------------------------------------------------------------


def test_a_second_cart_within_a_day_is_not_followed_up(begin: Begin) -> None:
    shop = begin()
    shop.leave()
    shop.pass_time(HOUR)
    assert len(shop.work()) == 1
    shop.leave()
    shop.pass_time(HOUR)
    assert (shop.work(), shop.reasons()) == ([], [("accepted", ""), ("skipped", "sent_before")])
    shop.pass_time(22 * HOUR)
    shop.leave()
    shop.pass_time(HOUR)
    assert len(shop.work()) == 1


def test_the_message_of_a_second_trigger_waits_until_the_first_is_a_day_ago(begin: Begin) -> None:
    shop = begin()
    shop.remind(name="Late", wait="20h", late="8h")
    shop.remind(name="Soon", wait="2h")
    shop.leave()
    shop.pass_time(HOUR)
    assert len(shop.work()) == 1
    shop.pass_time(HOUR)
    assert (shop.work(), shop.reasons()) == ([], [("accepted", ""), ("waiting", ""), ("skipped", "sent_before")])
    shop.pass_time(22 * HOUR)
    assert shop.work() == []
    shop.pass_time(HOUR)
    assert len(shop.work()) == 1


def test_two_triggers_whose_messages_are_due_at_once_send_one(begin: Begin) -> None:
    shop = begin()
    shop.remind(name="Again")
    shop.leave()
    shop.pass_time(HOUR)
    assert len(shop.work()) == 1
    assert sorted(shop.reasons()) == [("accepted", ""), ("skipped", "sent_before")]


# ---- the group of those who left a cart ---------------------------------------------------------------------


@pytest.mark.parametrize("how", ["ordered", "asked", "changed", "deleted"])
def test_who_comes_back_leaves_the_group_of_those_who_left_a_cart(begin: Begin, how: str) -> None:
    shop = begin(carts_group="abandoned-cart")
    cart = shop.leave()
    shop.pass_time(11 * MINUTE)
    shop.shop.run()
    assert shop.shop.members("abandoned-cart") == {mobile(1)}
    if how == "changed":
        shop.truth.change_checkout(cart, total="1.00")
    elif how == "deleted":
        shop.truth.delete_checkout(cart)
    else:
        shop.truth.complete(cart)
    if how == "asked":
        shop.truth.happened.clear()
        shop.pass_time(HOUR)
    shop.shop.announce()
    shop.work()
    assert shop.shop.members("abandoned-cart") == set()
    assert shop.cart(cart).group_id == 0


# ---- asked ------------------------------------------------------------------------------------------------


def test_an_answer_is_relied_on_for_a_minute(begin: Begin) -> None:
    shop = begin()
    shop.leave()
    shop.pass_time(HOUR)
    shop.claim()
    shop.shop.run()
    shop.pass_time(61.0)
    assert shop.claim() == []
    shop.shop.run()
    shop.pass_time(59.0)
    assert (len(shop.claim()), shop.asked()) == (1, 2)


def test_a_cart_that_changed_after_the_answer_waits_anew(begin: Begin) -> None:
    shop = begin()
    cart = shop.leave()
    shop.pass_time(HOUR)
    shop.claim()
    shop.shop.run()
    shop.truth.change_checkout(cart, total="1.00")
    shop.shop.announce()
    assert shop.work() == []
    assert (shop.cart(cart).answer, shop.cart(cart).asked_at) == ("", 0)
    shop.pass_time(HOUR)
    assert (len(shop.work()), shop.asked()) == (1, 2)


def test_a_shop_that_cannot_be_reached_is_asked_once_more_after_five_minutes(begin: Begin) -> None:
    shop = begin()
    shop.leave()
    shop.pass_time(HOUR)
    shop.claim()
    shop.shop.fake.faults.next = ["gateway"] * 10
    shop.shop.run(steps_max=1)
    shop.shop.fake.faults.next.clear()
    assert (shop.claim(), shop.reasons()) == ([], [("waiting", "")])
    shop.pass_time(4 * MINUTE)
    assert shop.work() == []
    shop.pass_time(MINUTE + 5.0)
    assert len(shop.work()) == 1


def test_without_an_answer_nothing_is_sent(begin: Begin) -> None:
    shop = begin()
    shop.leave()
    shop.pass_time(HOUR)
    shop.claim()
    for _ in range(2):
        shop.shop.fake.faults.next = ["gateway"] * 100
        shop.shop.run(steps_max=1)
        shop.shop.fake.faults.next.clear()
        shop.claim()
        shop.pass_time(5 * MINUTE)
    assert (shop.work(), shop.reasons()) == ([], [("expired", "shop_unreachable")])


def test_an_answer_that_does_not_fit_the_question_sends_nothing(begin: Begin) -> None:
    shop = begin()
    cart = shop.leave()
    shop.pass_time(HOUR)
    shop.claim()
    answer(shop, cart, "unknown")
    assert (shop.claim(), shop.reasons()) == ([], [("waiting", "")])
    shop.pass_time(5 * MINUTE)
    shop.claim()
    answer(shop, cart, "unknown")
    assert (shop.claim(), shop.reasons()) == ([], [("expired", "shop_unreachable")])


def test_a_shop_that_takes_no_more_calls_for_a_time_is_asked_after_it(begin: Begin) -> None:
    shop = begin()
    cart = shop.leave()
    shop.pass_time(HOUR)
    shop.claim()
    shop.shop.fake.faults.next = [None, *["bare_limit"] * 5]
    shop.shop.run(steps_max=1)
    shop.shop.fake.faults.next.clear()
    assert shop.shop.open().stored.state == "limited"
    until = shop.shop.open().stored.due_at
    assert shop.cart(cart).ask_at == until > shop.now
    assert shop.claim() == []
    shop.pass_time((until - shop.now) / SECOND + 6.0)
    assert len(shop.work()) == 1


def test_a_worker_that_is_killed_before_the_answer_is_written_asks_again(begin: Begin) -> None:
    shop = begin()
    shop.leave()
    shop.pass_time(HOUR)
    shop.claim()
    send = shop.shop.provider.client.send

    def die(request: OutboundRequest) -> OutboundResult:
        send(request)
        raise KeyboardInterrupt

    client: Any = shop.shop.provider.client
    client.send = die
    with pytest.raises(KeyboardInterrupt):
        shop.shop.run()
    client.send = send
    assert shop.shop.is_due()
    shop.shop.run()
    assert (len(shop.claim()), shop.reasons()) == (1, [("accepted", "")])


def test_a_question_whose_hint_was_lost_is_found(begin: Begin) -> None:
    shop = begin()
    shop.leave()
    shop.pass_time(HOUR)
    shop.shop.run()
    assert not shop.shop.is_due()
    shop.claim()
    assert shop.shop.is_due()


def test_a_claim_wakes_the_job_that_asks_and_the_answer_the_job_that_sends(begin: Begin, database: str) -> None:
    shop = begin()
    store, project = shop.shop.store, shop.shop.project
    shop.leave()
    shop.pass_time(HOUR)
    shop.shop.run()
    execute(database, "DELETE FROM job")
    shop.claim()
    assert (project.id, "sync", str(shop.shop.id)) in store.system_read(shop.now, list_jobs)
    execute(database, "DELETE FROM job")
    shop.shop.run()
    assert (project.id, "send", str(shop.triggers.sending.sender_id)) in store.system_read(shop.now, list_jobs)
    shop.triggers.sending.now = shop.now
    assert shop.triggers.due() == [0]


def test_an_answer_about_a_number_that_was_erased_meanwhile_changes_nothing(begin: Begin) -> None:
    shop = begin()
    cart = shop.leave()
    shop.pass_time(HOUR)
    shop.claim()
    shop.shop.now = shop.now
    shop.shop.write(erase_number, mobile=mobile(1))
    answer(shop, cart, "bought")
    assert (shop.cart(cart).state, shop.cart(cart).asked_at) == ("closed", 0)
    assert (shop.claim(), shop.reasons()) == ([], [("skipped", "erased")])


def test_questions_leave_the_other_readings_their_turn(begin: Begin) -> None:
    shop = begin()
    for number in range(1, 4):
        shop.leave(number)
    shop.pass_time(HOUR)
    shop.claim()
    shop.shop.fake.calls.clear()
    shop.shop.run()
    assert shop.asked() == 3
    assert {"Customers", "CustomersById"} & {*shop.shop.fake.calls}
    assert len(shop.claim()) == 3


# ---- the connection ---------------------------------------------------------------------------------------


def test_a_message_waits_while_the_connection_is_paused_and_is_not_sent_late(begin: Begin) -> None:
    shop = begin()
    shop.leave(1)
    shop.pass_time(HOUR)
    shop.shop.write(lifecycle.pause_connection, connection_id=shop.shop.id)
    assert (shop.work(), shop.reasons()) == ([], [("waiting", "")])
    shop.pass_time(HOUR)
    shop.shop.now = shop.now
    shop.shop.write(lifecycle.start_connection, connection_id=shop.shop.id)
    assert len(shop.work()) == 1
    shop.leave(2)
    shop.pass_time(HOUR)
    shop.shop.write(lifecycle.pause_connection, connection_id=shop.shop.id)
    shop.claim()
    shop.pass_time(4 * HOUR)
    assert (shop.work(), shop.reasons()[-1]) == ([], ("expired", "too_late"))


def test_a_message_of_a_connection_that_was_removed_is_not_sent(begin: Begin) -> None:
    shop = begin()
    shop.leave()
    shop.pass_time(MINUTE)
    shop.shop.write(lifecycle.delete_connection, connection_id=shop.shop.id, leave=False)
    shop.pass_time(HOUR)
    assert (shop.work(), shop.reasons()) == ([], [("skipped", "connection_removed")])


def test_what_was_announced_before_is_read_first(begin: Begin) -> None:
    shop = begin()
    customer = shop.truth.create("Amina", phone=f"+{mobile(1)}")
    shop.truth.consent(customer, "sms", "SUBSCRIBED")
    shop.shop.poll()
    shop.leave(customer=customer)
    shop.pass_time(HOUR)
    shop.truth.consent(customer, "sms", "UNSUBSCRIBED")
    shop.shop.announce()
    assert shop.work() == []
    shop.pass_time(5.0)
    assert (shop.work(), shop.reasons()) == ([], [("skipped", "opted_out")])


def test_a_backlog_of_ten_minutes_ends_the_message(begin: Begin) -> None:
    shop = begin()
    cart = shop.leave()
    shop.shop.run()
    shop.pass_time(HOUR)
    customer = shop.truth.create("Amina")
    shop.shop.announce()
    for _ in range(11):
        shop.claim()
        answer(shop, cart, "open")
        assert shop.claim() == []
        shop.pass_time(MINUTE)
    assert customer
    assert (shop.claim(), shop.reasons()) == ([], [("expired", "connection_behind")])


# ---- without an app ---------------------------------------------------------------------------------------


def push_only(shop: CartShop) -> None:
    def save(tx: WriteTx) -> None:
        opened = get_connection(tx, connection_id=shop.shop.id)
        save_connection(tx, replace(opened, definition=replace(opened.definition, push_only=True)))

    shop.shop.write(save)


def test_a_shop_that_cannot_be_asked_must_have_said_something_within_a_day(begin: Begin) -> None:
    shop = begin()
    shop.remind(name="Late", wait="2d")
    push_only(shop)
    shop.leave(1)
    shop.run_for(HOUR)
    assert len(shop.claim()) == 1
    shop.run_for(47 * HOUR)
    assert (shop.claim(), [reason for _, reason in shop.reasons()]) == ([], ["", "shop_silent"])
    assert shop.asked() == 0


def test_an_order_of_anyone_within_a_day_says_that_the_shop_still_delivers(begin: Begin) -> None:
    shop = begin()
    shop.remind(name="Late", wait="2d")
    push_only(shop)
    shop.leave(1)
    shop.run_for(HOUR)
    assert len(shop.claim()) == 1
    shop.run_for(40 * HOUR)
    shop.truth.order(phone=f"+{mobile(7)}")
    shop.shop.announce()
    shop.run_for(8 * HOUR)
    assert len(shop.claim()) == 1


def test_a_cart_from_before_the_service_stood_still_gets_no_message(begin: Begin) -> None:
    shop = begin()
    push_only(shop)
    shop.leave(1)
    changed = shop.leave(2)
    shop.run_for(50 * MINUTE)
    shop.pass_time(30 * MINUTE)
    assert (shop.claim(), shop.reasons()) == ([], [("waiting", "")] * 2), "no worker has looked yet"
    shop.shop.run()
    shop.pass_time(10.0)
    assert (shop.claim(), shop.reasons()) == ([], [("skipped", "shop_silent")] * 2)
    shop.truth.change_checkout(changed, total="99.00")
    shop.shop.announce()
    shop.run_for(HOUR)
    assert [message.subject_id for message in shop.claim()] == [mobile(2)]


def test_a_word_that_waits_to_be_read_for_a_minute_holds_the_message(begin: Begin) -> None:
    shop = begin()
    push_only(shop)
    customer = shop.truth.create("Amina", f"+{mobile(1)}")
    shop.leave(1)
    shop.run_for(HOUR - 5.0)
    shop.truth.create("New")
    shop.shop.announce()
    shop.pass_time(5.0)
    assert shop.claim() == [], "the new customer waits to be read"
    shop.shop.run()
    shop.pass_time(1.0)
    shop.truth.consent(customer, "sms", "UNSUBSCRIBED")
    shop.shop.announce()
    shop.pass_time(MINUTE + 1.0)
    assert (shop.claim(), shop.reasons()) == ([], [("waiting", "")])
    shop.shop.run()
    shop.pass_time(MINUTE)
    assert (shop.claim(), shop.reasons()) == ([], [("skipped", "opted_out")])


def test_a_busy_shop_is_looked_at_though_its_deliveries_always_come_first(begin: Begin) -> None:
    shop = begin()
    push_only(shop)
    shop.leave(1)
    for _ in range(9):
        shop.truth.create("New")
        shop.shop.announce()
        shop.pass_time(8 * MINUTE)
        shop.shop.run()
    assert len(shop.claim()) == 1


# ---- what fires nothing -----------------------------------------------------------------------------------


def test_a_replay_of_deliveries_sends_nothing_again(begin: Begin) -> None:
    shop = begin()
    shop.leave()
    shop.pass_time(HOUR)
    assert len(shop.work()) == 1
    count = shop.shop.write(replay_events, connection_id=shop.shop.id, since=0)
    assert count
    shop.shop.poll()
    shop.pass_time(25 * HOUR)
    assert (shop.work(), shop.reasons()) == ([], [("accepted", "")])


def test_a_connection_that_was_not_started_sends_nothing(store: Store, project: Project) -> None:
    shop = CartShop(store, project)
    shop.remind()
    webhooks = dict(shop.shop.fake.webhooks)
    shop.shop.write(_as_checked, shop.shop.id)
    assert webhooks
    cart = shop.leave()
    shop.pass_time(HOUR)
    assert (shop.work(), shop.reasons(), shop.cart(cart).state) == ([], [], "open")


def _as_checked(tx: WriteTx, connection_id: int) -> None:
    opened = get_connection(tx, connection_id=connection_id)
    save_connection(tx, replace(opened, stored=replace(opened.stored, state="checked", due_at=0)))
