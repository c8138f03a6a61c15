"""What a page did is undone by the button that it shows, or by its number in the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from daftari.model.projects import Actor, Project
from daftari.model.time import current_time
from daftari.rules.bulk.jobs import BulkSettings, list_matching, start_bulk
from daftari.rules.consent import facts
from daftari.rules.contacts import many
from daftari.store import Store, WriteTx
from tests.conftest import People
from tests.console.conftest import Everyone
from tests.console.test_forms import token_of
from tests.support import calls, consent_calls
from tests.support.browsers import Browser, FoundPage
from tests.support.builders import mobile
from tests.support.undo import sit_down

Act = Callable[..., int]


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
    return browser.post(f"/p/{project}/log/{seq}/undo", [token_of(browser)])


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
    assert again == [f"/p/{everyone.shopify}/log/{seq + 1}/undo"]
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


def test_the_undo_of_a_job_begins(everyone: Everyone, people: People, store: Store) -> None:
    contact(store, people.shopify)
    editor = sit_down(store, people.shopify, "Esther")
    settings = BulkSettings("join", group="Farmers")
    values = {"settings": settings, "list_ids": lambda tx, limit: list_matching(tx, limit, group=None, suppressed=True)}
    editor.now = current_time()
    job = editor.write(start_bulk, access=editor.access, expected=None, **values)
    page = undo(everyone.ed, everyone.shopify, job.progress.seq)
    assert "The undo has begun and continues by itself." in page.text
