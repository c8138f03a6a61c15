"""Connections: what is fresh and what failed, in words; one of them, what it asks, and what is done with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from daftari.console.connection_reasons import reason
from daftari.console.languages import Reader, written_for
from daftari.store import Store
from tests.conftest import People
from tests.console.conftest import Everyone
from tests.support.browsers import Browser, FoundPage
from tests.support.cases import each
from tests.support.connection_steps import mobile
from tests.support.console_book import HOSTILE
from tests.support.hubspot_sync import HubSpotSync
from tests.support.shop_carts import Shop
from tests.support.shopify_sync import ShopifySync

Connect = Callable[..., HubSpotSync]
SECONDS_AGO = 280
"""When the tests begin, so that what is read by their end is not behind."""


@pytest.fixture
def connect(store: Store, people: People) -> Connect:
    """Connects a fake HubSpot with some people, which is read once."""

    def connect(count: int = 3, **given: Any) -> HubSpotSync:
        crm = HubSpotSync(store, people.shopify, **{"groups": [{"from": "all", "to": "crm"}], **given})
        crm.clock.at = time.time() - SECONDS_AGO
        for number in range(1, count + 1):
            crm.fake.truth.create(mobilephone=f"+{mobile(number)}", firstname=f"F{number}")
        crm.pass_time(30.0)
        crm.start()
        crm.run()
        return crm

    return connect


def path_of(everyone: Everyone, crm: HubSpotSync, rest: str = "") -> str:
    return f"/p/{everyone.shopify}/connections/{crm.id}{rest}"


def press(browser: Browser, page: FoundPage, name: str, **typed: str | list[str]) -> FoundPage:
    """Press the button of a connection's page that goes to a path below it."""
    base = page.url.partition("?")[0].partition("#")[0]
    return browser.submit(page, f"{base}/{name}", **typed)


def work_now(crm: HubSpotSync) -> None:
    """The worker does what a page has asked for."""
    crm.clock.at = max(crm.clock.at, time.time())
    crm.run()


# ---- the list -------------------------------------------------------------------------------------------


def test_without_a_connection_the_list_says_what_would_stand_there(everyone: Everyone) -> None:
    for browser, said in ((everyone.asha, "Nothing is connected yet"), (everyone.vic, "An owner can connect one.")):
        page = browser.get(f"/p/{everyone.shopify}/connections")
        assert said in page.text and "What" not in page.heading


def test_the_list_has_the_worst_first_and_says_what_the_system_said(everyone: Everyone, connect: Connect) -> None:
    good = connect()
    bad = connect(name="sales", groups=[{"from": "all", "to": "leads"}])
    bad.fake.key = "another"
    bad.poll()
    page = everyone.vic.get(f"/p/{everyone.shopify}/connections")
    assert "Nothing of \u2068sales\u2069 is here since today" in page.text
    assert "HubSpot refused the key (401). Make a new service key there" in page.text
    assert "daftari connection" not in page.text
    assert page.text.index("Stopped") < page.text.index("Up to date")
    rows = [link for link in page.links if "/connections/" in link]
    assert rows[:2] == [path_of(everyone, bad)] * 2 and rows[-1] == path_of(everyone, good)
    assert "everyone → crm" in page.text


# ---- one of them ----------------------------------------------------------------------------------------


