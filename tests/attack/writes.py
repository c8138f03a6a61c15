"""Kills and full disks during writes: whatever was acknowledged must be there afterwards."""

from __future__ import annotations

import http.client
import itertools
import random
import resource
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import msgspec
import psutil

from tests.attack.service import Found, Service

WRITERS = 4
KILLS = 6
ROWS = 20
"""Contacts of one write."""
LONGEST_BYTES = 64 * 1024
"""Where a file ends while the disk is full: before the end of the database and of its log."""
LAST_SECONDS = 1.5
"""How long writes may last before a kill, and while the disk is full."""


class Writers:
    """Clients that write one call after the other, and note what was acknowledged and what else was answered."""

    def __init__(self, service: Service, *, first: int) -> None:
        self.acknowledged: list[str] = []
        self.others: Counter[str] = Counter()
        self._service = service
        self._calls = itertools.count(first)
        self._lock = threading.Lock()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """They write until the block ends."""
        stop = threading.Event()
        with ThreadPoolExecutor(WRITERS) as pool:
            running = [pool.submit(self._write_until, stop) for _ in range(WRITERS)]
            try:
                yield
            finally:
                stop.set()
        for one in running:
            one.result()

    def _write_until(self, stop: threading.Event) -> None:
        while not stop.is_set():
            with self._lock:
                call = next(self._calls)
            mobiles = [f"2541{call:05d}{row:03d}" for row in range(ROWS)]
            body = {"contacts": [{"mobile": mobile} for mobile in mobiles]}
            try:
                answer = self._service.call("POST", "/v1/contacts", key=self._service.chao, json=body)
            except (OSError, http.client.HTTPException):
                self.others["no answer"] += 1
                time.sleep(0.05)
                continue
            if answer.status == 201:
                self.acknowledged += mobiles
            else:
                self.others[str(answer.status)] += 1

    def count_lost(self) -> int:
        """How many acknowledged contacts are not there."""
        there: set[str] = set()
        for page in itertools.count(1):
            answer = self._service.call("GET", f"/v1/contacts?page={page}", key=self._service.chao)
            rows = msgspec.json.decode(answer.body)["contacts"]["data"]
            there.update(row["mobile"] for row in rows)
            if not rows:
                return len(set(self.acknowledged) - there)
        raise AssertionError


def kills(service: Service) -> Found:
    """Every process is killed at a random moment while clients write, and the service is started again."""
    writers = Writers(service, first=1)
    chance = random.Random(1)
    for _ in range(KILLS):
        with writers.writing():
            time.sleep(chance.uniform(0.2, LAST_SECONDS))
            service.kill()
        service.start()
    return _judge("kills during writes", f"{KILLS} kills", writers, service, allowed={"no answer", "503"})


def full_disk(service: Service) -> Found:
    """No process may make a file longer, as on a full disk; then they may again."""
    writers = Writers(service, first=50_000)
    with writers.writing():
        time.sleep(LAST_SECONDS / 2)
        with _no_more_bytes(service):
            time.sleep(LAST_SECONDS)
        time.sleep(LAST_SECONDS)
    return _judge("no space on the disk", "one full disk", writers, service, allowed={"503"})


def _judge(what: str, happened: str, writers: Writers, service: Service, *, allowed: set[str]) -> Found:
    lost = writers.count_lost()
    checked = service.run("check")
    others = ", ".join(f"{count} × {answer}" for answer, count in sorted(writers.others.items())) or "none"
    measured = (
        f"{happened}; {len(writers.acknowledged)} contacts acknowledged, {lost} lost; other answers: {others}; "
        f"daftari check: {checked.splitlines()[-1] if checked else 'sound'}"
    )
    return Found(what, measured, not lost and bool(writers.acknowledged) and writers.others.keys() <= allowed)


@contextmanager
def _no_more_bytes(service: Service) -> Iterator[None]:
    processes: list[psutil.Process] = service.processes()
    for process in processes:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (LONGEST_BYTES, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        for process in processes:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
