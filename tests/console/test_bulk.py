"""All that match: chosen in the list, changed by a job that has a page, and undone there; large merges too."""

from __future__ import annotations

import pytest

from daftari.rules.bulk import jobs as bulk_jobs
from daftari.rules.contacts import groups
from daftari.store import bulk
from daftari.worker.loop import run_worker
from tests.console.conftest import Everyone
from tests.console.test_contacts import HOSTILE, Book, at, book
from tests.support.browsers import FoundPage

__all__ = ["book"]

PEOPLE = 60


@pytest.fixture
def crowd(book: Book, monkeypatch: pytest.MonkeyPatch) -> Book:
    """Sixty people, two of each three in VIP; the second opted out, and the fifth of SMS. A part has ten contacts."""
    monkeypatch.setattr(bulk, "IDS_PER_PART", 10)
    given = [{"mobile": f"0722{number:06}", "fname": f"Wanja {number}"} for number in range(PEOPLE)]
    book.add(*[one for place, one in enumerate(given) if place % 3], group="VIP")
    book.add(*[one for place, one in enumerate(given) if not place % 3])
    book.say("0722000001", "opt_out")
    book.say("0722000004", "opt_out", channel="sms")
    return book


def counts(book: Book) -> dict[str, int]:
    found = book.store.read(book.people.shopify, 1, groups.list_groups, after=0, limit=100)
    return {one.name: one.contacts for one in found}


def work(book: Book) -> None:
    run_worker(lambda pause_seconds: pause_seconds > 0, store=book.store)


def begin(everyone: Everyone, query: str, do: str, **typed: str) -> FoundPage:
    page = everyone.ed.get(at(everyone, f"/contacts/many?scope=all&do={do}&{query}"))
    return everyone.ed.submit(page, at(everyone, f"/contacts/many/{do}"), **typed)


def test_the_bar_offers_all_that_match_with_their_number_where_it_is_known(everyone: Everyone, crowd: Book) -> None:
    page = everyone.ed.get(at(everyone, "/contacts"))
    assert "only these" in page.text and "all 60 that match" in page.text
    assert "all 39 that match" in everyone.ed.get(at(everyone, "/groups/VIP?n=25")).text
    searched = everyone.ed.get(at(everyone, "/contacts?q=wanja")).text
    assert "all that match" in searched and "all 60" not in searched
    assert "that match" not in everyone.ed.get(at(everyone, "/contacts?q=wanja+59")).text
    assert "that match" not in everyone.vic.get(at(everyone, "/contacts")).text


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 60),
        ("q=wanja", 60),
        ("within=vip", 39),
        ("q=wanja&within=VIP&after=5", 39),
        ("may=yes", 58),
        ("may=part", 1),
        ("may=no", 1),
        ("may=part&within=VIP", 1),
        ("may=no&within=VIP", 0),
        ("may=yes&q=wanja", 58),
        ("q=%21%21", 0),
    ],
)
def test_all_that_match_are_counted_exactly_on_all_pages_of_the_list(
    everyone: Everyone, crowd: Book, query: str, count: int
) -> None:
    page = everyone.ed.get(at(everyone, f"/contacts/many?scope=all&do=remove&n=25&{query}"))
    if not count:
        assert "No one fits now." in page.text
        return
    assert page.heading == f"Remove {count} contact{'s' if count > 1 else ''} from the book"
    assert ("expected", str(count)) in page.form(at(everyone, "/contacts/many/remove")).fields


def test_a_job_shows_its_progress_and_what_came_of_each_and_is_undone(everyone: Everyone, crowd: Book) -> None:
    page = begin(everyone, "q=wanja", "join", group="New")
    assert page.heading == "Add 60 contacts to \u2068New\u2069"
    for words in ("Running", "asked for by \u2068Ed\u2069", "0 %", "0 of 60 contacts", "Stop and undo"):
        assert words in page.text
    assert 'data-refresh="2"' in page.html
    assert "Running" in everyone.vic.get(at(everyone, "/contacts")).text
    assert "Stop and undo" not in everyone.vic.get(page.url).text
    work(crowd)
    done = everyone.ed.get(page.url)
    assert "joined 59 opted out, so they stayed out 1" in done.text
    assert "data-refresh" not in done.html
    assert counts(crowd) == {"VIP": 39, "New": 59}
    undone = everyone.ed.submit(done, done.forms[-1].action)
    assert undone.url == page.url
    work(crowd)
    undone = everyone.ed.get(page.url)
    assert "By the undo restored 59" in undone.text and "Undo" not in [name for _, name, _ in undone.forms[-1].buttons]
    assert counts(crowd) == {"VIP": 39}
    assert "Add 60 contacts to \u2068New\u2069" in everyone.vic.get(at(everyone, "/bulk")).text


def test_the_undo_of_a_job_that_is_running_stops_it(everyone: Everyone, crowd: Book) -> None:
    page = begin(everyone, "within=VIP", "leave")
    assert page.heading == "Take 39 contacts out of \u2068VIP\u2069"
    stopping = everyone.ed.submit(page, page.forms[-1].action)
    assert "Being undone" in stopping.text
    again = everyone.ed.submit(page, page.forms[-1].action, once="another")
    assert again.status == 409 and "This was undone already, or is being undone." in again.text
    work(crowd)
    assert "Was undone" in everyone.ed.get(page.url).text
    assert counts(crowd) == {"VIP": 39}


def test_a_job_that_cannot_continue_says_why(everyone: Everyone, crowd: Book) -> None:
    page = begin(everyone, "within=VIP", "leave")
    crowd.write(groups.delete_group, name="VIP")
    work(crowd)
    stopped = everyone.ed.get(page.url)
    assert "It could not continue: A group is no longer there." in stopped.text
    assert "0 of 39 contacts were done, and stay so." in stopped.text


