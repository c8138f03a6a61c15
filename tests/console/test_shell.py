"""What every page of the console is: its headers, links, files, menu and errors, and that names are harmless in it."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser

import pytest

from daftari.console.app import POLICY
from daftari.console.assets import load_assets
from daftari.console.authentication import SessionAuthenticator
from daftari.console.routes import ROUTES
from daftari.errors import StoreBusy, StoreUnavailable
from daftari.model.time import current_time
from daftari.rules.access import links, projects, users
from daftari.serving.server import Server, build_server
from daftari.settings import Settings
from daftari.store import Store
from tests.console.conftest import PASSWORD, ROOT, Everyone, NewBrowser
from tests.console.test_forms import path_of, token_of
from tests.support.browsers import Browser, FoundPage
from tests.support.clients import in_process, scope_of

STATIC = ROOT / "src" / "daftari" / "console" / "static"
STYLE_BYTES_MAX, STYLE_COMPRESSED_MAX = 32 * 1024, 9 * 1024
SCRIPT_BYTES_MAX = 15 * 1024
PAGE_BYTES_MAX = 100 * 1024
HOSTILE = "<script>alert(1)</script>\u202e\"'{{ 7*7 }}"
LEADS_TO = ("/", "#", "tel:", "https://wa.me/", "mailto:", "?")
"""How links begin: the service's own pages, and a contact's number."""


class Checked(HTMLParser):
    """Raises ``AssertionError`` for what the policy forbids, or what no page should have."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert tag not in ("style", "base", "iframe", "object", "embed", "img")
        assert not [name for name in given if name == "style" or name.startswith("on")]
        assert tag != "script" or set(given) == {"type", "src"}
        for name in ("href", "src", "action", "formaction"):
            value = given.get(name) or "/"
            assert value.startswith(LEADS_TO) and not value.startswith("//"), value


def pages_of(everyone: Everyone, visitor: Browser, store: Store) -> Iterator[FoundPage]:
    """Every page that has no parameter but the project and is no file, and those of errors."""
    for route in ROUTES:
        if route.method == "GET" and route.access != "open":
            page = (visitor if route.access == "visitor" else everyone.asha).get(path_of(route, everyone.shopify))
            if "content-disposition" not in page.answer.headers:
                yield page
    user = store.system_read(0, users.find_user, email="vic@example.com")
    token = store.system_write(current_time(), links.create_link, user_id=user.id, by_owner=False)
    yield visitor.get(f"/link/{token}")
    yield everyone.asha.get("/?all=yes")
    yield everyone.asha.get("/no/such/page")
    yield everyone.asha.get(f"/p/{everyone.shopify}/no-such-page")
    yield everyone.vic.get("/p/new")
    yield everyone.vic.post("/you/name", [])
    yield visitor.post("/you/name", [])
    yield FoundPage(visitor.request("PUT", "/you"), "/you")


def test_every_page_is_whole_small_and_within_the_policy(everyone: Everyone, visitor: Browser, store: Store) -> None:
    for page in pages_of(everyone, visitor, store):
        Checked().feed(page.html)
        assert page.html.count("<h1") == 1
        assert page.title.endswith(" · Daftari")
        assert len(page.html) < PAGE_BYTES_MAX
        headers = page.answer.headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] in ("same-origin", "no-referrer")
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cache-control"] == "private, no-store"
        assert headers["content-type"] == "text/html; charset=utf-8"


