"""``daftari serve`` as people run it: how it starts, what it refuses, how it stops, and what it survives."""

from __future__ import annotations

import os
import re
import resource
import shlex
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr
from pathlib import Path

import msgspec
import psutil
import pytest

from daftari.cli.demo import demo_calls
from daftari.cli.first_user import offer_first_link
from daftari.model.time import current_time
from daftari.settings import Settings
from daftari.store import Store
from tests.conftest import NewDatabase, People
from tests.serving.conftest import Start
from tests.support.builders import assert_sound, create, groups, rows, rows_of
from tests.support.clients import Client
from tests.support.commands import open_terminal, runner_for
from tests.support.service import Service, is_running
from tests.support.users import Office
from tests.support.waiting import WAIT_SECONDS_MAX, wait_for

CONNECTIONS = 1_000


def _refusal(service: Service) -> str:
    """The one sentence with which it refused to start."""
    assert service.process.wait(WAIT_SECONDS_MAX) == 1
    (line,) = service.err.read_text().splitlines()
    assert not service.out.read_text()
    return line


# ---- starting ---------------------------------------------------------------------------------------


def test_in_an_empty_folder_it_makes_the_database_and_answers(start: Start, tmp_path: Path) -> None:
    answer = start().client().get("/v1/health")
    assert (answer.status, answer.json()["status"]) == (200, "ready")
    assert (tmp_path / "daftari.db").exists()


