"""Leases run on the database's clock, whatever time it is in the processes that take and renew them."""

from __future__ import annotations

import time

import pytest

from daftari.model.jobs import LEASE_SECONDS, JobKind
from daftari.store import Store, boot_clock
from daftari.store.engine import LeaseClock, SystemTx
from daftari.store.jobs import renew_job, request_job, take_job
from tests.support.builders import rows_of
from tests.support.schema import end_leases
from tests.support.stores import NOW

HOUR = 3_600_000_000


@pytest.mark.parametrize("clock", [-HOUR, 0, HOUR, 24 * HOUR])
def test_a_worker_whose_clock_is_another_takes_no_job_that_is_held(store: Store, database: str, clock: int) -> None:
    store.system_write(NOW, request_job, project_id=1, kind=JobKind.PURGE)
    job = store.system_write(NOW, take_job, owner="ana")
    assert job is not None
    assert store.system_write(NOW + clock, take_job, owner="ben") is None
    assert store.system_write(NOW - clock, renew_job, job=job)
    assert store.system_write(NOW + clock, take_job, owner="ben") is None
    end_leases(database)
    assert store.system_write(NOW + clock, take_job, owner="ben") is not None


def test_a_lease_ends_so_many_seconds_later_by_the_clock_of_the_database(
    store: Store, database: str, engine: str
) -> None:
    store.system_write(NOW, request_job, project_id=1, kind=JobKind.PURGE)
    before = store.system_write(NOW, _read_clock)
    store.system_write(NOW, take_job, owner="ana")
    after = store.system_write(NOW, _read_clock)
    ((start, until),) = rows_of(database, "SELECT lease_start, lease_until FROM job")
    assert start == before.start == after.start
    assert before.microseconds <= until - LEASE_SECONDS * 1_000_000 <= after.microseconds
    if engine == "sqlite":
        assert start == boot_clock.BOOT_ID.read_text().strip()
        assert after.microseconds <= time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def _read_clock(tx: SystemTx) -> LeaseClock:
    return tx.lease_clock()
