"""The books: Daftari's and the peer's, on both engines, made once, kept, and copied for whoever writes.

Daftari's are built through its own rules and store, at 10,000 contacts a call, as a program that imports would.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import msgspec
from msgspec import Struct

from bench import peerbook
from bench.people import CREATED_AT, group_name, mobile_of, texts_of
from bench.plan import FOLDER, GROUPS, HOME, SECRET, SMALL_ROWS, Plan
from bench.postgres import Postgres, run_postgres
from daftari.model.limits import CONTACTS_PER_CALL_MAX
from daftari.model.projects import Actor
from daftari.rules.access.keys import create_key
from daftari.rules.access.projects import create_project
from daftari.rules.contacts.contacts import create_contacts
from daftari.rules.contacts.groups import create_group, join_group
from daftari.rules.contacts.parse import Rows, read_contacts
from daftari.store import Store, SystemTx, migrate, open_store

ACTOR = Actor(None, "bench")


class Book(Struct, frozen=True, kw_only=True):
    """A database with three projects: Big has ``rows`` contacts, Small 10,000, and Soak is there to be written to."""

    database: str
    rows: int
    project_id: int
    key: str
    small_key: str
    soak_key: str


class Books:
    """Every book of a run. Each, and PostgreSQL, is made when first asked for; ``close`` ends what was started."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._stack = ExitStack()
        self._postgres: Postgres | None = None

    def close(self) -> None:
        """Stop what was started."""
        self._stack.close()

    @property
    def postgres(self) -> Postgres:
        """The bench's own server."""
        if self._postgres is None:
            self._postgres = self._stack.enter_context(run_postgres())
        return self._postgres

    def sqlite(self, rows: int) -> Book:
        """A file that is only read."""
        return _kept(f"sqlite-{rows}", Path.exists, lambda name: _make_sqlite(name, rows))

    def on_postgres(self, rows: int) -> Book:
        """A database that is only read."""
        postgres = self.postgres
        return _kept(f"postgres-{rows}", lambda _: True, lambda name: _make_postgres(postgres, name, rows))

    def empty_sqlite(self) -> Book:
        """A file with the projects and nobody in Big."""
        return _kept("sqlite-0", Path.exists, lambda name: _make_sqlite(name, 0))

    def empty_postgres(self) -> Book:
        """A database with the projects and nobody in Big."""
        postgres = self.postgres
        return _kept("postgres-0", lambda _: True, lambda name: _make_postgres(postgres, name, 0))

    def copy(self, book: Book, *, to: str) -> Book:
        """The same book under another name, to be written to."""
        if book.database.startswith("postgresql"):
            source = book.database.split("?")[0].rpartition("/")[2]
            self.postgres.copy_database(source, to=f"work_{to}")
            return msgspec.structs.replace(book, database=self.postgres.url(f"work_{to}"))
        return msgspec.structs.replace(book, database=str(_copy_file(Path(book.database), to=f"work-{to}")))

    def peer_sqlite(self, *, to: str | None = None) -> str:
        """The peer's file as SQLAlchemy names it; a copy when it is to be written to."""
        file = peerbook.make_sqlite_peer(self._plan)
        return f"sqlite:///{file if to is None else _copy_file(file, to=f'work-{to}')}"

    def peer_postgres(self, *, to: str | None = None) -> str:
        """The peer's database as SQLAlchemy names it; a copy when it is to be written to."""
        name = peerbook.make_postgres_peer(self._plan, self.postgres)
        if to is not None:
            self.postgres.copy_database(name, to=f"work_{to}")
            name = f"work_{to}"
        return peerbook.peer_url(self.postgres, name)


def _copy_file(file: Path, *, to: str) -> Path:
    copy = FOLDER / f"{to}.db"
    for left in FOLDER.glob(f"{copy.name}*"):
        left.unlink()
    shutil.copyfile(file, copy)
    return copy


