"""Webhooks as a worker delivers to them: called over HTTP, whatever their servers and the machine do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from threading import Event, Lock, Thread
from typing import Any

import pytest
from standardwebhooks import Webhook

from daftari.errors import StoreBusy
from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.outbound.client import OutboundClient
from daftari.rules.webhooks import lifecycle
from daftari.rules.webhooks.calls import CALL_SECONDS
from daftari.rules.webhooks.delivery import Claim, claim_batch, record_attempt
from daftari.rules.webhooks.model import write_secret
from daftari.store import Store
from daftari.worker import Provider, run_worker
from daftari.worker import webhooks as worker_webhooks
from tests.support import calls
from tests.support.faulty_server import HANGS_UP, Behaviour, Got, Rough, Says, in_turn, rough_server
from tests.support.stores import SECRET
from tests.support.waiting import wait_for
from tests.support.webhook_steps import Delivering

TAKES = Says(204, b"")
on_one_engine = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
"""For what no database can make different."""


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again soon, by a worker that looks for jobs often."""
    monkeypatch.setattr("daftari.rules.webhooks.delivery.FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr("daftari.worker.loop.IDLE_SECONDS", 0.05)


@contextmanager
def receiving(store: Store, project: Project, behave: Behaviour, **given: Any) -> Iterator[tuple[Rough, Delivering]]:
    """A server for a webhook that is there, and the webhook."""
    with rough_server(behave) as server:
        host = server.url.removeprefix("http://")
        yield server, Hook(store, project, url=f"{server.url}/hook", hosts=[host], **given)


class Hook(Delivering):
    """A webhook at a server on this machine, in real time."""

    def __init__(self, store: Store, project: Project, *, url: str, hosts: list[str], **given: Any) -> None:
        self.store, self.project, self.now, self.hosts = store, project, current_time(), hosts
        self.secret = write_secret()
        values = {"url": url, **given}
        self.id = self.write(lifecycle.create_webhook, values=values, allowed_hosts=hosts, secret=self.secret).id

    def wait_until(self, is_so: Callable[[], object]) -> None:
        def look() -> object:
            self.now = current_time()
            return is_so()

        wait_for(look)


@contextmanager
def working(store: Store, *hosts: str) -> Iterator[None]:
    """A worker in a thread of this process."""
    stopping = Event()
    with OutboundClient(allowed_hosts=hosts) as client:
        thread = Thread(target=run_worker, args=(stopping.wait,), kwargs={"store": store, "provider": Provider(client)})
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()


def make_groups(hook: Delivering, count: int, *, first: int = 0) -> None:
    for number in range(first, first + count):
        calls.create_group(hook.store, hook.project, f"G{number}", now=current_time())


def seqs_of(server: Rough) -> list[list[int]]:
    return [[change["seq"] for change in body(got)["data"].get("changes", [])] for got in server.got]


def body(got: Got) -> dict[str, Any]:
    found = got.json()
    assert isinstance(found, dict)
    return found


def is_done(hook: Delivering) -> bool:
    return hook.show().behind == 0


# ---- the calls ------------------------------------------------------------------------------------------


def test_a_delivery_follows_a_change_and_is_signed(store: Store, project: Project) -> None:
    with receiving(store, project, in_turn(TAKES)) as (server, hook), working(store, *hook.hosts):
        for number in range(3):
            make_groups(hook, 1, first=number)
            hook.wait_until(lambda: is_done(hook))
        assert seqs_of(server) == [[1], [2], [3]]
        for got in server.got:
            assert (got.method, got.path, got.headers["content-type"]) == ("POST", "/hook", "application/json")
            assert Webhook(hook.secret).verify(got.body, got.headers) == body(got)
        assert len({got.headers["webhook-id"] for got in server.got}) == 3


def test_a_hint_brings_the_delivery_without_a_look(
    store: Store, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daftari.worker.look.Look.step", lambda look: False)
    with receiving(store, project, in_turn(TAKES)) as (server, hook), working(store, *hook.hosts):
        make_groups(hook, 1)
        hook.wait_until(lambda: is_done(hook))
        calls.create_group(store, project, "Later", now=current_time())
        hook.wait_until(lambda: is_done(hook))
        assert seqs_of(server) == [[1], [2]]


@on_one_engine
def test_a_lost_hint_is_made_up_for(store: Store, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daftari.rules.events.hint_job", lambda *given, **named: None)
    with receiving(store, project, in_turn(TAKES)) as (server, hook), working(store, *hook.hosts):
        make_groups(hook, 1)
        hook.wait_until(lambda: is_done(hook))
        assert seqs_of(server) == [[1]]


def test_one_call_at_a_time_in_order_while_others_write(store: Store, project: Project) -> None:
    under_way, most, lock = 0, 0, Lock()

    def take_slowly(got: Got) -> Says:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.02)
        with lock:
            under_way -= 1
        return TAKES

    with receiving(store, project, take_slowly) as (server, hook), working(store, *hook.hosts):
        writers = [
            Thread(target=make_groups, args=(hook, 20), kwargs={"first": 20 * number}, daemon=True)
            for number in range(3)
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        hook.wait_until(lambda: is_done(hook))
        assert most == 1
        assert [seq for seqs in seqs_of(server) for seq in seqs] == list(range(1, 61))


@on_one_engine
def test_whatever_a_server_does_the_same_batch_comes_again_until_it_is_taken(store: Store, project: Project) -> None:
    answers: list[Says | None] = [
        Says(500, b"down"),
        HANGS_UP,
        Says(302, headers={"location": "/elsewhere"}),
        Says(404),
        Says(200, cut=True),
    ]
    with receiving(store, project, in_turn(*answers, TAKES)) as (server, hook), working(store, *hook.hosts):
        make_groups(hook, 2)
        hook.wait_until(lambda: is_done(hook))
        make_groups(hook, 1, first=2)
        hook.wait_until(lambda: is_done(hook))
    assert {got.path for got in server.got} == {"/hook"}, "a redirect is not followed"
    first = server.got[0]
    repeated = [got for got in server.got if got.headers["webhook-id"] == first.headers["webhook-id"]]
    assert len(repeated) == 5 and {got.body for got in repeated} == {first.body}
    assert all(Webhook(hook.secret).verify(got.body, got.headers) for got in repeated)
    assert sorted({seq for seqs in seqs_of(server) for seq in seqs}) == [1, 2, 3]


@on_one_engine
@pytest.mark.parametrize("is_date", [False, True])
def test_retry_after_is_obeyed_in_seconds_and_as_a_date(store: Store, project: Project, is_date: bool) -> None:
    def ask_to_wait(got: Got) -> Says:
        return Says(429, headers={"retry-after": formatdate(time.time() + 9, usegmt=True) if is_date else "9"})

    with receiving(store, project, ask_to_wait) as (server, hook):
        make_groups(hook, 1)
        began = current_time()
        with working(store, *hook.hosts):
            hook.wait_until(lambda: hook.show().attempts)
        hook.now = current_time()
        assert len(server.got) == 1 and not hook.is_open()
        hook.now = began + 7_900_000
        assert not hook.is_open()
        hook.now = current_time() + 10_000_000
        assert hook.is_open()


@on_one_engine
def test_410_stops_the_calls_at_once_and_the_log_says_so(
    store: Store, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    with receiving(store, project, in_turn(Says(410))) as (server, hook), working(store, *hook.hosts):
        make_groups(hook, 1)
        hook.wait_until(lambda: hook.show().state == "disabled")
        make_groups(hook, 1, first=1)
        assert len(server.got) == 1
    assert f"the webhook {hook.id} of project 'Shopify' is disabled: It answered 410" in caplog.text
    assert "/hook" not in caplog.text


@on_one_engine
def test_a_copy_of_a_database_makes_no_call_until_a_webhook_is_resumed(
    store: Store, project: Project, change: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    with receiving(store, project, in_turn(TAKES)) as (server, hook):
        make_groups(hook, 1)
        change("UPDATE webhook SET epoch = 'another'")
        with working(store, *hook.hosts):
            hook.wait_until(lambda: hook.show().state == "disabled")
            assert server.got == [] and "is disabled: The database was restored or copied" in caplog.text
            hook.resume()
            hook.wait_until(lambda: is_done(hook))
        assert [body(got)["type"] for got in server.got] == ["feed.reset", "feed.changes"]


@on_one_engine
def test_a_worker_that_slept_after_it_read_a_batch_makes_no_call(
    store: Store, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = Event()

    def read_slowly(*given: Any, **named: Any) -> Claim:
        found = claim_batch(*given, **named)
        if found.attempt is not None and not slept.is_set():
            monkeypatch.setattr(worker_webhooks, "CLAIM_SECONDS_MAX", -1.0)
            slept.set()
        else:
            monkeypatch.setattr(worker_webhooks, "CLAIM_SECONDS_MAX", 60.0)
        return found

    monkeypatch.setattr(worker_webhooks, "claim_batch", read_slowly)
    with receiving(store, project, in_turn(TAKES)) as (server, hook), working(store, *hook.hosts):
        make_groups(hook, 1)
        hook.wait_until(lambda: is_done(hook))
        assert slept.is_set() and len(server.got) == 1
        found = store.read(project, hook.now, lifecycle.get_webhook, webhook_id=hook.id)
        assert found.fence == 2, "it was read twice and called once"


@on_one_engine
def test_a_private_address_that_is_not_allowed_is_never_called(store: Store, project: Project) -> None:
    with receiving(store, project, in_turn(TAKES)) as (server, hook):
        make_groups(hook, 1)
        with working(store):
            hook.wait_until(lambda: hook.show().attempts)
        problem = hook.show().problem
        assert problem is not None and "may not be called" in problem
        assert server.got == [] and hook.show().after == 0


@on_one_engine
def test_a_slow_server_delays_no_other_webhook_and_is_given_up_after_its_time(
    store: Store, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert CALL_SECONDS == 15.0
    monkeypatch.setattr("daftari.rules.webhooks.calls.CALL_SECONDS", 1.0)
    released = Event()

    def hang(got: Got) -> Says:
        released.wait(30)
        return TAKES

    with (
        receiving(store, project, hang) as (_, stuck),
        receiving(store, project, in_turn(TAKES)) as (quick, hook),
        working(store, *stuck.hosts, *hook.hosts),
    ):
        make_groups(hook, 1)
        hook.wait_until(lambda: is_done(hook))
        assert seqs_of(quick) == [[1]] and stuck.show().after == 0
        stuck.wait_until(lambda: stuck.show().attempts)
        problem = stuck.show().problem
        assert problem is not None and "did not answer in time" in problem
        released.set()
        stuck.wait_until(lambda: is_done(stuck))


@on_one_engine
def test_a_rotated_secret_and_the_former_one_are_both_good_at_the_server(store: Store, project: Project) -> None:
    with receiving(store, project, in_turn(TAKES)) as (server, hook), working(store, *hook.hosts):
        new = write_secret()
        hook.write(lifecycle.rotate_secret, webhook_id=hook.id, secret=new)
        make_groups(hook, 1)
        hook.wait_until(lambda: is_done(hook))
        (got,) = server.got
        assert Webhook(hook.secret).verify(got.body, got.headers) == Webhook(new).verify(got.body, got.headers)


@on_one_engine
def test_an_answer_that_a_busy_database_does_not_take_is_recorded_later(
    store: Store, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = [StoreBusy(), StoreBusy()]

    def record_busily(*given: Any, **named: Any) -> str:
        if refusals:
            raise refusals.pop()
        return record_attempt(*given, **named)

    monkeypatch.setattr(worker_webhooks, "record_attempt", record_busily)
    with receiving(store, project, in_turn(TAKES)) as (server, hook), working(store, *hook.hosts):
        make_groups(hook, 1)
        hook.wait_until(lambda: is_done(hook))
        assert len(server.got) == 1 and not refusals


# ---- workers that die -----------------------------------------------------------------------------------

SCRIPT = """
import sys
from daftari.outbound.client import OutboundClient
from daftari.store import open_store
from daftari.worker import Provider, count_threads, run_worker
from threading import Event
from time import sleep

database, secret, host = sys.argv[1:]
store = open_store(database, threads=count_threads(), secret=secret, secret_file=None)
with OutboundClient(allowed_hosts=[host]) as client:
    run_worker(lambda seconds: sleep(min(seconds, 0.05)) or False, store=store, provider=Provider(client))
"""


@on_one_engine
def test_nothing_is_lost_and_the_order_holds_when_workers_are_killed_in_a_call(
    store: Store, project: Project, database: str
) -> None:
    workers: list[subprocess.Popen[bytes]] = []

    def kill_one(got: Got) -> Says | None:
        if len(workers) < 2:
            # It is killed while it waits for this answer.
            os.kill(workers[-1].pid, signal.SIGKILL)
            workers[-1].wait()
            begin()
        return TAKES

    def begin() -> None:
        command = [sys.executable, "-c", SCRIPT, database, SECRET, hook.hosts[0]]
        workers.append(subprocess.Popen(command))

    with receiving(store, project, kill_one) as (server, hook):
        make_groups(hook, 5)
        begin()
        try:
            hook.wait_until(lambda: is_done(hook))
            make_groups(hook, 5, first=5)
            hook.wait_until(lambda: is_done(hook))
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
        ids = [got.headers["webhook-id"] for got in server.got]
        assert ids[0] == ids[1] and server.got[0].body == server.got[1].body
        first_time = list(dict.fromkeys(seq for seqs in seqs_of(server) for seq in seqs))
        assert first_time == list(range(1, 11))
