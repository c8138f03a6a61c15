"""What people do in the console, by mouse and keyboard: with and without JavaScript, on SQLite and on PostgreSQL."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.conftest import serving
from tests.support.commands import open_terminal
from tests.support.console_book import PASSWORD
from tests.support.waiting import wait_for
from tests.system.console.conftest import OpenBook, OpenBrowser
from tests.system.console.work import MAIN, ON_SQLITE, Work, numbers


@MAIN
def test_someone_signs_in_with_a_password_and_out_again(
    way: tuple[str, bool], open_engine: OpenBook, open_browser: OpenBrowser
) -> None:
    engine, script = way
    book = open_engine(engine)
    page = open_browser(book.url, script=script).go(f"{book.path}/groups")
    assert "/sign-in" in page.url
    page.get_by_label("E-mail").fill("ed@example.com")
    page.get_by_label("Password", exact=True).fill("wrong")
    page.keyboard.press("Enter")
    expect(page.locator(".error").first).to_be_visible()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Groups")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.goto(f"{book.url}{book.path}/groups")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


@MAIN
def test_someone_is_added_found_as_one_types_and_changed(ed: Work) -> None:
    name = f"Mwangaza{next(numbers)}"
    page = ed.go("/contacts")
    ed.follow("Add a contact")
    page.get_by_label("First name").fill(name)
    page.get_by_label("Number").fill(f"0711 {next(numbers)}")
    page.get_by_label("Group").fill("VIP")
    ed.press("Add to the book")
    ed.says("Added to the book.")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    ed.follow("Change")
    page.get_by_label("Town").fill("Kisii")
    ed.press("Save")
    ed.says("Saved.")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Contacts").click()
    page.get_by_role("searchbox").press_sequentially(name[:14].lower())
    if not ed.browser.has_script:
        ed.press("Search")
    expect(page.get_by_role("rowheader")).to_have_count(1)
    expect(page.get_by_role("rowheader")).to_have_text(name)
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_text("Kisii", exact=True)).to_be_visible()


@MAIN
def test_ticked_contacts_are_added_to_a_group_and_taken_back(ed: Work) -> None:
    name, group = f"Tumaini{next(numbers)}", f"Choir {next(numbers)}"
    ids = ed.add(f"{name} A", f"{name} B", f"{name} C")
    page = ed.go(f"/contacts?q={name}")
    for which in ("A", "C"):
        page.get_by_role("checkbox", name=f"Tick {name} {which}").click()
    expect(page.locator(".bar")).to_be_visible()
    ed.press("Add to group…")
    page.get_by_label("Group", exact=True).fill(group)
    ed.press("Add to the group")
    ed.says(f"2 contacts joined \u2068{group}\u2069.")
    assert [ed.groups_of(one) for one in ids] == [[group], [], [group]]
    ed.undo()
    assert [ed.groups_of(one) for one in ids] == [[], [], []]


@ON_SQLITE
def test_ticked_contacts_are_moved_and_taken_out_of_a_group(ed: Work) -> None:
    name, group = f"Imani{next(numbers)}", f"Class {next(numbers)}"
    first, second = ed.add(f"{name} A", f"{name} B", group=group)
    page = ed.go(f"/contacts?group={group}")
    page.get_by_role("checkbox", name=f"Tick {name} A").click()
    ed.press("Move to group…")
    page.get_by_label("Group", exact=True).fill(f"{group} B")
    ed.press("Move")
    ed.says(f"1 contact moved to \u2068{group} B\u2069.")
    assert (ed.groups_of(first), ed.groups_of(second)) == ([f"{group} B"], [group])
    page.get_by_role("checkbox", name=f"Tick {name} B").click()
    ed.press("Take out of this group…")
    ed.press("Take out of the group")
    ed.says(f"1 contact left \u2068{group}\u2069.")
    assert ed.groups_of(second) == []
    ed.undo()
    assert ed.groups_of(second) == [group]


@MAIN
def test_ticked_contacts_are_removed_and_brought_back(ed: Work) -> None:
    name = f"Baraka{next(numbers)}"
    ids = ed.add(f"{name} A", f"{name} B", group="VIP")
    page = ed.go(f"/contacts?q={name}")
    if ed.browser.has_script:
        page.get_by_role("checkbox", name="Tick the whole page").click()
    else:
        for box in page.get_by_role("table").get_by_role("checkbox").all():
            box.click()
    ed.press("Remove from the book…")
    ed.press("Remove 2 contacts")
    ed.says("2 contacts are out of the book.")
    assert not any(map(ed.is_there, ids))
    ed.undo()
    assert [ed.groups_of(one) for one in ids] == [["VIP"], ["VIP"]]


@MAIN
def test_who_asked_to_stop_is_opted_out_and_the_page_says_why(ed: Work) -> None:
    (contact,) = ed.add(f"Neno{next(numbers)}", group="VIP")
    page = ed.go(f"/contacts/{contact}")
    expect(page.get_by_text("Yes, by every way.")).to_be_visible()
    ed.follow("They asked us to stop…")
    page.get_by_label("How did they say it?").fill("By telephone: no more, please.")
    ed.press("Write it down")
    ed.says("Written down. It holds until they agree again.")
    expect(page.get_by_text("No. They opted out of everything, by every way and from any sender.")).to_be_visible()
    page.get_by_role("link", name="why").first.click()
    expect(page.locator(":target")).to_contain_text("By telephone: no more, please.")
    assert ed.groups_of(contact) == []
    ed.undo()
    page = ed.go(f"/contacts/{contact}")
    expect(page.get_by_text("Yes, by every way.")).to_be_visible()


@ON_SQLITE
def test_who_agrees_again_may_be_messaged(ed: Work) -> None:
    (contact,) = ed.add(f"Ndiyo{next(numbers)}")
    page = ed.go(f"/contacts/{contact}/remove")
    ed.press("Write it down")
    ed.says("Written down.")
    ed.follow("They agreed…")
    page.get_by_label("What?").select_option("Everything")
    page.get_by_label("How did they say it?").fill("Yes")
    ed.press("Write it down")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("How did they say it?").fill("Signed at the counter on paper.")
    ed.press("Write it down")
    ed.says("Written down. They may be messaged so from now on.")


@MAIN
def test_a_double_is_removed_and_brought_back(ed: Work) -> None:
    (contact,) = ed.add(f"Mara{next(numbers)}")
    ed.go(f"/contacts/{contact}")
    ed.follow("Remove…")
    ed.press("Remove from the book")
    ed.says("Out of the book.")
    assert not ed.is_there(contact)
    ed.undo()
    assert ed.is_there(contact)


@ON_SQLITE
def test_who_asked_to_be_forgotten_is_erased_once_the_number_is_typed(
    owner: Work,
) -> None:
    (contact,) = owner.add(f"Sahau{next(numbers)}")
    digits = owner.book.ana.get(f"/v1/contacts/{contact}").json()["contact"]["mobile"]
    page = owner.go(f"/contacts/{contact}/remove")
    owner.follow("Erase for good…")
    page.get_by_label("Type the number to erase it").fill("0700 000000")
    owner.press("Erase for good")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Type the number to erase it").fill(f"+{digits}")
    owner.press("Erase for good")
    owner.says("Erased. We will never message that number.")
    assert not owner.is_there(contact)


@MAIN
def test_a_group_is_made_renamed_merged_and_deleted(ed: Work) -> None:
    old, new = f"Old {next(numbers)}", f"New {next(numbers)}"
    page = ed.go("/groups")
    page.get_by_label("New group").fill(old)
    ed.press("Make it")
    ed.says(f"There is a group \u2068{old}\u2069 now.")
    page.get_by_role("checkbox", name=f"Tick {old}").click()
    ed.press("Rename…")
    page.get_by_label("Name", exact=True).fill(f"{old} B")
    ed.press("Rename")
    ed.says(f"It is called \u2068{old} B\u2069 now.")
    (contact,) = ed.add(f"Kundi{next(numbers)}", group=f"{old} B")
    ed.add(f"Kundi{next(numbers)}", group=new)
    page = ed.go(f"/groups/{old} B")
    ed.follow("Merge…")
    page.get_by_label("Into the group").fill(new)
    ed.press("Merge 1 contact")
    ed.says(f"1 contact joined \u2068{new}\u2069.")
    assert ed.groups_of(contact) == [new]
    ed.undo()
    assert ed.groups_of(contact) == [f"{old} B"]
    ed.go(f"/groups/{old} B")
    ed.follow("Delete…")
    ed.press("Delete the group")
    ed.says(f"The group \u2068{old} B\u2069 is gone.")
    assert ed.groups_of(contact) == []
    ed.undo()
    assert ed.groups_of(contact) == [f"{old} B"]


@ON_SQLITE
def test_a_contact_joins_and_leaves_a_group_on_its_page(ed: Work) -> None:
    (contact,) = ed.add(f"Jiunge{next(numbers)}")
    page = ed.go(f"/contacts/{contact}")
    page.get_by_label("Add to the group").fill("VIP")
    ed.press("Add")
    ed.says("In \u2068VIP\u2069 now.")
    page.get_by_role("button", name="Take out of VIP").click()
    ed.says("Out of \u2068VIP\u2069 now.")
    ed.undo()
    assert ed.groups_of(contact) == ["VIP"]


@ON_SQLITE
def test_the_first_one_signs_in_by_the_printed_link_and_makes_a_project(
    way: tuple[str, bool], tmp_path: Path, open_browser: OpenBrowser
) -> None:
    with open_terminal() as (terminal, printed), serving(tmp_path, str(tmp_path / "new.db"), terminal=terminal) as live:
        wait_for(lambda: "/link/" in printed())
        (link,) = re.findall(r"http://127\.0\.0\.1:\d+/link/\S+", printed())
        browser = open_browser(live.url, script=way[1])
        page = browser.go(link.removeprefix(live.url))
        page.get_by_label("Your name").fill("Asha")
        page.get_by_label("E-mail").fill("asha@example.com")
        page.get_by_label("New password").fill("short")
        page.get_by_role("button", name="Save it and sign in").click()
        expect(page.get_by_role("alert")).to_be_visible()
        page.get_by_label("New password").fill(PASSWORD)
        page.get_by_role("button", name="Save it and sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Make your first project")
        page.get_by_label("Name of the project").fill("Duka")
        page.get_by_label("Country").select_option("KE")
        page.get_by_role("button", name="Make the project").click()
        expect(page.get_by_role("heading", name="Bring your people")).to_be_visible()
        page.get_by_role("link", name="Add one contact").click()
        page.get_by_label("Number").fill("0711 000001")
        page.get_by_role("button", name="Add to the book").click()
        expect(page.locator("#done")).to_contain_text("Added to the book.")
        browser.go(link.removeprefix(live.url), status=404)
