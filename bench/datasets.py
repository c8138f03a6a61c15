"""The datasets: Daftari's and the peer's, on both engines, made once, kept, and copied for a row that writes.

Daftari's are made over HTTP, at 10,000 contacts a call, as a program that moves to it would.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import msgspec
from msgspec import Struct

from bench.checkout import HERE, Checkout
from bench.contacts import group_name, members_of, mobile_of, texts_of
from bench.peer_data import make_postgres_peer, make_sqlite_peer, peer_url
from bench.postgres import Postgres, run_postgres
from bench.server import Server, run_daftari
from bench.settings import FOLDER, GROUPS, SMALL_ROWS, BenchFailed

Engine = Literal["SQLite", "PostgreSQL"]

PER_CALL = 10_000


class Dataset(Struct, frozen=True, kw_only=True):
    """A database with three projects: Big has ``rows`` contacts, Small 10,000, and Soak is there to be written to."""

    database: str
    rows: int
    key: str
    small_key: str
    soak_key: str


class Datasets:
    """Every dataset of a run. Each, and PostgreSQL, is made when first used; ``close`` stops what was started."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._postgres: Postgres | None = None

    def close(self) -> None:
        """Stop PostgreSQL, if it was started."""
        self._stack.close()

    @property
    def postgres(self) -> Postgres:
        """The benchmark's own server."""
        if self._postgres is None:
            self._postgres = self._stack.enter_context(run_postgres())
        return self._postgres

    def get(self, engine: Engine, *, rows: int) -> Dataset:
        """One that is only read: the kept one, unless Daftari's way to store it has changed since."""
        name = f"{engine.lower()}_{rows}"
        record = FOLDER / f"{name}.json"
        written_by = _digest_of_store()
        if record.exists():
            kept = msgspec.json.decode(record.read_bytes(), type=_Kept)
            is_there = self.postgres.has_database(name) if engine == "PostgreSQL" else _file(name).exists()
            if kept.written_by == written_by and is_there:
                return kept.dataset
        record.unlink(missing_ok=True)
        dataset = self.make(engine, name=name, rows=rows)
        record.write_bytes(msgspec.json.encode(_Kept(written_by, dataset)))
        return dataset

    def make(self, engine: Engine, *, name: str, rows: int, checkout: Checkout = HERE) -> Dataset:
        """A new one, in the place of an earlier one of that name."""
        if engine == "SQLite":
            return _fill(checkout, str(_new_file(name)), rows=rows)
        self.postgres.create_database(name)
        dataset = _fill(checkout, self.postgres.url(name), rows=rows)
        self.postgres.settle(name)
        return dataset

    def copy(self, dataset: Dataset, *, to: str) -> Dataset:
        """A copy to write to, in the place of an earlier one of that name."""
        name = f"work_{to}"
        if dataset.database.startswith("postgresql"):
            source = dataset.database.split("?")[0].rpartition("/")[2]
            self.postgres.copy_database(source, to=name)
            return msgspec.structs.replace(dataset, database=self.postgres.url(name))
        return msgspec.structs.replace(dataset, database=str(_copy_file(Path(dataset.database), to=name)))

    def peer(self, engine: Engine, *, rows: int, to: str | None = None) -> str:
        """The peer's database as SQLAlchemy names it; a copy when it is to be written to."""
        if engine == "SQLite":
            file = make_sqlite_peer(rows)
            return f"sqlite:///{file if to is None else _copy_file(file, to=f'work_{to}')}"
        name = make_postgres_peer(rows, self.postgres)
        if to is not None:
            self.postgres.copy_database(name, to=f"work_{to}")
            name = f"work_{to}"
        return peer_url(self.postgres, name)


class _Kept(Struct, frozen=True):
    written_by: str
    dataset: Dataset


def _file(name: str) -> Path:
    return FOLDER / f"{name}.db"


def _new_file(name: str) -> Path:
    """A path with no database, and nothing of an earlier one."""
    file = _file(name)
    for left in FOLDER.glob(f"{file.name}*"):
        left.unlink()
    return file


def _copy_file(file: Path, *, to: str) -> Path:
    return Path(shutil.copyfile(file, _new_file(to)))


def _digest_of_store() -> str:
    """What a kept dataset depends on: the code and the SQL that write it."""
    files = sorted(path for path in (HERE.root / "src/daftari/store").rglob("*") if path.suffix in (".py", ".sql"))
    if not files:
        raise BenchFailed("src/daftari/store has no code; a kept dataset depends on what is there.")
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _fill(checkout: Checkout, database: str, *, rows: int) -> Dataset:
    started = time.monotonic()
    checkout.run("migrate", "--database", database)
    key, small_key, soak_key = (
        checkout.run("project", "create", name, "--database", database).strip() for name in ("Big", "Small", "Soak")
    )
    with run_daftari(database=database, key=key, checkout=checkout) as server:
        _fill_project(server, rows=rows)
        small = Server(process=server.process, port=server.port, key=small_key)
        _fill_project(small, rows=SMALL_ROWS)
    print(f"  a dataset of {rows:,} contacts: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return Dataset(database=database, rows=rows, key=key, small_key=small_key, soak_key=soak_key)


def _fill_project(server: Server, *, rows: int) -> None:
    for first in range(1, rows + 1, PER_CALL):
        mobiles = map(mobile_of, range(first, min(first + PER_CALL, rows + 1)))
        contacts = [{"mobile": str(mobile), **texts_of(mobile)} for mobile in mobiles]
        server.call("POST", "/v1/contacts", {"contacts": contacts})
        if first % 1_000_000 == 1 and first > 1:
            print(f"  {first - 1:,} of {rows:,}", file=sys.stderr)
    for group in range(1, GROUPS + 1):
        server.call("POST", "/v1/groups", {"name": group_name(group)})
        join_group(server, group_name(group), members_of(group, rows))


def join_group(server: Server, name: str, ids: range) -> None:
    """Let contacts join a group."""
    for start in range(0, len(ids), PER_CALL):
        path = f"/v1/groups/{quote(name)}/contacts"
        server.call("POST", path, {"ids": list(ids[start : start + PER_CALL])})