def test_a_connection_shows_its_records_which_add_up_and_lead_to_hubspot(everyone: Everyone, connect: Connect) -> None:
    crm = connect()
    crm.fake.truth.create(mobilephone="0722 12", firstname=HOSTILE[0])
    nameless = crm.fake.truth.create(firstname="Nameless")
    crm.poll(65.0)
    page = everyone.vic.get(path_of(everyone, crm))
    assert "Up to date" in page.text and "HubSpot · HubSpot 62515" in page.text
    assert "in the book 3 have no number 1 have a number that cannot be read 1 together 5" in page.text
    assert "Correct the number in HubSpot: it is read again by itself." in page.text
    unread = everyone.vic.get(path_of(everyone, crm, "/records?state=unreadable"))
    assert "it is too short: mobiles have 9 digits after +254, and this has 5" in unread.text
    assert any(link.startswith("https://app.hubspot.com/contacts/62515/record/") for link in unread.links)
    none = everyone.vic.get(path_of(everyone, crm, "/records?state=no_mobile"))
    assert f"{nameless}" in none.text and "It has no number." in none.text
    every = everyone.vic.get(path_of(everyone, crm, "/records"))
    assert "all 5" in every.text
    assert f"/p/{everyone.shopify}/contacts/1" in every.links, "a number leads to its contact"


def test_the_first_reading_shows_how_far_it_is_and_continues_without_the_page(
    everyone: Everyone, connect: Connect, store: Store, people: People
) -> None:
    crm = HubSpotSync(store, people.shopify, groups=[{"from": "all", "to": "crm"}])
    for number in range(1, 4):
        crm.fake.truth.create(mobilephone=f"+{mobile(number)}")
    assert "Being set up" in everyone.vic.get(path_of(everyone, crm)).text
    crm.start()
    page = everyone.vic.get(path_of(everyone, crm))
    assert "Everything is read for the first time" in page.text
    assert 'data-refresh="2"' in page.html
    part = everyone.vic.get(path_of(everyone, crm), headers={"accept": "text/html; part=progress"})
    assert "You can close this page" in part.text and not part.heading
    crm.run()
    page = everyone.vic.get(path_of(everyone, crm))
    assert "read for the first time" not in page.text and f'data-then="{path_of(everyone, crm)}"' in page.html


def test_owners_act_and_others_look(everyone: Everyone, connect: Connect) -> None:
    crm = connect()
    for browser in (everyone.ed, everyone.vic):
        page = browser.get(path_of(everyone, crm))
        assert not [form for form in page.forms if "/connections/" in form.action]
        assert path_of(everyone, crm, "/key") not in page.links
        records = browser.get(path_of(everyone, crm, "/records"))
        assert "Read again" not in records.text
    assert path_of(everyone, crm, "/key") in everyone.asha.get(path_of(everyone, crm)).links


def test_one_is_paused_let_continue_read_and_compared(everyone: Everyone, connect: Connect) -> None:
    crm = connect()
    page = press(everyone.asha, everyone.asha.get(path_of(everyone, crm)), "pause")
    assert "Nothing is read until someone lets it continue." in page.text and "Paused" in page.text
    page = press(everyone.asha, page, "start")
    assert "It continues." in page.text and crm.open().stored.state == "live"
    crm.fake.truth.create(mobilephone=f"+{mobile(77)}")
    page = press(everyone.asha, page, "sync")
    assert "It is being read" in page.text and 'data-refresh="2"' in page.html
    work_now(crm)
    assert mobile(77) in crm.book()
    page = press(everyone.asha, everyone.asha.get(path_of(everyone, crm)), "compare")
    assert "Everything is being compared" in page.text
    again = everyone.asha.submit(page, path_of(everyone, crm, "/pause"))
    late = everyone.asha.submit(page, path_of(everyone, crm, "/sync"))
    assert again.status == 200 and late.status == 409
    assert "the state of the connection is another one" in late.text


def test_a_refused_key_is_replaced_and_the_old_one_never_shown(everyone: Everyone, connect: Connect) -> None:
    crm = connect()
    old, crm.fake.key = crm.fake.key, "new-key"
    crm.poll()
    page = everyone.asha.get(path_of(everyone, crm, "/key"))
    assert "HubSpot refused the key (401)." in page.text and old not in page.html
    page = everyone.asha.submit(page, path_of(everyone, crm, "/key"), **{"credentials.key": " "})
    assert page.status == 422 and "This is needed." in page.text
    page = everyone.asha.submit(page, path_of(everyone, crm, "/key"), **{"credentials.key": "wrong"})
    assert "The new key is being tried." in page.text and 'data-refresh="2"' in page.html
    work_now(crm)
    page = everyone.asha.get(path_of(everyone, crm))
    assert "Stopped" in page.text
    page = everyone.asha.get(path_of(everyone, crm, "/key"))
    page = everyone.asha.submit(page, path_of(everyone, crm, "/key"), **{"credentials.key": "new-key"})
    work_now(crm)
    page = everyone.asha.get(path_of(everyone, crm))
    assert "Up to date" in page.text and "new-key" not in page.html


