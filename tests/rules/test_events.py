"""Events: what each write publishes in its transaction, and a copy of the book that is kept from events alone."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from daftari.errors import DaftariError
from daftari.model.consent import NewFact, Scope
from daftari.model.inbound import InboundMessage
from daftari.model.projects import Project
from daftari.rules import events
from daftari.rules.consent import ledger
from daftari.rules.events import (
    Action,
    ConsentChanged,
    ContactsCreated,
    ContactsDeleted,
    ContactsUpdated,
    Erased,
    Event,
    GroupCreated,
    GroupDeleted,
    GroupJoined,
    GroupLeft,
    GroupRenamed,
    ImportFinished,
    ImportUndone,
)
from daftari.store import Store, WriteTx
from daftari.store.journal import read_ids
from tests.conftest import ROOT
from tests.support import calls, consent_calls
from tests.support.builders import rows_of
from tests.support.calls import ACTOR, NOW, broken_in
from tests.support.imports import Office

FIRST = 254_722_000_000
PEOPLE = [{"mobile": FIRST + number, "fname": "Wanjiku"} for number in range(5)]
ALL = (ContactsCreated, ContactsUpdated, ContactsDeleted, GroupCreated, GroupRenamed, GroupDeleted, GroupJoined,
       GroupLeft, ConsentChanged, Erased, ImportFinished, ImportUndone)  # fmt: skip

Batches = list[list[Event]]


@pytest.fixture
def project(store: Store) -> Project:
    """Five contacts with ids 1 to 5 in Farmers (1), two of them in Coast (2) too."""
    project = calls.create_project(store)
    calls.create_contacts(store, project, PEOPLE, group="Farmers")
    calls.create_contacts(store, project, PEOPLE[:2], group="Coast")
    return project


@pytest.fixture
def published(project: Project, monkeypatch: pytest.MonkeyPatch) -> Batches:
    """The batches that come after the project is as it is."""
    batches: Batches = []

    def listen(tx: WriteTx, happened: Sequence[Event]) -> None:
        batches.append([plain(event) for event in happened])

    monkeypatch.setitem(events.LISTENERS, listen, ALL)
    return batches


def plain(event: Event) -> Event:
    """The event, its collections as sorted lists, so that two are equal that say the same."""
    members = {name: getattr(event, name) for name in event.__struct_fields__}
    return type(event)(
        **{name: value if isinstance(value, int | str | None) else sorted(value) for name, value in members.items()}
    )


def opt_out(store: Store, project: Project, *mobiles: int, now: int = NOW, kind: str = "opt_out") -> None:
    common = {"source": "form", "at": now / 1_000_000}
    consent_calls.record_given(
        store, project, mobiles, common=common, kind="opt_in" if kind == "opt_in" else "opt_out", now=now
    )


def stop(store: Store, project: Project, mobile: int, text: str, *, now: int = NOW) -> None:
    message = InboundMessage(
        number=f"+{mobile}", sender="20414", text=text, channel="sms", message_id=f"m{now}", at=now
    )
    consent_calls.receive_events(store, project, [message], now=now)


# ---- what each write publishes --------------------------------------------------------------------------

Write = Callable[[Store, Project], object]
WRITES: dict[str, tuple[Write, list[Event]]] = {
    "new contacts into a new group": (
        lambda store, project: calls.create_contacts(store, project, [{"mobile": FIRST + 9}], group="New"),
        [GroupCreated(3), ContactsCreated([6]), GroupJoined(3, [6])],
    ),
    "new, changed and unchanged contacts into a group that some are in": (
        lambda store, project: calls.create_contacts(
            store,
            project,
            [{"mobile": FIRST + 9}, PEOPLE[0], {**PEOPLE[2], "fname": "Achieng"}, {**PEOPLE[1], "city": "Voi"}],
            group="Coast",
        ),
        [ContactsCreated([6]), ContactsUpdated([2, 3]), GroupJoined(2, [3, 6], fires=False)],
    ),
    "a field": (
        lambda store, project: calls.update_contact(store, project, "3", {"fname": "Achieng"}),
        [ContactsUpdated([3])],
    ),
    "a move": (
        lambda store, project: calls.update_contact(store, project, "3", None, group="Coast"),
        [GroupLeft(1, [3]), GroupJoined(2, [3])],
    ),
    "a move out of one group of two": (
        lambda store, project: calls.update_contact(store, project, "1", None, group="Coast"),
        [GroupLeft(1, [1])],
    ),
    "a field and a new group": (
        lambda store, project: calls.update_contact(store, project, "3", {"city": "Voi"}, group="New", move=False),
        [ContactsUpdated([3]), GroupCreated(3), GroupJoined(3, [3])],
    ),
    "a delete": (
        lambda store, project: calls.delete_contact(store, project, "3"),
        [GroupLeft(1, [3]), ContactsDeleted([3]), ConsentChanged(1, 1, [FIRST + 2], [])],
    ),
    "a removal": (
        lambda store, project: calls.delete_contact(store, project, "1", reason="removal"),
        [GroupLeft(1, [1]), GroupLeft(2, [1]), ContactsDeleted([1])],
    ),
    "a delete of a number without a contact": (
        lambda store, project: calls.delete_contact(store, project, "0733000001"),
        [ConsentChanged(1, 1, [254_733_000_001], [])],
    ),
    "a new group": (lambda store, project: calls.create_group(store, project, "New"), [GroupCreated(3)]),
    "another name": (
        lambda store, project: calls.update_group(store, project, "Coast", "Pwani"),
        [GroupRenamed(2, "Coast")],
    ),
    "a group deleted": (lambda store, project: calls.delete_group(store, project, "Coast"), [GroupDeleted(2, "Coast")]),
    "contacts that join": (
        lambda store, project: calls.join_group(store, project, "Coast", ids=[1, 5, 99], mobiles=[FIRST + 3]),
        [GroupJoined(2, [4, 5], fires=False)],
    ),
    "contacts that leave": (
        lambda store, project: calls.leave_group(store, project, "Coast", ids=[1, 5], mobiles=[]),
        [GroupLeft(2, [1])],
    ),
    "opt-outs": (
        lambda store, project: opt_out(store, project, FIRST, FIRST + 4, FIRST + 9),
        [ConsentChanged(1, 3, [FIRST, FIRST + 4, FIRST + 9], [1, 5]), GroupLeft(2, [1]), GroupLeft(1, [1, 5])],
    ),
    "an opt-in": (
        lambda store, project: opt_out(store, project, FIRST, kind="opt_in"),
        [ConsentChanged(1, 1, [FIRST], [1])],
    ),
    "STOP and the name of a group": (
        lambda store, project: stop(store, project, FIRST, "STOP Coast"),
        [ConsentChanged(1, 1, [FIRST], [1]), GroupLeft(2, [1])],
    ),
    "an erasure": (
        lambda store, project: consent_calls.erase_number(store, project, FIRST + 2, now=NOW),
        [Erased(1, FIRST + 2, 3, fact=1, consent_seqs=[])],
    ),
}


@pytest.mark.parametrize("what", WRITES)
def test_a_write_publishes_what_it_did_in_one_batch(
    store: Store, project: Project, published: Batches, what: str
) -> None:
    write, happened = WRITES[what]
    write(store, project)
    assert sorted(map(repr, published.pop())) == sorted(map(repr, happened))
    assert published == []


NOTHING: dict[str, Write] = {
    "contacts as they are": lambda store, project: calls.create_contacts(store, project, PEOPLE, group="Farmers"),
    "a name as it is": lambda store, project: calls.update_contact(store, project, "1", {"fname": "Wanjiku"}),
    "members who join again": lambda store, project: calls.join_group(store, project, "Farmers", ids=[1], mobiles=[]),
    "a plan": lambda store, project: (
        Office(store, "", project).bring("mobile\n0733000009\n", planned=True, group="New") and None
    ),
}


@pytest.mark.parametrize("what", NOTHING)
def test_a_write_that_changes_nothing_publishes_nothing(
    store: Store, project: Project, published: Batches, what: str
) -> None:
    NOTHING[what](store, project)
    assert published == []


def test_what_is_known_already_is_published_once(store: Store, project: Project, published: Batches) -> None:
    opt_out(store, project, FIRST)
    assert len(published) == 1
    opt_out(store, project, FIRST)
    calls.delete_contact(store, project, "0733000001", at=NOW)
    calls.delete_contact(store, project, "0733000001", at=NOW)
    assert len(published) == 2


def test_a_number_that_a_contact_gets_brings_its_consent_along(
    store: Store, project: Project, published: Batches
) -> None:
    opt_out(store, project, 254_733_000_001)
    published.clear()
    calls.update_contact(store, project, "1", {"mobile": "0733000001"})
    assert published == [[ContactsUpdated([1]), GroupLeft(1, [1]), GroupLeft(2, [1])]]


def test_a_group_that_gets_a_name_loses_those_who_left_a_group_of_that_name(
    store: Store, database: str, project: Project, published: Batches
) -> None:
    left = NewFact(0, FIRST, "left_group", Scope("sms"), NOW, "inbound", keyword="pwani")
    store.write(project, ACTOR, NOW, ledger.record_facts, facts=[left])
    calls.update_group(store, project, "Coast", "Pwani")
    assert published == [[GroupRenamed(2, "Coast"), GroupLeft(2, [1])]]
    last = rows_of(database, "SELECT action, group_id, contacts FROM journal ORDER BY seq")[-1]
    assert last == ("update_group", 2, "1")


def test_an_import_publishes_batch_by_batch_and_when_it_has_ended(
    store: Store, database: str, project: Project, published: Batches
) -> None:
    office = Office(store, database, project)
    rows = "phone,first name,groups\n0733000001,Otieno,VIP\n0722000001,Achieng,VIP\n0733000002,,Farmers;VIP\n"
    found = office.bring(rows, chunk_records=2, batch=1)
    assert published == [
        [
            GroupCreated(3),
            ContactsCreated([6]),
            ContactsUpdated([2]),
            GroupJoined(3, [2, 6], fires=False),
        ],
        [ContactsCreated([7]), GroupJoined(1, [7], fires=False), GroupJoined(3, [7], fires=False)],
        [ImportFinished(found.id, "done")],
    ]
    published.clear()
    office.undo(found.id)
    assert published == [
        [GroupLeft(3, [2]), ContactsUpdated([2])],
        [GroupLeft(3, [6]), ContactsDeleted([6])],
        [GroupLeft(1, [7]), GroupLeft(3, [7]), ContactsDeleted([7])],
        [ImportUndone(found.id, "done")],
    ]
    actions = [action for (action,) in rows_of(database, "SELECT action FROM journal WHERE seq > 2 ORDER BY seq")]
    assert actions == [
        *("create_import", "import_contacts", "import_contacts", "finish_import", "undo_import"),
        *("undo_import", "delete_contacts", "delete_contacts", "finish_import"),
    ]


# ---- listeners ------------------------------------------------------------------------------------------


def test_a_listener_gets_the_events_that_it_listens_to_and_no_others(
    store: Store, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: Batches = []
    monkeypatch.setitem(
        events.LISTENERS, lambda tx, happened: heard.append(list(happened)), (GroupJoined, GroupCreated)
    )
    calls.create_contacts(store, project, [{"mobile": FIRST + 9}], group="New")
    calls.update_contact(store, project, "1", {"fname": "Achieng"})
    assert [[type(event) for event in batch] for batch in heard] == [[GroupCreated, GroupJoined]]


def test_a_listener_reads_and_writes_in_the_transaction_of_the_act(
    store: Store, database: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def welcome(tx: WriteTx, happened: Sequence[Event]) -> None:
        assert tx.one("get_group", folded="new") is not None
        events.record(tx, Action.UPDATE_GROUP, group_id=3)

    monkeypatch.setitem(events.LISTENERS, welcome, (GroupJoined,))
    calls.create_contacts(store, project, [{"mobile": FIRST + 9}], group="New")
    rows = rows_of(database, "SELECT request_id, action, group_id FROM journal WHERE seq > 2 ORDER BY seq")
    assert rows == [(ACTOR.request_id, "create_contacts", 3), (ACTOR.request_id, "update_group", 3)]


def test_a_listener_that_fails_undoes_the_act(
    store: Store, database: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(DaftariError):
        """A listener that cannot."""

    def refuse(tx: WriteTx, happened: Sequence[Event]) -> None:
        raise Full("The listener is full.")

    tables = ("book", "contact", "contact_group", "membership", "directory", "journal")
    before = [sorted(rows_of(database, f"SELECT * FROM {table}")) for table in tables]
    monkeypatch.setitem(events.LISTENERS, refuse, (ContactsCreated,))
    with pytest.raises(Full):
        calls.create_contacts(store, project, [{"mobile": FIRST + 9}], group="New")
    assert [sorted(rows_of(database, f"SELECT * FROM {table}")) for table in tables] == before


# ---- the journal ----------------------------------------------------------------------------------------


def test_only_events_writes_the_journal() -> None:
    source = ROOT / "src" / "daftari"
    found = [path for path in source.rglob("*.py") if "insert_journal" in path.read_text()]
    assert sorted(map(str, (path.relative_to(source) for path in found))) == ["rules/events.py", "store/journal.py"]


def test_the_words_of_the_journal_stay_as_callers_know_them() -> None:
    assert {action.value for action in Action} == {
        *("create_contacts", "update_contact", "delete_contact", "delete_contacts", "move_contacts"),
        *("create_group", "update_group", "delete_group", "join_group", "leave_group", "merge_groups"),
        *("start_bulk", "undo"),
        *("opt_outs", "opt_ins", "inbound", "settle_review", "erase_number", "freeze_audience"),
        *("create_import", "apply_import", "import_contacts", "import_consent", "finish_import", "undo_import"),
        *("export", "delete_export"),
        *("create_sender", "update_sender", "delete_sender", "create_messages"),
        *("create_campaign", "update_campaign", "delete_campaign", "start_campaign", "cancel_campaign"),
        *("create_webhook", "update_webhook", "delete_webhook"),
        *("rotate_webhook", "replay_webhook", "disable_webhook"),
        *("create_trigger", "update_trigger", "delete_trigger", "create_events"),
        *("create_connection", "update_connection", "delete_connection", "sync_contacts"),
        *("add_user", "change_role", "remove_user", "create_key", "revoke_key"),
        *("create_address", "update_address", "revoke_address", "change_settings"),
    }


def test_every_action_is_recorded_somewhere() -> None:
    rules = "".join(path.read_text() for path in sorted(Path(events.__file__).parent.rglob("*.py")))
    assert [action.name for action in Action if f"Action.{action.name}" not in rules] == []


# ---- a copy that is kept from events alone --------------------------------------------------------------


class Copy:
    """The ids of contacts and of the members of groups, and the numbers of which anything is known."""

    def __init__(self) -> None:
        self.contacts: set[int] = set()
        self.groups: dict[int, set[int]] = {}
        self.facts: dict[int, set[int]] = defaultdict(set)

    def follow(self, tx: WriteTx, happened: Sequence[Event]) -> None:
        for event in happened:
            match event:
                case ContactsCreated(contacts=ids):
                    assert self.contacts.isdisjoint(ids)
                    self.contacts.update(ids)
                case ContactsUpdated(contacts=ids):
                    assert self.contacts.issuperset(ids)
                case ContactsDeleted(contacts=ids):
                    assert self.contacts.issuperset(ids)
                    self.contacts.difference_update(ids)
                case Erased(contact_id=contact_id) if contact_id is not None:
                    self.contacts.remove(contact_id)
                    for members in self.groups.values():
                        members.discard(contact_id)
                case GroupCreated(group_id=group_id):
                    assert group_id not in self.groups
                    self.groups[group_id] = set()
                case GroupDeleted(group_id=group_id):
                    del self.groups[group_id]
                case GroupJoined(group_id=group_id, contacts=ids):
                    assert self.groups[group_id].isdisjoint(ids)
                    self.groups[group_id].update(ids)
                case GroupLeft(group_id=group_id, contacts=ids) if group_id in self.groups:
                    assert self.groups[group_id].issuperset(ids)
                    self.groups[group_id].difference_update(ids)
                case ConsentChanged(first_fact=first, last_fact=last):
                    assert self.facts.keys().isdisjoint(range(first, last + 1))
                    self.facts.update({number: set(event.mobiles) for number in range(first, last + 1)})
                case _:
                    pass


def choose_act(office: Office, rng: random.Random, done: list[int]) -> Callable[[], object]:
    """An act of any kind on few numbers and few groups, so that they meet. ``done``: imports to be undone."""
    store, project, now = office.store, office.project, office.tick()
    names = ["Farmers", "Coast", "VIP", "pwani"]
    mobile, name, other = FIRST + rng.randrange(12), rng.choice(names), rng.choice(names)
    kind, reason = rng.choice(["opt_out", "opt_in", "opt_in"]), rng.choice([None, "removal"])
    given = [{"mobile": FIRST + number, "city": rng.choice("AB")} for number in rng.sample(range(12), 4)]
    fields = {"mobile": FIRST + rng.randrange(12)} if rng.random() < 0.2 else {"city": rng.choice("ABC")}
    rows = "phone,city,groups\n" + "".join(
        f"+{FIRST + rng.randrange(12)},{rng.choice('AB')},{';'.join(rng.sample(names, 2))}\n" for _ in range(5)
    )
    one_of: list[Callable[[], object]] = [
        lambda: calls.create_contacts(store, project, given, group=name, now=now),
        lambda: calls.update_contact(store, project, f"+{mobile}", fields, group=name, move=bool(reason), now=now),
        lambda: calls.delete_contact(store, project, f"+{mobile}", reason=reason, now=now),
        lambda: calls.join_group(store, project, name, ids=[1, 2, 3], mobiles=[mobile], now=now),
        lambda: calls.leave_group(store, project, name, ids=[2], mobiles=[mobile], now=now),
        lambda: calls.update_group(store, project, name, other, now=now),
        lambda: calls.delete_group(store, project, name, now=now),
        lambda: opt_out(store, project, mobile, now=now, kind=kind),
        lambda: stop(store, project, mobile, f"STOP {name}", now=now),
        lambda: consent_calls.erase_number(store, project, mobile, now=now),
        lambda: done.append(office.bring(rows, chunk_records=2).id),
        lambda: office.undo(done.pop()) if done else None,
        lambda: calls.purge_group(store, project),
    ]
    return rng.choice(one_of)


def read_book(database: str) -> tuple[set[int], dict[int, set[int]]]:
    """The ids of the contacts, and of the members of each group that is not deleted."""
    shown: dict[int, set[int]] = {
        number: set() for (number,) in rows_of(database, "SELECT id FROM contact_group WHERE folded IS NOT NULL")
    }
    for group_id, contact_id in rows_of(database, "SELECT group_id, contact_id FROM membership"):
        if group_id in shown:
            shown[group_id].add(contact_id)
    return {number for (number,) in rows_of(database, "SELECT id FROM contact")}, shown


@pytest.mark.parametrize("seed", range(3))
def test_a_copy_kept_from_events_alone_is_the_book(
    store: Store, database: str, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    copy = Copy()
    monkeypatch.setitem(events.LISTENERS, copy.follow, ALL)
    office = Office(store, database, calls.create_project(store))
    rng, done = random.Random(seed), list[int]()
    for _ in range(120):
        with suppress(DaftariError):
            choose_act(office, rng, done)()
        assert (copy.contacts, copy.groups) == read_book(database)
    known = dict(rows_of(database, "SELECT id, subject_id FROM fact WHERE source <> 'erasure'"))
    assert copy.facts.keys() >= known.keys()
    assert all(subject in copy.facts[number] for number, subject in known.items() if subject > 0)
    named = {
        contact for (contacts,) in rows_of(database, "SELECT contacts FROM journal") for contact in read_ids(contacts)
    }
    assert named >= copy.contacts
    assert broken_in(store, office.project) == []
