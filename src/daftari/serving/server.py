"""Builds a server process: settings in, a store with an RSGI server in front of it out.

Each process builds its own after it was spawned; nothing is built at import. Knows nothing about how a process is
started or stopped.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from daftari import __version__
from daftari.api.app import build_app, build_authorizer
from daftari.api.authentication import KeyAuthenticator
from daftari.api.key_cache import KeyCache
from daftari.api.routes import DOCS_ROUTE, PREFIX, VERSION, build_router
from daftari.console.app import build_console
from daftari.console.authentication import SessionAuthenticator
from daftari.console.routes import ROUTES
from daftari.model.time import current_time
from daftari.settings import Settings
from daftari.store import Store, WaitingStore
from daftari.web.callers import read_networks
from daftari.web.errors import render_json
from daftari.web.requests import AppContext
from daftari.web.server import EntryPoint, Limits, RsgiServer

OPEN_SECONDS_MAX = 0.5
"""How long the start waits for the database; it is usually there in less, and until then answers are 503."""


class Server(Struct, frozen=True):
    """What a server process has. ``close`` saves what waits for the periodic work, and closes the store."""

    store: Store
    rsgi: RsgiServer
    close: Callable[[], None]


def build_server(settings: Settings) -> Server:
    """The server on a database, which answers 503 while the database cannot be opened."""
    store = WaitingStore(
        settings.database,
        threads=settings.threads,
        secret=settings.secret,
        secret_file=settings.secret_file,
        seconds_max=OPEN_SECONDS_MAX,
    )
    public_url = None if settings.public_url is None else settings.public_url.rstrip("/")
    context = AppContext(
        store,
        render_error=render_json,
        public_url=public_url,
        version=__version__,
        outbound_hosts=settings.outbound_hosts,
        databases=settings.allowed_databases,
    )
    cache = KeyCache(store)
    keys = KeyAuthenticator(cache)
    sessions = SessionAuthenticator(
        store,
        public_url=public_url,
        insecure_cookies=settings.insecure_cookies,
        trusted=read_networks(settings.trusted_proxies),
    )
    api = EntryPoint(
        build_router(base=context.base), build_app(context, keys), build_authorizer(store, keys), render_json
    )
    console = build_console(context, sessions, (*ROUTES, DOCS_ROUTE))

    def save_used() -> None:
        cache.save_used()
        cache.save_calls()
        sessions.save_used(current_time())

    def close() -> None:
        save_used()
        store.close()

    rsgi = RsgiServer(
        choose_by_path(api, console, base=context.base),
        # Where a read waits for another machine, the event loop answers nothing.
        inline=not store.reads_wait,
        threads=settings.threads,
        periodic=save_used,
        close=close,
        limits=Limits(),
    )
    return Server(store=store, rsgi=rsgi, close=close)


def choose_by_path(api: EntryPoint, console: EntryPoint, *, base: str) -> Callable[[str], EntryPoint]:
    """The API at its paths, and the console at all others. A proxy may have removed ``base`` or not."""
    programs = (VERSION[1:], PREFIX[1:])
    below = f"{base}/"

    def choose(path: str) -> EntryPoint:
        rest = path[len(base) :] if base and path.startswith(below) else path
        return api if rest.lstrip("/").partition("/")[0] in programs else console

    return choose
