"""How a form works: it is shown again with what was typed, done once however often it is sent, and says what it did."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator

import pytest

from daftari.api.reference.page import page as reference_page
from daftari.console.app import build_console
from daftari.console.authentication import SessionAuthenticator
from daftari.console.page import HTML, Page
from daftari.console.templates import bdi, segment
from daftari.errors import ValidationFailed
from daftari.rules.access.roles import Act
from daftari.rules.contacts import groups
from daftari.store import Store
from daftari.web.errors import render_json
from daftari.web.requests import AppContext
from daftari.web.responses import Response
from daftari.web.routing import LARGE, BodyPolicy, Route
from daftari.web.server import Limits, RsgiServer
from tests.console.conftest import Everyone
from tests.console.test_forms import token_of
from tests.support.browsers import Browser, FoundPage
from tests.support.clients import in_process

PATH = "/p/{project}/things"


def show(page: Page) -> Response:
    """A page with two forms, as its parts: a form's values and what is wrong with them."""
    first, second = page.form("first", name="before", kind=["a", "b"]), page.form("second", name="other")
    shown = {
        form.name: {
            "name": form.value("name"),
            "kind": form.values("kind"),
            "error": form.error("name"),
            "password": form.value("password"),
            "refused": form.is_refused,
            "message": form.message,
            "mistakes": [] if form.label("name", "Name") is None else form.mistakes,
        }
        for form in (first, second)
    }
    done = page.flash
    shown["done"] = None if done is None else [done.text, done.undo, done.tone]
    return Response(200, json.dumps(shown).encode(), HTML)


def change(page: Page) -> Response:
    name = page.params.text("name") or ""
    if name == "wrong":
        raise ValidationFailed({"name": ["The name field must not be longer than 5 characters."], "x": ["It is odd."]})

    def respond(group: groups.Group) -> Response:
        rest = page.typed("to")
        return page.done(page.link(f"/things{rest}", kind=["a", "b"]), f"{group.name} is made.")

    return page.write(groups.create_group, respond, name=name)


def rename(page: Page, name: str) -> Response:
    """``name`` is what stands in the path."""
    return Response(200, json.dumps(name).encode(), HTML)


def show_upload(page: Page) -> Response:
    """The file and a field that came with it."""
    upload = page.request.upload
    seen = [upload.name, upload.file.read().decode(), page.params.text("note")]
    return Response(200, json.dumps(seen).encode(), HTML)


ROUTES = (
    Route("GET", PATH, show, Act.LOOK),
    Route("POST", PATH, change, Act.CHANGE_GROUPS, body=LARGE),
    Route("POST", f"{PATH}/new", change, Act.CHANGE_GROUPS, body=LARGE),
    Route("GET", f"{PATH}/{{name}}/named", rename, Act.LOOK),
    Route("POST", f"{PATH}/file", show_upload, Act.IMPORT, body=BodyPolicy(100_000, "file")),
)


@pytest.fixture
def editor(store: Store, everyone: Everyone, loop: asyncio.AbstractEventLoop) -> Iterator[Browser]:
    """Ed, in a console that has these pages alone."""
    context = AppContext(store, render_json, public_url=None, version="1")
    sessions = SessionAuthenticator(store, public_url=None, insecure_cookies=False, trusted=())
    entry = build_console(context, sessions, ROUTES)
    server = RsgiServer(
        lambda path: entry, inline=True, threads=2, periodic=lambda: None, close=lambda: None, limits=Limits()
    )
    browser = Browser(in_process(server, loop))
    browser.cookies |= everyone.ed.cookies
    yield browser
    server.close()


def shown(page: FoundPage) -> dict[str, dict[str, object]]:
    """What ``show`` showed."""
    found: dict[str, dict[str, object]] = json.loads(page.html)
    return found


def test_a_refused_form_is_shown_again_with_what_was_typed(editor: Browser, everyone: Everyone) -> None:
    path = f"/p/{everyone.shopify}/things"
    fields = [
        ("form", "first"),
        ("name", "wrong"),
        ("kind", "c"),
        ("kind", "d"),
        ("password", "secret"),
        token_of(everyone.ed),
    ]
    for place in (path, f"{path}/new"):
        page = editor.post(place, fields)
        assert page.status == 422
        first, second = shown(page)["first"], shown(page)["second"]
        assert (first["name"], first["kind"], first["password"]) == ("wrong", ["c", "d"], "")
        assert first["error"] == "This is longer than 5 characters."
        assert first["mistakes"] == [["name", "Name", "This is longer than 5 characters."], ["", "x", "It is odd."]]
        assert (second["name"], second["error"], second["refused"]) == ("other", "", False)
    assert shown(editor.get(path))["first"]["name"] == "before"


