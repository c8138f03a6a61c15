"""A job whose worker was killed is free at once where that can be seen, and after its lease everywhere else."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from daftari.model.jobs import JobKind
from daftari.store import Store
from daftari.store.jobs import is_job_due, request_job, take_job
from daftari.worker import run_worker
from daftari.worker.leases import is_dead, new_owner
from tests.support.clients import Client
from tests.support.stores import NOW

OTHER = "from daftari.worker.leases import new_owner; print(new_owner())"


def owner_that_ended() -> str:
    """The name of a process of this machine that is no more."""
    return subprocess.run([sys.executable, "-c", OTHER], check=True, capture_output=True, text=True).stdout.strip()


def test_only_a_process_of_this_place_that_is_gone_is_dead() -> None:
    gone = owner_that_ended()
    host, place, process, token = gone.split(":")
    assert is_dead(gone)
    assert not is_dead(new_owner())
    assert not is_dead(f"{host}:{'0' * 8}:{process}:{token}")
    assert not is_dead(f"{host}:{place}:{os.getppid()}:{token}")
    assert not is_dead("someone") and not is_dead("")


def test_a_job_of_a_dead_worker_is_taken_without_waiting_for_its_lease(ana: Client, store: Store) -> None:
    now = time.time_ns() // 1000
    store.system_write(NOW, request_job, project_id=1, kind=JobKind.PURGE)
    assert store.system_write(now, take_job, owner=owner_that_ended()) is not None
    asked: list[float] = []

    def stop_requested(within_seconds: float) -> bool:
        asked.append(within_seconds)
        # An idle worker asks for long; one that waited for the lease would have done so first.
        return len(asked) > 1 and within_seconds > 0

    run_worker(stop_requested, store=store)
    assert store.system_read(NOW, lambda tx: tx.all("list_held_jobs")) == []
    assert not store.system_read(now, is_job_due)
