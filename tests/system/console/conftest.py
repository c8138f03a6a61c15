"""One Chromium for all tests of the console, and one service with a full book for each engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium

from tests.conftest import serving
from tests.support import postgres
from tests.support.console_book import ConsoleBook, open_book
from tests.support.console_browser import WIDE, Watched, run_chromium
from tests.support.stores import open_store
from tests.system.conftest import find_program
from tests.system.console.work import Work

OpenBook = Callable[[str], ConsoleBook]
OpenBrowser = Callable[..., Watched]
BrowserOf = Callable[[str, str, bool], Watched]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Chromium]:
    with run_chromium(find_program("chromium", package="chromium")) as chromium:
        yield chromium


@pytest.fixture(scope="package")
def open_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBook]:
    """The service with a full book on an engine, started when it is first asked for."""
    opened: dict[str, ConsoleBook] = {}
    with ExitStack() as stack:

        def open_engine(engine: str) -> ConsoleBook:
            if engine not in opened:
                folder = tmp_path_factory.mktemp(engine)
                database = _new_database(request, engine, folder)
                store = open_store(database, threads=2)
                stack.callback(store.close)
                live = stack.enter_context(serving(folder, database))
                opened[engine] = open_book(live.url, database, store, live.client)
            return opened[engine]

        yield open_engine


def _new_database(request: pytest.FixtureRequest, engine: str, folder: Path) -> str:
    if engine == "sqlite":
        return str(shutil.copy(request.getfixturevalue("sqlite_template"), folder / "console.db"))
    name = request.getfixturevalue("postgres_copies").take()
    return postgres.database_address(request.getfixturevalue("postgres_server"), name)


@pytest.fixture(scope="package")
def book(open_engine: OpenBook) -> ConsoleBook:
    """On SQLite, for pages that are the same on both."""
    return open_engine("sqlite")


@pytest.fixture(scope="package")
def open_any(chromium: Chromium) -> Iterator[OpenBrowser]:
    """Opens browsers that stay open."""
    opened: list[Watched] = []

    def open_any(url: str, **given: Any) -> Watched:
        opened.append(Watched(chromium, url, **given))
        return opened[-1]

    yield open_any
    for watched in opened:
        watched.close()


@pytest.fixture
def open_browser(chromium: Chromium) -> Iterator[OpenBrowser]:
    """Opens browsers for a test, in which nothing has happened by its end that a page must not do."""
    opened: list[Watched] = []

    def open_browser(url: str, **given: Any) -> Watched:
        opened.append(Watched(chromium, url, **given))
        return opened[-1]

    yield open_browser
    found = [one for watched in opened for one in watched.collect()]
    for watched in opened:
        watched.close()
    assert not found


@pytest.fixture
def asha(browser_of: BrowserOf) -> Watched:
    """The owner's browser."""
    return browser_of("asha", "sqlite", True)


@pytest.fixture
def neema(browser_of: BrowserOf) -> Watched:
    """The browser of an owner who reads Swahili."""
    return browser_of("neema", "sqlite", True)


@pytest.fixture
def way(request: pytest.FixtureRequest) -> tuple[str, bool]:
    """An engine, and whether there is JavaScript."""
    return request.param


@pytest.fixture(scope="package")
def browser_of(open_engine: OpenBook, open_any: OpenBrowser) -> BrowserOf:
    """The browser of a user on an engine, with JavaScript or without: one for all tests."""
    opened: dict[tuple[str, str, bool], Watched] = {}

    def browser_of(name: str, engine: str, script: bool) -> Watched:
        if (name, engine, script) not in opened:
            book = open_engine(engine)
            opened[name, engine, script] = open_any(book.url, script=script)
            opened[name, engine, script].sign_in(book.cookie, book.sessions[name])
        return opened[name, engine, script]

    return browser_of


@pytest.fixture
def ed(way: tuple[str, bool], open_engine: OpenBook, browser_of: BrowserOf) -> Iterator[Work]:
    """The editor at work, in whose browser nothing happens that a page must not do."""
    browser = browser_of("ed", *way)
    browser.resize(WIDE)
    yield Work(open_engine(way[0]), browser)
    assert not browser.collect()


@pytest.fixture
def owner(way: tuple[str, bool], open_engine: OpenBook, browser_of: BrowserOf) -> Iterator[Work]:
    """An owner at work, likewise."""
    browser = browser_of("asha", *way)
    browser.resize(WIDE)
    yield Work(open_engine(way[0]), browser)
    assert not browser.collect()
