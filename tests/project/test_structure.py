"""The structure of the source: layers, sizes, names of errors, and what is in the package."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import daftari
from daftari import errors
from daftari.web.errors import status_of
from tests.support.cases import each

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "src" / "daftari"
MODULES = sorted(SOURCE.rglob("*.py"))
ALL_CODE = sorted(path for folder in ("src", "tests", "bench") for path in (ROOT / folder).rglob("*.py"))
LOCKS = sorted([*ROOT.glob("*.lock"), ROOT / "bench" / "requirements.lock"])
FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
ENTRY_POINTS = ("web/server.py", "worker/", "cli/", "serving/")
"""Where anything may be caught, because there is no caller to raise it to."""
LEFT_UNDONE = re.compile(
    "|".join(("TO" + "DO", "FIX" + "ME", "# no" + "qa", "# type: ig" + "nore", "mark[.]sk" + "ip"))
)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _run(*command: str) -> None:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _error_classes(root: type[errors.DaftariError] = errors.DaftariError) -> list[type[errors.DaftariError]]:
    below = [found for child in root.__subclasses__() for found in (child, *_error_classes(child))]
    return [found for found in below if found.__module__.startswith("daftari")]


def test_each_layer_imports_only_what_is_below_it() -> None:
    _run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")


@each("path", MODULES, ids=_name)
def test_a_module_says_what_it_is_for_and_stays_small(path: Path) -> None:
    tree = _tree(path)
    assert ast.get_docstring(tree), f"{_name(path)} has no docstring"
    assert len(path.read_text().splitlines()) <= FILE_LINES_MAX
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= FUNCTION_LINES_MAX, f"{node.name} has {lines} lines"


def test_nothing_is_left_undone_or_hidden_from_a_check() -> None:
    found = [
        f"{_name(path)}:{number}: {line.strip()}"
        for path in ALL_CODE
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if LEFT_UNDONE.search(line)
    ]
    assert not found, "\n".join(found)


def test_only_entry_points_catch_everything() -> None:
    """Below them a clause may catch everything only to clean up and raise it again."""
    found = [
        f"{_name(path)}:{node.lineno}"
        for path in MODULES
        if not str(path.relative_to(SOURCE)).startswith(ENTRY_POINTS)
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ExceptHandler) and _catches_everything(node) and not _raises_again(node)
    ]
    assert not found, "\n".join(found)


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in ("Exception", "BaseException")
    )


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "manager", "service", "services", "misc", "core", "base"}
    assert not [_name(path) for path in SOURCE.rglob("*") if path.stem in empty]


@each("error", _error_classes(), ids=lambda error: error.__name__)
def test_every_error_has_a_status_and_a_code_of_its_own(error: type[errors.DaftariError]) -> None:
    assert status_of(error) is not None
    assert error.__doc__
    assert re.fullmatch(r"[A-Z][A-Z_]+", error.code)
    assert [other for other in _error_classes() if other.code == error.code] == [error]


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == daftari.__version__
    assert f"## [{daftari.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_the_wheel_holds_all_that_the_package_reads(tmp_path: Path) -> None:
    _run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path))
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(ROOT / "src"))
        for path in SOURCE.rglob("*")
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in path.relative_to(SOURCE).parts)
    }
    assert "daftari/py.typed" in wanted
    assert {"daftari/console/templates/html.html", "daftari/console/static/style.css"} <= wanted
    assert "daftari/console/locale/sw.po" in wanted
    # The OpenAPI document is in the wheel; what it is built from needs a library that servers do not have.
    reference = "daftari/api/reference"
    builders = (
        *(f"{reference}/texts/", f"{reference}/builder.py", f"{reference}/records.py"),
        "daftari/console/locale/extract.py",
    )
    sources = {name for name in wanted if name.startswith(builders)}
    assert sources
    assert not sources & held
    assert wanted - sources <= held, wanted - sources - held
    dist_info = f"daftari-{daftari.__version__}.dist-info"
    assert {f"{dist_info}/licenses/LICENSE", f"{dist_info}/licenses/NOTICE"} <= held


def test_lock_files_name_hashes_and_no_place() -> None:
    for lock in LOCKS:
        text = lock.read_text()
        pinned = re.findall(r"^[a-z0-9-]+==\S+", text, re.MULTILINE)
        assert pinned
        assert len(re.findall(r"==\S+ \\\n    --hash=sha256:", text)) == len(pinned)
        assert "://" not in text
        assert "--index" not in text
        assert "--find-links" not in text
