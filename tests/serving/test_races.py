"""Races of a STOP against all that reads or writes: what is read after the acknowledgement never has the number.

Each round is a seed: it says in which order people stop and by which call, and what others do meanwhile. ``make prove``
plays ten thousand of them, half on each engine.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import settings
from msgspec import Struct
from msgspec.structs import replace

from daftari.errors import ContactNotFound, StoreBusy
from daftari.model.inbound import InboundMessage
from daftari.model.projects import ConsentSettings, Project
from daftari.rules.audiences import Definition
from daftari.rules.consent.decisions import Question
from daftari.rules.contacts import contacts
from daftari.store import Store, Tx
from tests.support import calls, consent_calls
from tests.support.builders import assert_sound
from tests.support.calls import NOW
from tests.support.stores import open_store

T = TypeVar("T")

ROUNDS = settings().max_examples
"""On each engine: some seconds of ``make test``, minutes of ``make prove``."""
ROUNDS_A_PROJECT = 5
"""Facts are kept forever, so that each round in a project costs more than the one before."""
PEOPLE = [254_722_000_000 + number for number in range(8)]
STOPPING = 5
"""How many of the people stop in a round; the others are there to be read all along."""
GROUPS = ("Farmers", "Coast")
ASKED = Question("sms", purpose="marketing")
THREADS = 8
READERS = 2
WRITERS = 2
BUSY_MAX = 500
ROUND_MICROSECONDS = 60_000_000


class Race(Struct):
    """One round: which stops were acknowledged, and whether it is over."""

    store: Store
    project: Project
    now: int
    frozen: int
    acknowledged: list[int]
    is_over: bool = False


@pytest.fixture
def racing(database: str) -> Iterator[Store]:
    """A store with a thread for each task of the race."""
    store = open_store(database, threads=THREADS)
    yield store
    store.close()


def patiently(call: Callable[[], T]) -> T:
    """Call again while the store is busy, as callers should."""
    for _ in range(BUSY_MAX):
        try:
            return call()
        except StoreBusy:
            continue
    raise AssertionError("the store is always busy")


# ---- who takes part ---------------------------------------------------------------------------------


def bring_back(store: Store, project: Project, now: int) -> int:
    """Opt everyone in with evidence, into both groups and a frozen audience; returns its id."""
    common = {"source": "api", "evidence": "they asked us to"}
    consent_calls.record_given(store, project, PEOPLE, common=common, kind="opt_in", now=now)
    for group in GROUPS:
        calls.create_contacts(store, project, [{"mobile": mobile} for mobile in PEOPLE], group=group, now=now)
    everyone = Definition(ASKED, everyone=True)
    frozen = consent_calls.freeze_audience(store, project, everyone, now=now)
    assert frozen.count == len(PEOPLE)
    return frozen.id


def stop(race: Race, mobile: int, how: str) -> None:
    """One person says STOP; when this returns, it was acknowledged."""
    store, project, now = race.store, race.project, race.now
    message = InboundMessage(f"+{mobile}", "sms", "20880", "STOP", None, now)
    match how:
        case "message":
            patiently(lambda: consent_calls.receive_events(store, project, [message], now=now))
        case "call":
            common = {"source": "form"}
            patiently(
                lambda: consent_calls.record_given(store, project, [mobile], common=common, kind="opt_out", now=now)
            )
        case _:
            patiently(lambda: calls.delete_contact(store, project, f"+{mobile}", at=now, now=now))
    race.acknowledged.append(mobile)


def stop_all(race: Race, dice: random.Random) -> None:
    try:
        for mobile in dice.sample(PEOPLE, STOPPING):
            stop(race, mobile, dice.choice(("message", "call", "delete")))
    finally:
        race.is_over = True


def write_on(race: Race, dice: random.Random) -> None:
    """Create all contacts again and again, in bulk and one by one, and opt them in with an import."""
    store, project, now = race.store, race.project, race.now
    rows = [{"mobile": mobile, "fname": "Ana"} for mobile in PEOPLE]
    imported = {"source": "import"}
    moves: list[Callable[[], Any]] = [
        lambda: calls.create_contacts(store, project, rows, group=dice.choice(GROUPS), now=now),
        lambda: calls.join_group(store, project, dice.choice(GROUPS), ids=[], mobiles=PEOPLE, now=now),
        lambda: move_one(race, dice),
        lambda: consent_calls.record_given(
            store, project, PEOPLE, common=imported, kind="opt_in", now=now + ROUND_MICROSECONDS // 2
        ),
    ]
    while not race.is_over:
        patiently(dice.choice(moves))


def move_one(race: Race, dice: random.Random) -> None:
    """Move one contact to a group, unless it was deleted."""
    reference = f"+{dice.choice(PEOPLE)}"
    with suppress(ContactNotFound):
        calls.update_contact(
            race.store, race.project, reference, None, group=dice.choice(GROUPS), move=dice.random() < 0.5, now=race.now
        )


def read_on(race: Race) -> None:
    """Read every list until all stops are acknowledged, and once more."""
    is_last = False
    while not is_last:
        is_last = race.is_over
        stopped = set(race.acknowledged)
        seen = race.store.read(race.project, NOW, find_reached, race=race)
        assert {place: stopped & mobiles for place, mobiles in seen.items() if stopped & mobiles} == {}


def find_reached(tx: Tx, *, race: Race) -> dict[str, set[int]]:
    """In one snapshot, whom every way to a list of numbers leads to."""
    everyone, groups = Definition(ASKED, everyone=True), Definition(ASKED, groups=GROUPS)
    found = {
        name: {mobile for mobile, _ in consent_calls.find_audience(tx, race.project, definition)[0]}
        for name, definition in (("everyone", everyone), ("groups", groups))
    }
    answers = consent_calls.may_message(tx, race.project, ASKED, PEOPLE)
    found["allowed"] = {int(answer["mobile"]) for answer in answers if answer["allowed"]}
    found |= {f"list {group}": find_listed(tx, group) for group in (None, *GROUPS)}
    _, shown = consent_calls.list_audience(tx, race.project, race.frozen, as_frozen=False)
    return {**found, "frozen": set(shown)}


def find_listed(tx: Tx, group: str | None) -> set[int]:
    values: Any = {"page": 1, "per_page": 1_000, "include": frozenset(), "suppressed": False}
    page = contacts.list_contacts(tx, group=group, **values)
    listed = msgspec.json.decode(b"[" + page.cards + b"]")
    assert page.total == len(listed)
    return {int(contact["mobile"]) for contact in listed}


# ---- the races --------------------------------------------------------------------------------------


def run_round(store: Store, project: Project, seed: int, pool: ThreadPoolExecutor) -> None:
    """One seed's race, and what is left when it is over."""
    began = NOW + seed * ROUND_MICROSECONDS
    race = Race(store, project, began + 1, bring_back(store, project, began), [])
    dices = [random.Random(f"{seed} {place}") for place in range(WRITERS + 1)]
    works = [pool.submit(read_on, race) for _ in range(READERS)]
    works += [pool.submit(write_on, race, dice) for dice in dices[1:]]
    works.append(pool.submit(stop_all, race, dices[0]))
    for work in works:
        work.result()
    stopped = set(race.acknowledged)
    assert len(stopped) == STOPPING
    found = store.read(project, NOW, find_reached, race=race)
    assert found["allowed"] == set(PEOPLE) - stopped
    assert {place for place, mobiles in found.items() if mobiles & stopped} == set()


def test_a_snapshot_that_begins_after_a_stop_was_acknowledged_never_has_the_number(racing: Store) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        for first in range(1, ROUNDS + 1, ROUNDS_A_PROJECT):
            created = calls.create_project(racing, f"Shopify {first}")
            project = replace(created, consent=ConsentSettings(quiet_hours="off"))
            for seed in range(first, first + ROUNDS_A_PROJECT):
                run_round(racing, project, seed, pool)
            assert_sound(racing, project)
