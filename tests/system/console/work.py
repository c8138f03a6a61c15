"""An editor at work in the console: what tests of jobs do with a page, and the ways in which each is done."""

from __future__ import annotations

import itertools
from urllib.parse import quote

import pytest
from msgspec import Struct
from playwright.sync_api import Locator, Page, expect

from tests.support.console_book import ConsoleBook
from tests.support.console_browser import Watched
from tests.support.waiting import wait_for

WAYS = {"sqlite": ("sqlite", True), "sqlite-without-script": ("sqlite", False), "postgres": ("postgres", True)}
MAIN = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS, indirect=True)
ON_SQLITE = pytest.mark.parametrize("way", [*WAYS.values()][:2], ids=[*WAYS][:2], indirect=True)
numbers = itertools.count(700_000)
"""For names and telephone numbers that no other test uses."""


class Work(Struct, frozen=True):
    """An editor's browser on a book, and what no one has in it yet."""

    book: ConsoleBook
    browser: Watched

    @property
    def page(self) -> Page:
        return self.browser.page

    def go(self, path: str) -> Page:
        """A page of the project."""
        return self.browser.go(f"{self.book.path}{path}")

    def press(self, name: str) -> None:
        """Press a button or follow a link that looks like one, and wait for the next page."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).click()

    def says(self, words: str) -> None:
        """The page says what was done."""
        expect(self.page.locator("#done")).to_contain_text(words)

    def undo(self) -> None:
        self.page.locator("#done").get_by_role("button", name="Undo").click()
        self.says("Undone.")

    def add(self, *names: str, group: str = "") -> list[int]:
        """Contacts that are there already; their ids."""
        rows = [{"mobile": f"0711{next(numbers)}", "fname": name} for name in names]
        given = {"group": group} if group else {}
        answer = self.book.ana.post("/v1/contacts", {"contacts": rows, "results": True, **given})
        return [row["id"] for row in answer.json()["results"]]

    def groups_of(self, contact: int) -> list[str]:
        answer = self.book.ana.get(f"/v1/contacts/{contact}", query={"include": "groups"})
        return sorted(answer.json()["contact"]["groups"])

    def look_until(self, shown: Locator) -> None:
        """Wait for what a job brings: with JavaScript it comes by itself, without it one looks again."""
        if self.browser.has_script:
            expect(shown).to_be_visible(timeout=30_000)
        else:
            wait_for(lambda: shown.is_visible() or self._look_again(), poll_seconds=0.2)

    def _look_again(self) -> bool:
        again = self.page.get_by_role("link", name="Look again")
        if again.is_visible():
            again.click()
        return False

    def is_there(self, contact: int) -> bool:
        return self.book.ana.get(f"/v1/contacts/{contact}").status == 200

    def count(self, group: str) -> int | None:
        """How many contacts are in a group, if there is one."""
        answer = self.book.ana.get(f"/v1/groups/{quote(group)}")
        return int(answer.json()["group"]["contacts"]) if answer.status == 200 else None