def test_half_of_a_key_is_refused_and_what_was_typed_is_not_repeated(
    everyone: Everyone, store: Store, people: People
) -> None:
    shop = ShopifySync(store, people.shopify, credentials={})
    path = f"/p/{everyone.shopify}/connections/{shop.id}/key"
    typed = {"credentials.client_id": "typed-id", "credentials.webhook_secret": "typed-secret"}
    page = everyone.asha.submit(everyone.asha.get(path), path, **typed)
    assert page.status == 422 and "This is needed." in page.text
    assert "typed-" not in page.html


# ---- what it asks ---------------------------------------------------------------------------------------


@pytest.fixture
def asking(store: Store, people: People) -> HubSpotSync:
    """A connection whose list was emptied in HubSpot: 60 of 80 would leave the group."""
    crm = HubSpotSync(store, people.shopify, groups=[{"from": "list:12", "to": "vip"}])
    crm.clock.at = time.time() - SECONDS_AGO
    numbers = range(1, 81)
    ids = [crm.fake.truth.create(mobilephone=f"+{mobile(number)}", firstname=f"F{number}") for number in numbers]
    crm.fake.truth.make_list(12, "VIP", ids)
    crm.start()
    crm.run()
    crm.fake.truth.leave(12, *ids[:60])
    crm.poll()
    assert crm.open().stored.state == "needs_confirmation"
    return crm


def test_many_who_would_leave_are_asked_about_with_the_figures_and_confirmed(
    everyone: Everyone, asking: HubSpotSync
) -> None:
    assert "An owner decides." in everyone.ed.get(path_of(everyone, asking)).text
    listed = everyone.asha.get(f"/p/{everyone.shopify}/connections")
    assert "Needs your yes" in listed.text and "Decide" in listed.text
    page = everyone.asha.get(path_of(everyone, asking))
    assert "60 of 80 would leave \u2068vip\u2069." in page.text
    assert "Nothing of that is written yet." in page.text and len(asking.members("vip")) == 80
    page = press(everyone.asha, page, "confirm")
    assert "It continues, and does what it asked about." in page.text
    work_now(asking)
    assert len(asking.members("vip")) == 20


def test_what_was_a_mistake_is_refused_and_looked_at_again(everyone: Everyone, asking: HubSpotSync) -> None:
    asking.fake.truth.join(12, *asking.fake.truth.live())
    page = press(everyone.asha, everyone.asha.get(path_of(everyone, asking)), "start")
    assert "It looks again, and asks again if nothing has changed there." in page.text
    work_now(asking)
    assert asking.open().stored.state == "live" and len(asking.members("vip")) == 80


# ---- records --------------------------------------------------------------------------------------------


