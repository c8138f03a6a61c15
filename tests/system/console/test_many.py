"""What is done with all contacts that match: a job of the worker, which has a page."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.console_book import CROWD
from tests.system.console.work import MAIN, Work, numbers


@MAIN
def test_all_that_match_join_a_group_and_are_taken_back(ed: Work) -> None:
    group = f"Umati {next(numbers)}"
    page = ed.go("/contacts?q=umati")
    page.get_by_role("table").get_by_role("checkbox").nth(1).click()
    page.get_by_label("Do it with").select_option("all that match")
    ed.press("Add to group…")
    page.get_by_label("Group", exact=True).fill(group)
    ed.press("Add to the group")
    expect(page.get_by_role("heading", level=1)).to_contain_text(group)
    undo = page.get_by_role("button", name="Undo", exact=True)
    ed.look_until(undo)
    assert ed.count(group) == CROWD
    undo.click()
    ed.look_until(page.get_by_text("Was undone"))
    assert not ed.count(group)
