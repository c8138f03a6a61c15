"""The worker's loop: take jobs, give them turns, renew their leases, maintain the database, sleep when there is no job.

A worker holds several jobs. A turn is one step of the job that has waited longest of its kind. Threads do the steps, so
many for each kind that no kind waits for another. This thread does none: it takes, renews, and asks whether to stop. A
worker that lost a lease leaves the job to the one that has it. The kinds of jobs are ``jobs.py``'s.
"""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from threading import Event
from types import TracebackType
from typing import Self

from daftari.errors import StoreBusy
from daftari.model.jobs import Job, JobKind
from daftari.model.time import current_time
from daftari.store import (
    Store,
    is_job_due,
    is_this_job_due,
    list_held_jobs,
    release_job,
    renew_jobs,
    take_job,
    take_this_job,
)
from daftari.worker.held import HeldJob, pause_after
from daftari.worker.jobs import JOBS, count_threads
from daftari.worker.leases import is_dead, new_owner
from daftari.worker.look import Look
from daftari.worker.work import Provider

IDLE_SECONDS = 1.0
"""How often a worker looks for a job, give or take a quarter, so that many do not look at once."""
MAINTENANCE_SECONDS = 0.5
"""How often a worker maintains the database between steps."""
RENEWAL_SECONDS = 5.0
"""How often a worker renews its leases: often enough to keep them, seldom enough to cost nothing."""
CALLING = (JobKind.DELIVER, JobKind.LISTEN, JobKind.LOOK_UP, JobKind.SEND, JobKind.SYNC)
"""The kinds that call other servers, which a worker without a client for this does not take."""

ShouldStop = Callable[[float], bool]
"""Waits up to so many seconds for the word to stop, and returns whether it came."""


def run_worker(should_stop: ShouldStop, *, store: Store, provider: Provider | None = None) -> None:
    """Do jobs until ``should_stop`` returns ``True``; it is asked between steps and while there is no job.

    Without a ``provider`` nothing is sent or delivered.
    """
    owner = new_owner()
    with _Turns(store, provider) as turns:
        turns.add(Look(store, jobs=JOBS))
        pause_seconds = 0.0
        take_at = 0.0
        while not should_stop(pause_seconds):
            try:
                if turns.collect() or time.monotonic() >= take_at:
                    _take(turns, store=store, owner=owner)
                    take_at = time.monotonic() + IDLE_SECONDS * random.uniform(0.75, 1.25)
                pause_seconds = turns.go_on(until=take_at)
            except StoreBusy as error:
                pause_seconds = pause_after(error)


def run_job(should_stop: ShouldStop, *, store: Store, project_id: int, kind: str) -> bool:
    """Do one project's job of a kind here and now, until ``should_stop`` returns ``True``.

    Returns ``False`` when it is not due or another worker holds it.
    """
    _release_dead(store)
    if not store.system_read(current_time(), is_this_job_due, project_id=project_id, kind=kind):
        return False
    job = store.system_write(current_time(), take_this_job, project_id=project_id, kind=kind, owner=new_owner())
    if job is None:
        return False
    with _Turns(store, None) as turns:
        turns.hold(job)
        pause_seconds = 0.0
        while not should_stop(pause_seconds):
            try:
                turns.collect()
                if not turns.held:
                    break
                pause_seconds = turns.go_on()
            except StoreBusy as error:
                pause_seconds = pause_after(error)
    return True


def _take(turns: _Turns, *, store: Store, owner: str) -> None:
    """Take the jobs that are due, up to the most of each kind."""
    _release_dead(store)
    while kinds := turns.list_free_kinds():
        if not store.system_read(current_time(), is_job_due, kinds=kinds):
            return
        job = store.system_write(current_time(), take_job, owner=owner, kinds=kinds)
        if job is not None:
            turns.hold(job)


def _release_dead(store: Store) -> None:
    """Return the jobs of workers that were killed on this machine, before their leases run out."""
    for job in store.system_read(current_time(), list_held_jobs):
        if is_dead(job.owner):
            store.system_write(current_time(), release_job, job=job)


class _Turns:
    """The turns of a worker's jobs. On leaving, steps in progress are finished and all jobs are given back."""

    def __init__(self, store: Store, provider: Provider | None) -> None:
        self.held: list[HeldJob] = []
        self.stopping = Event()
        self._store = store
        self._provider = provider
        self._threads = ThreadPoolExecutor(count_threads(), thread_name_prefix="daftari-step")
        self._waiting: list[HeldJob | Look] = []
        self._steps: dict[Future[bool], HeldJob | Look] = {}
        self._maintained_at = -math.inf
        self._renewed_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._threads.shutdown()
        try:
            self.collect()
        finally:
            for held in self.held:
                with suppress(StoreBusy):
                    held.release()

    def add(self, turn: HeldJob | Look) -> None:
        """Let a job, or the look for jobs, wait for its turns."""
        self._waiting.append(turn)

    def hold(self, job: Job) -> None:
        """Let a job that was taken have its turns, until it is done or lost."""
        held = HeldJob(self._store, job, stopping=self.stopping, provider=self._provider)
        self.held.append(held)
        self.add(held)

    def list_free_kinds(self) -> list[str]:
        """The kinds of which this worker may hold another job."""
        held = Counter(held.job.kind for held in self.held)
        kinds = [kind for kind in JOBS if kind not in CALLING or self._provider is not None]
        return [kind for kind in kinds if held[kind] < JOBS[kind].held_max]

    def collect(self) -> bool:
        """Let those whose step has ended wait again. Returns whether there may be another job to take."""
        may_take = False
        for step in [step for step in self._steps if step.done()]:
            turn = self._steps.pop(step)
            try:
                goes_on = step.result()
            except StoreBusy as error:
                turn.pause_after(error)
                goes_on = True
            if goes_on:
                self._waiting.append(turn)
            elif isinstance(turn, HeldJob):
                self.held.remove(turn)
            may_take = may_take or not goes_on or turn.has_requested
        return may_take

    def go_on(self, *, until: float = math.inf) -> float:
        """Renew and maintain what is due, and start the steps whose turn it is; wait for one to end, if any is running.

        ``until``: when there is something else to do. Returns for how many seconds there is nothing to do.
        """
        now = time.monotonic()
        if now - self._maintained_at >= MAINTENANCE_SECONDS:
            self._store.maintain()
            self._maintained_at = now
        if now - self._renewed_at >= RENEWAL_SECONDS:
            self._renew()
            self._renewed_at = now
        self._start_steps(now)
        next_at = min(
            [turn.ready_at for turn in self._waiting if turn.ready_at > now] + [now + IDLE_SECONDS, max(until, now)]
        )
        if not self._steps:
            return next_at - now
        wait(self._steps, timeout=next_at - now, return_when=FIRST_COMPLETED)
        return 0.0

    def _start_steps(self, now: float) -> None:
        """Start the steps of those that have waited longest, up to the most of each kind."""
        running = Counter(turn.kind for turn in self._steps.values())
        for turn in sorted(self._waiting, key=lambda turn: turn.ready_at):
            if turn.ready_at <= now and running[turn.kind] < turn.steps_max:
                running[turn.kind] += 1
                self._waiting.remove(turn)
                self._steps[self._threads.submit(turn.step)] = turn

    def _renew(self) -> None:
        """Renew the leases; a job that another worker holds by now gets no further turn."""
        held = {held.job: held for held in self.held}
        has_progress = {job: held.has_progress for job, held in held.items()}
        for job in self._store.system_write(current_time(), renew_jobs, held=has_progress) if held else ():
            held[job].is_lost = True
