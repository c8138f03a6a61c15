"""Puts the pieces together: settings in, a store with a door in front of it out.

Each server process builds its own house after it was spawned; nothing here is built at import time. This room must
not know how a process is started or stopped.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from daftari import __version__
from daftari.api.app import build_app
from daftari.api.routes import address, body_terms, is_quick
from daftari.model.time import current_time
from daftari.settings import Settings
from daftari.store import Store, open_store
from daftari.web.key_cache import Keyring
from daftari.web.requests import Desk
from daftari.web.server import Door


class Server(Struct, frozen=True):
    """Everything a server process has. ``close`` writes down what is not urgent and closes the store."""

    store: Store
    door: Door
    close: Callable[[], None]


def build_server(settings: Settings) -> Server:
    """The house on a database. Raises ``SchemaMismatch``, ``StoreUnavailable`` and ``BadSettings``."""
    store = open_store(
        settings.database, threads=settings.threads, secret=settings.secret, secret_file=settings.secret_file
    )
    keyring = Keyring(store)
    desk = Desk(store, keyring=keyring, clock=current_time, public_url=settings.public_url, version=__version__)
    application = build_app(desk)

    def close() -> None:
        keyring.note_used()
        store.close()

    door = Door(
        application,
        address=address,
        body_terms=body_terms,
        admit=desk.admit,
        at_once=_never if store.reads_wait else is_quick,
        threads=settings.threads,
        housework=keyring.note_used,
        close=close,
    )
    return Server(store=store, door=door, close=close)


def _never(method: str, path: str) -> bool:
    """Where every read waits for another machine, nothing is answered on the event loop."""
    return False
