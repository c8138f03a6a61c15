"""The files of a SQLite database are only for their owner, whatever the umask; files that others may read are found."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from stat import S_IMODE

import apsw
import pytest

from daftari.store import list_exposed_files
from daftari.store.sqlite import connect
from tests.conftest import ROOT


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, as the one that pytest gives is not."""
    with tempfile.TemporaryDirectory(prefix="daftari-test-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def run_daftari(folder: Path, *words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "daftari", *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src")},
        umask=0,
        check=True,
        capture_output=True,
    )


def modes(folder: Path) -> dict[str, int]:
    return {path.name: S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def test_every_file_of_a_database_is_its_owners_only(open_folder: Path) -> None:
    run_daftari(open_folder, "migrate")
    run_daftari(open_folder, "project", "create", "Shopify", "--region", "KE")
    run_daftari(open_folder, "export", "--project", "Shopify", "--output", "people.csv")
    run_daftari(open_folder, "copy", "--from", "daftari.db", "--to", "copy.db")
    connection = connect(open_folder / "daftari.db", cache_kib=1_000, create=False)
    connection.execute("SELECT * FROM project").fetchall()
    found = modes(open_folder)
    connection.close()
    assert {"daftari.db-wal", "daftari.db-shm", "daftari.db.secret", "copy.db", "people.csv"} <= found.keys()
    assert {name: mode for name, mode in found.items() if mode != 0o600} == {}


def test_an_empty_file_becomes_the_owners_only_before_it_is_a_database(open_folder: Path) -> None:
    (open_folder / "daftari.db").touch(0o666)
    run_daftari(open_folder, "migrate")
    assert modes(open_folder)["daftari.db"] == 0o600


def test_the_log_and_the_shared_memory_have_the_mode_of_the_database(open_folder: Path) -> None:
    path = open_folder / "other.db"
    path.touch(0o600)
    before = os.umask(0)
    try:
        connection = apsw.Connection(str(path))
        connection.execute("PRAGMA journal_mode = WAL; CREATE TABLE a (b)").fetchall()
    finally:
        os.umask(before)
    assert modes(open_folder) == {"other.db": 0o600, "other.db-wal": 0o600, "other.db-shm": 0o600}
    connection.close()


@pytest.mark.parametrize(
    ("mode", "folder_mode", "is_exposed"),
    [
        (0o600, 0o755, False),
        (0o640, 0o755, True),
        (0o644, 0o755, True),
        (0o602, 0o755, True),
        (0o644, 0o700, False),
        (0o604, 0o750, False),
        (0o640, 0o750, True),
    ],
)
def test_a_file_that_others_may_read_is_found(open_folder: Path, mode: int, folder_mode: int, is_exposed: bool) -> None:
    path = open_folder / "daftari.db"
    for name in ("daftari.db", "daftari.db-wal", "daftari.db.secret"):
        (open_folder / name).touch()
        (open_folder / name).chmod(mode)
    open_folder.chmod(folder_mode)
    found = list_exposed_files(str(path), secret_file=None)
    assert [file.name for file in found] == (
        ["daftari.db", "daftari.db-wal", "daftari.db.secret"] if is_exposed else []
    )
    (open_folder / "elsewhere").touch(0o666)
    (open_folder / "elsewhere").chmod(0o644)
    given = list_exposed_files("postgresql://host/name", secret_file=str(open_folder / "elsewhere"))
    assert bool(given) is (folder_mode != 0o700)
