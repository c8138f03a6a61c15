"""What owners set and everyone can look up: the log, keys, and users."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.console_book import NAME, PASSWORD
from tests.support.waiting import wait_for
from tests.system.console.conftest import OpenBrowser
from tests.system.console.work import MAIN, ON_SQLITE, Work, numbers


@MAIN
def test_what_was_done_is_found_in_the_log_and_undone_there(ed: Work) -> None:
    name = f"Kumbuka{next(numbers)}"
    (contact,) = ed.add(name)
    page = ed.go(f"/contacts/{contact}/edit")
    page.get_by_label("Town").fill("Kisii")
    ed.press("Save")
    page = ed.go("/settings/log")
    page.get_by_role("searchbox").fill(name)
    page.keyboard.press("Enter")
    rows = page.get_by_role("row")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_contain_text("Ed")
    rows.nth(1).get_by_role("button", name="Undo").click()
    ed.says("Undone.")
    page = ed.go(f"/contacts/{contact}")
    expect(page.get_by_role("definition").get_by_text("Kisii")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


@MAIN
def test_a_key_is_shown_once_works_and_is_revoked(owner: Work) -> None:
    label = f"Till {next(numbers)}"
    page = owner.go("/settings/keys")
    page.get_by_label("What is it for?").fill(label)
    page.get_by_role("radio").first.check()
    owner.press("Make the key")
    secret = page.locator("#done code").inner_text()
    # What needs JavaScript is not there without it.
    expect(page.get_by_role("button", name="Copy the key")).to_be_visible(visible=owner.browser.has_script)
    program = owner.book.ana.with_key(secret)
    assert program.get("/v1/contacts").status == 200
    page = owner.go("/settings/keys")
    assert secret not in page.content()
    page.get_by_role("link", name=f"Revoke… {label}").click()
    page.get_by_role("button", name=f"Revoke {label}").click()
    expect(page.get_by_role("row", name=label)).to_contain_text("revoked")
    wait_for(lambda: program.get("/v1/contacts").status == 401)


@ON_SQLITE
def test_a_user_is_added_signs_in_by_the_link_and_is_removed(
    way: tuple[str, bool], owner: Work, open_browser: OpenBrowser
) -> None:
    name = f"Juma{next(numbers)}"
    page = owner.go("/settings/users")
    page.get_by_label("E-mail").fill(f"{name}@example.com")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("radio").first.check()
    owner.press("Add")
    link = page.locator("#done code").inner_text()
    juma = open_browser(owner.book.url, script=way[1])
    theirs = juma.go(link.removeprefix(owner.book.url))
    theirs.get_by_label("New password").fill(PASSWORD)
    theirs.get_by_role("button", name="Save it and sign in").click()
    expect(theirs.get_by_role("heading", level=1)).to_have_text(NAME)
    page = owner.go("/settings/users")
    page.get_by_role("link", name=f"Change… {name}").click()
    page.get_by_role("radio").nth(1).check()
    owner.press("Save")
    expect(page.get_by_role("row", name=name)).to_contain_text("Editor")
    juma.go(f"{owner.book.path}/contacts/new")
    page.get_by_role("link", name=f"Remove… {name}").click()
    page.get_by_role("button", name=f"Remove {name}").click()
    expect(page.get_by_role("row", name=name)).to_have_count(0)
    juma.go(f"{owner.book.path}/contacts", status=404)
