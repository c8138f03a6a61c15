"""The log says who did what and finds it again; what a page did is undone there, or by the button that it shows."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from daftari.console.pages import log as log_page
from daftari.mobile import format_as_written
from daftari.model.projects import Actor, Project
from daftari.model.time import current_time
from daftari.rules import events
from daftari.rules.access import users
from daftari.rules.bulk.jobs import BulkSettings, start_bulk
from daftari.rules.consent import facts
from daftari.rules.contacts import many
from daftari.rules.events import Action
from daftari.rules.log import reading
from daftari.store import Store, WriteTx
from tests.conftest import People
from tests.console.conftest import Everyone
from tests.console.test_forms import token_of
from tests.support import calls, consent_calls
from tests.support.browsers import Browser, FoundPage
from tests.support.builders import mobile
from tests.support.clients import Client
from tests.support.undo import sit_down

Act = Callable[..., int]
SHOWN = format_as_written(int(mobile(1).removeprefix("+")), "KE")
"""The number of the contact, as the log shows it."""


def log(browser: Browser, project: int, **query: object) -> FoundPage:
    return browser.get(f"/p/{project}/settings/log?{urlencode(query)}")


def said_in(page: FoundPage) -> list[str]:
    """What each act of a page says, without who did it, when, and its number."""
    rows = re.findall(r'<tr role="row" id="act-\d+">(.*?)</tr>', page.html)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row)[3] for row in rows]
    return [html.unescape(re.sub(r"<[^>]+>", "", cell)) for cell in cells]


@pytest.fixture
def act(store: Store, people: People) -> Act:
    """Does something in the name of a user of Shopify; returns its number in the log."""

    def write(rule: Any, /, **values: Any) -> int:
        def last(tx: WriteTx) -> int:
            rule(tx, **values)
            return tx.book.next_seq - 1

        return store.write(people.shopify, Actor(None, "a form", 1), current_time(), last)

    return write


def undo(browser: Browser, project: int, seq: object) -> FoundPage:
    return browser.post(f"/p/{project}/settings/log/{seq}/undo", [token_of(browser)])


def contact(store: Store, project: Project, group: str | None = None) -> None:
    calls.create_contacts(store, project, [{"mobile": mobile(1)}], group=group)


def said(facts_of: str, **common: object) -> facts.Given:
    return facts.read_facts(
        [facts_of], common={"source": "console", **common}, kind="opt_out", writer="console", region="KE", now=None
    )


def test_an_editor_undoes_and_the_next_page_says_so_with_a_button_that_undoes_that(
    everyone: Everyone, people: People, store: Store, act: Act
) -> None:
    contact(store, people.shopify, "Farmers")
    seq = act(many.remove_contacts, ids=[1])
    page = undo(everyone.ed, everyone.shopify, seq)
    assert page.status == 200 and "Undone." in page.text
    again = [form.action for form in page.forms if form.action.endswith("/undo")]
    assert again == [f"/p/{everyone.shopify}/settings/log/{seq + 1}/undo"]
    assert calls.get_group(store, people.shopify, "Farmers").contacts == 1


def test_the_answer_names_the_words_by_which_someone_is_still_opted_out(
    everyone: Everyone, people: People, store: Store, act: Act
) -> None:
    contact(store, people.shopify)
    consent_calls.record_given(
        store, people.shopify, [mobile(1)], common={"source": "form"}, kind="opt_out", now=current_time()
    )
    page = undo(everyone.ed, everyone.shopify, act(facts.record_given, given=said(mobile(1)), kind="opt_out"))
    assert "is still opted out: their own message, today" in page.text


def test_who_may_only_look_is_refused_and_so_are_numbers_that_are_none(
    everyone: Everyone, people: People, store: Store, act: Act
) -> None:
    contact(store, people.shopify)
    seq = act(many.add_to_group, ids=[1], name="Farmers")
    assert undo(everyone.vic, everyone.shopify, seq).status == 403
    assert undo(everyone.kai, everyone.shopify, seq).status == 404
    for wrong in (10_000, "9" * 30, "x", "-1"):
        assert undo(everyone.ed, everyone.shopify, wrong).status == 404
    assert calls.get_group(store, people.shopify, "Farmers").contacts == 1


def test_what_cannot_be_undone_says_why(everyone: Everyone, people: People, store: Store, act: Act) -> None:
    contact(store, people.shopify)
    seq = act(many.add_to_group, ids=[1], name="Farmers")
    page = undo(everyone.ed, everyone.shopify, seq - 1)
    assert (page.status, "Only what was done in these pages can be undone." in page.text) == (409, True)
    undo(everyone.ed, everyone.shopify, seq)
    assert f"This was undone already: number {seq + 1} in the log." in undo(everyone.ed, everyone.shopify, seq).text


def test_a_number_that_no_act_has_is_not_found(everyone: Everyone) -> None:
    for seq in ("0", "x", "9" * 30, "0" * 20 + "9" * 30, "9" * 5_000):
        assert undo(everyone.ed, everyone.shopify, seq).status == 404


def test_the_undo_of_a_job_begins_and_shows_its_page(everyone: Everyone, people: People, store: Store) -> None:
    contact(store, people.shopify)
    editor = sit_down(store, people.shopify, "Esther")
    settings = BulkSettings("join", group="Farmers")
    editor.now = current_time()
    job = editor.write(start_bulk, access=editor.access, settings=settings, ids=[1], expected=None)
    page = undo(everyone.ed, everyone.shopify, job.progress.seq)
    assert page.url == f"/p/{everyone.shopify}/bulk/{job.id}"
    assert "Being undone" in page.text


# ---- the page -------------------------------------------------------------------------------------------


def test_the_log_says_who_did_what_with_links_to_whom_it_was_about(
    everyone: Everyone, people: People, store: Store, act: Act
) -> None:
    contact(store, people.shopify, "Farmers")
    act(many.add_to_group, ids=[1], name="VIP")
    act(facts.record_given, given=said(mobile(1)), kind="opt_out")
    page = log(everyone.vic, everyone.shopify)
    assert (page.status, page.heading) == (200, "Settings")
    written, joined, created = said_in(page)[:3]
    assert written.startswith(f"Wrote down: {SHOWN}; Opted out of everything")
    assert "left Farmers" in written and "left VIP" in written
    assert (joined, created) == (f"Added to VIP: {SHOWN}", f"Added or changed, in Farmers: {SHOWN}")
    own = f"/p/{everyone.shopify}"
    assert {f"{own}/contacts/1", f"{own}/groups/VIP"} <= set(page.links)


def test_a_search_is_by_number_person_program_kind_and_day(
    everyone: Everyone, people: People, store: Store, act: Act
) -> None:
    contact(store, people.shopify, "Farmers")
    act(many.add_to_group, ids=[1], name="VIP")
    vip = f"Added to VIP: {SHOWN}"
    today = datetime.now(ZoneInfo("Africa/Nairobi")).strftime("%Y-%m-%d")
    searches: list[tuple[dict[str, str], bool]] = [
        ({"q": mobile(1)}, True),
        ({"q": "vip"}, True),
        ({"q": mobile(2)}, False),
        ({"who": "user-1"}, True),
        ({"who": "user-2"}, False),
        ({"who": "key-1"}, False),
        ({"kind": "contacts"}, True),
        ({"kind": "access"}, False),
        ({"day": "2020-01-31"}, False),
        ({"day": today, "q": "1", "who": "user-1", "kind": "contacts"}, True),
        ({"who": "them", "kind": "nothing"}, True),
        ({"who": "user-" + "9" * 50}, False),
    ]
    for query, found in searches:
        page = log(everyone.vic, everyone.shopify, **query)
        assert (page.status, vip in said_in(page)) == (200, found), query
    assert f"No one and nothing is called {mobile(2)}" in log(everyone.vic, everyone.shopify, q=mobile(2)).text
    assert "This is no day." in log(everyone.vic, everyone.shopify, day="yesterday").text
    assert "Nothing fits" in log(everyone.vic, everyone.shopify, day="2020-01-31").text
    assert log(everyone.vic, everyone.shopify, before="x").status == 422


def test_where_nothing_is_found_among_many_acts_one_looks_further_back(
    everyone: Everyone, people: People, store: Store, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact(store, people.shopify)
    act(many.add_to_group, ids=[1], name="VIP")
    for number in range(2, 8):
        calls.create_contacts(store, people.shopify, [{"mobile": mobile(number)}])
    monkeypatch.setattr(reading, "SCANNED_MAX", 5)
    monkeypatch.setattr(log_page, "SCANNED_MAX", 5)
    page = log(everyone.vic, everyone.shopify, q="VIP")
    assert "Nothing among the last 5 acts" in page.text and "Look further back" in page.text
    (further,) = [link for link in page.links if "before=" in link]
    assert said_in(everyone.vic.get(further)) == [f"Added to VIP: {SHOWN}"]


def test_the_log_undoes_and_stays(everyone: Everyone, people: People, store: Store, act: Act) -> None:
    contact(store, people.shopify, "Farmers")
    seq = act(many.remove_contacts, ids=[1])
    path = f"/p/{everyone.shopify}/settings/log/{seq}/undo"
    assert path not in [form.action for form in log(everyone.vic, everyone.shopify).forms]
    page = everyone.ed.submit(log(everyone.ed, everyone.shopify), path)
    assert page.url.startswith(f"/p/{everyone.shopify}/settings/log?done=") and "Undone." in page.text
    assert f"undone by number {seq + 1}" in page.text
    assert path not in [form.action for form in page.forms]
    assert said_in(page)[0] == f"Undid number {seq}: {SHOWN}"


def test_the_log_names_no_user_of_another_project(everyone: Everyone, store: Store) -> None:
    kai = store.system_read(0, users.find_user, email="kai@example.com").id
    page = log(everyone.asha, everyone.shopify, who=f"user-{kai}")
    assert "Kai" not in page.text and said_in(page) == []


def test_the_journal_notes_keys_and_users_and_the_log_says_so(everyone: Everyone) -> None:
    own = f"/p/{everyone.shopify}/settings"
    everyone.asha.submit(everyone.asha.get(f"{own}/keys"), f"{own}/keys", label="crm", kind="read")
    everyone.asha.submit(everyone.asha.get(f"{own}/users"), f"{own}/users", email="dora@example.com", role="viewer")
    page = log(everyone.vic, everyone.shopify, kind="access")
    assert said_in(page)[:2] == ["Added the user dora: Viewer", "Made the key crm: read only"]
    assert "Asha" in page.text


def test_hostile_names_are_harmless_in_the_log(everyone: Everyone, people: People, store: Store, act: Act) -> None:
    for number, name in enumerate(("<script>alert(1)</script>", "\u202egnihton", "'\"><b>x", "w" * 255), 1):
        calls.create_contacts(store, people.shopify, [{"mobile": mobile(number), "fname": name}])
        act(many.add_to_group, ids=[number], name=f"also {name}"[:255])
    page = log(everyone.ed, everyone.shopify)
    assert "<script>alert" not in page.html and "<b>x" not in page.html
    assert "Added to also <script>alert(1)</script>: <script>alert(1)</script>" in said_in(page)
    assert "<bdi>\u202egnihton</bdi>" in page.html
    for text in ("<script>alert(1)</script>", "\u202egnihton", "w" * 300, "'\"><b>x", "%00", "\0"):
        assert "<script>alert" not in log(everyone.ed, everyone.shopify, q=text).html


@pytest.mark.parametrize("language", ["en", "sw"])
def test_every_act_is_said_in_words(everyone: Everyone, people: People, store: Store, language: str) -> None:
    detail = {"undoes": 1, "action": "create_group", "act": "join", "contacts": 3, "user": 1, "role": "owner"}

    def write(tx: WriteTx) -> None:
        for action in Action:
            for group_id in (None, 1):
                events.record(tx, action, group_id=group_id, detail={**detail, "key": 1, "kind": "read"})

    store.write(people.shopify, Actor(None, "worker"), current_time(), write)
    everyone.vic.cookies["daftari_language"] = language
    found: list[str] = []
    link: str | None = f"/p/{everyone.shopify}/settings/log"
    while link is not None:
        page = everyone.vic.get(link)
        assert page.status == 200
        found += said_in(page)
        link = next(iter(re.findall(r'rel="next" href="([^"]+)"', page.html)), None)
    assert len(found) >= 2 * len(Action) and all(found)


def test_the_log_is_a_file_for_who_may_have_numbers(
    everyone: Everyone, people: People, ana: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_page, "LINES_AT_ONCE", 2)
    ana.post("/v1/contacts", {"contacts": [{"mobile": mobile(1), "fname": "=HYPERLINK(1)"}], "group": "VIP"})
    for name in ("A", "B", "=C"):
        ana.post("/v1/groups", {"name": name})
    path = f"/p/{everyone.shopify}/settings/log"
    assert f"{path}/download" in log(everyone.ed, everyone.shopify).links
    answer = everyone.ed.request("GET", f"{path}/download")
    assert answer.headers["content-disposition"] == 'attachment; filename="log.csv"'
    header, *lines = csv.reader(io.StringIO(answer.body.decode()))
    assert header == ["number", "at", "who", "what", "about", "request", "undone_by"]
    said = [line[3] for line in lines]
    assert said[:3] == ["Made the group =C", "Made the group B", "Made the group A"]
    assert [int(line[0]) for line in lines] == sorted((int(line[0]) for line in lines), reverse=True)
    assert (lines[3][3:5], lines[3][2]) == (["Added or changed, in VIP", "'=HYPERLINK(1)"], lines[0][2])
    assert "<" not in answer.body.decode()
    fewer = everyone.ed.request("GET", f"{path}/download?q=VIP").body.decode()
    assert len(fewer.splitlines()) == 2
    assert everyone.ed.request("GET", f"{path}/download?q=absent").body.decode().count("\r\n") == 1
    monkeypatch.setattr(log_page, "LINES_MAX", 3)
    assert everyone.ed.request("GET", f"{path}/download").body.decode().count("\r\n") == 4
    assert everyone.vic.get(f"{path}/download").status == 403
    assert f"{path}/download" not in log(everyone.vic, everyone.shopify).links
