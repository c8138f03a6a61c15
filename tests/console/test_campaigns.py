"""The pages of campaigns: the list, writing one, what it would send, a test, and sending it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from daftari.rules.campaigns import lifecycle
from daftari.rules.contacts import groups
from daftari.rules.senders import lifecycle as senders
from daftari.store import Store
from tests.conftest import People
from tests.console.conftest import Everyone
from tests.console.test_contacts import HOSTILE, Book, at, book
from tests.support.browsers import Browser, FoundPage
from tests.support.cases import each
from tests.support.message_steps import Worker

__all__ = ["book"]

PEOPLE = [
    {"mobile": "0722000001", "fname": "Wanjiru", "city": "Nairobi"},
    {"mobile": "0722000002", "fname": "Ng\u0169g\u0129", "city": "Nyeri"},
    {"mobile": "0722000003"},
    {"mobile": "0722000004", "fname": "Otieno", "city": "Kisumu"},
]
TEXT = "Habari {{ fname | rafiki }}, " + "karibu " * 9
AddSender = Callable[..., int]


@pytest.fixture
def add_sender(book: Book) -> AddSender:
    """Adds a sender; its id."""

    def add(**given: Any) -> int:
        values = {"name": "DUKA", "channel": "sms", "gateway": "log", "purpose": "transactional", "hours": "off"}
        read = senders.read_sender({**values, "part_price": "KES 0.80", **given}, before=None)
        number: int = book.write(senders.create_sender, given=read, token=f"{read.name} {read.channel}").id
        return number

    return add


@pytest.fixture
def sender(book: Book, add_sender: AddSender) -> int:
    """A sender, and four people in the group customers."""
    book.add(*PEOPLE, group="customers")
    return add_sender()


@pytest.fixture
def worker(store: Store, people: People, sender: int) -> Callable[[], Worker]:
    """Takes over the sender."""
    return lambda: Worker(store, people.shopify, sender)


def write(browser: Browser, everyone: Everyone, *, then: str = "preview", **typed: str | list[str]) -> FoundPage:
    """The page after a new campaign was written."""
    given: dict[str, Any] = {"name": "November offer", "groups": ["customers"], "text": TEXT, **typed}
    page = browser.get(at(everyone, "/campaigns/new"))
    return browser.submit(page, at(everyone, "/campaigns/new"), button=then, **given)


def path_of(page: FoundPage) -> str:
    return page.url.partition("?")[0].partition("#")[0]


def started(everyone: Everyone, **typed: str | list[str]) -> FoundPage:
    """The page of a campaign that runs."""
    page = write(everyone.asha, everyone, then="send", **typed)
    return everyone.asha.submit(page, path_of(page))


def states(page: FoundPage) -> dict[str, int]:
    """How many people are in each state, as the page says."""
    rows = re.findall(r'state=(\w+)">[^<]+</a> <span.*?</th><td class="num">([\d,]+)</td>', page.html)
    return {state: int(count.replace(",", "")) for state, count in rows}


def together(page: FoundPage) -> int:
    found = re.search(r'Together</th><td class="num">([\d,]+)</td>', page.html)
    assert found is not None, page.text
    return int(found[1].replace(",", ""))


# ---- the list, and what is there before anything was written ---------------------------------------------


def test_the_empty_list_says_how_to_begin(everyone: Everyone) -> None:
    page = everyone.ed.get(at(everyone, "/campaigns"))
    assert "Nothing was sent yet" in page.text
    assert at(everyone, "/campaigns/new") in page.links
    assert at(everyone, "/campaigns/new") not in everyone.vic.get(at(everyone, "/campaigns")).links


def test_without_a_sender_the_form_asks_for_one_first(everyone: Everyone) -> None:
    page = everyone.ed.get(at(everyone, "/campaigns/new"))
    assert "First a sender" in page.text
    assert "An owner of the project adds one." in page.text
    assert not [form for form in page.forms if form.action.endswith("/campaigns/new")]


def test_the_list_has_every_campaign_the_newest_first_page_by_page(everyone: Everyone, book: Book, sender: int) -> None:
    for number in range(52):
        given = {"name": f"Offer {number}", "sender": "DUKA", "text": "Hello", "groups": ["customers"]}
        book.write(lifecycle.create_campaign, given=given)
    page = everyone.vic.get(at(everyone, "/campaigns"))
    assert page.text.index("Offer 51 Draft") < page.text.index("Offer 2 Draft")
    assert "Offer 1 Draft" not in page.text
    (following,) = (link for link in page.links if "after=" in link)
    assert "Offer 1 Draft" in everyone.vic.get(following).text


# ---- written --------------------------------------------------------------------------------------------


def test_a_campaign_is_written_and_previewed_as_a_phone_shows_it(everyone: Everyone, book: Book, sender: int) -> None:
    book.say("0722000004", "opt_out", channel="sms")
    page = write(everyone.ed, everyone)
    assert (page.status, page.heading) == (200, "November offer")
    assert "3 people get it" in page.text
    assert "meant 4 opted out of it −1 get it 3" in page.text
    letters = "“\u2068\u0169\u2069”, “\u2068\u0129\u2069”"
    assert f"The dearest: 2 parts, KES 1.60 · because of {letters} a part holds only 70 characters" in page.text
    assert "Without a name or another detail: 1 part, KES 0.80 · 77 of 160 characters" in page.text
    assert '<span class="fill"><bdi>rafiki</bdi></span>' in page.html
    assert "Parts 4 1 for 2 people, 2 for 1 person" in page.text
    assert "KES 3.20" in page.text
    assert f"In 1 text a part holds only 70 characters, because of {letters}." in page.text
    kept = dict(page.form(path_of(page)).fields)
    assert (kept["name"], kept["match"], kept["groups"]) == ("November offer", "any", "customers")
    assert kept["text"] == TEXT.strip()
    assert "November offer Draft" in everyone.vic.get(at(everyone, "/campaigns")).text


def test_a_draft_is_changed_and_keeps_what_was_not_touched(everyone: Everyone, book: Book, sender: int) -> None:
    book.write(groups.create_group, name="staff")
    page = write(everyone.ed, everyone, until="2099-01-01T09:30")
    typed: dict[str, Any] = {"not": ["staff"], "text": "Hello"}
    changed = everyone.ed.submit(page, path_of(page), button="preview", **typed)
    fields = dict(changed.form(path_of(page)).fields)
    assert (fields["not"], fields["text"], fields["until"]) == ("staff", "Hello", "2099-01-01T09:30")
    typed = {"not": [], "match": "everyone"}
    everything = everyone.ed.submit(changed, path_of(page), button="preview", **typed)
    assert dict(everything.form(path_of(page)).fields)["match"] == "everyone"
    assert "4 people get it" in everything.text


@each(
    "typed, said",
    [
        ({"name": ""}, "This is needed."),
        ({"text": ""}, "This is needed."),
        ({"groups": []}, "This is needed."),
        ({"groups": ["no such"]}, "There is no group \u2068no such\u2069."),
        ({"not": ["no such"]}, "There is no group \u2068no such\u2069."),
        ({"text": "Hi {{ nick }}"}, "The text fills in \u2068nick\u2069, which no contact has."),
        ({"text": "Hi {{ fname |}}"}, "Write a word after the line in"),
        ({"text": "Hi {{ fname | upper }}"}, "the word after the line would be sent as it is"),
        ({"text": "Hi {{ }}"}, "does not say what is to be filled in"),
        ({"text": "Hi {fname}"}, "There is a brace too many"),
        ({"text": "x" * 2_001}, "This is longer than 2,000 characters."),
        ({"at": "tomorrow"}, "This is no time."),
        ({"until": "2020-01-01T10:00"}, "This is before it begins, or in the past."),
        ({"match": "some"}, "Choose one of these."),
    ],
    ids=lambda case: str(case)[:30],
)
def test_a_campaign_that_cannot_be_is_refused_on_the_same_page_with_what_was_typed(
    everyone: Everyone, sender: int, typed: dict[str, Any], said: str
) -> None:
    page = write(everyone.ed, everyone, **typed)
    assert (page.status, page.heading) == (422, "New campaign")
    assert page.title.startswith("Error")
    assert said in page.text, page.text
    fields = dict(page.form(at(everyone, "/campaigns/new")).fields)
    assert fields["name"] == typed.get("name", "November offer")
    assert fields["text"] == typed.get("text", TEXT)
    assert "Nothing was sent yet" in everyone.ed.get(at(everyone, "/campaigns")).text


def test_a_preview_is_shown_as_one_types_and_saves_nothing(everyone: Everyone, sender: int) -> None:
    page = everyone.ed.get(at(everyone, "/campaigns/new"))
    path = at(everyone, "/campaigns/new/preview")
    assert page.attributes["preview"]["data-preview"] == path
    fields = [field for field in page.form(at(everyone, "/campaigns/new")).fields if field[0] != "text"]
    headers = {"accept": "text/html; part=preview"}
    typed = [*fields, ("groups", "customers")]
    shown = everyone.ed.post(path, [*typed, ("text", "Hi {{ city }}")], headers=headers)
    assert (shown.status, shown.title) == (200, "")
    assert "3 people get it" in shown.text
    assert "without what the text fills in: Town −1" in shown.text
    again = everyone.ed.post(path, [*typed, ("text", "")], headers=headers)
    assert "It cannot be previewed yet. Text: This is needed." in again.text
    assert "Nothing was sent yet" in everyone.ed.get(at(everyone, "/campaigns")).text


def test_whatsapp_sends_a_template_with_what_is_filled_in(
    everyone: Everyone, sender: int, add_sender: AddSender
) -> None:
    number = str(add_sender(name="254700000009", channel="whatsapp"))
    page = write(
        everyone.ed, everyone, sender=number, template="offer", language="sw", params="{{ fname | rafiki }}\nSaturday"
    )
    assert page.status == 200, page.text
    assert "offer (sw)" in page.text
    assert dict(page.form(path_of(page)).fields)["params"] == "{{ fname | rafiki }}\nSaturday"
    refused = everyone.ed.submit(page, path_of(page), button="preview", template="Not so", params="a\n{{ no }}")
    assert refused.status == 422
    assert "The text fills in \u2068no\u2069, which no contact has." in refused.text


def test_another_one_like_it_begins_with_its_text_and_groups_and_without_its_times(
    everyone: Everyone, sender: int
) -> None:
    number = path_of(write(everyone.ed, everyone, until="2099-01-01T09:30")).rpartition("/")[2]
    page = everyone.ed.get(at(everyone, f"/campaigns/new?like={number}"))
    fields = dict(page.form(at(everyone, "/campaigns/new")).fields)
    assert (fields["text"], fields["groups"], fields["until"]) == (TEXT.strip(), "customers", "")


def test_a_groups_page_leads_to_a_campaign_for_it(everyone: Everyone, sender: int) -> None:
    page = everyone.ed.get(at(everyone, "/groups/customers"))
    place = at(everyone, "/campaigns/new?group=customers")
    assert place in page.links
    form = everyone.ed.get(place).form(at(everyone, "/campaigns/new"))
    assert ("groups", "customers") in form.fields
    assert place not in everyone.vic.get(at(everyone, "/groups/customers")).links


def test_many_groups_are_typed_and_those_that_are_chosen_are_shown(everyone: Everyone, book: Book, sender: int) -> None:
    for number in range(40):
        book.write(groups.create_group, name=f"group {number}")
    page = write(everyone.ed, everyone, groups=["customers", "group 7", ""])
    form = page.form(path_of(page))
    assert [value for name, value in form.fields if name == "groups"] == ["customers", "group 7", ""]


def test_a_viewer_reads_a_draft_and_cannot_change_it(everyone: Everyone, sender: int) -> None:
    path = path_of(write(everyone.ed, everyone))
    page = everyone.vic.get(path)
    assert page.status == 200
    assert "A draft. It is for \u2068customers\u2069" in page.text
    assert not [form for form in page.forms if form.action.startswith(path)]
    assert not [link for link in page.links if "/new" in link or link.endswith("/send")]


def test_a_draft_is_deleted_on_a_page_of_its_own(everyone: Everyone, sender: int) -> None:
    path = path_of(write(everyone.ed, everyone))
    page = everyone.ed.get(f"{path}/delete")
    assert "cannot be brought back" in page.text
    done = everyone.ed.submit(page, f"{path}/delete")
    assert "The draft is gone." in done.text
    assert everyone.ed.get(path).status == 404


def test_hostile_names_and_texts_disturb_nothing(everyone: Everyone, book: Book, sender: int) -> None:
    for number, name in enumerate(HOSTILE, 10):
        book.add({"mobile": f"07220000{number}", "fname": name}, group=name)
    for name in HOSTILE:
        text = "Hi {{ fname | there }} " + name.replace("{", "(").replace("}", ")")
        page = write(everyone.asha, everyone, then="send", name=name, groups=[name], text=text)
        assert page.status == 200, page.text
        shown = everyone.asha.submit(page, path_of(page))
        assert shown.status == 200, shown.text
        people = everyone.asha.get(f"{path_of(shown)}/people")
        for found in (page, shown, people, everyone.asha.get(f"{path_of(shown)}/cancel")):
            assert "<script>alert" not in found.html
            assert "<img src=x" not in found.html
    assert everyone.vic.get(at(everyone, "/campaigns")).status == 200


# ---- tried ----------------------------------------------------------------------------------------------


def test_a_test_goes_to_ones_own_number_and_says_why_it_cannot(
    everyone: Everyone, book: Book, sender: int, worker: Callable[[], Worker]
) -> None:
    page = write(everyone.ed, everyone)
    path = path_of(page)
    sent = everyone.ed.submit(page, f"{path}/test", mobiles="0733 000009")
    assert "A test is on its way to 0733 000009." in sent.text
    assert [message.text for message in worker().claimed()] == [TEXT.strip().replace("{{ fname | rafiki }}", "rafiki")]
    book.say("0722000001", "opt_out")
    refused = everyone.ed.submit(sent, f"{path}/test", mobiles="0722000001")
    assert "Nothing is sent to 0722 000001: they opted out." in refused.text
    wrong = everyone.ed.submit(sent, f"{path}/test", mobiles="12")
    assert (wrong.status, "This is no telephone number" in wrong.text) == (422, True)
    assert "3 people get it" in wrong.text
    assert everyone.ed.submit(sent, f"{path}/test", mobiles="").status == 422
    assert states(everyone.asha.submit(everyone.asha.get(f"{path}/send"), f"{path}/send")) == {"waiting": 3}


# ---- sent -----------------------------------------------------------------------------------------------


def test_the_page_that_sends_says_all_of_it_and_asks_once(everyone: Everyone, sender: int) -> None:
    page = write(everyone.asha, everyone, then="send")
    assert page.heading == "Send to 4 people now?"
    assert "A message that was sent cannot be called back." in page.text
    assert "From \u2068DUKA\u2069, SMS, service messages To \u2068customers\u2069 Left out no one" in page.text
    assert "KES 4.00" in page.text
    shown = everyone.asha.submit(page, path_of(page))
    assert "It is on its way." in shown.text
    assert (states(shown), together(shown)) == ({"waiting": 4}, 4)
    assert everyone.asha.get(path_of(page)).url == path_of(shown)


def test_a_form_that_is_sent_twice_starts_it_once(everyone: Everyone, sender: int) -> None:
    page = write(everyone.asha, everyone, then="send")
    for _ in range(2):
        shown = everyone.asha.submit(page, path_of(page))
        assert "It is on its way." in shown.text


def test_an_editor_sends_only_where_an_owner_allowed_it(everyone: Everyone, sender: int) -> None:
    page = write(everyone.ed, everyone, then="preview")
    assert "An owner, or an editor who may send, sends it." in page.text
    refused = everyone.ed.get(f"{path_of(page)}/send")
    assert refused.status == 403
    assert "It needs an owner, or an editor who may send." in refused.text


def test_from_a_thousand_people_on_their_number_is_typed(everyone: Everyone, book: Book, sender: int) -> None:
    book.add(*({"mobile": f"0733{number:06}"} for number in range(1_200)), group="many")
    page = write(everyone.asha, everyone, then="send", groups=["many"], text="Hello")
    path = path_of(page)
    assert "by mistake. It is 1,200." in page.text
    assert dict(page.form(path).fields)["expected"] == ""
    for typed, status, said in (
        ("", 422, "This is needed."),
        ("all", 422, "This is no number of people."),
        ("120", 409, "It would reach 1,200 people, and you said 120."),
    ):
        refused = everyone.asha.submit(page, path, expected=typed)
        assert (refused.status, said in refused.text) == (status, True), refused.text
    assert together(everyone.asha.submit(page, path, expected=" 1,200 ")) == 1_200


def test_people_who_came_meanwhile_are_asked_about_again(everyone: Everyone, book: Book, sender: int) -> None:
    page = write(everyone.asha, everyone, then="send")
    book.add({"mobile": "0722000009"}, {"mobile": "0722000010"}, group="customers")
    refused = everyone.asha.submit(page, path_of(page))
    assert (refused.status, refused.heading) == (409, "Send to 6 people now?")
    assert "It would reach 6 people, and you said 4." in refused.text
    assert together(everyone.asha.submit(refused, path_of(page))) == 6


def test_a_draft_that_was_changed_since_the_page_was_opened_is_not_sent(everyone: Everyone, sender: int) -> None:
    page = write(everyone.asha, everyone, then="send")
    draft = path_of(page).removesuffix("/send")
    everyone.ed.submit(everyone.ed.get(draft), draft, text="Something else")
    refused = everyone.asha.submit(page, path_of(page))
    assert (refused.status, refused.heading) == (409, "Send to 4 people now?")
    assert "Someone changed the draft meanwhile. Look at it once more, then send it." in refused.text
    assert together(everyone.asha.submit(refused, path_of(page))) == 4


def test_a_time_that_the_clocks_skip_is_refused_and_of_two_it_is_the_first(everyone: Everyone, sender: int) -> None:
    place = at(everyone, "/settings/project")
    everyone.asha.submit(everyone.asha.get(place), place, zone="Europe/Berlin")
    refused = write(everyone.asha, everyone, at="2099-03-29T02:30")
    assert refused.status == 422
    assert "On that day the clocks skip this time. Choose another one." in refused.text
    assert "This is no time." in write(everyone.asha, everyone, at="0001-01-01T00:00").text
    page = write(everyone.asha, everyone, at="2099-10-25T02:30", then="send")
    assert "25 Oct 2099, 02:30" in page.text


def test_a_campaign_starts_later_and_can_be_stopped_before(everyone: Everyone, sender: int) -> None:
    page = write(everyone.asha, everyone, then="send", at="2099-05-01T09:00")
    assert page.heading == "Send to 4 people later?"
    assert "1 May 2099, 09:00" in page.text
    shown = everyone.asha.submit(page, path_of(page))
    assert "It starts by itself." in shown.text
    assert "It starts 1 May 2099, 09:00" in shown.text
    path = path_of(shown)
    stopped = everyone.ed.submit(everyone.ed.get(f"{path}/cancel"), f"{path}/cancel")
    assert "Cancelled" in stopped.text


def test_no_one_is_sent_to_where_no_one_may_be(everyone: Everyone, book: Book, sender: int) -> None:
    book.write(groups.create_group, name="no one yet")
    page = write(everyone.asha, everyone, then="send", groups=["no one yet"])
    assert page.heading.endswith("would get it")
    assert "expected" not in dict(page.form(path_of(page)).fields)


def test_a_group_that_is_gone_is_said_before_it_is_sent(everyone: Everyone, book: Book, sender: int) -> None:
    draft = path_of(write(everyone.asha, everyone))
    book.write(groups.delete_group, name="customers")
    page = everyone.asha.get(f"{draft}/send")
    assert "It cannot be previewed yet. Groups: There is no group of this name." in page.text
    assert everyone.asha.get(draft).status == 200
