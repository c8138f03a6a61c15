"""The distributions of the server: what they contain, and that what they install runs.

The source archive is built from this tree, the wheel from the archive, and the wheel is installed into a new
environment that has the dependencies and nothing of this tree.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import tarfile
import time
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pathspec import PathSpec

import daftari
from tests.support.clients import Client, over_the_wire

ROOT = Path(__file__).parent.parent.parent
SOURCES = (ROOT / "src" / "daftari", ROOT / "clients" / "python" / "src" / "daftari_client")
SECONDS_MAX = 60.0
BUILD = (sys.executable, "-m", "hatchling", "build", "--target")


def _environment() -> dict[str, str]:
    """This process's, without its settings and its paths of Python."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("DAFTARI_", "PYTHON"))}


def _run(*command: str | Path, folder: Path) -> str:
    """The standard output of a command that ends well."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the source archive, unpacked."""
    folder = tmp_path_factory.mktemp("source")
    _run(*BUILD, "sdist", "--directory", folder, folder=ROOT)
    with tarfile.open(folder / f"daftari-{daftari.__version__}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / f"daftari-{daftari.__version__}"


@pytest.fixture(scope="module")
def wheel(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source archive."""
    folder = tmp_path_factory.mktemp("dist")
    _run(*BUILD, "wheel", "--directory", folder, folder=unpacked)
    (built,) = folder.glob(f"daftari-{daftari.__version__}-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    _run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel, folder=folder)
    # The dependencies are those that are here; a path in a .pth file brings no editable installs along.
    (site_packages,) = folder.glob("lib/python*/site-packages")
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return python.parent


def test_the_source_archive_has_every_file_of_the_sources(unpacked: Path) -> None:
    """So that ``make test`` runs in it. The files that Git itself reads are no part of the sources."""
    ignored = PathSpec.from_lines("gitignore", (ROOT / ".gitignore").read_text().splitlines())
    tops = (path for path in ROOT.iterdir() if path.name != ".git" and not path.is_symlink())
    files = (path for top in tops for path in (top.rglob("*") if top.is_dir() else (top,)) if path.is_file())
    names = {path.relative_to(ROOT).as_posix() for path in files}
    wanted = {name for name in names if not ignored.match_file(name) and not name.startswith(".gitattr")}
    assert wanted <= {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*")}
    script = unpacked / ".ci" / "run"
    assert os.access(script, os.X_OK)


BUILDERS = (
    *(f"daftari/api/reference/{name}" for name in ("builder.py", "records.py", "texts/")),
    "daftari/console/locale/extract.py",
)
"""What the OpenAPI document and the translations are built from. Servers read these, and need none of it."""


def test_the_wheel_contains_both_packages_and_nothing_else(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {
        path.relative_to(source.parent).as_posix()
        for source in SOURCES
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == {name for name in wanted if not name.startswith(BUILDERS)} < wanted


def test_what_is_imported_is_what_was_installed(installed: Path) -> None:
    shown = _run(
        installed / "python",
        "-c",
        "import daftari, daftari_client; print(daftari.__file__, daftari_client.__file__, sep='\\n')",
        folder=installed,
    )
    assert all(Path(line).is_relative_to(installed.parent) for line in shown.splitlines())


def test_the_client_is_importable_without_the_server(installed: Path) -> None:
    asked = "import sys, daftari_client; print([name for name in sys.modules if name.partition('.')[0] == 'daftari'])"
    assert _run(installed / "python", "-c", asked, folder=installed).strip() == "[]"


def test_the_installed_commands_show_help_serve_and_import(installed: Path, tmp_path: Path) -> None:
    assert "import " in _run(installed / "daftari", "--help", folder=tmp_path)
    (tmp_path / "people.csv").write_text("phone,first name\n0722000001,Suzan\n0722000002,Lucy\n")
    with _served(installed, tmp_path) as (url, key):
        _run(installed / "daftari", "import", "people.csv", "--url", url, "--key", key, folder=tmp_path)
        book = Client(over_the_wire(url)).with_key(key)
        listed = book.get("/v1/contacts").json()["contacts"]["data"]
        console = over_the_wire(url)("GET", "/sign-in", [("accept-language", "sw")], None)
        (style,) = re.findall(r'href="(/static/style[^"]+)"', console.body.decode())
        assert over_the_wire(url)("GET", style, [], None).status == 200
    assert [contact["mobile"] for contact in listed] == ["254722000001", "254722000002"]
    assert "<h1>Ingia</h1>" in console.body.decode()


def test_the_extra_for_databases_installs(installed: Path, wheel: Path) -> None:
    pip = (sys.executable, "-m", "pip", "--python", installed / "python", "install", "--no-index")
    shown = _run(*pip, f"daftari[sql] @ {wheel.as_uri()}", folder=installed)
    assert "sqlalchemy" in shown and "pymysql" in shown


WITHOUT_EXTRA = """
import sys
sys.modules |= {"sqlalchemy": None, "pymysql": None}
from daftari.cli import main
main()
"""


def test_without_the_extra_a_connection_to_a_database_says_what_to_install(installed: Path, tmp_path: Path) -> None:
    def run(*words: str, code: int = 0) -> str:
        command = (installed / "python", "-c", WITHOUT_EXTRA, *words, "--database", "d.db")
        done = subprocess.run(command, cwd=tmp_path, env=_environment(), capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done.stderr

    run("migrate")
    run("project", "create", "Shopify")
    place = ("--setting", f"database={tmp_path}/shop.db", "--setting", "table=people")
    columns = ("--setting", 'columns={"id": "id"}', "--field", "phone=mobile")
    run("connection", "add", "sqlite", "--name", "shop", *place, *columns)
    said = run("connection", "check", "shop", code=1)
    assert said == 'Reading databases needs sqlalchemy: pip install "daftari[sql]", then start Daftari again.\n'


@contextmanager
def _served(installed: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """The address of a server on a new SQLite file, and a key of its project Demo."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    log, url = folder / "serve.log", f"http://127.0.0.1:{port}"
    command = [installed / "daftari", "serve", "--demo", "--port", str(port)]
    with log.open("w") as out:
        process = subprocess.Popen(
            command, cwd=folder, env=_environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        yield url, _wait_for_key(process, log, url)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS_MAX) == 0, log.read_text()


def _wait_for_key(process: subprocess.Popen[bytes], log: Path, url: str) -> str:
    client, end = Client(over_the_wire(url)), time.monotonic() + SECONDS_MAX
    while process.poll() is None and time.monotonic() < end:
        key = re.search(r"Bearer ([\w-]+)", log.read_text())
        try:
            if key is not None and client.get("/v1/health").status == 200:
                return key[1]
        except OSError:
            pass
        time.sleep(0.05)
    pytest.fail(f"daftari serve did not answer; it said:\n{log.read_text()}")
