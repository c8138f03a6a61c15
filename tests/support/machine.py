"""How random calls are played: against both engines and a book of plain dictionaries, which must all say the same.

Two projects share each database, so that what belongs to one is looked for in the other. This module must not know
which calls there are.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain, count
from typing import Any, Generic, TypeVar, cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from msgspec.structs import replace

from daftari.errors import DaftariError, ValidationFailed
from daftari.model.contacts import CreateOutcome, Group, MembershipOutcome, UpdateOutcome
from daftari.model.limits import ID_MAX
from daftari.model.projects import ConsentSettings, Project
from daftari.model.time import format_time
from daftari.rules.consent import facts
from daftari.store import Store, Tx, consent, integrity, journal
from daftari.store.journal import JournalRow
from tests.conftest import ENGINES, NewDatabase
from tests.oracles.book import SUBSCRIBERS, Book, Refused
from tests.support import calls
from tests.support.builders import rows_of
from tests.support.calls import NOW
from tests.support.clients import Client
from tests.support.feed_readers import FeedReader
from tests.support.stores import open_store

ROWS_PER_STEP = 3
STEP_MICROSECONDS = 1_000_001
"""How far apart two calls are."""
EVERYTHING = frozenset({"groups", "updated_at"})

B = TypeVar("B", bound=Book)

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
group_names = st.sampled_from(
    ["Farmers", " farmers ", "FARMERS", "Straße  ürünü", "strasse u\u0308ru\u0308nu\u0308 ", "Coast"]
)
books = st.sampled_from([0, 0, 0, 1])
who = st.integers(min_value=-2, max_value=250)
"""Which of the book's contacts, counted around; a negative one is an id that no contact has."""


class Side:
    """One engine's database and the run's two projects in it, with a client of each."""

    def __init__(self, database: str, open_client: Callable[[str], Client]) -> None:
        self.database = database
        self.store: Store = open_store(database, threads=2)
        self.projects: list[Project] = []
        self.clients: list[Client] = []
        self._open_client = open_client

    def create_projects(self, names: list[str], first_ids: list[int]) -> None:
        self.projects = [
            calls.create_project(self.store, name, first_id=first_id)
            for name, first_id in zip(names, first_ids, strict=True)
        ]
        client = self._open_client(self.database)
        self.clients = [client.with_key(calls.create_key(self.store, project)) for project in self.projects]

    def set_consent(self, consent: ConsentSettings) -> None:
        self.projects = [replace(project, consent=consent) for project in self.projects]


Play = Callable[[Store, Project], Any]


