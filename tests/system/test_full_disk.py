"""Exports on a disk that is full: a small file system of its own holds the file while it is made."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, People
from tests.support.builders import create, rows, rows_of
from tests.support.clients import Client
from tests.support.waiting import wait_for
from tests.system.conftest import find_program

DISK_KIB = 64


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    if os.geteuid() != 0:
        pytest.fail("a file system can be mounted only as root: run 'make test-system' as root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = find_program("mount", package="mount")
    subprocess.run([mount, "-t", "tmpfs", "-o", f"size={DISK_KIB}k", "tmpfs", folder], check=True)
    yield folder
    subprocess.run([find_program("umount", package="mount"), "--lazy", folder], check=True)


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Ends a process with the block, however that ends."""
    try:
        yield
    finally:
        process.terminate()


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_an_export_that_meets_a_full_disk_is_made_once_there_is_space(
    ana: Client, database: str, people: People, small_disk: Path, tmp_path: Path, format: str
) -> None:
    create(ana, *rows(5_000))
    asked = ana.post("/v1/exports", {"format": format}).json()["export"]["id"]

    def show() -> Any:
        return ana.get(f"/v1/exports/{asked}").json()["export"]

    environ = os.environ | {"PYTHONPATH": str(ROOT / "src"), "TMPDIR": str(small_disk)}
    command = [sys.executable, "-m", "daftari", "worker", "--database", database]
    with subprocess.Popen(command, cwd=tmp_path, env=environ, start_new_session=True) as worker, ended(worker):
        wait_for(lambda: show()["error"] is not None)
        shown = show()
        assert shown["state"] == "queued"
        assert shown["error"].startswith("The worker's disk is full; free some space. It is tried again at ")
        assert ana.get(f"/v1/exports/{asked}/file").json()["error_code"] == "EXPORT_NOT_READY"
        assert rows_of(database, "SELECT COUNT(*) FROM file_part") == [(0,)]
        # Other exports are made meanwhile, if they fit.
        ana.post("/v1/groups", {"name": "Empty"})
        small = ana.post("/v1/exports", {"format": "csv", "group": "Empty"}).json()["export"]["id"]
        wait_for(lambda: ana.get(f"/v1/exports/{small}").json()["export"]["state"] == "done")
        subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
        wait_for(lambda: show()["state"] == "done")
    assert worker.returncode == 0
    assert (show()["rows"], show()["error"]) == (5_000, None)
    head = ana.call("HEAD", f"/v1/exports/{asked}/file")
    assert int(head.headers["content-length"]) == show()["bytes"] > 1024 * DISK_KIB
    assert not list(small_disk.iterdir())