def test_who_was_erased_there_is_kept_or_erased_by_an_owner(everyone: Everyone, connect: Connect) -> None:
    crm = connect(30)
    first, second = list(crm.fake.truth.live())[:2]
    for contact_id in (first, second):
        crm.fake.truth.erase(contact_id)
    crm.compare()
    where = path_of(everyone, crm, "/records?state=erasure_pending")
    assert "Erased there, and still here" in everyone.asha.get(path_of(everyone, crm)).text
    assert "Keep them here" not in everyone.ed.get(where).text
    page = everyone.asha.submit(everyone.asha.get(where), path_of(everyone, crm, "/records"), button="keep")
    assert "Tick a record." in page.text
    page = everyone.asha.submit(page, path_of(everyone, crm, "/records"), button="keep", ids=str(first))
    assert "1 contact is kept." in page.text and mobile(1) in crm.book()
    page = everyone.asha.get(where)
    page = everyone.asha.submit(page, path_of(everyone, crm, "/records"), button="erase", ids=str(second))
    assert page.heading.startswith("Erase 1 number") and mobile(2) in crm.book()
    page = everyone.asha.submit(page, path_of(everyone, crm, "/erase"))
    assert "1 number is erased." in page.text and mobile(2) not in crm.book()
    page = everyone.asha.get(path_of(everyone, crm, f"/erase?ids={second}"))
    assert "There is nothing left to decide about these." in page.text
    assert everyone.asha.get(path_of(everyone, crm, "/erase?ids=a%00b")).status == 422


def test_a_record_is_read_again_when_an_owner_says_so(everyone: Everyone, connect: Connect) -> None:
    crm = connect()
    crm.remove(mobile(1))
    crm.fake.truth.edit(first := next(iter(crm.fake.truth.live())), firstname="Again")
    crm.poll(65.0)
    where = path_of(everyone, crm, "/records")
    page = everyone.asha.get(f"{where}?state=removed_locally")
    assert "It was removed here, and does not come back." in page.text
    page = everyone.asha.submit(page, where, button="retry", ids=str(first))
    assert "1 record is read again." in page.text
    work_now(crm)
    assert mobile(1) in crm.book()


def test_hostile_names_ids_and_words_of_the_system_are_shown_as_what_they_are(
    everyone: Everyone, connect: Connect
) -> None:
    crm = connect(1, name=HOSTILE[0], groups=[{"from": f"property:city={HOSTILE[1]}", "to": "<i>crm</i>"}])
    for place in ("", "/records", "/records?state=nonsense", "/runs", "/key", "/remove"):
        page = everyone.asha.get(path_of(everyone, crm, place))
        assert page.status == 200
        assert "<script>alert" not in page.html and "<img src=x" not in page.html and "<i>crm" not in page.html
    listed = everyone.asha.get(f"/p/{everyone.shopify}/connections")
    assert "<script>alert" not in listed.html and HOSTILE[0] in listed.text
    for path in ("x", "0", "999", "9" * 30):
        assert everyone.asha.get(f"/p/{everyone.shopify}/connections/{path}").status == 404


# ---- runs, carts, its end -------------------------------------------------------------------------------


def test_runs_lead_to_their_imports(everyone: Everyone, connect: Connect) -> None:
    crm = connect()
    run = next(link for link in everyone.vic.get(path_of(everyone, crm)).links if "/imports/" in link)
    assert everyone.vic.get(run).status == 200
    page = everyone.vic.get(path_of(everyone, crm, "/runs"))
    assert "crm: first reading" in page.text and run in page.links


def test_a_shop_shows_what_carts_came_to_and_the_outcome_of_each(
    everyone: Everyone, store: Store, people: People
) -> None:
    shop = Shop(store, people.shopify)
    shop.now = time.time_ns() // 1_000
    shop.put("left", number=1, state="open")
    shop.put("bought", number=2, state="open")
    shop.put("silent", state="open")
    shop.count("left", state="abandoned")
    shop.count("bought", state="bought")
    path = f"/p/{everyone.shopify}/connections/{shop.id}"
    page = everyone.vic.get(path)
    assert "Carts in the last 30 days left 1" in page.text
    carts = everyone.vic.get(f"{path}/carts")
    assert "No message: no trigger was set to follow." in carts.text
    assert "No message: it was bought." in carts.text
    assert "No message: there is no number that can be read." in carts.text
    only = everyone.vic.get(f"{path}/carts?state=bought")
    assert "it was bought" in only.text and "no automatic message" not in only.text
    address = "/hook/"
    assert address not in page.html, "only owners see the address"


