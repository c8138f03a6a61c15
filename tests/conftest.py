"""What every test may ask for: a fresh database of either engine, the service on it, and the people who use it.

Databases are real and migrated; each test has its own, as it was when it was migrated. ``database`` and all that is
built on it come twice, for SQLite and for PostgreSQL.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

import apsw
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from msgspec import Struct

from daftari.model.projects import KeyKind, Project
from daftari.rules.access import inbound_tokens, keys, projects
from daftari.sandbox import process as sandbox
from daftari.serving.server import Server, build_server
from daftari.settings import Settings, read_settings
from daftari.store import Store, migrate
from daftari.worker import count_threads
from tests.support import postgres
from tests.support.clients import Client, in_process, over_the_wire
from tests.support.inbound import OpenAddress
from tests.support.readers import Forks
from tests.support.stores import SECRET, open_store

MEMORY_BYTES_MIN = 4 * 1024**3
"""What the databases of a run may need, with much to spare."""
ROOT = Path(__file__).parent.parent
ENGINES = ("sqlite", "postgres")
START_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 30.0

settings.register_profile(
    "quick", max_examples=60, stateful_step_count=30, derandomize=True, deadline=None, database=None
)
settings.register_profile(
    "prove",
    max_examples=5_000,
    stateful_step_count=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("quick")

# For what tests start: commands, servers and workers read it there.
os.environ["DAFTARI_SECRET"] = SECRET

LONG_FILES = (
    *("serving/test_outages", "api/test_numbers", "worker/test_cart_races", "serving/test_serve"),
    *("console/test_imports", "worker/test_write_back_orders", "api/test_isolation", "sandbox/test_limits"),
    *("rules/test_import_kills", "store/test_queries", "rules/test_mobile", "rules/test_consent_rule"),
    *("rules/test_campaign_machine", "cli/test_import", "cli/test_campaigns", "serving/test_races"),
    *("rules/test_consent_machine", "rules/test_machine", "rules/test_import_lifecycle", "client/test_imports"),
    *("worker/test_sending", "web/test_server", "serving/test_concurrency", "rules/test_import_files"),
    *("api/test_feed_machine", "rules/test_trigger_machine"),
    *("cli/test_import_to_server", "project/test_wheel", "worker/test_sending_kills", "store/test_copy"),
)
"""Begun first, so that no process of the run is left alone with one of them in the end."""

FOLDER = pytest.StashKey[Path]()


# ---- one PostgreSQL a run ---------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """The run's folder: made by the process that was started, handed to the ones that it starts."""
    # With xdist a file is handed out when its turn comes, not when it has more tests than another.
    config.option.loadscopereorder = False
    # What tests start would ignore them too, when the run itself was started in the background.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    worker = getattr(config, "workerinput", None)
    folder = worker["daftari_folder"] if worker else tempfile.mkdtemp(prefix="daftari-tests-", dir=_memory_disk())
    config.stash[FOLDER] = Path(folder)
    if worker is None and config.option.basetemp is None:
        config.option.basetemp = str(Path(folder, "files"))


def _memory_disk() -> Path | None:
    """A file system in memory, where syncing costs nothing: most of a test's time is its commits."""
    path = Path("/dev/shm")
    if path.is_dir() and os.access(path, os.W_OK) and shutil.disk_usage(path).free > MEMORY_BYTES_MIN:
        return path
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; the others as they are."""
    turns = {name: turn for turn, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: turns.get("/".join(item.path.with_suffix("").parts[-2:]), len(turns)))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["daftari_folder"] = str(node.config.stash[FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        postgres.stop_server(config.stash[FOLDER])
        shutil.rmtree(config.stash[FOLDER])


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> str:
    """The address of the run's PostgreSQL."""
    return postgres.server_address(pytestconfig.stash[FOLDER])


