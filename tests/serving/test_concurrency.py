"""Many at once: two processes and one number, many writers in one book, a thousand connections that stay open."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest

from daftari.store import Store
from tests.support.builders import assert_sound, groups, ids_on, mobile, page, rows, rows_of
from tests.support.clients import Answer, Client

T = TypeVar("T")

CONNECTIONS = 1_000
SPARE_FILES = 200


@pytest.fixture
def two_processes(database: str, people: Any, serve: Callable[..., Any]) -> list[Client]:
    """Ana at two servers on one database."""
    lives = at_once([lambda: serve(database, "--no-worker")] * 2)
    return [live.client.with_key(people.ana) for live in lives]


@pytest.fixture
def many_files() -> Iterator[None]:
    """Lets this process, and those that it starts, open a file for each connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + SPARE_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """What the calls return; none begins before all are ready to."""
    start = threading.Barrier(len(calls))

    def begin(call: Callable[[], T]) -> T:
        start.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(begin, calls))


def patiently(call: Callable[[], Answer]) -> Answer:
    """Comes again while the store is busy, as its answer asks for."""
    for _ in range(100):
        answer = call()
        if answer.status != 503:
            return answer
        assert answer.json()["error_code"] == "BUSY"
        assert answer.headers["retry-after"]
        time.sleep(0.02)
    raise AssertionError("the store is always busy")


def test_two_processes_that_create_the_same_numbers_at_once_make_one_contact_each(
    two_processes: list[Client], store: Store, people: Any
) -> None:
    spellings = (lambda number: mobile(number), lambda number: f"+{mobile(number)}")
    for call in range(8):
        contacts = [[{"mobile": spell(call * 50 + place)} for place in range(50)] for spell in spellings]
        bodies = [{"contacts": given, "group": f"Group {call}", "results": True} for given in contacts]
        answers = at_once(
            [
                lambda client=client, body=body: patiently(lambda: client.post("/v1/contacts", body))
                for client, body in zip(two_processes * 2, bodies * 2, strict=True)
            ]
        )
        outcomes = Counter(row["outcome"] for answer in answers for row in answer.json()["results"])
        assert outcomes == {"created": 50, "unchanged": 150}
        assert sorted(answer.status for answer in answers) == [200, 200, 200, 201]
        ids = [[row["id"] for row in answer.json()["results"]] for answer in answers]
        assert ids == [ids[0]] * 4
    assert page(two_processes[0])["total"] == 400
    assert groups(two_processes[1]) == {f"Group {call}": 50 for call in range(8)}
    assert_sound(store, people.shopify)


def turn_of_work(client: Client, worker: int, turn: int) -> list[Callable[[], Answer]]:
    """Some of everything, on numbers and groups that others write to as well."""
    first = (worker * 31 + turn * 17) % 80
    group, other = f"G{turn % 3}", f"g{worker % 3}"
    nine = [mobile(first + place) for place in range(9)]
    return [
        lambda: client.post("/v1/contacts", {"contacts": rows(20, first=first), "group": group}),
        lambda: client.put(f"/v1/contacts/{nine[3]}", {"group": other}),
        lambda: client.delete(f"/v1/contacts/{nine[5]}"),
        lambda: client.post(f"/v1/groups/{group}/contacts", {"mobiles": nine}),
        lambda: client.delete(f"/v1/groups/{group.lower()}/contacts", {"mobiles": nine[8:]}),
        lambda: client.put(f"/v1/contacts/{nine[0]}", {"contact": {"mobile": nine[1]}}),
    ]


def test_writes_of_every_kind_at_once_leave_a_sound_book_and_pages_that_agree_with_their_totals(
    two_processes: list[Client], store: Store, people: Any, database: str
) -> None:
    writers = 6

    def write(worker: int) -> None:
        for turn in range(6):
            for call in turn_of_work(two_processes[worker % 2], worker, turn):
                assert patiently(call).status in (200, 201, 404, 409)

    def read(client: Client) -> None:
        for turn in range(30):
            seen = page(client, **({"group": "g1"} if turn % 2 else {}))
            assert seen["total"] == len(seen["data"]) == (seen["to"] or 0)

    works: list[Callable[[], None]] = [lambda worker=worker: write(worker) for worker in range(writers)]
    at_once([*works, *(lambda client=client: read(client) for client in two_processes)])
    assert_sound(store, people.shopify)
    listed = page(two_processes[0], include="groups")
    assert ids_on(listed) == sorted(set(ids_on(listed)))
    inside = Counter(name for contact in listed["data"] for name in contact["groups"])
    assert inside == Counter(groups(two_processes[1]))
    actors = rows_of(database, "SELECT DISTINCT key_id FROM journal")
    assert actors == rows_of(database, "SELECT id FROM key WHERE label = 'Ana'")


def test_a_thousand_connections_may_stay_open_and_others_are_still_answered(
    many_files: None, live: Any, people: Any
) -> None:
    place = urlsplit(live.url)
    request = f"GET /v1/contacts?apiKey={people.ana} HTTP/1.1\r\nHost: daftari\r\n\r\n".encode()
    with ExitStack() as open_ones:
        wires = [
            open_ones.enter_context(socket.create_connection((place.hostname, place.port), timeout=10))
            for _ in range(CONNECTIONS)
        ]
        # A hundred ask at a time: the service answers 503 to more than it lets wait, and these are fewer.
        for first in [*range(0, CONNECTIONS, 100)] * 2:
            asking = wires[first : first + 100]
            for wire in asking:
                wire.sendall(request)
            for wire in asking:
                assert wire.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert page(live.client.with_key(people.ana))["total"] == 0
    assert live.client.get("/v1/health").status == 200
