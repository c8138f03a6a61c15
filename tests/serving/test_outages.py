"""What the service survives: a database that is away, processes that die again and again, signals at any moment."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import apsw
import psutil
import pytest
from hypothesis import settings

from daftari.store import Store
from tests.conftest import ROOT, NewDatabase, People, free_port
from tests.serving.conftest import Start
from tests.support.builders import assert_sound, create, rows, rows_of
from tests.support.clients import Answer, Client, over_the_wire
from tests.support.service import Service, is_running
from tests.support.switch import Switch
from tests.support.waiting import WAIT_SECONDS_MAX, wait_for

TRIES = min(1_000, settings().max_examples // 3)
"""How many starts are stopped: 1,000 with ``make prove``."""
STARTED_SECONDS = 1.5
"""In less than this a start is over, on a machine that has little else to do."""


# ---- a database that is away ------------------------------------------------------------------------


@pytest.fixture
def switch(database: str) -> Iterator[Switch]:
    """The way from the service to its database, which is off."""
    switch = Switch(database)
    yield switch
    switch.turn_off()


def _status(client: Client) -> int:
    """That of the service's health; 0 while its port is closed."""
    try:
        return client.get("/v1/health").status
    except OSError:
        return 0


def _assert_says_away(answer: Answer) -> None:
    assert (answer.status, answer.json()["error_code"], answer.json()["retryable"]) == (503, "STORE_UNAVAILABLE", True)
    assert int(answer.headers["retry-after"]) >= 1
    # Who has no key learns nothing about the database.
    assert answer.json()["message"] == "The database does not answer."


def _assert_all_say_away(client: Client, people: People) -> None:
    ana = client.with_key(people.ana)
    for _ in range(3):
        _assert_says_away(client.get("/v1/health"))
        _assert_says_away(ana.get("/v1/contacts"))
        _assert_says_away(ana.post("/v1/contacts", {"contacts": rows(1)}))
    assert client.get("/v1/openapi.json").status == 200


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
def test_a_database_that_is_away_at_the_start_is_waited_for(
    start: Start, switch: Switch, database: str, people: People, store: Store
) -> None:
    port = free_port()
    service = start("--database", switch.database, "--port", str(port), "--workers", "2")
    client = Client(over_the_wire(f"http://127.0.0.1:{port}"))
    wait_for(lambda: _status(client) == 503)
    _assert_all_say_away(client, people)
    assert "The service answers 503 until it can be used." in service.err.read_text()
    switch.turn_on()
    ana = client.with_key(people.ana)
    # One of the two servers may know of it later.
    wait_for(lambda: ana.post("/v1/contacts", {"contacts": rows(2), "group": "Old"}).status == 201)
    # The worker came with the database.
    wait_for(lambda: ana.delete("/v1/groups/Old").status == 200)
    wait_for(lambda: rows_of(database, "SELECT COUNT(*) FROM membership") == [(0,)])
    service.press_ctrl_c()
    assert service.ended() == 0
    assert_sound(store, people.shopify)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_file_that_is_locked_at_the_start_is_waited_for(
    start: Start, database: str, people: People, store: Store
) -> None:
    store.close()
    port = free_port()
    client = Client(over_the_wire(f"http://127.0.0.1:{port}"))
    other = apsw.Connection(database)
    other.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
    other.execute("BEGIN IMMEDIATE")
    service = start("--database", database, "--port", str(port))
    wait_for(lambda: _status(client) == 503)
    _assert_all_say_away(client, people)
    other.execute("ROLLBACK")
    other.close()
    wait_for(lambda: _status(client) == 200)
    create(client.with_key(people.ana), *rows(1))
    service.press_ctrl_c()
    assert service.ended() == 0


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
def test_a_database_that_goes_away_and_comes_back_ends_no_process(
    start: Start, switch: Switch, database: str, people: People, store: Store
) -> None:
    switch.turn_on()
    service = start("--database", switch.database, "--workers", "2")
    client = service.client()
    wait_for(lambda: len(service.children()) == 3)
    before = service.children()
    for number in range(2):
        body = {"contacts": rows(1, first=number)}
        wait_for(lambda body=body: client.with_key(people.ana).post("/v1/contacts", body).status in (200, 201))
        switch.turn_off()
        _assert_all_say_away(client, people)
        switch.turn_on()
        wait_for(lambda: _status(client) == 200)
    wait_for(lambda: client.with_key(people.ana).get("/v1/contacts").status == 200)
    assert rows_of(database, "SELECT COUNT(*) FROM contact") == [(2,)]
    assert service.children() == before
    service.press_ctrl_c()
    assert service.ended() == 0
    assert_sound(store, people.shopify)


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
def test_a_service_that_waits_for_its_database_stops_at_a_signal(start: Start, switch: Switch) -> None:
    port = free_port()
    service = start("--database", switch.database, "--port", str(port))
    client = Client(over_the_wire(f"http://127.0.0.1:{port}"))
    wait_for(lambda: _status(client) == 503)
    service.process.terminate()
    assert service.ended() == 0


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
def test_a_worker_of_its_own_waits_for_its_database_too(
    switch: Switch, database: str, people: People, ana: Client, tmp_path: Path
) -> None:
    create(ana, *rows(2), group="Old")
    assert ana.delete("/v1/groups/Old").status == 200
    command = [sys.executable, "-m", "daftari", "worker", "--database", switch.database]
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True) as worker:
        assert worker.stderr is not None
        assert worker.stderr.readline().endswith("The worker waits for it.\n")
        switch.turn_on()
        wait_for(lambda: rows_of(database, "SELECT COUNT(*) FROM membership") == [(0,)])
        worker.terminate()
        assert worker.wait(WAIT_SECONDS_MAX) == 0


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    ("change", "code", "why"),
    [
        (("/daftari", "/nowhere"), 1, 'database "nowhere.*" does not exist'),
        (("//postgres", "//unknown"), 1, 'role "unknown" does not exist'),
        (("/daftari", "/daftari?sslmode=bogus&x="), 2, "a parameter in it is unknown"),
    ],
)
def test_a_mistake_in_the_address_is_refused_at_once(
    start: Start, switch: Switch, change: tuple[str, str], code: int, why: str
) -> None:
    switch.turn_on()
    service = start("--database", switch.database.replace(*change))
    assert service.process.wait(WAIT_SECONDS_MAX) == code
    assert why.partition(".*")[0] in service.err.read_text()
    assert len(service.err.read_text().splitlines()) == 1


