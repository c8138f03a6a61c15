"""Triggers and audiences by mouse: made, turned on, seen at work; counted as one chooses, frozen and compared."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.support.waiting import wait_for
from tests.system.console.work import MAIN, Work, numbers


@MAIN
def test_a_trigger_is_made_turned_on_and_seen_at_work(ed: Work, owner: Work) -> None:
    name, event = f"Reminder {next(numbers)}", f"cart{next(numbers)}"
    page = ed.go("/triggers")
    ed.follow("Make a trigger")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("radio", name="A program reports something").check()
    page.get_by_label("What it is called").fill(event)
    page.get_by_label("How long after it", exact=True).fill("0")
    page.get_by_label("Line 1: what").select_option("this was reported")
    page.get_by_label("Line 1: its name").fill(f"paid-{event}")
    page.get_by_label("From", exact=True).select_option(index=1)
    page.get_by_label("Text", exact=True).fill("Hello {{ unknown }}")
    ed.press("Make the trigger")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Text", exact=True).fill("Hello {{ fname | rafiki }}, it waits")
    ed.press("Make the trigger")
    ed.says("It is made, and off.")
    expect(page.locator(".bubble")).to_have_text("Hello First name, it waits")
    expect(page.get_by_role("link", name="Turn it on…")).to_have_count(0)
    own = page.url.partition("?")[0]
    owner.browser.go(own.removeprefix(ed.book.url))
    owner.follow("Turn it on…")
    owner.press("Turn it on")
    owner.says("It is on.")
    (contact,) = ed.add(f"Neema{next(numbers)}")
    mobile = ed.book.ana.get(f"/v1/contacts/{contact}").json()["contact"]["mobile"]
    other = f"0711{next(numbers)}"
    paid = [{"name": f"paid-{event}", "mobile": other, "key": "c1"}, {"name": event, "mobile": other, "key": "c1"}]
    for given in (*paid, {"name": event, "mobile": mobile, "key": "c2"}):
        assert ed.book.ana.post("/v1/events", given).status == 201
    look_again(ed, own, page.get_by_role("cell", name="Accepted"))
    look_again(ed, own, page.get_by_role("cell", name="Left out: stopped by what happened meanwhile"))
    expect(page.get_by_role("rowheader", name="Neema")).to_be_visible()
    ed.press("Turn it off")
    ed.says("It is off, and sends nothing.")
    ed.follow("Delete…")
    ed.press("Delete the trigger")
    ed.says(f"The trigger \u2068{name}\u2069 is gone.")


@MAIN
def test_an_audience_is_counted_frozen_and_compared(ed: Work) -> None:
    farmers, staff = f"Farmers{next(numbers)}", f"Staff{next(numbers)}"
    first, _, third = ed.add("A", "B", "C", group=farmers)
    ed.book.ana.post("/v1/groups", {"name": staff})
    ed.book.ana.post(f"/v1/groups/{staff}/contacts", {"ids": [third]})
    page = ed.go("/audiences")
    status = page.get_by_role("status")
    choose(ed, "groups", farmers)
    expect(status.get_by_text("of 3 members")).to_be_visible()
    choose(ed, "not", staff)
    expect(status.get_by_text("in a group that is left out")).to_be_visible()
    expect(status.locator(".big")).to_have_text("2")
    with page.expect_download() as download:
        status.get_by_role("link", name="Download").click()
    assert len(download.value.path().read_text().split()) == 3
    ed.press("Freeze it")
    ed.says("It is frozen as it is now.")
    number = page.get_by_role("heading", level=1).inner_text().removeprefix("Audience ")
    mobile = ed.book.ana.get(f"/v1/contacts/{first}").json()["contact"]["mobile"]
    ed.book.ana.post("/v1/opt-outs", {"mobile": mobile})
    page.reload()
    expect(page.get_by_role("cell", name="Opted out of everything")).to_be_visible()
    ed.go(f"/audiences?group={farmers}")
    ed.press("Count")
    expect(status.get_by_text("of 2 members")).to_be_visible()
    ed.press("Freeze it")
    ed.says("It is frozen as it is now.")
    page.get_by_label("With").select_option(value=number)
    ed.press("Compare")
    expect(page.get_by_role("heading", name="What they have in common")).to_be_visible()
    expect(page.get_by_role("row", name="In both 1")).to_be_visible()


def look_again(ed: Work, url: str, wanted: Locator) -> None:
    """Load a page until it shows something."""

    def look() -> bool:
        ed.page.goto(url)
        return wanted.count() > 0

    wait_for(look, poll_seconds=0.2)


def choose(ed: Work, field: str, group: str) -> None:
    """Choose a group: with JavaScript it counts at once, without it one presses."""
    field_of = ed.page.locator(f"#{field}")
    box = field_of.get_by_role("checkbox", name=group)
    if box.count():
        box.check()
    else:
        field_of.get_by_role("textbox").or_(field_of.get_by_role("combobox")).fill(group)
    if not ed.browser.has_script:
        ed.press("Count")
