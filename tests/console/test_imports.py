"""The pages of imports: a file, its columns, its plan, what is done with it, its rows, and its undo."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest

from daftari.files import Layout, open_writer
from daftari.model.limits import FILE_BYTES_MAX
from daftari.store import Store
from tests.conftest import People
from tests.console.conftest import Everyone
from tests.console.test_contacts import HOSTILE, Book, at, book
from tests.console.test_shell import PAGE_BYTES_MAX
from tests.support import import_files
from tests.support.browsers import Browser, FoundPage
from tests.support.cases import ON_SQLITE, each

__all__ = ["book"]

PEOPLE = """Phone,First Name,Town,Card No.
0722000001,Wanjiru,Nairobi,20418
0722000002,Lucy,Kisumu,20419
2.547E+11,Ali,Mombasa,20420
0722000001,Wanjiru,Thika,20418
"""
Work = Callable[[], None]


@pytest.fixture
def work(store: Store, people: People) -> Work:
    """Does all that waits."""
    return lambda: import_files.work(store, people.shopify)


def bring(browser: Browser, everyone: Everyone, file: str | bytes, name: str = "people.csv", **typed: str) -> FoundPage:
    """The page of the columns of a file."""
    page = browser.get(at(everyone, "/imports"))
    data = file.encode() if isinstance(file, str) else file
    return browser.upload(page, at(everyone, "/imports/new"), name, data, **typed)


def plan(browser: Browser, page: FoundPage, work: Work, **typed: str | list[str]) -> FoundPage:
    """The plan of a file whose columns are shown."""
    path = page.url.partition("#")[0].partition("?")[0]
    shown = browser.submit(page, path, button="plan", **typed)
    assert shown.status == 200, shown.text
    work()
    return browser.get(path.removesuffix("/columns"))


def do(browser: Browser, page: FoundPage, what: str, work: Work, **typed: str) -> FoundPage:
    """The page of a file after a command that is done."""
    path = page.url.partition("?")[0]
    shown = browser.submit(page, f"{path}/{what}", **typed)
    assert shown.status == 200, shown.text
    work()
    return browser.get(path)


def stats(page: FoundPage) -> list[int]:
    """The counts of a page."""
    return [int(found.replace(",", "")) for found in re.findall(r'<dd class="big[^"]*">([\d,]+)</dd>', page.html)]


# ---- the file -------------------------------------------------------------------------------------------


def test_a_file_comes_in_and_its_columns_are_shown_with_the_first_rows_as_they_will_be(everyone: Everyone) -> None:
    page = bring(everyone.ed, everyone, PEOPLE, group="customers")
    assert page.heading == "people.csv"
    assert "3 of 4 columns were recognised." in page.text
    form = page.form(at(everyone, "/imports/1/columns"))
    assert [value for name, value in form.fields if name == "map"] == ["mobile", "fname", "city", "-"]
    assert dict(form.fields)["group"] == "customers"
    assert "20418 · 20419 · 20420" in page.text
    assert "0722 000001 Wanjiru Nairobi" in page.text
    assert "A spreadsheet shortened the number; its last digits are lost" in page.text
    listed = everyone.vic.get(at(everyone, "/imports"))
    assert "people.csv Columns 0" in listed.text
    assert "Ed" in listed.text
    assert not [form for form in listed.forms if form.action.endswith("/imports/new")]


@ON_SQLITE
@each(
    "name, file, said",
    [
        ("people.csv", b"", "This file is empty."),
        ("list.jpg", b"\xff\xd8\xff\xe0 a picture", "This is a picture; a table or an address book would be right."),
        ("list.pdf", b"%PDF-1.7 ...", "This is no table and no address book."),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "with a password"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "This is an old Excel file."),
        ("a.xlsx", b"PK\x03\x04 cut off", "This file is damaged, or not whole."),
    ],
    ids=["empty", "picture", "PDF", "password", "old", "damaged"],
)
def test_a_file_that_cannot_be_read_is_refused_on_the_same_page(
    everyone: Everyone, name: str, file: bytes, said: str
) -> None:
    page = bring(everyone.ed, everyone, file, name, group="VIP")
    assert (page.status, page.heading) == (422, "Imports")
    assert said in page.text
    assert page.title.startswith("Error")
    assert dict(page.form(at(everyone, "/imports/new")).fields)["group"] == "VIP"
    assert "Earlier" not in page.text


@ON_SQLITE
def test_a_name_of_a_group_that_is_too_long_is_said_on_the_form(everyone: Everyone) -> None:
    refused = bring(everyone.ed, everyone, PEOPLE, group="x" * 256)
    assert (refused.status, refused.heading) == (422, "Imports")
    assert "This is longer than 255 characters." in refused.text


@ON_SQLITE
def test_no_file_at_all_is_refused(everyone: Everyone) -> None:
    page = bring(everyone.ed, everyone, "", "")
    assert (page.status, "This is needed." in page.text) == (422, True)


def test_a_plan_that_leaves_rows_out_says_by_which_country_numbers_were_read(everyone: Everyone, work: Work) -> None:
    said = "Numbers without the code of a country are read as in Kenya."
    some = bring(everyone.ed, everyone, "Phone\n0722000001\n12\n")
    assert said in plan(everyone.ed, some, work).text
    every = bring(everyone.ed, everyone, "Phone\n0722000001\n0722000002\n")
    assert said not in plan(everyone.ed, every, work).text


@ON_SQLITE
def test_a_file_that_is_too_large_is_refused_before_it_is_sent(everyone: Everyone) -> None:
    page = everyone.ed.get(at(everyone, "/imports"))
    headers = {"content-type": "multipart/form-data; boundary=x", "origin": everyone.ed.origin}
    headers["content-length"] = str(FILE_BYTES_MAX * 2)
    answer = everyone.ed.request("POST", at(everyone, "/imports/new"), body=b"x", headers=headers)
    page = FoundPage(answer, "/imports/new")
    assert (page.status, page.heading) == (422, "Imports")
    assert "This file is larger than 1 GB" in page.text


@ON_SQLITE
def test_who_may_not_import_is_told_who_may(everyone: Everyone) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x", "origin": everyone.vic.origin}
    answer = everyone.vic.request("POST", at(everyone, "/imports/new"), body=b"x", headers=headers)
    page = FoundPage(answer, "/imports/new")
    assert (page.status, page.heading) == (403, "You may look, but not do this")
    assert "Owners of this project: Asha" in page.text


@ON_SQLITE
def test_a_list_of_opt_outs_that_is_sent_as_contacts_is_refused(everyone: Everyone) -> None:
    page = bring(everyone.ed, everyone, "Blacklist\n0722000001\n0722000002\n")
    assert page.status == 422
    assert "A column holds the numbers of people who opted out. Choose: people who asked to stop." in page.text


# ---- the columns ----------------------------------------------------------------------------------------


def test_columns_are_chosen_and_looked_at_again_before_the_plan(everyone: Everyone, work: Work) -> None:
    page = bring(everyone.ed, everyone, PEOPLE)
    path = at(everyone, "/imports/1/columns")
    again = everyone.ed.submit(page, path, button="look", map=["mobile", "lname", "-", "attributes.Card No."])
    assert again.url.startswith(path)
    assert "Last name" in again.text
    assert "0722 000001 Wanjiru 20418" in again.text
    kept = everyone.ed.submit(again, path, button="keep")
    fields = [value for name, value in kept.form(path).fields if name == "map"]
    assert fields == ["mobile", "lname", "attributes.Town", "attributes.Card No."]
    planned = plan(everyone.ed, kept, work)
    assert "This is what would happen." in planned.text
    assert stats(planned) == [2, 0, 0, 1, 1]


@ON_SQLITE
@each(
    "fields, said",
    [
        (["-", "fname", "city", "-"], "Say which column holds the number."),
        (["mobile", "fname", "fname", "-"], "Another column becomes the same. Choose one of them."),
        (["mobile", "evil", "city", "-"], "Choose one of these."),
    ],
    ids=["no number", "twice", "unknown"],
)
def test_columns_that_do_not_make_sense_are_refused_with_what_was_chosen(
    everyone: Everyone, fields: list[str], said: str
) -> None:
    page = bring(everyone.ed, everyone, PEOPLE)
    path = page.url
    refused = everyone.ed.submit(page, path, button="plan", map=fields)
    assert (refused.status, said in refused.text) == (422, True)
    found = [value for name, value in refused.form(path).fields if name == "map"]
    assert found[0] == fields[0]


def test_a_file_without_a_column_that_is_the_number_asks_which_one_it_is(everyone: Everyone, work: Work) -> None:
    page = bring(everyone.ed, everyone, "Wer,Was\nAmina,0722000001\nLucy,hello\n")
    if "Which column holds the number?" in page.text:
        assert page.form(at(everyone, "/imports/1/columns"))
    planned = plan(everyone.ed, page, work, map=["fname", "mobile"])
    assert stats(planned) == [1, 0, 0, 0, 1]


def test_what_the_columns_became_is_proposed_for_the_next_file_with_the_same_header_row(
    everyone: Everyone, work: Work
) -> None:
    first = bring(everyone.ed, everyone, PEOPLE, "october.csv")
    chosen = ["mobile", "lname", "-", "attributes.Card No."]
    plan(everyone.ed, first, work, map=chosen)
    second = bring(everyone.ed, everyone, PEOPLE.replace("Lucy", "Amina"), "november.csv")
    assert "3 of 4 columns are used, as in october.csv" in second.text
    form = second.form(at(everyone, "/imports/2/columns"))
    assert [value for name, value in form.fields if name == "map"] == chosen
    other = bring(everyone.ed, everyone, PEOPLE.replace("Town", "City"), "other.csv")
    assert "as in" not in other.text
    theirs = everyone.kai.get(f"/p/{everyone.kalro}/imports")
    mine = everyone.kai.upload(theirs, f"/p/{everyone.kalro}/imports/new", "october.csv", PEOPLE.encode())
    assert "as in" not in mine.text


@ON_SQLITE
def test_a_sheet_and_the_row_with_the_names_are_chosen(everyone: Everyone, work: Work) -> None:
    page = bring(everyone.ed, everyone, "Our customers\n2026\nPhone,First Name\n0722000001,Wanjiru\n")
    path = at(everyone, "/imports/1/columns")
    wrong = everyone.ed.submit(page, path, button="look", header_row="x")
    assert wrong.status == 422
    again = everyone.ed.submit(page, path, button="look", header_row="3")
    assert "0722 000001 Wanjiru" in again.text
    assert stats(plan(everyone.ed, again, work)) == [1, 0, 0, 0, 0]


@ON_SQLITE
def test_the_order_of_day_and_month_may_be_said(everyone: Everyone, work: Work) -> None:
    file = "phone,unsubscribed at\n0722000001,05/06/2024\n"
    page = bring(everyone.ed, everyone, file, kind="opt_outs")
    path = at(everyone, "/imports/1/columns")
    day_first = everyone.ed.submit(page, path, button="look", date_order="day_first")
    assert "Jun 2024" in day_first.text
    month_first = everyone.ed.submit(day_first, path, button="look", date_order="month_first")
    assert "May 2024" in month_first.text


def test_a_plan_is_made_again_with_other_columns(everyone: Everyone, work: Work) -> None:
    planned = plan(everyone.ed, bring(everyone.ed, everyone, PEOPLE), work)
    assert at(everyone, "/imports/1/columns") in planned.links
    page = everyone.ed.get(at(everyone, "/imports/1/columns"))
    again = plan(everyone.ed, page, work, map=["-", "fname", "city", "mobile"])
    assert stats(again) == [0, 0, 0, 0, 4]
    rows = everyone.ed.get(at(everyone, "/imports/1/rows?outcome=rejected"))
    assert rows.html.count('<tr role="row">') == 1 + 4


def test_only_the_plan_that_was_shown_is_applied(everyone: Everyone, work: Work) -> None:
    seen = plan(everyone.ed, bring(everyone.ed, everyone, PEOPLE), work)
    plan(everyone.asha, everyone.asha.get(at(everyone, "/imports/1/columns")), work, group="Fair")
    late = everyone.ed.submit(seen, at(everyone, "/imports/1/apply"))
    assert (late.status, late.heading) == (409, "people.csv")
    assert "This is the new plan." in late.text
    assert "2 join \u2068Fair\u2069." in late.text
    everyone.ed.submit(late, at(everyone, "/imports/1/apply"))
    work()
    assert "Applied" in everyone.ed.get(at(everyone, "/imports/1")).text


# ---- plan, apply, undo ----------------------------------------------------------------------------------


def test_a_plan_counts_every_row_shows_what_changes_and_why_rows_cannot_be_taken(
    everyone: Everyone, book: Book, work: Work
) -> None:
    book.add({"mobile": "0722000001", "city": "Meru"}, {"mobile": "0722000002", "fname": "Lucy", "city": "Meru"})
    book.say("0722000002", "opt_out")
    page = plan(everyone.ed, bring(everyone.ed, everyone, PEOPLE, group="customers"), work)
    assert stats(page) == [0, 2, 0, 1, 1]
    assert sum(stats(page)) == 4
    assert "together 4 rows" in page.text
    assert "1 opted out. They join no group and cannot be messaged." in page.text
    assert "1 join" in page.text
    assert "Town: Meru" in page.text
    assert "Town: Kisumu" in page.text
    # Two rows name the other one.
    assert "Town: Nairobi" not in page.text
    assert "All 2 that change" in page.text
    assert "row 3: '2.547E+11' 1" in page.text
    assert "Apply: 2 changed" in page.text
    viewer = everyone.vic.get(page.url)
    assert [form for form in viewer.forms if "/imports/" in form.action] == []
    assert at(everyone, "/imports/1/rejects") not in viewer.links
    assert stats(viewer) == stats(page)


def test_an_import_is_applied_and_undone_and_who_opted_out_stays_out(
    everyone: Everyone, book: Book, work: Work
) -> None:
    book.add({"mobile": "0722000002", "fname": "Old"})
    planned = plan(everyone.ed, bring(everyone.ed, everyone, PEOPLE, group="customers"), work)
    done = do(everyone.ed, planned, "apply", work)
    assert "Applied today" in done.text
    assert "by \u2068Ed\u2069" in done.text
    assert "1 contact is new, and 1 changed." in done.text
    assert "2 joined \u2068customers\u2069." in done.text
    assert "Undoing puts everything back. 1 new contact goes. 1 gets back what it was." in done.text
    book.say("0722000001", "opt_out")
    book.add({"mobile": "0722000002", "city": "Changed since"})
    undone = do(everyone.ed, done, "undo", work)
    assert "Undone today" in undone.text
    assert "1 contact was left alone, since it was changed after that." in undone.text
    assert not [form for form in undone.forms if form.action.endswith("/undo")]
    assert "0722 000001" not in everyone.ed.get(at(everyone, "/contacts")).text
    bring(everyone.ed, everyone, "phone\n0722000001\n")
    again = plan(everyone.ed, everyone.ed.get(at(everyone, "/imports/2/columns")), work)
    assert "1 opted out." in again.text


def test_a_list_of_opt_outs_is_applied_and_taken_back_with_a_reason(everyone: Everyone, work: Work) -> None:
    page = bring(everyone.ed, everyone, "phone\n0722000001\n0722000002\nnone\n", kind="opt_outs")
    assert "What the rows do not say themselves" in page.text
    assert "0722 000001 any any any" in page.text
    planned = plan(everyone.ed, page, work, channel="sms", evidence="Written down at the fair")
    assert "Apply: 2 opt-outs" in planned.text
    done = do(everyone.ed, planned, "apply", work)
    assert stats(done) == [2, 0, 0, 1]
    path = at(everyone, "/imports/1/undo")
    refused = everyone.ed.submit(done, path, reason="")
    assert (refused.status, "This is needed." in refused.text) == (422, True)
    undone = do(everyone.ed, done, "undo", work, reason="It was the wrong list")
    assert "2 entries were taken back." in undone.text


def test_the_progress_is_a_part_of_the_page_that_ends_where_the_work_ends(everyone: Everyone, work: Work) -> None:
    planned = plan(everyone.ed, bring(everyone.ed, everyone, PEOPLE), work)
    running = everyone.ed.submit(planned, at(everyone, "/imports/1/apply"))
    assert "You can close this page" in running.text
    assert 'data-refresh="2"' in running.html
    assert "http-equiv" not in running.html
    asked = everyone.ed.get(at(everyone, "/imports/1?every=5"))
    assert '<meta http-equiv="refresh" content="5">' in asked.html
    part = everyone.ed.get(running.url, headers={"accept": "text/html; part=progress"})
    assert "<h1" not in part.html
    assert 'data-refresh="2"' in part.html
    work()
    part = everyone.ed.get(running.url, headers={"accept": "text/html; part=progress"})
    assert "data-refresh" not in part.html
    assert f'data-then="{at(everyone, "/imports/1")}"' in part.html
    assert "http-equiv" not in everyone.ed.get(at(everyone, "/imports/1?every=5")).html


def test_an_import_is_paused_goes_on_and_is_stopped_for_good(everyone: Everyone, work: Work) -> None:
    planned = plan(everyone.ed, bring(everyone.ed, everyone, PEOPLE), work)
    running = everyone.ed.submit(planned, at(everyone, "/imports/1/apply"))
    paused = everyone.ed.submit(running, at(everyone, "/imports/1/pause"))
    assert "It waits until someone" in paused.text
    again = everyone.ed.submit(paused, at(everyone, "/imports/1/resume"))
    assert "You can close this page" in again.text
    assert at(everyone, "/imports/1/stop") in again.links
    asked = everyone.ed.get(at(everyone, "/imports/1/stop"))
    assert "0 rows are written and stay." in asked.text
    stopped = everyone.ed.submit(asked, at(everyone, "/imports/1/stop"))
    assert "This was stopped." in stopped.text
    work()
    assert "This was stopped." in everyone.ed.get(at(everyone, "/imports/1")).text
    late = everyone.ed.submit(asked, at(everyone, "/imports/1/stop"))
    assert late.status in (200, 409)
    refused = everyone.ed.submit(planned, at(everyone, "/imports/1/apply"))
    assert "This was stopped." in refused.text


def test_a_plan_is_thrown_away(everyone: Everyone, work: Work) -> None:
    planned = plan(everyone.ed, bring(everyone.ed, everyone, PEOPLE), work)
    listed = everyone.ed.submit(planned, at(everyone, "/imports/1/stop"))
    assert listed.heading == "Imports"
    assert "The file is thrown away. Nothing was changed by it." in listed.text
    gone = everyone.ed.get(at(everyone, "/imports/1/columns"))
    assert "This file was thrown away." in gone.text
    fresh = bring(everyone.ed, everyone, PEOPLE)
    listed = everyone.ed.submit(fresh, at(everyone, "/imports/2/stop"))
    assert "The file is thrown away." in listed.text


def test_a_command_that_comes_too_late_says_so_on_the_page_of_the_file(everyone: Everyone, work: Work) -> None:
    planned = plan(everyone.ed, bring(everyone.ed, everyone, PEOPLE), work)
    columns = everyone.ed.get(at(everyone, "/imports/1/columns"))
    do(everyone.asha, everyone.asha.get(planned.url), "apply", work)
    for page, what in ((planned, "apply"), (columns, "columns")):
        late = everyone.ed.submit(page, at(everyone, f"/imports/1/{what}"))
        assert (late.status, late.heading) == (409, "people.csv")
        assert "This cannot be done now" in late.text
    assert everyone.ed.get(at(everyone, "/imports/99")).status == 404
    assert everyone.ed.get(at(everyone, "/imports/x/rows")).status == 404


# ---- rows -----------------------------------------------------------------------------------------------


def test_the_rows_of_each_outcome_are_shown_with_their_contacts(everyone: Everyone, work: Work) -> None:
    many = "phone,first name\n" + "".join(f"0722{number:06},Person {number}\n" for number in range(60)) + "zzz,y\n"
    planned = plan(everyone.ed, bring(everyone.ed, everyone, many), work)
    foreseen = everyone.vic.get(at(everyone, "/imports/1/rows?outcome=created"))
    assert "Person 0 · 0722 000000" in foreseen.text
    do(everyone.ed, planned, "apply", work)
    first = everyone.vic.get(at(everyone, "/imports/1/rows?outcome=created"))
    assert first.html.count('<tr role="row">') == 1 + 50
    assert "Person 49" in first.text
    (following,) = [link for link in first.links if "after=" in link]
    second = everyone.vic.get(following)
    assert second.html.count('<tr role="row">') == 1 + 10
    assert not [link for link in second.links if "after=" in link]
    rejected = everyone.vic.get(at(everyone, "/imports/1/rows?outcome=rejected"))
    assert "Row Contact Outcome 61 no contact Not taken There is no digit in the number 'zzz'" in rejected.text
    assert "There is no such row here." in everyone.vic.get(at(everyone, "/imports/1/rows?outcome=updated")).text


def test_the_rejects_are_downloaded_with_the_reasons_and_imported_again(everyone: Everyone, work: Work) -> None:
    done = do(everyone.ed, plan(everyone.ed, bring(everyone.ed, everyone, PEOPLE), work), "apply", work)
    assert at(everyone, "/imports/1/rejects") in done.links
    answer = everyone.ed.request("GET", at(everyone, "/imports/1/rejects"))
    assert answer.headers["content-disposition"] == 'attachment; filename="people-rejects.csv"'
    assert answer.body.decode("utf-8-sig").splitlines()[0] == "Phone,First Name,Town,Card No.,why"
    repaired = answer.body.replace(b"2.547E+11", b"0722000003")
    page = bring(everyone.ed, everyone, repaired, "repaired.csv")
    assert stats(plan(everyone.ed, page, work)) == [1, 0, 0, 0, 0]
    assert everyone.vic.get(at(everyone, "/imports/1/rejects")).status == 403


# ---- other formats, names and languages -----------------------------------------------------------------


def workbook() -> bytes:
    """A workbook with one person."""
    file = io.BytesIO()
    writer = open_writer(file, layout=Layout("xlsx", ("Namba ya simu", "Jina", "Mji")))
    writer.write([["0722000001", "Amina", "Mombasa"]])
    writer.close()
    return file.getvalue()


CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Amina Ali\r\nTEL;TYPE=CELL:0722000001\r\nEND:VCARD\r\n"


@ON_SQLITE
@each(
    "name, file",
    [
        ("people.xlsx", workbook()),
        ("people.vcf", CARD.encode()),
        ("people.ndjson", b'{"mobile":"0722000001","fname":"Amina","shoe":42}\n'),
        ("people.json", b'[{"mobile":"0722000001","fname":"Amina"}]'),
    ],
    ids=["xlsx", "vcard", "ndjson", "json"],
)
def test_every_format_goes_the_whole_way(everyone: Everyone, work: Work, name: str, file: bytes) -> None:
    page = bring(everyone.ed, everyone, file, name)
    assert "0722 000001 Amina" in page.text
    done = do(everyone.ed, plan(everyone.ed, page, work), "apply", work)
    assert stats(done) == [1, 0, 0, 0, 0]
    assert "Amina" in everyone.ed.get(at(everyone, "/contacts")).text
    assert everyone.ed.request("GET", f"{done.url}/rejects").status == 200
    do(everyone.ed, done, "undo", work)


@ON_SQLITE
def test_hostile_names_of_files_columns_and_groups_are_harmless(everyone: Everyone, work: Work) -> None:
    for number, text in enumerate(HOSTILE, 1):
        cell = text.replace('"', '""')
        file = f'Phone,"{cell}",First Name\n07220000{number:02},"{cell}","{cell}"\nbad,"{cell}","{cell}"\n'
        name = text.replace('"', "'") + ".csv"
        page = bring(everyone.ed, everyone, file, name, group=text[:100])
        assert page.status == 200, page.text
        pages = [page, everyone.ed.get(at(everyone, "/imports"))]
        planned = plan(
            everyone.ed, everyone.ed.submit(page, f"{at(everyone, f'/imports/{number}')}/columns", button="keep"), work
        )
        pages += [planned, do(everyone.ed, planned, "apply", work)]
        pages += [everyone.ed.get(f"{planned.url}/rows?outcome={outcome}") for outcome in ("created", "rejected")]
        for shown in pages:
            assert shown.status == 200
            assert "<script>alert" not in shown.html
            assert "<img src=x" not in shown.html
            assert len(shown.answer.body) < PAGE_BYTES_MAX


@ON_SQLITE
def test_a_file_with_very_many_columns_stays_a_page(everyone: Everyone) -> None:
    names = ["Phone", *(f"Column {number}" for number in range(60))]
    page = bring(everyone.ed, everyone, ",".join(names) + "\n" + ",".join(["0722000001", *["x" * 300] * 60]) + "\n")
    assert page.status == 200
    assert len(page.answer.body) < 3 * PAGE_BYTES_MAX


def test_the_pages_of_an_import_are_in_swahili_too(everyone: Everyone, work: Work) -> None:
    everyone.ed.cookies["daftari_language"] = "sw"
    page = bring(everyone.ed, everyone, PEOPLE)
    assert "Bado hakuna kilichobadilika." in page.text
    planned = plan(everyone.ed, page, work)
    assert "Hivi ndivyo ingekuwa." in planned.text
    assert "Tekeleza: mpya 2 Badilisha safu" in planned.text
    assert 'lang="en"' not in planned.html.partition("<main")[2]
    done = do(everyone.ed, planned, "apply", work)
    assert "Tendua uingizaji huu" in done.text


@ON_SQLITE
def test_a_row_that_is_no_object_and_an_address_that_is_wrong_are_said_in_words_for_people(
    everyone: Everyone,
) -> None:
    page = bring(everyone.ed, everyone, '[{"mobile": "0722000001"}, 3]', "people.json")
    assert "The row holds no names with values" in page.text
    wrong = everyone.ed.get(at(everyone, "/imports?after=x"))
    assert (wrong.status, "This address is not complete." in wrong.text) == (422, True)


def test_the_list_is_read_by_a_cursor(everyone: Everyone, store: Store, people: People) -> None:
    for _ in range(51):
        import_files.queued(store, people.shopify)
    page = everyone.vic.get(at(everyone, "/imports"))
    assert page.html.count('<tr role="row">') == 1 + 50
    (following,) = [link for link in page.links if "after=" in link]
    assert everyone.vic.get(following).html.count('<tr role="row">') == 1 + 1
