"""The undo of what staff wrote down retracts exactly that; all other facts hold as if they had stood alone."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from daftari.errors import ContactNotFound
from daftari.model.consent import Fact, Scope
from daftari.model.inbound import InboundMessage
from daftari.rules.consent import facts, ledger
from daftari.rules.consent.decisions import Question, is_blocked
from daftari.rules.consent.state import State, derive_state
from daftari.rules.contacts import many
from daftari.rules.erasure.erase import erase_number
from daftari.rules.undo.errors import CannotUndo
from daftari.store import Store, Tx, consent
from tests.oracles import consent as model
from tests.support import calls, consent_calls
from tests.support.builders import mobile
from tests.support.calls import NOW, broken_in, create_project
from tests.support.undo import Editor, sit_down

MINUTE = 60_000_000
ORDERS = 1_000
ACTS = ("opt-out", "STOP", "START", "import", "undo")
FIRST = 254_722_000_000


@pytest.fixture
def editor(store: Store) -> Editor:
    """Asha's; contacts 1 to 3 are in Farmers, 1 in Coast too."""
    project = create_project(store)
    calls.create_contacts(store, project, [{"mobile": mobile(number)} for number in range(1, 4)], group="Farmers")
    calls.create_group(store, project, "Coast")
    calls.join_group(store, project, "Coast", ids=[1], mobiles=[])
    return sit_down(store, project)


def hear(editor: Editor, number: int, text: str) -> None:
    """The person's own message."""
    now = editor.tick()
    message = InboundMessage(f"+{mobile(number)}", "sms", "20880", text, f"{text} {now}", now)
    consent_calls.receive_events(editor.store, editor.project, [message], now=now)


def known_of(editor: Editor, mobiles: Sequence[int]) -> dict[int, tuple[list[Fact], State]]:
    def read(tx: Tx) -> dict[int, tuple[list[Fact], State]]:
        facts, states = consent.find_facts(tx, mobiles=mobiles), ledger.find_states(tx, mobiles=mobiles)
        return {number: (facts[number], states[number]) for number in mobiles}

    return editor.store.read(editor.project, editor.now, read)


def is_suppressed(editor: Editor, number: int) -> bool:
    return known_of(editor, [int(mobile(number))])[int(mobile(number))][1].is_suppressed


# ---- opt-outs -------------------------------------------------------------------------------------------


def test_the_undo_of_an_opt_out_is_a_retraction_of_it_and_brings_back_to_the_groups(editor: Editor) -> None:
    seq = editor.say("opt_out", mobile(1), mobile(2), evidence="on the phone")
    assert editor.groups_of(1) == [] and is_suppressed(editor, 1)
    undone = editor.undo(seq)
    assert (undone.retracted, undone.reversed, undone.still_opted_out) == (2, 2, ())
    assert editor.groups_of(1) == ["Coast", "Farmers"] and not is_suppressed(editor, 1)
    facts, _ = known_of(editor, [int(mobile(1))])[int(mobile(1))]
    assert [(fact.kind, fact.source, fact.retracts) for fact in facts] == [
        ("opt_out", "console", None),
        ("retraction", "console", facts[0].id),
    ]
    assert facts[1].user_id == editor.access.user.id
    assert broken_in(editor.store, editor.project) == []


def test_who_said_stop_stays_opted_out_and_the_answer_says_by_which_words(editor: Editor) -> None:
    seq = editor.say("opt_out", mobile(1), mobile(2))
    hear(editor, 1, "STOP")
    at = editor.now
    undone = editor.undo(seq)
    assert [(one.mobile, one.source, one.at) for one in undone.still_opted_out] == [(int(mobile(1)), "inbound", at)]
    assert (undone.retracted, undone.reversed, undone.stayed_out) == (2, 1, 1)
    assert is_suppressed(editor, 1) and editor.groups_of(1) == []
    assert editor.groups_of(2) == ["Farmers"]


def test_an_opt_out_of_another_matter_is_no_reason_that_is_told(editor: Editor) -> None:
    editor.say("opt_out", mobile(1), channel="whatsapp")
    undone = editor.undo(editor.say("opt_out", mobile(1), channel="sms"))
    assert undone.still_opted_out == ()
    other = editor.undo(editor.say("opt_out", mobile(1)))
    assert [one.scope for one in other.still_opted_out] == [Scope("whatsapp")]


def test_an_opt_out_with_the_removal_of_the_contact_is_one_act(editor: Editor) -> None:
    given = facts.read_facts(
        [mobile(1)], common={"source": "console"}, kind="opt_out", writer="console", region="KE", now=editor.now
    )
    editor.write(many.record_and_remove, contact_id=1, given=given, removes=True)
    with pytest.raises(ContactNotFound):
        editor.groups_of(1)
    undone = editor.undo(editor.last())
    assert (undone.retracted, undone.reversed, undone.kept) == (1, 1, 0)
    assert editor.groups_of(1) == ["Coast", "Farmers"] and not is_suppressed(editor, 1)


def test_a_group_that_is_gone_is_not_joined_again(editor: Editor) -> None:
    seq = editor.say("opt_out", mobile(1))
    calls.delete_group(editor.store, editor.project, "Coast")
    assert editor.undo(seq).reversed == 1 and editor.groups_of(1) == ["Farmers"]


def test_both_forms_of_an_argentine_number_are_taken_back(editor: Editor) -> None:
    seq = editor.say("opt_out", "+5491123456789")
    editor.undo(seq)
    for _, state in known_of(editor, [5491123456789, 541123456789]).values():
        assert not state.is_suppressed