def test_it_warns_of_a_database_that_other_users_may_read(start: Start) -> None:
    with tempfile.TemporaryDirectory(prefix="daftari-test-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "daftari.db"
        runner_for(str(path))("migrate")
        path.chmod(0o644)
        service = start("--database", str(path))
        assert service.client().get("/v1/health").status == 200
        service.press_ctrl_c()
        assert service.ended() == 0
    (warning,) = [line for line in service.err.read_text().splitlines() if line.startswith("Warning")]
    assert warning == f"Warning: other users of this machine may read the database. Run: chmod 600 {path}"


def test_several_server_processes_share_one_port(start: Start, database: str, people: People) -> None:
    service = start("--database", database, "--workers", "2", "--no-worker")
    ana = service.client(people.ana)
    assert len(service.children()) == 2
    for number in range(20):
        create(ana, *rows(1, first=number))
    assert ana.get("/v1/contacts").json()["contacts"]["total"] == 20


def test_settings_come_from_the_file_and_variables_too(
    start: Start, tmp_path: Path, database: str, people: People
) -> None:
    (tmp_path / "daftari.toml").write_text(
        f'database = {msgspec.json.encode(database).decode()}\npublic_url = "https://phonebook.example/"\n'
    )
    page = start().client(people.ana).get("/v1/contacts").json()["contacts"]
    assert page["path"] == "https://phonebook.example/v1/contacts"


def test_a_port_in_use_is_refused(start: Start) -> None:
    port = str(start().place[1])
    assert f"Port {port} of 127.0.0.1 cannot be used" in _refusal(start("--port", port))


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1"])
def test_an_address_that_is_not_this_machines_is_refused(start: Start, host: str) -> None:
    assert host in _refusal(start("--host", host))


def test_a_file_that_is_no_database_is_refused_and_left_alone(start: Start, tmp_path: Path) -> None:
    text = "Buy milk. " * 1000
    (tmp_path / "notes.txt").write_text(text)
    assert "is not a database" in _refusal(start("--database", "notes.txt"))
    assert (tmp_path / "notes.txt").read_text() == text


@pytest.mark.parametrize(("database", "why"), [("no/such/folder/book.db", "cannot be"), (".", "is a folder")])
def test_a_file_that_cannot_be_made_is_refused(start: Start, database: str, why: str) -> None:
    assert why in _refusal(start("--database", database))


def test_an_empty_postgresql_is_refused_with_the_command_that_fills_it(start: Start, new_database: NewDatabase) -> None:
    line = _refusal(start("--database", new_database("postgres", empty=True)))
    assert "run: daftari migrate --database postgresql://" in line


@pytest.mark.parametrize(("version", "hint"), [(0, "run: daftari migrate"), (99, "install a newer Daftari")])
def test_another_schema_is_refused(
    start: Start, database: str, version: int, hint: str, change: Callable[[str], None]
) -> None:
    change(f"UPDATE system SET schema_version = {version}")
    assert hint in _refusal(start("--database", database))


# ---- stopping ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_it_stops_cleanly(start: Start, database: str, stop: str) -> None:
    service = start("--database", database)
    service.client().get("/v1/health")
    wait_for(lambda: len(service.children()) == 2)
    children = service.children()
    if stop == "SIGTERM":
        service.process.terminate()
    else:
        os.killpg(service.process.pid, signal.Signals[stop])
    assert service.ended() == 0
    assert not list(filter(is_running, children))
    assert len(service.err.read_text().splitlines()) == 2


@pytest.mark.parametrize("seconds", [0, 0.1, 0.2, 0.3, 0.5])
def test_ctrl_c_while_it_starts_is_no_crash(start: Start, tmp_path: Path, seconds: float) -> None:
    service = start()
    wait_for((tmp_path / "daftari.db").exists)
    time.sleep(seconds)
    service.press_ctrl_c()
    assert service.ended() in (0, 130)


def test_a_request_in_flight_is_finished(start: Start, database: str, people: People, store: Store) -> None:
    service = start("--database", database)
    body = msgspec.json.encode({"contacts": rows(1_000)})
    with socket.create_connection(service.place) as connection:
        head = f"POST /v1/contacts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {people.ana}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body[:1_000])
        time.sleep(0.3)
        service.press_ctrl_c()
        time.sleep(0.5)
        connection.sendall(body[1_000:])
        assert connection.recv(1_000).startswith(b"HTTP/1.1 201 ")
    assert service.ended() == 0
    assert_sound(store, people.shopify)


def test_asked_twice_it_does_not_wait_for_a_request_in_flight(start: Start) -> None:
    service = start()
    with socket.create_connection(service.place) as connection:
        connection.sendall(b"POST /v1/contacts HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        time.sleep(0.3)
        service.press_ctrl_c()
        time.sleep(0.3)
        assert service.process.poll() is None
        began = time.monotonic()
        service.press_ctrl_c()
        service.process.wait(WAIT_SECONDS_MAX)
    assert time.monotonic() - began < 5


def test_what_was_acknowledged_is_there_after_ctrl_c_under_load(
    start: Start, database: str, people: People, store: Store
) -> None:
    service = start("--database", database)
    ana = service.client(people.ana)
    acknowledged: list[int] = []
    create(ana, *rows(1, first=1))
    time_to_stop = time.monotonic() + 0.5
    for number in range(2, 10_000):
        if time_to_stop and time.monotonic() > time_to_stop:
            service.press_ctrl_c()
            time_to_stop = 0.0
        try:
            acknowledged += create(ana, *rows(1, first=number), group="Load")
        except OSError:
            break
    assert service.ended() == 0
    there = {row[0] for row in rows_of(database, "SELECT id FROM contact")}
    assert acknowledged
    assert set(acknowledged) <= there
    assert_sound(store, people.shopify)


# ---- what it survives -------------------------------------------------------------------------------


def test_nothing_outlives_a_parent_that_was_killed(start: Start) -> None:
    service = start()
    service.client().get("/v1/health")
    wait_for(lambda: len(service.children()) == 2)
    children = service.children()
    service.process.kill()
    psutil.wait_procs(children, timeout=WAIT_SECONDS_MAX)
    assert not list(filter(is_running, children))


@pytest.mark.parametrize("which", [0, 1], ids=["server", "worker"])
def test_a_process_that_was_killed_is_started_again(start: Start, which: int) -> None:
    service = start()
    client = service.client()
    wait_for(lambda: len(service.children()) == 2)
    killed = service.children()[which]
    killed.kill()
    wait_for(lambda: len(service.children()) == 2 and killed not in service.children())

    def answers() -> bool:
        try:
            return client.get("/v1/health").status == 200
        except OSError:
            return False

    wait_for(answers)
    service.press_ctrl_c()
    assert service.ended() == 0


def test_the_background_worker_clears_what_was_deleted(
    start: Start, database: str, people: People, store: Store
) -> None:
    ana = start("--database", database).client(people.ana)
    create(ana, *rows(2_500), group="Old")
    assert ana.delete("/v1/groups/Old").status == 200
    wait_for(lambda: rows_of(database, "SELECT COUNT(*) FROM membership") == [(0,)])
    wait_for(lambda: rows_of(database, "SELECT COUNT(*) FROM job") == [(0,)])
    assert groups(ana) == {}
    assert_sound(store, people.shopify)


def test_a_thousand_connections_are_kept_and_answered(start: Start) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * CONNECTIONS), hard))
    place = start().place
    ask = b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n"
    with ExitStack() as held:
        connections = [held.enter_context(socket.create_connection(place)) for _ in range(CONNECTIONS)]
        for _ in range(2):
            for connection in connections:
                connection.sendall(ask)
            assert all(connection.recv(1_000).startswith(b"HTTP/1.1 200 ") for connection in connections)