class Machine(RuleBasedStateMachine, Generic[B]):
    """The three books; each kind of machine says which calls it plays."""

    new_book: Callable[..., B]

    def __init__(self, sides: list[Side], runs: Iterator[int]) -> None:
        super().__init__()
        self.sides = sides
        self.run = next(runs)
        self.now = NOW
        self.played = 0
        self.books: list[B] = []
        self.names: list[list[str]] = []
        self.readers: list[list[FeedReader]] = []

    def begin_books(self, first_ids: list[int], consent: ConsentSettings) -> None:
        """Two empty books."""
        self.books = [self.new_book(next_id=first_id, settings=consent) for first_id in first_ids]
        self.names = [[f"Shopify {self.run}"], [f"Kalro {self.run}"]]
        for side in self.sides:
            side.create_projects([names[0] for names in self.names], first_ids)
            side.set_consent(consent)
        self.readers = [[FeedReader(side.clients[book]) for side in self.sides] for book in range(2)]

    # ---- copies that follow the feed ----------------------------------------------------------------

    @precondition(lambda self: bool(self.readers))
    @rule(
        book=books,
        sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4),
        again=st.sampled_from([False] * 3 + [True]),
    )
    def follow(self, book: int, sizes: list[int], again: bool) -> None:
        """The copies of a book read on, or begin again."""
        if again:
            self.readers[book] = [FeedReader(side.clients[book]) for side in self.sides]
        for reader in self.readers[book]:
            for size in sizes:
                reader.step(size=size)

    # ---- playing ------------------------------------------------------------------------------------

    def play(self, book: int, call: Play, expected: Callable[[B], Any]) -> None:
        """One call on all three; ``call`` returns what ``expected`` does, or refuses as it does."""
        self.tick()
        self.played = book
        before = [members_and_rows(side.store, side.projects[book]) for side in self.sides]
        answers = [answer_of(call, side.store, side.projects[book]) for side in self.sides]
        for side, (members, rows) in zip(self.sides, before, strict=True):
            assert_left_groups_are_reported(side.store, side.projects[book], members, rows)
        assert answers[0] == answers[1]
        assert plain(answers[0]) == plain(answer_of_model(expected, self.books[book]))

    def tick(self) -> None:
        """Time passes between two calls."""
        self.now += STEP_MICROSECONDS

    def reference(self, book: int, number: int, spelling: str | None) -> str:
        return spelling if spelling is not None else str(self.id_of(book, number))

    def id_of(self, book: int, number: int) -> int:
        there = sorted(self.books[book].contacts)
        return there[number % len(there)] if there and number >= 0 else self.books[book].next_id - min(number, 0)

    def create(
        self, book: int, given: list[Any], group: str | None, *, skip: bool = False, results: bool = True
    ) -> None:
        """Create or merge contacts."""

        def call(store: Store, project: Project) -> Any:
            values: Any = {"group": group, "skip": skip, "results": results, "now": self.now}
            return result_of_create(calls.create_contacts(store, project, given, **values), results)

        def expected(model: Book) -> Any:
            said = model.create(given, "contacts.{}", group, skip, self.now)
            return said if results else {"counts": said["counts"]}

        self.play(book, call, expected)

    def teardown(self) -> None:
        """What is left in the end, in both books, is the model's to the last row; so are the copies."""
        for reader in chain.from_iterable(self.readers):
            reader.assert_is_the_book()
        for side in self.sides:
            for project, model in zip(side.projects, self.books, strict=True):
                assert calls.broken_in(side.store, project) == []
                assert journal_of(side.database, project) == model.journal
                assert_facts_are_reported_once(side.store, project)
                assert facts_of(side.store, project) == sorted(
                    fact.id for known in model.ledger.facts.values() for fact in known
                )
                assert near_misses_of(side.store, project) == +model.near_misses
                for group in (None, *[name for name, _, _ in model.list_groups()]):
                    shown = listed(side.store, project, group, 1, 1_000, EVERYTHING, suppressed=True)
                    assert shown == listed_by_model(model, group, 1, 1_000, EVERYTHING, suppressed=True)


def run_machine(
    machine: Callable[[list[Side], Iterator[int]], Machine[Any]],
    new_database: NewDatabase,
    open_client: Callable[[str], Client],
    *,
    runs: int,
) -> None:
    """So many runs of a machine on a database of each engine."""
    sides = [Side(new_database(engine), open_client) for engine in ENGINES]
    numbers = count(1)

    def new_machine() -> Any:
        return machine(sides, numbers)

    try:
        run_state_machine_as_test(
            cast(Any, new_machine),
            settings=settings(max_examples=runs, suppress_health_check=list(HealthCheck)),
        )
    finally:
        for side in sides:
            side.store.close()


# ---- answers, made plain ----------------------------------------------------------------------------


def answer_of(call: Play, store: Store, project: Project) -> Any:
    try:
        return call(store, project)
    except DaftariError as error:
        fields = error.errors if isinstance(error, ValidationFailed) else {}
        return {"refused": error.code, "message": error.message, "fields": fields}


def answer_of_model(expected: Callable[[B], Any], model: B) -> Any:
    try:
        return expected(model)
    except Refused as refused:
        return {"refused": refused.code, "fields": refused.fields}


def plain(answer: Any) -> Any:
    """An answer without the sentences of an error, which the model leaves to the code."""
    if isinstance(answer, dict) and "refused" in answer:
        return answer["refused"], sorted(answer["fields"])
    return answer


def result_of_create(outcome: CreateOutcome, results: bool) -> Any:
    counts = [outcome.created, outcome.updated, outcome.unchanged, outcome.duplicate, outcome.invalid]
    counts.append(outcome.suppressed)
    if not results:
        assert outcome.rows == []
        return {"counts": counts}
    shown = [
        (row.index, row.outcome, row.id, row.mobile, sorted(row.errors or ()), row.suppressed, row.kept_out)
        for row in outcome.rows
    ]
    return {"counts": counts, "rows": shown}


def result_of_update(outcome: UpdateOutcome) -> tuple[bool, bool]:
    return outcome.suppressed, outcome.kept_out


