"""The console without a mouse: the way through a page by Tab, and the few keys that it has."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.console_book import ConsoleBook
from tests.support.console_browser import PHONE, WIDE, Watched, focused
from tests.system.console.test_pages import address

LONG_PAGES = (
    "{p}/contacts?n=25",
    "{p}/contacts/{contact}",
    "{p}/contacts/{contact}/remove",
    "{p}/contacts/new",
    "{p}/groups",
    "/you",
)
TABBABLE = """() => {
    const names = new Set();
    const all = document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']");
    globalThis.tabbable = [...all].filter((each) => {
        if (each.disabled || each.type === "hidden") return false;
        if (!each.checkVisibility({ visibilityProperty: true })) return false;
        if (each.type !== "radio") return true;
        const known = names.has(each.name);
        names.add(each.name);
        return !known;
    });
    return tabbable.length;
}"""
"""What Tab has to reach, in the order of reading: of radio buttons one of each name."""
WHERE = """() => {
    const found = document.activeElement, box = found.getBoundingClientRect();
    const x = box.left + Math.min(box.width, innerWidth - box.left) / 2, y = box.top + box.height / 2;
    const seen = document.elementFromPoint(x, y);
    const label = found.labels?.[0];
    const hidden = !seen || !(found.contains(seen) || seen.contains(found) || label?.contains(seen));
    const ring = getComputedStyle(found).outlineStyle !== "none" || found.matches("[type=datetime-local]");
    return [tabbable.indexOf(found), hidden && found.outerHTML.slice(0, 160), ring || found.outerHTML.slice(0, 160)];
}"""


@pytest.mark.parametrize("template", LONG_PAGES)
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_tab_reaches_everything_in_the_order_of_reading_and_nothing_hides_it(
    template: str, size: tuple[int, int], book: ConsoleBook, asha: Watched
) -> None:
    asha.resize(size)
    page = asha.go(address(book, template))
    count, reached = page.evaluate(TABBABLE), [-1]
    while reached[-1] < count - 1:
        page.keyboard.press("Tab")
        place, hidden, ring = page.evaluate(WHERE)
        assert not hidden, hidden
        assert ring is True, ring
        assert place in (reached[-1], reached[-1] + 1)  # A field for a time has several places of its own.
        reached.append(place)


def test_the_first_tab_leads_past_the_menu(book: ConsoleBook, asha: Watched) -> None:
    asha.resize(WIDE)
    page = asha.go(f"{book.path}/groups")
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the content"
    page.keyboard.press("Enter")
    assert focused(page) == "main"
    page.keyboard.press("Tab")
    assert focused(page) == "name"


def test_a_slash_goes_to_the_search_and_escape_closes_what_is_open(book: ConsoleBook, asha: Watched) -> None:
    asha.resize(WIDE)
    page = asha.go(f"{book.path}/contacts?n=25")
    page.keyboard.press("/")
    assert focused(page) == "q"
    page.keyboard.type("a/b")
    assert page.locator("#q").input_value() == "a/b"
    projects = page.locator("details.project")
    projects.locator("summary").press("Enter")
    assert projects.get_attribute("open") is not None
    page.keyboard.press("Escape")
    assert projects.get_attribute("open") is None
    asha.resize(PHONE)
    page.get_by_role("link", name="Menu").press("Enter")
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()


def test_the_keys_can_be_turned_off(book: ConsoleBook, asha: Watched) -> None:
    asha.resize(WIDE)
    page = asha.go("/you")
    page.get_by_role("button", name="Turn these keys off").click()
    page.get_by_role("button", name="Turn these keys on").wait_for()
    page = asha.go(f"{book.path}/contacts?n=25")
    page.keyboard.press("/")
    assert focused(page) != "q"
    page = asha.go("/you")
    page.get_by_role("button", name="Turn these keys on").click()
    page.get_by_role("button", name="Turn these keys off").wait_for()
