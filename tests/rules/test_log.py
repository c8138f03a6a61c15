"""The log: every search finds what a look at all acts finds, whatever index it goes by, and shows nothing of others."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daftari.model.limits import ID_MAX
from daftari.model.projects import Actor, Project
from daftari.rules import events
from daftari.rules.access import members, project_keys
from daftari.rules.access.roles import UNDOING, Act
from daftari.rules.access.tokens import write_token
from daftari.rules.access.users import NewRole
from daftari.rules.bulk.jobs import BulkSettings, actor_of, start_bulk, step_bulk
from daftari.rules.contacts import many
from daftari.rules.erasure import erase
from daftari.rules.events import Action
from daftari.rules.log import reading
from daftari.rules.log.kinds import ACTIONS, FREQUENT, KINDS
from daftari.rules.log.reading import SHOWN, Entry, Log, Sought, list_authors, list_log
from daftari.rules.log.subject import Subject, find_subject
from daftari.rules.senders.lifecycle import create_sender, read_sender
from daftari.store import Store, journal
from daftari.store.queries import load_queries
from tests.support import calls, consent_calls
from tests.support.stores import NOW
from tests.support.undo import Editor, sit_down
from tests.support.users import Office, new

DAY = 86_400_000_000
MINUTE = 60_000_000
API = Actor(41, "5c0000000001")
STOP = Actor(None, "5c0000000002")


@pytest.fixture
def book(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def editor(store: Store, book: Project) -> Editor:
    return sit_down(store, book)


def read(store: Store, book: Project, before: int = 0, *, now: int = NOW, **sought: Any) -> Log:
    return store.read(book, now, list_log, sought=Sought(**sought), before=before)


def seqs(found: Log) -> list[int]:
    return [entry.seq for entry in found.entries]


def about(store: Store, book: Project, text: str) -> Subject:
    return store.read(book, NOW, find_subject, text=text)


def find(store: Store, book: Project, text: str) -> list[int]:
    subject = about(store, book, text)
    return [] if subject.is_nothing else seqs(read(store, book, subject=subject))


def newest(store: Store, book: Project) -> Entry:
    return read(store, book).entries[0]


def write(store: Store, book: Project, actor: Actor, *actions: Action, now: int = NOW) -> None:
    for action in actions:
        store.write(book, actor, now, events.record, action)


# ---- searches -------------------------------------------------------------------------------------------


def test_every_act_is_of_one_kind_and_the_index_has_those_of_the_rare_kinds() -> None:
    listed = [action for kind in KINDS for action in ACTIONS[kind]]
    assert sorted(listed) == sorted(Action)
    frequent = {action.value for kind in FREQUENT for action in ACTIONS[kind]}
    schema = files("daftari.store").joinpath("migrations", "0001_schema.sql").read_text()
    for text in (
        schema.partition("CREATE INDEX journal_action")[2].partition(";")[0],
        load_queries("sqlite")["list_newest_journal_of_action"].text,
    ):
        assert set(re.findall(r"'(\w+)'", text)) == frequent


def test_acts_are_shown_newest_first_a_page_at_a_time(store: Store, book: Project) -> None:
    write(store, book, API, *[Action.CREATE_EVENTS] * (2 * SHOWN + 10))
    first = read(store, book)
    newer = seqs(first)
    assert len(newer) == SHOWN and newer == sorted(newer, reverse=True)
    second = read(store, book, first.earlier or 0)
    third = read(store, book, second.earlier or 0)
    assert newer + seqs(second) + seqs(third) == list(range(newer[0], 0, -1))
    assert third.earlier is None


def test_each_search_finds_what_a_look_at_all_acts_finds(
    store: Store, book: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    actors = (API, STOP, Actor(42, "r"), Actor(None, "form", 1), Actor(None, "form", 2), Actor(None, "user add"))
    rare = [Action.CREATE_KEY, Action.ERASE_NUMBER, Action.CREATE_GROUP, Action.DELETE_GROUP, Action.UNDO]
    actions = [*rare, Action.CREATE_CONTACTS, Action.RECEIVE_INBOUND]
    first = NOW - NOW % DAY
    for place in range(120):
        at = first + place * DAY // 40 - place % 3 * MINUTE // 2
        write(store, book, actors[place % 6], actions[place % 7], now=at)
    rows = store.read(book, NOW, journal.list_newest_journal, after=0, before=ID_MAX, limit=500)

    @given(
        user_id=st.sampled_from([None, None, 1, 2, 99]),
        key_id=st.sampled_from([None, None, None, 41, 42]),
        kind=st.sampled_from([None, *KINDS]),
        day=st.sampled_from([None, None, -1, 0, 1, 2, 3]),
        scanned=st.sampled_from([7, 10_000]),
    )
    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    def check(**wanted: Any) -> None:
        day, scanned = wanted.pop("day"), wanted.pop("scanned")
        monkeypatch.setattr(reading, "SCANNED_MAX", scanned)
        sought = Sought(**wanted, span=None if day is None else (first + day * DAY, first + (day + 1) * DAY))
        found: list[int] = []
        before = 0
        for _ in range(100):
            log = store.read(book, NOW, list_log, sought=sought, before=before)
            found += seqs(log)
            if log.earlier is None:
                break
            assert log.scanned <= scanned
            before = log.earlier
        assert found == [row.seq for row in rows if sought.fits(row)]

    check()


def test_a_number_finds_what_was_done_said_and_removed_also_under_an_earlier_contact(
    store: Store, book: Project, editor: Editor
) -> None:
    calls.create_contacts(store, book, [{"mobile": "0722000001"}, {"mobile": "0722000002"}])
    made = newest(store, book).seq
    changed = editor.update("1", {"mobile": "0722000003"})
    removed = editor.remove(2)
    stopped = editor.say("opt_out", "0722000002")
    again = editor.create({"mobile": "0722000001"})
    assert find(store, book, "0722 000 001") == [again, changed, made]
    assert find(store, book, "+254722000003") == [changed, made]
    assert find(store, book, "0722000002") == [stopped, removed, made]
    assert find(store, book, "2") == [removed, made]
    assert about(store, book, "0722999999").is_nothing


def test_a_delete_by_a_program_is_found_by_the_number(store: Store, book: Project) -> None:
    calls.create_contacts(store, book, [{"mobile": "0722000001"}])
    store.write(book, API, NOW, many.remove_contacts, ids=[1])
    deleted = newest(store, book)
    assert deleted.seq in find(store, book, "0722000001")
    assert (deleted.contacts, deleted.cards, deleted.mobiles) == (1, [], [254722000001])


def test_a_name_finds_contacts_and_a_group(store: Store, book: Project, editor: Editor) -> None:
    editor.create({"mobile": "0722000001", "fname": "Wanjiku"}, group="Farmers")
    joined = editor.last()
    calls.create_group(store, book, "Wanjiku")
    group = newest(store, book).seq
    assert find(store, book, "wanjiku") == [group, joined]
    assert find(store, book, " FARMERS ") == [joined]
    assert about(store, book, "!?").is_nothing
    calls.create_contacts(store, book, [{"mobile": f"07330000{n:02}", "fname": "Otieno"} for n in range(11)])
    assert about(store, book, "otieno").is_cut


def test_who_was_erased_is_found_no_more(store: Store, book: Project, editor: Editor) -> None:
    editor.create({"mobile": "0722000001", "fname": "Wanjiku"})
    editor.update("1", {"fname": "Wanjiru"})
    editor.say("opt_out", "0722000001")
    editor.write(erase.erase_number, mobile=254722000001)
    assert about(store, book, "0722000001").is_nothing
    assert about(store, book, "wanjiru").is_nothing
    erased = newest(store, book)
    assert (erased.action, erased.contacts, erased.cards, erased.fact_of) == ("erase_number", 0, [], None)


# ---- what is shown --------------------------------------------------------------------------------------


def test_names_are_those_of_now_and_former_ones_say_so(store: Store, book: Project, editor: Editor) -> None:
    office = Office(store)
    owner = office.join("Owner", book, "owner")
    by = {"signed_in": owner, "project_id": book.id, "request_id": "r1"}
    key = office.write(project_keys.create_project_key, **by, label="crm", kind="write", expires_at=None)[1]
    made = newest(store, book)
    assert (made.user and made.user.name, made.about_key and made.about_key.name) == ("Owner", "crm")
    write(store, book, Actor(key.id, "5c00"), Action.CREATE_EVENTS)
    shown = newest(store, book)
    assert (shown.source, shown.key and (shown.key.name, shown.key.former)) == ("key", ("crm", False))
    office.write(project_keys.revoke_project_key, **by, start=key.start)
    assert read(store, book).entries[1].key == reading.NamedKey(key.id, "crm", True)
    editor.create({"mobile": "0722000001"})
    acted = newest(store, book)
    assert acted.user is not None and not acted.user.former
    office.write(members.remove_member, **by, user_id=acted.user.id)
    former = read(store, book, acted.seq + 1).entries[0].user
    assert former is not None and (former.name, former.former) == ("Asha", True)
    assert [one.name for one in store.read(book, NOW, list_authors).users] == ["Owner"]


def test_nothing_of_another_project_is_told(store: Store, book: Project, editor: Editor) -> None:
    other = calls.create_project(store, "Kalro")
    office = Office(store)
    kai = office.join("Kai", other, "owner")
    office.write(
        members.add_member,
        signed_in=kai,
        project_id=other.id,
        given=new("Someone"),
        role=NewRole("editor"),
        request_id="r",
    )
    office.write(
        project_keys.create_project_key,
        signed_in=kai,
        project_id=other.id,
        label="theirs",
        kind="read",
        expires_at=None,
        request_id="r",
    )
    authors = store.read(book, NOW, list_authors)
    assert [user.name for user in authors.users] == ["Asha"] and "theirs" not in [key.name for key in authors.keys]
    assert read(store, book, user_id=kai.user.id).entries == []


def test_the_author_is_a_command_a_worker_an_import_or_what_came_in(store: Store, book: Project) -> None:
    for request_id, source in (
        ("user add", "command"),
        ("opt-out", "command"),
        ("worker", "worker"),
        ("import-7", "import"),
        ("8f3c00aa1b2c00000001", "inbound"),
    ):
        write(store, book, Actor(None, request_id), Action.CREATE_EVENTS)
        assert newest(store, book).source == source
    assert newest(store, book).file is None
    assert read(store, book).entries[1].file == reading.NamedFile(7, None)


def test_an_undo_is_offered_once_and_says_by_which_number_it_was_undone(
    store: Store, book: Project, editor: Editor
) -> None:
    seq = editor.create({"mobile": "0722000001"}, group="Farmers")
    made = newest(store, book)
    assert (made.undoing, made.undone_by) == (UNDOING[Action.CREATE_CONTACTS], None)
    assert (made.group and made.group.name, [card.id for card in made.cards]) == ("Farmers", [1])
    undone = editor.undo(seq)
    undo, before = read(store, book).entries[:2]
    assert (before.undoing, before.undone_by, undo.detail.undoes) == (None, undone.seq, seq)
    assert undo.undoing == UNDOING[Action.CREATE_CONTACTS]
    calls.create_contacts(store, book, [{"mobile": "0722000009"}])
    assert newest(store, book).undoing is None, "a program's act"
    later = read(store, book, now=NOW + 91 * DAY)
    assert [entry.undoing for entry in later.entries] == [None] * len(later.entries)


def test_a_job_and_its_parts_lead_to_it_and_its_undo_is_offered_at_its_start(
    store: Store, book: Project, editor: Editor
) -> None:
    calls.create_contacts(store, book, [{"mobile": f"07220000{number:02}"} for number in range(5)])
    chosen = BulkSettings("join", group="VIP")
    job = editor.write(start_bulk, access=editor.access, settings=chosen, ids=[1, 2, 3, 4, 5], expected=5)
    start = newest(store, book)
    assert (start.job, start.detail.contacts, start.undoing) == (job.id, 5, Act.CHANGE_GROUPS)
    store.write(book, actor_of(job), NOW, step_bulk, bulk_id=job.id)
    part = newest(store, book)
    assert (part.action, part.job, part.contacts, part.user) == ("join_group", job.id, 5, start.user)


def test_what_was_set_up_is_named_as_it_is_called_now(store: Store, book: Project) -> None:
    made = read_sender({"name": "DUKA", "gateway": "log", "channel": "sms"}, before=None)
    store.write(book, API, NOW, create_sender, given=made, token=write_token())
    first = newest(store, book)
    assert first.thing is not None
    assert (first.action, first.thing.kind, first.thing.name) == ("create_sender", "sender", "DUKA")
    for kind in ("campaign", "trigger", "webhook", "connection"):
        store.write(book, API, NOW, events.record, Action.UPDATE_WEBHOOK, detail={kind: 987})
        assert newest(store, book).thing == reading.NamedThing(kind, 987, None)


def test_one_fact_is_shown_and_many_are_counted(store: Store, book: Project, editor: Editor) -> None:
    editor.create({"mobile": "0722000001"}, group="Farmers")
    editor.say("opt_out", "0722000001")
    one = newest(store, book)
    assert (one.facts, one.fact and one.fact.kind, one.fact_of) == (1, "opt_out", 254722000001)
    assert [(group.name, count) for group, count in one.left] == [("Farmers", 1)]
    consent_calls.record_given(
        store, book, ["0733000001", "0733000002"], common={"source": "api"}, kind="opt_out", now=NOW
    )
    many_facts = newest(store, book)
    assert (many_facts.facts, many_facts.fact, many_facts.contacts) == (2, None, 0)


def test_a_deleted_group_keeps_its_name_and_leads_nowhere(store: Store, book: Project, editor: Editor) -> None:
    editor.create({"mobile": "0722000001"}, group="Farmers")
    calls.delete_group(store, book, "Farmers")
    group = newest(store, book).group
    assert group is not None and (group.name, group.is_there) == ("Farmers", False)


def test_a_call_of_10_000_contacts_costs_the_log_no_names(store: Store, book: Project) -> None:
    given_ = [{"mobile": 254_722_000_000 + number} for number in range(1_000)]
    calls.create_contacts(store, book, given_)
    entry = newest(store, book)
    assert (entry.contacts, entry.cards) == (1_000, [])