def test_what_is_erased_or_retracted_is_left_alone(editor: Editor) -> None:
    seq = editor.say("opt_out", mobile(1), mobile(2))
    editor.write(erase_number, mobile=int(mobile(1)))
    undone = editor.undo(seq)
    assert (undone.retracted, undone.facts_kept) == (1, 1)


# ---- opt-ins --------------------------------------------------------------------------------------------


def test_the_undo_of_a_lift_retracts_the_opt_in_so_that_the_opt_out_holds_again(editor: Editor) -> None:
    editor.say("opt_out", mobile(1))
    seq = editor.say("opt_in", mobile(1), evidence="called us to say so")
    editor.join("Coast", 1)
    assert not is_suppressed(editor, 1)
    undone = editor.undo(seq)
    assert (undone.retracted, undone.still_opted_out) == (1, ())
    assert is_suppressed(editor, 1) and editor.groups_of(1) == []


def test_an_undo_of_a_retraction_is_refused_for_a_fact_is_(editor: Editor) -> None:
    undone = editor.undo(editor.say("opt_out", mobile(1)))
    with pytest.raises(CannotUndo, match="write it down again, or do it again"):
        editor.undo(undone.seq)
    editor.say("opt_out", mobile(1))
    assert is_suppressed(editor, 1)


def test_what_a_key_or_a_person_said_has_no_undo(editor: Editor) -> None:
    consent_calls.record_given(editor.store, editor.project, [mobile(1)], common={}, kind="opt_out", now=NOW)
    with pytest.raises(CannotUndo, match="in the console"):
        editor.undo(editor.last())
    hear(editor, 2, "STOP")
    with pytest.raises(CannotUndo, match="cannot be undone"):
        editor.undo(editor.last())
    own = editor.say("opt_out", mobile(3), source="form")
    assert editor.undo(own).retracted == 0 and is_suppressed(editor, 3)


# ---- in any order ---------------------------------------------------------------------------------------


def test_in_a_thousand_orders_the_state_is_that_of_all_facts_but_the_retracted_one(store: Store) -> None:
    editor = sit_down(store, create_project(store))
    dice = random.Random(1729)
    orders = {FIRST + place: dice.sample(ACTS, len(ACTS)) for place in range(ORDERS)}
    calls.create_contacts(store, editor.project, [{"mobile": f"+{number}"} for number in orders], group="All")
    said: dict[int, list[int]] = {}
    """The acts with opt-outs of the console, by the step at which they are undone."""
    for step in range(len(ACTS)):
        # The clock is set back and forth.
        editor.now = NOW + step * 10 * MINUTE + dice.randint(-30, 30) * MINUTE
        _step(editor, dice, orders, said, step)
    retractions = 0
    for number, (known, state) in known_of(editor, sorted(orders)).items():
        order = orders[number]
        gone = {fact.retracts for fact in known if fact.kind == "retraction"}
        retractions += len(gone)
        is_undone = order.index("undo") > order.index("opt-out")
        assert gone == (
            {fact.id for fact in known if fact.source == "console" and fact.kind == "opt_out"} if is_undone else set()
        )
        standing = [fact for fact in known if fact.kind != "retraction" and fact.id not in gone]
        assert len(standing) >= 3
        assert state == derive_state(standing), order
        assert state.is_suppressed == model.is_suppressed(standing)
        assert model.blocked_cells(standing, ["20880", model.UNNAMED]) == {
            cell
            for cell in model.cells_of(["20880", model.UNNAMED])
            if is_blocked(state, Question(cell.channel, cell.sender, cell.purpose))
        }, order
    assert retractions > ORDERS / 4
    assert broken_in(store, editor.project) == []


def _step(
    editor: Editor, dice: random.Random, orders: dict[int, list[str]], said: dict[int, list[int]], step: int
) -> None:
    doing: dict[str, list[int]] = {act: [] for act in ACTS}
    for number, order in orders.items():
        doing[order[step]].append(number)
    by_undo: dict[int, list[int]] = {}
    for number in doing["opt-out"]:
        by_undo.setdefault(orders[number].index("undo"), []).append(number)
    for undone_at, numbers in by_undo.items():
        at = dice.choice([{}, {"at": (editor.now - 3 * MINUTE) // 1_000_000}])
        seq = editor.say("opt_out", *(f"+{number}" for number in numbers), **at)
        if undone_at > step:
            said.setdefault(undone_at, []).append(seq)
    heard = [(number, word) for word in ("STOP", "START") for number in doing[word]]
    for first in range(0, len(heard), 100):
        events = [
            InboundMessage(f"+{number}", "sms", "20880", word, f"{word} {number}", dice.choice([None, editor.now]))
            for number, word in heard[first : first + 100]
        ]
        consent_calls.receive_events(editor.store, editor.project, events, now=editor.now)
    for kind in ("opt_outs", "opt_ins"):
        rows = [(f"+{number}", "") for number in doing["import"] if (number % 2 == 0) == (kind == "opt_ins")]
        common = {"override": True, "evidence": "signatures"} if kind == "opt_ins" else {}
        brought = consent_calls.begin_list(editor.store, editor.project, rows, kind=kind, common=common, now=editor.now)
        consent_calls.apply_list(editor.store, editor.project, brought, now=editor.now)
    for seq in said.get(step, ()):
        editor.undo(seq)
