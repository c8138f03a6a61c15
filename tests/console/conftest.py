"""People who use the console: Asha owns Shopify, Ed edits it, Vic looks at it, and Kai owns Kalro.

Each has a browser of the service in this process that is signed in; ``visitor`` has one that is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from daftari.model.time import current_time
from daftari.model.users import Role
from daftari.rules.access import passwords, users
from daftari.rules.access.sessions import begin_session
from daftari.serving.server import Server, build_server
from daftari.settings import Settings
from daftari.store import Store, SystemTx
from daftari.store import users as stored_users
from daftari.web.cookies import name_cookies
from tests.conftest import People
from tests.support.browsers import HOST, Browser
from tests.support.clients import in_process

PASSWORD = "seven goats on a hill"
PLACES = {
    "asha": ("Shopify", "owner"),
    "ed": ("Shopify", "editor"),
    "vic": ("Shopify", "viewer"),
    "kai": ("Kalro", "owner"),
}


class Everyone(Struct, frozen=True):
    """The browsers of the people who use the console, and their two projects."""

    asha: Browser
    ed: Browser
    vic: Browser
    kai: Browser
    shopify: int
    kalro: int


NewBrowser = Callable[[], Browser]


@pytest.fixture
def new_browser(server: Server, loop: asyncio.AbstractEventLoop) -> NewBrowser:
    """Makes browsers of the service on ``database``."""
    return lambda: Browser(in_process(server.rsgi, loop))


@pytest.fixture
def visitor(new_browser: NewBrowser) -> Browser:
    """A browser that is not signed in."""
    return new_browser()


@pytest.fixture(scope="session")
def stored_password() -> str:
    """``PASSWORD`` as it is stored: once, since hashing takes long."""
    return passwords.hash_password(PASSWORD)


@pytest.fixture
def everyone(store: Store, people: People, new_browser: NewBrowser, stored_password: str) -> Everyone:
    """Everyone, signed in."""

    def add(tx: SystemTx, name: str, project: str, role: Role) -> str:
        given = users.NewUser(f"{name}@example.com", name.title())
        added = users.add_user(tx, given=given, role=users.NewRole(role), project=project, is_operator=name == "asha")
        stored_users.save_password(tx, user_id=added.user.id, password=stored_password)
        return begin_session(tx, user_id=added.user.id, address="127.0.0.1", browser="tests")[0]

    browsers = {}
    names = name_cookies(store.system_read(0, lambda tx: tx.epoch()), insecure=False)
    for name, (project, role) in PLACES.items():
        token = store.system_write(current_time(), add, name, project, role)
        browsers[name] = new_browser()
        browsers[name].cookies[names.session] = token
    return Everyone(**browsers, shopify=people.shopify.id, kalro=people.kalro.id)


@pytest.fixture
def open_allowing(
    database: str,
    settings_for: Callable[..., Settings],
    everyone: Everyone,
    loop: asyncio.AbstractEventLoop,
) -> Iterator[Callable[..., Browser]]:
    """Opens Asha's browser at a service with other settings: ``open_allowing(outbound_hosts="127.0.0.1:9")``."""
    built: list[Server] = []

    def open_allowing(**options: str) -> Browser:
        built.append(build_server(settings_for(database, **options)))
        browser = Browser(in_process(built[-1].rsgi, loop), origin=options.get("public_url", f"http://{HOST}"))
        browser.cookies |= everyone.asha.cookies
        return browser

    yield open_allowing
    for server in built:
        server.rsgi.__rsgi_del__(loop)


ROOT = Path(__file__).parent.parent.parent