def test_an_owner_sees_the_address_that_a_shop_has_to_be_told(everyone: Everyone, store: Store, people: People) -> None:
    shop = Shop(store, people.shopify)
    page = everyone.asha.get(f"/p/{everyone.shopify}/connections/{shop.id}")
    assert "What Shopify announces" in page.text
    assert "no public URL of this service is set" in page.text


@each("leave, members", [("no", 3), ("yes", 0)])
def test_one_is_removed_and_its_people_stay(everyone: Everyone, connect: Connect, leave: str, members: int) -> None:
    crm = connect()
    page = everyone.asha.get(path_of(everyone, crm, "/remove"))
    assert "The contacts that it brought stay in the book" in page.text
    assert "Groups that it keeps in step are yours again: crm" in page.text
    page = everyone.asha.submit(page, path_of(everyone, crm, "/remove"), leave=leave)
    assert "is removed. Its contacts stay." in page.text and "Nothing is connected yet" in page.text
    work_now(crm)
    assert len(crm.book()) == 3 and len(crm.members("crm")) == members


def test_one_with_erasures_to_decide_is_not_removed_before(everyone: Everyone, connect: Connect) -> None:
    crm = connect(20)
    crm.fake.truth.erase(next(iter(crm.fake.truth.live())))
    crm.compare()
    page = everyone.asha.get(path_of(everyone, crm, "/remove"))
    assert "1 person was erased there and is still here." in page.text
    page = everyone.asha.submit(page, path_of(everyone, crm, "/remove"))
    assert page.status == 409 and "Decide first about those who were erased there." in page.text


# ---- words ----------------------------------------------------------------------------------------------

SAID = (
    (
        'HubSpot refused the key (401). Make a new service key and give it with "daftari connection key crm"; nothing '
        "is lost, the sync continues where it stopped.",
        "HubSpot refused the key (401). Make a new service key there, and give it here.",
    ),
    (
        "Pipedrive's tokens for today are used up (30,000; 18,000 by us, the rest by other programs). It tries again "
        "each hour; what webhooks announce waits until then.",
        "What Pipedrive allows in a day is used up: 30,000 calls, 18,000 of them by us. It continues by itself.",
    ),
    (
        "HubSpot takes no more calls for a moment: another program uses the same limit.",
        "HubSpot takes no more calls for a moment. It continues by itself.",
    ),
    (
        "Shopify cannot be read now: it answers 503. The next run tries again.",
        "Shopify cannot be read now: it answers with the error 503. It is tried again by itself.",
    ),
    (
        "412 of 430 members would leave vip: stopped before that. Confirm it if that is right; if not, correct it "
        "there and start the connection, which looks again.",
        "412 of 430 would leave \u2068vip\u2069.",
    ),
    (
        "900 of 10,000 people would be opted out: stopped before that. Confirm it if that is right; if not, correct it "
        "there and start the connection, which looks again.",
        "900 of 10,000 people would be opted out.",
    ),
    (
        "This key belongs to HubSpot account 4711, the connection to 62515. Give a key of that account, or make a "
        "connection of its own for this one.",
        "The key is of another account, \u2068HubSpot account 4711\u2069; this connection is to \u206862515\u2069. "
        "Give a key of that account, or connect the other one by itself.",
    ),
    (
        "No webhook for 27 h, 14 a day before: is the address still right?",
        "Nothing was announced for 27 hours; it was 14 a day before. Is the address there still right?",
    ),
    ("Something new.", "Something new."),
)


@each("said, shown", SAID)
def test_what_systems_say_is_said_for_people(said: str, shown: str) -> None:
    with written_for(Reader("en", "Africa/Nairobi", 0)):
        assert reason(said) == shown
    with written_for(Reader("sw", "Africa/Nairobi", 0)):
        swahili = reason(said)
        assert swahili != shown and ("Something" not in swahili or 'lang="en"' in swahili)