def result_of_membership(outcome: MembershipOutcome) -> tuple[int, ...]:
    return outcome.changed, outcome.already, outcome.unknown, outcome.suppressed, outcome.kept_out


def result_of_group(group: Group) -> tuple[str, int, int]:
    return group.name, group.contacts, group.created_at


def listed(
    store: Store,
    project: Project,
    group: str | None,
    page: int,
    per_page: int,
    include: frozenset[str],
    *,
    suppressed: bool,
) -> Any:
    shown = calls.list_contacts(
        store, project, group=group, page=page, per_page=per_page, include=include, suppressed=suppressed
    )
    assert len(json.loads(b"[" + shown.cards + b"]")) == shown.count
    return {"total": shown.total, "cards": shown.cards.decode()}


def listed_by_model(
    model: Book, group: str | None, page: int, per_page: int, include: frozenset[str], *, suppressed: bool
) -> Any:
    shown = model.list_contacts(group, page, per_page, include, suppressed)
    return {"total": shown["total"], "cards": ",".join(written(contact) for contact in shown["contacts"])}


def written(contact: dict[str, Any]) -> str:
    """A contact's JSON: no space, times as people read them."""
    times = {name: format_time(contact[name]) for name in ("created_at", "updated_at") if name in contact}
    return json.dumps({**contact, **times}, ensure_ascii=False, separators=(",", ":"))


def journal_of(database: str, project: Project) -> list[tuple[str, int | None, list[int]]]:
    found = rows_of(
        database,
        f"SELECT seq, action, group_id, contacts FROM journal WHERE project_id = {project.id} ORDER BY seq",
    )
    assert [row[0] for row in found] == list(range(1, len(found) + 1))
    return [(action, group_id, ids_in(ranges)) for _, action, group_id, ranges in found]


Members = set[tuple[int, int]]
"""Who is in which group: pairs of a group's and a contact's id."""


def members_and_rows(store: Store, project: Project) -> tuple[Members, list[JournalRow]]:
    """Who is in which group, deleted groups included, and the whole journal."""

    def look(tx: Tx) -> tuple[Members, list[JournalRow]]:
        found = tx.all("walk_memberships", after=-1, group=-1, last=ID_MAX, limit=10_000)
        pairs = {(int(str(group_id)), int(str(contact_id))) for contact_id, group_id in found}
        return pairs, journal.list_journal(tx, first=1, last=ID_MAX, limit=10_000)

    return store.read(project, NOW, look)


def assert_left_groups_are_reported(store: Store, project: Project, before: Members, rows: list[JournalRow]) -> None:
    """Those who left a group by a call are in a journal row of that call, and no one else."""
    after, all_rows = members_and_rows(store, project)
    gone, new = before - after, all_rows[len(rows) :]
    reported = {(group, one) for row in new for group, ids in journal.read_left(row.left_groups).items() for one in ids}
    if not new:
        # The worker cleared a group that was deleted before.
        kept = {group.id for group in calls.list_groups(store, project)}
        assert not {group_id for group_id, _ in gone} & kept
    elif [row.action for row in new] == ["erase_number"]:
        assert reported == set()
    else:
        assert reported == gone


def assert_facts_are_reported_once(store: Store, project: Project) -> None:
    """Every fact there ever was is in one journal row, in the order of the rows."""
    _, rows = members_and_rows(store, project)
    reported = [number for row in rows for number in range(row.first_fact or 1, (row.last_fact or 0) + 1)]
    state = store.read(project, NOW, integrity.read_book)
    assert state is not None
    assert reported == list(range(1, state.next_fact))


def ids_in(ranges: str) -> list[int]:
    ids: list[int] = []
    for part in filter(None, ranges.split(",")):
        first, _, last = part.partition("-")
        ids += range(int(first), int(last or first) + 1)
    return ids


def facts_of(store: Store, project: Project) -> list[int]:
    """Every fact there is, those of erased numbers included."""
    return [fact.id for fact in store.read(project, NOW, consent.list_facts, after=0, limit=10_000)]


def near_misses_of(store: Store, project: Project) -> Counter[str]:
    found = store.read(project, NOW, facts.list_near_misses, limit=1_000)
    tries: Counter[str] = Counter()
    for miss in found:
        tries[miss.source] += miss.tries
    return tries