@pytest.fixture(scope="session", autouse=True)
def bytecode(pytestconfig: pytest.Config) -> None:
    """What tests start keeps its bytecode in the run's folder, where none may be written next to the sources.

    A process that compiles every module needs twice the time to start, and a service has three of them.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        os.environ["PYTHONPYCACHEPREFIX"] = str(pytestconfig.stash[FOLDER] / "bytecode")


# ---- databases --------------------------------------------------------------------------------------

NewDatabase = Callable[..., str]
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    migrate(str(path))
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    name = f"daftari_{os.getpid()}_template"
    migrate(postgres.create_database(postgres_server, name))
    yield name
    postgres.drop_database(postgres_server, name)


@pytest.fixture(scope="session")
def postgres_copies(postgres_server: str, postgres_template: str) -> Iterator[postgres.Copies]:
    """Copies of the template, each used by one test after another."""
    copies = postgres.Copies(postgres_server, postgres_template, name=f"daftari_{os.getpid()}_copy")
    yield copies
    copies.close()


@pytest.fixture
def new_database(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[NewDatabase]:
    """Makes as many databases as a test wants, of the engine that it names, with this version's schema.

    ``new_database("postgres", empty=True)`` has none yet; an empty one of SQLite is a file that is not there.
    """
    copies: list[str] = []
    made: list[str] = []
    asked = request.getfixturevalue

    def make(engine: str, *, empty: bool = False) -> str:
        if engine == "sqlite":
            path = tmp_path / f"daftari_{next(_numbers)}.db"
            return str(path if empty else shutil.copy(asked("sqlite_template"), path))
        server = asked("postgres_server")
        if empty:
            made.append(f"daftari_{os.getpid()}_{next(_numbers)}")
            return postgres.create_database(server, made[-1])
        copies.append(asked("postgres_copies").take())
        return postgres.database_address(server, copies[-1])

    yield make
    for name in copies:
        asked("postgres_copies").give_back(name)
    for name in made:
        postgres.drop_database(asked("postgres_server"), name)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """``sqlite``, then ``postgres``."""
    return str(request.param)


@pytest.fixture
def database(engine: str, new_database: NewDatabase) -> str:
    """A fresh database with this version's schema and no projects."""
    return new_database(engine)


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """The store on ``database``."""
    opened = open_store(database, threads=2 * count_threads())
    yield opened
    opened.close()


@pytest.fixture
def change(database: str) -> Callable[[str], None]:
    """Changes the database behind the store's back."""

    def change(sql: str) -> None:
        if database.startswith("postgresql://"):
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute(sql.encode())
        else:
            apsw.Connection(database).execute(sql)

    return change


# ---- files ------------------------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def quick_readers() -> Iterator[None]:
    """The processes that read files for this one start quickly."""
    forks = Forks()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "subprocess", forks)
        yield
    forks.close()


@pytest.fixture
def started_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are started as the product starts them, for tests of just that."""
    monkeypatch.setattr(sandbox, "subprocess", subprocess)


# ---- people -----------------------------------------------------------------------------------------


class People(Struct, frozen=True):
    """Three keys and the two projects that they belong to."""

    shopify: Project
    kalro: Project
    ana: str
    ben: str
    chao: str


@pytest.fixture(scope="session")
def introduce() -> Callable[[Store], People]:
    """Brings Ana, Ben and Chao into a database."""

    def introduce(store: Store) -> People:
        now = time.time_ns() // 1000

        def project(name: str) -> Project:
            return store.system_write(
                now, projects.create_project, name=name, region="KE", on_error="refuse", first_id=1
            )

        def key(project: Project, label: str, kind: KeyKind) -> str:
            secret, _ = store.system_write(
                now, keys.create_key, project=project, label=label, kind=kind, expires_at=None
            )
            return secret

        shopify, kalro = project("Shopify"), project("Kalro")
        return People(
            shopify,
            kalro,
            ana=key(shopify, "Ana", "manage"),
            ben=key(shopify, "Ben", "read"),
            chao=key(kalro, "Chao", "manage"),
        )

    return introduce


@pytest.fixture
def people(store: Store, introduce: Callable[[Store], People]) -> People:
    """Ana, Ben and Chao, in ``database``."""
    return introduce(store)


# ---- the service, in this process -------------------------------------------------------------------


@pytest.fixture
def settings_for(tmp_path: Path) -> Callable[..., Settings]:
    """The settings of a service on a database: ``settings_for(database, public_url=…)``."""

    def settings_for(database: str, **options: object) -> Settings:
        return read_settings(
            {"database": database, "secret": SECRET, **options}, config=None, environ={}, folder=tmp_path
        )

    return settings_for


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The event loop on which the server is called."""
    with asyncio.Runner() as runner:
        yield runner.get_loop()


