"""Random calls, played against SQLite, PostgreSQL and a book of plain dictionaries at once: the same answer from all.

Books begin near the borders of the page directory's blocks (2 ** 6, 12 and 18 ids), and where an id is also somebody's
mobile. Two projects share each database, so that what belongs to one is looked for in the other. ``make prove`` plays
for hours what ``make test`` plays for seconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from daftari.errors import DaftariError, ProjectTaken, ValidationFailed
from daftari.model import Group, Project, written_time
from daftari.rules import contacts, groups, projects, sweep
from daftari.store import Store, Tx, open_store
from tests import rulebook
from tests.builders import rows_of
from tests.conftest import ENGINES, NewDatabase
from tests.model_book import SUBSCRIBERS, Book, Refused
from tests.rulebook import NOTHING, NOW

ROWS_A_TURN = 3
RUNS_FACTOR = 2
"""Runs for each example of the profile: here more is found by more."""
EVERYTHING = frozenset({"groups", "updated_at"})

FIRST_IDS = (
    1,
    *range(61, 66),
    *range(4_093, 4_098),
    *range(262_141, 262_146),
    *(SUBSCRIBERS[9], int(f"254{SUBSCRIBERS[9]}")) * 4,
    2**61,
)
"""Where books begin; those from a subscriber's number on give ids that are also somebody's mobile."""

# ---- what callers send ------------------------------------------------------------------------------

numbers = st.sampled_from(SUBSCRIBERS[10:18])
spellings: st.SearchStrategy[Any] = st.builds(
    lambda written, number: written(number),
    st.sampled_from(
        [
            lambda number: f"+254{number}",
            lambda number: f"00254{number}",
            lambda number: f"0{number}",
            lambda number: f"{number}",
            lambda number: f"254{number}",
            lambda number: f"+254 {str(number)[:3]}-{str(number)[3:]}",
        ]
    ),
    numbers,
)
mobiles: st.SearchStrategy[Any] = st.one_of(
    spellings,
    spellings,
    spellings,
    numbers,
    numbers.map(lambda number: int(f"254{number}")),
    st.sampled_from(["abc", "07", "", "  ", None, True, 7.5]),
)
good_texts = st.sampled_from(
    ["Ana", " Ana ", "Zoë", 'O\'Brien, "Jr"\\', "a\tb\nc", "", "  ", None, "x" * 255, "愛" * 9]
)
texts: st.SearchStrategy[Any] = st.one_of(good_texts, good_texts, st.sampled_from(["x" * 256, "a\0b", 5, False, []]))
attribute_values: st.SearchStrategy[Any] = st.sampled_from(
    [0, False, 1, True, 1, True, 1.0, 1.5, -(2**40), "Kisii", " Kisii ", "", None]
)
attributes: st.SearchStrategy[Any] = st.one_of(
    st.dictionaries(st.sampled_from(["plot", "crop", "värde"]), attribute_values, max_size=3),
    st.dictionaries(st.sampled_from(["plot", "crop", "värde"]), attribute_values, max_size=3),
    st.sampled_from(
        [
            None,
            {},
            {"plot": [1]},
            {" ": 1},
            {"plot": "x" * 1_001},
            "text",
            {f"one{number}": number for number in range(30)},
            {f"two{number}": number for number in range(30)},
            {f"all{number}": number for number in range(51)},
        ]
    ),
)
good_fields: dict[str, st.SearchStrategy[Any]] = {
    "fname": good_texts,
    "company": good_texts,
    "email": good_texts,
    "id": st.just(7),
    "attributes": st.fixed_dictionaries({"plot": attribute_values}, optional={"crop": attribute_values}),
}
any_fields = good_fields | {"fname": texts, "city": texts, "mobile": mobiles, "attributes": attributes}
good_contacts = st.fixed_dictionaries({"mobile": spellings}, optional=good_fields)
good_changes = st.fixed_dictionaries({}, optional=good_fields | {"mobile": spellings})
any_contacts: st.SearchStrategy[Any] = st.one_of(
    st.fixed_dictionaries({}, optional=any_fields), good_contacts, st.sampled_from(["Ana", None, [], 254722000001])
)
mostly_good_contacts = st.one_of(good_contacts, good_contacts, good_contacts, any_contacts)
group_names = st.sampled_from(
    ["Farmers", " farmers ", "FARMERS", "Straße  ürünü", "strasse u\u0308ru\u0308nu\u0308 ", "Coast"]
)
maybe_groups = st.one_of(st.none(), group_names, group_names)
includes = st.sampled_from([NOTHING, NOTHING, frozenset({"groups"}), frozenset({"updated_at"}), EVERYTHING])
books = st.sampled_from([0, 0, 0, 1])
who = st.integers(min_value=-2, max_value=250)
"""Which of the book's contacts, counted around; a negative one is an id that nobody has."""


