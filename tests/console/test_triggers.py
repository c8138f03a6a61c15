"""The pages of triggers: made, looked at, turned on, changed, turned off, and what each sent and did not send."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from daftari.console import trigger_words
from daftari.model.limits import TRIGGERS_MAX
from daftari.model.time import current_time
from daftari.rules.triggers import lifecycle
from daftari.store import Store
from tests.conftest import People
from tests.console.conftest import Everyone
from tests.console.test_contacts import HOSTILE, Book, at, book, rows_of
from tests.console.test_users import id_of
from tests.support.browsers import Browser, FoundPage
from tests.support.message_steps import HOUR, MINUTE, Sending
from tests.support.triggers import CART, Triggers

__all__ = ["book"]
ONE, TWO = 254_722_000_001, 254_722_000_002


@pytest.fixture
def triggers(store: Store, people: People) -> Triggers:
    """The triggers of Shopify, and its sender."""
    return Triggers(Sending(store, people.shopify, now=current_time(), in_flight=100))


def form_of(everyone: Everyone, browser: Browser) -> FoundPage:
    return browser.get(at(everyone, "/triggers/new"))


def make(everyone: Everyone, triggers: Triggers, **typed: Any) -> FoundPage:
    """What is shown after Ed made a trigger on carts."""
    given: dict[str, Any] = {
        "name": "Cart reminder",
        "on": "event",
        "event": "cart",
        "sender": str(triggers.sending.sender_id),
        "text": "Your cart waits",
    }
    return everyone.ed.submit(form_of(everyone, everyone.ed), at(everyone, "/triggers/new"), **{**given, **typed})


# ---- made -----------------------------------------------------------------------------------------------


def test_the_empty_page_says_what_a_trigger_is(everyone: Everyone) -> None:
    page = everyone.ed.get(at(everyone, "/triggers"))
    assert "One message to one person, when something happens" in page.text
    assert at(everyone, "/triggers/new") in page.links
    assert at(everyone, "/triggers/new") not in everyone.vic.get(at(everyone, "/triggers")).links
    assert "There is no sender yet." in form_of(everyone, everyone.ed).text


def test_a_trigger_is_made_off_and_says_what_it_will_do(everyone: Everyone, book: Book, triggers: Triggers) -> None:
    book.add({"mobile": "0722000009"}, group="VIP")
    page = make(
        everyone,
        triggers,
        wait="30",
        wait_unit="m",
        unless=["event", "in", "leaves", ""],
        unless_name=["order", "vip", "VIP", ""],
        again="after",
        again_after="7",
        again_unit="d",
        text="Hi {{ fname | rafiki }}: {{ event.url }}",
    )
    assert page.status == 200
    assert page.heading == "Cart reminder"
    assert "It is made, and off." in page.text
    assert "30 minutes after a program reports \u2068cart\u2069" in page.text
    assert (
        "\u2068order\u2069 was reported meanwhile or they are in \u2068VIP\u2069 "
        "or they are no longer in \u2068VIP\u2069" in page.text
    )
    assert "at most once in 7 days" in page.text
    assert "more than 4 hours after its time" in page.text
    assert "Hi First name : event.url" in page.text
    (made,) = (triggers.show(number) for number in triggers.ids())
    assert (made.state, made.wait, made.again, made.late) == ("paused", "30m", "7d", "4h")


def test_a_trigger_on_a_group_is_made_from_its_name(everyone: Everyone, book: Book, triggers: Triggers) -> None:
    book.add({"mobile": "0722000009"}, group="VIP")
    page = make(everyone, triggers, on="joins", joins="vip", wait="0", text="Karibu")
    assert "As soon as someone joins \u2068VIP\u2069" in page.text
    listed = everyone.vic.get(at(everyone, "/triggers"))
    assert "1 trigger" in listed.text
    assert "Cart reminder As soon as someone joins" in listed.text
    assert "Off" in listed.text


def test_a_trigger_that_cannot_be_made_is_refused_at_its_fields_with_what_was_typed(
    everyone: Everyone, triggers: Triggers
) -> None:
    page = make(
        everyone,
        triggers,
        name="",
        event="cart",
        wait="soon",
        late="400",
        late_unit="d",
        unless=["event", "in", "event"],
        unless_name=["cart", "unknown", ""],
        sender="99",
    )
    assert page.status == 422
    assert "In a line either what or the name is missing." in page.text
    assert [value for name, value in page.form(at(everyone, "/triggers/new")).fields if name == "unless_name"] == [
        *("cart", "unknown", ""),
        *("", ""),
    ]
    page = make(
        everyone,
        triggers,
        name="",
        wait="soon",
        late="400",
        late_unit="d",
        unless=["event", "in"],
        unless_name=["cart", "unknown"],
        sender="99",
    )
    assert page.status == 422
    for said in (
        "Name : This is needed.",
        "How long after it : Write a whole number.",
        "Unless : The trigger is on this itself, so nothing would ever be sent.",
        "From : This sender is gone. Choose another one.",
        "It is from 1 minute to 30 days.",
    ):
        assert said in page.text, said
    assert ("wait", "soon") in page.form(at(everyone, "/triggers/new")).fields
    unknown = make(everyone, triggers, on="joins", joins="unknown")
    assert "Group : There is no group of this name." in unknown.text
    wrong = make(everyone, triggers, on="event", event="")
    assert "What it is called : This is needed." in wrong.text
    assert triggers.ids() == []


def test_a_duration_may_be_typed_with_its_units(everyone: Everyone, triggers: Triggers) -> None:
    assert "1 hour, 30 minutes after" in make(everyone, triggers, wait="1h30m").text
    edit = everyone.ed.get(at(everyone, f"/triggers/{triggers.ids()[0]}/edit"))
    assert {("wait", "90"), ("wait_unit", "m")} <= {*edit.form(edit.url).fields}


def test_there_are_only_so_many_triggers(
    everyone: Everyone, triggers: Triggers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "TRIGGERS_MAX", 1)
    assert TRIGGERS_MAX > 1
    make(everyone, triggers)
    page = make(everyone, triggers)
    assert (page.status, "There are 1 triggers already. Delete one first." in page.text) == (409, True)


# ---- on and off -----------------------------------------------------------------------------------------


def test_an_owner_turns_a_trigger_on_after_seeing_what_it_says(everyone: Everyone, triggers: Triggers) -> None:
    make(everyone, triggers)
    (number,) = triggers.ids()
    own = at(everyone, f"/triggers/{number}")
    triggers.record("cart", ONE, "c1")
    assert f"{own}/resume" not in everyone.ed.get(own).links
    assert everyone.ed.get(f"{own}/resume").status == 403
    page = everyone.asha.get(f"{own}/resume")
    assert "A message that was sent cannot be called back." in page.text
    assert "1 message waits already" in page.text
    assert "Your cart waits" in page.text
    on = everyone.asha.submit(page, f"{own}/resume")
    assert "It is on." in on.text
    assert triggers.show(number).state == "on"
    off = everyone.ed.submit(everyone.ed.get(own), f"{own}/pause")
    assert "It is off, and sends nothing." in off.text
    assert triggers.show(number).state == "paused"


def test_a_trigger_that_was_changed_since_the_page_was_opened_is_not_turned_on(
    everyone: Everyone, triggers: Triggers
) -> None:
    make(everyone, triggers)
    (number,) = triggers.ids()
    own = at(everyone, f"/triggers/{number}")
    page = everyone.asha.get(f"{own}/resume")
    everyone.ed.submit(everyone.ed.get(f"{own}/edit"), f"{own}/edit", text="Something else")
    refused = everyone.asha.submit(page, f"{own}/resume")
    assert (refused.status, triggers.show(number).state) == (409, "paused")
    assert "Someone changed the trigger meanwhile. Look at it once more, then turn it on." in refused.text
    assert "Something else" in refused.text
    assert "It is on." in everyone.asha.submit(refused, f"{own}/resume").text


def test_an_editor_who_may_send_turns_a_trigger_on(everyone: Everyone, store: Store, triggers: Triggers) -> None:
    make(everyone, triggers)
    own = at(everyone, f"/triggers/{triggers.ids()[0]}")
    path = f"/p/{everyone.shopify}/settings/users/{id_of(store, 'ed')}"
    everyone.asha.submit(everyone.asha.get(path), path, role="editor", may_send="yes")
    assert "It is on." in everyone.ed.submit(everyone.ed.get(f"{own}/resume"), f"{own}/resume").text


# ---- changed and deleted --------------------------------------------------------------------------------


def test_a_trigger_is_changed_in_the_form_it_was_made_in(everyone: Everyone, triggers: Triggers) -> None:
    make(everyone, triggers, again="once", plain="yes", unless=["event"], unless_name=["order"])
    (number,) = triggers.ids()
    own = at(everyone, f"/triggers/{number}")
    page = everyone.ed.get(f"{own}/edit")
    assert "a program reports \u2068cart\u2069" in page.text
    fields = page.form(f"{own}/edit").fields
    wanted = {("name", "Cart reminder"), ("wait", "1"), ("wait_unit", "h"), ("again", "once"), ("plain", "yes")}
    wanted |= {("sender", str(triggers.sending.sender_id)), ("text", "Your cart waits"), ("unless_name", "order")}
    assert wanted <= {*fields}
    saved = everyone.ed.submit(page, f"{own}/edit", name="Baskets", wait="2", unless=["", ""], unless_name=["", ""])
    assert "Saved. It counts for every message that has not gone yet." in saved.text
    shown = triggers.show(number)
    assert (shown.name, shown.wait, shown.unless, shown.again, shown.plain) == ("Baskets", "2h", [], "once", True)


def test_a_trigger_that_is_on_is_changed_by_those_alone_who_may_turn_it_on(
    everyone: Everyone, triggers: Triggers
) -> None:
    number = triggers.add(**CART)
    own = at(everyone, f"/triggers/{number}")
    triggers.pause(number)
    stale = everyone.ed.get(f"{own}/edit")
    triggers.resume(number)
    assert f"{own}/edit" not in everyone.ed.get(own).links
    assert everyone.ed.get(f"{own}/edit").status == 403
    assert everyone.ed.submit(stale, f"{own}/edit", text="Something else").status == 403
    assert triggers.show(number).text == "Your cart waits"
    page = everyone.asha.get(f"{own}/edit")
    assert "It is on: what you change counts at once" in page.text
    everyone.asha.submit(page, f"{own}/edit", text="Something else")
    assert triggers.show(number).text == "Something else"


def test_a_trigger_is_deleted_on_a_page_that_says_what_waits(everyone: Everyone, triggers: Triggers) -> None:
    number = triggers.add(**CART)
    triggers.record("cart", ONE, "c1")
    own = at(everyone, f"/triggers/{number}")
    page = everyone.ed.get(f"{own}/delete")
    assert "1 message that waits is cancelled." in page.text
    gone = everyone.ed.submit(page, f"{own}/delete")
    assert "The trigger \u2068Cart reminder\u2069 is gone." in gone.text
    assert triggers.states() == [("cancelled", "")]
    for path in ("", "/edit", "/delete", "/messages"):
        assert everyone.asha.get(own + path).status == 404
    assert everyone.asha.get(at(everyone, "/triggers/nothing")).status == 404


# ---- what went and what did not -------------------------------------------------------------------------


def test_the_last_that_went_and_the_last_that_did_not_are_shown_with_why(
    everyone: Everyone, book: Book, triggers: Triggers
) -> None:
    book.add({"mobile": f"+{ONE}", "fname": "Wanjiru"})
    number = triggers.add(**CART)
    own = at(everyone, f"/triggers/{number}")
    assert "It has not happened yet." in everyone.vic.get(own).text
    triggers.record("cart", ONE, "c1")
    triggers.record("cart", TWO, "c2")
    triggers.record("order", TWO, "c2")
    triggers.sending.wait(HOUR)
    triggers.sent()
    page = everyone.vic.get(own)
    assert "Wanjiru 0722 000001 Accepted Your cart waits" in page.text
    assert "0722 000002 not in the book Left out: stopped by what happened meanwhile" in page.text
    assert "together 2" in page.text
    skipped = everyone.vic.get(at(everyone, f"/triggers/{number}/messages?state=skipped&reason=ordered"))
    assert (rows_of(skipped), "0722 000002" in skipped.text, "Wanjiru" in skipped.text) == (1, True, False)
    accepted = everyone.vic.get(at(everyone, f"/triggers/{number}/messages?state=accepted"))
    assert (rows_of(accepted), "Wanjiru" in accepted.text) == (1, True)
    assert "There is none." in everyone.vic.get(at(everyone, f"/triggers/{number}/messages?state=failed")).text
    assert everyone.vic.get(at(everyone, f"/triggers/{number}/messages?state=lost")).status == 422


def test_the_last_ten_are_those_that_went_last_and_all_are_read_by_pages(
    everyone: Everyone, triggers: Triggers
) -> None:
    number = triggers.add(**CART)
    early = [ONE + place for place in range(3)]
    for mobile in early:
        triggers.record("cart", mobile, "c1")
    triggers.sending.wait(30 * MINUTE)
    for place in range(57):
        triggers.record("cart", ONE + 100 + place, "c2")
    # The first ones come to a cart again, so that theirs go last.
    triggers.sending.wait(10 * MINUTE)
    for mobile in early:
        triggers.record("cart", mobile, "c1", at=triggers.sending.now)
    triggers.sending.wait(50 * MINUTE)
    triggers.sent()
    triggers.sending.wait(10 * MINUTE)
    triggers.sent()
    shown = everyone.vic.get(at(everyone, f"/triggers/{number}"))
    went = shown.text.partition("The last ten that went")[2]
    assert [f"0722 00000{place}" in went for place in range(1, 4)] == [True] * 3
    assert rows_of(shown) == 10
    path, seen = at(everyone, f"/triggers/{number}/messages?state=accepted"), 0
    while True:
        page = everyone.vic.get(path)
        seen += rows_of(page)
        following = [link for link in page.links if "before=" in link]
        if not following:
            break
        (path,) = following
    assert seen == 60


def test_reasons_add_up_to_their_states_where_providers_report_both(everyone: Everyone, triggers: Triggers) -> None:

    shown = triggers.show(triggers.add(**CART))
    view = replace(
        shown,
        states={"failed": 3, "expired": 2, "skipped": 1, "delivered": 4},
        reasons={"report": 4, "too_late": 1, "ordered": 1},
    )
    rows = {row.state: dict(row.reasons) for row in trigger_words.rows(view)}
    assert rows == {
        "delivered": {},
        "failed": {"report": 3},
        "expired": {"too_late": 1, "report": 1},
        "skipped": {"ordered": 1},
    }


def test_who_was_erased_is_counted_and_not_named(everyone: Everyone, book: Book, triggers: Triggers) -> None:
    (contact,) = book.add({"mobile": f"+{ONE}", "fname": "Wanjiru"})
    number = triggers.add(**CART)
    triggers.record("cart", ONE, "c1")
    triggers.sending.wait(HOUR)
    triggers.sent()
    path = at(everyone, f"/contacts/{contact}/erase")
    everyone.asha.submit(everyone.asha.get(path), path, mobile="0722000001")
    page = everyone.vic.get(at(everyone, f"/triggers/{number}/messages?state=accepted"))
    assert (rows_of(page), "erased" in page.text, "0722" in page.text) == (1, True, False)
    assert "together 1" in everyone.vic.get(at(everyone, f"/triggers/{number}")).text


def test_what_is_wrong_with_a_trigger_is_said_in_the_readers_words(
    everyone: Everyone, book: Book, triggers: Triggers
) -> None:
    book.add({"mobile": f"+{ONE}"}, group="VIP")
    joins = triggers.add(name="Welcome", on={"joins": "VIP"}, unless=[], text="Hello")
    leaves = triggers.add(unless=[{"leaves": "VIP"}])
    inside = triggers.add(unless=[{"in": "VIP"}])
    path = at(everyone, "/groups/VIP/delete")
    everyone.ed.submit(everyone.ed.get(path), path)
    for number, said in (
        (joins, "so it no longer fires. Make another trigger."),
        (leaves, "so everyone counts as having left it, and nothing is sent."),
        (inside, "so it no longer stops a message."),
    ):
        assert (
            f"The group \u2068VIP\u2069 was deleted, {said}"
            in everyone.vic.get(at(everyone, f"/triggers/{number}")).text
        )
    assert "look at it" in everyone.vic.get(at(everyone, "/triggers")).text


def test_a_whatsapp_trigger_has_a_template(everyone: Everyone, store: Store, people: People) -> None:
    sender = {"name": "254700000000", "channel": "whatsapp"}
    triggers = Triggers(Sending(store, people.shopify, now=current_time(), **sender))
    page = make_template(everyone, triggers)
    assert "the WhatsApp template" in page.text
    assert "First name" in page.text
    (number,) = triggers.ids()
    edit = everyone.ed.get(at(everyone, f"/triggers/{number}/edit"))
    assert {("template", "cart_left"), ("language", "sw"), ("params", "{{ fname | rafiki }}\n{{ event.url }}")} <= {
        *edit.form(edit.url).fields
    }


def make_template(everyone: Everyone, triggers: Triggers) -> FoundPage:
    return everyone.ed.submit(
        form_of(everyone, everyone.ed),
        at(everyone, "/triggers/new"),
        name="Cart reminder",
        on="event",
        event="cart",
        sender=str(triggers.sending.sender_id),
        template="cart_left",
        language="sw",
        params="{{ fname | rafiki }}\r\n\r\n{{ event.url }}",
    )


def test_hostile_names_and_texts_are_harmless(everyone: Everyone, book: Book, triggers: Triggers) -> None:
    for name in HOSTILE:
        safe = name.replace("{", "(").replace("}", ")")
        book.add({"mobile": f"+{ONE}", "fname": name[:250]}, group=name[:100])
        number = triggers.add(
            name=name, on={"event": name[:60]}, unless=[{"in": name[:100]}, {"event": "paid"}], text=safe
        )
        triggers.record(name[:60], ONE, "c1")
        triggers.sending.wait(HOUR)
        triggers.sent()
        for path in ("", f"/{number}", f"/{number}/edit", f"/{number}/resume", f"/{number}/delete", "/new"):
            page = everyone.asha.get(at(everyone, f"/triggers{path}"))
            assert page.status == 200
            assert "<script>alert" not in page.html
            assert "<img src=x" not in page.html
        shown = everyone.asha.get(at(everyone, f"/triggers/{number}/messages?state=skipped"))
        assert "<script>alert" not in shown.html
