"""The documentation keeps up: every route, setting, command and option is in it, and its links lead somewhere."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer

from daftari.api.routes import ROUTES
from daftari.cli.app import app
from daftari.settings import SETTINGS, settings_table
from daftari.web.routing import Route
from tests.conftest import People, Serve
from tests.support.clients import Answer, Client
from tests.support.stores import open_store

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "clients").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
SUBJECTS = (
    *("contacts.md", "groups.md", "consent.md", "audiences.md", "inbound.md", "erasure.md"),
    *("imports.md", "exports.md", "keys.md", "errors.md", "projects.md", "running.md"),
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _docs(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def _commands(group: Any, words: str) -> Iterator[tuple[str, Any]]:
    """Every command below a group, with the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{words} {name}")
        else:
            yield f"{words} {name}", command


def _all_commands() -> list[tuple[str, Any]]:
    return list(_commands(typer.main.get_command(app), "daftari"))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_in_the_docs(route: Route) -> None:
    """What stands in the place of ``{id}`` may be called otherwise."""
    path = route.path if route.path == "/docs" else f"/v1{route.path}"
    wanted = f"{route.method} {re.sub(r'{.*?}', '{}', path)}`"
    assert any(wanted in re.sub(r"{[a-z]+}", "{}", _docs(name)) for name in SUBJECTS)


def test_every_setting_is_in_the_table() -> None:
    page = _docs("settings.md")
    assert settings_table() in page, f"the table in docs/settings.md should be:\n{settings_table()}"
    for setting in SETTINGS:
        assert f"`{setting.variable}`" in page
    assert "`DAFTARI_CONFIG`" in page


@pytest.mark.parametrize(("words", "command"), [pytest.param(*found, id=found[0]) for found in _all_commands()])
def test_every_command_is_in_the_docs_with_its_options(words: str, command: Any) -> None:
    sections = re.split(r"^## ", _docs("commands.md"), flags=re.MULTILINE)
    section = next((text for text in sections if text.startswith(f"`{words}`")), None)
    assert section is not None, f"docs/commands.md has no section `{words}`"
    options = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
    missing = [option for option in options if f"`{option}" not in section and option != "--help"]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        path = target.partition("#")[0]
        if path and "://" not in path:
            assert (page.parent / path).exists(), f"{_name(page)} links to {target}"


@pytest.mark.parametrize("page", DECISIONS, ids=_name)
def test_a_decision_has_a_status_and_four_parts(page: Path) -> None:
    text = page.read_text()
    assert re.match(r"# \d{4} .+\n\nStatus: (accepted|superseded by \[\d{4}\])", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Alternatives"]
    assert page.name in _docs("decisions/README.md")


def test_every_page_is_in_the_index() -> None:
    index = _docs("README.md")
    missing = [
        page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md" and page.name not in index
    ]
    assert not missing


def test_the_calls_of_the_readme_work_when_pasted(
    new_database: Callable[..., str], introduce: Callable[..., People], serve: Serve
) -> None:
    """In order, on an empty database, with only the key and the port changed; the answer it shows is the real one."""
    database = new_database("sqlite")
    store = open_store(database, threads=1)
    people = introduce(store)
    store.close()
    live = serve(database)
    readme = (ROOT / "README.md").read_text()
    answers = [_paste(call, live.client.with_key(people.ana)) for call in _curl_calls(readme)]
    assert [answer.status for answer in answers] == [201, 200, 200, 200, 200, 200]
    (shown,) = re.findall(r"```json\n(.*?)```", readme, re.DOTALL)
    assert answers[0].json() == json.loads(shown)
    assert [result["allowed"] for result in answers[-1].json()["results"]] == [True, False]


def _curl_calls(page: str) -> list[list[str]]:
    """The words after ``curl`` in each block that is one call."""
    blocks = re.findall(r"```sh\n(curl .*?)```", page, re.DOTALL)
    return [shlex.split(block.replace("\\\n", " "))[1:] for block in blocks]


def _paste(call: list[str], client: Client) -> Answer:
    """Does what ``curl`` would do with the few options that the README uses."""
    words = iter(call)
    method, address, body, headers = "GET", "", None, {}
    for word in words:
        match word:
            case "-X":
                method = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value.replace("$KEY", client.secret or "")
            case "-d":
                body = next(words).encode()
                method = "POST" if method == "GET" else method
            case _:
                address = word
    url = urlsplit(address)
    target = url.path + (f"?{url.query}" if url.query else "")
    assert url.netloc == "127.0.0.1:8000"
    return client.with_key(None).call(method, target, body=body, headers=headers)
