"""The console below a path of a host: every link, form and file of it works behind nginx, as the sample has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.conftest import NewDatabase, free_port, serving
from tests.support.console_book import NAME, PASSWORD, add_people, open_book
from tests.support.console_browser import Watched
from tests.support.stores import open_store
from tests.system.conftest import Run
from tests.system.test_proxies import HOST, certificate, start_nginx

__all__ = ["certificate"]
BASE = "/phonebook"


@pytest.fixture
def visitor(
    new_database: NewDatabase, tmp_path: Path, run: Run, certificate: Path, chromium: Chromium
) -> Iterator[Watched]:
    """A browser at the console behind nginx."""
    port, database = free_port(), new_database("sqlite")
    store = open_store(database, threads=2)
    with serving(tmp_path, database, "--public-url", f"https://{HOST}:{port}{BASE}") as live:
        upstream = live.url.removeprefix("http://")
        start_nginx(run, tmp_path, certificate, upstream=upstream, port=port, base=BASE)
        open_book(live.url, database, store, live.client, fill=[add_people])
        browser = Watched(chromium, f"https://{HOST}:{port}{BASE}")
        yield browser
        assert not browser.collect()
        browser.close()
    store.close()


def test_everything_works_below_a_path(visitor: Watched) -> None:
    page = visitor.go("/")
    assert page.url.startswith(f"{visitor.url}/sign-in")
    page.get_by_label("E-mail").fill("ed@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Contacts").click()
    page.get_by_role("searchbox").press_sequentially("wanjiru")
    expect(page.get_by_text("Shown:")).to_be_visible()
    page.get_by_role("checkbox", name="Tick the whole page").click()
    page.get_by_role("button", name="Add to group…").click()
    page.get_by_label("Group", exact=True).fill("Below a path")
    page.get_by_role("button", name="Add to the group").click()
    expect(page.locator("#done")).to_contain_text("joined")
    page.locator("#done").get_by_role("button", name="Undo").click()
    expect(page.locator("#done")).to_contain_text("Undone.")
    for link in page.get_by_role("navigation", name="Main").get_by_role("link").all():
        assert str(link.get_attribute("href")).startswith((f"{BASE}/", "#"))
    assert visitor.requests
    assert all(url.startswith(f"{visitor.url}/") for url in visitor.requests), visitor.requests
