"""What the world does to a SQLite file: removed, replaced, read-only, not a database. Never a 500, nothing lost."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from daftari.errors import SchemaMismatch, StoreUnavailable
from daftari.serving.server import build_server
from daftari.settings import Settings
from tests.support.builders import create, get, page, refusal, rows
from tests.support.clients import Answer, Client, in_process
from tests.support.stores import open_store

OTHER_USER = 65534
"""A user who may write only where everyone may."""
LEFTOVERS = ("", "-wal", "-shm")


@pytest.fixture
def engine() -> str:
    """Only this one keeps everything in a file."""
    return "sqlite"


@contextmanager
def away(database: str) -> Iterator[None]:
    """The file and what belongs to it are elsewhere, and come back."""
    there = [Path(database + end) for end in LEFTOVERS if Path(database + end).exists()]
    for path in there:
        path.rename(f"{path}.away")
    try:
        yield
    finally:
        for path in there:
            path.unlink(missing_ok=True)
            Path(f"{path}.away").rename(path)


@contextmanager
def as_other_user() -> Iterator[None]:
    """Without root's right to write to what is read-only."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(OTHER_USER)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user reaches; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="daftari-tests-"))
    folder.chmod(0o777)
    yield folder
    folder.chmod(0o777)
    shutil.rmtree(folder)


def unavailable(answer: Answer) -> str:
    """The sentence of a 503 that may be tried again."""
    assert refusal(answer) == (503, "STORE_UNAVAILABLE")
    assert answer.json()["retryable"] is True
    assert int(answer.headers["retry-after"]) > 0
    return str(answer.json()["message"])


# ---- removed ----------------------------------------------------------------------------------------


def test_a_file_removed_while_serving_is_503_on_writes_and_health_until_it_is_back(ana: Client, database: str) -> None:
    create(ana, *rows(1))
    with away(database):
        for _ in range(2):
            answers = [
                ana.post("/v1/contacts", {"contacts": rows(1, first=2)}),
                ana.put("/v1/contacts/1", {"contact": {"city": "Lost"}}),
                ana.delete("/v1/contacts/1"),
                ana.post("/v1/groups", {"name": "Lost"}),
                ana.get("/v1/health"),
            ]
            assert all(unavailable(answer) for answer in answers)
        assert not Path(database).exists()
    assert ana.get("/v1/health").status == 200
    assert create(ana, *rows(1, first=2)) == [2]
    assert (page(ana)["total"], get(ana, 1)["city"]) == (2, None)


def test_another_file_in_its_place_is_never_written_to(ana: Client, database: str, sqlite_template: Path) -> None:
    create(ana, *rows(1))
    with away(database):
        shutil.copy(sqlite_template, database)
        before = Path(database).read_bytes()
        unavailable(ana.post("/v1/contacts", {"contacts": rows(1, first=2)}))
        unavailable(ana.get("/v1/health"))
        assert Path(database).read_bytes() == before
    assert create(ana, *rows(1, first=2)) == [2]


def test_a_file_that_is_gone_is_not_made_again_on_opening(database: str) -> None:
    Path(database).unlink()
    with pytest.raises((SchemaMismatch, StoreUnavailable)):
        open_store(database, threads=1)
    assert not Path(database).exists()


# ---- not a database ---------------------------------------------------------------------------------


def test_what_is_not_a_database_is_refused_and_left_alone(database: str) -> None:
    for content in (b"Dear diary\n" * 1000, b"\x00" * 4096, b"SQLite format 3\x00" + b"\xff" * 4080):
        Path(database).write_bytes(content)
        with pytest.raises(StoreUnavailable, match=r"not a database|cannot be opened"):
            open_store(database, threads=1)
        assert Path(database).read_bytes() == content


def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE recipe (name TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreUnavailable, match="another program"):
        open_store(str(path), threads=1)
    assert path.read_bytes() == before


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        open_store(str(tmp_path), threads=1)


def test_a_file_that_is_spoiled_while_serving_is_503_and_not_a_crash(
    ana: Client, database: str, server: Any, people: Any
) -> None:
    create(ana, *rows(500))
    server.store.maintain()
    size = Path(database).stat().st_size
    with open(database, "r+b") as file:
        file.write(b"\xff" * size)
        file.flush()
    statuses = set()
    for _ in range(3):
        answer = ana.post("/v1/contacts", {"contacts": rows(500, first=1000)})
        statuses.add(answer.status)
        answer = ana.get("/v1/contacts", query={"page": 1})
        statuses.add(answer.status)
    assert 503 in statuses
    assert statuses <= {200, 201, 503}


# ---- read-only --------------------------------------------------------------------------------------


@pytest.fixture
def read_only(
    client: Client, database: str, people: Any, open_folder: Path, settings_for: Callable[..., Settings]
) -> Iterator[tuple[Client, str]]:
    """A service on a file that its user may only read, with Ana's key, and the file's path. Use ``as_other_user``."""
    # Everything is imported by now: the other user may not read our sources.
    create(client.with_key(people.ana), *rows(1), group="VIP")
    copy = str(open_folder / "book.db")
    with closing(apsw.Connection(database)) as connection:
        connection.execute("VACUUM INTO ?", (copy,))
    with closing(apsw.Connection(copy)) as connection:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
    os.chmod(copy, 0o444)
    chosen = settings_for(copy)
    with as_other_user():
        server = build_server(chosen)
    with asyncio.Runner() as runner:
        yield Client(in_process(server.rsgi, runner.get_loop()), secret=people.ana), copy
        server.close()


def test_a_read_only_file_is_read_and_503_on_writes(read_only: tuple[Client, str]) -> None:
    ana, path = read_only
    before = Path(path).read_bytes()
    with as_other_user():
        assert get(ana, 1, include="groups")["groups"] == ["VIP"]
        writes = [
            ana.post("/v1/contacts", {"contacts": rows(1, first=2)}),
            ana.put("/v1/contacts/1", {"contact": {"city": "Lost"}}),
            ana.delete("/v1/contacts/1"),
        ]
        assert all("read-only" in unavailable(answer) for answer in writes)
        assert get(ana, 1)["city"] is None
    assert Path(path).read_bytes() == before


def test_a_folder_that_takes_no_lock_files_is_503_on_writes(
    read_only: tuple[Client, str], open_folder: Path, settings_for: Callable[..., Settings]
) -> None:
    ana, path = read_only
    with as_other_user():
        assert page(ana)["total"] == 1
    for lock in ("-next", "-turn"):
        Path(path + lock).unlink()
    open_folder.chmod(0o555)
    chosen = settings_for(path)
    with as_other_user():
        server = build_server(chosen)
    with asyncio.Runner() as runner:
        ana = Client(in_process(server.rsgi, runner.get_loop()), secret=ana.secret)
        with as_other_user():
            assert "lock files" in unavailable(ana.post("/v1/contacts", {"contacts": rows(1, first=2)}))
            assert page(ana)["total"] == 1
            assert ana.get("/v1/changes").json()["last"] > 0
        server.close()
