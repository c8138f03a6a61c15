"""Signing in and out, the first user, links, and what belongs to the user alone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from daftari.model.time import current_time
from daftari.rules.access import links, users
from daftari.serving.server import Server, build_server
from daftari.settings import Settings
from daftari.store import Store
from tests.console.conftest import PASSWORD, Everyone, NewBrowser
from tests.support.browsers import Browser, FoundPage
from tests.support.cases import each
from tests.support.clients import in_process


def sign_in(browser: Browser, email: str, password: str = PASSWORD, *, at: str = "/sign-in") -> FoundPage:
    """What is shown after an address and a password were typed."""
    return browser.submit(browser.get(at), "/sign-in", email=email, password=password)


def test_one_comes_to_the_page_that_was_asked_for(visitor: Browser, everyone: Everyone) -> None:
    asked = f"/p/{everyone.shopify}?all=yes"
    page = visitor.get(asked)
    assert page.heading == "Sign in"
    landed = visitor.submit(page, "/sign-in", email="ED@example.com", password=PASSWORD)
    assert landed.status == 200
    assert landed.url == asked


@each("wanted", ["//evil.example", "/\\evil.example", "https://evil.example/", "/\tx", ""])
def test_signing_in_leads_to_no_other_host(visitor: Browser, everyone: Everyone, wanted: str) -> None:
    visitor.cookies.clear()
    page = visitor.get("/sign-in")
    landed = visitor.submit(page, "/sign-in", email="kai@example.com", password=PASSWORD, next=wanted)
    assert landed.url == f"/p/{everyone.kalro}"


def test_a_wrong_password_is_said_at_the_field_and_not_which_half_was_wrong(
    visitor: Browser, everyone: Everyone
) -> None:
    shown = [sign_in(visitor, email, "wrong") for email in ("ed@example.com", "no-one@example.com", "<b>")]
    for page in shown:
        assert page.status == 422
        assert page.title.startswith("Error: Sign in")
        assert page.attributes["password"]["aria-describedby"] == "password-error"
        assert "The e-mail or the password is wrong." in page.text
        assert "wrong" not in page.form("/sign-in").fields
    assert shown[0].form("/sign-in").fields[-2:] == [("email", "ed@example.com"), ("password", "")]
    assert sign_in(visitor, "ed@example.com").status == 200


def test_too_many_attempts_must_wait(visitor: Browser, everyone: Everyone) -> None:
    shown = [sign_in(visitor, "ed@example.com", "wrong") for _ in range(6)]
    assert [page.status for page in shown] == [422] * 5 + [429]
    assert "Try again in" in shown[-1].text
    assert 0 < int(shown[-1].answer.headers["retry-after"]) <= 60


def test_a_session_gets_a_new_token_at_sign_in_and_ends_at_sign_out(visitor: Browser, everyone: Everyone) -> None:
    visitor.get("/sign-in")
    before = dict(visitor.cookies)
    home = sign_in(visitor, "kai@example.com")
    (session,) = [name for name in visitor.cookies if name.startswith("__Host-") and not name.endswith("_visitor")]
    assert visitor.cookies[session] not in before.values()
    assert not [name for name in visitor.cookies if name.endswith("_visitor")]
    line = next(line for answer in visitor.answers for line in answer.cookies if line.startswith(f"{session}="))
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= {part.strip() for part in line.split(";")}
    token = visitor.cookies[session]
    assert visitor.submit(home, "/you/sign-out").heading == "Sign in"
    assert session not in visitor.cookies
    visitor.cookies[session] = token
    assert visitor.get(f"/p/{everyone.kalro}").heading == "Sign in"


# ---- the first user -------------------------------------------------------------------------------------


def test_the_first_user_makes_the_first_project(visitor: Browser, store: Store) -> None:
    assert "daftari user link" in visitor.get("/").text
    token = store.system_write(current_time(), links.create_first_link)
    page = visitor.get(f"/link/{token}")
    assert page.answer.headers["referrer-policy"] == "no-referrer"
    again = visitor.submit(page, f"/link/{token}", name="Asha", email="asha@example.com", new_password="short")
    assert again.status == 422
    assert "shorter than 10 characters" in again.text
    new = visitor.submit(again, f"/link/{token}", new_password=PASSWORD)
    assert new.url == "/p/new"
    assert visitor.get(f"/link/{token}", follow=False).status == 404
    refused = visitor.submit(new, "/p/new", name=" ", region="KE")
    assert refused.status == 422
    home = visitor.submit(refused, "/p/new", name="Duka", region="TZ", zone="Africa/Kampala", language="sw")
    assert home.title == "Mwanzo · Duka · Daftari"
    (found,) = store.system_read(0, lambda tx: users.list_users(tx))
    ((project, grant),) = found[1]
    assert (project.name, project.region, project.zone, grant.role) == ("Duka", "TZ", "Africa/Kampala", "owner")
    assert (found[0].is_operator, found[0].language) == (True, "sw")


def test_looking_at_a_link_changes_nothing_and_a_spent_one_says_so(visitor: Browser, store: Store) -> None:
    token = store.system_write(current_time(), links.create_first_link)
    for _ in range(2):
        assert visitor.get(f"/link/{token}").status == 200
    store.system_write(current_time(), links.create_first_link)
    spent = visitor.get(f"/link/{token}")
    assert spent.status == 404
    assert spent.heading == "This link no longer works"
    assert token not in spent.html


def test_a_project_without_users_is_offered_to_an_operator_alone(
    everyone: Everyone, store: Store, new_browser: NewBrowser
) -> None:
    from daftari.rules.access import projects

    project = store.system_write(
        current_time(), projects.create_project, name="Demo", region="KE", on_error="refuse", first_id=1
    )
    page = everyone.asha.get("/p/new")
    taken = everyone.asha.submit(page, "/p/new/claim", button=str(project.id))
    assert taken.url.startswith(f"/p/{project.id}?done=")
    assert "You own \u2068Demo\u2069 now." in taken.text
    assert everyone.ed.get("/p/new").status == 403
    for action in ("/p/new", "/p/new/claim"):
        fields = [(name, value) for name, value in everyone.ed.get("/you").form("/you/keys").fields]
        refused = everyone.ed.post(action, [*fields, ("project", str(project.id)), ("name", "Mine"), ("region", "KE")])
        assert refused.status == 403


# ---- where no password is taken -------------------------------------------------------------------------


@pytest.fixture
def far(server: Server, new_browser: NewBrowser, everyone: Everyone) -> Browser:
    """A browser on another machine, behind a proxy that is not believed, without https."""
    browser = new_browser()
    browser.headers["x-forwarded-for"] = "192.0.2.1"
    return browser


def test_over_plain_http_from_elsewhere_no_password_is_taken(far: Browser) -> None:
    page = far.get("/sign-in")
    assert "not encrypted" in page.text
    assert not [form for form in page.forms if form.action == "/sign-in"]
    token = re.search(r"token", page.html)
    assert token is None
    fields = {"email": "ed@example.com", "password": PASSWORD, "token": "x"}
    assert far.post("/sign-in", fields).status == 403


def test_where_the_operator_allows_it_every_page_says_that_it_is_not_encrypted(
    database: str, everyone: Everyone, settings_for: Callable[..., Settings], loop: object
) -> None:
    built = build_server(settings_for(database, insecure_cookies=True))
    browser = Browser(in_process(built.rsgi, loop), headers={"x-forwarded-for": "192.0.2.1"})
    page = sign_in(browser, "ed@example.com")
    assert page.status == 200
    assert "not encrypted" in page.text
    assert not [name for name in browser.cookies if name.startswith("__Host-")]
    built.close()


# ---- the user's own page --------------------------------------------------------------------------------


def test_a_user_changes_name_language_and_look(everyone: Everyone) -> None:
    page = everyone.vic.get("/you")
    page = everyone.vic.submit(page, "/you/name", name="Victor  Otieno", language="sw")
    assert page.heading == "Victor Otieno"
    assert "Imehifadhiwa." in page.text
    assert everyone.vic.submit(page, "/you/name", name="", language="sw").status == 422
    page = everyone.vic.submit(page, "/you/look", button="dark")
    assert page.url == "/you"
    assert 'data-theme="dark"' in page.html
    page = everyone.vic.submit(page, "/you/look", button="system")
    assert "data-theme" not in page.html
    page = everyone.vic.submit(page, "/you/keys", button="off")
    assert 'data-keys="off"' in page.html


def test_the_menu_changes_language_and_comes_back(everyone: Everyone) -> None:
    home = everyone.ed.get(f"/p/{everyone.shopify}")
    shown = everyone.ed.submit(home, "/you/look", button="sw")
    assert shown.url == f"/p/{everyone.shopify}"
    assert "Leta watu wako" in shown.text


def test_another_password_ends_every_other_session(
    everyone: Everyone, new_browser: NewBrowser, visitor: Browser
) -> None:
    other = new_browser()
    sign_in(other, "ed@example.com")
    page = everyone.ed.get("/you")
    wrong = everyone.ed.submit(page, "/you/password", password="wrong", new_password="nine hens in a yard")
    assert wrong.status == 422
    assert "not your present password" in wrong.text
    short = everyone.ed.submit(page, "/you/password", password=PASSWORD, new_password="hen")
    assert short.attributes["password-new_password"]["aria-invalid"] == "true"
    before = dict(everyone.ed.cookies)
    changed = everyone.ed.submit(page, "/you/password", password=PASSWORD, new_password="nine hens in a yard")
    assert "Your password was changed." in changed.text
    assert not set(before.values()) & {value for name, value in everyone.ed.cookies.items() if "daftari_l" not in name}
    assert other.get("/you").heading == "Sign in"
    assert sign_in(visitor, "ed@example.com").status == 422
    assert sign_in(visitor, "ed@example.com", "nine hens in a yard").status == 200


def test_a_user_signs_out_everywhere_else(everyone: Everyone, new_browser: NewBrowser) -> None:
    other = new_browser()
    sign_in(other, "ed@example.com")
    page = everyone.ed.submit(everyone.ed.get("/you"), "/you/sign-out-elsewhere")
    assert "You were signed out in 1 place." in page.text
    assert other.get("/you").heading == "Sign in"
