"""Every form and page of the console × everyone who may not use it. A new route is tested by being in the table."""

from __future__ import annotations

import re

from daftari.console.routes import ROUTES
from daftari.console.templates import segment
from daftari.model.users import Role
from daftari.rules.access.roles import NEEDED, Act
from daftari.web.routing import Route
from tests.conftest import People
from tests.console.conftest import Everyone, NewBrowser
from tests.support.browsers import Browser, FoundPage
from tests.support.cases import ON_SQLITE, each

pytestmark = ON_SQLITE

FORMS = tuple(route for route in ROUTES if route.method == "POST")
PAGES = tuple(route for route in ROUTES if route.method == "GET" and route.access != "open")
OF_USERS = tuple(route for route in FORMS if route.access != "visitor")
OF_PROJECTS = tuple(route for route in FORMS if isinstance(route.access, Act))
AT_PAGES = {route.path for route in ROUTES if route.method == "GET"}
FORMS_ALONE = tuple(route for route in FORMS if route.path not in AT_PAGES)
"""Forms at addresses of their own, on a page at another one."""
FIELDS = [("form", ""), ("name", "Mine")]
"""Fields of no form in particular: what is tested here is refused before a field is read."""


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


def path_of(route: Route, project: int) -> str:
    """The path of a route in a project, with 1 for everything else that it names."""
    return re.sub(r"{\w+}", "1", route.path.replace("{project}", str(project)))


def token_of(browser: Browser) -> tuple[str, str]:
    """A token that is good for every form of a browser."""
    page = browser.get("/you")
    form = next(form for form in page.forms if form.method == "post")
    return next(field for field in form.fields if field[0] == "token")


def refused(page: FoundPage, status: int, heading: str) -> None:
    assert (page.status, page.heading) == (status, heading), page.text


TOO_OLD = "This page is too old"
SIGNED_OUT = "You are signed out"
MISSING = "There is nothing here"
MAY_NOT = "You may look, but not do this"


@each("route", FORMS, ids=name_of)
def test_a_form_without_its_token_is_refused(everyone: Everyone, visitor: Browser, route: Route) -> None:
    browser = visitor if route.access == "visitor" else everyone.asha
    browser.get("/sign-in")
    path = path_of(route, everyone.shopify)
    refused(browser.post(path, FIELDS), 403, TOO_OLD)
    refused(browser.post(path, [*FIELDS, ("token", "")]), 403, TOO_OLD)
    refused(browser.post(path, [*FIELDS, ("token", "A" * 88)]), 403, TOO_OLD)


@each("route", FORMS, ids=name_of)
def test_a_form_with_the_token_of_another_browser_is_refused(
    everyone: Everyone, visitor: Browser, route: Route
) -> None:
    browser = visitor if route.access == "visitor" else everyone.asha
    refused(browser.post(path_of(route, everyone.shopify), [*FIELDS, token_of(everyone.ed)]), 403, TOO_OLD)


@each("route", OF_USERS, ids=name_of)
def test_a_form_from_another_site_is_refused_although_it_has_the_token(everyone: Everyone, route: Route) -> None:
    path, fields = path_of(route, everyone.shopify), [*FIELDS, token_of(everyone.asha)]
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:8001"},
        {"origin": "null"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
        {"origin": "null", "sec-fetch-site": "same-site"},
    ):
        refused(everyone.asha.post(path, fields, headers=headers), 403, TOO_OLD)


@each("route", OF_USERS, ids=name_of)
def test_who_is_signed_out_is_asked_to_sign_in_and_nothing_is_done(
    everyone: Everyone, visitor: Browser, route: Route
) -> None:
    page = visitor.post(path_of(route, everyone.shopify), [*FIELDS, token_of(everyone.asha)])
    refused(page, 401, SIGNED_OUT)
    assert "Nothing was saved." in page.text
    assert "data-signed-out" in page.html


@each("route", OF_PROJECTS, ids=name_of)
def test_a_form_of_a_project_does_not_exist_for_users_of_others(everyone: Everyone, route: Route) -> None:
    fields = [*FIELDS, token_of(everyone.kai)]
    theirs = everyone.kai.post(path_of(route, everyone.shopify), fields)
    nowhere = everyone.kai.post(path_of(route, 987_654_321), fields)
    refused(theirs, 404, MISSING)
    assert plain(theirs) == plain(nowhere)


