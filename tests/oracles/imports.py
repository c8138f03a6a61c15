"""What an import is to do, in a dictionary: row after row, without chunks, batches or a database.

This module must not know how the product does it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct

from daftari.model.consent import NewFact, Scope
from daftari.rules.consent import ledger
from tests.support import calls
from tests.support.calls import ACTOR, NOW
from tests.support.imports import Office

NUMBERS = tuple(f"2547220000{number:02}" for number in range(4))
NAMES = ("", "Wanjiru", "Otieno")
TAGS = ("VIP", "vip ", "Farmers")
SPELLINGS = ("{0}", "+{0}", "0{1}", "{1}", "+254 {2} {3}", "{0}.0")


class Row(Struct, frozen=True):
    """A record of a file; ``number`` is ``None`` where it cannot be read."""

    number: int | None
    spelling: int
    fname: str
    tags: tuple[str, ...]

    @property
    def written(self) -> list[str]:
        if self.number is None:
            return ["0722", self.fname, ";".join(self.tags)]
        digits = NUMBERS[self.number]
        mobile = SPELLINGS[self.spelling].format(digits, digits[3:], digits[3:6], digits[6:])
        return [mobile, self.fname, ";".join(self.tags)]


class Person(Struct):
    """What the book knows of a number before a file comes. ``left``: a group that they left by their own word."""

    is_there: bool
    fname: str
    groups: frozenset[str]
    is_suppressed: bool = False
    left: str | None = None


rows = st.lists(
    st.builds(
        Row,
        number=st.one_of(st.none(), *[st.integers(0, len(NUMBERS) - 1)] * 6),
        spelling=st.integers(0, len(SPELLINGS) - 1),
        fname=st.sampled_from(NAMES),
        tags=st.lists(st.sampled_from(TAGS), max_size=2).map(tuple),
    ),
    min_size=2,
    max_size=14,
)
people = st.dictionaries(
    st.integers(0, len(NUMBERS) - 1),
    st.builds(
        Person,
        is_there=st.booleans(),
        fname=st.sampled_from(NAMES),
        groups=st.frozensets(st.sampled_from(["vip", "farmers", "own"]), max_size=2),
        is_suppressed=st.sampled_from([False, False, True]),
        left=st.sampled_from([None, None, None, "vip", "own"]),
    ),
)


def table(rows: Sequence[Row]) -> bytes:
    """The file."""
    text = io.StringIO()
    csv.writer(text).writerows([["phone", "first name", "groups"], *(row.written for row in rows)])
    return text.getvalue().encode()


def settle(office: Office, people: dict[int, Person]) -> None:
    """Bring the book to where the people are."""
    store, project = office.store, office.project
    for number, person in sorted(people.items()):
        if person.is_there:
            given: list[Any] = [{"mobile": NUMBERS[number], "fname": person.fname}]
            calls.create_contacts(store, project, given)
            for group in sorted(person.groups):
                calls.create_contacts(store, project, given, group=group)
        said = [NewFact(0, int(NUMBERS[number]), "opt_out", Scope(), NOW, "api")] if person.is_suppressed else []
        if person.left:
            fact = NewFact(0, int(NUMBERS[number]), "left_group", Scope(), NOW, "inbound", keyword=person.left)
            said.append(fact)
        if said:
            store.write(project, ACTOR, NOW, ledger.record_facts, facts=said)


class Model:
    """A book, and what rows do to it."""

    def __init__(self, people: dict[int, Person], *, group: str | None) -> None:
        self.names: dict[int, str] = {number: one.fname for number, one in people.items() if one.is_there}
        self.group = group
        self.people = people
        self.members: set[tuple[str, int]] = {
            (group, number)
            for number, one in people.items()
            if one.is_there and not one.is_suppressed
            for group in one.groups
            if group != one.left
        }

    def take(self, rows: Sequence[Row]) -> list[str]:
        """The outcome of each row, as ``Office.outcomes`` says it."""
        seen: set[int] = set()
        return [self._take(row, seen) for row in rows]

    def _take(self, row: Row, seen: set[int]) -> str:
        if row.number is None:
            return "invalid"
        number, before = row.number, self.names.get(row.number)
        known = self.people.get(number, Person(False, "", frozenset()))
        asked = {tag.strip().casefold() for tag in row.tags} | ({self.group.casefold()} if self.group else set())
        may = set() if known.is_suppressed else asked - {known.left}
        joins = {(group, number) for group in may} - self.members
        self.members |= joins
        self.names[number] = row.fname or before or ""
        if number in seen:
            outcome = "duplicate"
        elif before is None:
            outcome = "created"
        else:
            outcome = "updated" if joins or self.names[number] != before else "unchanged"
        seen.add(number)
        is_kept_out = not known.is_suppressed and known.left in asked
        flags = [(" s", known.is_suppressed), (" j", bool(joins)), (" k", is_kept_out)]
        return outcome + "".join(letter for letter, holds in flags if holds)
