"""The worker counts what changed by day, and counts it once, whenever it is killed."""

from __future__ import annotations

import random
import time
from functools import partial

from daftari.model.time import current_time
from daftari.rules import events
from daftari.rules.events import Action, ContactsCreated
from daftari.store import Store, WriteTx
from daftari.worker import run_worker
from tests.conftest import free_port
from tests.support import calls
from tests.support.builders import rows_of
from tests.support.calls import ACTOR, create_project
from tests.support.waiting import wait_for
from tests.support.worker_processes import worker_process

CHANGES = 9_000
PER_CHANGE = 3
KILLS = 2
LIFE_SECONDS_MAX = 0.2


def counted(database: str) -> tuple[int, int]:
    """How many contacts were counted as new, and up to which change."""
    rows = dict(
        rows_of(database, "SELECT what, count FROM daily WHERE what = 'created' OR (what = 'counted' AND key = 'seq')")
    )
    return rows.get("created", 0), rows.get("counted", 0)


def has_counted_more(database: str, before: int) -> bool:
    return counted(database)[1] > before


def test_the_worker_counts_what_changed(store: Store, database: str) -> None:
    project = create_project(store)
    calls.create_contacts(store, project, [{"mobile": "0722000001"}, {"mobile": "0722000002"}], now=current_time())
    run_worker(lambda pause_seconds: pause_seconds > 0, store=store)
    assert counted(database) == (2, 1)
    assert rows_of(database, "SELECT * FROM job") == []


def test_a_worker_that_is_killed_at_any_moment_counts_nothing_twice(store: Store, database: str) -> None:
    project = create_project(store)

    def write(tx: WriteTx) -> None:
        created = [ContactsCreated(range(first, first + PER_CHANGE)) for first in range(1, CHANGES * 5, 5)]
        events.record(tx, Action.CREATE_CONTACTS, *created)

    store.write(project, ACTOR, current_time(), write)
    moments, port = random.Random(15), free_port()
    for _ in range(KILLS):
        _, before = counted(database)
        with worker_process(database, port=port):
            wait_for(partial(has_counted_more, database, before))
            time.sleep(moments.uniform(0, LIFE_SECONDS_MAX))
        created, changes = counted(database)
        assert created == changes * PER_CHANGE
        if changes == CHANGES:
            break
    with worker_process(database, port=port):
        wait_for(lambda: counted(database)[1] == CHANGES)
    assert counted(database) == (CHANGES * PER_CHANGE, CHANGES)
