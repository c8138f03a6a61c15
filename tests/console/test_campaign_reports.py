"""The page of a campaign that was sent: what it says while it runs and after, and what a contact was sent."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from daftari.console import campaign_words
from daftari.console.languages import Reader, written_for
from daftari.console.typed_times import TYPED
from daftari.model.inbound import DeliveryReport
from daftari.rules.campaigns import lifecycle
from daftari.rules.campaigns.views import show_campaign
from daftari.rules.connections.freshness import Freshness
from daftari.rules.contacts import groups, many
from daftari.rules.senders import lifecycle as senders
from tests.console.conftest import Everyone
from tests.console.test_campaigns import add_sender, path_of, sender, started, states, together, worker, write
from tests.console.test_contacts import Book, at, book
from tests.support import inbound
from tests.support.browsers import FoundPage
from tests.support.campaigns import Campaigns
from tests.support.cases import each
from tests.support.clients import Client
from tests.support.inbound import OpenAddress
from tests.support.message_steps import HOUR, MINUTE, Worker

__all__ = ["add_sender", "book", "sender", "worker"]


# ---- while it runs, and after ----------------------------------------------------------------------------


def test_it_is_paused_and_goes_on_and_says_so(everyone: Everyone, sender: int, worker: Callable[[], Worker]) -> None:
    shown = started(everyone)
    path = path_of(shown)
    assert 'data-refresh="2"' in shown.html
    paused = everyone.ed.submit(everyone.ed.get(path), f"{path}/pause")
    assert "It is paused." in paused.text
    assert 'data-refresh="2"' not in paused.html
    assert not worker().claimed()
    assert f"{path}/resume" not in [form.action for form in everyone.ed.get(path).forms]
    gone_on = everyone.asha.submit(everyone.asha.get(path), f"{path}/resume")
    assert "Running" in gone_on.text
    assert len(worker().claimed()) == 4


def test_the_states_add_up_and_each_opens_its_people_and_reasons(
    everyone: Everyone, book: Book, sender: int, worker: Callable[[], Worker]
) -> None:
    path = path_of(started(everyone))
    book.say("0722000004", "opt_out")
    steps = worker()
    sent = steps.claimed()
    steps.answer(sent[:1], "accepted")
    steps.answer(sent[1:2], "dead", code="404")
    steps.answer(sent[2:], "unknown")
    page = everyone.vic.get(path)
    assert states(page) == {"accepted": 1, "failed": 1, "unknown": 1, "skipped": 1}
    assert together(page) == 4 == sum(states(page).values())
    assert "1 with a number that takes no messages" in page.text
    assert "1 opted out before their turn" in page.text
    assert "1 person may have it or not. Sending again may reach them twice" in page.text
    for state, why in (("skipped", "opted_out"), ("failed", "dead"), ("accepted", ""), ("unknown", "")):
        place = f"{path}/people?state={state}" + (f"&reason={why}" if why else "")
        assert place in page.links or place.replace("&", "&amp;") in page.html
        assert everyone.vic.get(place).html.count('<tr role="row">') == 2
    left_out = everyone.vic.get(f"{path}/people?state=skipped&reason=opted_out")
    assert "Otieno" in left_out.text
    assert "Only those opted out before their turn." in left_out.text
    assert "404" in everyone.vic.get(f"{path}/people?state=failed").text
    assert everyone.vic.get(f"{path}/people").html.count('<tr role="row">') == 5
    assert everyone.vic.get(f"{path}/people?state=nonsense").status == 422
    assert everyone.vic.get(f"{path}/people?after=x").status == 422


def test_who_may_download_gets_a_line_for_each_person(everyone: Everyone, sender: int) -> None:
    path = path_of(started(everyone))
    answer = everyone.ed.request("GET", f"{path}/file?state=waiting")
    assert answer.headers["content-disposition"].startswith("attachment")
    lines = [*csv.DictReader(io.StringIO(answer.body.decode()))]
    assert [line["mobile"] for line in lines] == [f"25472200000{number}" for number in range(1, 5)]
    assert f"{path}/file" not in everyone.vic.get(path).links
    assert everyone.vic.get(f"{path}/file").status == 403


def test_people_page_by_page_miss_no_one(everyone: Everyone, book: Book, sender: int) -> None:
    book.add(*({"mobile": f"0733{number:06}"} for number in range(120)), group="many")
    page = started(everyone, groups=["many"], text="Hello")
    page, seen = everyone.vic.get(f"{path_of(page)}/people?state=waiting"), 0
    while True:
        seen += page.html.count('<tr role="row">') - 1
        following = [link for link in page.links if "after=" in link]
        if not following:
            break
        page = everyone.vic.get(following[0])
    assert seen == 120


def test_what_is_not_known_is_sent_again_only_by_a_person_who_was_told(
    everyone: Everyone, sender: int, worker: Callable[[], Worker]
) -> None:
    path = path_of(started(everyone))
    steps = worker()
    steps.answer(steps.claimed(), "unknown")
    steps.wait(60_000_000)
    assert not steps.claimed()
    page = everyone.asha.get(path)
    assert "Send again to these 4…" in page.text
    assert "Send again to these" not in everyone.ed.get(path).text
    asked = everyone.asha.get(f"{path}/retry?states=unknown")
    assert "Some of these people will get it twice." in asked.text
    again = everyone.asha.submit(asked, f"{path}/retry")
    assert again.status == 200, again.text
    steps.now = worker().now
    assert {message.attempt for message in worker().claimed()} == {2}


def test_who_failed_is_sent_to_again(everyone: Everyone, sender: int, worker: Callable[[], Worker]) -> None:
    path = path_of(started(everyone))
    steps = worker()
    steps.answer(steps.claimed(), "refused")
    page = everyone.asha.get(path)
    assert "Send again to the 4 who failed…" in page.text
    asked = everyone.asha.get(f"{path}/retry?states=failed")
    assert "may_repeat" not in asked.html
    running = everyone.asha.submit(asked, f"{path}/retry")
    assert "Running" in running.text
    steps = worker()
    steps.answer(steps.claimed(), "accepted")
    done = everyone.vic.get(path)
    assert "4 were sent again." in done.text
    assert everyone.asha.get(f"{path}/retry?states=failed").url == path


def test_who_failed_after_the_provider_had_it_is_sent_to_again_only_where_that_was_ticked(
    everyone: Everyone, sender: int, worker: Callable[[], Worker]
) -> None:
    path = path_of(started(everyone))
    steps = worker()
    sent = steps.claimed()
    steps.answer(sent[:2], "refused")
    steps.answer(sent[2:], "accepted")
    steps.report(*(DeliveryReport(provider_id=f"p{one.id}-1", state="failed") for one in sent[2:]))
    page = everyone.asha.get(path)
    assert "2 refused by the provider" in page.text
    assert "2 reported as not delivered" in page.text
    asked = everyone.asha.get(f"{path}/retry?states=failed")
    assert "Also the 2 that the provider had taken" in asked.text
    everyone.asha.submit(asked, f"{path}/retry")
    assert len(worker().claimed()) == 2


def test_a_campaign_that_pauses_by_itself_says_why(
    everyone: Everyone, book: Book, sender: int, worker: Callable[[], Worker]
) -> None:
    soon = (datetime.now(ZoneInfo("Africa/Nairobi")) + timedelta(hours=1)).strftime(TYPED)
    more = path_of(started(everyone, at=soon))
    book.add({"mobile": "0722000011"}, {"mobile": "0722000012"}, group="customers")
    book.write(groups.create_group, name="gone")
    book.write(many.add_to_group, ids=[1], name="gone")
    gone = path_of(started(everyone, at=soon, groups=["gone"]))
    book.write(groups.delete_group, name="gone")
    steps = worker()
    steps.wait(HOUR)
    while Campaigns(steps).start_due():
        pass
    changed = everyone.asha.get(more)
    assert "It would reach 6 people now, and 4 were expected." in changed.text
    assert "One of its groups is gone." in everyone.asha.get(gone).text
    going = everyone.asha.submit(changed, f"{more}/resume")
    assert "It starts" in going.text


def test_a_sender_that_sends_nothing_is_said_before_and_while_it_runs(
    everyone: Everyone, book: Book, sender: int
) -> None:
    book.write(senders.pause_sender, sender_id=sender)
    page = write(everyone.asha, everyone, then="send")
    assert "The sender is paused." in page.text
    assert "The sender is paused." in everyone.asha.submit(page, path_of(page)).text


@each(
    "change, said",
    [
        ({"reason": "late"}, "It did nothing for more than an hour"),
        ({"reason": "template", "provider_says": "132001"}, "WhatsApp refuses the template: \u2068132001\u2069"),
        ({"reason": "not_fresh"}, "Its lists could not be read in time."),
        ({"reason": "not_fresh", "freshness": None}, "\u2068Shop\u2069 has not been read yet."),
        ({"reason": "not_fresh", "freshness": "2026-11-24T06:14:00Z"}, "was read until 24 Nov 2026, 09:14."),
        ({"reason": "person"}, "Who has not got it yet does not get it until"),
    ],
    ids=lambda case: str(case)[:40],
)
def test_each_reason_for_a_pause_has_its_words(
    everyone: Everyone, book: Book, sender: int, change: dict[str, Any], said: str
) -> None:
    number = book.write(
        lifecycle.create_campaign, given={"name": "O", "sender": "DUKA", "text": "Hi", "groups": ["customers"]}
    ).id
    view = book.write(lambda tx: show_campaign(tx, lifecycle.get_campaign(tx, campaign_id=number)))
    if "freshness" in change:
        until = change["freshness"]
        change = {
            **change,
            "freshness": Freshness(
                group="customers", connection="Shop", state="limited", reason=None, complete_until=until
            ),
        }
    with written_for(Reader("en", "Africa/Nairobi", 0)):
        assert said in campaign_words.paused(replace(view, state="paused", **change))
    with written_for(Reader("sw", "Africa/Nairobi", 0)):
        assert said not in campaign_words.paused(replace(view, state="paused", **change))


def test_a_campaign_that_is_ended_says_who_got_it(
    everyone: Everyone, sender: int, worker: Callable[[], Worker]
) -> None:
    path = path_of(started(everyone))
    page = everyone.ed.get(f"{path}/cancel")
    assert "4 people who wait do not get it." in page.text
    ended = everyone.ed.submit(page, f"{path}/cancel")
    assert states(ended) == {"cancelled": 4}


def test_what_cannot_be_done_any_more_is_said_on_the_campaigns_page(everyone: Everyone, sender: int) -> None:
    shown = started(everyone)
    path = path_of(shown)
    everyone.ed.submit(everyone.ed.get(f"{path}/cancel"), f"{path}/cancel")
    refused = everyone.asha.submit(shown, f"{path}/pause")
    assert refused.status == 409
    assert "This cannot be done now: the campaign is in another state by now." in refused.text
    assert refused.heading == "November offer"


def test_there_is_no_campaign_of_another_number(everyone: Everyone, sender: int) -> None:
    for path in (
        "/campaigns/999",
        "/campaigns/x",
        "/campaigns/999/people",
        "/campaigns/999/send",
        "/campaigns/9999999999999999999",
    ):
        assert everyone.asha.get(at(everyone, path)).status == 404


# ---- what a contact was sent ------------------------------------------------------------------------------


def test_a_contact_has_all_that_it_was_sent_and_where_from(
    everyone: Everyone, book: Book, sender: int, worker: Callable[[], Worker]
) -> None:
    (person,) = book.add({"mobile": "0744000001", "fname": "Amina"}, group="regulars")
    page = everyone.vic.get(at(everyone, f"/contacts/{person}/messages"))
    assert "Nothing was sent to this number." in page.text
    first = path_of(started(everyone, name="Offer 1", groups=["regulars"], text="Hello 1"))
    for number in range(2, 55):
        started(everyone, name=f"Offer {number}", groups=["regulars"], text=f"Hello {number}")
    steps = worker()
    while sent := steps.claimed():
        steps.answer(sent, "accepted")
        steps.wait(1_000_000)
    started(everyone, name="Offer 55", groups=["regulars"], text="Hello 55")
    book.say("0744000001", "opt_out")
    assert not steps.claimed()
    own = everyone.vic.get(at(everyone, f"/contacts/{person}"))
    assert at(everyone, f"/contacts/{person}/messages") in own.links
    page = everyone.vic.get(at(everyone, f"/contacts/{person}/messages"))
    assert "Not sent. (opted out before their turn)" in page.text
    assert page.html.count("<li><p>") == 50
    following = next(link for link in page.links if "before=" in link)
    rest = everyone.vic.get(following)
    assert rest.html.count("<li><p>") == 5
    assert first in [*page.links, *rest.links]


# ---- when it arrived, and who wanted no more -------------------------------------------------------------


def test_when_it_was_delivered_is_drawn_and_stands_in_a_table(
    everyone: Everyone, sender: int, worker: Callable[[], Worker]
) -> None:
    path = path_of(started(everyone))
    assert "As a table" not in everyone.vic.get(path).text
    steps = worker()
    sent = steps.claimed()
    steps.answer(sent, "accepted")
    steps.report(*(DeliveryReport(provider_id=f"p{one.id}-1", state="delivered") for one in sent[:2]))
    steps.report(*(DeliveryReport(provider_id=f"p{one.id}-1", state="delivered") for one in sent[:2]))
    steps.wait(2 * MINUTE)
    steps.report(DeliveryReport(provider_id=f"p{sent[2].id}-1", state="delivered"))
    page = everyone.vic.get(path)
    assert states(page) == {"accepted": 1, "delivered": 3}
    assert "Delivered, by minute" in page.text
    chart = page.html[page.html.index("<h2>Delivered, by minute") :]
    assert chart.count('<rect class="c2"') == 2
    assert re.findall(r'<td class="num">(\d+)</td>', chart) == ["2", "1"]
    first, second = re.findall(r'<tr><th scope="row">(\d\d:\d\d)</th>', chart)
    assert f"Most were delivered from {first} to " in page.html
    assert f"; the last: {second}." in page.html


def test_who_opted_out_by_it_is_counted_once_and_opened(
    everyone: Everyone, ana: Client, sender: int, worker: Callable[[], Worker], open_address: OpenAddress
) -> None:
    path = path_of(started(everyone))
    steps = worker()
    steps.answer(steps.claimed(), "accepted")
    assert opted_out(everyone.vic.get(path)) == "0"
    address = open_address()
    inbound.send(
        ana, address, wrote("STOP", 1, "a"), wrote("When do you open?", 2, "b"), wrote("please do stop it", 3, "c")
    )
    inbound.send(ana, address, wrote("STOP", 1, "a"), wrote("Stop!", 1, "d"), wrote("STOP", 900, "e"))
    assert opted_out(everyone.vic.get(path)) == "1"
    (review,) = [one for one in ana.get(inbound.OPEN).json()["reviews"] if one["mobile"] == "254722000003"]
    assert ana.post(f"{inbound.OPEN}/{review['id']}", {"as": "opt_out"}).status == 200
    page = everyone.vic.get(path)
    assert opted_out(page) == "2"
    assert f"{path}/people?opted_out=yes" in page.links
    people = everyone.vic.get(f"{path}/people?opted_out=yes")
    assert people.html.count('<tr role="row">') == 3
    assert "0722 000001" in people.text
    assert "0722 000002" not in people.text
    assert ana.post("/v1/erasures", {"mobile": "254722000001"}).status == 201
    assert opted_out(everyone.vic.get(path)) == "1"


def wrote(said: str, number: int, message: str) -> dict[str, object]:
    return {"from": f"+254722{number:06}", "to": "DUKA", "text": said, "id": message}


def opted_out(page: FoundPage) -> str:
    (found,) = re.findall(r'opted out since, by it</dt><dd class="big">(?:<a [^>]*>)?(\d+)', page.html)
    return found