# ---- the first user ---------------------------------------------------------------------------------


def test_without_a_user_it_names_the_command_that_makes_the_first_and_prints_no_link_into_a_log(
    start: Start, database: str
) -> None:
    service = start("--database", database)
    wait_for(lambda: "run: daftari user link\n" in service.err.read_text())
    assert "/link/" not in service.err.read_text() + service.out.read_text()
    assert rows_of(database, "SELECT * FROM user_link") == []


def test_on_a_terminal_it_prints_one_link_and_that_of_an_earlier_start_no_longer_works(
    database: str, settings_for: Callable[..., Settings], store: Store
) -> None:
    def open_terminal_and_start() -> str:
        with open_terminal() as (terminal, printed), redirect_stderr(terminal):
            offer_first_link(settings_for(database, public_url="https://book.example/phone"))
        (link,) = re.findall(r"https://book\.example/phone/link/(\S+)", printed())
        return str(link)

    earlier, later = open_terminal_and_start(), open_terminal_and_start()
    office = Office(store, current_time())
    assert not office.is_open(earlier) and office.is_open(later)


def test_where_there_is_a_user_it_says_nothing_of_a_first_one(start: Start, database: str) -> None:
    runner_for(database)("user", "add", "asha@example.com")
    service = start("--database", database)
    service.client().get("/v1/health")
    service.press_ctrl_c()
    assert service.ended() == 0
    assert "user link" not in service.err.read_text()


# ---- the demo ---------------------------------------------------------------------------------------


def test_the_demo_prints_a_key_once_and_six_calls_that_work(start: Start) -> None:
    service = start("--demo")
    client = service.client()
    wait_for(lambda: service.out.read_text().count("curl ") == 6 and service.out.read_text().endswith("\n"))
    lines = [line for line in service.out.read_text().splitlines() if line.startswith("curl ")]
    assert [_paste(line, client) for line in lines] == [201, 200, 200, 200, 200, 202]
    wait_for(lambda: "sms from log to …290: 1 part" in service.err.read_text())
    service.press_ctrl_c()
    assert service.ended() == 0
    again = start("--demo")
    wait_for(lambda: "key create --project Demo" in again.err.read_text())
    assert not again.out.read_text()


def test_the_demo_leaves_a_book_with_projects_alone(start: Start, database: str, people: People) -> None:
    service = start("--demo", "--database", database)
    wait_for(lambda: "key create" in service.err.read_text())
    assert rows_of(database, "SELECT COUNT(*) FROM project") == [(2,)]


def test_the_demos_calls_are_the_five_of_the_contract_and_a_message() -> None:
    lines = [line for _, line in demo_calls("http://127.0.0.1:8000", key="daf_x")]
    methods = [re.findall(r"-X (\w+)", line) or ["GET"] for line in lines]
    assert methods == [["POST"], ["GET"], ["GET"], ["PUT"], ["DELETE"], ["POST"]]


def _paste(line: str, client: Client) -> int:
    """What ``curl`` does with the options that the demo uses."""
    words = iter(shlex.split(line)[1:])
    method, address, body, headers = "GET", "", None, {}
    for word in words:
        match word:
            case "-X":
                method = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "-d":
                body = next(words).encode()
            case "-w":
                next(words)
            case "-sS":
                pass
            case _:
                address = word
    path = "/" + address.removeprefix("http://").partition("/")[2]
    return client.call(method, path, body=body, headers=headers).status
