"""The pages of contacts: the list, a contact, adding and changing, and the four ways in which one goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Struct

from daftari.model.contacts import CreateOutcome
from daftari.model.projects import Actor
from daftari.model.time import current_time
from daftari.rules.access import projects
from daftari.rules.consent import facts
from daftari.rules.contacts import contacts, groups, many, parse
from daftari.store import Store
from tests.conftest import People
from tests.console.conftest import Everyone
from tests.console.test_shell import PAGE_BYTES_MAX, Checked
from tests.support.browsers import Browser, FoundPage
from tests.support.clients import Client
from tests.support.statements import Statements

HOSTILE = ("<script>alert(1)</script>", "\u05d0\u202eevil", "x" * 250, "{{ 7*7 }}%(name)s", "\"'><img src=x>")


class Book(Struct):
    """The contacts of Shopify, written by its rules."""

    store: Store
    people: People

    def write(self, rule: Callable[..., Any], **given: Any) -> Any:
        """What a rule returns."""
        return self.store.write(self.people.shopify, Actor(None, "test"), current_time(), rule, **given)

    def add(self, *records: dict[str, Any], group: str | None = None) -> list[int]:
        """The ids of new contacts."""
        now = current_time()
        rows = parse.read_contacts(json.dumps(records).encode(), field="contacts", region="KE", now=now)
        outcome: CreateOutcome = self.write(contacts.create_contacts, rows=rows, group=group, skip=False, results=True)
        return [row.id or 0 for row in outcome.rows]

    def say(self, mobile: str, kind: facts.Kind, **common: Any) -> None:
        """Record a fact."""
        given = {"source": "inbound" if kind == "opt_out" else "form", **common}
        read = facts.read_facts([mobile], common=given, kind=kind, writer="api", region="KE", now=current_time())
        self.write(facts.record_given, given=read, kind=kind)


@pytest.fixture
def book(store: Store, people: People) -> Book:
    """The book of Shopify."""
    return Book(store, people)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Statements:
    """Counts statements."""
    return Statements(monkeypatch)


def at(everyone: Everyone, path: str) -> str:
    return f"/p/{everyone.shopify}{path}"


def rows_of(page: FoundPage) -> int:
    return page.html.count('<tr role="row">') - 1


# ---- the list -------------------------------------------------------------------------------------------


def test_the_empty_book_says_how_to_begin(everyone: Everyone) -> None:
    page = everyone.ed.get(at(everyone, "/contacts"))
    assert "Bring your people" in page.text
    assert at(everyone, "/contacts/new") in page.links
    assert at(everyone, "/imports") in page.links
    assert at(everyone, "/contacts/new") not in everyone.vic.get(at(everyone, "/contacts")).links


def test_every_page_of_the_list_is_reached_by_its_number(everyone: Everyone, book: Book) -> None:
    book.add(*({"mobile": f"0722{number:06}", "fname": f"Person {number}"} for number in range(120)))
    first = everyone.vic.get(at(everyone, "/contacts"))
    assert "120 in the book" in first.text
    assert "1 to 50 of 120" in first.text
    assert rows_of(first) == 50
    last = everyone.vic.get(at(everyone, "/contacts?page=3"))
    assert "101 to 120 of 120" in last.text
    assert "Person 119" in last.text
    assert everyone.vic.get(at(everyone, "/contacts?page=9,999")).url.endswith("?page=3")
    assert rows_of(everyone.vic.get(at(everyone, "/contacts?n=100"))) == 100
    assert everyone.vic.get(at(everyone, "/contacts?page=x&n=7&may=perhaps")).status == 200


def test_a_list_is_searched_and_filtered_by_group_and_by_who_may_be_messaged(everyone: Everyone, book: Book) -> None:
    book.add({"mobile": "0722000001", "fname": "Wanjiru"}, {"mobile": "0722000002", "fname": "Wanja"}, group="VIP")
    book.add({"mobile": "0722000003", "fname": "Otieno"}, {"mobile": "0722000004", "fname": "Suzan"})
    book.say("0722000003", "opt_out")
    book.say("0722000004", "opt_out", channel="sms")
    found = everyone.vic.get(at(everyone, "/contacts?q=wanj"))
    assert (rows_of(found), "Wanjiru" in found.text, "Otieno" in found.text) == (2, True, False)
    assert "Otieno" in everyone.vic.get(at(everyone, "/contacts?q=0722+000003")).text
    assert rows_of(everyone.vic.get(at(everyone, "/contacts?group=vip"))) == 2
    no = everyone.vic.get(at(everyone, "/contacts?may=no"))
    assert (rows_of(no), "Otieno" in no.text) == (1, True)
    part = everyone.vic.get(at(everyone, "/contacts?may=part"))
    assert (rows_of(part), "Suzan" in part.text) == (1, True)
    assert rows_of(everyone.vic.get(at(everyone, "/contacts?may=yes&group=VIP&q=wanjiru"))) == 1
    outside = everyone.ed.get(at(everyone, "/contacts?q=suzan&group=VIP"))
    assert "in VIP fits suzan" in outside.text
    assert "1 contact fits, outside this group:" in outside.text
    assert "Add suzan" in outside.text
    outside = everyone.ed.get(at(everyone, "/contacts?q=suzan&may=no"))
    assert "1 contact fits, outside this filter:" in outside.text
    assert "Type the beginning of a word" in everyone.vic.get(at(everyone, "/contacts?q=%21%21")).text


def test_a_list_without_numbered_pages_goes_on_by_its_last_contact(everyone: Everyone, book: Book) -> None:
    book.add(*({"mobile": f"0722{number:06}", "fname": "Wanja"} for number in range(60)))
    for path in ("/contacts?q=wanja&n=25", "/contacts?may=yes&n=25"):
        seen, page = 0, everyone.vic.get(at(everyone, path))
        while True:
            seen += rows_of(page)
            following = [link for link in page.links if "after=" in link]
            if not following:
                break
            page = everyone.vic.get(following[0])
        assert seen == 60


def test_the_script_gets_the_rows_alone(everyone: Everyone, book: Book) -> None:
    book.add({"mobile": "0722000001", "fname": "Wanjiru"})
    for path in ("/contacts?q=wanj", "/groups"):
        headers = {"accept": "text/html; part=rows"}
        answer = everyone.vic.request("GET", at(everyone, path), headers=headers)
        assert answer.status == 200
        assert answer.body.lstrip().startswith(b'<div class="flow" data-part="rows">')


@pytest.mark.parametrize(
    "path",
    [
        *("/contacts", "/contacts?group=VIP", "/groups/VIP", "/contacts?q=wanja", "/groups/VIP?q=wanja"),
        *("/contacts?may=yes", "/contacts?may=part", "/contacts?may=no"),
    ],
)
def test_a_list_costs_at_most_four_statements_more_than_the_page_of_the_api(
    everyone: Everyone, ana: Client, book: Book, statements: Statements, path: str
) -> None:
    book.add(*({"mobile": f"0722{number:06}", "fname": "Wanja"} for number in range(60)), group="VIP")
    book.say("0722000003", "opt_out", channel="sms")
    query, searches = f"per_page=50{'&group=VIP' if 'VIP' in path else ''}", "q=" in path
    of_api = statements.count(lambda: ana.get(f"/v1/{'search?q=wanja&' if searches else 'contacts?'}{query}"))
    of_page = statements.count(lambda: everyone.vic.get(at(everyone, path)))
    assert of_page <= of_api + 4, statements.last
    assert statements.last.count("get_overview") == 1


def test_pages_of_one_contact_and_of_all_groups_cost_a_few_statements_whatever_they_show(
    everyone: Everyone, book: Book, statements: Statements
) -> None:
    (number, *_) = book.add(*({"mobile": f"0722{number:06}"} for number in range(60)), group="VIP")
    for place in range(60):
        book.write(many.add_to_group, ids=[number], name=f"Group {place}")
    book.say("0722000000", "opt_out", channel="sms")
    assert statements.count(lambda: everyone.vic.get(at(everyone, f"/contacts/{number}"))) <= 12, statements.last
    assert statements.count(lambda: everyone.vic.get(at(everyone, "/groups"))) <= 3, statements.last


def test_the_history_says_what_a_change_changed_as_long_as_it_is_kept(
    everyone: Everyone, ana: Client, book: Book
) -> None:
    number, other = book.add({"mobile": "0722000001", "city": "Thika"}, {"mobile": "0722000002"})
    path = at(everyone, f"/contacts/{number}")
    for typed in ({"city": "Nairobi", "fname": HOSTILE[0]}, {"mobile": "0722000003"}, {"mobile": "0722000004"}):
        everyone.ed.submit(everyone.ed.get(f"{path}/edit"), f"{path}/edit", **typed)
    page = everyone.vic.get(path)
    assert "Town: \u2068Thika\u2069 → \u2068Nairobi\u2069" in page.text
    assert f"First name: nothing → \u2068{HOSTILE[0][:20]}" in page.text and "<script>alert" not in page.html
    assert "Number: \u20680722 000001\u2069 → \u20680722 000003\u2069" in page.text
    assert "Thika" not in everyone.vic.get(at(everyone, f"/contacts/{other}")).text
    # The number in the middle is erased: nothing of what it was is shown again.
    assert ana.post("/v1/erasures", {"mobile": "0722000003"}).status == 201
    page = everyone.vic.get(path)
    assert "0722 000003" not in page.text and "Thika" not in page.text


# ---- many at once ---------------------------------------------------------------------------------------


def test_ticked_contacts_join_move_leave_and_go(everyone: Everyone, book: Book) -> None:
    ids = book.add(*({"mobile": f"072200000{number}", "fname": f"Person {number}"} for number in range(4)), group="old")
    book.write(many.add_to_group, ids=ids, name="third")
    book.say("0722000003", "opt_out")
    some = "&".join(f"ids={number}" for number in ids)
    page = everyone.ed.get(at(everyone, f"/contacts/many?do=join&{some}"))
    assert page.heading == "Add 4 contacts to a group"
    refused = everyone.ed.submit(page, at(everyone, "/contacts/many/join"), group="")
    assert (refused.status, refused.heading) == (422, "Add 4 contacts to a group")
    joined = everyone.ed.submit(page, at(everyone, "/contacts/many/join"), group="new")
    assert "3 contacts joined \u2068new\u2069. 1 stayed out: they opted out." in joined.text

    page = everyone.ed.get(at(everyone, f"/contacts/many?do=move&within=old&{some}"))
    moved = everyone.ed.submit(page, at(everyone, "/contacts/many/move"), group="newer")
    assert "3 contacts moved to \u2068newer\u2069." in moved.text
    assert moved.url.startswith(at(everyone, "/contacts?group=old"))
    counted = {
        one.name: one.contacts for one in book.store.read(book.people.shopify, 1, groups.list_groups, after=0, limit=10)
    }
    assert counted == {"old": 0, "third": 3, "new": 3, "newer": 3}

    page = everyone.ed.get(at(everyone, f"/contacts/many?do=move&ids={ids[0]}"))
    everyone.ed.submit(page, at(everyone, "/contacts/many/move"), group="only")
    shown = everyone.ed.get(at(everyone, f"/contacts/{ids[0]}"))
    assert "only" in shown.text and "third" not in [form.action for form in shown.forms]

    page = everyone.ed.get(at(everyone, f"/contacts/many?do=leave&within=third&{some}"))
    left = everyone.ed.submit(page, at(everyone, "/contacts/many/leave"))
    assert "2 contacts left \u2068third\u2069." in left.text

    page = everyone.ed.get(at(everyone, f"/contacts/many?do=remove&{some}"))
    gone = everyone.ed.submit(page, at(everyone, "/contacts/many/remove"))
    assert "4 contacts are out of the book." in gone.text
    assert "Bring your people" in gone.text
    again = book.add({"mobile": "0722000003"}, {"mobile": "0722000001"})
    assert "Amejitoa" not in gone.text
    assert "No. They opted out of everything" in everyone.ed.get(at(everyone, f"/contacts/{again[0]}")).text
    assert "Yes, by every way." in everyone.ed.get(at(everyone, f"/contacts/{again[1]}")).text


def test_nothing_ticked_is_said_so(everyone: Everyone, book: Book) -> None:
    book.add({"mobile": "0722000001"})
    assert "Tick someone first." in everyone.ed.get(at(everyone, "/contacts/many?do=join")).text


# ---- adding and changing --------------------------------------------------------------------------------


def test_a_contact_is_added_with_a_group_and_what_else_one_keeps(everyone: Everyone, book: Book) -> None:
    path = at(everyone, "/contacts/new")
    page = everyone.ed.get(path)
    wrong = everyone.ed.submit(page, path, mobile="07", fname="Wanjiru", city="x" * 300)
    assert wrong.status == 422
    assert "This is no telephone number: it is too short" in wrong.text
    assert "This is longer than 255 characters." in wrong.text
    assert ("fname", "Wanjiru") in wrong.form(path).fields
    added = everyone.ed.submit(
        wrong, path, mobile="0722 000 001", city="Nairobi", group="VIP", key=["card", ""], value=["17", ""]
    )
    assert added.heading == "Wanjiru"
    for words in ("Added to the book.", "0722 000001", "Nairobi", "VIP", "card 17"):
        assert words in added.text
    taken = everyone.ed.submit(page, path, mobile="+254722000001", fname="Other")
    assert taken.status == 422
    assert "The number is that of Wanjiru . One number is one contact." in taken.text


def test_a_contact_is_changed_and_what_was_not_typed_keeps_its_kind(everyone: Everyone, book: Book) -> None:
    first, second = book.add(
        {"mobile": "0722000001", "fname": "Wanjiru", "attributes": {"card": 17, "gone": "x", "yes": True}},
        {"mobile": "0722000002", "fname": "Lucy"},
    )
    path = at(everyone, f"/contacts/{first}/edit")
    page = everyone.ed.get(path)
    taken = everyone.ed.submit(page, path, mobile="0722000002")
    assert taken.status == 422
    assert "This number belongs to another contact already." in taken.text
    assert at(everyone, f"/contacts/{second}") in taken.links
    saved = everyone.ed.submit(
        page, path, fname="", lname="Kamau", mobile="0722000003", key=["card", "gone", "new"], value=["17", "", "text"]
    )
    assert (saved.heading, "Saved." in saved.text) == ("Kamau", True)
    held = json.loads(everyone.ed.request("GET", at(everyone, f"/contacts/{first}/everything")).body)
    assert held["contact"]["attributes"] == {"card": 17, "new": "text"}
    assert held["mobile"] == "254722000003"
    meanwhile = everyone.ed.submit(page, path, lname="Otieno")
    assert meanwhile.status == 409
    assert "Someone changed this contact meanwhile." in meanwhile.text
    assert "Saved." in everyone.ed.submit(meanwhile, path).text


# ---- a contact ------------------------------------------------------------------------------------------


def test_a_contact_says_whether_it_may_be_messaged_and_why_not(everyone: Everyone, book: Book, store: Store) -> None:
    (number,) = book.add({"mobile": "0722000001", "fname": "Wanjiru"}, group="VIP")
    path = at(everyone, f"/contacts/{number}")
    page = everyone.vic.get(path)
    assert "Yes, by every way." in page.text
    assert "Added or changed, in \u2068VIP\u2069." in page.text
    book.say("0722000001", "opt_out", channel="sms", sender="20414", evidence={"text": "STOP please"})
    book.say("0722000001", "opt_out", channel="whatsapp", purpose="marketing")
    page = everyone.vic.get(path)
    assert "Yes, but not with marketing by WhatsApp, and not by SMS from \u206820414\u2069." in page.text
    for words in ("SMS from \u206820414\u2069", "SMS from others", "STOP please", "their own message"):
        assert words in page.text
    assert {"#fact-1", "#fact-2"} <= set(page.links) and {"fact-1", "fact-2"} <= set(page.attributes)
    book.say("0722000001", "opt_out")
    page = everyone.vic.get(path)
    assert "No. They opted out of everything, by every way and from any sender." in page.text
    assert "Left \u2068VIP\u2069." in page.text
    assert "https://wa.me/254722000001" in page.links
    assert "Kept by Shopify" in everyone.vic.get(f"{path}/consent").text


def test_where_an_opt_in_is_required_only_what_was_agreed_is_allowed(
    everyone: Everyone, book: Book, store: Store
) -> None:
    store.system_write(
        current_time(),
        projects.set_project,
        name="Shopify",
        consent={"require_opt_in": True},
        region=None,
        on_error=None,
    )
    (number,) = book.add({"mobile": "0722000001"})
    path = at(everyone, f"/contacts/{number}")
    assert "this project messages only who did" in everyone.vic.get(path).text
    assert rows_of(everyone.vic.get(at(everyone, "/contacts?may=no"))) == 1
    book.say("0722000001", "opt_in", channel="sms", purpose="marketing")
    assert "Yes, but only with marketing by SMS." in everyone.vic.get(path).text


def test_a_contact_joins_and_leaves_groups_on_its_page(everyone: Everyone, book: Book) -> None:
    (number,) = book.add({"mobile": "0722000001"})
    path = at(everyone, f"/contacts/{number}")
    joined = everyone.ed.submit(everyone.ed.get(path), f"{path}/join", group="VIP")
    assert "In \u2068VIP\u2069 now." in joined.text
    assert "Out of \u2068VIP\u2069 now." in everyone.ed.submit(joined, f"{path}/leave").text
    refused = everyone.ed.submit(joined, f"{path}/join", group=" ")
    assert (refused.status, "This is needed." in refused.text) == (422, True)
    assert not [form for form in everyone.vic.get(path).forms if form.method == "post" and "/join" in form.action]


def test_what_was_done_is_undone_on_the_contact_s_page_by_who_may(everyone: Everyone, book: Book) -> None:
    first, second = book.add({"mobile": "0722000001"}, {"mobile": "0722000002"})
    page = everyone.ed.get(at(everyone, f"/contacts/many?do=join&ids={first}&ids={second}"))
    everyone.ed.submit(page, at(everyone, "/contacts/many/join"), group="VIP")
    path = at(everyone, f"/contacts/{first}")
    stopped = everyone.ed.submit(everyone.ed.get(f"{path}/remove"), f"{path}/remove/stop", evidence="A phone call")
    assert "Left \u2068VIP\u2069." in stopped.text
    assert "Undo, for all 2 contacts" in stopped.text
    assert not [form for form in everyone.vic.get(path).forms if "/undo" in form.action]
    here = everyone.ed.get(path)
    newest = next(form.action for form in here.forms if "/undo" in form.action)
    back = everyone.ed.submit(here, newest)
    assert (back.url.partition("?")[0], "Undone." in back.text) == (path, True)
    assert "Yes, by every way." in back.text and "undone" in back.text
    everyone.ed.submit(back, [form.action for form in back.forms if "/undo" in form.action][-1])
    for number in (first, second):
        assert "In no group." in everyone.ed.get(at(everyone, f"/contacts/{number}")).text


def test_an_undo_on_the_page_after_an_act_stays_with_the_contact_and_says_in_words_what_happened(
    everyone: Everyone, book: Book
) -> None:
    (number,) = book.add({"mobile": "0722000001"})
    path = at(everyone, f"/contacts/{number}")
    moving = everyone.ed.get(at(everyone, f"/contacts/many?do=move&ids={number}"))
    everyone.ed.submit(moving, at(everyone, "/contacts/many/move"), group="VIP")
    stopped = everyone.ed.submit(everyone.ed.get(f"{path}/remove"), f"{path}/remove/stop", evidence="A phone call")
    undo = next(form.action for form in stopped.forms if "/undo" in form.action)
    back = everyone.ed.submit(stopped, undo)
    assert back.url.partition("?")[0] == path
    assert "Moved to \u2068VIP\u2069." in back.text
    assert "Something was undone." in back.text
    assert "Fact 1 was taken back." in back.text


def test_a_contact_that_is_not_there_is_not_found(everyone: Everyone) -> None:
    for path in ("/contacts/99", "/contacts/x", "/contacts/99/edit", f"/contacts/{'9' * 30}/remove"):
        assert everyone.asha.get(at(everyone, path)).status == 404


# ---- the ways in which one goes -------------------------------------------------------------------------


def test_a_wish_to_stop_is_written_down_and_may_take_the_contact_out(everyone: Everyone, book: Book) -> None:
    first, second = book.add({"mobile": "0722000001"}, {"mobile": "0722000002"})
    path = at(everyone, f"/contacts/{first}/remove")
    page = everyone.ed.get(path)
    late = everyone.ed.submit(page, f"{path}/stop", at="2999-01-01T10:00")
    assert (late.status, "This time is still to come." in late.text) == (422, True)
    stopped = everyone.ed.submit(
        page, f"{path}/stop", channel="sms", purpose="marketing", evidence="Rang the shop", at="2026-01-05T10:30"
    )
    assert "Written down. It holds until they agree again." in stopped.text
    assert "5 Jan 2026, 10:30" in stopped.text
    assert "Rang the shop" in stopped.text
    assert "Asha" not in stopped.text and "Ed" in stopped.text
    other = at(everyone, f"/contacts/{second}/remove")
    gone = everyone.ed.submit(everyone.ed.get(other), f"{other}/stop", delete="yes")
    assert "Written down, and out of the book." in gone.text
    assert everyone.ed.get(at(everyone, f"/contacts/{second}")).status == 404
    (again,) = book.add({"mobile": "0722000002"})
    assert "No. They opted out of everything" in everyone.ed.get(at(everyone, f"/contacts/{again}")).text


def test_a_contact_that_no_one_asked_to_remove_may_be_messaged_again(everyone: Everyone, book: Book) -> None:
    (number,) = book.add({"mobile": "0722000001"}, group="VIP")
    path = at(everyone, f"/contacts/{number}/remove")
    gone = everyone.ed.submit(everyone.ed.get(path), path)
    assert "Out of the book." in gone.text
    (again,) = book.add({"mobile": "0722000001"})
    assert "Yes, by every way." in everyone.ed.get(at(everyone, f"/contacts/{again}")).text


def test_who_agrees_lifts_their_own_opt_out_only_with_evidence(everyone: Everyone, book: Book) -> None:
    (number,) = book.add({"mobile": "0722000001"})
    book.say("0722000001", "opt_out", purpose="marketing", evidence={"text": "STOP"})
    path = at(everyone, f"/contacts/{number}/agreed")
    page = everyone.ed.get(path)
    assert "STOP" in page.text
    short = everyone.ed.submit(page, path, evidence="said so")
    assert (short.status, "Write a little more: at least 10 characters." in short.text) == (422, True)
    agreed = everyone.ed.submit(page, path, purpose="marketing", evidence="Signed form 12 in the shop today")
    assert "They may be messaged so from now on." in agreed.text
    assert "Yes, by every way." in agreed.text
    book.say("0722000001", "opt_out")
    narrow = everyone.ed.submit(page, path, channel="sms", evidence="Signed form 13 in the shop", at="2026-01-01T10:00")
    assert "They still may not be messaged so" in narrow.text


def test_an_erasure_asks_for_the_number_and_is_for_who_may_erase(everyone: Everyone, book: Book) -> None:
    (number,) = book.add({"mobile": "0722000001", "fname": "Wanjiru"})
    path = at(everyone, f"/contacts/{number}/erase")
    assert everyone.ed.get(path).status == 403
    assert "Erase" not in everyone.ed.get(at(everyone, f"/contacts/{number}")).text
    page = everyone.asha.get(path)
    for typed in ("0722000009", "abc"):
        refused = everyone.asha.submit(page, path, mobile=typed)
        assert refused.status == 422
    assert "Wanjiru" in everyone.asha.get(at(everyone, f"/contacts/{number}")).text
    erased = everyone.asha.submit(page, path, mobile="0722 000 001")
    assert "Erased." in erased.text
    assert "Wanjiru" not in erased.text
    assert everyone.asha.get(at(everyone, f"/contacts/{number}")).status == 404


# ---- hostile names --------------------------------------------------------------------------------------


def test_hostile_names_are_harmless_on_every_page(everyone: Everyone, book: Book) -> None:
    ids = book.add(
        *(
            {"mobile": f"072200000{place}", "fname": name, "lname": name, "city": name, "attributes": {"a": name}}
            for place, name in enumerate(HOSTILE)
        )
    )
    for name in HOSTILE:
        book.write(many.add_to_group, ids=ids, name=name)
        book.say("0722000001", "opt_out", channel="sms", sender=name[:60], evidence={"text": name})
    group = everyone.asha.get(at(everyone, "/groups"))
    paths = [link for link in group.links if "/groups/" in link]
    assert len(paths) == len(HOSTILE)
    paths += [f"{path}/{act}" for path in [*paths] for act in ("rename", "merge", "delete")]
    for number in ids:
        own = at(everyone, f"/contacts/{number}")
        paths += [own, *(f"{own}/{act}" for act in ("edit", "remove", "agreed", "erase", "consent"))]
    paths += [at(everyone, path) for path in ("/contacts", "/groups", "/contacts?q=alert")]
    paths.append(at(everyone, "/contacts/many?do=move&" + "&".join(f"ids={number}" for number in ids)))
    for path in paths:
        page = everyone.asha.get(path)
        assert page.status == 200, path
        Checked().feed(page.html)
        assert len(page.html) < PAGE_BYTES_MAX
        assert "49%" not in page.text
        assert page.title.endswith(" · Shopify · Daftari")
        assert page.html.count("<h1") == 1


def test_names_are_written_in_the_language_of_who_reads(everyone: Everyone, book: Book, visitor: Browser) -> None:
    (number,) = book.add({"mobile": "0722000001"})
    everyone.ed.cookies["daftari_language"] = "sw"
    page = everyone.ed.get(at(everyone, f"/contacts/{number}"))
    assert "Ndiyo, kwa njia zote." in page.text
    assert "Anwani" in everyone.ed.get(at(everyone, "/contacts")).text
