"""Triggers: what makes and moves a message, what is asked when it is due, and what a person may change meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from daftari.errors import SenderBusy, TriggerNotFound, TriggersFull, ValidationFailed
from daftari.model.limits import TRIGGERS_MAX
from daftari.model.projects import Cap, ConsentSettings, Project
from daftari.rules.erasure.subject_export import export_number
from daftari.rules.feed import read_changes
from daftari.rules.messages import triggers as steps
from daftari.rules.messages.claim import list_busy_senders
from daftari.rules.numbers import Reference
from daftari.rules.senders import lifecycle as senders
from daftari.rules.triggers import lifecycle
from daftari.store import Store
from tests.support import calls, consent_calls
from tests.support.message_steps import HOUR, MINUTE, SECOND, Sending
from tests.support.triggers import CART, Triggers

ONE, TWO = 254_722_000_001, 254_722_000_002
DAY = 24 * HOUR
Begin = Callable[..., Triggers]


@pytest.fixture
def project(store: Store) -> Project:
    project = calls.create_project(store)
    calls.create_contacts(store, project, [{"mobile": str(ONE), "fname": "Wanjiku"}])
    calls.create_group(store, project, "Staff")
    calls.create_group(store, project, "VIP")
    return project


@pytest.fixture
def begin(store: Store, project: Project) -> Begin:
    def begin(project: Project = project, **sender: Any) -> Triggers:
        return Triggers(Sending(store, project, in_flight=100, **sender))

    return begin


def opt_out(triggers: Triggers, mobile: int) -> None:
    sending = triggers.sending
    consent_calls.record_given(
        sending.store, sending.project, [str(mobile)], common={}, kind="opt_out", now=sending.now
    )


def join(triggers: Triggers, group: str, *mobiles: int) -> None:
    sending = triggers.sending
    calls.join_group(sending.store, sending.project, group, ids=[], mobiles=mobiles, now=sending.now)


def leave(triggers: Triggers, group: str, *mobiles: int) -> None:
    sending = triggers.sending
    calls.leave_group(sending.store, sending.project, group, ids=[], mobiles=mobiles, now=sending.now)


def wait_and_send(triggers: Triggers, microseconds: int = HOUR) -> list[str]:
    """The texts that go out after a while."""
    triggers.sending.wait(microseconds)
    return [message.text for message in triggers.sent()]


def test_a_trigger_that_is_made_off_lets_messages_wait_until_it_is_turned_on(begin: Begin) -> None:
    triggers = begin()
    trigger_id = triggers.sending.write(lifecycle.create_trigger, given=CART, is_on=False).id
    assert triggers.show(trigger_id).state == "paused"
    triggers.record("cart", ONE, "c1")
    assert wait_and_send(triggers) == []
    triggers.resume(trigger_id)
    assert wait_and_send(triggers, SECOND) == ["Your cart waits"]


# ---- made and moved -----------------------------------------------------------------------------------


def test_an_event_is_followed_by_one_message_when_the_wait_is_over(begin: Begin) -> None:
    triggers = begin()
    trigger_id = triggers.add(text="Hi {{ fname | you }}: {{ event.url }}")
    (message,) = triggers.record("cart", ONE, "c1", url="https://shop.example/c1").messages
    assert triggers.due() == [HOUR]
    assert wait_and_send(triggers, HOUR - SECOND) == []
    assert wait_and_send(triggers, SECOND) == ["Hi Wanjiku: https://shop.example/c1"]
    assert wait_and_send(triggers, DAY) == []
    shown = triggers.assert_adds_up(trigger_id)
    assert (shown.states, shown.parts) == ({"accepted": 1}, 1)
    (view,) = triggers.views()
    assert (view.id, view.origin, view.trigger, view.campaign, view.key) == (message, "trigger", trigger_id, None, "c1")


def test_a_later_event_of_the_key_moves_the_message_and_an_earlier_one_does_not(begin: Begin) -> None:
    triggers = begin()
    triggers.add(text="{{ event.items }} items")
    began = triggers.sending.now
    triggers.sending.wait(30 * MINUTE)
    first = triggers.record("cart", ONE, "c1", at=began, items=1)
    assert triggers.due() == [30 * MINUTE]
    assert triggers.record("cart", ONE, "c1", at=began + 20 * MINUTE, items=3).messages == first.messages
    assert triggers.due() == [50 * MINUTE]
    assert triggers.record("cart", ONE, "c1", at=began + 10 * MINUTE, items=2).messages == []
    assert triggers.due() == [50 * MINUTE]
    assert wait_and_send(triggers) == ["3 items"]


def test_each_number_and_key_has_a_message_of_its_own(begin: Begin) -> None:
    triggers = begin()
    triggers.add()
    for mobile, key in ((ONE, "c1"), (ONE, "c2"), (TWO, "c1"), (ONE, "")):
        triggers.record("cart", mobile, key)
    assert len(wait_and_send(triggers)) == 4


def test_a_key_that_looks_like_a_round_of_another_one_is_a_key_of_its_own(begin: Begin) -> None:
    triggers = begin()
    triggers.add()
    triggers.record("cart", ONE, "c1")
    triggers.record("cart", ONE, "c1#000001")
    triggers.record("cart", ONE, "c1#000009")
    assert len(wait_and_send(triggers)) == 3
    triggers.record("cart", ONE, "c1", at=triggers.sending.now)
    assert [view.key for view in triggers.views()] == ["c1", "c1#000001", "c1#000009", "c1"]


def test_an_event_after_the_message_was_sent_begins_a_new_round(begin: Begin) -> None:
    triggers = begin()
    trigger_id = triggers.add()
    for _ in range(3):
        triggers.record("cart", ONE, "c1", at=triggers.sending.now)
        assert len(wait_and_send(triggers, 2 * HOUR)) == 1
    assert triggers.assert_adds_up(trigger_id).states == {"accepted": 3}


def test_events_before_or_in_another_name_fire_nothing(begin: Begin) -> None:
    triggers = begin()
    triggers.record("cart", ONE, "c1")
    triggers.add()
    triggers.record("visit", ONE)
    assert triggers.states() == []
    assert triggers.record(" CART ", ONE, "c2").messages != []


def test_an_event_of_the_past_is_due_from_its_own_time_and_one_of_the_future_from_its_receipt(begin: Begin) -> None:
    triggers = begin()
    triggers.add()
    triggers.record("cart", ONE, "past", at=triggers.sending.now - 45 * MINUTE)
    triggers.record("cart", ONE, "future", at=triggers.sending.now + DAY)
    triggers.record("cart", ONE, "long ago", at=triggers.sending.now - DAY)
    assert triggers.due() == [15 * MINUTE, HOUR, -23 * HOUR]
    assert len(wait_and_send(triggers, 15 * MINUTE)) == 1
    assert triggers.states()[2] == ("expired", "too_late")


def test_the_same_event_again_is_one(begin: Begin) -> None:
    triggers = begin()
    triggers.add()
    at = triggers.sending.now - MINUTE

    def outcome_of(key: str, at: int | None = None) -> str:
        return triggers.record("cart", ONE, key, at=at).outcome

    assert [outcome_of("c1", at), outcome_of("c1", at), outcome_of("c1", at + 1)] == [
        "recorded",
        "duplicate",
        "recorded",
    ]
    assert [outcome_of("", at), outcome_of("", at)] == ["recorded", "duplicate"]
    assert [outcome_of("c2"), outcome_of("c2"), outcome_of("c2", at)] == ["recorded", "duplicate", "recorded"]
    assert [outcome_of(""), outcome_of("")] == ["recorded", "recorded"]
    triggers.sending.wait(DAY - SECOND)
    assert outcome_of("c2") == "duplicate"
    triggers.sending.wait(2 * SECOND)
    assert outcome_of("c2") == "recorded"


def test_events_that_come_twice_in_one_call_are_one(begin: Begin) -> None:
    triggers = begin()
    triggers.add()
    one = {"name": "cart", "mobile": f"+{ONE}", "key": "c1"}
    outcomes = triggers.record_all([one, one, {**one, "at": 1_700_000_000}, {**one, "at": "1700000000"}, {"name": "x"}])
    assert [one.outcome for one in outcomes] == ["recorded", "duplicate", "recorded", "duplicate", "invalid"]
    assert [*(outcomes[-1].errors or {})] == ["mobile"]
    assert triggers.states() == [("waiting", "")]
    assert [len(one.messages) for one in outcomes] == [1, 0, 0, 0, 0]


def test_an_event_while_its_message_is_sent_has_a_message_of_its_own_and_no_one_gets_both(begin: Begin) -> None:
    triggers = begin()
    trigger_id = triggers.add()
    triggers.record("cart", ONE, "c1")
    triggers.sending.wait(HOUR)
    sent = triggers.sending.claimed()
    triggers.record("cart", ONE, "c1", at=triggers.sending.now)
    triggers.sending.answer(sent, "again")
    assert triggers.states() == [("waiting", ""), ("waiting", "")]
    assert len(wait_and_send(triggers)) == 1
    assert triggers.states() == [("skipped", "duplicate"), ("accepted", "")]
    triggers.assert_adds_up(trigger_id)


def test_a_message_that_was_not_taken_is_asked_again_and_moved_by_a_new_event(begin: Begin) -> None:
    triggers = begin()
    triggers.add(text="{{ event.items }} items")
    triggers.record("cart", ONE, "c1", items=1)
    triggers.record("cart", TWO, "c2", items=1)
    triggers.record("cart", TWO, "c3", items=1)
    triggers.sending.wait(HOUR)
    triggers.sending.answer(triggers.sending.claimed(), "again")
    triggers.record("order", TWO, "c2")
    triggers.record("cart", TWO, "c3", at=triggers.sending.now, items=2)
    assert wait_and_send(triggers, MINUTE) == ["1 items"]
    assert triggers.states() == [("accepted", ""), ("skipped", "ordered"), ("waiting", "")]
    assert wait_and_send(triggers, HOUR) == ["2 items"]


# ---- asked when it is due -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cart_key", "order_key", "minutes", "is_sent"),
    [
        ("c1", "c1", -600, False),
        ("c1", "c1", 30, False),
        ("c1", "c2", 30, True),
        ("", "", 30, False),
        ("c1", "", 30, False),
        ("", "o1", 30, False),
        ("", "", -4, False),
        ("c1", "", -6, True),
        ("", "o1", -600, True),
    ],
)
def test_an_order_stops_the_message_by_its_key_or_by_its_time(
    begin: Begin, cart_key: str, order_key: str, minutes: int, is_sent: bool
) -> None:
    triggers = begin()
    triggers.add()
    triggers.sending.wait(DAY)
    cart = triggers.sending.now
    if minutes < 0:
        triggers.sending.now = cart + minutes * MINUTE
        triggers.record("order", ONE, order_key)
        triggers.sending.now = cart
    triggers.record("cart", ONE, cart_key)
    if minutes > 0:
        triggers.sending.wait(minutes * MINUTE)
        triggers.record("order", ONE, order_key)
    triggers.sending.now = cart + HOUR
    assert len(triggers.sent()) == is_sent
    assert triggers.states() == [("accepted", "") if is_sent else ("skipped", "ordered")]


def test_an_order_without_a_key_that_is_told_late_counts_from_its_receipt(begin: Begin) -> None:
    triggers = begin()
    triggers.add()
    triggers.record("cart", ONE, "c1")
    triggers.record("order", ONE, at=triggers.sending.now - DAY)
    assert wait_and_send(triggers) == []
    assert triggers.states() == [("skipped", "ordered")]


def test_an_order_of_another_number_stops_nothing(begin: Begin) -> None:
    triggers = begin()
    triggers.add()
    triggers.record("cart", ONE, "c1")
    triggers.record("order", TWO, "c1")
    assert len(wait_and_send(triggers)) == 1


def test_a_group_stops_the_message_of_its_members_or_of_those_who_left(begin: Begin) -> None:
    triggers = begin()
    calls.create_contacts(triggers.sending.store, triggers.sending.project, [{"mobile": str(TWO)}])
    triggers.add(unless=[{"in": "staff"}, {"leaves": "VIP"}])
    join(triggers, "VIP", ONE, TWO)
    three, four = ONE + 2, ONE + 3
    for mobile in (ONE, TWO, three):
        triggers.record("cart", mobile)
    join(triggers, "Staff", ONE)
    assert len(wait_and_send(triggers)) == 1
    # A number that is no contact is in no group.
    assert triggers.states() == [("skipped", "in_group"), ("accepted", ""), ("skipped", "left_group")]
    triggers.record("cart", TWO)
    triggers.record("cart", four)
    leave(triggers, "VIP", TWO)
    assert wait_and_send(triggers) == []
    assert triggers.states()[3:] == [("skipped", "left_group")] * 2


@pytest.mark.parametrize(
    ("again", "hours", "is_sent"), [("always", 2, True), ("7d", 167, False), ("7d", 169, True), ("once", 9_000, False)]
)
def test_a_number_is_sent_it_again_as_often_as_the_trigger_says(
    begin: Begin, again: str, hours: int, is_sent: bool
) -> None:
    triggers = begin()
    triggers.add(again=again)
    triggers.record("cart", ONE, "c1")
    assert len(wait_and_send(triggers)) == 1
    triggers.sending.wait((hours - 1) * HOUR)
    triggers.record("cart", ONE, "c2")
    triggers.record("cart", TWO, "c2")
    assert len(wait_and_send(triggers)) == 1 + is_sent
    assert triggers.states()[1] == (("accepted", "") if is_sent else ("skipped", "sent_before"))


def test_two_carts_that_are_due_together_are_one_message_where_it_is_sent_once(begin: Begin) -> None:
    triggers = begin()
    triggers.add(again="once")
    triggers.record("cart", ONE, "c1")
    triggers.record("cart", ONE, "c2")
    assert len(wait_and_send(triggers)) == 1
    assert triggers.states() == [("accepted", ""), ("skipped", "sent_before")]


def test_what_was_refused_was_not_sent(begin: Begin) -> None:
    triggers = begin()
    triggers.add(again="once")
    triggers.record("cart", ONE, "c1")
    triggers.sending.wait(HOUR)
    triggers.sent("refused")
    triggers.record("cart", ONE, "c2")
    assert len(wait_and_send(triggers)) == 1


def test_an_opt_out_before_it_is_due_is_kept_and_said(begin: Begin) -> None:
    triggers = begin()
    trigger_id = triggers.add()
    triggers.record("cart", ONE, "c1")
    opt_out(triggers, ONE)
    assert wait_and_send(triggers) == []
    assert triggers.assert_adds_up(trigger_id).reasons == {"opted_out": 1}


def test_who_was_a_contact_and_is_none_any_more_gets_nothing(begin: Begin) -> None:
    triggers = begin()
    sending = triggers.sending
    triggers.add()
    triggers.record("cart", ONE)
    triggers.record("cart", TWO)
    removing = replace(sending.project, consent=ConsentSettings(on_delete="removal"))
    calls.delete_contact(sending.store, removing, str(ONE))
    assert len(wait_and_send(triggers)) == 1
    assert triggers.states() == [("skipped", "removed"), ("accepted", "")]


def test_a_message_that_is_not_sent_takes_none_of_the_number_s_share(begin: Begin, project: Project) -> None:
    caps = replace(project, consent=ConsentSettings(caps={"transactional": Cap(messages=1, hours=24)}))
    triggers = begin(caps)
    triggers.add()
    triggers.record("cart", ONE, "c1")
    triggers.record("order", ONE, "c1")
    triggers.record("cart", ONE, "c2")
    triggers.record("cart", ONE, "c3")
    assert len(wait_and_send(triggers)) == 1
    assert triggers.states() == [("skipped", "ordered"), ("accepted", ""), ("skipped", "too_often")]


def test_outside_of_the_hours_a_message_waits_as_long_as_it_may_be_late(begin: Begin) -> None:
    # It is 01:13 in Nairobi.
    triggers = begin(hours="08:00-20:00 Africa/Nairobi")
    triggers.add(wait="0s", late="4h")
    triggers.add(wait="0s", late="12h", text="Good morning")
    triggers.record("cart", ONE)
    assert triggers.sent() == []
    assert triggers.states() == [("skipped", "quiet_hours"), ("waiting", "")]
    assert wait_and_send(triggers, 7 * HOUR) == ["Good morning"]


def test_a_number_that_was_erased_gets_nothing_and_its_events_are_gone(begin: Begin) -> None:
    triggers = begin()
    sending = triggers.sending
    trigger_id = triggers.add()
    triggers.record("cart", ONE, "c1", url="https://shop.example")
    triggers.record("cart", TWO, "c1")
    triggers.sending.wait(HOUR)
    (sent,) = [one for one in sending.claimed() if one.subject_id == TWO]
    triggers.record("cart", ONE, "c2")
    consent_calls.erase_number(sending.store, sending.project, ONE, now=sending.now)
    consent_calls.erase_number(sending.store, sending.project, TWO, now=sending.now)
    assert (triggers.kept(ONE), triggers.kept(TWO)) == (0, 0)
    sending.answer([sent], "again")
    assert wait_and_send(triggers) == []
    reasons = triggers.assert_adds_up(trigger_id).reasons
    assert reasons["erased"] == 2
    assert {(view.mobile, view.key, view.text) for view in triggers.views()} == {(None, "", "")}


def test_events_are_part_of_what_is_exported_about_a_number(begin: Begin) -> None:
    triggers = begin()
    triggers.add(on={"joins": "VIP"}, unless=[])
    join(triggers, "VIP", ONE)
    triggers.record("cart", ONE, "c1", url="https://shop.example")
    sending = triggers.sending
    found = sending.store.read(sending.project, sending.now, export_number, reference=Reference(f"+{ONE}", "KE"))
    joined, cart = found.events
    assert joined.joins == "VIP"
    assert (cart.name, cart.key, cart.fields) == ("cart", "c1", {"url": "https://shop.example"})
    assert found.messages[0].origin == "trigger"


def test_the_feed_says_which_messages_of_a_trigger_came_to_their_end(begin: Begin) -> None:
    triggers = begin()
    trigger_id = triggers.add()
    (message,) = triggers.record("cart", ONE, "c1").messages
    triggers.record("order", ONE, "c1")
    wait_and_send(triggers)
    sending = triggers.sending
    page = sending.store.read(
        sending.project, sending.now, read_changes, after=0, limit=100, types=["messages.settled"]
    )
    assert [(one.trigger, one.campaign, one.message_ids) for one in page.changes] == [
        (trigger_id, None, [[message, message]])
    ]


# ---- joins --------------------------------------------------------------------------------------------


def test_a_contact_that_joins_a_group_is_sent_a_welcome(begin: Begin) -> None:
    triggers = begin()
    trigger_id = triggers.add(on={"joins": "vip"}, wait="30m", unless=[{"leaves": "VIP"}], text="Welcome {{ fname }}")
    join(triggers, "Staff", ONE)
    assert triggers.states() == []
    join(triggers, "VIP", ONE)
    assert triggers.due() == [30 * MINUTE]
    assert wait_and_send(triggers, 30 * MINUTE) == ["Welcome Wanjiku"]
    leave(triggers, "VIP", ONE)
    join(triggers, "VIP", ONE)
    leave(triggers, "VIP", ONE)
    assert wait_and_send(triggers) == []
    (_, left) = triggers.views()
    assert (left.state, left.reason, left.key) == ("skipped", "left_group", "")
    triggers.assert_adds_up(trigger_id)


def test_a_join_is_stopped_by_an_event_from_then_on(begin: Begin) -> None:
    triggers = begin()
    triggers.add(on={"joins": "VIP"})
    triggers.record("order", ONE, "o1")
    triggers.sending.wait(HOUR)
    join(triggers, "VIP", ONE)
    assert len(wait_and_send(triggers)) == 1
    leave(triggers, "VIP", ONE)
    join(triggers, "VIP", ONE)
    triggers.record("order", ONE, "o2")
    assert wait_and_send(triggers) == []


def test_only_calls_that_join_one_contact_fire_unless_it_is_asked_for(begin: Begin) -> None:
    triggers = begin()
    store, project = triggers.sending.store, triggers.sending.project
    triggers.add(on={"joins": "VIP"}, unless=[])

    def people(first: int, many: int) -> list[dict[str, Any]]:
        return [{"mobile": str(ONE + first + number)} for number in range(many)]

    calls.create_contacts(store, project, people(10, 2), group="VIP")
    assert triggers.states() == []
    calls.create_contacts(store, project, people(20, 1), group="VIP")
    calls.create_contact(store, project, people(21, 1)[0], group="VIP")
    calls.create_contacts(store, project, [*people(22, 1), *people(22, 1)], group="VIP")
    calls.update_contact(store, project, str(ONE), None, group="VIP")
    assert len(triggers.states()) == 4
    calls.create_contacts(store, project, people(30, 3), group="VIP", fire_triggers=True)
    assert len(triggers.states()) == 7
    calls.create_contacts(store, project, people(40, 2))
    calls.join_group(store, project, "VIP", ids=[], mobiles=[ONE + 40, ONE + 41])
    assert len(triggers.states()) == 7
    leave(triggers, "VIP", ONE + 40, ONE + 41)
    calls.join_group(store, project, "VIP", ids=[], mobiles=[ONE + 40, ONE + 41], fire_triggers=True)
    assert len(triggers.states()) == 9


def test_a_group_keeps_its_trigger_under_another_name_and_takes_it_along_when_it_is_deleted(begin: Begin) -> None:
    triggers = begin()
    store, project = triggers.sending.store, triggers.sending.project
    trigger_id = triggers.add(on={"joins": "VIP"}, unless=[{"in": "Staff"}])
    calls.update_group(store, project, "VIP", "Gold")
    calls.update_group(store, project, "Staff", "Team")
    shown = triggers.show(trigger_id)
    assert (shown.on.joins, shown.unless[0].in_, shown.warning) == ("Gold", "Team", None)
    join(triggers, "Gold", ONE)
    assert len(wait_and_send(triggers)) == 1
    calls.delete_group(store, project, "Team")
    assert "'Staff' of unless was deleted" in str(triggers.show(trigger_id).warning)
    calls.delete_group(store, project, "Gold")
    calls.create_group(store, project, "Gold")
    join(triggers, "Gold", ONE)
    assert len(triggers.states()) == 1
    assert "add another one" in str(triggers.show(trigger_id).warning)


def test_everyone_left_a_group_that_was_deleted(begin: Begin) -> None:
    triggers = begin()
    trigger_id = triggers.add(unless=[{"leaves": "VIP"}])
    join(triggers, "VIP", ONE)
    triggers.record("cart", ONE)
    calls.delete_group(triggers.sending.store, triggers.sending.project, "VIP")
    assert wait_and_send(triggers) == []
    assert triggers.states() == [("skipped", "left_group")]
    assert "no message is sent" in str(triggers.show(trigger_id).warning)


# ---- changed, paused, deleted -------------------------------------------------------------------------


def test_a_change_counts_for_every_message_that_is_not_being_sent(begin: Begin) -> None:
    triggers = begin()
    trigger_id = triggers.add()
    triggers.record("cart", ONE, "c1")
    triggers.record("order", ONE, "c1")
    shown = triggers.change(trigger_id, text="Still there?", unless=None, wait="2h")
    assert (shown.text, shown.unless, shown.wait, shown.name) == ("Still there?", [], "2h", "Cart reminder")
    assert triggers.views()[0].text == "Still there?"
    assert wait_and_send(triggers) == []
    assert wait_and_send(triggers) == ["Still there?"]


def test_a_shorter_wait_moves_what_waits_some_at_a_time(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "CHANGED_PER_STEP", 2)
    triggers = begin()
    trigger_id = triggers.add(wait="2d", again="always")
    for number in range(7):
        triggers.record("cart", ONE + number, "c1")
    triggers.change(trigger_id, wait="90m")
    assert sorted(triggers.due()) == [90 * MINUTE] * 2 + [48 * HOUR] * 5
    triggers.sent()
    triggers.sent()
    triggers.sent()
    assert triggers.due() == [90 * MINUTE] * 7
    assert triggers.show(trigger_id).wait == "1h30m"
    assert len(wait_and_send(triggers, 90 * MINUTE)) == 7


def test_messages_of_a_paused_trigger_wait_and_those_that_are_too_late_expire(begin: Begin) -> None:
    triggers = begin()
    trigger_id = triggers.add(late="2h")
    triggers.record("cart", ONE, "c1")
    triggers.pause(trigger_id)
    assert wait_and_send(triggers, 3 * HOUR) == []
    triggers.record("cart", TWO, "c1", at=triggers.sending.now - HOUR)
    assert triggers.show(trigger_id).state == "paused"
    triggers.sending.wait(SECOND)
    triggers.resume(trigger_id)
    assert len(wait_and_send(triggers, SECOND)) == 1
    assert triggers.assert_adds_up(trigger_id).reasons == {"too_late": 1}


def test_messages_of_a_deleted_trigger_are_cancelled_some_at_a_time(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "CHANGED_PER_STEP", 2)
    triggers = begin()
    trigger_id = triggers.add(wait="0s")
    triggers.record("cart", ONE, "c1")
    triggers.sent()
    for number in range(5):
        triggers.record("cart", ONE + number, "c2", url="https://shop.example")
    triggers.delete(trigger_id)
    assert triggers.ids() == []
    for _ in range(3):
        assert triggers.sent() == []
    assert triggers.states() == [("accepted", ""), *[("cancelled", "")] * 5]
    assert triggers.record("cart", ONE, "c3").messages == []
    assert {(view.origin, view.trigger) for view in triggers.views()} == {("trigger", trigger_id)}
    for act in (triggers.show, triggers.delete, triggers.pause, triggers.resume, triggers.change):
        with pytest.raises(TriggerNotFound):
            act(trigger_id)


def test_a_deleted_trigger_on_a_group_costs_joins_nothing_any_more(begin: Begin) -> None:
    triggers = begin()
    first, second = (triggers.add(on={"joins": "VIP"}, unless=[]) for _ in range(2))
    triggers.delete(first)
    join(triggers, "VIP", ONE)
    assert len(triggers.states()) == 1
    triggers.delete(second)
    counted: list[int] = []
    triggers.sending.write(lambda tx: counted.append(tx.book.join_triggers))
    assert counted == [0]


def test_what_waits_goes_to_the_sender_that_the_trigger_has_now(begin: Begin, store: Store, project: Project) -> None:
    triggers = begin()
    other = Sending(store, project, name="OTHER")
    trigger_id = triggers.add()
    triggers.record("cart", ONE)
    assert triggers.change(trigger_id, sender="OTHER").sender == "OTHER"
    other.now = triggers.sending.now + HOUR
    assert len(other.claimed()) == 1
    with pytest.raises(SenderBusy, match="Cart reminder"):
        triggers.sending.write(senders.delete_sender, sender_id=other.sender_id)
    triggers.sending.write(senders.delete_sender, sender_id=triggers.sending.sender_id)


def test_what_waits_at_a_paused_sender_goes_to_another_one_too(
    begin: Begin, store: Store, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "CHANGED_PER_STEP", 2)
    triggers = begin()
    sending = triggers.sending
    other = Sending(store, project, name="OTHER")
    trigger_id = triggers.add()
    for number in range(5):
        triggers.record("cart", ONE + number)
    sending.write(senders.pause_sender, sender_id=sending.sender_id)
    triggers.change(trigger_id, sender="OTHER")
    while str(sending.sender_id) in store.read(project, sending.now, list_busy_senders):
        assert sending.claimed() == []
    other.now = sending.now + HOUR
    assert len(other.claimed()) == 5


def test_a_template_that_the_provider_refuses_pauses_the_trigger_until_it_is_changed(begin: Begin) -> None:
    settings = {"phone_number_id": "106540352242922"}
    triggers = begin(
        channel="whatsapp",
        gateway="whatsapp",
        name="254711000000",
        settings=settings,
        credentials={"access_token": "EAAB"},
    )
    template = {"text": None, "template": "cart", "language": "sw", "params": ["{{ event.items }}"]}
    trigger_id = triggers.add(sender="254711000000", wait="0s", **template)
    triggers.record("cart", ONE, items=3)
    triggers.sending.answer(triggers.sending.claimed(), "stop", code="132001", says="no such template")
    shown = triggers.assert_adds_up(trigger_id)
    assert (shown.state, shown.states) == ("paused", {"waiting": 1})
    assert "no such template" in str(shown.warning)
    triggers.change(trigger_id, template="carts")
    triggers.resume(trigger_id)
    assert triggers.show(trigger_id).warning is None
    (sent,) = wait_and_send(triggers, MINUTE)
    assert '"template":"carts"' in sent and '"params":["3"]' in sent


def test_messages_wait_for_a_sender_that_is_paused(begin: Begin) -> None:
    triggers = begin()
    sending = triggers.sending
    trigger_id = triggers.add()
    triggers.record("cart", ONE)
    sending.write(senders.pause_sender, sender_id=sending.sender_id)
    assert triggers.show(trigger_id).sender_paused == senders.PAUSED
    assert wait_and_send(triggers) == []
    sending.write(senders.resume_sender, sender_id=sending.sender_id)
    assert len(wait_and_send(triggers, SECOND)) == 1


def test_triggers_and_calls_have_turns_where_one_message_at_a_time_goes_out(begin: Begin) -> None:
    triggers = begin(parts_per_second=1)
    first, second = triggers.add(wait="0s"), triggers.add(wait="0s", name="Second")
    for number in range(4):
        triggers.record("cart", ONE + number)
    triggers.sending.create([ONE + number for number in range(4)])
    origins = []
    for _ in range(12):
        triggers.sending.wait(SECOND)
        origins += [message.origin_id for message in triggers.sent()]
    assert [sorted(origins[place : place + 3]) for place in (0, 3, 6, 9)] == [[0, first, second]] * 4


# ---- written down -------------------------------------------------------------------------------------


def test_a_trigger_is_shown_as_it_was_written(begin: Begin) -> None:
    triggers = begin()
    unless = [{"event": "Order"}, {"in": "staff"}, {"leaves": "VIP"}]
    shown = triggers.show(triggers.add(wait="90m", unless=unless, again="7D", late="1d 12h", on={"event": "Cart"}))
    assert (shown.state, shown.on.event, shown.wait, shown.again, shown.late) == ("on", "Cart", "1h30m", "7d", "1d12h")
    assert [(one.event, one.in_, one.leaves) for one in shown.unless] == [
        ("Order", None, None),
        (None, "Staff", None),
        (None, None, "VIP"),
    ]
    assert (shown.sender, shown.channel, shown.purpose, shown.warning) == ("DUKA", "sms", "transactional", None)
    assert triggers.show(triggers.add(again="once", wait="0s")).again == "once"


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"name": None}, "name", "is required"),
        ({"on": None}, "on", '{"event": "cart"}'),
        ({"on": "cart"}, "on", "is 'cart'; write one of event, joins"),
        ({"on": {"event": "cart", "joins": "VIP"}}, "on", "write one of event, joins"),
        ({"on": {"leaves": "VIP"}}, "on", "write one of event, joins"),
        ({"on": {"event": " "}}, "on.event", "is required"),
        ({"on": {"event": "x" * 65}}, "on.event", "64 characters"),
        ({"on": {"joins": "Vip2"}}, "on.joins", "names 'Vip2', and there is no such group; there are: 'Staff', 'VIP'"),
        ({"wait": None}, "wait", "such as 1h"),
        ({"wait": "1 hour"}, "wait", "is '1 hour'; write a number with its unit"),
        ({"wait": 60}, "wait", "is '60'; write a number with its unit"),
        ({"wait": "91d"}, "wait", "is '91d'; it must be from 0s to 90d"),
        ({"late": "5s"}, "late", "it must be from 1m to 30d"),
        ({"again": "often"}, "again", "or write always or once"),
        ({"unless": [{"event": "cart"}]}, "unless.0.event", "nothing would ever be sent"),
        ({"unless": [{"in": "Guests"}]}, "unless.0.in", "there is no such group"),
        ({"unless": [{"joins": "VIP"}]}, "unless.0", "write one of event, in, leaves"),
        ({"unless": "order"}, "unless", "must be a list"),
        ({"sender": None}, "sender", "GET /v1/senders"),
        ({"sender": "NONE"}, "sender", "there are: 'DUKA'"),
        ({"text": "Hi {{ event }}"}, "text", "event"),
        ({"on": {"joins": "VIP"}, "text": "{{ event.url }}"}, "text", "event.url"),
        ({"purpose": "marketing"}, "purpose", "transactional"),
        ({"template": "order_ready"}, "template", "whatsapp"),
    ],
)
def test_what_is_wrong_with_a_trigger_is_quoted_with_what_would_be_right(
    begin: Begin, given: dict[str, Any], field: str, said: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        begin().add(**given)
    assert [*refused.value.errors] == [field]
    assert said in refused.value.errors[field][0]


def test_what_a_trigger_is_on_stays(begin: Begin) -> None:
    triggers = begin()
    trigger_id = triggers.add()
    triggers.change(trigger_id, on={"event": "CART"})
    for on in ({"event": "visit"}, {"joins": "cart"}):
        with pytest.raises(ValidationFailed, match="stays"):
            triggers.change(trigger_id, on=on)


def test_a_project_has_a_limited_number_of_triggers(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daftari.rules.triggers.lifecycle.TRIGGERS_MAX", 2)
    assert TRIGGERS_MAX > 2
    triggers = begin()
    triggers.add()
    triggers.delete(triggers.add())
    triggers.add()
    with pytest.raises(TriggersFull):
        triggers.add()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"),
        ({"mobile": "07"}, "mobile"),
        ({"key": "x" * 129}, "key"),
        ({"key": ["x"]}, "key"),
        ({"at": "yesterday"}, "at"),
        ({"fields": "url"}, "fields"),
        ({"fields": {str(number): 1 for number in range(21)}}, "fields"),
        ({"fields": {"x" * 65: 1}}, "fields." + "x" * 64),
        ({"fields": {"url": "x" * 501}}, "fields.url"),
        ({"fields": {"items": ["shoes"]}}, "fields.items"),
        ({"fields": {"": 1}}, "fields."),
    ],
)
def test_what_is_wrong_with_an_event_is_named(begin: Begin, given: dict[str, Any], field: str) -> None:
    (outcome,) = begin().record_all([{"name": "cart", "mobile": f"+{ONE}", **given}])
    assert [*(outcome.errors or {})] == [field]


# ---- kept, and deleted --------------------------------------------------------------------------------


def test_events_are_kept_for_the_longest_wait_and_a_day(begin: Begin) -> None:
    triggers = begin()
    triggers.record("order", ONE, "o1")
    triggers.add(wait="2d")
    triggers.sending.wait(3 * DAY - SECOND)
    triggers.expire()
    assert triggers.kept(ONE) == 1
    triggers.sending.wait(2 * HOUR)
    triggers.expire()
    assert triggers.kept(ONE) == 0


def test_events_are_kept_while_a_message_to_the_number_waits(begin: Begin) -> None:
    triggers = begin()
    trigger_id = triggers.add(late="30d", wait="0s")
    triggers.change(trigger_id, late="4h")
    triggers.pause(trigger_id)
    triggers.record("order", ONE, "c1")
    triggers.record("cart", ONE, "c1")
    triggers.record("order", TWO, "c1")
    triggers.sending.wait(5 * DAY)
    triggers.expire()
    assert (triggers.kept(ONE), triggers.kept(TWO)) == (2, 0)
    triggers.resume(trigger_id)
    assert triggers.sent() == []
    triggers.sending.wait(2 * HOUR)
    triggers.expire()
    assert triggers.kept(ONE) == 0


def test_an_event_is_known_as_long_as_its_message_might_be_sent(begin: Begin) -> None:
    triggers = begin()
    triggers.add(wait="1h", late="10d")
    at = triggers.sending.now
    triggers.record("cart", ONE, "c1", at=at)
    assert len(wait_and_send(triggers)) == 1
    triggers.sending.wait(9 * DAY)
    triggers.expire()
    assert triggers.record("cart", ONE, "c1", at=at).outcome == "duplicate"
