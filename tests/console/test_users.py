"""The pages of users: who may what here, a link for who is new, and nothing of other projects."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from daftari.rules.access import users
from daftari.store import Store
from daftari.store import users as stored_users
from tests.console.conftest import Everyone, NewBrowser
from tests.console.test_forms import plain, token_of
from tests.support.browsers import Browser, FoundPage

LINK = re.compile(r"http://[\w.:]+/link/[\w-]{43}")


def at(project: int, path: str = "") -> str:
    return f"/p/{project}/settings/users{path}"


def id_of(store: Store, name: str) -> int:
    return store.system_read(0, users.find_user, email=f"{name}@example.com").id


def role_of(store: Store, project: int, name: str) -> str | None:
    role = store.system_read(0, stored_users.get_role, project_id=project, user_id=id_of(store, name))
    return None if role is None else role.role


def add(browser: Browser, project: int, email: str, **typed: Any) -> FoundPage:
    return browser.submit(browser.get(at(project)), at(project), email=email, **typed)


def without(page: FoundPage, user_id: int) -> str:
    """A page without what differs each time, and without the id of a user in its path."""
    return plain(page).replace(f"users/{user_id}", "")


@pytest.fixture
def chris(everyone: Everyone, new_browser: NewBrowser) -> Browser:
    """A new user of Shopify, who chose a password by the link."""
    page = add(everyone.asha, everyone.shopify, "chris@example.com", name="Chris", role="viewer")
    (link,) = set(LINK.findall(page.html))
    browser = new_browser()
    path = urlsplit(link).path
    browser.submit(browser.get(path), path, new_password="nine hens on a roof")
    return browser


def test_users_are_listed_with_their_roles_here(everyone: Everyone) -> None:
    page = everyone.asha.get(at(everyone.shopify))
    for said in ("Asha you asha@example.com Owner – now", "Ed ed@example.com Editor", "Vic vic@example.com Viewer"):
        assert said in page.text
    assert "Kai" not in page.text


def test_someone_new_gets_a_link_that_is_shown_once_and_works_once(
    everyone: Everyone, chris: Browser, store: Store
) -> None:
    assert "Shopify" in chris.get("/").text
    assert role_of(store, everyone.shopify, "chris") == "viewer"
    assert not LINK.search(everyone.asha.get(at(everyone.shopify)).html)


def test_someone_new_has_the_language_in_which_the_link_was_read(everyone: Everyone, new_browser: NewBrowser) -> None:
    page = add(everyone.asha, everyone.shopify, "neema@example.com", name="Neema", role="viewer")
    path = urlsplit(LINK.findall(page.html)[0]).path
    browser = new_browser()
    browser.get("/sign-in?language=sw")
    home = browser.submit(browser.get(path), path, new_password="kuku tisa juu ya paa")
    assert home.title.startswith("Mwanzo")


def test_a_form_that_is_sent_twice_adds_one_user_and_the_link_still_works(
    everyone: Everyone, new_browser: NewBrowser
) -> None:
    page = everyone.asha.get(at(everyone.shopify))
    first = everyone.asha.submit(page, at(everyone.shopify), email="dora@example.com", role="editor")
    again = everyone.asha.submit(page, at(everyone.shopify), email="dora@example.com", role="editor")
    assert (again.status, "This user is in the project already." in again.text) == (409, True)
    (link,) = set(LINK.findall(first.html))
    assert new_browser().get(urlsplit(link).path).heading == "Welcome, dora"


def test_someone_with_an_account_gets_the_role_alone_and_nothing_else_is_told(everyone: Everyone, store: Store) -> None:
    page = add(everyone.asha, everyone.shopify, "KAI@example.com", name="Someone Else", role="editor", may_send="yes")
    assert page.status == 200
    assert "\u2068Kai\u2069 is here now: Editor." in page.text
    assert "/link/" not in page.html and "Kalro" not in page.text
    assert "Kai kai@example.com Editor Send not yet" in page.text
    assert everyone.kai.get(f"/p/{everyone.shopify}").status == 404, "before signing in again"
    assert role_of(store, everyone.kalro, "kai") == "owner"


def test_what_is_wrong_is_said_at_the_field(everyone: Everyone) -> None:
    for email, said in (("", "This is needed."), ("asha at home", "This is no e-mail address.")):
        page = add(everyone.asha, everyone.shopify, email, name="Chris")
        assert (page.status, said in page.text) == (422, True)
        assert ("name", "Chris") in page.form(at(everyone.shopify)).fields
    fields = [("email", "x@example.com"), token_of(everyone.asha)]
    for role in ([], [("role", "king")]):
        assert everyone.asha.post(at(everyone.shopify), [*fields, *role]).status == 422


def test_another_role_counts_at_once(everyone: Everyone, store: Store) -> None:
    path = at(everyone.shopify, f"/{id_of(store, 'vic')}")
    page = everyone.asha.get(path)
    assert (page.heading, ("role", "viewer") in page.form(path).fields) == ("The role of Vic", True)
    saved = everyone.asha.submit(page, path, role="editor", may_erase="yes")
    assert "\u2068Vic\u2069: Editor, from now on." in saved.text
    assert "Vic vic@example.com Editor Erase" in saved.text
    assert everyone.vic.get(f"/p/{everyone.shopify}/contacts/new").status == 200
    again = everyone.asha.get(path)
    assert {("role", "editor"), ("may_erase", "yes")} <= set(again.form(path).fields)
    everyone.asha.submit(again, path, role="viewer")
    assert everyone.vic.get(f"/p/{everyone.shopify}/contacts/new").status == 403


def test_the_only_owner_is_neither_lowered_nor_removed(everyone: Everyone, store: Store) -> None:
    path = at(everyone.shopify, f"/{id_of(store, 'asha')}")
    forms: list[tuple[str, dict[str, Any]]] = [(path, {"role": "viewer"}), (f"{path}/remove", {})]
    for place, typed in forms:
        page = everyone.asha.submit(everyone.asha.get(place), place, **typed)
        assert page.status == 409
        assert "The only owner stays. Make another user an owner first." in page.text
        assert [form.action for form in page.forms if form.action == place]
    assert role_of(store, everyone.shopify, "asha") == "owner"


def test_a_role_ends_on_a_page_that_says_what_stops(everyone: Everyone, store: Store) -> None:
    path = at(everyone.shopify, f"/{id_of(store, 'ed')}/remove")
    page = everyone.asha.get(path)
    assert page.heading == "Remove Ed from Shopify?"
    assert "They no longer see this project" in page.text
    assert everyone.ed.get(f"/p/{everyone.shopify}").status == 200
    gone = everyone.asha.submit(page, path)
    assert "\u2068Ed\u2069 no longer has a role here." in gone.text and "ed@example.com" not in gone.text
    assert everyone.ed.get(f"/p/{everyone.shopify}").status == 404
    assert everyone.ed.get("/you").status == 200
    assert everyone.asha.submit(page, path).status == 404, "a second time"


def test_an_owner_who_lowers_or_removes_oneself_lands_where_that_is_allowed(everyone: Everyone, store: Store) -> None:
    everyone.asha.submit(
        everyone.asha.get(at(everyone.shopify, f"/{id_of(store, 'ed')}")),
        at(everyone.shopify, f"/{id_of(store, 'ed')}"),
        role="owner",
    )
    own = at(everyone.shopify, f"/{id_of(store, 'asha')}")
    page, removal = everyone.asha.get(own), everyone.asha.get(f"{own}/remove")
    assert "This is you." in removal.text
    lowered = everyone.asha.submit(page, own, role="editor")
    assert (lowered.status, "from now on" in lowered.text) == (200, True)
    assert everyone.asha.submit(removal, f"{own}/remove").status == 403
    removal = everyone.ed.get(at(everyone.shopify, f"/{id_of(store, 'ed')}/remove"))
    everyone.ed.submit(everyone.ed.get(own), own, role="owner")
    left = everyone.ed.submit(removal, at(everyone.shopify, f"/{id_of(store, 'ed')}/remove"))
    assert (left.status, left.heading) == (200, "Projects")
    assert "no longer has a role here" in left.text


def test_the_owner_of_another_project_sees_nothing_of_a_user_of_this_one(everyone: Everyone, store: Store) -> None:
    """Every page and form of users, in both projects, with a user of Shopify and with one that is not there."""
    victim, token = id_of(store, "ed"), token_of(everyone.kai)
    before = role_of(store, everyone.shopify, "ed")
    for project in (everyone.shopify, everyone.kalro):
        for path in ("/{}", "/{}/remove"):
            theirs, nowhere = (at(project, path.format(one)) for one in (victim, 987_654_321))
            found, missing = everyone.kai.get(theirs), everyone.kai.get(nowhere)
            assert found.status == missing.status == 404
            assert without(found, victim) == without(missing, 987_654_321)
            fields = [("role", "owner"), token]
            found, missing = everyone.kai.post(theirs, fields), everyone.kai.post(nowhere, fields)
            assert found.status == missing.status == 404
            assert without(found, victim) == without(missing, 987_654_321)
    assert everyone.kai.get(at(everyone.shopify)).status == 404
    assert (
        everyone.kai.post(at(everyone.shopify), [("email", "ed@example.com"), ("role", "owner"), token]).status == 404
    )
    assert "Ed" not in everyone.kai.get(at(everyone.kalro)).text.split()
    added = add(everyone.kai, everyone.kalro, "ed@example.com", role="viewer")
    assert (
        "Shopify" not in added.text and "Editor" not in added.text.replace("An editor may also", "").split("Add a")[0]
    )
    everyone.ed.get(f"/p/{everyone.shopify}")
    own = everyone.kai.get(at(everyone.kalro, f"/{victim}"))
    assert "Shopify" not in own.text and ("role", "viewer") in own.form(at(everyone.kalro, f"/{victim}")).fields
    assert "Ed ed@example.com Viewer – not yet" in everyone.kai.get(at(everyone.kalro)).text
    everyone.kai.submit(
        everyone.kai.get(at(everyone.kalro, f"/{victim}/remove")), at(everyone.kalro, f"/{victim}/remove")
    )
    assert (role_of(store, everyone.kalro, "ed"), role_of(store, everyone.shopify, "ed")) == (None, before)


def test_hostile_names_are_harmless(everyone: Everyone, store: Store) -> None:
    for number, name in enumerate(("<script>alert(1)</script>", "'\"><b>", "k" * 100)):
        add(everyone.asha, everyone.shopify, f"h{number}@example.com", name=name)
    for path in ("", f"/{id_of(store, 'h0')}", f"/{id_of(store, 'h0')}/remove", f"/{id_of(store, 'h1')}"):
        page = everyone.asha.get(at(everyone.shopify, path))
        assert page.status == 200 and "<script>alert" not in page.html and "<b>'" not in page.html