# ---- processes that die -----------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("which", [0, 1], ids=["server", "worker"])
def test_a_process_that_dies_again_and_again_is_always_started_again(
    start: Start, database: str, people: People, store: Store, which: int
) -> None:
    service = start("--database", database)
    client = service.client()
    for number in range(4):
        wait_for(lambda: len(service.children()) == 2)
        killed = sorted(service.children(), key=lambda child: _is_worker(child))[which]
        killed.kill()
        wait_for(lambda killed=killed: len(left := service.children()) == 2 and killed not in left)
        wait_for(lambda: _status(client) == 200)
        create(client.with_key(people.ana), *rows(1, first=number))
    said = [line for line in service.err.read_text().splitlines() if "it starts again in" in line]
    assert [line.rpartition(" in ")[2] for line in said] == ["0.5 s.", "1 s.", "2 s.", "4 s."]
    service.press_ctrl_c()
    assert service.ended() == 0
    assert_sound(store, people.shopify)


def _is_worker(process: psutil.Process) -> bool:
    return not any(connection.status == psutil.CONN_LISTEN for connection in process.net_connections())


# ---- signals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT], ids=lambda stop: stop.name)
def test_a_signal_at_any_moment_of_the_start_ends_all_and_leaves_nothing(
    start: Start, new_database: NewDatabase, database: str, stop: signal.Signals
) -> None:
    """To the one process, as a supervisor sends it, or to all, as a terminal does; on a new file, and on an old one."""
    dice = random.Random(int(stop))
    for number in range(TRIES):
        file = database if number % 2 else str(Path(database).with_name(f"new-{stop.name}-{number}.db"))
        service = start("--database", file)
        time.sleep(STARTED_SECONDS * (number + dice.random()) / TRIES)
        if number % 4 < 2:
            service.process.send_signal(stop)
        else:
            os.killpg(service.process.pid, stop)
        code, said = service.process.wait(WAIT_SECONDS_MAX), service.err.read_text()
        # Before our first line Python ends by itself, at a Ctrl-C with a traceback; nothing has begun by then.
        assert code in (0, -stop, 128 + stop) or said.endswith("KeyboardInterrupt\n"), said
        assert "Traceback" not in said or said.endswith("KeyboardInterrupt\n"), said
        wait_for(lambda service=service: not _session(service))
        assert "has ended" not in service.err.read_text()
        _assert_untouched(Path(file))


def _session(service: Service) -> list[psutil.Process]:
    """The processes of a service that still run."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == service.process.pid and is_running(process):
                found.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def _assert_untouched(file: Path) -> None:
    """Neither a draft of the secret nor a lock is left."""
    assert not list(file.parent.glob(f"{file.name}.secret.*"))
    for lock in file.parent.glob(f"{file.name}-*[nt]"):
        with lock.open() as opened:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