def test_what_a_rule_refuses_is_shown_above_the_form(editor: Browser, everyone: Everyone, store: Store) -> None:
    path = f"/p/{everyone.shopify}/things"
    fields = [("form", "first"), ("name", "A"), ("once", "1"), token_of(everyone.ed)]
    editor.post(path, fields)
    page = editor.post(path, [("once", "2") if field[0] == "once" else field for field in fields])
    assert page.status == 409
    assert shown(page)["first"]["message"] == "There is a group of this name already. Choose another name."
    assert shown(page)["first"]["name"] == "A"


def test_a_form_that_is_sent_twice_does_once_what_it_does(editor: Browser, everyone: Everyone) -> None:
    path = f"/p/{everyone.shopify}/things"
    fields = [("form", "first"), ("name", "A"), ("once", "abc")]
    first = editor.post(path, [*fields, token_of(everyone.ed)], follow=False)
    again = editor.post(path, [*fields, token_of(everyone.ed)], follow=False)
    assert first.status == again.status == 303
    assert first.answer.headers["location"] == again.answer.headers["location"]
    assert first.answer.cookies == again.answer.cookies
    other = [("form", "first"), ("name", "B"), ("once", "abc"), token_of(everyone.ed)]
    assert editor.post(path, other, follow=False).status == 303


def test_the_next_page_says_what_was_done_also_after_a_reload(editor: Browser, everyone: Everyone) -> None:
    path = f"/p/{everyone.shopify}/things"
    page = editor.post(path, [("name", "Émilie ✓ 🎂"), ("once", "1"), token_of(everyone.ed)])
    assert shown(page)["done"] == ["Émilie ✓ 🎂 is made.", 4, "good"]
    assert shown(editor.get(page.url.partition("#")[0]))["done"] == shown(page)["done"]
    answer = editor.post(path, [("name", "B"), ("once", "3"), token_of(everyone.ed)], follow=False).answer
    (kept,) = [line for line in answer.cookies if "_done=" in line]
    assert "Max-Age=3600" in kept and "HttpOnly" in kept
    long = editor.post(path, [("name", "🎂" * 255), ("once", "2"), token_of(everyone.ed)])
    assert str(shown(long)["done"]).startswith("['🎂🎂")
    assert shown(editor.get(path))["done"] is None
    assert shown(editor.get(f"{path}?done=other"))["done"] is None
    name = kept.partition("=")[0]
    for value in ("e30", "bm8", "xxx", "-"):
        editor.cookies[name] = value
        assert shown(editor.get(f"{path}?done=x"))["done"] is None


def test_what_was_done_is_stored_where_an_erasure_finds_it(
    editor: Browser, everyone: Everyone, store: Store, change: Callable[[str], None]
) -> None:
    path = f"/p/{everyone.shopify}/things"
    fields = [("name", "to 0722 000001"), ("once", "1"), token_of(everyone.ed)]
    answer = editor.post(path, fields, follow=False).answer
    assert answer.body == b""
    assert "0722" not in str(answer.headers)


def test_a_segment_of_a_path_may_hold_anything(editor: Browser, everyone: Everyone) -> None:
    for name in ("a/b", "50% off", "%2F", "naïve ✓", "?#&", ". ."):
        page = editor.get(f"/p/{everyone.shopify}/things/{segment(name)}/named")
        assert json.loads(page.html) == name
    assert bdi("<b>") == "<bdi>&lt;b&gt;</bdi>"


def test_no_redirect_has_what_no_header_may_have(editor: Browser, everyone: Everyone) -> None:
    path = f"/p/{everyone.shopify}/things"
    page = editor.post(path, [("name", "A"), ("once", "1"), ("to", "/naïve\r\nset-cookie: a=b"), token_of(everyone.ed)])
    assert page.status == 404
    location = editor.answers[-2].headers["location"]
    assert location.isascii() and location.isprintable()
    assert "/na%C3%AFve%0D%0Aset-cookie:%20a=b" in location


def test_a_file_comes_with_the_fields_of_its_form(editor: Browser, everyone: Everyone) -> None:
    def body(*fields: tuple[str, str]) -> bytes:
        parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields]
        file = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nphone\r\n\r\n--x--\r\n'
        return ("".join(parts) + file).encode()

    path = f"/p/{everyone.shopify}/things/file"
    headers = {"content-type": "multipart/form-data; boundary=x", "origin": editor.origin}
    answer = editor.request("POST", path, body=body(token_of(everyone.ed), ("note", "mine")), headers=headers)
    assert (answer.status, json.loads(answer.body)) == (200, ["a.csv", "phone\r\n", "mine"])
    assert editor.request("POST", path, body=body(("note", "mine")), headers=headers).status == 403
    foreign = headers | {"origin": "https://evil.example"}
    assert editor.request("POST", path, body=body(token_of(everyone.ed)), headers=foreign).status == 403
    editor.cookies.clear()
    assert editor.request("POST", path, body=body(("note", "mine")), headers=headers).status == 401


def test_the_reference_links_to_the_console() -> None:
    assert b'href="https://book.example/base/"' in reference_page("https://book.example/base")
