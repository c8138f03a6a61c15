"""Imports: the outcome of each record is reported truly, whatever else is in the file and however it is cut."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings

from daftari.store import Store
from tests.oracles import imports as model
from tests.support import calls
from tests.support.calls import broken_in
from tests.support.imports import Office, shown

EXAMPLES = {"sqlite": settings().max_examples // 2, "postgres": settings().max_examples // 6}
"""What is shown of rows has little to do with the engine."""
NASTY = """phone;first name;city
0722000001;Wanjiru;Nairobi
+254 722 000 001;;Mombasa
not a number;Otieno;
2.547E+11;Ruined;
;Nobody;

0722-000-002;Achieng;"a
b"
254722000001;Wanjiru;
0722000003;Baraka;Kisumu
0722000002;;
0722 000 004;;
00254722000005;"שרה";🏠
"""
_names = (f"Project {number}" for number in itertools.count())


@pytest.fixture
def office(store: Store, database: str) -> Office:
    return new_office(store, database)


def new_office(store: Store, database: str) -> Office:
    return Office(store, database, calls.create_project(store, next(_names)))


def _create(office: Office, *contacts: dict[str, Any], group: str | None = None) -> None:
    calls.create_contacts(office.store, office.project, list(contacts), group=group)


# ---- counts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "batch"), [(1, 1), (2, 2), (3, 1), (100, 1)])
def test_counts_of_a_nasty_file_are_true_and_add_up(office: Office, size: int, batch: int) -> None:
    _create(office, {"mobile": "0722000003", "fname": "Baraka", "city": "Kisumu"}, {"mobile": "0722000004"})
    calls.create_contacts(office.store, office.project, [{"mobile": "0722000003"}], group="Farmers")
    found = office.bring(NASTY, chunk_records=size, batch=batch, group="Farmers")
    assert shown(found) == {"created": 3, "updated": 1, "unchanged": 1, "duplicate": 3, "invalid": 3, "joined": 4}
    words = [outcome.split()[0] for outcome in office.outcomes(found.id)]
    assert words == [
        *("created", "duplicate", "invalid", "invalid", "invalid", "created", "duplicate", "unchanged", "duplicate"),
        *("updated", "created"),
    ]
    assert [row for row, _ in office.rejects(found.id)] == [3, 4, 5]
    cards = {row[1]: json.loads(row[2]) for row in office.book()["contact"]}
    assert cards[254722000001]["city"] == "Mombasa" and cards[254722000002]["city"] == "a\nb"
    assert cards[254722000005]["fname"] == "שרה"
    assert broken_in(office.store, office.project) == []


def _rows_become_what_the_model_says(
    store: Store, database: str, rows: list[model.Row], people: dict[int, model.Person]
) -> None:
    books = []
    group = "Own" if len(rows) % 2 else None
    for size, batch in ((1, 1), (2, 2), (100, 1)):
        office = new_office(store, database)
        model.settle(office, people)
        found = office.bring(model.table(rows), chunk_records=size, batch=batch, group=group)
        expected = model.Model(people, group=group)
        assert office.outcomes(found.id) == expected.take(rows)
        words = Counter(outcome.split()[0] for outcome in office.outcomes(found.id))
        flags = Counter(flag for outcome in office.outcomes(found.id) for flag in outcome.split()[1:])
        reported = shown(found)
        assert {**words} == {name: reported[name] for name in reported if name not in ("suppressed", "joined")}
        assert (reported.get("suppressed", 0), reported.get("joined", 0)) == (flags["s"], flags["j"])
        members = {(name.casefold(), mobile) for name, mobiles in office.members().items() for mobile in mobiles}
        assert members == {(name, model.NUMBERS[number]) for name, number in expected.members}
        cards = [json.loads(row[2]) for row in office.book()["contact"]]
        assert {card["mobile"]: card["fname"] or "" for card in cards} == {
            model.NUMBERS[number]: name for number, name in expected.names.items()
        }
        assert broken_in(store, office.project) == []
        books.append(office.book() | {"misses": office.table("near_miss", "source, import_id > 0, attempts")})
    assert books[0] == books[1] == books[2]


def test_rows_become_what_a_plain_model_says_however_the_file_is_cut(store: Store, database: str, engine: str) -> None:
    asked = given(rows=model.rows, people=model.people)(_rows_become_what_the_model_says)
    settings(max_examples=EXAMPLES[engine])(asked)(store, database)
