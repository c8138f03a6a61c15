"""The epoch: it stays while a database continues, and changes when the database is another one or an earlier one."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from daftari.model.projects import NO_PROJECT
from daftari.store import Store, migrate
from daftari.store.copy.run import copy_database
from daftari.store.sqlite import EPOCH_SECONDS
from tests.conftest import NewDatabase
from tests.support import calls
from tests.support.calls import NOW
from tests.support.stores import SECRET, open_store

FILES = ("", "-wal", "-shm")


def epoch_of(store: Store) -> str:
    return store.read(NO_PROJECT, NOW, lambda tx: tx.epoch())


def epoch_at(database: str) -> str:
    with closing(open_store(database, threads=1)) as store:
        return epoch_of(store)


def write(database: str, name: str = "VIP") -> None:
    with closing(open_store(database, threads=1)) as store:
        calls.create_group(store, calls.create_project(store, name), name)


def test_every_process_finds_the_same_epoch_at_every_start(database: str) -> None:
    with closing(open_store(database, threads=1)) as one, closing(open_store(database, threads=1)) as other:
        assert epoch_of(one) == epoch_of(other)
        before = epoch_of(one)
    write(database)
    assert epoch_at(database) == before


def test_a_copy_has_an_epoch_of_its_own(database: str, engine: str, new_database: NewDatabase) -> None:
    write(database)
    for target in (new_database("sqlite", empty=True), new_database("postgres", empty=True)):
        copy_database(
            database, target, secret=SECRET, secret_file=None, should_stop=lambda: False, note=lambda progress: None
        )
        assert epoch_at(target) != epoch_at(database)
        assert epoch_at(target) == epoch_at(target)


# ---- SQLite: a file next to the database ------------------------------------------------------------


@pytest.fixture
def file(new_database: NewDatabase) -> Path:
    """A database with one project and one change in its feed."""
    database = new_database("sqlite")
    write(database)
    return Path(database)


def back_up(file: Path) -> Path:
    return Path(shutil.copy(file, file.with_name("backup")))


def bring_back(backup: Path, file: Path) -> None:
    for suffix in FILES:
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    shutil.copy(backup, file)


def test_an_earlier_file_that_is_brought_back_has_another_epoch(file: Path) -> None:
    before = epoch_at(str(file))
    with closing(open_store(str(file), threads=1)) as store:
        project = calls.create_project(store, "Kalro")
        calls.create_group(store, project, "New")
    backup = back_up(file)
    with closing(open_store(str(file), threads=1)) as store:
        calls.create_group(store, project, "Newer")
        assert epoch_of(store) == before
    bring_back(backup, file)
    restored = epoch_at(str(file))
    assert restored != before
    assert epoch_at(str(file)) == restored


def test_a_file_that_is_copied_without_its_epoch_has_another_one(file: Path, tmp_path: Path) -> None:
    before = epoch_at(str(file))
    other = tmp_path / "other.db"
    shutil.copy(file, other)
    assert epoch_at(str(other)) != before
    assert epoch_at(str(file)) == before


@pytest.mark.parametrize("written", ["", "{", '{"epoch":1}', '{"epoch":"a"}'])
def test_an_epoch_that_cannot_be_read_is_replaced(file: Path, written: str) -> None:
    before = epoch_at(str(file))
    Path(f"{file}.epoch").write_text(written)
    assert epoch_at(str(file)) not in (before, "a")


def test_a_project_that_is_gone_is_no_sign_of_a_restore(file: Path) -> None:
    before = epoch_at(str(file))
    kept = json.loads(Path(f"{file}.epoch").read_text())
    kept["next_changes"]["99"] = 1_000
    Path(f"{file}.epoch").write_text(json.dumps(kept))
    assert epoch_at(str(file)) == before


def test_how_far_the_feeds_are_is_noted_while_the_service_runs(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert EPOCH_SECONDS >= 1
    monkeypatch.setattr("daftari.store.sqlite.EPOCH_SECONDS", 0.0)
    with closing(open_store(str(file), threads=1)) as store:
        project = calls.create_project(store, "Kalro")
        calls.create_group(store, project, "New")
        store.maintain()
        assert json.loads(Path(f"{file}.epoch").read_text())["next_changes"][str(project.id)] == 2


def test_only_the_owner_reads_the_file_of_the_epoch(file: Path) -> None:
    assert os.stat(f"{file}.epoch").st_mode & 0o777 == 0o600


# ---- PostgreSQL: what the server knows ---------------------------------------------------------------


def test_a_database_that_is_made_again_from_a_dump_has_another_epoch(new_database: NewDatabase) -> None:
    database = new_database("postgres", empty=True)
    migrate(database)
    before = epoch_at(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE restored (LIKE system INCLUDING ALL)")
        connection.execute("INSERT INTO restored SELECT * FROM system")
        connection.execute("DROP TABLE system")
        connection.execute("ALTER TABLE restored RENAME TO system")
    assert epoch_at(database) != before


def test_a_user_who_owns_only_the_database_finds_its_epoch(new_database: NewDatabase) -> None:
    database = new_database("postgres", empty=True)
    migrate(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE reader NOSUPERUSER")
        connection.execute("SET ROLE reader")
        found = connection.execute("SELECT timeline_id FROM pg_control_checkpoint()").fetchone()
        assert found is not None
        connection.execute("RESET ROLE")
        connection.execute("DROP ROLE reader")
