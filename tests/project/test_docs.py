"""The documentation keeps up: every route, setting, command and option is in it, and its links lead somewhere."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from daftari.api.routes import ROUTES
from daftari.web.routing import Route
from docs.generate import PAGES as WRITTEN
from docs.generate import build_commands
from tests.conftest import People, Serve
from tests.support.cases import each
from tests.support.clients import Answer, Client
from tests.support.stores import open_store

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "clients").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
SUBJECTS = (
    *("contacts.md", "groups.md", "search.md", "consent.md", "audiences.md", "inbound.md", "erasure.md", "senders.md"),
    *(
        "messages.md",
        "campaigns.md",
        "triggers.md",
        "imports.md",
        "exports.md",
        "feed.md",
        "connections.md",
        "webhooks.md",
        "keys.md",
        "errors.md",
        "projects.md",
        "running.md",
    ),
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _docs(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


@each("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_in_the_docs(route: Route) -> None:
    """What stands in the place of ``{id}`` may be called otherwise."""
    path = route.path if route.path == "/docs" else f"/v1{route.path}"
    wanted = f"{route.method} {re.sub(r'{.*?}', '{}', path)}`"
    assert any(wanted in re.sub(r"{[a-z]+}", "{}", _docs(name)) for name in SUBJECTS)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_page_is_as_make_docs_writes_it(name: str) -> None:
    page = _docs(name)
    assert WRITTEN[name](page) == page, f"docs/{name} differs from the code; run: make docs"


def test_a_command_without_a_section_gets_one_and_a_section_without_a_command_is_refused() -> None:
    page = _docs("commands.md")
    before, _, rest = page.partition("## `daftari check`")
    _, mark, after = rest.partition("## `daftari worker`")
    section = build_commands(before + mark + after).partition("## `daftari check`")[2]
    assert "| `--repair` | Repair what can be repaired" in section.partition("## `daftari worker`")[0]
    with pytest.raises(ValueError, match="daftari chek"):
        build_commands(page.replace("## `daftari check`", "## `daftari chek`"))


def test_the_variables_that_are_no_settings_are_described() -> None:
    assert "`DAFTARI_CONFIG`" in _docs("settings.md")


@each("page", PAGES, ids=_name)
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        path = target.partition("#")[0]
        if path and "://" not in path:
            assert (page.parent / path).exists(), f"{_name(page)} links to {target}"


@each("page", DECISIONS, ids=_name)
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
    ana = live.client.with_key(people.ana)
    # As "make run" does it.
    sender = {"name": "log", "gateway": "log", "channel": "sms", "purpose": "transactional"}
    assert ana.post("/v1/senders", sender).status == 201
    answers: list[Answer] = []
    campaign = ""
    for call in _curl_calls(readme):
        answers.append(_paste([word.replace("$ID", campaign) for word in call], ana))
        made = answers[-1].json()
        campaign = campaign or str(made.get("campaign", {}).get("id", ""))
    assert [answer.status for answer in answers] == [201, 200, 200, 200, 200, 201, 200, 200, 200, 200, 200]
    preview = answers[6].json()
    assert preview.get("preview", preview)["count"] == 1
    (shown,) = re.findall(r"```json\n(.*?)```", readme, re.DOTALL)
    assert answers[0].json() == json.loads(shown)
    assert [result["allowed"] for result in answers[-1].json()["results"]] == [True, False]


def _curl_calls(page: str) -> list[list[str]]:
    """The words after each ``curl`` in the blocks that begin with one."""
    blocks = re.findall(r"```sh\n(curl .*?)```", page, re.DOTALL)
    calls = [call for block in blocks for call in re.split(r"(?m)^(?=curl |export )", block)]
    return [shlex.split(call.replace("\\\n", " "))[1:] for call in calls if call.startswith("curl")]


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
