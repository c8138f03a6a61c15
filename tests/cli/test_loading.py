"""Help and refusals load only what they need, so that the first word on the terminal comes at once. No clock."""

from __future__ import annotations

import os
import subprocess
import sys

import msgspec
import pytest
from typer.main import get_command

from daftari.cli.app import COMMANDS, app
from tests.conftest import ROOT

HEAVY = (
    *(
        "apsw",
        "asyncio",
        "cryptography",
        "daftari.api",
        "daftari.files",
        "daftari.rules",
        "daftari.sandbox",
        "daftari.serving",
    ),
    *("daftari.web", "daftari.worker", "daftari_client", "granian", "httpx2", "phonenumbers", "psycopg", "pydantic"),
    *("python_calamine", "rich", "vobject", "xlsxwriter", "zoneinfo"),
)
HELP_LINE_MAX = 63
"""What fits on 80 columns after the longest name."""
PROGRAM = """
import sys
import msgspec
from daftari.cli import main

for words in msgspec.json.decode(sys.argv[1]):
    sys.argv = ["daftari", *words]
    try:
        main()
    except SystemExit as end:
        print("DONE", msgspec.json.encode([words, end.code, sorted(sys.modules)]).decode())
"""
GROUPS = {"project": "create", "key": "create", "imports": "show", "inbound": "add"}
"""Groups of commands, each with a command that requires an argument or option."""
REQUIRING = ("copy", "opt-out", "opt-in", "may-message", "audience", "import", "erase")
"""Other commands that require an argument or option."""


def _load(*command_lines: list[str]) -> list[tuple[list[str], int, list[str]]]:
    """Each command line with its exit code and the modules that are loaded after it, in one new process."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, msgspec.json.encode(command_lines).decode()],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.removeprefix("DONE ") for line in done.stdout.splitlines() if line.startswith("DONE ")]
    return [msgspec.json.decode(line, type=tuple[list[str], int, list[str]]) for line in lines]


def _is_heavy(module: str) -> bool:
    return module.startswith(tuple(f"{name}." for name in HEAVY)) or module in HEAVY


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--help"], 0), (["--version"], 0), (["projct"], 2), (["--nope"], 2)],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_what_concerns_all_commands_loads_none_of_them(words: list[str], code: int) -> None:
    ((_, ended, modules),) = _load(words)
    assert ended == code
    loaded = {f"daftari.cli.{module}" for module, _ in COMMANDS.values()}
    assert not [name for name in modules if name in loaded or name == "daftari.store" or _is_heavy(name)]


def test_help_and_refusals_of_every_command_load_nothing_heavy() -> None:
    helps = [[name, "--help"] for name in COMMANDS]
    unknown = [[name, "--nope"] for name in COMMANDS] + [[name, "nope"] for name in GROUPS]
    missing = [[name] for name in REQUIRING] + [[name, verb] for name, verb in GROUPS.items()]
    ended = _load(*helps, *unknown, *missing)
    assert [(words, code) for words, code, _ in ended] == [
        *((words, 0) for words in helps),
        *((words, 2) for words in (*unknown, *missing)),
    ]
    for words, _, modules in ended:
        assert not [name for name in modules if _is_heavy(name)], words


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_table_is_the_first_of_the_commands_help(name: str) -> None:
    _, line = COMMANDS[name]
    assert len(line) <= HELP_LINE_MAX
    group = get_command(app)
    assert group.commands[name].get_short_help_str(limit=200) == line
