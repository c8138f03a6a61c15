"""The Python client as a package: its style, what it may import, its wheel, and the examples of its README."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import daftari_client
from daftari_client import AsyncClient, Client
from tests.conftest import People, Serve
from tests.support.stores import open_store

ROOT = Path(__file__).parent.parent.parent
CLIENT = ROOT / "clients" / "python"
MODULES = sorted((CLIENT / "src").rglob("*.py"))
FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
MAY_IMPORT = sys.stdlib_module_names | {"anyio", "daftari_client", "httpx2", "msgspec"}
ONLY_DRIVERS = {"anyio", "httpx2", "asyncio", "threading"}
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def _name(path: Path) -> str:
    return path.stem


# ---- style ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_says_what_it_is_for_and_stays_small(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree)
    assert len(path.read_text().splitlines()) <= FILE_LINES_MAX
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or node.lineno) - node.lineno < FUNCTION_LINES_MAX, node.name
        assert not isinstance(node, ast.ExceptHandler) or node.type is not None


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_imports_nothing_of_the_server_and_only_drivers_know_the_network(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])
    assert imported <= MAY_IMPORT
    if path.stem not in ("drivers", "client"):
        assert not imported & ONLY_DRIVERS


def test_no_call_is_written_once_for_each_mode() -> None:
    """Only the drivers await, and the methods that close a client."""
    awaiting = {
        path.stem: sum(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(ast.parse(path.read_text())))
        for path in MODULES
    }
    assert {name for name, count in awaiting.items() if count} == {"drivers", "client"}
    assert awaiting["client"] == len(("aclose", "__aenter__", "__aexit__"))


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_every_call_has_a_docstring_and_shows_its_parameters(client: Callable[..., Any]) -> None:
    book = client("http://127.0.0.1:8000", "k")
    resources = [book, *(resource for name, resource in vars(book).items() if not name.startswith("_"))]
    calls = [
        getattr(resource, name) for resource in resources for name in dir(type(resource)) if not name.startswith("_")
    ]
    assert len(calls) > 45
    for call in calls:
        assert call.__doc__, call
        assert "args" not in inspect.signature(call).parameters, call


def test_mypy_reads_the_client_and_the_test_of_its_types() -> None:
    read = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["files"]
    assert {"clients/python/src", "tests/support/client_types.py"} <= set(read)


def test_the_wheel_holds_the_package_and_its_types(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    done = subprocess.run(build, cwd=CLIENT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob(f"daftari_client-{daftari_client.__version__}-*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {str(path.relative_to(CLIENT / "src")) for path in MODULES} | {"daftari_client/py.typed"} <= held
    assert not [name for name in held if name.startswith(("daftari/", "tests/"))]


# ---- the README -------------------------------------------------------------------------------------


def test_the_examples_of_the_readme_run_as_they_are(
    new_database: Callable[..., str],
    introduce: Callable[..., People],
    serve: Serve,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In order, with no contacts at first, and with nothing changed but the address."""
    database = new_database("sqlite")
    store = open_store(database, threads=1)
    people = introduce(store)
    store.close()
    monkeypatch.setenv("DAFTARI_KEY", people.ana)
    monkeypatch.chdir(tmp_path)
    Path("people.csv").write_text("phone,first name\n0722000001,Suzan\nO725,Lucy\n")
    live = serve(database).url
    names: dict[str, Any] = {"__name__": "readme"}
    blocks = BLOCK.findall((CLIENT / "README.md").read_text())
    assert len(blocks) == 7
    for block in blocks:
        exec(compile(block.replace("http://127.0.0.1:8000", live), "README.md", "exec"), names)
    names["client"].close()
    assert "O725" in Path("rejects.csv").read_text()
    assert Path("nairobi-vip.csv").read_text().count("\n") >= 2
