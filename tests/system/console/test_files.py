"""Files in and out of the console: what the worker does with them meanwhile is shown as it goes on."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.support.console_book import ConsoleBook
from tests.support.console_browser import Watched
from tests.system.console.work import MAIN, ON_SQLITE, Work, numbers


def people(*names: str) -> bytes:
    """A file of people with new numbers, two columns that are recognised and one that is not."""
    rows = [f"0711 {next(numbers)},{name},{place}" for place, name in enumerate(names)]
    return "\n".join(["Simu,Jina la kwanza,Kadi", *rows, "none,Bila Namba,7"]).encode()


def choose(ed: Work, name: str, file: bytes, *, group: str = "") -> None:
    """Choose a file, and go to its columns."""
    page = ed.go("/imports")
    page.get_by_label("A file from your computer or phone").set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": file}
    )
    page.get_by_label("Contacts join the group").fill(group)
    ed.press("Look at the file")


@MAIN
def test_a_file_is_looked_at_planned_applied_and_undone(ed: Work) -> None:
    name, group = f"Darasa{next(numbers)}", f"Class {next(numbers)}"
    choose(ed, f"{name}.csv", people(f"{name} A", f"{name} B"), group=group)
    page = ed.page
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{name}.csv")
    page.get_by_label("Simu becomes").select_option("Number")
    page.get_by_label("Jina la kwanza becomes").select_option("First name")
    ed.press("Look again")
    expect(page.get_by_role("region", name="The first rows, as they will be")).to_contain_text(f"{name} A")
    ed.press("Make the plan")
    apply = page.get_by_role("button", name="Apply")
    ed.look_until(apply)
    expect(page.get_by_text("Nothing has changed yet. This is what would happen.")).to_be_visible()
    expect(page.get_by_role("table", name="1 row, by reason")).to_be_visible()
    assert ed.count(group) is None
    apply.click()
    undo = page.get_by_role("button", name="Undo this import")
    ed.look_until(undo)
    assert ed.count(group) == 2
    with page.expect_download() as rejects:
        page.get_by_role("link", name="Download this 1 row, with the reason").click()
    assert "Bila Namba" in Path(rejects.value.path()).read_text()
    undo.click()
    ed.look_until(page.get_by_text("Undone today"))
    page = ed.go(f"/contacts?q={name}")
    expect(page.get_by_role("heading", name=f"Nobody fits {name}")).to_be_visible()


@ON_SQLITE
def test_a_plan_that_is_not_wanted_is_thrown_away(ed: Work) -> None:
    name = f"Hapana{next(numbers)}"
    choose(ed, f"{name}.csv", people(name).replace(b"Simu", b"Phone"))
    ed.press("Make the plan")
    away = ed.page.get_by_role("button", name="Throw the plan away")
    ed.look_until(away)
    away.click()
    ed.says("The file is thrown away. Nothing was changed by it.")


@ON_SQLITE
def test_what_cannot_be_read_is_refused_with_the_form(ed: Work) -> None:
    choose(ed, "picture.png", b"\x89PNG\r\n\x1a\n" + bytes(100))
    expect(ed.page.get_by_role("alert")).to_be_visible()


@MAIN
def test_a_group_is_exported(ed: Work) -> None:
    group, name = f"Nje {next(numbers)}", f"Nje{next(numbers)}"
    ed.add(name, group=group)
    page = ed.go(f"/contacts?group={group}")
    ed.follow("Export")
    ed.press("Make the file")
    ready = page.get_by_role("link", name=f"Download : {group}")
    ed.look_until(ready)
    with page.expect_download() as file:
        ready.click()
    assert name in Path(file.value.path()).read_text()
    page.get_by_role("button", name=f"Delete : {group}").click()
    expect(ready).to_be_hidden()


def test_a_file_is_dropped_on_the_form_and_a_line_that_breaks_is_said(book: ConsoleBook, asha: Watched) -> None:
    page = asha.go(f"{book.path}/imports")
    dropped = page.evaluate_handle(
        "() => { const given = new DataTransfer(); given.items.add(new File(['phone\\n0711800101\\n'], 'dropped.csv'));"
        " return given; }"
    )
    page.route("**/imports/new", lambda route: route.abort())
    page.dispatch_event("form.drop", "drop", {"dataTransfer": dropped})
    page.get_by_role("button", name="Look at the file").click()
    expect(page.get_by_role("alert")).to_contain_text("The line was lost before the whole file was here.")
    asha.collect()
    page.unroute("**/imports/new")
    page.get_by_role("button", name="Look at the file").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("dropped.csv")
    page.get_by_role("button", name="Throw the file away").click()
    expect(page.locator("#done")).to_contain_text("The file is thrown away.")
