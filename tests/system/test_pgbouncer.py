"""PgBouncer between the service and PostgreSQL: it may pool sessions or transactions; statements are refused."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from daftari.connectors.sql import Allowed, SqlColumns, SqlSettings, open_connector
from daftari.store import Store
from tests.conftest import ROOT, NewDatabase, People, Serve, free_port
from tests.support.builders import assert_sound, groups, may_message, mobile, page, rows
from tests.support.clients import Answer
from tests.support.commands import runner_for
from tests.support.import_files import counted, sent
from tests.support.sql_shops import ids_of, read_all
from tests.support.waiting import wait_for
from tests.system.conftest import Run, find_program

THREADS = 8
PASSWORD = "the right one"

Pool = Callable[..., str]


@pytest.fixture
def engine() -> str:
    return "postgres"


@pytest.fixture
def pool(run: Run, database: str, tmp_path: Path) -> Pool:
    """Starts PgBouncer in front of ``database``: the address of the same database there, ``pool("transaction")``."""
    place = urlsplit(database)
    (folder,) = parse_qs(place.query).get("host", [""])
    host = folder or place.hostname or "localhost"
    # It does not run as root, and reaches PostgreSQL's socket as the user who owns it.
    owner = pwd.getpwuid(os.stat(folder).st_uid).pw_name if folder else "nobody"

    def pool(mode: str, *, size: int = 4, auth: str = "any") -> str:
        port = free_port()
        users = tmp_path / "users.txt"
        users.write_text(f'"{place.username}" "{PASSWORD}"\n')
        configuration = tmp_path / "pgbouncer.ini"
        configuration.write_text(
            f"[databases]\n* = host={host} port={place.port or 5432} user={place.username}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = {auth}\n"
            f"auth_file = {users}\npool_mode = {mode}\ndefault_pool_size = {size}\nmax_client_conn = 400\n"
        )
        for path in (tmp_path, users, configuration):
            os.chmod(path, 0o755)
        as_user = ("-u", owner) if os.geteuid() == 0 else ()
        run(find_program("pgbouncer", package="pgbouncer"), *as_user, str(configuration), port=port)
        return f"postgresql://{place.username}:{'wrong' if auth != 'any' else ''}@127.0.0.1:{port}{place.path}"

    return pool


@pytest.mark.parametrize(("mode", "size"), [("session", 100), ("transaction", 4)])
def test_the_whole_service_works_while_sessions_or_transactions_are_pooled(
    pool: Pool, serve: Serve, database: str, people: People, store: Store, mode: str, size: int
) -> None:
    pooled = pool(mode, size=size)
    ana = serve(pooled, "--workers", "2").client.with_key(people.ana)

    def work(worker: int) -> None:
        for turn in range(6):
            first = 1 + worker * 100 + turn * 10
            _patiently(partial(ana.post, "/v1/contacts", {"contacts": rows(10, first=first), "group": f"G{worker}"}))
            _patiently(partial(ana.put, f"/v1/contacts/{mobile(first)}", {"contact": {"city": "Kisii"}}))
            _patiently(partial(ana.post, "/v1/opt-outs", {"mobiles": [mobile(first + 1)], "source": "form"}))
            assert may_message(ana, mobile(first), mobile(first + 1)) == [True, False]
            assert page(ana, group=f"G{worker}")["total"] == 9 * (turn + 1)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(work, range(THREADS)))
    assert groups(ana) == {f"G{worker}": 54 for worker in range(THREADS)}
    number = sent(ana, b"mobile,groups\n" + b"".join(b"%b,File\n" % mobile(2_000 + n).encode() for n in range(2_500)))
    wait_for(lambda: counted(ana, number) == {"created": 2_500})
    export = ana.post("/v1/exports", {"format": "csv"}).json()["export"]["id"]
    wait_for(lambda: ana.get(f"/v1/exports/{export}").json()["export"]["state"] == "done")
    assert ana.post("/v1/erasures", {"mobile": mobile(2_000)}).status == 201
    assert runner_for(pooled)("check").exit_code == 0
    assert_sound(store, people.shopify)


def _patiently(call: Callable[[], Answer]) -> None:
    def is_done() -> bool:
        answer = call()
        assert answer.status in (200, 201, 503), answer.body
        return answer.status != 503

    wait_for(is_done)


def test_a_new_database_is_migrated_through_a_pooler(pool: Pool, new_database: NewDatabase) -> None:
    empty = new_database("postgres", empty=True)
    pooled = pool("transaction").rpartition("/")[0] + urlsplit(empty).path
    assert "Migration 1 applied." in runner_for(pooled)("migrate").stderr
    assert runner_for(pooled)("project", "create", "Shopify").exit_code == 0


@pytest.mark.parametrize(
    ("mode", "auth", "why"),
    [
        ("statement", "any", "transaction blocks not allowed in statement pooling mode"),
        ("transaction", "md5", "password authentication failed"),
    ],
)
def test_what_waiting_cannot_correct_ends_the_start_with_a_sentence(
    pool: Pool, database: str, tmp_path: Path, mode: str, auth: str, why: str
) -> None:
    command = [sys.executable, "-m", "daftari", "serve", "--port", "0", "--database", pool(mode, auth=auth)]
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_connection_reads_a_table_and_leaves_the_session_as_it_was(pool: Pool, new_database: NewDatabase) -> None:
    """The one session of the server is another client's next, who may have to write."""
    shop = urlsplit(new_database("postgres", empty=True))
    pooled = urlsplit(pool("transaction", size=1))
    settings = SqlSettings(
        kind="postgresql",
        host="127.0.0.1",
        port=pooled.port or 0,
        database=shop.path[1:],
        user=pooled.username or "",
        table="customers",
        columns=SqlColumns("id", "updated_at"),
    )
    with psycopg.connect(pooled._replace(path=shop.path).geturl(), autocommit=True) as other:
        other.prepare_threshold = None
        other.execute("CREATE TABLE customers (id int PRIMARY KEY, updated_at timestamptz DEFAULT now())")
        other.execute("INSERT INTO customers VALUES (1)")
        allowed = Allowed(hosts=frozenset({("127.0.0.1", settings.port)}))
        connector = open_connector(settings, password="", fields=(), allowed=allowed)
        _, page = read_all(connector)
        other.execute("INSERT INTO customers VALUES (2)")
        assert ids_of(read_all(connector, page.cursor)[0]) == ["1", "2"]
        connector.close()