@pytest.fixture
def build(settings_for: Callable[..., Settings], loop: asyncio.AbstractEventLoop) -> Iterator[Callable[[str], Server]]:
    """The whole service on a database, as each server process builds it and gives it up."""
    made: dict[str, Server] = {}

    def build(database: str) -> Server:
        if database not in made:
            made[database] = build_server(settings_for(database))
        return made[database]

    yield build
    for server in made.values():
        server.rsgi.__rsgi_del__(loop)


@pytest.fixture
def server(database: str, build: Callable[[str], Server]) -> Server:
    """The service on ``database``."""
    return build(database)


@pytest.fixture
def open_client(build: Callable[[str], Server], loop: asyncio.AbstractEventLoop) -> Callable[[str], Client]:
    """Opens a client of the service on a database, for tests with several: ``open_client(database)``."""
    return lambda database: Client(in_process(build(database).rsgi, loop))


@pytest.fixture
def client(server: Server, loop: asyncio.AbstractEventLoop) -> Client:
    """A client without a key; its requests take the way that Granian's would, all but the socket."""
    return Client(in_process(server.rsgi, loop))


@pytest.fixture
def ana(client: Client, people: People) -> Client:
    """Owns the project Shopify."""
    return client.with_key(people.ana)


@pytest.fixture
def ben(client: Client, people: People) -> Client:
    """May read the project Shopify."""
    return client.with_key(people.ben)


@pytest.fixture
def chao(client: Client, people: People) -> Client:
    """Owns another project, Kalro."""
    return client.with_key(people.chao)


@pytest.fixture
def open_address(store: Store, people: Any) -> OpenAddress:
    """Makes an inbound address of Ana's project: ``open_address("twilio", secret=…)`` is its path."""

    def open_address(provider: str = "generic", **given: str) -> str:
        token, _ = store.system_write(
            time.time_ns() // 1000,
            inbound_tokens.create_token,
            project=people.shopify,
            provider=provider,
            label="",
            signing_secret=given.get("secret"),
            verify_token=given.get("verify_token"),
        )
        return f"/v1/inbound/{provider}/{token}"

    return open_address


@pytest.fixture
def address(open_address: OpenAddress) -> str:
    """An address for our own JSON, which needs no signature."""
    return open_address()


# ---- the service, as people run it ------------------------------------------------------------------


class Live(Struct, frozen=True):
    """A server that runs: its address, its process, and a client without a key."""

    url: str
    process: subprocess.Popen[str]
    client: Client


Serve = Callable[..., Live]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts ``daftari serve`` on a free port: ``serve(database, "--workers", "2")``. All are stopped at the end."""
    with ExitStack() as started:
        yield lambda database, *options: started.enter_context(serving(tmp_path, database, *options))


@contextmanager
def serving(folder: Path, database: str, *options: str, terminal: TextIO | None = None) -> Iterator[Live]:
    """``daftari serve`` on a free port, until the block ends. What it says goes to a terminal, or to a file."""
    port = free_port()
    command = [sys.executable, "-m", "daftari", "serve", "--database", database, "--port", str(port), *options]
    log = folder / f"serve-{port}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=terminal or out,
            text=True,
        )
    try:
        client = Client(over_the_wire(f"http://127.0.0.1:{port}"))
        _wait_until_ready(client, process, log)
        yield Live(f"http://127.0.0.1:{port}", process, client)
    finally:
        _stop(process)


@pytest.fixture
def live(database: str, people: People, serve: Serve) -> Live:
    """A server on ``database``, with Ana, Ben and Chao in it: ``live.client.with_key(people.ana)``."""
    return serve(database)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _environment() -> dict[str, str]:
    """This process's, with our sources and none of its settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAFTARI_")}
    return kept | {"PYTHONPATH": str(ROOT / "src"), "DAFTARI_SECRET": SECRET}


def _wait_until_ready(client: Client, process: subprocess.Popen[str], log: Path) -> None:
    end = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < end and process.poll() is None:
        try:
            if client.get("/v1/health").status == 200:
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"daftari serve did not answer; it said:\n{log.read_text()}")


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            pytest.fail("daftari serve did not stop when asked")
