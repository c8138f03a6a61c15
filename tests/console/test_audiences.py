"""The pages of audiences: built, counted with who is left out, downloaded, frozen, looked at again and compared."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from daftari.console.pages import audiences as pages
from daftari.console.pages.campaign_form import TICKED_MAX
from daftari.model.time import current_time
from daftari.rules.access import projects
from daftari.store import Store
from tests.conftest import People
from tests.console.conftest import Everyone
from tests.console.test_contacts import HOSTILE, Book, at, book, rows_of
from tests.support.browsers import Browser, FoundPage
from tests.support.message_steps import Sending

__all__ = ["book"]
COUNT = "/audiences?match=any&channel=sms&purpose=marketing"


def fill(book: Book) -> None:
    """Four customers: one opted out of SMS, one is of the staff."""
    book.add(*({"mobile": f"072200000{number}"} for number in range(1, 5)), group="Farmers")
    book.add({"mobile": "0722000004"}, {"mobile": "0722000005"}, group="Staff")
    book.say("0722000001", "opt_out", channel="sms")


def count_of(page: FoundPage) -> str:
    """What stands in the card with the count."""
    return page.text.partition("May be messaged now ")[2].partition(" Frozen, ")[0]


def freeze(everyone: Everyone, query: str) -> FoundPage:
    page = everyone.ed.get(at(everyone, query))
    return everyone.ed.submit(page, at(everyone, "/audiences"))


def number_of(page: FoundPage) -> int:
    return int(page.heading.removeprefix("Audience "))


# ---- counted --------------------------------------------------------------------------------------------


def test_an_audience_is_counted_with_who_is_left_out_and_why(everyone: Everyone, book: Book) -> None:
    fill(book)
    begun = everyone.vic.get(at(everyone, "/audiences"))
    assert "Choose whom you mean, then count them." in begun.text
    assert "Everyone in the book: 5" in begun.text
    assert "Farmers 4" in begun.text
    assert "None is frozen." in begun.text
    page = everyone.vic.get(at(everyone, f"{COUNT}&groups=farmers&not=Staff"))
    assert count_of(page).startswith("2 of 4 members")
    assert "in a group that is left out 1 opted out of it 1 left out together 2" in page.text
    assert "are in no group, so they are not counted here." in page.text
    whole = everyone.vic.get(at(everyone, "/audiences?match=everyone&channel=sms"))
    assert count_of(whole).startswith("4 of 5 in the book")
    both = everyone.vic.get(at(everyone, "/audiences?match=all&channel=whatsapp&groups=Farmers&groups=Staff"))
    assert count_of(both).startswith("1 of 1 members")
    assert "No one is left out." in both.text


def test_the_form_keeps_what_was_chosen(everyone: Everyone, book: Book) -> None:
    fill(book)
    page = everyone.vic.get(
        at(everyone, "/audiences?match=all&groups=Farmers&groups=&not=staff&channel=whatsapp&sender=DUKA&purpose=")
    )
    fields = page.forms[1].fields if page.forms[0].method == "post" else page.forms[0].fields
    assert {
        *(("match", "all"), ("groups", "Farmers"), ("not", "staff")),
        *(("channel", "whatsapp"), ("sender", "DUKA"), ("purpose", "")),
    } <= {*fields}


def test_a_question_that_cannot_be_asked_is_answered_with_what_is_wrong(everyone: Everyone, book: Book) -> None:
    fill(book)
    for query, said in (
        ("&groups=", "Choose a group, or everyone."),
        ("&groups=unknown", "There is no group of this name."),
        ("&groups=Farmers&not=unknown", "There is no group of this name."),
        ("&groups=" + "&groups=".join(f"g{number}" for number in range(101)), "There are more than 100"),
        ("&groups=Farmers&purpose=fun", "Choose one of these."),
    ):
        page = everyone.vic.get(at(everyone, f"/audiences?match=any&channel=sms{query}"))
        assert (page.status, said in page.text) == (200, True), query


def test_the_script_gets_the_count_alone_where_the_book_is_small(
    everyone: Everyone, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(book)
    path = at(everyone, f"{COUNT}&groups=Farmers")
    answer = everyone.vic.request("GET", path, headers={"accept": "text/html; part=count"})
    assert answer.body.lstrip().startswith(b'<section class="card" id="count"')
    assert 'data-live="count"' in everyone.vic.get(path).html
    monkeypatch.setattr(pages, "QUICK_MAX", 4)
    assert 'data-live="count"' not in everyone.vic.get(path).html


def test_the_count_is_that_of_a_campaign_from_the_same_sender(
    everyone: Everyone, book: Book, store: Store, people: People
) -> None:
    fill(book)
    Sending(store, people.shopify, answers_as=["20414"])
    book.say("0722000002", "opt_out", channel="sms", sender="20414")
    query = f"{COUNT}&groups=Farmers"
    assert count_of(everyone.vic.get(at(everyone, f"{query}&sender=duka"))).startswith("2 of 4 members")
    assert count_of(everyone.vic.get(at(everyone, f"{query}&sender=other"))).startswith("3 of 4 members")
    assert 'value="DUKA"' in everyone.vic.get(at(everyone, "/audiences")).html


def test_where_an_opt_in_is_required_who_did_not_agree_is_left_out(
    everyone: Everyone, book: Book, store: Store
) -> None:
    fill(book)
    given: dict[str, Any] = {"consent": {"require_opt_in": True}, "region": None, "on_error": None}
    store.system_write(current_time(), lambda tx: projects.set_project(tx, name="Shopify", **given))
    assert "have not agreed to it" in everyone.vic.get(at(everyone, f"{COUNT}&groups=Farmers")).text


def test_many_groups_are_chosen_one_after_the_other(everyone: Everyone, book: Book) -> None:
    for number in range(TICKED_MAX + 1):
        book.add({"mobile": "0722000001"}, group=f"G{number}")
    page = everyone.vic.get(at(everyone, "/audiences"))
    assert 'value="G1" checked' not in page.html
    chosen = everyone.vic.get(at(everyone, f"{COUNT}&groups=G1&groups=g2&add=yes"))
    assert chosen.html.count('type="checkbox"') == 2


def test_a_campaign_begins_with_the_audience_that_was_counted(
    everyone: Everyone, book: Book, store: Store, people: People
) -> None:
    fill(book)
    sender = Sending(store, people.shopify, name="SALE", purpose="marketing").sender_id
    Sending(store, people.shopify)
    page = everyone.ed.get(at(everyone, f"{COUNT}&groups=Farmers&not=Staff&sender=SALE"))
    (link,) = [link for link in page.links if "/campaigns/new" in link]
    draft = everyone.ed.get(link)
    wanted = {("groups", "Farmers"), ("not", "Staff"), ("match", "any"), ("sender", str(sender))}
    assert wanted <= {*draft.form(at(everyone, "/campaigns/new")).fields}
    assert not [link for link in everyone.vic.get(page.url).links if "/campaigns/new" in link]


# ---- downloaded -----------------------------------------------------------------------------------------


def test_an_audience_is_downloaded_by_who_may_have_numbers(everyone: Everyone, book: Book) -> None:
    fill(book)
    query = f"{COUNT.removeprefix('/audiences')}&groups=Farmers&not=Staff"
    answer = everyone.ed.request("GET", at(everyone, f"/audiences/download{query}"))
    assert answer.headers["content-disposition"] == 'attachment; filename="audience.csv"'
    assert [line.partition(b",")[0] for line in answer.body.split()] == [b"mobile", b"254722000002", b"254722000003"]
    assert everyone.vic.get(at(everyone, f"/audiences/download{query}")).status == 403
    shown = everyone.vic.get(at(everyone, f"/audiences{query}"))
    assert not [link for link in shown.links if "download" in link]
    assert "Freeze it" not in shown.text
    assert everyone.ed.get(at(everyone, "/audiences/download?groups=unknown")).status == 422


# ---- frozen ---------------------------------------------------------------------------------------------


def test_a_frozen_audience_keeps_its_numbers_and_says_who_was_blocked_since(everyone: Everyone, book: Book) -> None:
    fill(book)
    page = freeze(everyone, f"{COUNT}&groups=Farmers&not=Staff")
    assert "It is frozen as it is now." in page.text
    assert "\u2068Farmers\u2069, but not \u2068Staff\u2069; marketing by SMS from any sender" in page.text
    assert "No one: all of them may still be messaged." in page.text
    assert "As it was frozen 2" in page.text
    book.say("0722000003", "opt_out", channel="sms")
    own = at(everyone, f"/audiences/{number_of(page)}")
    again = everyone.vic.get(own)
    assert "0722 000003 Opted out of everything by SMS from any sender. today" in again.text
    answer = everyone.ed.request("GET", f"{own}/download")
    assert answer.body.split() == [b"mobile", b"254722000002"]
    assert everyone.vic.get(f"{own}/download").status == 403
    listed = everyone.vic.get(at(everyone, "/audiences"))
    assert rows_of(listed) == 1
    assert own in listed.links


def test_who_was_blocked_is_read_by_pages(everyone: Everyone, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "BLOCKED_ROWS", 2)
    fill(book)
    path = at(everyone, f"/audiences/{number_of(freeze(everyone, f'{COUNT}&groups=Farmers'))}")
    for number in (2, 3, 4):
        book.say(f"072200000{number}", "opt_out", channel="sms")
    page = everyone.vic.get(path)
    assert rows_of(page) == 2
    (following,) = [link for link in page.links if "after=" in link]
    last = everyone.vic.get(following)
    assert (rows_of(last), "0722 000004" in last.text) == (1, True)
    assert not [link for link in last.links if "after=" in link]


def test_frozen_audiences_are_listed_by_pages_the_newest_first(
    everyone: Everyone, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "FROZEN_ROWS", 2)
    fill(book)
    numbers = [number_of(freeze(everyone, f"{COUNT}&groups=Farmers")) for _ in range(3)]
    first = everyone.vic.get(at(everyone, "/audiences"))
    assert [f"/audiences/{number}" in first.html for number in numbers] == [False, True, True]
    (following,) = [link for link in first.links if "before=" in link]
    assert [f"/audiences/{number}" in everyone.vic.get(following).html for number in numbers] == [True, False, False]


def test_a_form_that_is_sent_twice_freezes_once(everyone: Everyone, book: Book) -> None:
    fill(book)
    page = everyone.ed.get(at(everyone, f"{COUNT}&groups=Farmers"))
    first, again = (everyone.ed.submit(page, at(everyone, "/audiences")) for _ in range(2))
    assert number_of(first) == number_of(again)


def test_a_list_names_a_few_groups_of_an_audience_and_its_page_names_all(everyone: Everyone, book: Book) -> None:
    for number in range(5):
        book.add({"mobile": "0722000001"}, group=f"G{number}")
    groups = "&".join(f"groups=G{number}" for number in range(5))
    page = freeze(everyone, f"{COUNT}&{groups}")
    assert "\u2068G3\u2069 or \u2068G4\u2069; marketing" in page.text
    listed = everyone.vic.get(at(everyone, "/audiences"))
    assert "\u2068G1\u2069 or \u2068G2\u2069 or 2 more; marketing" in listed.text


def test_what_cannot_be_frozen_is_shown_again(everyone: Everyone, book: Book) -> None:
    fill(book)
    page = everyone.ed.get(at(everyone, f"{COUNT}&groups=Farmers"))
    everyone.ed.submit(everyone.ed.get(at(everyone, "/groups/Farmers/delete")), at(everyone, "/groups/Farmers/delete"))
    refused = everyone.ed.submit(page, at(everyone, "/audiences"))
    assert (refused.status, "There is no group of this name." in refused.text) == (422, True)


def test_an_erased_number_leaves_the_frozen_audience(everyone: Everyone, book: Book) -> None:
    fill(book)
    (contact,) = book.add({"mobile": "0722000009"}, group="Farmers")
    own = at(everyone, f"/audiences/{number_of(freeze(everyone, f'{COUNT}&groups=Farmers'))}")
    path = at(everyone, f"/contacts/{contact}/erase")
    everyone.asha.submit(everyone.asha.get(path), path, mobile="0722000009")
    assert "erased since 1" in everyone.vic.get(own).text
    assert b"254722000009" not in everyone.ed.request("GET", f"{own}/download").body


def test_two_frozen_audiences_are_compared(everyone: Everyone, book: Book) -> None:
    fill(book)
    farmers = number_of(freeze(everyone, f"{COUNT}&groups=Farmers"))
    staff = number_of(freeze(everyone, f"{COUNT}&groups=Staff"))
    page = everyone.vic.get(at(everyone, f"/audiences/{farmers}"))
    assert f'<option value="{staff}">' in page.html
    found = everyone.vic.get(at(everyone, f"/audiences/{farmers}/compare?other={staff}"))
    assert found.heading == f"Audiences {farmers} and {staff}"
    assert f"In both 1 Only in {farmers} 2 Only in {staff} 1 together 4" in found.text
    assert "0722 000002 0722 000003" in found.text
    same = number_of(freeze(everyone, f"{COUNT}&groups=Farmers"))
    alike = everyone.vic.get(at(everyone, f"/audiences/{farmers}/compare?other={same}"))
    assert "They had the very same numbers." in alike.text
    for path in (f"{farmers}/compare", f"{farmers}/compare?other=9999", "9999", "x"):
        assert everyone.vic.get(at(everyone, f"/audiences/{path}")).status == 404


def test_a_long_comparison_shows_the_first_numbers(
    everyone: Everyone, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "COMPARED_ROWS", 1)
    fill(book)
    farmers, staff = (number_of(freeze(everyone, f"{COUNT}&groups={group}")) for group in ("Farmers", "Staff"))
    found = everyone.vic.get(at(everyone, f"/audiences/{farmers}/compare?other={staff}"))
    assert "The first 1 of them by number." in found.text
    assert "0722 000003" not in found.text


def test_hostile_names_are_harmless(everyone: Everyone, book: Book) -> None:
    for name in HOSTILE:
        book.add({"mobile": "0722000001"}, group=name)
    for name in HOSTILE:
        page = everyone.ed.get(at(everyone, "/audiences"))
        shown = open_form(everyone.ed, page, groups=name, **{"not": HOSTILE[0]}, sender=name[:60])
        frozen = everyone.ed.submit(shown, at(everyone, "/audiences"))
        listed = everyone.ed.get(at(everyone, "/audiences"))
        own = f"/audiences/{number_of(frozen)}"
        compared = everyone.ed.get(at(everyone, f"{own}/compare?other={number_of(frozen)}"))
        for one in (shown, frozen, listed, compared):
            assert one.status == 200
            assert "<script>alert" not in one.html
            assert "<img src=x" not in one.html


def open_form(browser: Browser, page: FoundPage, **chosen: str) -> FoundPage:
    """The page with the count of what is chosen."""
    return browser.get(f"{page.url}?{urlencode({'match': 'any', 'channel': 'sms', 'purpose': '', **chosen})}")
