"""How many calls came with each key is counted, and written each minute by each process that serves."""

from __future__ import annotations

from collections import Counter

from daftari.api.key_cache import KeyCache
from daftari.model.time import current_time
from daftari.rules.access import projects
from daftari.serving.server import Server
from daftari.store import Store
from tests.conftest import People
from tests.support import calls
from tests.support.builders import rows_of
from tests.support.clients import Client


def counted(database: str) -> Counter[int]:
    """The calls of each key, by its id."""
    found: Counter[int] = Counter()
    for key, count in rows_of(database, "SELECT key, count FROM daily WHERE what = 'calls'"):
        found[int(key)] += count
    return found


def test_each_call_is_counted_once_and_those_without_a_key_are_not(
    ana: Client, chao: Client, client: Client, server: Server, database: str
) -> None:
    for path in ("/v1/contacts", "/v1/groups", "/v1/contacts/17"):
        ana.get(path)
    ana.post("/v1/contacts", {"contacts": []})
    chao.get("/v1/groups")
    client.get("/v1/contacts")
    server.close()
    assert sorted(counted(database).values()) == [1, 4]


def test_calls_are_added_to_those_that_were_written(store: Store, people: People, database: str) -> None:
    cache, now = KeyCache(store), current_time()
    access = cache.find_access(calls.create_key(store, people.shopify), now=now)
    for _ in range(3):
        cache.note_call(access, now=now)
        cache.note_call(access, now=now)
        cache.save_calls()
    cache.save_calls()
    assert counted(database) == {access.key.id: 6}


def test_the_calls_of_a_deleted_project_are_forgotten(store: Store, people: People, database: str) -> None:
    cache, now = KeyCache(store), current_time()
    cache.note_call(cache.find_access(calls.create_key(store, people.shopify), now=now), now=now)
    store.system_write(now, projects.delete_project, name=people.shopify.name)
    cache.save_calls()
    assert counted(database) == {}
