"""What tests of the search do again and again: search, write the index, and look at what is in it."""

from __future__ import annotations

from typing import Any

import msgspec

from daftari.model.projects import Project
from daftari.rules.search.find import Found, search_contacts
from daftari.rules.search.index import apply_step, prepare_step
from daftari.rules.search.query import read_query
from daftari.store import Store
from daftari.store.search import get_state
from tests.support.builders import rows_of
from tests.support.calls import REGION, WORKER
from tests.support.stores import NOW


def search(store: Store, project: Project, text: str, **asked: Any) -> Found:
    """What the first page of a search has."""
    wanted = {"group": None, "after": 0, "limit": 50, "include": frozenset(), "suppressed": False, **asked}
    return store.read(project, NOW, search_contacts, query=read_query(text, region=REGION), **wanted)


def ids_of(found: Found) -> list[int]:
    """The ids of the contacts on a page."""
    return [card["id"] for card in msgspec.json.decode(b"[" + found.cards + b"]")]


def find(store: Store, project: Project, text: str, **asked: Any) -> list[int]:
    """The ids of the contacts that a search finds."""
    return ids_of(search(store, project, text, **asked))


def write_step(store: Store, project: Project, **most: int) -> bool:
    """One step of the index. Returns whether it is filled now."""
    step = store.read(project, NOW, prepare_step, **most)
    assert store.write(project, WORKER, NOW, apply_step, step=step)
    return step.state.filled_to is None


def write_index(store: Store, project: Project) -> None:
    """Write all that is not in the index yet."""
    while True:
        before = store.read(project, NOW, get_state)
        if write_step(store, project) and before is not None and before.filled_to is None:
            after = store.read(project, NOW, get_state)
            assert after is not None
            if after.seq == before.seq:
                return


def index_rows(database: str) -> list[tuple[Any, ...]]:
    """What the index has, in any project: its entries, and its tokens without their contacts."""
    entries = rows_of(database, "SELECT contact_id, words FROM search_entry ORDER BY contact_id")
    tokens = rows_of(database, "SELECT block, token FROM search_posting ORDER BY block, token")
    return [*map(tuple, entries), *map(tuple, tokens)]