def test_a_few_that_match_are_changed_at_once(everyone: Everyone, crowd: Book) -> None:
    moved = begin(everyone, "may=part", "move", group="Some")
    assert "1 contact moved to \u2068Some\u2069." in moved.text
    gone = begin(everyone, "may=no", "remove")
    assert "1 contact is out of the book." in gone.text
    assert moved.url.startswith(at(everyone, "/contacts?may=part"))


def test_another_number_than_was_shown_is_asked_about_again(everyone: Everyone, crowd: Book) -> None:
    path = at(everyone, "/contacts/many/remove")
    page = everyone.ed.get(at(everyone, "/contacts/many?scope=all&do=remove&within=VIP"))
    refused = everyone.ed.submit(page, path, expected="30")
    assert refused.status == 409
    assert "Meanwhile it is 39 contacts, not 30. Look at the number once more." in refused.text
    assert ("expected", "39") in refused.form(path).fields
    assert everyone.ed.submit(page, path, expected="").status == 422
    ticked = everyone.ed.get(at(everyone, "/contacts/many?do=remove&ids=1&ids=2"))
    assert ("expected", "2") in ticked.form(path).fields
    assert everyone.ed.submit(ticked, path, expected="1").status == 409
    assert "40 contacts are out" not in everyone.ed.submit(refused, path).text
    work(crowd)
    assert counts(crowd) == {"VIP": 0}


def test_more_than_a_job_takes_are_refused_in_a_sentence(
    everyone: Everyone, crowd: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daftari.console.pages.contacts_many.BULK_CONTACTS_MAX", 20)
    page = everyone.ed.get(at(everyone, "/contacts/many?scope=all&do=join"))
    assert "More than 20 contacts match. Search or filter for fewer" in page.text
    assert page.heading == "Contacts"


def test_a_large_group_is_merged_by_a_job_and_brought_back(everyone: Everyone, crowd: Book) -> None:
    crowd.write(groups.create_group, name="All")
    path = at(everyone, "/groups/VIP/merge")
    page = everyone.ed.get(path)
    assert everyone.ed.submit(page, path, into="All", expected="20").status == 409
    job = everyone.ed.submit(page, path, into="All")
    assert job.heading == "Merge \u2068VIP\u2069 with 39 contacts into \u2068All\u2069"
    work(crowd)
    assert counts(crowd) == {"All": 39}
    done = everyone.ed.get(job.url)
    assert "joined 39" in done.text
    everyone.ed.submit(done, done.forms[-1].action)
    work(crowd)
    assert counts(crowd) == {"All": 0, "VIP": 39}


def test_a_job_follows_its_groups_when_they_are_renamed(everyone: Everyone, crowd: Book) -> None:
    crowd.write(groups.create_group, name="All")
    page = begin(everyone, "", "join", group="New")
    crowd.write(bulk_jobs.step_bulk, bulk_id=int(page.url.rpartition("/")[2]))
    crowd.write(groups.update_group, name="New", new_name="Newer")
    crowd.write(groups.create_group, name="New")
    merged = everyone.ed.submit(
        everyone.ed.get(at(everyone, "/groups/VIP/merge")), at(everyone, "/groups/VIP/merge"), into="All"
    )
    crowd.write(groups.update_group, name="VIP", new_name="Gone")
    crowd.write(groups.update_group, name="All", new_name="Everyone")
    work(crowd)
    assert counts(crowd) == {"Newer": 59, "New": 0, "Everyone": 39}
    assert everyone.ed.get(page.url).heading == "Add 60 contacts to \u2068Newer\u2069"
    done = everyone.ed.get(merged.url)
    assert done.heading == "Merge \u2068Gone\u2069 with 39 contacts into \u2068Everyone\u2069"
    everyone.ed.submit(done, done.forms[-1].action)
    work(crowd)
    assert counts(crowd) == {"Newer": 59, "New": 0, "Everyone": 0, "Gone": 39}


def test_a_group_is_in_one_merge_at_a_time(everyone: Everyone, crowd: Book) -> None:
    for name in ("All", "Few"):
        crowd.write(groups.create_group, name=name)

    def merge(name: str, into: str) -> FoundPage:
        path = at(everyone, f"/groups/{name}/merge")
        return everyone.ed.submit(everyone.ed.get(path), path, into=into)

    job = merge("VIP", "All")
    for name, into in (("VIP", "Few"), ("Few", "VIP"), ("All", "Few"), ("All", "VIP")):
        refused = merge(name, into)
        assert (refused.status, "is being merged just now. Wait for that, or undo it." in refused.text) == (409, True)
    assert "Few" not in counts(crowd) or merge("Few", "All").status == 200
    work(crowd)
    assert everyone.ed.get(job.url).text.count("Done") == 1
    assert counts(crowd) == {"All": 39}


def test_jobs_of_others_are_not_there(everyone: Everyone, crowd: Book) -> None:
    page = begin(everyone, "q=wanja", "join", group="New")
    number = page.url.rpartition("/")[2]
    assert everyone.kai.get(page.url).status == 404
    assert everyone.kai.get(f"/p/{everyone.kalro}/bulk/{number}").status == 404
    for wrong in ("x", "0", "9" * 30):
        assert everyone.ed.get(at(everyone, f"/bulk/{wrong}")).status == 404


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_of_a_group_is_text_on_the_pages_of_jobs(everyone: Everyone, crowd: Book, name: str) -> None:
    page = begin(everyone, "", "join", group=name)
    shown = name.replace("\u202e", "")[:20]
    assert page.status == 200 and shown in page.heading
    listed = everyone.vic.get(at(everyone, "/bulk"))
    assert listed.status == 200 and shown in listed.text
