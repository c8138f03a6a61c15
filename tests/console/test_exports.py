"""The page of exports: made by the worker, downloaded, deleted."""

from __future__ import annotations

from daftari.store import Store
from daftari.worker import exports as making
from tests.conftest import People
from tests.console.conftest import Everyone
from tests.console.test_contacts import HOSTILE, Book, at, book

__all__ = ["book"]


def make(store: Store, people: People) -> None:
    """Do all that waits."""
    with making.ExportWork(store, people.shopify, may_continue=lambda: True) as work:
        while work.step():
            pass


def test_the_book_is_exported_and_downloaded(everyone: Everyone, book: Book, store: Store, people: People) -> None:
    book.add({"mobile": "0722000001", "fname": "Wanjiru"})
    page = everyone.ed.get(at(everyone, "/exports"))
    assert "No file was made lately." in page.text
    asked = everyone.ed.submit(page, at(everyone, "/exports/new"))
    assert "The file is being made." in asked.text
    assert "Everyone CSV Being made" in asked.text
    assert 'data-refresh="2"' in asked.html
    early = everyone.ed.get(at(everyone, "/exports/1/file"))
    assert (early.status, early.heading) == (409, "This cannot be done")
    make(store, people)
    part = everyone.ed.get(at(everyone, "/exports"), headers={"accept": "text/html; part=exports"})
    assert "Ready" in part.text
    assert "data-refresh" not in part.html
    assert "<h1" not in part.html
    answer = everyone.ed.request("GET", at(everyone, "/exports/1/file"))
    assert answer.headers["content-disposition"].startswith('attachment; filename="shopify-')
    assert b"Wanjiru" in answer.body
    gone = everyone.ed.submit(everyone.ed.get(at(everyone, "/exports")), at(everyone, "/exports/1/delete"))
    assert "The file is gone." in gone.text
    assert everyone.ed.get(at(everyone, "/exports/1/file")).status == 404


def test_a_group_is_exported_with_the_consent_of_its_contacts(
    everyone: Everyone, book: Book, store: Store, people: People
) -> None:
    book.add({"mobile": "0722000001"}, group="VIP")
    book.add({"mobile": "0722000002"})
    book.say("0722000001", "opt_out", channel="sms")
    page = everyone.ed.get(at(everyone, "/exports"))
    asked = everyone.ed.submit(page, at(everyone, "/exports/new"), group="vip", consent="yes")
    assert "with consent" in asked.text
    make(store, people)
    body = everyone.ed.request("GET", at(everyone, "/exports/1/file")).body
    assert b"254722000001" in body
    assert b"opt_out" in body
    assert b"254722000002" not in body


def test_an_export_that_cannot_be_made_is_refused_with_what_was_chosen(everyone: Everyone) -> None:
    page = everyone.ed.get(at(everyone, "/exports"))
    path = at(everyone, "/exports/new")
    cards = everyone.ed.submit(page, path, format="vcard", consent="yes")
    assert (cards.status, "An address book has no place for consent." in cards.text) == (422, True)
    assert ("format", "vcard") in cards.form(path).fields
    unknown = everyone.ed.submit(page, path, group="nothing")
    assert (unknown.status, "There is no group of this name." in unknown.text) == (422, True)
    for _ in range(20):
        everyone.ed.submit(everyone.ed.get(at(everyone, "/exports")), path)
    full = everyone.ed.submit(everyone.ed.get(at(everyone, "/exports")), path)
    assert (full.status, "There are 20 files already. Delete one first." in full.text) == (409, True)


def test_who_may_only_look_has_no_files(everyone: Everyone, book: Book) -> None:
    assert everyone.vic.get(at(everyone, "/exports")).status == 403
    assert at(everyone, "/exports") not in everyone.vic.get(at(everyone, "/imports")).links
    assert at(everyone, "/exports") in everyone.ed.get(at(everyone, "/imports")).links


def test_hostile_names_of_groups_are_harmless(everyone: Everyone, book: Book) -> None:
    for name in HOSTILE:
        book.add({"mobile": "0722000001"}, group=name[:100])
        page = everyone.ed.get(at(everyone, "/exports"))
        shown = everyone.ed.submit(page, at(everyone, "/exports/new"), group=name[:100])
        assert shown.status == 200
        assert "<script>alert" not in shown.html
        assert "<img src=x" not in shown.html