def _kept(kind: str, is_there: Callable[[Path], bool], make: Callable[[str], Book]) -> Book:
    """The book of a kind and of this schema: its record is written last, so what has one is whole."""
    name = f"{kind}-{_schema()}"
    record = FOLDER / f"{name}.json"
    if record.exists():
        book = msgspec.json.decode(record.read_bytes(), type=Book)
        if is_there(Path(book.database)):
            return book
    FOLDER.mkdir(parents=True, exist_ok=True)
    book = make(name)
    record.write_bytes(msgspec.json.encode(book))
    return book


def _schema() -> str:
    """What a kept book depends on: the migrations of both engines and the shape of a card."""
    folder = HOME / "src" / "daftari" / "store"
    texts = [file.read_bytes() for file in sorted((folder / "migrations").rglob("*.sql"))]
    texts.append((folder / "contacts.py").read_bytes().partition(b"CARD_VERSION = ")[2].splitlines()[0])
    texts.append((folder / "directory.py").read_bytes().partition(b"LEVEL_SHIFTS = ")[2].splitlines()[0])
    return hashlib.sha256(b"".join(texts)).hexdigest()[:8]


def _make_sqlite(name: str, rows: int) -> Book:
    file = FOLDER / f"{name}.db"
    for left in FOLDER.glob(f"{file.name}*"):
        left.unlink()
    return _fill(str(file), rows=rows, what=name)


def _make_postgres(postgres: Postgres, name: str, rows: int) -> Book:
    database = name.replace("-", "_")
    postgres.create_database(database)
    book = _fill(postgres.url(database), rows=rows, what=name)
    postgres.settle(database)
    return book


def _fill(database: str, *, rows: int, what: str) -> Book:
    migrate(database)
    store = open_store(database, threads=1, secret=SECRET)
    try:
        project_id, key = store.system_write(_open_project, name="Big")
        small_id, small_key = store.system_write(_open_project, name="Small")
        _, soak_key = store.system_write(_open_project, name="Soak")
        started = time.monotonic()
        _fill_project(store, small_id, rows=SMALL_ROWS, what="")
        if rows:
            _fill_project(store, project_id, rows=rows, what=what)
        print(f"  {what}: {rows:,} contacts in {time.monotonic() - started:.0f} s", file=sys.stderr)
    finally:
        store.close()
    return Book(database=database, rows=rows, project_id=project_id, key=key, small_key=small_key, soak_key=soak_key)


def _open_project(tx: SystemTx, *, name: str) -> tuple[int, str]:
    project = create_project(tx, name=name, region="KE", on_error="refuse", first_id=1, now=CREATED_AT)
    secret, _ = create_key(tx, project=project, label="bench", read_only=False, expires_at=None, now=CREATED_AT)
    return project.id, secret


def _fill_project(store: Store, project_id: int, *, rows: int, what: str) -> None:
    batch = CONTACTS_PER_CALL_MAX
    for first in range(1, rows + 1, batch):
        numbers = range(first, min(first + batch, rows + 1))
        store.write(
            project_id,
            ACTOR,
            create_contacts,
            rows=_rows(numbers),
            group=None,
            skip=False,
            results=False,
            now=CREATED_AT,
        )
        if what and first % 1_000_000 == 1:
            print(f"  {what}: {first - 1:,} of {rows:,}", file=sys.stderr)
    for group in range(1, GROUPS + 1):
        store.write(project_id, ACTOR, create_group, name=group_name(group), now=CREATED_AT)
        members = peerbook.members_of(group, rows)
        for at in range(0, len(members), batch):
            ids = list(members[at : at + batch])
            store.write(project_id, ACTOR, join_group, name=group_name(group), ids=ids, mobiles=[], now=CREATED_AT)


def _rows(numbers: range) -> Rows:
    """People as a create gets them: written as JSON, and read by the rule that reads every create."""
    given = [{"mobile": str(mobile), **texts_of(mobile)} for mobile in map(mobile_of, numbers)]
    return read_contacts(msgspec.json.encode(given), field="contacts", region="KE", now=CREATED_AT)
