"""What a database of an earlier schema becomes: the deletes of before are facts, and everything follows from them.

The rows of schema 1 are written by hand, as its version wrote them; no code of today knows them any more.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from importlib.resources import files

import apsw
import psycopg
import pytest
from msgspec import Struct

from daftari.model.projects import Project
from daftari.rules.access import keys
from daftari.rules.access.projects import find_project, get_project
from daftari.rules.consent.state import decode_state, derive_state, encode_state
from daftari.serving.server import build_server
from daftari.settings import Settings
from daftari.store import Store, consent, migrate, postgres, sqlite
from daftari.store.engine import Migration
from daftari.store.schema import latest_version, schema_version
from tests.conftest import NewDatabase
from tests.support import calls
from tests.support.builders import assert_sound, get, ids_on, page, refusal, rows_of
from tests.support.calls import NOW
from tests.support.clients import Client, through_the_door
from tests.support.stores import open_store

SHOPIFY, ANA, KALRO = 1, 2, 3
FARMERS, COAST = 1, 2
NUMBERS = 254_722_000_000
MARKETING, TRANSACTIONAL, EVERYTHING = 0b010101, 0b101010, 0b111111


class Deletion(Struct, frozen=True):
    """A DELETE as schema 1 kept it; who it was about is a number from 1 on."""

    who: int
    purpose: str | None = None
    reason: str | None = None
    by: int | None = ANA


DELETIONS = {
    SHOPIFY: [
        Deletion(5),
        Deletion(6, "marketing"),
        Deletion(7, "promotional", reason="no more ads"),
        Deletion(8, "transactional"),
        Deletion(9, "any", reason="STOP"),
        Deletion(10, reason="removal"),
        Deletion(11, "marketing"),
        Deletion(11, "transactional"),
        Deletion(12, "marketing"),
        Deletion(12, "promotional"),
        Deletion(13, "marketing", reason="removal"),
        Deletion(13, reason='said "it\'s over", Café ☕ \\'),
        Deletion(14, "any"),
        Deletion(14, "marketing"),
    ],
    KALRO: [Deletion(6, by=None), Deletion(15, "transactional")],
}
WANTED = {
    SHOPIFY: {
        5: EVERYTHING, 6: MARKETING, 7: MARKETING, 8: TRANSACTIONAL, 9: EVERYTHING, 11: EVERYTHING, 12: MARKETING,
        13: EVERYTHING, 14: EVERYTHING,
    },
    KALRO: {6: EVERYTHING, 15: TRANSACTIONAL},
}  # fmt: skip
"""What is blocked afterwards."""
PEOPLE = {
    SHOPIFY: {1: 1, 6: 80, 8: 81, 9: 82, 10: 83, 11: 84, 14: 5_000, 20: 300_000},
    KALRO: {6: 7, 9: 8, 15: 9},
}
"""Who is in the book, those who came back included, and their ids."""
SUPPRESSED = {SHOPIFY: {9, 11, 14}, KALRO: {6}}
GROUPS = {
    SHOPIFY: {FARMERS: [1, 6, 8, 9, 10, 11, 14, 20], COAST: [6, 9]},
    KALRO: {FARMERS: [6, 9, 15]},
}
NAMES = {FARMERS: "Farmers", COAST: "Coast"}


def number(who: int) -> int:
    return NUMBERS + who


def said_at(place: int) -> int:
    """When the person said it."""
    return NOW - 1_000_000 + place


def written_at(place: int) -> int:
    """When it was written down."""
    return NOW + place


# ---- a database of schema 1 ---------------------------------------------------------------------------


def execute(database: str, statements: list[str]) -> None:
    if database.startswith("postgresql://"):
        with psycopg.connect(database) as session:
            for statement in statements:
                session.execute(statement.encode())
        return
    connection = apsw.Connection(database)
    try:
        with connection:
            for statement in statements:
                connection.execute(statement)
    finally:
        connection.close()


def to_schema_1(database: str) -> str:
    """Give an empty database what the first migration makes."""
    of_engine, engine = ("postgres", postgres) if database.startswith("postgresql://") else ("sqlite", sqlite)
    text = files("daftari.store").joinpath("migrations", of_engine, "0001_contacts.sql").read_text(encoding="utf-8")
    engine.apply_migrations(database, due=[Migration(1, text)])
    assert schema_version(database) == 1
    return database


def row(table: str, **values: object) -> str:
    """An INSERT with these values."""
    written = ", ".join(literal(value) for value in values.values())
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({written})"


def literal(value: object) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def house_rows() -> Iterator[str]:
    for project, name in ((SHOPIFY, "Shopify"), (KALRO, "Kalro")):
        folded = name.casefold()
        yield row("project", id=project, name=name, folded=folded, region="KE", on_error="refuse", created_at=NOW)
        yield row("project_name", project_id=project, folded=folded)
    yield "UPDATE house SET next_id = 4"


def project_rows(project: int) -> Iterator[str]:
    people, deletions = PEOPLE[project], DELETIONS[project]
    counters = {"next_id": max(people.values()) + 1, "next_group_id": 3, "next_seq": len(deletions) + 2}
    yield row("book", project_id=project, oldest_seq=1, closed=0, **counters)
    for who, contact in people.items():
        card = card_of(contact, who)
        mobile = number(who)
        yield row(
            "contact", project_id=project, id=contact, mobile=mobile, card=card, card_version=1, updated_at=NOW - 5
        )
    for group, members in GROUPS[project].items():
        name = NAMES[group]
        yield row("contact_group", project_id=project, id=group, name=name, folded=name.casefold(), created_at=NOW)
        for who in members:
            yield row("membership", project_id=project, group_id=group, contact_id=people[who])
    # What the directory says, right or wrong, is counted anew.
    yield row("directory", project_id=project, list=0, level=1, block=3, members=17)
    journal = {"project_id": project, "request_id": "r", "group_id": None}
    yield row("journal", seq=1, at=NOW, key_id=ANA, action="create_contacts", contacts="1-99", **journal)
    for place, deletion in enumerate(deletions, start=2):
        yield row(
            "journal",
            seq=place,
            at=written_at(place),
            key_id=deletion.by,
            action="delete_contact",
            contacts="",
            **journal,
        )
        said = {"reason": deletion.reason, "purpose": deletion.purpose}
        yield row("deletion", project_id=project, seq=place, mobile=number(deletion.who), at=said_at(place), **said)


def card_of(contact: int, who: int) -> str:
    members = dict.fromkeys(("fname", "mname", "lname"))
    rest = dict.fromkeys(("email", "city", "company"))
    card = {"id": contact, **members, "mobile": str(number(who)), **rest, "created_at": "2023-11-14T22:13:20.000000Z"}
    return json.dumps(card, separators=(",", ":"))


@pytest.fixture
def before(new_database: NewDatabase, engine: str) -> str:
    """Two projects of schema 1, with people in groups and deletes of every kind."""
    database = to_schema_1(new_database(engine, empty=True))
    execute(database, [*house_rows(), *project_rows(SHOPIFY), *project_rows(KALRO)])
    return database


@pytest.fixture
def after(before: str) -> str:
    """The same database, migrated."""
    assert migrate(before) == list(range(2, latest_version("sqlite") + 1))
    return before


@pytest.fixture
def store(after: str) -> Iterator[Store]:
    opened = open_store(after, threads=1)
    yield opened
    opened.close()


@pytest.fixture
def shopify(store: Store) -> Project:
    return store.system_read(NOW, find_project, name="Shopify")


@pytest.fixture
def kalro(store: Store) -> Project:
    return store.system_read(NOW, find_project, name="Kalro")


# ---- facts and states ---------------------------------------------------------------------------------


def test_every_delete_but_a_removal_becomes_an_opt_out_with_its_scope_time_source_reason_and_key(after: str) -> None:
    purposes = {"marketing": "marketing", "promotional": "marketing", "transactional": "transactional"}
    for project, deletions in DELETIONS.items():
        kept = [(place, one) for place, one in enumerate(deletions, start=2) if one.reason != "removal"]
        wanted = [
            (
                *(fact_id, number(one.who), "opt_out", "*", "*", purposes.get(one.purpose or "", "*")),
                *(said_at(place), written_at(place), "delete", "", None, 0, None, one.by),
                None if one.reason is None else {"note": one.reason},
            )
            for fact_id, (place, one) in enumerate(kept, start=1)
        ]
        columns = "id, subject, kind, channel, sender, purpose, at, recorded_at, source, keyword, group_id, override"
        found = rows_of(
            after,
            f"SELECT {columns}, message, key_id, evidence FROM fact WHERE project_id = {project} ORDER BY id",
        )
        assert [(*fact[:-1], fact[-1] and json.loads(fact[-1])) for fact in found] == wanted


def test_every_state_is_what_its_facts_lead_to(after: str, store: Store) -> None:
    for project, wanted in WANTED.items():
        found = rows_of(after, f"SELECT subject, suppressed, state FROM consent WHERE project_id = {project}")
        states = {subject - NUMBERS: decode_state(text) for subject, _, text in found}
        assert {who: state.cells for who, state in states.items()} == {
            who: {"*": (it, 0)} for who, it in wanted.items()
        }
        assert {subject - NUMBERS for subject, suppressed, _ in found if suppressed} == {
            who for who, blocked in wanted.items() if blocked == EVERYTHING
        }
        facts = store.read(
            store.system_read(NOW, get_project, project_id=project),
            NOW,
            consent.find_facts,
            mobiles=[number(who) for who in wanted],
        )
        assert {subject: text for subject, _, text in found} == {
            subject: encode_state(derive_state(of_number)) for subject, of_number in facts.items()
        }


def test_the_books_are_sound(store: Store, shopify: Project, kalro: Project) -> None:
    assert_sound(store, shopify)
    assert_sound(store, kalro)


def test_the_next_fact_gets_the_number_after_the_last_one(after: str, store: Store, shopify: Project) -> None:
    books = "SELECT project_id, next_fact, next_item FROM book ORDER BY project_id"
    assert rows_of(after, books) == [(SHOPIFY, 13, 1), (KALRO, 3, 1)]
    calls.delete_contact(store, shopify, "1")
    assert rows_of(after, f"SELECT MAX(id) FROM fact WHERE project_id = {SHOPIFY}") == [(13,)]
    assert_sound(store, shopify)


def test_the_table_of_deletes_is_gone_and_the_journal_is_as_it_was(before: str) -> None:
    journal = rows_of(before, "SELECT * FROM journal ORDER BY project_id, seq")
    migrate(before)
    with pytest.raises((apsw.SQLError, psycopg.errors.UndefinedTable)):
        rows_of(before, "SELECT * FROM deletion")
    assert rows_of(before, "SELECT * FROM journal ORDER BY project_id, seq") == journal


# ---- people and lists ---------------------------------------------------------------------------------


def test_people_who_came_back_after_they_opted_out_of_everything_are_in_no_list_but_stay(
    after: str, store: Store
) -> None:
    for project in (SHOPIFY, KALRO):
        people, gone = PEOPLE[project], SUPPRESSED[project]
        standing = {who: 1 + (who in gone) if who in WANTED[project] else 0 for who in people}
        found = rows_of(after, f"SELECT mobile, id, standing, updated_at FROM contact WHERE project_id = {project}")
        assert sorted(found) == sorted((number(who), people[who], standing[who], NOW - 5) for who in people)
        members = rows_of(after, f"SELECT group_id, contact_id FROM membership WHERE project_id = {project}")
        assert sorted(members) == sorted(
            (group, people[who]) for group, inside in GROUPS[project].items() for who in inside if who not in gone
        )


def test_lists_and_their_totals_are_right(store: Store, shopify: Project, kalro: Project) -> None:
    for project in (shopify, kalro):
        people, gone = PEOPLE[project.id], SUPPRESSED[project.id]
        everybody = calls.list_contacts(store, project, suppressed=True)
        assert (everybody.count, everybody.total) == (len(people), len(people))
        listed = calls.list_contacts(store, project)
        assert (listed.count, listed.total) == (len(people) - len(gone), len(people) - len(gone))
        counts = {NAMES[group]: len(set(inside) - gone) for group, inside in GROUPS[project.id].items()}
        assert {group.name: group.contacts for group in calls.list_groups(store, project)} == counts
        for name, count in counts.items():
            in_group = calls.list_contacts(store, project, group=name)
            assert (in_group.count, in_group.total) == (count, count)


def test_the_last_page_is_found_through_the_new_directory(store: Store, shopify: Project) -> None:
    last = calls.list_contacts(store, shopify, page=8, per_page=1, suppressed=True)
    assert json.loads(last.cards)["id"] == PEOPLE[SHOPIFY][20]
    last = calls.list_contacts(store, shopify, page=5, per_page=1)
    assert json.loads(last.cards)["id"] == PEOPLE[SHOPIFY][20]
    assert calls.list_contacts(store, shopify, page=6, per_page=1).count == 0


# ---- other databases ----------------------------------------------------------------------------------


def test_a_database_with_nobody_in_it_migrates_too(new_database: NewDatabase, engine: str) -> None:
    database = to_schema_1(new_database(engine, empty=True))
    migrate(database)
    store = open_store(database, threads=1)
    try:
        project = calls.create_project(store)
        calls.create_contacts(store, project, [{"mobile": number(1)}], group="Farmers")
        calls.delete_contact(store, project, "1")
        assert_sound(store, project)
    finally:
        store.close()


def test_a_deleted_project_that_was_half_cleared_migrates_too(before: str) -> None:
    execute(
        before,
        [
            f"DELETE FROM deletion WHERE project_id = {KALRO} AND seq = 2",
            f"DELETE FROM journal WHERE project_id = {KALRO} AND seq = 3",
            f"DELETE FROM membership WHERE project_id = {KALRO}",
            f"DELETE FROM contact WHERE project_id = {KALRO}",
            f"UPDATE book SET closed = 1 WHERE project_id = {KALRO}",
        ],
    )
    migrate(before)
    assert rows_of(before, f"SELECT * FROM fact WHERE project_id = {KALRO}") == []
    assert rows_of(before, "SELECT project_id, next_fact FROM book ORDER BY project_id") == [(SHOPIFY, 13), (KALRO, 1)]


def test_the_service_answers_from_what_became_of_it(
    after: str,
    store: Store,
    shopify: Project,
    settings_for: Callable[..., Settings],
    loop: asyncio.AbstractEventLoop,
) -> None:
    secret, _ = store.system_write(NOW, keys.create_key, project=shopify, label="Ana", read_only=False, expires_at=None)
    house = build_server(settings_for(after))
    try:
        ana = Client(through_the_door(house.door, loop)).with_key(secret)
        assert ids_on(page(ana)) == [1, 80, 81, 83, 300_000]
        assert ids_on(page(ana, group="farmers")) == [1, 80, 81, 83, 300_000]
        assert page(ana, suppressed="include")["total"] == len(PEOPLE[SHOPIFY])
        assert get(ana, number(9), include="groups")["groups"] == []
        again = ana.post("/v1/contacts", {"contacts": [{"mobile": number(5)}], "group": "Farmers"})
        assert again.json()["suppressed"] == 1
        assert ana.delete("/v1/contacts/1").status == 200
        assert refusal(ana.get("/v1/contacts/1")) == (404, "CONTACT_NOT_FOUND")
    finally:
        house.door.__rsgi_del__(loop)
    assert_sound(store, shopify)
