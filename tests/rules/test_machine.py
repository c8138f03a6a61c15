"""Random calls, played against SQLite, PostgreSQL and a book of plain dictionaries at once: the same answer from all.

Books begin near the borders of the page directory's blocks (2 ** 6, 12 and 18 ids), and where an id is also a contact's
mobile. Two projects share each database, so that what belongs to one is looked for in the other. ``make prove`` plays
for hours what ``make test`` plays for seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from daftari.errors import ProjectTaken
from daftari.model.contacts import Group
from daftari.model.projects import ConsentSettings, Project
from daftari.rules.access import projects
from daftari.rules.contacts import contacts, groups
from daftari.rules.erasure import purge
from daftari.store import Store, Tx
from tests.conftest import NewDatabase
from tests.oracles.book import SUBSCRIBERS, Book
from tests.support import calls
from tests.support.calls import NOTHING
from tests.support.clients import Client
from tests.support.machine import (
    EVERYTHING,
    ROWS_PER_STEP,
    Machine,
    books,
    group_names,
    listed,
    listed_by_model,
    numbers,
    result_of_create,
    result_of_group,
    result_of_membership,
    result_of_update,
    run_machine,
    spellings,
    who,
    written,
)
from tests.support.stores import NOW

FIRST_IDS = (
    1,
    *range(61, 66),
    *range(4_093, 4_098),
    *range(262_141, 262_146),
    *(SUBSCRIBERS[9], int(f"254{SUBSCRIBERS[9]}")) * 4,
    2**61,
)
"""Where books begin; those from a subscriber's number on give ids that are also a contact's mobile."""

# ---- what callers send ------------------------------------------------------------------------------

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
            [],
            [1],
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
maybe_groups = st.one_of(st.none(), group_names, group_names)
includes = st.sampled_from([NOTHING, NOTHING, frozenset({"groups"}), frozenset({"updated_at"}), EVERYTHING])


class Phonebooks(Machine[Book]):
    """Every call that the public page shows, and groups."""

    new_book = Book

    @initialize(
        first_id=st.sampled_from(FIRST_IDS),
        other_first_id=st.sampled_from(FIRST_IDS),
        people=st.lists(numbers, min_size=2, max_size=8, unique=True),
        group=group_names,
        other_group=group_names,
    )
    def begin(self, first_id: int, other_first_id: int, people: list[int], group: str, other_group: str) -> None:
        """The same people in both books, each in one group or two."""
        self.begin_books([first_id, other_first_id], ConsentSettings())
        given = [{"mobile": number, "attributes": {"plot": 1}} for number in people]
        for book in (1, 0):
            self.create(book, given, group)
            self.create(book, given[::2], other_group, results=False)

    # ---- the five calls -----------------------------------------------------------------------------

    @rule(
        book=books,
        given=st.lists(mostly_good_contacts, max_size=5),
        group=maybe_groups,
        skip=st.booleans(),
        results=st.booleans(),
    )
    def create_contacts(self, book: int, given: list[Any], group: str | None, skip: bool, results: bool) -> None:
        self.create(book, given, group, skip=skip, results=results)

    @rule(book=books, given=any_contacts, group=maybe_groups, skip=st.booleans())
    def create_contact(self, book: int, given: Any, group: str | None, skip: bool) -> None:
        def call(store: Store, project: Project) -> Any:
            outcome = calls.create_contact(store, project, given, group=group, skip=skip, now=self.now)
            return result_of_create(outcome, True)

        def expected(model: Book) -> Any:
            # What is no object at all is no row, so that there is nothing to skip.
            is_row = isinstance(given, dict) or given == []
            return model.create([given], "contact", group, skip and is_row, self.now)

        self.play(book, call, expected)

    @rule(book=books, many=st.sampled_from([20, 70, 130]), group=maybe_groups)
    def create_many(self, book: int, many: int, group: str | None) -> None:
        """New contacts by the hundred, with numbers that no other contact has."""
        first = 254_733_000_000 + self.books[book].next_id % 1_000_000
        given = [{"mobile": f"+{number}"} for number in range(first, first + many)]

        def call(store: Store, project: Project) -> Any:
            return result_of_create(calls.create_contacts(store, project, given, group=group, now=self.now), True)

        self.play(book, call, lambda model: model.create_many(first, many, group, self.now))

    @rule(book=books, number=who, spelling=st.none() | spellings, include=includes)
    def get_contact(self, book: int, number: int, spelling: str | None, include: frozenset[str]) -> None:
        reference = self.reference(book, number, spelling)
        self.play(
            book,
            lambda store, project: calls.get_contact(store, project, reference, include=include),
            lambda model: written(model.get(reference, include)),
        )

    @rule(
        book=books,
        group=maybe_groups,
        page=st.integers(1, 3) | st.integers(1, 40),
        per_page=st.sampled_from([1, 2, 3, 64, 100, 1_000]),
        include=includes,
        suppressed=st.booleans(),
    )
    def list_contacts(
        self, book: int, group: str | None, page: int, per_page: int, include: frozenset[str], suppressed: bool
    ) -> None:
        self.play(
            book,
            lambda store, project: listed(store, project, group, page, per_page, include, suppressed=suppressed),
            lambda model: listed_by_model(model, group, page, per_page, include, suppressed=suppressed),
        )

    @rule(book=books, number=who, group=maybe_groups, per_page=st.sampled_from([1, 3, 64]), suppressed=st.booleans())
    def list_contacts_after(self, book: int, number: int, group: str | None, per_page: int, suppressed: bool) -> None:
        after_id = self.id_of(book, number)

        def call(store: Store, project: Project) -> Any:
            page = calls.list_contacts_after(
                store, project, after_id, group=group, per_page=per_page, include=NOTHING, suppressed=suppressed
            )
            return {"total": page.total, "before": page.before, "cards": page.cards.decode(), "last_id": page.last_id}

        def expected(model: Book) -> Any:
            shown = dict(model.list_after(group, after_id, per_page, suppressed))
            cards = ",".join(written(contact) for contact in shown.pop("contacts"))
            return shown | {"cards": cards}

        self.play(book, call, expected)

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
            lambda store, project: result_of_update(
                calls.update_contact(store, project, reference, given, group=group, move=move, now=self.now)
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
            lambda store, project: calls.delete_contact(
                store, project, reference, reason=reason, purpose=purpose, at=at, now=self.now
            ),
            lambda model: model.delete(reference, reason, purpose, at, self.now),
        )

    # ---- groups -------------------------------------------------------------------------------------

    @rule(book=books, name=group_names)
    def create_group(self, book: int, name: str) -> None:
        self.play(
            book,
            lambda store, project: result_of_group(calls.create_group(store, project, name, now=self.now)),
            lambda model: model.create_group(name, self.now),
        )

    @rule(book=books, name=group_names)
    def get_group(self, book: int, name: str) -> None:
        self.play(
            book,
            lambda store, project: result_of_group(calls.get_group(store, project, name)),
            lambda model: model.get_group(name),
        )

    @rule(book=books, name=group_names, new_name=group_names)
    def update_group(self, book: int, name: str, new_name: str) -> None:
        self.play(
            book,
            lambda store, project: result_of_group(calls.update_group(store, project, name, new_name, now=self.now)),
            lambda model: model.update_group(name, new_name),
        )

    @rule(book=books, name=group_names)
    def delete_group(self, book: int, name: str) -> None:
        self.play(
            book,
            lambda store, project: calls.delete_group(store, project, name, now=self.now),
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
            change = calls.join_group if does_join else calls.leave_group
            return result_of_membership(change(store, project, name, ids=ids, mobiles=mobiles, now=self.now))

        def expected(model: Book) -> Any:
            return (model.join_group if does_join else model.leave_group)(name, ids, mobiles)

        self.play(book, call, expected)

    # ---- settings -----------------------------------------------------------------------------------

    @precondition(lambda self: any(group.deleted for book in self.books for group in book.groups.values()))
    @rule(book=books)
    def purge_group(self, book: int) -> None:
        self.play(
            book,
            lambda store, project: calls.purge_group(store, project, now=self.now),
            lambda model: model.purge_group(ROWS_PER_STEP),
        )

    @rule(book=books, title=st.sampled_from(["Shopify", "shopify ", "Kalro", "Duka la Mama"]))
    def rename_project(self, book: int, title: str) -> None:
        """Former names still match, and nothing in the book changes but its journal."""
        new_name = f"{title} {self.run}"
        taken = folded(new_name) == folded(self.names[1 - book][-1])
        for side in self.sides:
            if taken:
                with pytest.raises(ProjectTaken):
                    side.store.system_write(NOW, projects.rename_project, name=self.names[book][-1], new_name=new_name)
            else:
                renamed = side.store.system_write(
                    NOW, projects.rename_project, name=self.names[book][-1], new_name=new_name
                )
                assert renamed.name == new_name
        if not taken:
            if new_name != self.names[book][-1]:
                self.books[book].journal.append(("change_settings", None, []))
            self.names[book].append(new_name)
        for side in self.sides:
            found = side.store.system_read(NOW, projects.find_project, name=self.names[book][-1])
            assert found.id == side.projects[book].id
            assert set(found.former_names) == {folded(name) for name in self.names[book]}

    # ---- what always holds --------------------------------------------------------------------------

    @invariant()
    def every_count_is_exact(self) -> None:
        """Of the book that was played on; the other one is looked at in the end."""
        for side in self.sides:
            model, project = self.books[self.played], side.projects[self.played]
            shown, listed_total, total = side.store.read(project, NOW, every_count)
            assert [result_of_group(group) for group in shown] == model.list_groups()
            assert listed_total == sum(not model.is_suppressed(number) for number in model.contacts)
            assert total == len(model.contacts)


def every_count(tx: Tx) -> tuple[list[Group], int, int]:
    """The groups, and how many the default list and the whole book have."""
    values: Any = {"group": None, "page": 1, "per_page": 1, "include": NOTHING}
    totals = [contacts.list_contacts(tx, suppressed=suppressed, **values).total for suppressed in (False, True)]
    return groups.list_groups(tx, after=0, limit=1_000), totals[0], totals[1]


def folded(name: str) -> str:
    return " ".join(name.casefold().split())


# ---- the test ---------------------------------------------------------------------------------------


def test_random_calls_get_the_same_answers_from_both_engines_and_from_plain_dictionaries(
    new_database: NewDatabase, open_client: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge, "ROWS_PER_STEP", ROWS_PER_STEP)
    run_machine(Phonebooks, new_database, open_client, runs=settings().max_examples)
