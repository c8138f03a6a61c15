"""Records that were erased in their system: what goes at once, what goes a day later, and what a person decides."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from daftari.errors import ValidationFailed, WrongConnectionState
from daftari.model.projects import Project
from daftari.rules.connections import lifecycle, sync, views
from daftari.rules.erasure import foreign
from daftari.store import Store
from tests.support import calls
from tests.support.builders import rows_of
from tests.support.connection_steps import HOUR, Syncing, gone, mobile, person, with_version
from tests.support.imports import Office

ALL = [{"from": "all", "to": "crm"}]
DAY = 24 * HOUR


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def crm(store: Store, project: Project) -> Syncing:
    return Syncing(store, project, groups=ALL)


def work(crm: Syncing) -> None:
    """A worker does what is due, but for calls."""
    while crm.write(sync.claim_task, connection_id=crm.id, fence=crm.fence).task == "erase":
        looked = crm.store.read(crm.project, crm.now, foreign.look_at_due, connection_id=crm.id)
        crm.write(foreign.erase_due, connection_id=crm.id, fence=crm.fence, looked=looked)


def problems(crm: Syncing) -> dict[str, str | None]:
    """The records that wait, and why they do."""
    page = crm.store.read(
        crm.project, crm.now, views.list_records, connection_id=crm.id, state="problem", after="", limit=100
    )
    return {one.id: one.why for one in page.records if "erasure_pending" in one.problems}


def test_what_it_brought_goes_at_once_and_the_number_a_day_later(crm: Syncing) -> None:
    crm.read(person(1, city="Kisumu"), person(2))
    crm.read(gone(1, kind="erased"))
    contact = crm.book()[mobile(1)]
    assert (contact["groups"], contact["fname"], contact.get("attributes")) == (set(), None, None)
    assert problems(crm) == {"1": None} and crm.states()["1"] == "gone"
    crm.wait(DAY - 1)
    work(crm)
    assert mobile(1) in crm.book()
    crm.wait(1)
    work(crm)
    assert {*crm.book()} == {mobile(2)} and crm.states()["1"] == "erased" and problems(crm) == {}
    assert crm.links()["1"].mobile == 0 and not crm.open().progress.erasures
    crm.read(person(1, version=9))
    assert mobile(1) not in crm.book() and crm.open().progress.counts["erased_there"] == 1


def test_a_connection_is_not_removed_while_numbers_wait_to_be_erased(crm: Syncing) -> None:
    crm.read(person(1))
    crm.read(gone(1, kind="erased"))
    with pytest.raises(WrongConnectionState, match=r"1 records were erased in HubSpot .* erase or keep these first"):
        crm.write(lifecycle.delete_connection, connection_id=crm.id, leave=False)
    crm.wait(DAY)
    work(crm)
    crm.write(lifecycle.delete_connection, connection_id=crm.id, leave=False)


@pytest.mark.parametrize("numbers", [(1, 7), (7, 1)])
def test_a_number_of_two_erased_records_is_erased_once_and_in_both(
    crm: Syncing, database: str, numbers: tuple[int, int]
) -> None:
    for number in numbers:
        crm.read(person(number, mobilephone=f"+{mobile(1)}"))
    crm.read(gone(1, kind="erased"), gone(7, kind="erased"))
    crm.wait(DAY)
    work(crm)
    assert mobile(1) not in crm.book() and problems(crm) == {}
    assert [(link.mobile, link.why) for link in crm.links().values()] == [(0, ""), (0, "")]
    assert crm.states() == {"1": "erased", "7": "erased"} and not crm.open().progress.erasures
    assert rows_of(database, "SELECT count(*) FROM erasure") == [(1,)]


def create(crm: Syncing) -> None:
    calls.create_contacts(crm.store, crm.project, [{"mobile": f"+{mobile(1)}", "fname": "Amina"}], now=crm.now)


def write_by_import(crm: Syncing) -> None:
    Office(crm.store, "", crm.project, crm.now).bring(f"phone\n+{mobile(1)}\n")


def join(crm: Syncing) -> None:
    rows = [{"mobile": f"+{mobile(1)}"}]
    calls.create_contacts(crm.store, crm.project, rows, group="vip", now=crm.now)


def connect(crm: Syncing) -> None:
    other = Syncing(crm.store, crm.project, name="shop", groups=[{"from": "all", "to": "shop"}])
    other.read(person(1))


def share(crm: Syncing) -> None:
    crm.read(person(7, mobilephone=f"+{mobile(1)}"))


@pytest.mark.parametrize(
    ("others", "says"),
    [
        (join, "in the group vip"),
        (connect, "connection shop"),
        (share, "Another record, 7,"),
        (lambda crm: crm.opt_in(mobile(1)), "opted in here"),
        (write_by_import, "The import"),
        (
            lambda crm: calls.update_contact(crm.store, crm.project, str(mobile(1)), {"lname": "O"}, now=crm.now),
            "A call",
        ),
    ],
)
def test_a_number_that_others_have_too_waits_for_a_person(
    crm: Syncing, others: Callable[[Syncing], None], says: str
) -> None:
    crm.read(person(1))
    crm.wait(HOUR)
    others(crm)
    crm.wait(HOUR)
    crm.read(gone(1, kind="erased"))
    crm.wait(DAY)
    work(crm)
    assert mobile(1) in crm.book() and says in (problems(crm)["1"] or "")
    crm.wait(30 * DAY)
    work(crm)
    assert mobile(1) in crm.book()


def test_a_contact_that_was_here_before_keeps_what_it_had_and_waits(crm: Syncing) -> None:
    create(crm)
    crm.read(person(1, city="Kisumu", firstname=None))
    crm.read(gone(1, kind="erased"))
    crm.wait(DAY)
    work(crm)
    assert "was here before" in (problems(crm)["1"] or "")
    assert crm.book()[mobile(1)].get("attributes") is None


@pytest.mark.parametrize("decision", ["erase", "keep"])
def test_a_person_decides(crm: Syncing, decision: str) -> None:
    create(crm)
    crm.read(person(1), person(2))
    crm.read(gone(1, kind="erased"))
    crm.write(foreign.settle_erasures, connection_id=crm.id, ids=["1"], decision=decision)
    assert problems(crm) == {} and "1" not in crm.open().progress.erasures
    assert crm.states()["1"] == ("erased" if decision == "erase" else "gone")
    crm.wait(2 * DAY)
    work(crm)
    crm.read(gone(1, kind="erased"))
    assert (mobile(1) in crm.book()) is (decision == "keep") and problems(crm) == {}
    counts = crm.open().progress.counts
    assert counts.get("erasure_pending", 0) == 0 and counts["live"] == 1


def test_only_what_waits_can_be_settled(crm: Syncing) -> None:
    crm.read(person(1))
    for ids, decision in ((["1"], "erase"), (["9"], "keep"), ([], "keep"), (["1"], "forget")):
        with pytest.raises(ValidationFailed):
            crm.write(foreign.settle_erasures, connection_id=crm.id, ids=ids, decision=decision)
    assert mobile(1) in crm.book()


def test_a_record_that_comes_back_within_the_day_is_not_erased(crm: Syncing) -> None:
    crm.read(person(1))
    crm.read(gone(1, kind="erased"))
    crm.read(with_version(person(1), 3))
    crm.wait(DAY)
    work(crm)
    assert mobile(1) in crm.members("crm") and crm.book()[mobile(1)]["fname"] == "F1" and problems(crm) == {}


def test_a_record_that_was_deleted_first_can_be_erased_later(crm: Syncing) -> None:
    crm.read(person(1))
    crm.read(gone(1))
    assert problems(crm) == {}
    crm.read(gone(1, version=3, kind="erased"))
    assert problems(crm) == {"1": None}


def test_more_than_ten_a_day_are_asked_about_before_any_of_them_goes(crm: Syncing) -> None:
    crm.read(*(person(number) for number in range(1, 200)))
    crm.read(*(gone(number, kind="erased") for number in range(1, 9)))
    crm.wait(2 * HOUR)
    crm.read(*(gone(number, kind="erased") for number in range(9, 12)))
    opened = crm.open()
    assert opened.stored.state == "needs_confirmation"
    assert opened.stored.reason.startswith("11 records would be erased within a day")
    assert len(problems(crm)) == 8 and mobile(9) in crm.members("crm")
    crm.write(lifecycle.confirm_connection, connection_id=crm.id)
    crm.read(*(gone(number, kind="erased") for number in range(9, 12)))
    assert len(problems(crm)) == 11


def test_each_day_has_its_ten(crm: Syncing) -> None:
    crm.read(*(person(number) for number in range(1, 200)))
    for day in range(3):
        crm.read(*(gone(day * 10 + number, kind="erased") for number in range(1, 11)))
        crm.wait(DAY)
    assert crm.open().stored.state == "live" and len(problems(crm)) == 30