@each("route", OF_PROJECTS, ids=name_of)
def test_a_form_is_for_the_roles_that_the_table_of_acts_names(everyone: Everyone, route: Route) -> None:
    """The roles that may are tested with the pages; a form is refused before its fields are read."""
    for browser, role in ((everyone.vic, "viewer"), (everyone.ed, "editor")):
        if not is_allowed(role, route):
            page = browser.post(path_of(route, everyone.shopify), [*FIELDS, token_of(browser)])
            refused(page, 403, MAY_NOT)
            assert "Owners of this project: Asha" in page.text


@each("route", PAGES, ids=name_of)
def test_a_page_is_for_who_is_signed_in_and_has_a_role(everyone: Everyone, visitor: Browser, route: Route) -> None:
    path = path_of(route, everyone.shopify)
    if route.access == "visitor":
        assert visitor.get(path).status in (200, 404)
        return
    page = visitor.get(path)
    assert (page.status, page.heading) == (200, "Sign in")
    if not isinstance(route.access, Act):
        return
    for browser, role in ((everyone.vic, "viewer"), (everyone.ed, "editor"), (everyone.asha, "owner")):
        assert (browser.get(path).status == 403) is not is_allowed(role, route)
    theirs, nowhere = everyone.kai.get(path), everyone.kai.get(path_of(route, 987_654_321))
    refused(theirs, 404, MISSING)
    assert plain(theirs) == plain(nowhere)


@each("route", ROUTES, ids=name_of)
def test_no_page_looks_at_a_key(everyone: Everyone, people: People, new_browser: NewBrowser, route: Route) -> None:
    browser = new_browser()
    browser.headers["authorization"] = f"Bearer {people.ana}"
    path = path_of(route, everyone.shopify)
    if route.method == "POST":
        page = browser.post(path, [*FIELDS, ("apiKey", people.ana)])
        assert page.status == (403 if route.access == "visitor" else 401)
    elif route.access not in ("open", "visitor"):
        assert browser.get(f"{path}?apiKey={people.ana}").heading == "Sign in"


@each("route", FORMS_ALONE, ids=name_of)
def test_an_address_that_takes_a_form_alone_leads_to_the_page_of_the_form(
    everyone: Everyone, visitor: Browser, route: Route
) -> None:
    """As after a reload of a form that was refused, or after signing in again."""
    path = path_of(route, everyone.shopify)
    found = everyone.asha.request("GET", path)
    assert found.status == 303
    above = found.headers["location"]
    assert path.startswith(f"{above}/")
    assert everyone.asha.request("GET", above).status in (200, 303, 404)
    assert everyone.asha.request("HEAD", path).status == 303
    if route.access != "visitor":
        assert visitor.get(path).heading == "Sign in"
    if isinstance(route.access, Act):
        refused(everyone.kai.get(path), 404, MISSING)


def test_the_form_of_what_has_a_hostile_name_leads_to_its_page(everyone: Everyone) -> None:
    for name in ("a/b", "%2e", "é?#", "//evil.example"):
        path = f"/p/{everyone.shopify}/settings/inbound/{segment(name)}"
        assert everyone.asha.request("GET", f"{path}/try").headers["location"] == path


def test_the_api_looks_at_no_session_and_answers_json(everyone: Everyone) -> None:
    for path in ("/v1/contacts", "/api/v1/groups", "/v1/nothing", "/api"):
        answer = everyone.asha.request("GET", path)
        assert answer.status in (401, 404)
        assert answer.headers["content-type"] == "application/json"


def is_allowed(role: Role, route: Route) -> bool:
    """Whether a user with this role, and nothing in addition, may use a route of a project."""
    assert isinstance(route.access, Act)
    order = ("viewer", "editor", "owner")
    return order.index(role) >= order.index(NEEDED[route.access].role)


def plain(page: FoundPage) -> str:
    """A page without what differs each time: the request's id, tokens, and the path."""
    html = re.sub(r'value="[\w=-]{16,}"', "", page.html)
    return re.sub(r"\b[0-9a-f]{20}\b|/p/\d+", "", html)