class Side:
    """One engine's database and the run's two projects in it."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.store: Store = open_store(database, threads=2)
        self.projects: list[Project] = []

    def create_projects(self, names: list[str], first_ids: list[int]) -> None:
        self.projects = [
            rulebook.create_project(self.store, name, first_id=first_id)
            for name, first_id in zip(names, first_ids, strict=True)
        ]


Play = Callable[[Store, Project], Any]


class Phonebooks(RuleBasedStateMachine):
    """The three books, and every call there is."""

    def __init__(self, sides: list[Side], runs: Iterator[int]) -> None:
        super().__init__()
        self.sides = sides
        self.run = next(runs)
        self.now = NOW
        self.played = 0
        self.books: list[Book] = []
        self.names: list[list[str]] = []

    @initialize(
        first_id=st.sampled_from(FIRST_IDS),
        other_first_id=st.sampled_from(FIRST_IDS),
        people=st.lists(numbers, min_size=2, max_size=8, unique=True),
        group=group_names,
        other_group=group_names,
    )
    def begin(self, first_id: int, other_first_id: int, people: list[int], group: str, other_group: str) -> None:
        """The same people in both books, each in one group or two."""
        self.books = [Book(next_id=first_id), Book(next_id=other_first_id)]
        self.names = [[f"Shopify {self.run}"], [f"Kalro {self.run}"]]
        for side in self.sides:
            side.create_projects([names[0] for names in self.names], [first_id, other_first_id])
        given = [{"mobile": number, "attributes": {"plot": 1}} for number in people]
        for book in (1, 0):
            self.create_contacts(book, given, group, skip=False, results=True)
            self.create_contacts(book, given[::2], other_group, skip=False, results=False)

    # ---- playing ------------------------------------------------------------------------------------

    def play(self, book: int, call: Play, told: Callable[[Book], Any]) -> None:
        """One call on all three; ``call`` returns what ``told`` does, or refuses as it does."""
        self.now += 1_000_001
        self.played = book
        answers = [answer_of(call, side.store, side.projects[book]) for side in self.sides]
        assert answers[0] == answers[1]
        assert plain(answers[0]) == plain(answer_of_model(told, self.books[book]))

    def reference(self, book: int, number: int, spelling: str | None) -> str:
        return spelling if spelling is not None else str(self.id_of(book, number))

    def id_of(self, book: int, number: int) -> int:
        there = sorted(self.books[book].contacts)
        return there[number % len(there)] if there and number >= 0 else self.books[book].next_id - min(number, 0)

    # ---- the five calls -----------------------------------------------------------------------------

    @rule(
        book=books,
        given=st.lists(mostly_good_contacts, max_size=5),
        group=maybe_groups,
        skip=st.booleans(),
        results=st.booleans(),
    )
    def create_contacts(self, book: int, given: list[Any], group: str | None, skip: bool, results: bool) -> None:
        def call(store: Store, project: Project) -> Any:
            values = {"group": group, "skip": skip, "results": results, "now": self.now}
            return told_of_create(rulebook.create_contacts(store, project, given, **values), results)

        def told(model: Book) -> Any:
            said = model.create(given, "contacts.{}", group, skip, self.now)
            return said if results else {"counts": said["counts"]}

        self.play(book, call, told)

    @rule(book=books, given=any_contacts, group=maybe_groups, skip=st.booleans())
    def create_contact(self, book: int, given: Any, group: str | None, skip: bool) -> None:
        def call(store: Store, project: Project) -> Any:
            outcome = rulebook.create_contact(store, project, given, group=group, skip=skip, now=self.now)
            return told_of_create(outcome, True)

        def told(model: Book) -> Any:
            # What is no object at all is no row, so that there is nothing to skip.
            return model.create([given], "contact", group, skip and isinstance(given, dict), self.now)

        self.play(book, call, told)

    @rule(book=books, many=st.sampled_from([20, 70, 130]), group=maybe_groups)
    def create_many(self, book: int, many: int, group: str | None) -> None:
        """New contacts by the hundred, with numbers that nobody else has."""
        first = 254_733_000_000 + self.books[book].next_id % 1_000_000
        given = [{"mobile": f"+{number}"} for number in range(first, first + many)]

        def call(store: Store, project: Project) -> Any:
            return told_of_create(rulebook.create_contacts(store, project, given, group=group, now=self.now), True)

        self.play(book, call, lambda model: model.create_many(first, many, group, self.now))

    @rule(book=books, number=who, spelling=st.none() | spellings, include=includes)
    def get_contact(self, book: int, number: int, spelling: str | None, include: frozenset[str]) -> None:
        reference = self.reference(book, number, spelling)
        self.play(
            book,
            lambda store, project: rulebook.get_contact(store, project, reference, include=include),
            lambda model: written(model.get(reference, include)),
        )

    @rule(
        book=books,
        group=maybe_groups,
        page=st.integers(1, 3) | st.integers(1, 40),
        per_page=st.sampled_from([1, 2, 3, 64, 100, 1_000]),
        include=includes,
    )
    def list_contacts(self, book: int, group: str | None, page: int, per_page: int, include: frozenset[str]) -> None:
        self.play(
            book,
            lambda store, project: listed(store, project, group, page, per_page, include),
            lambda model: listed_by_model(model, group, page, per_page, include),
        )

    @rule(
        book=books,
        number=who,
        spelling=st.none() | spellings,
        given=st.none() | good_changes | good_changes | any_contacts,
        group=maybe_groups,
        move=st.booleans(),
    )
    def update_contact(
        self, book: int, number: int, spelling: str | None, given: Any, group: str | None, move: bool
    ) -> None:
        reference = self.reference(book, number, spelling)
        self.play(
            book,
            lambda store, project: rulebook.update_contact(
                store, project, reference, given, group=group, move=move, now=self.now
            ),
            lambda model: model.update(reference, given, group, move, self.now),
        )

    @rule(
        book=books,
        number=who,
        spelling=st.none() | spellings,
        reason=st.sampled_from([None, "STOP", "removal"]),
        purpose=st.sampled_from([None, "marketing"]),
    )
    def delete_contact(
        self, book: int, number: int, spelling: str | None, reason: str | None, purpose: str | None
    ) -> None:
        reference, at = self.reference(book, number, spelling), self.now - 5
        self.play(
            book,
            lambda store, project: rulebook.delete_contact(
                store, project, reference, reason=reason, purpose=purpose, at=at, now=self.now
            ),
            lambda model: model.delete(reference, reason, purpose, at),
        )

    # ---- groups -------------------------------------------------------------------------------------

    @rule(book=books, name=group_names)
    def create_group(self, book: int, name: str) -> None:
        self.play(
            book,
            lambda store, project: told_of_group(rulebook.create_group(store, project, name, now=self.now)),
            lambda model: model.create_group(name, self.now),
        )

    @rule(book=books, name=group_names)
    def get_group(self, book: int, name: str) -> None:
        self.play(
            book,
            lambda store, project: told_of_group(rulebook.get_group(store, project, name)),
            lambda model: model.get_group(name),
        )

    @rule(book=books, name=group_names, new_name=group_names)
    def update_group(self, book: int, name: str, new_name: str) -> None:
        self.play(
            book,
            lambda store, project: told_of_group(rulebook.update_group(store, project, name, new_name, now=self.now)),
            lambda model: model.update_group(name, new_name),
        )

    @rule(book=books, name=group_names)
    def delete_group(self, book: int, name: str) -> None:
        self.play(
            book,
            lambda store, project: rulebook.delete_group(store, project, name, now=self.now),
            lambda model: model.delete_group(name),
        )

    @rule(
        book=books,
        name=group_names,
        people=st.lists(who, max_size=8),
        mobiles=st.lists(numbers.map(lambda number: int(f"254{number}")), max_size=3),
        does_join=st.booleans(),
    )
    def join_or_leave_group(self, book: int, name: str, people: list[int], mobiles: list[int], does_join: bool) -> None:
        ids = [self.id_of(book, number) for number in people]

        def call(store: Store, project: Project) -> Any:
            change = rulebook.join_group if does_join else rulebook.leave_group
            outcome = change(store, project, name, ids=ids, mobiles=mobiles, now=self.now)
            return outcome.changed, outcome.already, outcome.unknown

        def told(model: Book) -> Any:
            return (model.join_group if does_join else model.leave_group)(name, ids, mobiles)

        self.play(book, call, told)

    # ---- the house ----------------------------------------------------------------------------------

    @precondition(lambda self: any(group.deleted for book in self.books for group in book.groups.values()))
    @rule(book=books)
    def sweep_group(self, book: int) -> None:
        self.play(
            book,
            rulebook.sweep_group,
            lambda model: model.sweep_group(ROWS_A_TURN),
        )

    @rule(book=books, title=st.sampled_from(["Shopify", "shopify ", "Kalro", "Duka la Mama"]))
    def rename_project(self, book: int, title: str) -> None:
        """Former names go on matching, and nothing in the book changes."""
        new_name = f"{title} {self.run}"
        taken = folded(new_name) == folded(self.names[1 - book][-1])
        for side in self.sides:
            if taken:
                with pytest.raises(ProjectTaken):
                    side.store.house_write(projects.rename_project, name=self.names[book][-1], new_name=new_name)
            else:
                renamed = side.store.house_write(projects.rename_project, name=self.names[book][-1], new_name=new_name)
                assert renamed.name == new_name
        if not taken:
            self.names[book].append(new_name)
        for side in self.sides:
            found = side.store.house_read(projects.find_project, name=self.names[book][-1])
            assert found.id == side.projects[book].id
            assert set(found.former_names) == {folded(name) for name in self.names[book]}

    # ---- what always holds --------------------------------------------------------------------------

    @invariant()
    def every_count_is_exact(self) -> None:
        """Of the book that was played on; the other one is looked at in the end."""
        for side in self.sides:
            model, project = self.books[self.played], side.projects[self.played]
            shown, total = side.store.read(project.id, every_count)
            assert [told_of_group(group) for group in shown] == model.list_groups()
            assert total == len(model.contacts)

    def teardown(self) -> None:
        for side in self.sides:
            for project, model in zip(side.projects, self.books, strict=True):
                assert rulebook.broken_in(side.store, project) == []
                assert journal_of(side.database, project) == model.journal
                assert deletions_of(side.database, project) == model.deletions
                for group in (None, *[name for name, _, _ in model.list_groups()]):
                    shown = listed(side.store, project, group, 1, 1_000, EVERYTHING)
                    assert shown == listed_by_model(model, group, 1, 1_000, EVERYTHING)


# ---- answers, made plain ----------------------------------------------------------------------------


def answer_of(call: Play, store: Store, project: Project) -> Any:
    try:
        return call(store, project)
    except DaftariError as error:
        fields = error.errors if isinstance(error, ValidationFailed) else {}
        return {"refused": error.code, "message": error.message, "fields": fields}


def answer_of_model(told: Callable[[Book], Any], model: Book) -> Any:
    try:
        return told(model)
    except Refused as refused:
        return {"refused": refused.code, "fields": refused.fields}


def plain(answer: Any) -> Any:
    """An answer without the sentences of an error, which the model leaves to the code."""
    if isinstance(answer, dict) and "refused" in answer:
        return answer["refused"], sorted(answer["fields"])
    return answer


def told_of_create(outcome: Any, results: bool) -> Any:
    counts = [outcome.created, outcome.updated, outcome.unchanged, outcome.duplicate, outcome.invalid]
    if not results:
        assert outcome.rows == []
        return {"counts": counts}
    shown = [(row.index, row.outcome, row.id, row.mobile, sorted(row.errors or ())) for row in outcome.rows]
    return {"counts": counts, "rows": shown}


def told_of_group(group: Group) -> tuple[str, int, int]:
    return group.name, group.contacts, group.created_at


def every_count(tx: Tx) -> tuple[list[Group], int]:
    page = contacts.list_contacts(tx, group=None, page=1, per_page=1, include=NOTHING)
    return groups.list_groups(tx, after=0, limit=1_000), page.total


def folded(name: str) -> str:
    return " ".join(name.casefold().split())


def listed(store: Store, project: Project, group: str | None, page: int, per_page: int, include: frozenset[str]) -> Any:
    shown = rulebook.list_contacts(store, project, group=group, page=page, per_page=per_page, include=include)
    assert len(json.loads(b"[" + shown.cards + b"]")) == shown.count
    return {"total": shown.total, "cards": shown.cards.decode()}


def listed_by_model(model: Book, group: str | None, page: int, per_page: int, include: frozenset[str]) -> Any:
    shown = model.list(group, page, per_page, include)
    return {"total": shown["total"], "cards": ",".join(written(contact) for contact in shown["contacts"])}


def written(contact: dict[str, Any]) -> str:
    """A contact's JSON: no space, times as people read them."""
    times = {name: written_time(contact[name]) for name in ("created_at", "updated_at") if name in contact}
    return json.dumps({**contact, **times}, ensure_ascii=False, separators=(",", ":"))


