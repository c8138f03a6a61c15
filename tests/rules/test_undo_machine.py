"""Acts of users, programs and people in any order, some of them undone in any order: the book is always whole.

Undone from the last to the first, with nothing in between, they leave the book as it was.
"""

from __future__ import annotations

import itertools
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daftari.errors import DaftariError
from daftari.model.inbound import InboundMessage
from daftari.rules.consent import ledger
from daftari.store import Store
from tests.support import calls, consent_calls
from tests.support.builders import mobile
from tests.support.calls import broken_in, create_project
from tests.support.undo import Editor, json_of, sit_down

PEOPLE, GROUPS = 4, ("Farmers", "Coast", "Voi")
_projects = itertools.count(1)

people = st.lists(st.integers(1, PEOPLE + 2), min_size=1, max_size=3, unique=True)
group = st.sampled_from(GROUPS)
numbers = st.integers(1, PEOPLE + 2)
cities = st.sampled_from(["Voi", "Lamu", None])

ACTS = st.one_of(
    st.tuples(st.just("create"), numbers, group),
    st.tuples(st.just("update"), numbers, cities),
    st.tuples(st.just("renumber"), numbers, numbers),
    st.tuples(st.just("move_one"), numbers, group),
    st.tuples(st.just("remove"), people, st.none()),
    st.tuples(st.just("add"), people, group),
    st.tuples(st.just("move"), people, group),
    st.tuples(st.just("leave"), people, group),
    st.tuples(st.just("merge"), group, group),
    st.tuples(st.just("rename"), group, group),
    st.tuples(st.just("delete_group"), group, st.none()),
    st.tuples(st.just("opt_out"), people, st.none()),
)
OTHERS = st.one_of(
    st.tuples(st.just("stop"), numbers, st.none()),
    st.tuples(st.just("program_update"), numbers, cities),
    st.tuples(st.just("program_delete"), numbers, st.none()),
    st.tuples(st.just("program_join"), people, group),
)
UNDOS = st.tuples(st.just("undo"), st.integers(0, 50), st.none())


def begin(store: Store) -> Editor:
    project = create_project(store, f"Project {next(_projects)}")
    given_contacts = [{"mobile": mobile(number)} for number in range(1, PEOPLE + 1)]
    calls.create_contacts(store, project, given_contacts, group="Farmers")
    calls.create_group(store, project, "Coast")
    return sit_down(store, project, f"Asha{project.id}")


def act(editor: Editor, name: str, first: object, second: object) -> int | None:
    """What a user does; its number in the log, or ``None`` where nothing was done."""
    before = editor.last()
    with suppress(DaftariError):
        _act(editor, name, first, second)
    last = editor.last()
    return last if last > before else None


def _act(editor: Editor, name: str, first: object, second: object) -> None:
    ids = first if isinstance(first, list) else [first]
    store, project, group = editor.store, editor.project, str(second)
    match name:
        case "create":
            editor.create({"mobile": mobile(int(str(first))), "city": "Nairobi"}, group=group)
        case "update":
            editor.update(str(first), {"city": second})
        case "renumber":
            editor.update(str(first), {"mobile": mobile(int(str(second)))})
        case "move_one":
            editor.update(str(first), None, group=group, move=True)
        case "remove":
            editor.remove(*ids)
        case "add":
            editor.add(group, *ids)
        case "move":
            editor.move(group, *ids)
        case "leave":
            editor.leave(group, *ids)
        case "merge":
            editor.merge(str(first), group)
        case "rename":
            calls.update_group(store, project, str(first), group, actor=editor.actor, now=editor.tick())
        case "delete_group":
            calls.delete_group(store, project, str(first), actor=editor.actor, now=editor.tick())
        case "opt_out":
            editor.say("opt_out", *(mobile(number) for number in ids))
        case "stop":
            message = InboundMessage(
                f"+{mobile(int(str(first)))}", "sms", "20880", "STOP", f"{editor.now}", editor.tick()
            )
            consent_calls.receive_events(store, project, [message], now=editor.now)
        case "program_update":
            calls.update_contact(store, project, str(first), {"city": second}, now=editor.tick())
        case "program_delete":
            calls.delete_contact(store, project, str(first), reason="removal", now=editor.tick())
        case "program_join":
            calls.join_group(store, project, group, ids=ids, mobiles=[], now=editor.tick())
        case _:
            raise AssertionError(name)


def state_of(editor: Editor) -> tuple[dict[int, tuple[str, list[str], object]], dict[str, int]]:
    """Every contact's card, groups and consent; and the groups with their counts."""
    store, project = editor.store, editor.project
    page = calls.list_contacts(store, project, suppressed=True)
    found = {}
    for card in json_of(f"[{page.cards.decode()}]"):
        states = store.read(project, editor.now, ledger.find_states, mobiles=[int(card["mobile"])])
        is_suppressed = any(state.is_suppressed for state in states.values())
        found[card["id"]] = (str(card), editor.groups_of(card["id"]), is_suppressed)
    return found, {one.name: one.contacts for one in calls.list_groups(store, project)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(ACTS, min_size=1, max_size=8))
def test_acts_that_are_undone_from_the_last_to_the_first_leave_the_book_as_it_was(
    store: Store, acts: list[tuple[str, object, object]]
) -> None:
    editor = begin(store)
    states = [state_of(editor)]
    done: list[int] = []
    for name, first, second in acts:
        seq = act(editor, name, first, second)
        if seq is not None:
            done.append(seq)
            states.append(state_of(editor))
    for seq in reversed(done):
        assert states.pop() == state_of(editor)
        undone = editor.undo(seq)
        assert (undone.kept, undone.groups_kept, undone.stayed_out) == (0, 0, 0)
    assert state_of(editor) == states.pop()
    assert broken_in(store, editor.project) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.one_of(ACTS, OTHERS, UNDOS), min_size=3, max_size=14))
def test_whatever_is_undone_when_the_book_is_whole_and_consent_holds(
    store: Store, acts: list[tuple[str, object, object]]
) -> None:
    editor = begin(store)
    done: list[int] = []
    for name, first, second in acts:
        if name != "undo":
            seq = act(editor, name, first, second)
        elif done:
            seq = editor.undo(done.pop(int(str(first)) % len(done))).seq
        else:
            continue
        if seq is not None and editor.can_undo(seq):
            done.append(seq)
        contacts, _ = state_of(editor)
        assert all(not groups for _, groups, is_suppressed in contacts.values() if is_suppressed)
    assert broken_in(store, editor.project) == []
