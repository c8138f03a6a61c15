"""All contacts that match are changed by a job: those that matched at its start, in parts, and undone in parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from daftari.errors import GroupNotFound, ValidationFailed
from daftari.model.consent import NewFact, Scope
from daftari.model.contacts import MembershipOutcome
from daftari.model.time import current_time
from daftari.rules.access.errors import RoleRequired
from daftari.rules.bulk import errors, jobs
from daftari.rules.bulk.jobs import Bulk, BulkSettings
from daftari.rules.consent import ledger
from daftari.rules.erasure.erase import erase_number
from daftari.rules.people.matching import Filter, list_matching
from daftari.rules.undo.errors import CannotUndo
from daftari.store import Store, bulk
from daftari.worker.bulk import BulkWork
from daftari.worker.loop import run_worker
from tests.support import calls
from tests.support.builders import mobile, rows_of
from tests.support.stores import NOW
from tests.support.undo import Editor, json_of, sit_down

PEOPLE = 7


@pytest.fixture
def editor(store: Store, monkeypatch: pytest.MonkeyPatch) -> Editor:
    """Contacts 1 to 7 are in Farmers, the even ones in Coast too; 7 opted out. A part has two contacts."""
    monkeypatch.setattr(bulk, "IDS_PER_PART", 2)
    project = calls.create_project(store)
    given = [{"mobile": mobile(number)} for number in range(1, PEOPLE + 1)]
    calls.create_contacts(store, project, given, group="Farmers")
    calls.create_group(store, project, "Coast")
    calls.join_group(store, project, "Coast", ids=[2, 4, 6], mobiles=[])
    calls.create_group(store, project, "Voi")
    editor = sit_down(store, project)
    # The worker has a clock of its own.
    editor.now = current_time()
    editor.say("opt_out", mobile(PEOPLE))
    return editor


def everyone(editor: Editor) -> list[int]:
    wanted = Filter(None, None, None)
    return editor.store.read(editor.project, editor.now, list_matching, wanted=wanted, limit=99).ids


def start(editor: Editor, act: str, expected: int | None = PEOPLE, **values: str) -> Bulk:
    settings = msgspec.convert({"act": act, **values}, BulkSettings)
    found: Bulk = editor.write(
        jobs.start_bulk, access=editor.access, settings=settings, ids=everyone(editor), expected=expected
    )
    return found


def step(editor: Editor) -> bool:
    return BulkWork(editor.store, editor.project, may_continue=lambda: True).step()


def run(editor: Editor) -> None:
    run_worker(lambda pause_seconds: pause_seconds > 0, store=editor.store)


def show(editor: Editor, job: Bulk) -> Bulk:
    return editor.store.read(editor.project, editor.now, jobs.get_bulk, bulk_id=job.id)


def members(editor: Editor, group: str | None = None) -> list[int]:
    page = calls.list_contacts(editor.store, editor.project, group=group, suppressed=True)
    return [card["id"] for card in json_of(f"[{page.cards.decode()}]")]


def state_of(editor: Editor) -> dict[int, list[str]]:
    return {number: editor.groups_of(number) for number in members(editor)}


ACTS: dict[str, tuple[dict[str, str], dict[str, int], Callable[[Editor], object], object]] = {
    "join": ({"group": "Voi"}, {"changed": 6, "suppressed": 1}, lambda one: members(one, "Voi"), [1, 2, 3, 4, 5, 6]),
    "move": ({"group": "Coast"}, {"changed": 6, "suppressed": 1}, lambda one: members(one, "Farmers"), []),
    "leave": ({"group": "Farmers"}, {"changed": 6, "already": 1}, lambda one: members(one, "Farmers"), []),
    "remove": ({}, {"changed": 7}, lambda one: members(one), []),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_job_changes_all_that_matched_and_its_undo_takes_it_back(editor: Editor, act: str) -> None:
    values, counts, look, seen = ACTS[act]
    before = state_of(editor)
    job = start(editor, act, **values)
    assert (job.state, job.progress.total, state_of(editor)) == ("running", PEOPLE, before)
    run(editor)
    done = show(editor, job)
    assert (done.state, done.progress.done, look(editor)) == ("done", PEOPLE, seen)
    names = ("changed", "already", "unknown", "suppressed", "kept_out")
    assert {name: number for name in names if (number := getattr(done.progress, name))} == counts
    assert editor.can_undo(job.progress.seq)
    editor.write(jobs.undo_any, access=editor.access, seq=job.progress.seq)
    run(editor)
    undone = show(editor, job)
    assert (undone.state, undone.progress.reversed, undone.progress.kept) == ("undone", counts["changed"], 0)
    assert state_of(editor) == before
    assert calls.broken_in(editor.store, editor.project) == []


def test_who_comes_after_the_start_is_not_in_it_and_who_is_gone_is_counted(editor: Editor, database: str) -> None:
    job = start(editor, "join", group="Voi")
    calls.create_contacts(editor.store, editor.project, [{"mobile": mobile(8)}])
    calls.delete_contact(editor.store, editor.project, "1", reason="removal")
    editor.write(erase_number, mobile=int(mobile(3)))
    run(editor)
    progress = show(editor, job).progress
    assert members(editor, "Voi") == [2, 4, 5, 6]
    assert (progress.changed, progress.unknown, progress.suppressed, progress.done) == (4, 1, 1, 6)
    assert {ids for (ids,) in rows_of(database, "SELECT ids FROM bulk_part")} == {b""}


def test_an_undo_stops_a_job_and_leaves_alone_what_was_changed_since(editor: Editor) -> None:
    job = start(editor, "leave", group="Farmers")
    step(editor)
    step(editor)
    assert members(editor, "Farmers") == [5, 6]
    editor.say("opt_out", mobile(2))
    editor.write(jobs.undo_bulk, access=editor.access, bulk_id=job.id)
    run(editor)
    undone = show(editor, job)
    assert (undone.state, undone.progress.reversed, undone.progress.stayed_out) == ("undone", 3, 1)
    assert members(editor, "Farmers") == [1, 3, 4, 5, 6]
    assert not editor.can_undo(job.progress.seq)
    with pytest.raises(errors.WrongBulkState):
        editor.write(jobs.undo_any, access=editor.access, seq=job.progress.seq)


def test_a_part_that_was_undone_by_itself_is_passed_over(editor: Editor) -> None:
    job = start(editor, "leave", group="Farmers")
    with pytest.raises(CannotUndo, match="of this kind"):
        editor.undo(job.progress.seq)
    step(editor)
    editor.undo(editor.last())
    run(editor)
    editor.write(jobs.undo_bulk, access=editor.access, bulk_id=job.id)
    run(editor)
    assert show(editor, job).progress.reversed == 4 and members(editor, "Farmers") == [1, 2, 3, 4, 5, 6]


def test_a_job_whose_group_is_deleted_stops_and_says_why(editor: Editor) -> None:
    job = start(editor, "leave", group="Farmers")
    step(editor)
    calls.delete_group(editor.store, editor.project, "Farmers")
    run(editor)
    stopped = show(editor, job)
    assert (stopped.state, stopped.progress.error, stopped.progress.done) == ("stopped", "Group not found.", 2)


def test_a_start_is_refused_before_anything_is_changed(editor: Editor, monkeypatch: pytest.MonkeyPatch) -> None:
    vic = sit_down(editor.store, editor.project, "Vic", "viewer")
    with pytest.raises(RoleRequired):
        start(vic, "remove")
    with pytest.raises(errors.BulkCountChanged, match="7 contacts match now, and 6 were expected"):
        start(editor, "remove", expected=6)
    with pytest.raises(GroupNotFound):
        start(editor, "leave", group="Nowhere")
    monkeypatch.setattr(jobs, "BULK_CONTACTS_MAX", 6)
    with pytest.raises(errors.BulkTooLarge):
        start(editor, "remove")
    monkeypatch.setattr(jobs, "BULK_CONTACTS_MAX", 7)
    monkeypatch.setattr(jobs, "BULKS_MAX", 1)
    job = start(editor, "join", group="Voi", expected=None)
    with pytest.raises(errors.BulksFull):
        start(editor, "remove")
    with pytest.raises(RoleRequired):
        vic.write(jobs.undo_bulk, access=vic.access, bulk_id=job.id)
    with pytest.raises(errors.BulkNotFound):
        editor.write(jobs.undo_bulk, access=editor.access, bulk_id=10_000)
    run(editor)
    start(editor, "remove")
    run(editor)
    with pytest.raises(errors.BulkEmpty):
        start(editor, "remove", expected=0)


def test_up_to_a_part_is_changed_at_once_and_more_by_a_job(editor: Editor) -> None:
    settings = BulkSettings("join", group="Voi")
    few: Any = {"access": editor.access, "settings": settings, "ids": [1, 7], "expected": 2}
    assert editor.write(jobs.act_on_all, **few) == MembershipOutcome(1, 0, 0, 1, 0)
    assert members(editor, "Voi") == [1]
    with pytest.raises(errors.BulkCountChanged):
        editor.write(jobs.act_on_all, **{**few, "expected": 3})
    with pytest.raises(errors.BulkEmpty):
        editor.write(jobs.act_on_all, **{**few, "ids": [], "expected": 0})
    job: Bulk = editor.write(jobs.act_on_all, **{**few, "ids": [1, 2, 3], "expected": 3})
    assert (job.state, job.progress.total) == ("running", 3)


def merge(editor: Editor, name: str, into: str, expected: int | None = None) -> MembershipOutcome | Bulk:
    values = {"access": editor.access, "name": name, "into": into, "expected": expected}
    outcome: MembershipOutcome | Bulk = editor.write(jobs.merge_groups, **values)
    return outcome


def test_a_large_group_is_merged_by_a_job_with_who_joins_it_meanwhile(editor: Editor) -> None:
    before = state_of(editor)
    left = NewFact(0, int(mobile(3)), "left_group", Scope("sms"), NOW, "inbound", keyword="voi")
    editor.write(ledger.record_facts, facts=[left])
    job = merge(editor, "Farmers", "Voi", 6)
    assert isinstance(job, Bulk)
    step(editor)
    calls.create_contacts(editor.store, editor.project, [{"mobile": mobile(8)}, {"mobile": mobile(9)}], group="Farmers")
    assert len(members(editor, "Farmers")) == 8
    run(editor)
    progress = show(editor, job).progress
    assert (progress.total, progress.done, progress.changed, progress.kept_out) == (8, 8, 7, 1)
    assert members(editor, "Voi") == [1, 2, 4, 5, 6, 8, 9]
    with pytest.raises(GroupNotFound):
        calls.get_group(editor.store, editor.project, "Farmers")
    editor.write(jobs.undo_any, access=editor.access, seq=job.progress.seq)
    run(editor)
    assert show(editor, job).state == "undone"
    assert {number: names for number, names in state_of(editor).items() if number < 8} == before
    assert members(editor, "Farmers") == [1, 2, 3, 4, 5, 6, 8, 9]
    assert calls.broken_in(editor.store, editor.project) == []


def test_a_merge_is_refused_with_itself_and_where_more_or_fewer_are_in_the_group(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValidationFailed, match="another group"):
        merge(editor, "Farmers", "farmers")
    with pytest.raises(errors.BulkCountChanged):
        merge(editor, "Farmers", "Voi", 5)
    monkeypatch.setattr(jobs, "BULK_CONTACTS_MAX", 5)
    with pytest.raises(ValidationFailed, match="can take 5 contacts at a time"):
        merge(editor, "Farmers", "Voi", 6)
    assert merge(editor, "Voi", "Farmers") == MembershipOutcome(0, 0, 0)


@pytest.mark.parametrize("name", ["Farmers", "Voi"])
def test_a_merge_stops_when_one_of_the_groups_is_deleted_meanwhile(editor: Editor, name: str) -> None:
    job = merge(editor, "Farmers", "Voi", 6)
    assert isinstance(job, Bulk)
    step(editor)
    calls.delete_group(editor.store, editor.project, name)
    run(editor)
    assert (show(editor, job).state, show(editor, job).progress.error) == ("stopped", "Group not found.")
    editor.write(jobs.undo_bulk, access=editor.access, bulk_id=job.id)
    run(editor)
    assert show(editor, job).state == "undone"


def test_a_job_makes_no_second_group_when_the_first_is_deleted_meanwhile(editor: Editor) -> None:
    job = start(editor, "join", group="New")
    step(editor)
    calls.delete_group(editor.store, editor.project, "New")
    run(editor)
    assert show(editor, job).state == "stopped"


def test_jobs_are_listed_newest_first_and_expire(editor: Editor, database: str) -> None:
    made = [start(editor, "join", group="Voi"), start(editor, "leave", group="Voi")]
    run(editor)
    listed = editor.store.read(editor.project, editor.now, jobs.list_bulks, before=0, limit=10)
    assert [job.id for job in listed] == [job.id for job in made[::-1]]
    editor.now = 10**18
    for _ in made:
        assert editor.store.read(editor.project, editor.now, jobs.has_expired_bulk)
        editor.write(jobs.expire_bulk)
    assert rows_of(database, "SELECT id FROM bulk") == rows_of(database, "SELECT number FROM bulk_part") == []
