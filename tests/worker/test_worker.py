"""The worker: what was deleted goes in small turns, under a lease, and nothing else goes with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from daftari.model.jobs import Job
from daftari.model.projects import Project
from daftari.rules.access.projects import delete_project
from daftari.store import Store
from daftari.store.jobs import take_job
from daftari.worker import run_worker
from daftari.worker.purge import PurgeWork
from tests.conftest import ROOT, NewDatabase, People
from tests.support.builders import assert_sound, create, groups, page, rows, rows_of
from tests.support.clients import Client
from tests.support.schema import end_leases
from tests.support.stores import open_store

MEMBERS = 2_500
TURN_ROWS_MAX = 1_000
COMMAND_SECONDS_MAX = 60.0


@pytest.fixture
def count(database: str) -> Callable[[str], int]:
    """How many rows a table has, of all projects."""
    return lambda table: int(rows_of(database, f"SELECT COUNT(*) FROM {table}")[0][0])


def _run_until_idle(store: Store) -> None:
    run_worker(lambda pause_seconds: pause_seconds > 0, store=store)


def _now() -> int:
    return time.time_ns() // 1000


def _delete_big_group(ana: Client) -> None:
    create(ana, *rows(MEMBERS), group="Old")
    create(ana, *rows(10), group="Kept")
    assert ana.delete("/v1/groups/Old").status == 200


def test_an_idle_worker_changes_nothing(store: Store, count: Callable[[str], int]) -> None:
    _run_until_idle(store)
    assert count("job") == 0


def test_a_deleted_groups_members_go_and_stay_contacts(
    ana: Client, people: People, store: Store, count: Callable[[str], int]
) -> None:
    _delete_big_group(ana)
    assert count("membership") == MEMBERS + 10
    assert_sound(store, people.shopify)
    _run_until_idle(store)
    assert (count("membership"), count("contact_group"), count("job")) == (10, 1, 0)
    assert groups(ana) == {"Kept": 10}
    assert page(ana)["total"] == MEMBERS
    assert_sound(store, people.shopify)


def test_no_turn_clears_more_than_a_thousand_rows(
    ana: Client, people: People, store: Store, count: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    _delete_big_group(ana)
    seen = [count("membership")]

    def step_and_look(work: PurgeWork) -> bool:
        has_more = step(work)
        seen.append(count("membership"))
        assert_sound(store, people.shopify)
        return has_more

    step = PurgeWork.step
    monkeypatch.setattr(PurgeWork, "step", step_and_look)
    _run_until_idle(store)
    cleared = [before - after for before, after in pairwise(seen)]
    assert max(cleared) == TURN_ROWS_MAX
    assert sum(cleared) == MEMBERS


def test_a_deleted_project_goes_whole_and_no_other(
    ana: Client, chao: Client, people: People, store: Store, database: str, count: Callable[[str], int]
) -> None:
    create(ana, *rows(MEMBERS), group="Old")
    create(chao, *rows(5), group="Kept")
    assert ana.delete(f"/v1/contacts/{create(ana, *rows(1))[0]}").status == 200
    _delete(store, people.shopify)
    _run_until_idle(store)
    for table in ("book", "contact", "contact_group", "membership", "journal", "directory"):
        assert rows_of(database, f"SELECT DISTINCT project_id FROM {table}") == [(people.kalro.id,)]
    assert [count(table) for table in ("fact", "consent", "job", "project", "key")] == [0, 0, 0, 1, 1]
    assert page(chao)["total"] == 5
    assert_sound(store, people.kalro)


def test_on_a_request_to_stop_the_worker_gives_its_job_back_after_the_turn(
    ana: Client, store: Store, database: str, count: Callable[[str], int]
) -> None:
    _delete_big_group(ana)
    run_worker(lambda _: count("membership") < MEMBERS + 10, store=store)
    assert 10 < count("membership") < MEMBERS + 10
    assert rows_of(database, "SELECT lease_owner, attempts FROM job WHERE kind = 'purge'") == [(None, 0)]
    _run_until_idle(store)
    assert count("membership") == 10


def test_a_worker_that_lost_its_lease_leaves_the_job_to_the_other(
    ana: Client, store: Store, database: str, count: Callable[[str], int]
) -> None:
    _delete_big_group(ana)
    taken: list[Job | None] = []

    def ask(pause_seconds: float) -> bool:
        if count("membership") < MEMBERS and not taken:
            end_leases(database)
            taken.append(store.system_write(_now(), take_job, owner="another"))
        return pause_seconds > 0

    run_worker(ask, store=store)
    assert taken[0] is not None
    # One more turn may have been in progress.
    assert 10 < count("membership") < MEMBERS
    assert rows_of(database, "SELECT lease_owner FROM job WHERE kind = 'purge'") == [("another",)]


def test_a_job_that_another_worker_holds_is_left_alone(ana: Client, store: Store, count: Callable[[str], int]) -> None:
    _delete_big_group(ana)
    assert store.system_write(_now(), take_job, owner="another") is not None
    _run_until_idle(store)
    assert count("membership") == MEMBERS + 10


def test_a_job_whose_lease_ran_out_is_done_by_the_next_worker(
    ana: Client, store: Store, database: str, count: Callable[[str], int]
) -> None:
    _delete_big_group(ana)
    assert store.system_write(_now(), take_job, owner="dead") is not None
    end_leases(database)
    _run_until_idle(store)
    assert (count("membership"), count("job")) == (10, 0)


def test_more_deleted_while_it_works_is_cleared_too(ana: Client, store: Store, count: Callable[[str], int]) -> None:
    _delete_big_group(ana)
    later = iter(["Kept"])

    def ask(pause_seconds: float) -> bool:
        for name in later:
            assert ana.delete(f"/v1/groups/{name}").status == 200
        return pause_seconds > 0

    run_worker(ask, store=store)
    assert (count("membership"), count("contact_group"), count("job")) == (0, 0, 0)


def test_an_outage_is_waited_out(new_database: NewDatabase, caplog: pytest.LogCaptureFixture) -> None:
    database = new_database("sqlite")
    away = Path(f"{database}.away")
    store = open_store(database, threads=1)
    _run_until_idle(store)
    pauses: list[float] = []

    def ask(pause_seconds: float) -> bool:
        pauses.append(pause_seconds)
        if len(pauses) == 1:
            Path(database).rename(away)
        elif len(pauses) == 2:
            away.rename(database)
        return len(pauses) > 2 and pause_seconds > 0

    try:
        run_worker(ask, store=store)
    finally:
        store.close()
    assert pauses[0] == 0
    assert pauses[1] > pauses[-1] > 0
    assert "moved or removed" in caplog.text


def _delete(store: Store, project: Project) -> None:
    store.system_write(_now(), delete_project, name=project.name)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_command_works_until_it_is_stopped(
    ana: Client, database: str, count: Callable[[str], int], stop: signal.Signals
) -> None:
    _delete_big_group(ana)
    command = [sys.executable, "-m", "daftari", "worker", "--database", database]
    process = subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + COMMAND_SECONDS_MAX
    while count("contact_group") > 1 and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(stop)
    _, said = process.communicate(timeout=COMMAND_SECONDS_MAX)
    assert process.returncode == 0
    assert len(said.splitlines()) == 1
    assert (count("membership"), count("contact_group")) == (10, 1)
    # A look for work may have requested a job that was done meanwhile; it waits, and no worker holds it.
    assert rows_of(database, "SELECT lease_owner FROM job WHERE lease_owner IS NOT NULL") == []