def test_no_page_allows_what_another_site_needs_to_embed_or_script_it() -> None:
    rules = dict(part.strip().split(" ", 1) for part in POLICY.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
    assert {rules[name] for name in rules if name.endswith("-src") and name != "default-src"} == {"'self'"}


def test_pages_are_compressed_for_browsers_that_ask(everyone: Everyone) -> None:
    path = f"/p/{everyone.shopify}"
    packed = everyone.asha.request("GET", path, headers={"accept-encoding": "br, gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert b"</html>" in gzip.decompress(packed.body)
    assert len(packed.body) < 3_000
    for accepted in ("br", "gzip;q=0", ""):
        plain = everyone.asha.request("GET", path, headers={"accept-encoding": accepted})
        assert "content-encoding" not in plain.headers


# ---- files ----------------------------------------------------------------------------------------------


def test_files_are_small_and_kept_for_a_year_by_their_digest(visitor: Browser) -> None:
    page = visitor.get("/sign-in")
    found = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.html))
    assert {re.sub(r"\.[0-9a-f]{10}\.", ".", path) for path in found} == {
        "/static/style.css",
        "/static/console.js",
        "/static/icon.svg",
    }
    for path in found:
        answer = visitor.request("GET", path)
        packed = visitor.request("GET", path, headers={"accept-encoding": "gzip"})
        assert answer.status == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert gzip.decompress(packed.body) == answer.body
    assert visitor.get("/static/style.css").status == 404
    style, script = load_assets()["style.css"], load_assets()["console.js"]
    assert len(style.body) <= STYLE_BYTES_MAX and len(style.compressed) <= STYLE_COMPRESSED_MAX
    assert len(script.body) <= SCRIPT_BYTES_MAX


def test_files_name_no_other_host() -> None:
    for path in STATIC.iterdir():
        if path.suffix in (".css", ".js", ".svg"):
            found = re.findall(r"https?://[^\s\"')]+|@import|url\(", path.read_text())
            assert not [name for name in found if name != "http://www.w3.org/2000/svg"], path


# ---- where things are -----------------------------------------------------------------------------------


def test_one_project_is_gone_to_and_several_are_listed(everyone: Everyone, store: Store) -> None:
    assert everyone.ed.get("/").url == f"/p/{everyone.shopify}"
    listed = everyone.asha.get("/?all=yes")
    assert listed.heading == "Projects"
    assert "New project" in listed.text
    assert "New project" not in everyone.ed.get("/?all=yes").text


def test_an_owner_changes_what_a_project_is_called_and_where_it_is(everyone: Everyone, store: Store) -> None:
    path = f"/p/{everyone.shopify}/settings/project"
    page = everyone.asha.get(path)
    assert "Settings" in page.text
    taken = everyone.asha.submit(page, path, name="kalro", region="UG")
    assert (taken.status, taken.title) == (409, "Error: Project · Shopify · Daftari")
    assert "There is a project of this name already." in taken.text
    assert ("name", "kalro") in taken.form(path).fields
    refused = everyone.asha.submit(page, path, name="Duka", region="XX", zone="Mars/Olympus")
    assert refused.status == 422
    assert "Choose a country." in refused.text
    saved = everyone.asha.submit(refused, path, name="Duka", region="UG", zone="")
    assert "Saved." in saved.text
    assert saved.title == "Project · Duka · Daftari"
    project = store.system_read(0, projects.find_project, name="Duka")
    assert (project.id, project.region, project.zone) == (everyone.shopify, "UG", None)


def test_the_menu_shows_what_there_is_and_the_project_of_its_path(everyone: Everyone) -> None:
    page = everyone.vic.get(f"/p/{everyone.shopify}")
    there = {route.path for route in ROUTES if route.method == "GET"}
    in_menu = [link for link in page.links if link.startswith(f"/p/{everyone.shopify}")]
    assert in_menu
    for link in in_menu:
        assert link.partition("#")[0].replace(str(everyone.shopify), "{project}", 1) in there
    assert "Vic · Viewer" in page.text
    assert "Kalro" not in page.text


def test_the_api_is_found_from_the_console_and_the_console_from_the_api(everyone: Everyone) -> None:
    assert "/docs" in everyone.asha.get(f"/p/{everyone.shopify}").links
    docs = everyone.asha.request("GET", "/docs")
    assert docs.status == 200
    assert b'href="/"' in docs.body


def test_a_name_is_harmless_wherever_it_stands(everyone: Everyone, store: Store, new_browser: NewBrowser) -> None:
    store.system_write(current_time(), projects.rename_project, name="Shopify", new_name=HOSTILE)
    everyone.ed.submit(everyone.ed.get("/you"), "/you/name", name=HOSTILE, language="en")
    for path in (f"/p/{everyone.shopify}", "/?all=yes", "/you", f"/p/{everyone.shopify}/nothing"):
        page = everyone.ed.get(path)
        Checked().feed(page.html)
        assert "<script>alert" not in page.html
        assert "<bdi>&lt;script&gt;" in page.html
        assert "49" not in page.title


# ---- below a path ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", ["", "/phone book"], ids=["removed", "kept"])
def test_every_link_is_below_the_public_url(
    database: str, everyone: Everyone, settings_for: Callable[..., Settings], loop: object, base: str
) -> None:
    built = build_server(settings_for(database, public_url="https://book.example/phone%20book"))
    send = in_process(built.rsgi, loop)

    def behind_proxy(method: str, path: str, *rest: object) -> object:
        return send(method, base + path.removeprefix("/phone%20book") or "/", *rest)

    browser = Browser(behind_proxy, origin="https://book.example")
    page = browser.get("/phone%20book/sign-in")
    page = browser.submit(page, "/phone%20book/sign-in", email="ed@example.com", password=PASSWORD)
    assert page.url == f"/phone%20book/p/{everyone.shopify}"
    assert browser.get("/phone%20book").url == page.url
    for shown in (page, browser.get("/phone%20book/you"), browser.get("/phone%20book/p/new")):
        places = [*shown.links, *(place for form in shown.forms for place in form.places)]
        places += re.findall(r'(?:href|src)="([^"#][^"]*)"', shown.html)
        assert all(place.startswith(("/phone%20book/", "#")) for place in places), places
    style = re.search(r'href="/phone%20book(/static/style[^"]+)"', page.html)
    assert style is not None
    assert browser.request("GET", style[1]).status == 200
    saved = browser.submit(browser.get("/phone%20book/you"), "/phone%20book/you/name", name="Eddy", language="en")
    assert "Saved." in saved.text
    built.close()


# ---- errors ---------------------------------------------------------------------------------------------


def test_what_is_not_there_looks_like_what_is_not_yours(everyone: Everyone) -> None:
    nowhere = everyone.kai.get("/p/987654321")
    theirs = everyone.kai.get(f"/p/{everyone.shopify}")
    assert (nowhere.status, theirs.status) == (404, 404)
    assert nowhere.text.split("404")[0] == theirs.text.split("404")[0]
    assert everyone.kai.get("/p/x").status == everyone.kai.get("/p/1/2/3/4").status == 404


def test_every_path_outside_of_the_api_is_a_page(everyone: Everyone, visitor: Browser) -> None:
    for path in (
        "/v2/contacts",
        "/contacts",
        "/%00",
        "/p",
        "/p/",
        "/static",
        "/static/../style.css",
        "/v1x",
        "/%F0%9F%8E%82",
    ):
        for browser in (visitor, everyone.asha):
            page = browser.get(path)
            assert (page.status, page.heading) == (404, "There is nothing here"), path
    for method in ("DELETE", "BREW"):
        page = FoundPage(visitor.request(method, "/sign-in"), "/sign-in")
        assert (page.status, page.heading) == (405, "This cannot be done")
        assert page.answer.headers["allow"] == "GET, HEAD, QUERY, OPTIONS, POST"
    assert visitor.request("HEAD", "/sign-in").body == b""
    assert visitor.request("OPTIONS", "/sign-in").status == 204


def test_the_last_use_of_a_session_is_saved(everyone: Everyone, store: Store, change: Callable[[str], None]) -> None:
    sessions = SessionAuthenticator(store, public_url=None, insecure_cookies=False, trusted=())
    change("UPDATE user_session SET last_seen_at = 1")
    (token,) = everyone.ed.cookies.values()
    cookie = "; ".join(f"{name}={value}" for name, value in everyone.ed.cookies.items())
    scope = scope_of("GET", "/you", {"cookie": cookie, "host": "127.0.0.1:8000"})
    now = current_time()
    visit = sessions.look(scope, now=now)
    sessions.note_use(visit, project=visit.projects[0], now=now)
    sessions.save_used(now)
    again = sessions.look(scope, now=now)
    assert again.require().session.last_seen_at == now
    assert again.places[0].grant.last_used_at == now
    assert again.token == token


def test_a_busy_database_lets_the_same_form_be_sent_again(
    everyone: Everyone, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = everyone.vic.get("/you")
    monkeypatch.setattr(type(server.store), "system_write", _refuse_busy)
    busy = everyone.vic.submit(page, "/you/name", name="Vicky", language="en")
    monkeypatch.undo()
    assert (busy.status, busy.heading) == (503, "Others are writing just now")
    assert busy.answer.headers["retry-after"] == "1"
    saved = everyone.vic.submit(busy, "/you/name")
    assert saved.heading == "Vicky"


def test_after_a_form_that_was_not_taken_one_comes_back_to_its_page(everyone: Everyone, visitor: Browser) -> None:
    page = visitor.post("/you/name", [("name", "Vic")])
    (sign_in,) = [link for link in page.links if "sign-in" in link]
    landed = visitor.submit(visitor.get(sign_in), "/sign-in", email="vic@example.com", password=PASSWORD)
    assert (landed.status, landed.url) == (200, "/you")
    wrong = everyone.ed.submit(everyone.ed.get("/you"), "/you/name", name="", language="en")
    assert wrong.status == 422
    assert 'name="next" value="/you"' in wrong.html


def test_a_form_from_another_address_is_refused_with_the_right_one(everyone: Everyone) -> None:
    page = everyone.vic.post("/you/name", [token_of(everyone.vic)], headers={"origin": "http://localhost:8000"})
    assert page.status == 403
    assert "http://127.0.0.1:8000" in page.text
    assert "localhost" not in page.text


def test_a_password_is_in_no_page(everyone: Everyone, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    page = everyone.vic.get("/you")
    monkeypatch.setattr(type(server.store), "system_write", _refuse_busy)
    typed = {"password": "the present secret", "new_password": "the coming secret"}
    busy = everyone.vic.submit(page, "/you/password", **typed)
    assert busy.status == 503
    assert "Go back in your browser" in busy.text
    assert "secret" not in busy.html


def _refuse_busy(*args: object, **kwargs: object) -> None:
    raise StoreBusy("Others are writing; try again.")


def test_without_a_database_every_page_says_so(
    everyone: Everyone, visitor: Browser, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: object, **kwargs: object) -> None:
        raise StoreUnavailable("The database is away.")

    monkeypatch.setattr(type(server.store), "system_read", away)
    for browser, path in ((everyone.asha, "/"), (visitor, "/sign-in"), (everyone.asha, f"/p/{everyone.shopify}")):
        page = browser.get(path)
        assert (page.status, page.heading) == (503, "The service cannot reach its data")


def test_a_crash_is_a_page_that_says_nothing_about_it(
    everyone: Everyone, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("daftari.console.page.render", _crash_once(monkeypatch))
    page = everyone.asha.get("/you")
    assert (page.status, page.heading) == (500, "Something went wrong here")
    assert "a secret" not in page.html
    assert "crashed" in caplog.text


def _crash_once(monkeypatch: pytest.MonkeyPatch) -> Callable[..., bytes]:
    from daftari.console.templates import render

    calls: list[int] = []

    def crash(*args: object, **kwargs: object) -> bytes:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("a secret")
        return render(*args, **kwargs)

    return crash
