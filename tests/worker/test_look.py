"""A job is a hint: work whose hint was lost is found in the project's tables, whatever its kind."""

from __future__ import annotations

import pytest

from daftari.model.jobs import JobKind
from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.rules.bulk.jobs import BulkSettings, start_bulk
from daftari.rules.exports import lifecycle
from daftari.store import Store, Tx, list_jobs
from daftari.worker import run_worker
from daftari.worker.jobs import JOBS
from daftari.worker.look import Look
from daftari.worker.work import JobType
from tests.conftest import People
from tests.support.builders import create, mobile, rows, rows_of
from tests.support.calls import ACTOR
from tests.support.clients import Client
from tests.support.schema import execute
from tests.support.undo import sit_down

EXPORTS = "/v1/exports"


def _run_until_idle(store: Store) -> None:
    run_worker(lambda pause_seconds: pause_seconds > 0, store=store)


def _look(store: Store, *kinds: str) -> None:
    """``kinds``: all but the index, which is written when nothing else was for a while."""
    Look(store, jobs={kind: JOBS[kind] for kind in kinds or JOBS.keys() - {JobKind.INDEX}}).step()


def _delete_group(ana: Client, *_: object) -> None:
    create(ana, *rows(3), group="Old")
    assert ana.delete("/v1/groups/Old").status == 200


def _erase(ana: Client, *_: object) -> None:
    create(ana, *rows(3))
    assert ana.post("/v1/erasures", {"mobile": mobile(1)}).status == 201


def _change_all(ana: Client, store: Store, project: Project) -> None:
    create(ana, *rows(3))
    editor = sit_down(store, project)
    # The worker has a clock of its own, and would find a job of long ago expired.
    editor.now = current_time()
    settings = BulkSettings("join", group="New")
    editor.write(start_bulk, access=editor.access, settings=settings, ids=[1, 2, 3], expected=3)


def _export(ana: Client, *_: object) -> None:
    create(ana, *rows(3))
    assert ana.post(EXPORTS, {}).status == 202


def _import(ana: Client, *_: object) -> None:
    answer = ana.post(
        "/v1/imports", query="name=a.csv", body=b"phone\n0722000001\n", headers={"Content-Type": "text/csv"}
    )
    assert answer.status == 202


WORK = {
    JobKind.PURGE: (_delete_group, "SELECT * FROM contact_group"),
    JobKind.ERASE: (_erase, "SELECT * FROM erasure WHERE contact_id IS NOT NULL"),
    JobKind.BULK: (_change_all, "SELECT * FROM bulk WHERE state <> 'done'"),
    JobKind.EXPORT: (_export, "SELECT * FROM export WHERE state <> 'done'"),
    JobKind.IMPORT: (_import, "SELECT * FROM import WHERE state <> 'done'"),
}


@pytest.mark.parametrize("kind", WORK)
def test_work_whose_hint_was_lost_is_found_and_done(
    ana: Client, people: People, store: Store, database: str, kind: JobKind
) -> None:
    begin, what_is_left = WORK[kind]
    begin(ana, store, people.shopify)
    assert rows_of(database, what_is_left)
    assert kind in [found for (found,) in rows_of(database, "SELECT kind FROM job")]
    execute(database, "DELETE FROM job")
    _run_until_idle(store)
    assert rows_of(database, what_is_left) == []
    assert rows_of(database, "SELECT * FROM job") == []


def test_every_kind_but_that_of_what_expires_is_looked_for_every_five_seconds() -> None:
    assert {kind: job.look_seconds for kind, job in JOBS.items() if job.look_seconds != 5.0} == {
        JobKind.COUNT: 60.0,
        JobKind.EXPIRE: 600.0,
    }


def test_where_nothing_is_to_be_done_no_job_is_requested(ana: Client, store: Store, database: str) -> None:
    create(ana, *rows(3), group="Kept")
    _run_until_idle(store)
    _look(store)
    assert rows_of(database, "SELECT * FROM job") == []


def test_a_job_that_is_there_is_not_requested_again(ana: Client, store: Store, database: str) -> None:
    _delete_group(ana)
    before = rows_of(database, "SELECT * FROM job")
    _look(store)
    assert rows_of(database, "SELECT * FROM job WHERE kind <> 'count'") == before


def test_the_work_of_each_project_is_found(
    ana: Client, chao: Client, people: People, store: Store, database: str
) -> None:
    for client in (ana, chao):
        _delete_group(client)
    execute(database, "DELETE FROM job")
    _look(store, JobKind.PURGE)
    assert store.system_read(0, list_jobs) == {
        (people.shopify.id, JobKind.PURGE, ""),
        (people.kalro.id, JobKind.PURGE, ""),
    }


# ---- work that waits ------------------------------------------------------------------------------------


def test_an_export_that_waits_keeps_its_pause_whether_its_hint_is_lost_or_not(
    ana: Client, people: People, store: Store, database: str
) -> None:
    _export(ana)
    attempt = store.write(people.shopify, ACTOR, current_time(), lifecycle.begin_export)
    assert attempt is not None
    store.write(people.shopify, ACTOR, current_time(), lifecycle.postpone_export, attempt=attempt, error="Full.")
    _run_until_idle(store)
    assert rows_of(database, "SELECT kind, is_delayed FROM job") == [("export", 1)]
    _look(store)
    assert rows_of(database, "SELECT kind, is_delayed FROM job") == [("export", 1)]
    execute(database, "DELETE FROM job")
    _look(store)
    assert rows_of(database, "SELECT * FROM job") == []
    later = current_time() + 11 * 1_000_000
    assert store.read(people.shopify, later, JOBS[JobKind.EXPORT].list_subjects) == ("",)


def test_an_export_that_is_asked_for_while_another_waits_is_not_delayed_by_a_lost_hint(
    ana: Client, people: People, store: Store, database: str
) -> None:
    _export(ana)
    attempt = store.write(people.shopify, ACTOR, current_time(), lifecycle.begin_export)
    assert attempt is not None
    store.write(people.shopify, ACTOR, current_time(), lifecycle.postpone_export, attempt=attempt, error="Full.")
    _run_until_idle(store)
    waiting = rows_of(database, "SELECT due_at FROM job")
    _export(ana)
    execute(database, f"UPDATE job SET is_delayed = 1, due_at = {waiting[0][0]}")
    _run_until_idle(store)
    assert rows_of(database, "SELECT state FROM export ORDER BY id") == [("queued",), ("done",)]


# ---- subjects -------------------------------------------------------------------------------------------


def test_each_subject_with_work_has_a_job_of_its_own(ana: Client, people: People, store: Store) -> None:
    def list_subjects(tx: Tx) -> list[str]:
        return ["7", "12"] if tx.project.id == people.shopify.id else []

    kind = JOBS[JobKind.PURGE]
    sends = JobType(kind.begin, list_subjects, held_max=2, steps_max=2, look_seconds=5.0)
    Look(store, jobs={"send": sends}).step()
    assert store.system_read(0, list_jobs) == {(people.shopify.id, "send", "7"), (people.shopify.id, "send", "12")}