def journal_of(database: str, project: Project) -> list[tuple[str, int | None, list[int]]]:
    found = rows_of(
        database,
        f"SELECT seq, action, group_id, contacts FROM journal WHERE project_id = {project.id} ORDER BY seq",
    )
    assert [row[0] for row in found] == list(range(1, len(found) + 1))
    return [(action, group_id, ids_in(ranges)) for _, action, group_id, ranges in found]


def ids_in(ranges: str) -> list[int]:
    ids: list[int] = []
    for part in filter(None, ranges.split(",")):
        first, _, last = part.partition("-")
        ids += range(int(first), int(last or first) + 1)
    return ids


def deletions_of(database: str, project: Project) -> list[tuple[Any, ...]]:
    return rows_of(
        database,
        f"SELECT seq, mobile, at, reason, purpose FROM deletion WHERE project_id = {project.id} ORDER BY seq",
    )


# ---- the test ---------------------------------------------------------------------------------------


def test_random_calls_get_the_same_answers_from_both_engines_and_from_plain_dictionaries(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "ROWS_A_TURN", ROWS_A_TURN)
    sides = [Side(new_database(engine)) for engine in ENGINES]
    runs = count(1)
    try:
        run_state_machine_as_test(
            lambda: Phonebooks(sides, runs),
            settings=settings(
                max_examples=RUNS_FACTOR * settings().max_examples, suppress_health_check=list(HealthCheck)
            ),
        )
    finally:
        for side in sides:
            side.store.close()
